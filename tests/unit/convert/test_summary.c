/*
 * A summary says of a message what the whole conversion says of it, as far as
 * lists show it; and nothing else of the header.
 */
#include "convert_test.h"

#include <stdio.h>

#define CORPUS "../shared/corpus"
#define EVERY  5 /* of the corpus */

static const uint32_t listed[] = {
	PR_SUBJECT,
	PR_CLIENT_SUBMIT_TIME,
	PR_MESSAGE_DELIVERY_TIME,
	PR_SENT_REPRESENTING_NAME,
	PR_SENT_REPRESENTING_EMAIL_ADDRESS,
	PR_SENDER_NAME,
	PR_SENDER_EMAIL_ADDRESS,
	PR_DISPLAY_TO,
	PR_DISPLAY_CC,
	PR_INTERNET_MESSAGE_ID,
	PR_MESSAGE_CLASS,
	PR_IMPORTANCE,
	PR_CONTENT_FILTER_SCL,
	PR_HASATTACH,
};

static struct propset *convert_as(const char *message, size_t len,
				  unsigned flags)
{
	const struct convert_options options = {
		.flags = flags,
		.default_charset = "windows-1252",
	};

	convert_init();
	return convert_to_propset(message, len, &options, NULL);
}

static void expect_same(const char *name, const struct propset *whole,
			const struct propset *summary, uint32_t tag)
{
	switch (PROP_TYPE(tag)) {
	case PT_UNICODE:
		expect_text(name, summary, tag, propset_text(whole, tag));
		break;
	case PT_BOOLEAN:
		cr_expect(propset_bool(summary, tag) ==
				  propset_bool(whole, tag),
			  "%s: %s", name, proptag_name(tag));
		break;
	default:
		expect_number(name, summary, tag,
			      propset_number(whole, tag, INT64_MIN));
	}
}

static void compare(const char *name, const char *message, size_t len)
{
	AUTO(propset) whole = convert_as(message, len, CONVERT_ALL);
	AUTO(propset) summary =
		convert_as(message, len, CONVERT_SKETCH | CONVERT_SUMMARY);

	for (size_t i = 0; i < G_N_ELEMENTS(listed); i++)
		expect_same(name, whole, summary, listed[i]);
	cr_expect(propset_attachment_count(whole) ==
			  propset_attachment_count(summary),
		  "%s: attachments", name);
	cr_expect(!propset_has(summary, PR_TRANSPORT_MESSAGE_HEADERS), "%s",
		  name);
	cr_expect(propset_header_count(summary) == 0, "%s", name);
}

Test(summary, as_the_whole)
{
	static const struct {
		const char *name, *message;
	} cases[] = {
		{"nothing", "\r\n"},
		{"plain",
		 "From: Ann <ann@example.org>\r\nTo: b@example.org, "
		 "\"C; D\" <c@example.org>\r\nCc: e@example.org\r\n"
		 "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
		 "Date: Tue, 14 May 2024 10:11:10 +0200\r\n"
		 "Message-ID: <1@example.org>\r\nX-Priority: 1\r\n\r\nhi\r\n"},
		{"sender alone", "Sender: s@example.org\r\n\r\nhi\r\n"},
		{"sender and from",
		 "Sender: S <s@example.org>\r\nFrom: f@example.org\r\n\r\n"},
		{"no date but a trace",
		 "Received: from a by b; Tue, 14 May 2024 10:11:10 +0200\r\n"
		 "From: f@example.org\r\n\r\nhi\r\n"},
		{"attachment",
		 "From: f@example.org\r\nContent-Type: multipart/mixed; "
		 "boundary=x\r\n\r\n--x\r\n\r\nhi\r\n--x\r\n"
		 "Content-Type: application/pdf; name=a.pdf\r\n\r\nPDF\r\n"
		 "--x--\r\n"},
		{"report",
		 "From: MAILER-DAEMON\r\nContent-Type: multipart/report; "
		 "report-type=delivery-status; boundary=x\r\n\r\n--x\r\n\r\n"
		 "no\r\n--x\r\nContent-Type: message/delivery-status\r\n\r\n"
		 "Reporting-MTA: dns; mx\r\n\r\nFinal-Recipient: rfc822; "
		 "a@b\r\nAction: failed\r\nStatus: 5.1.1\r\n--x--\r\n"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		compare(cases[i].name, cases[i].message,
			strlen(cases[i].message));
}

Test(summary, has_no_recipients)
{
	static const char message[] =
		"From: a@example.org\r\nTo: b@example.org\r\n"
		"X-Mailer: m\r\n\r\n";
	AUTO(propset) set = convert_as(message, sizeof(message) - 1,
				       CONVERT_SKETCH | CONVERT_SUMMARY);

	expect_text("to", set, PR_DISPLAY_TO, "b@example.org");
	cr_expect(propset_recipient_count(set) == 0);
	cr_expect(!propset_has(set, PR_SENT_REPRESENTING_ENTRYID));
}

Test(summary, corpus, .timeout = 120)
{
	g_autofree char *manifest = NULL;
	g_auto(GStrv) lines = NULL;

	if (!g_file_get_contents(CORPUS "/MANIFEST.tsv", &manifest, NULL,
				 NULL)) {
		(void)fprintf(stderr, "test_summary: SKIPPED, there is no %s\n",
			      CORPUS);
		return;
	}
	lines = g_strsplit(manifest, "\n", -1);
	for (size_t i = 0; lines[i]; i++) {
		g_auto(GStrv) fields = g_strsplit(lines[i], "\t", 5);
		g_autofree char *path = NULL;
		g_autofree char *data = NULL;
		gsize len = 0;

		if (i % EVERY || g_strv_length(fields) < 5 ||
		    strcmp(fields[3], "input") != 0)
			continue;
		path = g_build_filename(CORPUS, fields[0], NULL);
		if (g_file_get_contents(path, &data, &len, NULL))
			compare(fields[0], data, len);
	}
}
