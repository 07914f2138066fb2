/*
 * libFuzzer on Sieve: the input is a script; what compiles is run on one
 * message, with every string of it hostile enough.  Also checks what holds of
 * every plan.
 */
#include "rules/sieve.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct propset *message_set(void)
{
	struct propset *set = propset_new();
	struct propset *child = propset_new();
	struct header_field *field;

	(void)propset_add_header(
		set, "Received",
		"from a by b; Mon, 23 Nov 2026 05:58:00 +0100");
	(void)propset_add_header(set, "Subject",
				 "[x] Gr\xc3\xbc\xc3\x9f"
				 "e * a? \\ ${1}");
	(void)propset_add_header(set, "Date", "23 Nov 26 05:58 EST (x)");
	(void)propset_add_header(set, "X-Odd", ",\"a(b\" <c@d>;(,:@");
	(void)propset_add_header(set, "Empty", "");
	field = propset_add_header(set, "From", "A <a+b@c.example>");
	header_field_add_address(field, "A", "a+b@c.example", NULL);
	propset_set_text(set, PR_SUBJECT, "aaaaaaaaaaaaaaaaaaaaaaaaaaab");
	propset_set_text(set, PR_BODY, "aaaaaaaa\r\nb");
	propset_set_binary_copy(set, PR_HTML, "<p>&#x41;<b\xff", 11);
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

static void check_plan(const struct sieve_plan *plan)
{
	size_t redirects = 0;

	g_assert(plan->actions->len <= SIEVE_ACTIONS_MAX + 1);
	for (guint i = 0; i < plan->actions->len; i++) {
		const struct sieve_action *action = plan->actions->pdata[i];

		redirects += action->kind == SIEVE_REDIRECT;
		if (action->kind == SIEVE_FILEINTO)
			g_assert(*action->argument &&
				 g_utf8_validate(action->argument, -1, NULL));
		if (action->kind == SIEVE_REDIRECT)
			g_assert(strchr(action->argument, '@') &&
				 !strpbrk(action->argument, "\r\n <>"));
	}
	g_assert(redirects <= SIEVE_REDIRECTS_MAX);
	/* Nothing but an action may cancel the keep. */
	g_assert(plan->implicit_keep || plan->actions->len > 0);
}

static void check_error(const char *text, size_t size,
			const struct sieve_error *error)
{
	g_autofree char *shown = sieve_error_show(text, size, error);

	g_assert(error->line > 0 && error->column > 0 && *error->text);
	g_assert(strchr(shown, '^'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct sieve_error error = {0};
	struct fault fault = {0};
	AUTO(sieve_script) script = NULL;
	AUTO(propset) set = NULL;
	AUTO(sieve_plan) plan = NULL;
	struct sieve_rule rules[2] = {0};
	struct sieve_message message = {
		.size = 1000,
		.envelope_from = "",
		.envelope_to = "a+b@c",
		.now = INT64_C(1795413480) * USEC_PER_SEC,
		.raw = "A: b\n\nc",
		.raw_len = 7,
		.mailbox_exists = mailbox_exists,
	};

	script = sieve_compile("fuzz", size ? text : "", size, &error, &fault);
	if (!script) {
		check_error(text, size, &error);
		return 0;
	}
	set = message_set();
	message.set = set;
	rules[0].script = rules[1].script = script;
	plan = sieve_evaluate(rules, 2, &message, NULL, NULL);
	check_plan(plan);
	return 0;
}
