/*
 * What parsers of mail were told about in public, one case each: converted
 * soon, in memory bounded by the size, and right.
 */
#include "convert_test.h"

#include <sys/resource.h>

/* Many times slower and larger. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
# define CASE_TIMEOUT 120
# define MEMORY_TIMES 1000
# define LINES_MANY   10000
#else
# define CASE_TIMEOUT 120
# define MEMORY_TIMES 16
# define LINES_MANY   100000
#endif
#define MEMORY_EXTRA (96 * INT64_C(1048576))

static void repeat(GString *out, const char *text, unsigned times)
{
	for (unsigned i = 0; i < times; i++)
		g_string_append(out, text);
}

/* ---- shapes: they have to be converted, that is all -----------------------
 */

static void many_to_fields(GString *out)
{
	repeat(out, "To: a@x\r\n", 500000);
}

static void one_huge_field(GString *out)
{
	g_string_append(out, "Subject: ");
	repeat(out, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n ", 1000000);
}

static void many_fields(GString *out)
{
	for (unsigned i = 0; i < 200000; i++)
		g_string_append_printf(out, "X-%u: y\r\n", i);
}

static void many_continuations(GString *out)
{
	g_string_append(out, "Content-Type: text/plain");
	for (unsigned i = 0; i < 100000; i++)
		g_string_append_printf(out, ";\r\n name*%u*=a", i);
	g_string_append(out, "\r\n\r\n");
}

/* Each has its delimiter in quoted-printable: it is seen in what was decoded
 * alone. */
static void encoded_parts(GString *out)
{
	repeat(out, "0123456789012345678901234567890\r\n", 100);
	for (unsigned i = 0; i < 30; i++) {
		g_autofree char *head = g_strdup_printf(
			"Content-Type: multipart/mixed; boundary=b%u\r\n"
			"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
			"--=62%u\r\n",
			i, i);

		(void)g_string_replace(out, "=", "=3D", 0);
		g_string_prepend(out, head);
	}
}

static void deep_parts(GString *out)
{
	for (unsigned i = 0; i < 10000; i++)
		g_string_append_printf(out,
				       "Content-Type: multipart/mixed; "
				       "boundary=%u\r\n\r\n--%u\r\n",
				       i, i);
}

static void many_parts_of(GString *out, const char *type, const char *last)
{
	g_string_append_printf(
		out, "Content-Type: multipart/%s; boundary=b\r\n\r\n", type);
	repeat(out, "--b\r\n\r\nx\r\n", 9999);
	g_string_append_printf(out, "--b\r\n%s\r\n--b--\r\n", last);
}

static void last_part_is_a_message(GString *out)
{
	many_parts_of(out, "mixed",
		      "Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\n");
}

static void last_part_of_a_digest(GString *out)
{
	many_parts_of(out, "digest", "\r\nSubject: x\r\n\r\n");
}

static void messages_in_parts(GString *out)
{
	for (unsigned i = 0; i < 5000; i++)
		g_string_append_printf(
			out,
			"Content-Type: multipart/mixed; boundary=%u\r\n\r\n"
			"--%u\r\nContent-Type: message/rfc822\r\n\r\n",
			i, i);
}

static void same_boundary_within_itself(GString *out)
{
	repeat(out,
	       "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
	       "Content-Type: message/rfc822\r\n\r\n",
	       20000);
}

static void open_comments(GString *out)
{
	g_string_append(out, "From: ");
	repeat(out, "a(b(c", 100000);
	g_string_append(out, "\r\nTo: ");
	repeat(out, "(", 100000);
	g_string_append(out, "\r\nDate: ");
	repeat(out, "(", 100000);
	g_string_append(out, "\r\nContent-Type: ");
	repeat(out, "(", 100000);
	g_string_append(out, "\r\n\r\n");
}

static void open_groups(GString *out)
{
	g_string_append(out, "To: ");
	repeat(out, "g:", 200000);
	g_string_append(out, "\r\n\r\n");
}

static void long_lines_of_quotes(GString *out)
{
	static const char *const fields[] = {
		"From",
		"To",
		"Subject",
		"Content-Type",
		"Content-Disposition",
		"Received",
		"Message-ID",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(fields); i++) {
		g_string_append_printf(out, "%s: ", fields[i]);
		repeat(out, "\"\\\" a\\", 30000);
		g_string_append(out, "\r\n");
	}
	g_string_append(out, "\r\n");
}

/* Ids that all have the hash of the others, for the usual hash of GLib: "Ab"
 * and "BA" meet. */
static void append_colliding(GString *out, unsigned i)
{
	for (int bit = 0; bit < 17; bit++)
		g_string_append(out, i >> bit & 1 ? "Ab" : "BA");
}

static void ids_that_collide(GString *out)
{
	g_string_append(out,
			"Content-Type: multipart/related; boundary=b\r\n\r\n"
			"--b\r\nContent-Type: text/html\r\n\r\n");
	for (unsigned i = 0; i < 100000; i++) {
		g_string_append(out, "<a b=cid:");
		append_colliding(out, i);
		g_string_append(out, ">");
	}
	g_string_append(out, "\r\n--b\r\nContent-ID: <x>\r\n\r\n\r\n--b--\r\n");
}

static void names_that_collide(GString *out)
{
	g_string_append(out,
			"Content-Type: multipart/report; boundary=b;"
			" report-type=delivery-status\r\n\r\n--b\r\n\r\n"
			"--b\r\nContent-Type: message/delivery-status\r\n\r\n");
	for (unsigned i = 0; i < 100000; i++) {
		append_colliding(out, i);
		g_string_append(out, ": x\r\n");
	}
	g_string_append(out, "--b--\r\n");
}

static void text_that_begins_files(GString *out)
{
	g_string_append(out, "\r\n");
	repeat(out, "begin 644 x\r\n#0V%T\r\n=ybegin line=1 size=1 name=x\r\n",
	       LINES_MANY);
}

static void zones_without_end(GString *out)
{
	g_string_append(out, "Content-Type: text/calendar; method=REQUEST"
			     "\r\n\r\nBEGIN:VCALENDAR\r\n");
	repeat(out,
	       "BEGIN:VTIMEZONE\r\nTZID:x\r\nBEGIN:STANDARD\r\n"
	       "DTSTART:16010101T000000\r\nRRULE:FREQ=SECONDLY\r\n"
	       "TZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\nEND:STANDARD\r\n"
	       "END:VTIMEZONE\r\n",
	       60);
	g_string_append(out, "BEGIN:VEVENT\r\nDTSTART;TZID=x:99991231T235959"
			     "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n");
}

static const struct {
	const char *advisory, *name;
	void (*make)(GString *out);
} shapes[] = {
	{"CVE-2024-23184", "500,000 address fields", many_to_fields},
	{"CVE-2024-23185", "a field of 34 MB", one_huge_field},
	{"CVE-2024-23185", "200,000 fields", many_fields},
	{"CVE-2026-27859", "100,000 pieces of a parameter", many_continuations},
	{"CVE-2020-12100", "10,000 parts within each other", deep_parts},
	{"CVE-2020-25275", "a message as the last of 10,000 parts",
	 last_part_is_a_message},
	{"CVE-2020-25275", "the last of 10,000 parts of a digest",
	 last_part_of_a_digest},
	{"CVE-2026-26312", "messages and parts in turn", messages_in_parts},
	{"CVE-2026-26312", "one boundary for all", same_boundary_within_itself},
	{"CVE-2025-14874", "comments within each other", open_comments},
	{"CVE-2019-19722", "groups within each other", open_groups},
	{"CVE-2014-3618", "lines of quotes and backslashes",
	 long_lines_of_quotes},
	{"CVE-2017-16844", "lines of quotes and backslashes",
	 long_lines_of_quotes},
	{"CVE-2021-33582", "content ids of one hash", ids_that_collide},
	{"CVE-2021-33582", "field names of one hash", names_that_collide},
	{"CVE-2020-7957", "files that only begin", text_that_begins_files},
	{"CVE-2016-5827", "time zones that change every second",
	 zones_without_end},
};

static int64_t memory_now(void)
{
	struct rusage usage;

	(void)getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss * INT64_C(1024);
}

Test(advisories, shapes, .timeout = CASE_TIMEOUT)
{
	for (size_t i = 0; i < G_N_ELEMENTS(shapes); i++) {
		GString *message = g_string_new(NULL);
		int64_t before = 0;
		int64_t limit = 0;

		shapes[i].make(message);
		before = memory_now();
		limit = before + MEMORY_EXTRA +
			MEMORY_TIMES * (int64_t)message->len;
		propset_free(convert_len(message->str, message->len, NULL));
		cr_expect(memory_now() <= limit,
			  "%s, %s: %" PRId64 " MB for %zu octets",
			  shapes[i].advisory, shapes[i].name,
			  (memory_now() - before) >> 20, message->len);
		g_string_free(message, TRUE);
	}
}

/* ---- values: what has to come of it ---------------------------------------
 */

static const struct {
	const char *advisory, *name, *message;
	uint32_t tag;
	const char *expected; /* NULL: absent */
} values[] = {
	{"CVE-2017-14461", "a backslash at the end of an address",
	 "To: a@x, \"b\\\r\n\r\n", PR_DISPLAY_TO, "a@x; b\\"},
	{"CVE-2017-14461", "a backslash at the end of a word", "To: \\\r\n\r\n",
	 PR_DISPLAY_TO, "\\"},
	{"CVE-2026-47088", "a comment that ends in a backslash",
	 "Subject: s\r\nTo: a@x (comment \\", PR_DISPLAY_TO, "comment \\"},
	{"CVE-2026-47088", "the same in a date", "Date: (comment \\",
	 PR_SUBJECT, ""},
	{"CVE-2026-47088", "the same in a type", "Content-Type: (comment \\",
	 PR_MESSAGE_CLASS, "IPM.Note"},
	{"CVE-2019-19722", "nobody named",
	 "To: undisclosed-recipients:;\r\n\r\n", PR_DISPLAY_TO, ""},
	{"CVE-2019-19722", "an empty sender", "From:\r\n\r\n",
	 PR_SENDER_EMAIL_ADDRESS, NULL},
	{"CVE-2019-19722", "a group as sender", "From: g: a@x;\r\n\r\n",
	 PR_SENDER_EMAIL_ADDRESS, "a@x"},
	{"CVE-2019-19722", "an empty group as sender", "From: g:;\r\n\r\n",
	 PR_SENDER_EMAIL_ADDRESS, ""},
	{"CVE-2019-19722", "the name of an empty group", "From: g:;\r\n\r\n",
	 PR_SENDER_NAME, "g"},
	{"CVE-2019-19722", "a quoted name of an empty group",
	 "From: \"g\\n \\\"h\\\"\":;\r\n\r\n", PR_SENDER_NAME, "gn \"h\""},
	{"CVE-2020-7957", "a preview of a charset of 16 bits cut",
	 "Content-Type: text/plain; charset=utf-16\r\n\r\na", PR_BODY,
	 "\xef\xbf\xbd"},
	{"CVE-2020-7957", "a preview of HTML that is one comment",
	 "Content-Type: text/html\r\n\r\n<!--", PR_BODY, ""},
	{"CVE-2020-7957", "a preview of HTML without text",
	 "Content-Type: text/html\r\n\r\n<p><br></p>", PR_BODY, ""},
	{"CVE-2025-14874", "an address in the name of another",
	 "From: \"x@evil.example\" <y@good.example>\r\n\r\n",
	 PR_SENDER_SMTP_ADDRESS, "y@good.example"},
	{"CVE-2025-14874", "an address in a quoted local part",
	 "From: \"x@evil.example x\"@good.example\r\n\r\n",
	 PR_SENDER_SMTP_ADDRESS, "\"x@evil.example x\"@good.example"},
	{"CVE-2025-7962", "line breaks in an encoded word",
	 "Subject: =?utf-8?q?a=0D=0ABcc:_b@x?=\r\n\r\n", PR_SUBJECT,
	 "a  Bcc: b@x"},
	{"CVE-2020-10967", "an empty quoted local part",
	 "From: <\"\"@x>\r\n\r\n", PR_SENDER_SMTP_ADDRESS, "\"\"@x"},
	{"CVE-2020-7046", "half a character at the end",
	 "Subject: \xc3\r\n\r\n", PR_SUBJECT, "\xc3\x83"},
};

Test(advisories, values)
{
	for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
		AUTO(propset) set = convert(values[i].message);
		g_autofree char *name = g_strconcat(values[i].advisory, ", ",
						    values[i].name, NULL);

		expect_text(name, set, values[i].tag, values[i].expected);
	}
}

/* No recipient that nobody named: CVE-2025-14874, misdelivery. */
Test(advisories, recipients_are_who_was_meant)
{
	AUTO(propset) set =
		convert("To: \"x@evil.example\" <y@good.example>\r\n\r\n");

	cr_assert_eq(propset_recipient_count(set), 1);
	expect_text("to", propset_recipient(set, 0), PR_SMTP_ADDRESS,
		    "y@good.example");
}

/* No value becomes a second field or command: CVE-2025-7962. */
Test(advisories, no_value_brings_a_field)
{
	static const uint32_t tags[] = {
		PR_SUBJECT,
		PR_SENDER_SMTP_ADDRESS,
		PR_SENDER_NAME,
		PR_INTERNET_MESSAGE_ID,
		PR_IN_REPLY_TO_ID,
		PR_INTERNET_REFERENCES,
		PR_CONVERSATION_TOPIC,
	};

	for (size_t i = 0; i < G_N_ELEMENTS(tags); i++) {
		AUTO(propset) set = convert("From: a@x\r\n\r\nx");
		GByteArray *out = NULL;
		struct fault fault = {0};

		propset_set_text(set, tags[i],
				 "a\r\nBcc: b@x\r\n\r\nRCPT TO:<b@x>\r\n.\r\n");
		cr_assert(convert_to_rfc822(set, &out, &fault) == 0);
		cr_expect_null(memmem(out->data, out->len, "\nBcc", 4), "%s",
			       proptag_name(tags[i]));
		cr_expect_null(memmem(out->data, out->len, "\nRCPT", 5), "%s",
			       proptag_name(tags[i]));
		g_byte_array_unref(out);
	}
}

/* What was too much is said, and nothing of it is refused. */
Test(advisories, what_was_left_out_is_said, .timeout = CASE_TIMEOUT)
{
	static const struct {
		void (*make)(GString *out);
		const char *note;
	} cases[] = {
		{many_to_fields, "more than 20000 header fields"},
		{one_huge_field, "a header field was cut"},
		{many_continuations, "a parameter list was cut"},
		{deep_parts, "parts nested too deep were kept whole"},
		{encoded_parts, "parts nested too deep were kept whole"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		GString *message = g_string_new(NULL);
		g_autoptr(GPtrArray) notes =
			g_ptr_array_new_with_free_func(g_free);
		bool said = false;

		cases[i].make(message);
		propset_free(convert_len(message->str, message->len, notes));
		for (guint n = 0; n < notes->len; n++)
			said = said || !strcmp(notes->pdata[n], cases[i].note);
		cr_expect(said, "%s", cases[i].note);
		g_string_free(message, TRUE);
	}
}
