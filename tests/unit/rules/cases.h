/*
 * Named cases for the Sieve tests: scripts and header fields in, the plan (or
 * the error) as one line of text out.
 *
 * The line: actions divided by "; ", then "+keep" if the implicit keep is
 * still to be done, "stop" if the scripts were stopped.  A script that does
 * not compile: "error LINE:COLUMN: TEXT".  One that fails while running is
 * told before: "failed NAME LINE:COLUMN: TEXT".
 */
#ifndef OKAPI_TESTS_RULES_CASES_H
#define OKAPI_TESTS_RULES_CASES_H

#include "charset.h"
#include "rules/address.h"
#include "rules/sieve.h"

#include <criterion/criterion.h>
#include <string.h>

struct sieve_case {
	const char *name;
	const char *script;  /* several, divided by CASE_NEXT; those that say
				#exit, #oof or #site have that flag */
	const char *headers; /* NULL: CASE_HEADERS; "" none */
	const char *expected;
};

#define CASE_NEXT "\n====\n"

#define CASE_HEADERS                                                           \
 "Received: from mx by a; Mon, 23 Nov 2026 05:58:00 +0100\n"                   \
 "Received: from b by mx; Sun, 22 Nov 2026 23:00:00 -0500\n"                   \
 "From: Ann Lee <Ann.Lee+news@Example.ORG>\n"                                  \
 "To: Team: bob@okapi.example, eve@okapi.example;\n"                           \
 "Cc: \"Doe, Joe\" <joe@other.example>\n"                                      \
 "Subject: [List] Gr\xc3\xbc\xc3\x9f"                                          \
 "e * 50% off?\n"                                                              \
 "Date: Mon, 23 Nov 2026 05:57:00 +0100\n"                                     \
 "X-Spam-Score: 7.5\n"                                                         \
 "X-Count: 042\n"                                                              \
 "X-Empty: \n"                                                                 \
 "List-Id: <dev.okapi.example>"

static inline bool case_is_address_field(const char *name)
{
	return g_ascii_strcasecmp(name, "from") == 0 ||
	       g_ascii_strcasecmp(name, "to") == 0 ||
	       g_ascii_strcasecmp(name, "cc") == 0;
}

static inline void case_add_header(struct propset *set, const char *line)
{
	g_auto(GStrv) parts = g_strsplit(line, ":", 2);
	struct header_field *field =
		propset_add_header(set, parts[0], g_strstrip(parts[1]));
	g_auto(GStrv) split = NULL;

	if (!case_is_address_field(parts[0]))
		return;
	split = sieve_address_split(parts[1]);
	for (char **address = split; *address; address++)
		header_field_add_address(field, "", *address, NULL);
}

static inline void case_add_part(struct propset *set, const char *type,
				 const char *content, const char *epilogue)
{
	const struct mime_part part = {
		.type = g_strdup(type),
		.is_text = g_str_has_prefix(type, "text/"),
		.content = g_bytes_new(content, strlen(content)),
		.epilogue = epilogue ? g_bytes_new(epilogue, strlen(epilogue))
				     : NULL,
	};

	propset_add_part(set, &part);
}

/* The message of all cases but for its header fields. */
static inline struct propset *case_set(const char *headers)
{
	g_auto(GStrv) lines =
		g_strsplit(headers ? headers : CASE_HEADERS, "\n", -1);
	struct propset *set = propset_new();
	struct propset *child = propset_new();

	for (char **line = lines; *line; line++)
		if (**line)
			case_add_header(set, *line);
	propset_set_text(set, PR_SUBJECT,
			 "[List] Gr\xc3\xbc\xc3\x9f"
			 "e");
	propset_set_text(set, PR_BODY, "Hello World\r\nsecond line\r\n");
	propset_set_binary_copy(set, PR_HTML,
				"<p>Hello <b>W</b>orld &amp; more</p>", 36);
	case_add_part(set, "multipart/mixed", "before", "behind");
	case_add_part(set, "text/plain", "Hello World\r\nsecond line\r\n",
		      NULL);
	case_add_part(set, "text/html", "<p>Hello <b>W</b>orld &amp; more</p>",
		      NULL);
	case_add_part(set, "application/pdf", "%PDF-1.4", NULL);
	propset_set_number(set, PR_IMPORTANCE, 2);
	propset_set_number(set, PR_PRIORITY, -1);
	propset_set_number(set, PR_MESSAGE_FLAGS, 0x12);
	propset_set_bool(set, PR_HASATTACH, true);
	propset_set_number(set, PR_CLIENT_SUBMIT_TIME, /* 2026-11-23 04:57 */
			   INT64_C(1795409820) * USEC_PER_SEC);
	propset_set_binary_copy(set, PR_SEARCH_KEY, "SMTP:A", 6);
	propset_set_number(child, PR_RECIPIENT_TYPE, 1);
	propset_set_text(child, PR_SMTP_ADDRESS, "bob@okapi.example");
	propset_add_recipient(set, child);
	child = propset_new();
	propset_set_number(child, PR_RECIPIENT_TYPE, 2);
	propset_set_text(child, PR_SMTP_ADDRESS, "joe@other.example");
	propset_add_recipient(set, child);
	child = propset_new();
	propset_set_text(child, PR_ATTACH_LONG_FILENAME, "Report.PDF");
	propset_set_text(child, PR_ATTACH_MIME_TAG, "application/pdf");
	propset_set_number(child, PR_ATTACH_SIZE, 150000);
	propset_set_binary_copy(child, PR_ATTACH_DATA_BIN, "%PDF-1.4", 8);
	propset_add_attachment(set, child);
	return set;
}

static inline bool case_mailbox_exists(void *context, const char *name,
				       const char *special_use)
{
	(void)context;
	if (special_use)
		return g_ascii_strcasecmp(special_use, "\\Junk") == 0 &&
		       (!name || strcmp(name, "Junk E-mail") == 0);
	return strcmp(name, "Inbox") == 0 || strcmp(name, "Lists") == 0;
}

static inline bool case_is_own_address(void *context, const char *address)
{
	(void)context;
	return g_ascii_strcasecmp(address, "joe@other.example") == 0;
}

/* Nothing is known but what the handle "old" has of the message's id. */
static inline bool case_is_known(void *context, const char *key)
{
	static const char known[] = "old\0<1@x>";
	g_autofree char *sum = g_compute_checksum_for_data(
		G_CHECKSUM_SHA256, (const guchar *)known, sizeof(known) - 1);

	(void)context;
	return strcmp(key, sum) == 0;
}

static inline void case_format_action(GString *out,
				      const struct sieve_action *action)
{
	static const char *const names[] = {
		[SIEVE_KEEP] = "keep",       [SIEVE_FILEINTO] = "fileinto",
		[SIEVE_DISCARD] = "discard", [SIEVE_REDIRECT] = "redirect",
		[SIEVE_REJECT] = "reject",   [SIEVE_VACATION] = "vacation",
		[SIEVE_FORWARD] = "forward", [SIEVE_REPLY] = "reply",
	};

	g_string_append(out, names[action->kind]);
	if (action->create)
		g_string_append(out, " :create");
	if (action->special_use)
		g_string_append_printf(out, " :specialuse %s",
				       action->special_use);
	if (action->argument)
		g_string_append_printf(out, " %s", action->argument);
	if (action->letter && action->letter->as_attachment)
		g_string_append(out, " :attachment");
	if (action->letter && action->letter->subject)
		g_string_append_printf(out, " :subject %s",
				       action->letter->subject);
	if (action->letter && action->letter->text)
		g_string_append_printf(out, " \"%s\"", action->letter->text);
	for (size_t i = 0;
	     action->properties && i < propset_count(action->properties); i++) {
		const struct prop *prop = propset_at(action->properties, i);

		g_string_append_printf(out, " %s=%" G_GINT64_FORMAT,
				       proptag_name(prop->tag),
				       prop->value.number);
	}
	if (action->vacation && action->vacation->interval >= 0)
		g_string_append_printf(out, " %" G_GINT64_FORMAT "s",
				       action->vacation->interval);
	if (action->vacation && action->vacation->from_address)
		g_string_append_printf(out, " from %s",
				       action->vacation->from_address);
	if (action->vacation && action->vacation->fcc)
		g_string_append_printf(out, " fcc %s", action->vacation->fcc);
	for (guint i = 0; i < action->flags->len; i++)
		g_string_append_printf(out, "%s%s", i ? "," : " (",
				       (char *)action->flags->pdata[i]);
	if (action->flags->len)
		g_string_append(out, ")");
	g_string_append(out, "; ");
}

static inline char *case_decode(void *context, const char *charset,
				const char *octets, size_t len,
				struct fault *fault)
{
	(void)context;
	(void)fault;
	return charset_decode(charset, octets, len);
}

static inline void case_on_error(void *context, const char *rule,
				 bool is_undone, const struct fault *fault)
{
	(void)is_undone;
	g_string_append_printf(context, "failed %s %s; ", rule, fault->text);
}

static inline char *case_format_plan(GString *out,
				     const struct sieve_plan *plan)
{
	for (guint i = 0; i < plan->actions->len; i++)
		case_format_action(out, plan->actions->pdata[i]);
	if (plan->implicit_keep)
		g_string_append(out, "+keep; ");
	for (guint i = 0; i < plan->marks->len; i++) {
		const struct sieve_mark *mark = plan->marks->pdata[i];

		g_string_append_printf(out, "mark %" G_GINT64_FORMAT "s; ",
				       mark->seconds);
	}
	if (plan->stopped)
		g_string_append(out, "stop; ");
	if (out->len)
		g_string_truncate(out, out->len - 2);
	return out->str;
}

static inline unsigned case_flags(const char *script)
{
	return (strstr(script, "#exit") ? SIEVE_EXIT_LEVEL : 0u) |
	       (strstr(script, "#oof") ? SIEVE_ONLY_WHEN_OOF : 0u) |
	       (strstr(script, "#site") ? SIEVE_OF_SITE : 0u);
}

/* The line a case gives; owned. */
static inline char *case_run(const struct sieve_case *test)
{
	static const char raw[] = "Subject: x\r\n\r\nraw =41 body\r\n";
	g_auto(GStrv) texts = g_strsplit(test->script, CASE_NEXT, -1);
	g_autoptr(GPtrArray) scripts = g_ptr_array_new_with_free_func(
		(GDestroyNotify)sieve_script_free);
	AUTO(propset) set = case_set(test->headers);
	g_autoptr(GArray) rules =
		g_array_new(FALSE, FALSE, sizeof(struct sieve_rule));
	GString *out = g_string_new(NULL);
	AUTO(sieve_plan) plan = NULL;
	struct sieve_message message = {
		.set = set,
		.size = 1000,
		.envelope_from = "ann.lee@example.org",
		.envelope_to = "bob+lists@okapi.example",
		.envelope_detail = "lists",
		.hostname = "mx.okapi.example",
		.now = INT64_C(1795413480) * USEC_PER_SEC, /* 05:58 UTC */
		.raw = raw,
		.raw_len = sizeof(raw) - 1,
		.mailbox_exists = case_mailbox_exists,
		.is_own_address = case_is_own_address,
		.is_known = case_is_known,
		.decode = case_decode,
	};

	for (guint i = 0; texts[i]; i++) {
		g_autofree char *name = g_strdup_printf("r%u", i + 1);
		struct sieve_rule rule = {.flags = case_flags(texts[i])};
		struct sieve_error error = {0};
		struct fault fault = {0};
		struct sieve_script *script = sieve_compile(
			name, texts[i], strlen(texts[i]), &error, &fault);

		if (!script) {
			g_string_printf(out, "error %s", fault.text);
			return g_string_free(out, FALSE);
		}
		g_ptr_array_add(scripts, script);
		rule.script = script;
		g_array_append_val(rules, rule);
	}
	plan = sieve_evaluate((const struct sieve_rule *)rules->data,
			      rules->len, &message, case_on_error, out);
	(void)case_format_plan(out, plan);
	return g_string_free(out, FALSE);
}

static inline void case_run_all(const struct sieve_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		g_autofree char *line = case_run(&cases[i]);

		cr_expect_str_eq(line, cases[i].expected,
				 "%s: got \"%s\", wanted \"%s\"", cases[i].name,
				 line, cases[i].expected);
	}
}

#define CASE_RUN(cases) case_run_all(cases, G_N_ELEMENTS(cases))

/* Frames for tests: what holds goes to yes. */
#define IF(requires, test)                                                     \
 "require [\"fileinto\"" requires "];\nif " test " { fileinto \"yes\"; }"
#define YES "fileinto yes"
#define NO  "+keep"

#endif
