/*
 * Messages as they go over the wire, and the size that BDAT announces.
 */
#include "spooler/relay_content.h"

#include <criterion/criterion.h>
#include <string.h>

static GByteArray *sent(const void *octets, size_t len, bool for_data)
{
	GByteArray *out = g_byte_array_new();
	struct relay_content content;

	relay_content_init(&content, octets, len, for_data);
	while (relay_content_next(&content, out))
		continue;
	return out;
}

static void expect_sent(const char *name, const char *text, bool for_data,
			const char *want)
{
	g_autoptr(GByteArray) out = sent(text, strlen(text), for_data);

	g_byte_array_append(out, (const uint8_t *)"", 1);
	cr_expect_eq(out->len, strlen(want) + 1, "%s: %u octets", name,
		     out->len - 1);
	cr_expect_str_eq((const char *)out->data, want, "%s", name);
}

Test(relay_content, forms)
{
	static const struct {
		const char *name;
		const char *text;
		const char *by_data;
		const char *by_bdat;
	} cases[] = {
		{"nothing", "", ".\r\n", ""},
		{"a line", "a\r\n", "a\r\n.\r\n", "a\r\n"},
		{"a bare LF", "a\nb\r\n", "a\r\nb\r\n.\r\n", "a\r\nb\r\n"},
		{"no end", "a", "a\r\n.\r\n", "a\r\n"},
		{"half an end", "a\r", "a\r\n.\r\n", "a\r\n"},
		{"stray CR", "a\rb\r\r\n", "a b \r\n.\r\n", "a b \r\n"},
		{"dots", ".\r\n..\r\na.", "..\r\n...\r\na.\r\n.\r\n",
		 ".\r\n..\r\na.\r\n"},
		{"no end of data within", "x\r.\ry\n.\n",
		 "x . y\r\n..\r\n.\r\n", "x . y\r\n.\r\n"},
		{"a lone LF", "\n", "\r\n.\r\n", "\r\n"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		expect_sent(cases[i].name, cases[i].text, true,
			    cases[i].by_data);
		expect_sent(cases[i].name, cases[i].text, false,
			    cases[i].by_bdat);
		cr_expect_eq(relay_content_size(cases[i].text,
						strlen(cases[i].text)),
			     strlen(cases[i].by_bdat), "%s", cases[i].name);
	}
}

/* What is announced is what is sent, also where pieces meet. */
Test(relay_content, the_size_is_that_of_what_is_sent)
{
	static const char letters[] = "\r\n.ax";
	g_autoptr(GRand) random = g_rand_new_with_seed(7);

	for (int i = 0; i < 3000; i++) {
		bool is_long = i % 100 == 0;
		size_t len = (size_t)g_rand_int_range(
			random, 0, is_long ? 3 * RELAY_PIECE : 12);
		g_autofree char *text = g_malloc(len + 1);
		g_autoptr(GByteArray) out = NULL;

		for (size_t k = 0; k < len; k++)
			text[k] = is_long && k % RELAY_PIECE > 5 &&
						  k % RELAY_PIECE <
							  RELAY_PIECE - 5
					  ? 'x'
					  : letters[g_rand_int_range(random, 0,
								     5)];
		out = sent(text, len, false);
		cr_assert_eq(relay_content_size(text, len), out->len,
			     "case %d of %zu octets", i, len);
	}
}
