/*
 * libFuzzer on Sieve: the input is a script; what compiles is run twice over
 * one message, with every string of it hostile enough.  Also checks what holds
 * of every plan.
 *
 * Lines that begin with "#=== " divide the input: behind "#=== message" stands
 * the message (else there is one of ours), behind "#=== NAME" a script that can
 * be included by that name.
 */
#include "charset.h"
#include "rules/sieve.h"
#include "utf8.h"

#include <string.h>

#define SECTION      "#=== "
#define SECTIONS_MAX 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char default_message[] =
	"Received: from a by b; Mon, 23 Nov 2026 05:58:00 +0100\n"
	"Subject: [x] Gr\xc3\xbc\xc3\x9f"
	"e * a? \\ ${1}\n"
	"Date: 23 Nov 26 05:58 EST (x)\n"
	"X-Odd: ,\"a(b\" <c@d>;(,:@\n"
	"X-Spam-Score: 4.2 / 5\n"
	"X-Virus: found\n"
	"Empty:\n"
	"From: A <a+b@c.example>\n"
	"\n"
	"aaaaaaaa\n"
	"<p>&#x41;<b\xff";

struct section {
	char *name; /* "" of the main script */
	char *text;
	size_t len;
	struct sieve_script *script; /* compiled when it is asked for */
	bool is_faulty;
};

struct input {
	struct section sections[SECTIONS_MAX];
	size_t count;
};

/* ---- the parts of the input ---- */

static const char *find_section(const char *from, const char *end)
{
	for (const char *at = from; at && at < end;) {
		if ((size_t)(end - at) >= strlen(SECTION) &&
		    memcmp(at, SECTION, strlen(SECTION)) == 0)
			return at;
		at = memchr(at, '\n', (size_t)(end - at));
		if (at)
			at++;
	}
	return end;
}

/* Copies of their own, of exactly that length: reads beyond are found. */
static void divide(struct input *input, const char *text, size_t size)
{
	const char *end = text + size;
	const char *at = text;
	char *name = g_strdup("");

	for (;;) {
		const char *next = input->count + 1 < SECTIONS_MAX
					   ? find_section(at, end)
					   : end;
		struct section *section = &input->sections[input->count++];
		const char *line;

		section->name = name;
		section->len = (size_t)(next - at);
		section->text = g_memdup2(at, section->len);
		if (next == end)
			return;
		next += strlen(SECTION);
		line = memchr(next, '\n', (size_t)(end - next));
		name = g_strndup(next, (gsize)((line ? line : end) - next));
		at = line ? line + 1 : end;
	}
}

static struct section *find(struct input *input, const char *name)
{
	for (size_t i = 1; i < input->count; i++)
		if (strcmp(input->sections[i].name, name) == 0)
			return &input->sections[i];
	return NULL;
}

static void clear(struct input *input)
{
	for (size_t i = 0; i < input->count; i++) {
		sieve_script_free(input->sections[i].script);
		g_free(input->sections[i].name);
		g_free(input->sections[i].text);
	}
}

/* ---- the message ---- */

static void add_field(struct propset *set, const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len);
	g_autofree char *name = NULL;
	g_autofree char *value = NULL;
	struct header_field *field;

	if (!colon || colon == line)
		return;
	name = g_strchomp(g_strndup(line, (gsize)(colon - line)));
	value = utf8_make_valid(colon + 1, (size_t)(line + len - colon - 1));
	g_strstrip(value);
	field = propset_add_header(set, name, value);
	if (g_ascii_strcasecmp(name, "From") == 0 ||
	    g_ascii_strcasecmp(name, "To") == 0)
		header_field_add_address(field, "A", value, NULL);
}

/* Its body is its header, too. */
static void add_part(struct propset *set, unsigned depth, const char *type,
		     const char *data, size_t len)
{
	g_autofree char *text = utf8_make_valid(data, len);
	const struct mime_part part = {
		.type = g_strdup(type),
		.depth = depth,
		.is_text = g_str_has_prefix(type, "text/"),
		.content = g_bytes_new(data, len),
		.epilogue = depth ? NULL : g_bytes_new(data, len),
		.header = depth ? propset_new() : NULL,
	};

	if (depth) {
		(void)propset_add_header(part.header, "Content-Type", text);
		add_field(part.header, data, len);
	}
	propset_add_part(set, &part);
}

/* What the helper makes of a message, roughly. */
static struct propset *message_set(const char *raw, size_t len)
{
	struct propset *set = propset_new();
	struct propset *child = propset_new();
	const char *end = raw + len;
	const char *at = raw;

	while (at < end && *at != '\n') {
		const char *line = memchr(at, '\n', (size_t)(end - at));

		line = line ? line : end;
		add_field(set, at, (size_t)(line - at));
		at = line < end ? line + 1 : end;
	}
	at += at < end;
	propset_set_text(set, PR_SUBJECT, "aaaaaaaaaaaaaaaaaaaaaaaaaaab");
	propset_set_text_len(set, PR_BODY, at, (size_t)(end - at));
	propset_set_binary_copy(set, PR_HTML, at, (size_t)(end - at));
	add_part(set, 0, "multipart/mixed", at, (size_t)(end - at));
	add_part(set, 1, "text/html", at, (size_t)(end - at));
	add_part(set, 2, "text/plain", at, (size_t)(end - at));
	add_part(set, 1, "message/rfc822", at, (size_t)(end - at));
	propset_set_number(set, PR_IMPORTANCE, 2);
	propset_set_bool(set, PR_HASATTACH, true);
	propset_set_number(set, PR_CLIENT_SUBMIT_TIME, INT64_MAX);
	propset_set_text(child, PR_ATTACH_MIME_TAG, "text/x");
	propset_set_binary_copy(child, PR_ATTACH_DATA_BIN, "\0a\0", 3);
	(void)propset_add_attachment(set, child);
	return set;
}

static bool mailbox_exists(void *context, const char *name,
			   const char *special_use)
{
	(void)context;
	return name && special_use ? strcmp(name, special_use) == 0 : true;
}

static bool is_known(void *context, const char *key)
{
	(void)context;
	return key[0] < '8';
}

static char *find_text(void *context, enum sieve_location location,
		       const char *name, size_t *ret_len)
{
	const struct section *section = find(context, name);

	(void)location;
	if (!section)
		return NULL;
	*ret_len = section->len;
	return g_memdup2(section->len ? section->text : "",
			 MAX(section->len, 1));
}

static char *decode(void *context, const char *charset, const char *octets,
		    size_t len, struct fault *fault)
{
	(void)context;
	(void)fault;
	return charset_decode(charset, octets, len);
}

static const struct sieve_script *find_script(void *context,
					      enum sieve_location location,
					      const char *name,
					      struct fault *fault)
{
	struct section *section = find(context, name);

	(void)location;
	if (!section)
		return NULL;
	if (!section->script && !section->is_faulty)
		section->script =
			sieve_compile(name, section->len ? section->text : "",
				      section->len, NULL, fault);
	section->is_faulty = !section->script;
	if (section->is_faulty)
		(void)fault_set(fault, FAULT_REFUSED_INPUT, "faulty");
	return section->script;
}

/* ---- what holds of all ---- */

/* What is quoted may hold blanks, nothing may end a line. */
static void check_address(const char *address)
{
	const char *at = strrchr(address, '@');

	g_assert(at && !strpbrk(address, "\r\n"));
	g_assert(*address == '"' || !strpbrk(address, " <>"));
	g_assert(!strpbrk(at, " <>,"));
}

static void check_plan(const struct sieve_plan *plan, GBytes *message)
{
	size_t redirects = 0;

	g_assert(plan->actions->len <= SIEVE_ACTIONS_MAX + 1);
	for (guint i = 0; i < plan->actions->len; i++) {
		const struct sieve_action *action = plan->actions->pdata[i];

		redirects += action->kind == SIEVE_REDIRECT;
		if (action->kind == SIEVE_FORWARD)
			redirects += action->letter->addresses->len;
		if (action->kind == SIEVE_FILEINTO)
			g_assert(*action->argument &&
				 g_utf8_validate(action->argument, -1, NULL));
		if (action->kind == SIEVE_REDIRECT)
			check_address(action->argument);
		if (action->edit)
			g_bytes_unref(sieve_edit_apply(action->edit, message));
	}
	g_assert(redirects <= SIEVE_REDIRECTS_MAX);
	/* Nothing but an action may cancel the keep. */
	g_assert(plan->implicit_keep || plan->actions->len > 0);
}

static void check_errors(const char *text, size_t size, const GArray *errors)
{
	g_assert(errors->len > 0 && errors->len <= SIEVE_ERRORS_MAX);
	for (guint i = 0; i < errors->len; i++) {
		const struct sieve_error *error =
			&g_array_index(errors, struct sieve_error, i);
		g_autofree char *shown = sieve_error_show(text, size, error);

		g_assert(error->line > 0 && error->column > 0 && *error->text);
		g_assert(g_utf8_validate(error->text, -1, NULL));
		g_assert(strchr(shown, '^'));
	}
}

static void evaluate(struct input *input, const struct sieve_script *script,
		     const struct sieve_settings *settings)
{
	const struct section *mail = find(input, "message");
	g_autoptr(GBytes) bytes =
		mail ? g_bytes_new(mail->text, mail->len)
		     : g_bytes_new_static(default_message,
					  sizeof(default_message) - 1);
	gsize len = 0;
	const char *raw = g_bytes_get_data(bytes, &len);
	AUTO(propset) set = message_set(raw ? raw : "", len);
	AUTO(sieve_plan) plan = NULL;
	const struct sieve_rule rules[] = {{script, 0},
					   {script, SIEVE_OF_SITE}};
	const struct sieve_message message = {
		.set = set,
		.size = (int64_t)len,
		.envelope_from = "",
		.envelope_to = "a+b@c",
		.envelope_detail = "b",
		.dsn_notify = "SUCCESS,FAILURE",
		.dsn_orcpt = "rfc822;info@example.org",
		.now = INT64_C(1795413480) * USEC_PER_SEC,
		.raw = raw ? raw : "",
		.raw_len = len,
		.mailbox_exists = mailbox_exists,
		.is_known = is_known,
		.find_script = find_script,
		.decode = decode,
		.mailbox_context = input,
		.settings = settings,
	};

	plan = sieve_evaluate(rules, G_N_ELEMENTS(rules), &message, NULL, NULL);
	check_plan(plan, bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *no_delete[] = {(char[]){"X-Fixed"}, NULL};
	const struct sieve_settings settings = {
		.spam = {.header = "X-Spam-Score: (-?[0-9.]+) /",
			 .max_header = "X-Spam-Score: / ([0-9.]+)"},
		.virus = {.header = "X-Virus",
			  .type = SIEVE_SCORE_TEXT,
			  .texts = {[1] = (char[]){"clean"},
				    [5] = (char[]){"found"}}},
		.no_delete = no_delete,
	};
	struct input input = {0};
	const struct sieve_compile_options options = {
		.settings = &settings,
		.find_text = find_text,
		.find_context = &input,
	};
	g_autoptr(GArray) errors =
		g_array_new(FALSE, FALSE, sizeof(struct sieve_error));
	struct section *first = &input.sections[0];

	divide(&input, (const char *)data, size);
	first->script = sieve_compile_all("fuzz", size ? first->text : "",
					  first->len, &options, errors);
	if (first->script)
		evaluate(&input, first->script, &settings);
	else
		check_errors(first->text ? first->text : "", first->len,
			     errors);
	clear(&input);
	return 0;
}
