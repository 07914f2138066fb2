/*
 * The quick look at UTF-8 says what GLib says.
 */
#include "utf8.h"

#include <criterion/criterion.h>
#include <string.h>

static void expect_same(const char *text, size_t len)
{
	bool want = g_utf8_validate_len(text, len, NULL);
	g_autofree char *made = utf8_make_valid(text, len);
	g_autofree char *theirs = g_utf8_make_valid(text, (gssize)len);

	cr_expect_eq(utf8_is_valid(text, len), want, "%.*s", (int)len, text);
	cr_expect_str_eq(made, theirs);
}

Test(utf8, as_glib_says)
{
	static const char *const texts[] = {
		"",
		"a",
		"plain ASCII, longer than a word of it",
		"caf\303\251",
		"\342\230\272 sixteen octets!",
		"seven77\303\251",          /* a character over two words */
		"sevenAB\303",              /* cut */
		"\300\200",                 /* a zero in two octets */
		"\355\240\200",             /* a surrogate */
		"\364\220\200\200",         /* beyond Unicode */
		"\360\237\230\200 outside", /* four octets */
		"\200 alone",
		"12345678\377",
		"\177\001\002\003\004\005\006\007\010",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
		expect_same(texts[i], strlen(texts[i]));
}

Test(utf8, a_zero_octet_is_none)
{
	static const char text[] = "1234567890123456";

	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		char copy[sizeof(text)];

		memcpy(copy, text, sizeof(text));
		copy[i] = '\0';
		cr_expect(!utf8_is_valid(copy, sizeof(text) - 1));
	}
}

/* Every octet behind every place in a word, and pairs of them. */
Test(utf8, octets)
{
	for (size_t place = 0; place < 12; place++)
		for (unsigned octet = 1; octet < 256; octet++) {
			char text[] = "abcdefghijklmnopqrst";

			text[place] = (char)octet;
			expect_same(text, strlen(text));
			text[place + 1] = (char)0xa9;
			expect_same(text, strlen(text));
		}
}
