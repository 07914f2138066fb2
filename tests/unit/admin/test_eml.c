/*
 * Bytes in files: line ends, mbox, dates, header fields.
 */
#include "admin/eml.h"

#include <criterion/criterion.h>
#include <string.h>

static char *text_of(GBytes *bytes)
{
	gsize size = 0;
	const char *data = g_bytes_get_data(bytes, &size);

	return g_strndup(size ? data : "", size);
}

Test(eml, every_bare_lf_becomes_crlf_and_nothing_else_changes)
{
	static const struct {
		const char *in;
		const char *out;
	} cases[] = {{"", ""},
		     {"\n", "\r\n"},
		     {"a\nb\n", "a\r\nb\r\n"},
		     {"a\r\nb\n", "a\r\nb\r\n"},
		     {"no end", "no end\r\n"},
		     {"bare\rcr\n", "bare\rcr\r\n"},
		     {"ends in cr\r", "ends in cr\r\r\n"},
		     {"\n\n", "\r\n\r\n"}};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GBytes) bytes =
			eml_to_crlf(cases[i].in, strlen(cases[i].in));
		g_autofree char *text = text_of(bytes);

		cr_expect_str_eq(text, cases[i].out);
	}
}

Test(eml, crlf_becomes_lf)
{
	g_autoptr(GByteArray) out = eml_to_lf("a\r\nb\rc\r\n\r\n", 10);

	cr_assert_eq(out->len, 7);
	cr_assert_eq(memcmp(out->data, "a\nb\rc\n\n", 7), 0);
}

Test(eml, mboxrd_goes_both_ways)
{
	static const char text[] = "A: b\n\nFrom here\n>From there\n"
				   ">>From yonder\n> From no\nFromage\n";
	g_autoptr(GByteArray) quoted = g_byte_array_new();
	g_autoptr(GByteArray) again = NULL;

	eml_mbox_quote(text, strlen(text), quoted);
	cr_assert(g_strstr_len((const char *)quoted->data, quoted->len,
			       "\n>From here\n>>From there\n>>>From yonder\n"
			       "> From no\nFromage\n"));
	again = eml_mbox_unquote((const char *)quoted->data, quoted->len);
	cr_assert_eq(again->len, strlen(text));
	cr_assert_eq(memcmp(again->data, text, again->len), 0);
}

Test(eml, an_mbox_is_taken_apart)
{
	static const char box[] =
		"From a@b Mon Nov 23 06:03:11 2026\nS: 1\n\nbody\n\n"
		"From MAILER-DAEMON Thu Jan  1 00:00:01 1970\r\nS: 2\r\n\r\n"
		"no blank before\nFrom us\n\n"
		"From x garbage\n";
	struct eml_mbox_message m;
	size_t offset = 0;

	cr_assert(eml_mbox_next(box, strlen(box), &offset, &m));
	cr_assert_str_eq(m.sender, "a@b");
	cr_assert_eq(m.received, INT64_C(1795413791) * USEC_PER_SEC);
	cr_assert_eq(m.len, strlen("S: 1\n\nbody\n"));
	g_free(m.sender);
	cr_assert(eml_mbox_next(box, strlen(box), &offset, &m));
	cr_assert_str_eq(m.sender, "");
	cr_assert_eq(m.received, USEC_PER_SEC);
	cr_assert_eq(strncmp(m.data, "S: 2\r\n", 6), 0);
	cr_assert(g_strstr_len(m.data, (gssize)m.len, "From us"));
	g_free(m.sender);
	cr_assert(eml_mbox_next(box, strlen(box), &offset, &m));
	cr_assert_eq(m.len, 0);
	cr_assert_eq(m.received, 0);
	g_free(m.sender);
	cr_assert_not(eml_mbox_next(box, strlen(box), &offset, &m));
}

Test(eml, a_file_may_begin_with_an_mbox_line)
{
	static const char file[] = "From x@y Mon Nov 23 06:03:11 2026\nA: b\n";
	g_autoptr(GBytes) bytes = g_bytes_new_static(file, strlen(file));
	g_autoptr(GBytes) message = eml_of_file(bytes);
	g_autofree char *text = text_of(message);

	cr_assert_str_eq(text, "A: b\r\n");
}

Test(eml, dates)
{
	static const struct {
		const char *text;
		int64_t seconds;
	} cases[] = {{"Mon, 23 Nov 2026 06:03:11 +0000", 1795413791},
		     {"23 Nov 2026 08:03:11 +0200 (CEST)", 1795413791},
		     {" Mon Nov 23 06:03:11 2026", 1795413791},
		     {"nonsense", 0},
		     {"", 0}};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		cr_expect_eq(eml_parse_date(cases[i].text),
			     cases[i].seconds * USEC_PER_SEC, "%s",
			     cases[i].text);

	g_autofree char *date =
		eml_from_date(INT64_C(1795413791) * USEC_PER_SEC);

	cr_assert_str_eq(date, "Mon Nov 23 06:03:11 2026");
}

Test(eml, header_fields_are_found_and_left_out)
{
	static const char *const names[] = {"Bcc", "Resent-Bcc", NULL};
	static const char text[] = "To: a\r\nBCC: secret,\r\n more\r\n"
				   "X-Bcc: stays\r\nbcc : gone\r\nEnd: x\r\n"
				   "\r\nBcc: body\r\n";
	g_autoptr(GBytes) bytes = g_bytes_new_static(text, strlen(text));
	g_autoptr(GBytes) less = eml_without_headers(bytes, names);
	g_autofree char *out = text_of(less);
	g_autofree char *bcc = eml_header(text, strlen(text), "bcc");

	cr_assert_str_eq(bcc, "secret,   more");
	cr_assert_str_eq(out, "To: a\r\nX-Bcc: stays\r\nEnd: x\r\n\r\n"
			      "Bcc: body\r\n");
	cr_assert_null(eml_header(text, strlen(text), "Subject"));
}

Test(eml, a_field_with_a_blank_before_its_colon_is_no_mbox_line)
{
	static const char file[] = "From : x@y\nA: b\n";
	g_autoptr(GBytes) bytes = g_bytes_new_static(file, strlen(file));
	g_autoptr(GBytes) message = eml_of_file(bytes);
	g_autofree char *text = text_of(message);

	cr_assert_not(eml_is_mbox(file, strlen(file)));
	cr_assert_str_eq(text, "From : x@y\r\nA: b\r\n");
}
