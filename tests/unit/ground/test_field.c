/*
 * Values of header fields as they are written.
 */
#include "field.h"

#include <criterion/criterion.h>
#include <string.h>

/* Text of one sign again and again, as encoded words of a Subject. */
Test(field, lines_of_encoded_words_have_76_signs_at_most)
{
	static const char *const signs[] = {
		"\xc3\xbc",         /* two octets */
		"\xe6\xbc\xa2",     /* three */
		"\xf0\x9f\xa6\x92", /* four */
		"a\xc3\xbc",        "a\xf0\x9f\xa6\x92",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(signs); i++) {
		g_autoptr(GString) text = g_string_new(NULL);
		g_autofree char *words = NULL;
		g_autofree char *field = NULL;
		g_auto(GStrv) lines = NULL;

		while (text->len < 300)
			g_string_append(text, signs[i]);
		words = field_encoded_words(text->str);
		field = g_strconcat("Subject: ", words, NULL);
		lines = g_strsplit(field, "\r\n", -1);
		cr_expect_gt(g_strv_length(lines), 4u);
		for (char **line = lines; *line; line++)
			cr_expect_leq(strlen(*line), 76u, "%zu: %zu signs: %s",
				      i, strlen(*line), *line);
	}
}

/* Every word is whole by itself (RFC 2047 5), and all of them are the text. */
Test(field, a_mailbox_keeps_its_lines_short)
{
	static const struct {
		const char *name, *phrase, *address, *expected;
	} cases[] = {
		{"plain", "Anna", "a@b.test", "To: Anna <a@b.test>"},
		{"encoded", "=?UTF-8?B?w4Q=?=", "a@b.test",
		 "To: =?UTF-8?B?w4Q=?= <a@b.test>"},
		{"encoded, and a long address", "=?UTF-8?B?w4Q=?=",
		 "somebody.with.a.long.name@some.where.in.a.long.example.org",
		 "To: =?UTF-8?B?w4Q=?=\r\n "
		 "<somebody.with.a.long.name@some.where.in.a.long.example.org>"},
		{"the last line counts",
		 "=?UTF-8?B?w4TDhMOEw4TDhMOEw4TDhMOEw4TDhMOEw4TDhMOEw4TDhMOE?="
		 "\r\n =?UTF-8?B?w4Q=?=",
		 "a@b.test",
		 "To: "
		 "=?UTF-8?B?w4TDhMOEw4TDhMOEw4TDhMOEw4TDhMOEw4TDhMOEw4TDhMOE?="
		 "\r\n =?UTF-8?B?w4Q=?= <a@b.test>"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GString) out = g_string_new("To: ");

		field_append_mailbox(out, cases[i].phrase, cases[i].address);
		cr_expect_str_eq(out->str, cases[i].expected, "%s",
				 cases[i].name);
	}
}

Test(field, encoded_words_say_the_text)
{
	static const char text[] = "abc J\xc3\xbcrgen \xe6\xbc\xa2\xe5\xad\x97 "
				   "und noch viel mehr, bis ans Ende der Zeile";
	g_autofree char *words = field_encoded_words(text);
	g_auto(GStrv) all = g_strsplit(words, "\r\n ", -1);
	g_autoptr(GString) said = g_string_new(NULL);

	for (char **word = all; *word; word++) {
		size_t len = strlen(*word);
		g_autofree char *base64 = NULL;
		g_autofree guchar *octets = NULL;
		gsize size = 0;

		cr_assert(g_str_has_prefix(*word, "=?UTF-8?B?"));
		cr_assert(g_str_has_suffix(*word, "?="));
		base64 = g_strndup(*word + 10, len - 12);
		octets = g_base64_decode(base64, &size);
		cr_expect(g_utf8_validate((char *)octets, (gssize)size, NULL));
		g_string_append_len(said, (char *)octets, (gssize)size);
	}
	cr_expect_str_eq(said->str, text);
}
