/*
 * What submission adds to a message, and what it leaves alone.
 */
#include "field.h"
#include "spooler/fixup.h"

#include <criterion/criterion.h>
#include <string.h>

static char *fixed(const char *message, struct fixup_found *found)
{
	static const struct fixup_options options = {
		.from_address = "anna@okapi.test",
		.from_name = "Anna",
		.origin = "okapi.test",
		.hostname = "mx.okapi.test",
		.now = INT64_C(1795000000000000),
	};
	g_autoptr(GByteArray) out = g_byte_array_new();

	fixup_message(message, strlen(message), &options, out, found);
	g_byte_array_append(out, (const guint8 *)"", 1);
	return g_strdup((const char *)out->data);
}

Test(fixup, a_whole_message_is_left_alone)
{
	static const char message[] =
		"X-Odd:\tfolded\r\n here\r\nTo: a@b\r\nTo: c@d\r\n"
		"from: \"x, y\" <e@f>\r\nDATE: whenever\r\nmessage-id: <1@2>\r\n"
		"\r\nbody\r\n\r\n.\r\n";
	struct fixup_found found;
	g_autofree char *out = fixed(message, &found);

	cr_assert_str_eq(out, message);
	cr_assert_not(found.has_bcc);
	cr_assert_not(found.has_8bit);
}

Test(fixup, what_is_missing_comes_behind_the_fields)
{
	struct fixup_found found;
	g_autofree char *out =
		fixed("Subject: x\r\n\r\nGr\303\274n\r\n", &found);

	cr_assert(g_str_has_prefix(
		out,
		"Subject: x\r\nFrom: \"Anna\" <anna@okapi.test>\r\nDate: "));
	cr_assert_not_null(strstr(out, "\r\nMessage-ID: <"));
	cr_assert_not_null(strstr(out,
				  "charset=utf-8\r\nContent-Transfer-"
				  "Encoding: 8bit\r\n\r\nGr\303\274n\r\n"));
	cr_assert(found.has_8bit);
}

Test(fixup, bcc_goes_with_its_folded_lines)
{
	struct fixup_found found;
	g_autofree char *out =
		fixed("Bcc: a@b,\r\n\tc@d\r\nTo: e@f\r\nresent-bcc: g@h\r\n"
		      "\r\nBcc: in the body\r\n",
		      &found);

	cr_assert(found.has_bcc);
	cr_assert_null(strstr(out, "a@b"));
	cr_assert_null(strstr(out, "c@d"));
	cr_assert_null(strstr(out, "g@h"));
	cr_assert_not_null(strstr(out, "\r\n\r\nBcc: in the body\r\n"));
}

Test(fixup, text_without_fields_gets_an_empty_line)
{
	struct fixup_found found;
	g_autofree char *out = fixed("no field here\r\nnor: here\r\n", &found);

	cr_assert(g_str_has_prefix(out, "From: "));
	cr_assert(g_str_has_suffix(out,
				   "\r\n\r\nno field here\r\nnor: here\r\n"));
}

Test(fixup, addresses_without_domain)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{"To: root", "To: root@o"},
		{"To: root\r\n", "To: root@o\r\n"},
		{"From: root (Cron Daemon)", "From: root@o (Cron Daemon)"},
		{"To: Root <root>", "To: Root <root@o>"},
		{"To: a@b, c, \"d e\" <f>", "To: a@b, c@o, \"d e\" <f@o>"},
		{"To: undisclosed-recipients:;",
		 "To: undisclosed-recipients:;"},
		{"To: G: a, b@c;, d", "To: G: a@o, b@c;, d@o"},
		{"To: \"quoted\"", "To: \"quoted\"@o"},
		{"To: two words", "To: two words"},
		{"To: <>", "To: <>"},
		{"To: a@[1.2.3.4], (c) b", "To: a@[1.2.3.4], (c) b@o"},
		{"To: (unclosed", "To: (unclosed"},
		{"To: \"unclosed", "To: \"unclosed@o"},
		{"To: <unclosed", "To: <unclosed"},
		{"To:", "To:"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *out = fixup_qualify_field(rows[i].in, "o");

		cr_assert_str_eq(out, rows[i].out);
	}
}

Test(fixup, a_field_with_a_blank_before_its_colon_stays)
{
	static const char in[] = "From : a@x\n\nb\n";
	g_autoptr(GByteArray) out = g_byte_array_new();

	fixup_from_stdin(in, strlen(in), out);
	cr_expect_eq(out->len, strlen("From : a@x\r\n\r\nb\r\n"));
}

Test(fixup, lines_from_stdin)
{
	static const char in[] = "From x@y Mon Nov 23\na\r\nb\n\rc\n\nd";
	g_autoptr(GByteArray) out = g_byte_array_new();
	static const char expected[] = "a\r\nb\r\n\rc\r\n\r\nd\r\n";

	fixup_from_stdin(in, strlen(in), out);
	cr_assert_eq(out->len, strlen(expected));
	cr_assert_arr_eq(out->data, expected, out->len);
}

Test(fixup, encoded_words_are_short_and_whole)
{
	g_autofree char *text = NULL;
	g_auto(GStrv) words = NULL;
	GString *long_name = g_string_new(NULL);

	for (int i = 0; i < 50; i++)
		g_string_append(long_name, "\303\274");
	text = field_encoded_words(long_name->str);
	g_string_free(long_name, TRUE);
	words = g_strsplit(text, "\r\n ", -1);
	cr_assert_eq(g_strv_length(words), 3);
	for (char **word = words; *word; word++)
		cr_assert_leq(strlen(*word), 75);
}
