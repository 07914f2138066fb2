/*
 * Reports: a recipient for each one they tell of, codes, the original.
 */
#include "roundtrip.h"

#define DATE "Date: Fri, 13 Feb 2009 23:31:30 +0000\r\n"
#define SENT INT64_C(1234567890000000)

static const char failed[] =
	"From: MAILER-DAEMON@mx.x\r\nTo: Anna <anna@x>\r\n" DATE
	"MIME-Version: 1.0\r\n"
	"Content-Type: multipart/report; report-type=delivery-status;\r\n"
	" boundary=b\r\n\r\n--b\r\n\r\nSorry.\r\n"
	"--b\r\nContent-Type: message/delivery-status\r\n\r\n"
	"Reporting-MTA: dns; mx.x\r\n\r\n"
	"Final-Recipient: rfc822; one@y\r\nAction: failed\r\n"
	"Status: 5.1.1 (no such user)\r\nRemote-MTA: dns; mx.y\r\n"
	"Diagnostic-Code: smtp; 550 5.1.1\r\n  unknown\r\n\r\n"
	"Original-Recipient: rfc822; <two@y>\r\nAction: FAILED\r\n"
	"Status: 5.2.2\r\nX-Display-Name: Two\r\n\r\n"
	"Final-Recipient: rfc822; three@y\r\nAction: delivered\r\n"
	"Status: 2.0.0\r\n"
	"--b\r\nContent-Type: text/rfc822-headers\r\n\r\n"
	"Subject: =?utf-8?q?=C3=A4?=\r\nTo: one@y, two@y\r\n"
	"Message-ID: <1@x>\r\n" DATE "--b--\r\n";

Test(report, recipients_of_the_worst_action)
{
	AUTO(propset) set = convert(failed);
	const struct propset *one = NULL;
	const struct propset *two = NULL;

	expect_text("class", set, PR_MESSAGE_CLASS, "REPORT.IPM.Note.NDR");
	expect_text("reporting", set, PR_DSN_REPORTING_MTA, "mx.x");
	expect_number("time", set, PR_REPORT_TIME, SENT);
	cr_assert_eq(propset_recipient_count(set), 3);
	expect_text("to", propset_recipient(set, 0), PR_SMTP_ADDRESS, "anna@x");
	one = propset_recipient(set, 1);
	expect_text("one", one, PR_SMTP_ADDRESS, "one@y");
	expect_text("one", one, PR_DSN_REMOTE_MTA, "mx.y");
	expect_text("one", one, PR_SUPPLEMENTARY_INFO,
		    "<mx.y #5.1.1 smtp; 550 5.1.1  unknown>");
	expect_number("one", one, PR_NDR_STATUS_CODE, 511);
	expect_number("one", one, PR_NDR_DIAG_CODE, 35);
	expect_number("one", one, PR_NDR_REASON_CODE, 1);
	expect_number("one", one, PR_REPORT_TIME, SENT);
	cr_expect(!propset_has(one, PR_DELIVER_TIME));
	two = propset_recipient(set, 2);
	expect_text("two", two, PR_SMTP_ADDRESS, "two@y");
	expect_text("two", two, PR_DISPLAY_NAME, "Two");
	expect_text("two", two, PR_SUPPLEMENTARY_INFO, "< #5.2.2>");
	expect_number("two", two, PR_NDR_DIAG_CODE, 13);
}

Test(report, original)
{
	AUTO(propset) set = convert(failed);

	expect_text("original", set, PR_ORIGINAL_SUBJECT, "\xc3\xa4");
	expect_text("original", set, PR_ORIGINAL_DISPLAY_TO, "one@y; two@y");
	expect_text("original", set, PR_ORIGINAL_MESSAGE_ID, "<1@x>");
	expect_number("original", set, PR_ORIGINAL_SUBMIT_TIME, SENT);
}

Test(report, comes_back)
{
	g_autofree char *why = roundtrip(failed, strlen(failed));

	cr_expect(!why, "%s", why);
}

/* Addresses beyond ASCII (RFC 6533 3), as they are and in escapes; the part
 * goes out again as it came. */
/* A report of one failed recipient; fields: further ones of it.  Owned. */
static char *report_of(const char *subtype, const char *recipient,
		       const char *fields)
{
	return g_strdup_printf("From: a@x\r\n" DATE
			       "Content-Type: multipart/report; boundary=b;\r\n"
			       " report-type=delivery-status\r\n\r\n"
			       "--b\r\n\r\nSorry.\r\n--b\r\n"
			       "Content-Type: message/%s\r\n\r\n"
			       "Reporting-MTA: dns; mx.x\r\n\r\n"
			       "Final-Recipient: %s\r\nAction: failed\r\n"
			       "Status: 5.1.1\r\n%s\r\n--b--\r\n",
			       subtype, recipient, fields);
}

Test(report, addresses_beyond_ascii)
{
	static const struct {
		const char *field, *address;
	} cases[] = {
		{"utf-8; j\xc3\xbcrgen@y", "j\xc3\xbcrgen@y"},
		{"utf-8; j\\x{FC}rgen@\\x{1F600}.y",
		 "j\xc3\xbcrgen@\xf0\x9f\x98\x80.y"},
		{"UTF-8;a\\x{5C}x{41}@y", "a\\x{41}@y"},
		{"utf-8; a\\x{D800}\\x{0}\\x{1234567}\\x{@y",
		 "a\\x{D800}\\x{0}\\x{1234567}\\x{@y"},
		{"rfc822; a\\x{FC}@y", "a\\x{FC}@y"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *message =
			report_of("global-delivery-status", cases[i].field, "");
		AUTO(propset) set = convert(message);
		g_autofree char *why = roundtrip(message, strlen(message));

		cr_assert_eq(propset_recipient_count(set), 1);
		expect_text(cases[i].field, propset_recipient(set, 0),
			    PR_SMTP_ADDRESS, cases[i].address);
		cr_expect(!why, "%s: %s", cases[i].field, why);
	}
}

Test(report, words_of_servers_in_any_charset)
{
	static const struct {
		const char *name, *octets;
	} cases[] = {
		{"utf-8", "unbekannt: M\xc3\xbcller"},
		{"the default charset", "unbekannt: M\xfcller"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *words = g_strdup_printf(
			"Diagnostic-Code: smtp; %s\r\n", cases[i].octets);
		g_autofree char *message =
			report_of("delivery-status", "rfc822; m@y", words);
		AUTO(propset) set = convert(message);
		g_autofree char *why = roundtrip(message, strlen(message));

		cr_assert_eq(propset_recipient_count(set), 1);
		expect_text(cases[i].name, propset_recipient(set, 0),
			    PR_SUPPLEMENTARY_INFO,
			    "< #5.1.1 smtp; unbekannt: M\xc3\xbcller>");
		cr_expect(!why, "%s: %s", cases[i].name, why);
	}
}

Test(report, codes)
{
	static const struct {
		const char *status;
		int64_t code, diagnostic, reason;
	} cases[] = {
		{"5.1.1", 511, 35, 1},
		{"5.1.10", 510, 0, 0},
		{"4.4.7", 447, 5, 0},
		{"4.4.3", 443, -1, 6},
		{"5.7.1", 571, 29, 0},
		{"5.7.99", 570, 46, 0},
		{"5.0.0", 500, -1, 0},
		{"x", INT64_MIN, INT64_MIN, INT64_MIN},
		{"5", INT64_MIN, INT64_MIN, INT64_MIN},
		{"5.2.2.9", 522, 13, 0},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *text = g_strdup_printf(
			"Content-Type: multipart/report; boundary=b\r\n\r\n"
			"--b\r\nContent-Type: message/delivery-status\r\n\r\n"
			"Final-Recipient: rfc822;a@b\r\nAction: failed\r\n"
			"Status: %s\r\n--b--\r\n",
			cases[i].status);
		AUTO(propset) set = convert(text);
		const struct propset *row = propset_recipient(set, 0);

		cr_assert_eq(propset_recipient_count(set), 1);
		expect_number(cases[i].status, row, PR_NDR_STATUS_CODE,
			      cases[i].code);
		expect_number(cases[i].status, row, PR_NDR_DIAG_CODE,
			      cases[i].diagnostic);
		expect_number(cases[i].status, row, PR_NDR_REASON_CODE,
			      cases[i].reason);
	}
}

Test(report, delivered)
{
	AUTO(propset) set = convert(
		DATE
		"Content-Type: multipart/report; boundary=b\r\n\r\n"
		"--b\r\nContent-Type: message/delivery-status\r\n\r\n"
		"Final-Recipient: rfc822;a@b\r\nAction: delivered\r\n--b--\r\n");

	cr_assert_eq(propset_recipient_count(set), 1);
	expect_number("delivered", propset_recipient(set, 0), PR_DELIVER_TIME,
		      SENT);
}

/* Servers have their own ways; what they mean is clear. */
Test(report, of_a_kind)
{
#define PARTS(fields)                                                          \
 "boundary=b\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"      \
 "Reporting-MTA: dns; x\r\n\r\nFinal-Recipient: rfc822;a@b\r\n" fields         \
 "--b--\r\n"
	static const struct {
		const char *name, *message, *class;
	} cases[] = {
		{"an action of its own",
		 "Content-Type: multipart/report; " PARTS(
			 "Action: deliverable\r\nStatus: 2.1.5\r\n"),
		 "REPORT.IPM.Note.DR"},
		{"no action, later",
		 "Content-Type: multipart/report; " PARTS("Status: 4.2.2\r\n"),
		 "REPORT.IPM.Note.Delayed.DR"},
		{"neither", "Content-Type: multipart/report; " PARTS(""),
		 "REPORT.IPM.Note.NDR"},
		{"mixed, from a daemon",
		 "From: MAILER-DAEMON@x\r\n"
		 "Content-Type: multipart/mixed; " PARTS(
			 "Action: failed\r\nStatus: 5.1.1\r\n"),
		 "REPORT.IPM.Note.NDR"},
		{"mixed, from a person",
		 "From: anna@x\r\n"
		 "Content-Type: multipart/mixed; " PARTS(
			 "Action: failed\r\nStatus: 5.1.1\r\n"),
		 "IPM.Note"},
		{"mixed, without a report",
		 "From: postmaster@x\r\n"
		 "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
		 "--b\r\n\r\nHello\r\n--b--\r\n",
		 "IPM.Note"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		AUTO(propset) set = convert(cases[i].message);

		expect_text(cases[i].name, set, PR_MESSAGE_CLASS,
			    cases[i].class);
	}
}

Test(report, read)
{
	AUTO(propset) set = convert(
		DATE
		"Content-Type: multipart/report; boundary=b\r\n\r\n"
		"--b\r\n\r\nRead.\r\n"
		"--b\r\nContent-Type: message/disposition-notification\r\n\r\n"
		"Original-Message-ID: <1@x>\r\n"
		"X-MSExch-Correlation-Key: AQID\r\n"
		"Disposition: manual-action/MDN-sent-manually; displayed\r\n"
		"--b--\r\n");
	GBytes *key = propset_binary(set, PR_PARENT_KEY);

	expect_text("read", set, PR_MESSAGE_CLASS, "REPORT.IPM.Note.IPNRN");
	expect_text("read", set, PR_ORIGINAL_MESSAGE_ID, "<1@x>");
	expect_text("read", set, PR_REPORT_TEXT, "Read.");
	expect_number("read", set, PR_RECEIPT_TIME, SENT);
	cr_expect(key && g_bytes_get_size(key) == 3);
}

/* Many recipients, and one of many lines: neither costs more than its
 * octets. */
Test(report, large, .timeout = 120)
{
	GString *message = g_string_new(
		"Content-Type: multipart/report; boundary=b\r\n\r\n"
		"--b\r\nContent-Type: message/delivery-status\r\n\r\n");
	struct propset *set = NULL;

	for (int i = 0; i < 100000; i++)
		g_string_append(message,
				"Final-Recipient: rfc822;a@b\r\n"
				"Action: failed\r\n\r\nX: y\r\n z\r\n\r\n");
	set = convert_len(message->str, message->len, NULL);
	cr_expect(propset_recipient_count(set) > 1000 &&
		  propset_recipient_count(set) <= 10000);
	propset_free(set);
	g_string_free(message, TRUE);
}
