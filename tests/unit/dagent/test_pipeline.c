/*
 * The pipeline's pure parts: headers, trace lines, quota, loops, automatic
 * replies.
 */
#include "dagent/autoreply.h"
#include "dagent/deliver.h"
#include "dagent/letter.h"
#include "dagent/plan.h"
#include "dagent/redirect.h"
#include "dagent/resolve.h"
#include "dagent/send.h"
#include "dagent/trace.h"
#include "header.h"
#include "rules/loop.h"
#include "rules/redirect_sender.h"

#include <criterion/criterion.h>
#include <string.h>

/* ---- raw headers ---- */

static bool has_value(const char *message, const char *prefix)
{
	return header_has_value(message, strlen(message), "X-Spam-Status",
				prefix);
}

Test(dagent_header, junk_header)
{
	static const struct {
		const char *name, *message;
		bool expected;
	} cases[] = {
		{"plain", "X-Spam-Status: Yes, score=9\r\n\r\n", true},
		{"no", "X-Spam-Status: No\r\n\r\n", false},
		{"case", "x-SPAM-status: yES\r\n\r\n", true},
		{"folded", "X-Spam-Status:\r\n\t  Yes\r\n\r\n", true},
		{"second of two",
		 "X-Spam-Status: No\r\nA: b\r\nX-Spam-Status: Yes\r\n\r\n",
		 true},
		{"blank before colon", "X-Spam-Status : Yes\r\n\r\n", true},
		{"in the body", "A: b\r\n\r\nX-Spam-Status: Yes\r\n", false},
		{"in another value", "A: X-Spam-Status: Yes\r\n\r\n", false},
		{"longer name", "X-Spam-Status-2: Yes\r\n\r\n", false},
		{"bare line feeds", "A: b\nX-Spam-Status: Yes\n\n", true},
		{"no end", "X-Spam-Status: Yes", true},
		{"empty", "", false},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		cr_expect_eq(has_value(cases[i].message, " yes "),
			     cases[i].expected, "%s", cases[i].name);
}

Test(dagent_header, counts)
{
	static const char text[] = "Received: a\r\n b\r\nreceived: c\r\n"
				   "X-Received: d\r\n\r\nReceived: e\r\n";

	cr_expect_eq(header_count(text, strlen(text), "Received"), 2);
	cr_expect(header_is_identified(text, strlen(text)));
	cr_expect(!header_is_identified("A: b\r\n\r\n", 8));
	cr_expect(header_is_identified("message-id: x", 13));
	cr_expect_eq(header_count("\0:\r\n:x\r\n", 8, "x"), 0);
}

static bool append_field(void *context, const char *name, const char *value)
{
	g_string_append_printf(context, "%s=%s;", name, value);
	return g_ascii_strcasecmp(name, "Last") != 0;
}

Test(dagent_header, scans_for_names)
{
	static const char *const names[] = {"One", "Two", "Last", NULL};
	static const struct {
		const char *name, *message, *expected;
	} cases[] = {
		{"those only", "One: a\nOnes: b\nOn: c\ntwo: d\n\n",
		 "One=a;two=d;"},
		{"blank before the colon", "One \t: a\r\n\r\n", "One=a;"},
		{"blank before the name", " One: a\r\n\r\n", "One=a;"},
		{"folded value", "Two: a\r\n\tb\r\n\r\n", "Two=a\tb;"},
		{"folded name", "O\r\n ne: a\nOne: b\n\n", "O ne=a;One=b;"},
		{"no further", "Last: a\nOne: b\n\n", "Last=a;"},
		{"not in the body", "X: a\n\nOne: b\n", ""},
		{"no name", ": a\nOne: b\n", "One=b;"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GString) found = g_string_new(NULL);

		header_scan(cases[i].message, strlen(cases[i].message), names,
			    append_field, found);
		cr_expect_str_eq(found->str, cases[i].expected, "%s: %s",
				 cases[i].name, found->str);
	}
}

/* ---- trace ---- */

Test(dagent_trace, lines)
{
	struct trace trace = {.reverse_path = "c@x\r\nBcc: e",
			      .recipient = "anna<>",
			      .hostname = "mx.test",
			      .peer = "127.0.0.1",
			      .id = "ID",
			      .time = INT64_C(1795413600) * USEC_PER_SEC};
	g_autofree char *local = trace_format(&trace);
	g_autofree char *lmtp = NULL;

	cr_expect_str_eq(local,
			 "Return-Path: <c@xBcc: e>\r\nDelivered-To: anna\r\n");
	trace.helo = "me.test";
	trace.is_tls = true;
	lmtp = trace_format_received(&trace);
	cr_expect_str_eq(lmtp, "Received: from me.test ([127.0.0.1])\r\n"
			       "\tby mx.test (Okapi " OKAPI_VERSION
			       ") with LMTPS id ID\r\n"
			       "\tfor <anna>; Mon, 23 Nov 2026 06:00:00 "
			       "+0000\r\n");
	g_free(lmtp);
	trace.is_utf8 = true;
	lmtp = trace_format_received(&trace);
	cr_expect(strstr(lmtp, ") with UTF8LMTPS id ID\r\n"), "%s", lmtp);
}

/* ---- verdicts ---- */

Test(dagent_verdict, only_what_is_final_bounces)
{
	static const enum fault_kind final[] = {
		FAULT_NO_RECIPIENT, FAULT_NO_USER, FAULT_MAILBOX_FULL,
		FAULT_TOO_BIG,      FAULT_LOOP,    FAULT_NOT_A_MESSAGE,
		FAULT_REJECTED,
	};

	for (int kind = FAULT_NONE; kind < FAULT_KINDS; kind++) {
		struct fault verdict = {.kind = (enum fault_kind)kind};
		bool is_final = false;

		for (size_t i = 0; i < G_N_ELEMENTS(final); i++)
			is_final |= final[i] == verdict.kind;
		deliver_soften(&verdict);
		cr_expect_eq(fault_class(&verdict) == FAULT_CLASS_PERMANENT,
			     is_final, "kind %d", kind);
		cr_expect_eq(verdict.kind == FAULT_NONE, kind == FAULT_NONE);
	}
}

/* ---- quota ---- */

Test(dagent_quota, limits)
{
	struct store_policy policy = {0};
	struct store_recipient who = {.used = 90, .quota_hard = 100};
	struct fault fault = {0};

	cr_expect_eq(quota_check(&policy, &who, "x@y", 10, &fault), 0);
	cr_expect_eq(quota_check(&policy, &who, "x@y", 11, &fault), -1);
	cr_expect_eq(fault.kind, FAULT_MAILBOX_FULL);
	cr_expect_str_eq(fault.text, "<x@y>: mailbox full");
	policy.quota_tempfail = true;
	cr_expect_eq(quota_check(&policy, &who, "x@y", 11, &fault), -1);
	cr_expect_eq(fault.kind, FAULT_FULL_FOR_NOW);
	who.quota_hard = 0;
	cr_expect_eq(quota_check(&policy, &who, "x@y", 11, &fault), 0);
}

/* ---- redirects ---- */

static bool is_loop(const char *message, const char *address)
{
	static const char *const own[] = {"anna@x.test", "a@x.test", NULL};
	g_autoptr(GBytes) bytes = g_bytes_new(message, strlen(message));

	return sieve_is_loop(bytes, address, own);
}

Test(dagent_rules, loops)
{
	g_autoptr(GString) hops = g_string_new(NULL);

	cr_expect(!is_loop("A: b\r\n\r\n", "c@x.test"));
	cr_expect(is_loop("A: b\r\n\r\n", "A@X.test"), "to the user");
	cr_expect(is_loop("X-Okapi-Redirected-For: a@x.test\r\n\r\n",
			  "c@x.test"));
	cr_expect(!is_loop("X-Okapi-Redirected-For: other@x.test\r\n\r\n",
			   "c@x.test"));
	cr_expect(is_loop("X-Sieve-Redirected-From: a@x.test\r\n\r\n",
			  "c@x.test"),
		  "by way of Dovecot");
	for (int i = 0; i < 10; i++)
		g_string_append(hops, "X-Okapi-Redirected-For: o@x.test\r\n");
	cr_expect(is_loop(hops->str, "c@x.test"), "too many hops");
	g_string_truncate(hops, 0);
	for (int i = 0; i < 49; i++)
		g_string_append(hops, "Received: by x\r\n");
	cr_expect(!is_loop(hops->str, "c@x.test"));
	g_string_append(hops, "received: by x\r\n");
	cr_expect(is_loop(hops->str, "c@x.test"), "too many Received lines");
}

Test(dagent_rules, sender_of_redirects)
{
	static const struct {
		const char *setting;
		const char *sender;
		const char *path;
		const char *original;
		const char *expected; /* NULL: the setting is refused */
	} cases[] = {
		{"sender", "q@y.test", "a@x.test", NULL, "q@y.test"},
		{"recipient", "q@y.test", "a+b@x.test", NULL, "a+b@x.test"},
		{" recipient ", "q@y.test", "anna", NULL, "anna@x.test"},
		{"orig_recipient", "q@y.test", "a@x.test", "o@x.test",
		 "o@x.test"},
		{"orig_recipient", "q@y.test", "a@x.test", NULL, "a@x.test"},
		{"user_email", "q@y.test", "a@x.test", NULL, "anna@x.test"},
		{"<fix@x.test>", "q@y.test", "a@x.test", NULL, "fix@x.test"},
		{"<>", "q@y.test", "a@x.test", NULL, ""},
		{"<fix@x.test>", "", "a@x.test", NULL, ""},
		{"user_email", "", "a@x.test", NULL, ""},
		{"", "", "", NULL, NULL},
		{"fix@x.test", "", "", NULL, NULL},
		{"<fix>", "", "", NULL, NULL},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct conf conf = {
			.sieve_redirect_envelope_from =
				(char *)(uintptr_t)cases[i].setting};
		struct agent agent = {.conf = &conf};
		struct store_recipient who = {
			.email = (char *)(uintptr_t) "anna@x.test"};
		struct mail mail = {.agent = &agent,
				    .reverse_path =
					    (char *)(uintptr_t)cases[i].sender};
		struct mail_recipient to = {
			.who = &who,
			.path = (char *)(uintptr_t)cases[i].path,
			.original = (char *)(uintptr_t)cases[i].original};
		struct fault fault = {0};
		g_autofree char *got = NULL;

		cr_expect_eq(sieve_redirect_sender_check(&conf, &fault),
			     cases[i].expected ? 0 : -1, "case %zu", i);
		if (!cases[i].expected)
			continue;
		got = redirect_sender(&mail, &to);
		cr_expect_str_eq(got, cases[i].expected, "case %zu", i);
	}
}

Test(dagent_plan, copies_are_joined)
{
	struct plan *plan = plan_new();
	struct plan_copy *first = plan_add_copy(plan, 7, "Inbox");
	g_autofree char *folders = NULL;

	cr_expect_eq(plan_add_copy(plan, 7, "INBOX"), first);
	cr_expect_neq(plan_add_copy(plan, 0, "New"), first);
	cr_expect_eq(plan_add_copy(plan, 0, "New"), plan->copies->pdata[1]);
	folders = plan_folders(plan);
	cr_expect_str_eq(folders, "Inbox,New");
	plan_copy_add_keyword(first, "work");
	plan_copy_add_keyword(first, "Work");
	cr_expect_eq(first->keywords->len, 1);
	plan_set_rule_error(plan, 1, "");
	plan_set_rule_error(plan, 1, "first");
	plan_set_rule_error(plan, 1, "second");
	cr_expect_eq(plan->rule_errors->len, 1);
	cr_expect_str_eq(
		((struct plan_rule_error *)plan->rule_errors->pdata[0])->text,
		"first");
	plan_free(plan);
}

/* ---- automatic replies ---- */

static const char *objection(const char *name, const char *text,
			     const char *reverse_path, const char *to_name,
			     const char *to)
{
	static const char *const own[] = {"anna@x.test", "a@x.test", NULL};
	AUTO(propset) set = propset_new();
	struct header_field *from = propset_add_header(set, "From", "x");

	header_field_add_address(from, "", "q@y.test", NULL);
	header_field_add_address(propset_add_header(set, to_name, to), "", to,
				 NULL);
	if (name)
		(void)propset_add_header(set, name, text);
	return autoreply_objection(set, reverse_path, own, "+", true);
}

Test(dagent_autoreply, objections)
{
	static const struct {
		const char *name, *text, *from, *to_name, *to, *expected;
	} cases[] = {
		{NULL, "", "q@y.test", "To", "Anna@X.test", NULL},
		{NULL, "", "q@y.test", "Cc", "a@x.test", NULL},
		{NULL, "", "q@y.test", "Bcc", "a@x.test", NULL},
		{NULL, "", "q@y.test", "Resent-To", "a@x.test", NULL},
		{NULL, "", "q@y.test", "To", "a+lists@x.test", NULL},
		{NULL, "", "q@y.test", "To", "all@x.test", "not-addressed"},
		{NULL, "", "q@y.test", "X-To", "a@x.test", "not-addressed"},
		{NULL, "", "", "To", "a@x.test", "null-sender"},
		{NULL, "", "A@x.test", "To", "a@x.test", "self"},
		{NULL, "", "anna+x@x.test", "To", "a@x.test", "self"},
		{NULL, "", "Mailer-Daemon@y", "To", "a@x.test", "robot"},
		{NULL, "", "owner-list@y", "To", "a@x.test", "robot"},
		{NULL, "", "list-request@y", "To", "a@x.test", "robot"},
		{NULL, "", "no-reply@y", "To", "a@x.test", "robot"},
		{NULL, "", "NoReply@y", "To", "a@x.test", "robot"},
		{"Auto-Submitted", "auto-generated", "q@y", "To", "a@x.test",
		 "auto-submitted"},
		{"Auto-Submitted", "No", "q@y", "To", "a@x.test", NULL},
		{"auto-submitted", "no; x=y", "q@y", "To", "a@x.test", NULL},
		{"Precedence", "Bulk", "q@y", "To", "a@x.test", "precedence"},
		{"Precedence", "first-class", "q@y", "To", "a@x.test", NULL},
		{"List-Id", "x", "q@y", "To", "a@x.test", "list"},
		{"List-Unsubscribe", "x", "q@y", "To", "a@x.test", "list"},
		{"Mailing-List", "contact x", "q@y", "To", "a@x.test", "list"},
		{"Precedence", "auto_reply", "q@y", "To", "a@x.test",
		 "precedence"},
		{"Content-Type", "Multipart/Report; boundary=x", "q@y", "To",
		 "a@x.test", "report"},
		{"X-Okapi-Redirected-For", "a@x.test", "q@y", "To", "a@x.test",
		 "loop"},
		{"X-Okapi-Redirected-For", "b@x.test", "q@y", "To", "a@x.test",
		 NULL},
		{NULL, "", "postmaster@y", "To", "a@x.test", "robot"},
		{"X-Auto-Response-Suppress", "DR, OOF", "q@y", "To", "a@x.test",
		 "suppressed"},
		{"X-Auto-Response-Suppress", "All", "q@y", "To", "a@x.test",
		 "suppressed"},
		{"X-Auto-Response-Suppress", "DR, NDR", "q@y", "To", "a@x.test",
		 NULL},
		{"X-Zarafa-Vacation", "yes", "q@y", "To", "a@x.test",
		 "vacation"},
		{"X-Kopano-Vacation", "", "q@y", "To", "a@x.test", "vacation"},
		{"X-Okapi-Vacation", "", "q@y", "To", "a@x.test", "vacation"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		const char *got =
			objection(cases[i].name, cases[i].text, cases[i].from,
				  cases[i].to_name, cases[i].to);

		cr_expect(g_strcmp0(got, cases[i].expected) == 0,
			  "case %zu (%s: %s): %s", i, cases[i].name,
			  cases[i].text, got);
	}
}

static char *letter_text(const struct letter *letter)
{
	GBytes *bytes = letter_format(letter);
	gsize size = 0;
	const char *octets = g_bytes_get_data(bytes, &size);
	char *text = g_strndup(octets, size);

	g_bytes_unref(bytes);
	return text;
}

Test(dagent_autoreply, names_and_a_subject_that_goes_on)
{
	g_autofree char *subject = g_strnfill(300, 'x');
	static const char *const to[] = {"q@y.test", NULL};
	struct letter letter = {
		.from = "anna@x.test",
		.from_name = "=?utf-8?q?G=C3=BCnther?= M. Karotte",
		.to = to,
		.to_name = "Q. \"R\"",
		.subject = subject,
		.body = "",
		.message_id = "id@x",
	};
	g_autofree char *got = letter_text(&letter);
	const char *at = strstr(got, "Subject: ");

	cr_expect(g_str_has_prefix(got,
				   "From: =?utf-8?q?G=C3=BCnther?= M. Karotte "
				   "<anna@x.test>\r\n"
				   "To: \"Q. \\\"R\\\"\" <q@y.test>\r\n"),
		  "%s", got);
	cr_assert_not_null(at);
	cr_expect_null(strstr(at, subject), "%s", at);
	/* Not what only looks so: a name may not bring an address. */
	letter.from_name = "=?utf-8?q?a?= <b@c>,";
	g_free(got);
	got = letter_text(&letter);
	cr_expect(g_str_has_prefix(got, "From: \"=?utf-8?q?a?= <b@c>,\" <"),
		  "%s", got);
}

Test(dagent_autoreply, text)
{
	const char *const to[] = {"q@y.test", NULL};
	struct letter text = {
		.from = "anna@x.test",
		.from_name = "Anna \"A\"",
		.to = to,
		.subject = "Away\r\nBcc: e@f",
		.body = "one\ntwo \xc3\xbc",
		.message_id = "id@x",
		.in_reply_to = "<m@y>",
		.references = "<r1@y> junk <r2@y>",
		.time = INT64_C(1795413600) * USEC_PER_SEC,
	};
	g_autofree char *got = letter_text(&text);

	cr_expect_str_eq(
		got,
		"From: \"Anna \\\"A\\\"\" <anna@x.test>\r\nTo: <q@y.test>\r\n"
		"Subject: Away Bcc: e@f\r\n"
		"Date: Mon, 23 Nov 2026 06:00:00 +0000\r\n"
		"Message-ID: <id@x>\r\nIn-Reply-To: <m@y>\r\n"
		"References: <r1@y>\r\n <r2@y>\r\n <m@y>\r\n"
		"Auto-Submitted: auto-replied\r\n"
		"X-Auto-Response-Suppress: All\r\n"
		"X-Okapi-Vacation: yes\r\nX-Zarafa-Vacation: yes\r\n"
		"MIME-Version: 1.0\r\n"
		"Content-Type: text/plain; charset=utf-8\r\n"
		"Content-Transfer-Encoding: base64\r\n\r\n"
		"b25lDQp0d28gw7wNCg==\r\n");
}

Test(dagent_autoreply, encoded_words)
{
	g_autoptr(GString) subject = g_string_new(NULL);
	const char *const to[] = {"b@x", NULL};
	struct letter text = {
		.from = "a@x", .to = to, .body = "", .message_id = "i"};
	g_autofree char *got = NULL;
	g_auto(GStrv) lines = NULL;

	for (int i = 0; i < 60; i++)
		g_string_append(subject, "\xe2\x82\xac");
	text.subject = subject->str;
	got = letter_text(&text);
	lines = g_strsplit(got, "\r\n", -1);
	for (size_t i = 0; lines[i] && *lines[i]; i++)
		cr_expect(strlen(lines[i]) <= 84, "%s", lines[i]);
	cr_expect_not_null(strstr(got, "Subject: =?UTF-8?B?4oKs"));
}
