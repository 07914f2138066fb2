/*
 * From verdicts to results and reports, the text of a report, and what goes
 * over the wire.
 */
#include "spooler/attempt.h"
#include "spooler/relay_content.h"

#include "smtp/smtp_server.h"
#include <criterion/criterion.h>
#include <string.h>

#define SEC USEC_PER_SEC

static const struct scheduler_policy policy = {
	.retry_min = 60 * SEC,
	.retry_max = 4000 * SEC,
	.lifetime = 1000 * SEC,
	.delay_warning = 500 * SEC,
};

static void recipient_free(void *data)
{
	struct queue_recipient *to = data;

	g_free(to->address);
	g_free(to);
}

static struct attempt *attempt_with(const char *header,
				    const char *reverse_path,
				    const char *const *addresses,
				    unsigned notify)
{
	struct queue_entry *entry = g_new0(struct queue_entry, 1);
	g_autofree char *text = g_strconcat(header, "\r\n", NULL);
	g_autoptr(GBytes) bytes = g_bytes_new(text, strlen(text));
	int64_t id = 1;

	entry->reverse_path = g_strdup(reverse_path);
	entry->owner = g_strdup("anna");
	entry->subject = g_strdup("x");
	entry->recipients = g_ptr_array_new_with_free_func(recipient_free);
	for (; *addresses; addresses++) {
		struct queue_recipient *to = g_new0(struct queue_recipient, 1);

		to->id = id++;
		to->address = g_strdup(*addresses);
		to->dsn_notify = notify;
		g_ptr_array_add(entry->recipients, to);
	}
	return attempt_new(entry, bytes);
}

static struct attempt *attempt_of(const char *reverse_path,
				  const char *const *addresses, unsigned notify)
{
	return attempt_with("Subject: x\r\n", reverse_path, addresses, notify);
}

static void outcome(struct attempt *attempt, size_t i,
		    enum relay_verdict verdict, const char *status,
		    const char *reply)
{
	attempt->recipients[i].verdict = verdict;
	g_strlcpy(attempt->recipients[i].status, status, 16);
	g_free(attempt->recipients[i].reply);
	attempt->recipients[i].reply = g_strdup(reply);
	attempt->recipients[i].from_relay = true;
}

Test(attempt, each_recipient_by_itself)
{
	static const char *const to[] = {"a@x", "b@x", "c@x", NULL};
	AUTO(attempt) attempt = attempt_of("s@x", to, 0);
	struct attempt_decision decision;

	outcome(attempt, 0, RELAY_SENT, "2.0.0", "250 ok");
	outcome(attempt, 1, RELAY_FAILED, "5.1.1", "550 5.1.1 no");
	outcome(attempt, 2, RELAY_RETRY, "4.2.0", "450 later");
	attempt_decide(attempt, &policy, 10 * SEC, &decision);
	cr_assert_eq(decision.results[0].state, QUEUE_RCPT_SENT);
	cr_assert_eq(decision.results[1].state, QUEUE_RCPT_FAILED);
	cr_assert_eq(decision.results[2].state, QUEUE_RCPT_WAITING);
	cr_assert_geq(decision.results[2].next_attempt, 70 * SEC);
	cr_assert_eq(decision.reported_count, 1);
	cr_assert_str_eq(decision.reported[0].address, "b@x");
	cr_assert_not(decision.warned);
	attempt_decision_clear(&decision);
}

Test(attempt, time_passes)
{
	static const char *const to[] = {"a@x", NULL};
	AUTO(attempt) attempt = attempt_of("s@x", to, 0);
	struct attempt_decision decision;

	outcome(attempt, 0, RELAY_RETRY, "4.2.0", "450 later");
	attempt_decide(attempt, &policy, 600 * SEC, &decision);
	cr_assert(decision.warned);
	cr_assert_eq(decision.reported[0].action, REPORT_DELAYED);
	attempt_decision_clear(&decision);
	attempt->entry->delay_warned = true;
	attempt_decide(attempt, &policy, 700 * SEC, &decision);
	cr_assert_eq(decision.reported_count, 0);
	attempt_decision_clear(&decision);
	attempt_decide(attempt, &policy, 1000 * SEC, &decision);
	cr_assert_eq(decision.results[0].state, QUEUE_RCPT_FAILED);
	cr_assert_eq(decision.reported[0].action, REPORT_FAILED);
	attempt_decision_clear(&decision);
}

Test(attempt, who_hears_nothing)
{
	static const char *const to[] = {"a@x", NULL};
	static const struct {
		const char *reverse_path;
		unsigned notify;
		bool is_report;
		size_t told;
	} rows[] = {
		{"s@x", 0, false, 1},
		{"s@x", SMTP_NOTIFY_FAILURE, false, 1},
		{"s@x", SMTP_NOTIFY_NEVER, false, 0},
		{"s@x", SMTP_NOTIFY_DELAY, false, 0},
		{"s@x", 0, true, 0},
		{"", 0, false, 0},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		AUTO(attempt) attempt =
			attempt_of(rows[i].reverse_path, to, rows[i].notify);
		struct attempt_decision decision;

		attempt->entry->is_report = rows[i].is_report;
		outcome(attempt, 0, RELAY_FAILED, "5.0.0", "550 no");
		attempt_decide(attempt, &policy, SEC, &decision);
		cr_assert_eq(decision.reported_count, rows[i].told, "row %zu",
			     i);
		attempt_decision_clear(&decision);
	}
}

/* A report is never posted to a list, and who sends in bulk waits for nobody.
 */
Test(attempt, lists_hear_little)
{
	static const char *const to[] = {"a@x", NULL};
	static const struct {
		const char *header;
		const char *reverse_path;
		unsigned notify;
		bool hears_of_failure;
		bool hears_of_delay;
	} rows[] = {
		{"Subject: x\r\n", "s@x", 0, true, true},
		{"List-Id: <dev.x>\r\n", "dev-bounces@x", 0, true, false},
		{"Precedence: bulk\r\n", "s@x", 0, true, false},
		{"Precedence: Junk\r\n", "s@x", 0, true, false},
		{"Precedence: first-class\r\n", "s@x", 0, true, true},
		{"List-Id: <dev.x>\r\n", "dev-bounces@x",
		 SMTP_NOTIFY_DELAY | SMTP_NOTIFY_FAILURE, true, true},
		{"List-Post: <mailto:dev@x>\r\n", "dev-bounces@x", 0, true,
		 false},
		{"List-Post: <mailto:dev@x>\r\n", "Dev@X", 0, false, false},
		{"List-Post: <http://x/post>,\r\n <MAILTO:d%65v@x?subject=a>\r\n",
		 "dev@x", SMTP_NOTIFY_FAILURE, false, false},
		{"List-Post: NO\r\n", "dev@x", 0, true, false},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
		for (int delayed = 0; delayed < 2; delayed++) {
			AUTO(attempt) attempt = attempt_with(
				rows[i].header, rows[i].reverse_path, to,
				rows[i].notify);
			struct attempt_decision decision;

			outcome(attempt, 0,
				delayed ? RELAY_RETRY : RELAY_FAILED,
				delayed ? "4.0.0" : "5.0.0",
				delayed ? "450 later" : "550 no");
			attempt_decide(attempt, &policy, 600 * SEC, &decision);
			cr_assert_eq(decision.reported_count,
				     delayed ? rows[i].hears_of_delay
					     : rows[i].hears_of_failure,
				     "row %zu, delayed %d", i, delayed);
			attempt_decision_clear(&decision);
		}
}

Test(attempt, success_is_told_where_the_relay_does_not)
{
	static const char *const to[] = {"a@x", NULL};
	AUTO(attempt) attempt = attempt_of("s@x", to, SMTP_NOTIFY_SUCCESS);
	struct attempt_decision decision;

	outcome(attempt, 0, RELAY_SENT, "2.0.0", "250 ok");
	attempt_decide(attempt, &policy, SEC, &decision);
	cr_assert_eq(decision.reported[0].action, REPORT_RELAYED);
	attempt_decision_clear(&decision);
	attempt->message.dsn_was_offered = true;
	attempt_decide(attempt, &policy, SEC, &decision);
	cr_assert_eq(decision.reported_count, 0);
	attempt_decision_clear(&decision);
}

Test(attempt, addresses_that_would_be_commands_never_leave)
{
	static const char *const to[] = {"a@x>\r\nDATA", "b@x", "c d@x", "",
					 NULL};
	AUTO(attempt) attempt = attempt_of("s@x", to, 0);
	struct attempt_decision decision;

	cr_assert(attempt_has_work(attempt));
	cr_assert_eq(attempt->message.recipient_count, 1);
	cr_assert_str_eq(attempt->message.recipients[0].address, "b@x");
	attempt_defer(attempt, "4.4.1", "down");
	attempt_decide(attempt, &policy, SEC, &decision);
	cr_assert_eq(decision.reported_count, 3);
	cr_assert_eq(decision.results[0].state, QUEUE_RCPT_WAITING);
	attempt_decision_clear(&decision);
}

Test(attempt, surplus_recipients_go_at_once)
{
	static const char *const to[] = {"a@x", "b@x", NULL};
	AUTO(attempt) attempt = attempt_of("s@x", to, 0);
	struct attempt_decision decision;

	outcome(attempt, 0, RELAY_SENT, "2.0.0", "250 ok");
	outcome(attempt, 1, RELAY_RETRY, "4.5.3", "452 4.5.3 too many");
	attempt_decide(attempt, &policy, 5 * SEC, &decision);
	cr_assert_eq(decision.results[1].next_attempt, 5 * SEC);
	attempt_decision_clear(&decision);
}

Test(report, has_the_parts_and_one_line_a_field)
{
	static const struct report_recipient recipients[] = {
		{REPORT_FAILED, "bob@x", "rfc822;Bob@x", "5.1.1",
		 "550 5.1.1 no\r\nBcc: evil@x\r\n\r\n--x\xff", true},
		{REPORT_DELAYED, "eve@x", NULL, "4.4.1", "refused", false},
	};
	struct report report = {
		.hostname = "mx.test",
		.origin = "test",
		.to = "anna@test",
		.subject = "gr\303\274n\r\nX: y",
		.envid = "id\nY: z",
		.relay = "relay.test:25",
		.recipients = recipients,
		.recipient_count = 2,
		.original = "Subject: x\r\n\r\nbody",
		.original_len = 18,
	};
	g_autoptr(GByteArray) out = report_compose(&report);
	g_autofree char *text = NULL;

	g_byte_array_append(out, (const guint8 *)"", 1);
	text = g_strdup((const char *)out->data);
	cr_assert_null(strstr(text, "\r\nBcc:"));
	cr_assert_null(strstr(text, "\nX: y"));
	cr_assert_null(strstr(text, "\nY: z"));
	cr_assert_not_null(strstr(text, "report-type=delivery-status"));
	cr_assert_not_null(strstr(text, "\r\nReporting-MTA: dns;mx.test\r\n"));
	cr_assert_not_null(strstr(
		text, "\r\nOriginal-Recipient: rfc822;Bob@x\r\n"
		      "Final-Recipient: rfc822;bob@x\r\nAction: failed\r\n"
		      "Status: 5.1.1\r\nRemote-MTA: dns;relay.test\r\n"
		      "Diagnostic-Code: smtp;550 5.1.1 no Bcc: evil@x --x"));
	cr_assert_not_null(strstr(text,
				  "Action: delayed\r\nStatus: 4.4.1\r\n"
				  "Diagnostic-Code: X-Okapi;refused\r\n"));
	cr_assert_not_null(strstr(text, "Content-Type: message/rfc822\r\n\r\n"
					"Subject: x\r\n\r\nbody\r\n"));
	cr_assert_eq(report_action(&report), REPORT_FAILED);
}

static char *status_of(const char *relay, const char *orcpt)
{
	const struct report_recipient to = {
		.action = REPORT_FAILED,
		.address = "b@x",
		.orcpt = orcpt,
		.status = "5.1.1",
		.reply = "550 no",
		.from_relay = true,
	};
	const struct report report = {
		.hostname = "mx.test",
		.origin = "test",
		.to = "a@test",
		.subject = "x",
		.relay = relay,
		.recipients = &to,
		.recipient_count = 1,
		.original = "\r\n",
		.original_len = 2,
	};
	g_autoptr(GByteArray) out = report_compose(&report);

	return g_strndup((const char *)out->data, out->len);
}

/* RFC 3464 2.3.5, 2.3.1 with RFC 6533 3. */
Test(report, names_hosts_and_addresses_as_programs_read_them)
{
	static const struct {
		const char *relay;
		const char *orcpt;
		const char *line;
	} cases[] = {
		{"relay.test:25", "rfc822;b@x", "Remote-MTA: dns;relay.test"},
		{"127.0.0.1:25", "rfc822;b@x", "Remote-MTA: dns;[127.0.0.1]"},
		{"[::1]:25", "rfc822;b@x", "Remote-MTA: dns;[IPv6:::1]"},
		{"unix:/run/x", "rfc822;b@x", "Remote-MTA: x-unix;/run/x"},
		{"r:25", "rfc822;b\\@x", "Original-Recipient: rfc822;b\\@x"},
		{"r:25", "utf-8;j\xc3\xbc@x",
		 "Original-Recipient: utf-8;j\\x{FC}@x"},
		{"r:25", "rfc822;j\xc3\xbc@x",
		 "Original-Recipient: utf-8;j\\x{FC}@x"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *text =
			status_of(cases[i].relay, cases[i].orcpt);
		g_autofree char *line =
			g_strconcat("\r\n", cases[i].line, "\r\n", NULL);

		cr_expect_not_null(strstr(text, line), "%s: %s", cases[i].line,
				   text);
	}
}

Test(report, returns_headers_where_that_is_asked)
{
	static const struct report_recipient to = {REPORT_FAILED, "b@x", NULL,
						   "5.0.0",       "no",  true};
	struct report report = {
		.hostname = "h",
		.origin = "o",
		.to = "a@o",
		.subject = "",
		.relay = "",
		.recipients = &to,
		.recipient_count = 1,
		.original = "Subject: x\r\n\r\nsecret body\r\n",
		.original_len = 27,
		.headers_only = true,
	};
	g_autoptr(GByteArray) out = report_compose(&report);

	g_byte_array_append(out, (const guint8 *)"", 1);
	cr_assert_not_null(
		strstr((const char *)out->data, "text/rfc822-headers"));
	cr_assert_null(strstr((const char *)out->data, "secret"));
}

Test(wire, stuffing)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{"", ".\r\n"},
		{"a\r\n", "a\r\n.\r\n"},
		{"a", "a\r\n.\r\n"},
		{".\r\n..\r\n", "..\r\n...\r\n.\r\n"},
		{"a\n.\nb", "a\r\n..\r\nb\r\n.\r\n"},
		{"a\r.\rb\r\n", "a . b\r\n.\r\n"},
		{"a\r\r\n.\r\n", "a \r\n..\r\n.\r\n"},
		{"\r\n\r\n", "\r\n\r\n.\r\n"},
		{"a\r", "a\r\n.\r\n"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(GByteArray) out = g_byte_array_new();
		struct relay_content content;

		relay_content_init(&content, rows[i].in, strlen(rows[i].in),
				   true);
		cr_assert(relay_content_next(&content, out));
		cr_assert(!relay_content_next(&content, out));
		cr_assert_eq(out->len, strlen(rows[i].out), "row %zu", i);
		cr_assert_arr_eq(out->data, rows[i].out, out->len);
	}
}

/* Whatever lies where a piece ends. */
Test(wire, pieces)
{
	static const char *const there[] = {"\r\n.", "\r\n", "\n.\n", "\r\r\n.",
					    "\r.\r", ".",    "x"};

	for (size_t i = 0; i < G_N_ELEMENTS(there); i++)
		for (size_t before = RELAY_PIECE - 5; before < RELAY_PIECE + 2;
		     before++) {
			g_autoptr(GByteArray) out = g_byte_array_new();
			g_autoptr(GString) in = g_string_new(NULL);
			g_autoptr(GString) want = g_string_new(NULL);
			struct relay_content content;
			size_t tail;

			while (in->len < before)
				g_string_append_c(in, 'a');
			g_string_append(in, there[i]);
			g_string_append(in, "b");
			relay_content_init(&content, in->str, in->len, false);
			while (relay_content_next(&content, out))
				continue;
			cr_assert_eq(relay_content_size(in->str, in->len),
				     out->len);
			/* The same, line by line. */
			for (const char *p = there[i]; *p; p++)
				if (p[0] == '\r' && p[1] == '\n')
					continue;
				else if (*p == '\n')
					g_string_append(want, "\r\n");
				else
					g_string_append_c(
						want, *p == '\r' ? ' ' : *p);
			g_string_append(want, "b\r\n");
			tail = out->len - want->len;
			cr_assert_eq(tail, before, "%zu at %zu", i, before);
			cr_assert_arr_eq(out->data + tail, want->str,
					 want->len);
		}
}

Test(relay, places)
{
	static const struct {
		const char *text, *formatted;
	} rows[] = {
		{"mail.test", "mail.test:25"},
		{"mail.test:587", "mail.test:587"},
		{"[::1]", "[::1]:25"},
		{"[::1]:26", "[::1]:26"},
		{"unix:/run/x", "unix:/run/x"},
		{"mail.test:", NULL},
		{"mail.test:0", NULL},
		{"mail.test:99999", NULL},
		{":25", NULL},
		{"[::1]x", NULL},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct relay_place place = {0};
		struct fault fault = {0};
		int result =
			relay_place_parse(rows[i].text, 25, &place, &fault);
		g_autofree char *formatted = NULL;

		cr_assert_eq(result, rows[i].formatted ? 0 : -1, "%s",
			     rows[i].text);
		if (result != 0)
			continue;
		formatted = relay_place_format(&place);
		cr_assert_str_eq(formatted, rows[i].formatted);
		relay_place_clear(&place);
	}
}
