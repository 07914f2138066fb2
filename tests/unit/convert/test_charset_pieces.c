/*
 * Text is decoded a piece after the other: where the border of two falls, and
 * whether the octets may go meanwhile, nobody sees.
 */
#include "charset.h"

#include <criterion/criterion.h>
#include <string.h>

#define PIECE ((size_t)64 << 10) /* READ_PIECE of charset_read.c */
#define LARGE ((size_t)3 << 20)  /* more than PAGES_PIECE */

static const struct piece_case {
	const char *charset, *octets;
	size_t len;
	bool clean;
} cases[] = {
#define CASE(charset, octets, clean)                                           \
 {                                                                             \
  charset, octets, sizeof(octets) - 1, clean                                   \
 }
	CASE("utf-8", "a\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80z", true),
	CASE("utf-8", "\xff\xe2\x82\xc3\xc3\xbc\xbf\xbf\xbf\xbf\xbfz", false),
	CASE("utf-8", "\xe2\0\x82\0\xac\0z", false),
	CASE("koi8-r", "\xc1\xc2", true),
	CASE("iso-8859-1", "\x93\xfc\xdf", true),
	CASE("windows-1258", "a\xcc\xe2\xec", true), /* letters that combine */
	CASE("gb18030", "\xd6\xd0\x81\x30\x81\x30\xce\xc4z", true),
	CASE("gbk", "\xd6\xd0\x80\xce\xc4\x81\x80z", true),
	CASE("gbk", "\xd6\xd0\xffz", false),
	CASE("hz-gb-2312", "~{<:Ky~}a~~b~\n~{2;S{\nc~{<:Ky", true),
	CASE("big5", "\xa4\xa4\x88\x62\x88\x66\xa4\xe5z", true),
	CASE("shift_jis", "\x93\xfa\x96\x7b\xb1z", true),
	CASE("euc-jp", "\xc6\xfc\xcb\xdc\x8e\xb1z", true),
	CASE("euc-jp", "\xad\xa1\xc6\xfc\x8e\xb1z", true), /* by Windows */
	CASE("euc-jp", "\xc6\xfc\xff\xcb\xdcz", false),
	CASE("iso-2022-jp", "\033$BF|K\\\033(Ba\033$@F|\033(Jz", true),
	CASE("iso-2022-jp", "\033$BF|K\\\r\nz\033$BF|\nz",
	     true), /* not ended */
	CASE("iso-2022-jp", "\033$B-!F|\033(I12\033(Bz\033$BF|\r\nz", true),
	CASE("iso-2022-jp", "\033$BF|K\033(Bz\xffz", false),
	CASE("euc-kr", "\xc7\xd1\xb1\xdbz", true),
	CASE("iso-2022-kr", "\033$)C\x0eGQ1[\x0fz", true),
	CASE("utf-7", "a+AOQgrADpAMk-b+-c", true),
#undef CASE
};

/* Blanks, then the octets, of which the first few are before the border. */
static char *shifted(const struct piece_case *test, size_t blanks, size_t total)
{
	char *data = g_malloc(MAX(total, blanks + test->len));

	memset(data, ' ', MAX(total, blanks + test->len));
	memcpy(data + blanks, test->octets, test->len);
	return data;
}

static void check_border(const struct piece_case *test, size_t before)
{
	size_t blanks = PIECE - before;
	size_t len = blanks + test->len;
	g_autofree char *data = shifted(test, blanks, 0);
	g_autofree char *whole = charset_decode(test->charset, data, len);
	g_autofree char *sample =
		charset_decode(test->charset, test->octets, test->len);
	int page = 0;

	cr_expect_eq(strspn(whole, " "), blanks, "%s", test->charset);
	cr_expect_str_eq(whole + strspn(whole, " "), sample,
			 "%s, %zu octets before the border", test->charset,
			 before);
	cr_expect_eq(charset_is_clean(test->charset, data, len), test->clean,
		     "%s, %zu octets before the border", test->charset, before);
	page = charset_exact_codepage(test->charset, test->octets, test->len,
				      sample);
	cr_expect_eq(charset_exact_codepage(test->charset, data, len, NULL),
		     page, "%s, %zu octets before the border", test->charset,
		     before);
	cr_expect_eq(charset_exact_codepage(test->charset, data, len, whole),
		     page, "%s, %zu octets before the border", test->charset,
		     before);
}

Test(charset_pieces, borders)
{
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		for (size_t before = 0; before <= cases[i].len; before++)
			check_border(&cases[i], before);
}

/* Twice as many pieces, so that what goes is not what is still to be read. */
Test(charset_pieces, spent)
{
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *data = shifted(&cases[i], LARGE / 2, LARGE);
		g_autofree char *whole =
			charset_decode(cases[i].charset, data, LARGE);
		g_autofree char *spent =
			charset_decode_spent(cases[i].charset, data, LARGE);

		cr_expect(!strcmp(whole, spent), "%s", cases[i].charset);
	}
}

/* UTF-16 has no octet for a blank; its pairs are cut in the middle. */
Test(charset_pieces, utf16)
{
	static const char sign[] = "\x3d\xd8\x00\xde"; /* U+1F600 */

	for (size_t letters = 0; letters < 2; letters++) {
		g_autoptr(GString) octets =
			g_string_new_len("a\0a", (gssize)letters * 2);
		g_autofree char *text = NULL;
		size_t count = PIECE / 4 + 1;

		for (size_t i = 0; i < count; i++)
			g_string_append_len(octets, sign, 4);
		text = charset_decode("utf-16le", octets->str, octets->len);
		cr_expect_eq(g_utf8_strlen(text, -1), (glong)(letters + count));
		cr_expect(!strstr(text, "\xef\xbf\xbd"));
	}
}

/* Half a pair costs one sign, not those behind it. */
Test(charset_pieces, utf16_half)
{
	static const struct {
		const char *charset, *octets, *text;
		size_t len;
	} halves[] = {
		{"utf-16le", "a\0\x3d\xd8z\0y\0", "a\xef\xbf\xbdzy", 8},
		{"utf-16le", "a\0\x00\xdez\0y\0", "a\xef\xbf\xbdzy", 8},
		{"utf-16be", "\0a\xd8\x3d\0z\0y", "a\xef\xbf\xbdzy", 8},
		{"utf-16", "\xff\xfe\x3d\xd8z\0", "\xef\xbf\xbdz", 6},
		{"utf-16le", "a\0\x3d\xd8", "a\xef\xbf\xbd", 4},
		{"utf-16le", "a\0\x3d\xd8z", "a\xef\xbf\xbd\xef\xbf\xbd", 5},
		{"ucs-2le", "a\0\x3d\xd8z\0", "a\xef\xbf\xbdz", 6},
		{"utf-32le", "\x3d\xd8\0\0z\0\0\0", "\xef\xbf\xbdz", 8},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(halves); i++) {
		g_autofree char *text = charset_decode(
			halves[i].charset, halves[i].octets, halves[i].len);

		cr_expect_str_eq(text, halves[i].text, "%zu, %s", i,
				 halves[i].charset);
	}
}

/* Letters below 0x80 are taken for ASCII without a look, where the octets are
 * kept by their code page: so they are, in any that has them. */
Test(charset_pieces, ascii)
{
	char octets[127];

	for (size_t i = 0; i < sizeof(octets); i++)
		octets[i] = (char)(i + 1);
	for (int page = 1; page < CODEPAGE_UTF8; page++) {
		const char *name = charset_name_of(page);
		bool clean = false;
		g_autofree char *text = charset_decode_codepage(
			page, octets, sizeof(octets), &clean);

		if (!name || page == CODEPAGE_UTF7 || page == 52936 ||
		    g_str_has_prefix(name, "iso-2022") || page == 50221)
			continue;
		cr_expect(clean && strlen(text) == sizeof(octets) &&
				  !memcmp(text, octets, sizeof(octets)),
			  "%s", name);
	}
}
