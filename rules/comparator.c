/*
 * Comparing strings, RFC 4790 section 9 and RFC 5051.
 */
#include "comparator.h"

#include <string.h>

struct comparator_row {
	const char *name;
	enum extension extension;
	bool has_substrings;
	bool keeps_length;
};

static const struct comparator_row comparator_table[COMPARATORS] = {
	[COMPARATOR_DEFAULT] = {"", EXTENSION_NONE, true, true},
	[COMPARATOR_OCTET] = {"i;octet", EXTENSION_NONE, true, true},
	[COMPARATOR_ASCII_CASEMAP] = {"i;ascii-casemap", EXTENSION_NONE, true,
				      true},
	[COMPARATOR_ASCII_NUMERIC] = {"i;ascii-numeric",
				      EXTENSION_COMPARATOR_ASCII_NUMERIC, false,
				      true},
	[COMPARATOR_UNICODE_CASEMAP] = {"i;unicode-casemap",
					EXTENSION_NONE, /* may be required */
					true, false},
};

enum comparator comparator_find(const char *name)
{
	for (int i = COMPARATOR_DEFAULT + 1; i < COMPARATORS; i++)
		if (strcmp(comparator_table[i].name, name) == 0)
			return (enum comparator)i;
	return COMPARATOR_DEFAULT;
}

const char *comparator_name(enum comparator comparator)
{
	return comparator_table[comparator].name;
}

enum extension comparator_extension(enum comparator comparator)
{
	return comparator_table[comparator].extension;
}

bool comparator_has_substrings(enum comparator comparator)
{
	return comparator_table[comparator].has_substrings;
}

bool comparator_keeps_length(enum comparator comparator)
{
	return comparator_table[comparator].keeps_length;
}

static char *fold_unicode(const char *text)
{
	g_autofree char *valid = NULL;
	g_autofree char *folded = NULL;

	if (g_str_is_ascii(text)) /* the same, much faster */
		return g_ascii_strdown(text, -1);
	valid = g_utf8_make_valid(text, -1);
	folded = g_utf8_casefold(valid, -1);

	return g_utf8_normalize(folded, -1, G_NORMALIZE_ALL);
}

/* The digits text begins with, without leading zeros; "0" is "". */
static const char *number_digits(const char *text, size_t *ret_len)
{
	while (*text == '0')
		text++;
	*ret_len = strspn(text, "0123456789");
	return text;
}

char *comparator_fold(enum comparator comparator, const char *text)
{
	size_t len;

	switch (comparator) {
	case COMPARATOR_OCTET:
		return g_strdup(text);
	case COMPARATOR_UNICODE_CASEMAP:
		return fold_unicode(text);
	case COMPARATOR_ASCII_NUMERIC:
		if (!g_ascii_isdigit(*text))
			return g_strdup("-"); /* all of them are equal */
		text = number_digits(text, &len);
		return g_strndup(text, len);
	case COMPARATOR_DEFAULT:
	case COMPARATOR_ASCII_CASEMAP:
	case COMPARATORS:
		break;
	}
	return g_ascii_strup(text, -1);
}

static int compare_numbers(const char *a, const char *b)
{
	bool a_is_number = g_ascii_isdigit(*a);
	bool b_is_number = g_ascii_isdigit(*b);
	size_t a_len;
	size_t b_len;

	if (!a_is_number || !b_is_number)
		return (int)b_is_number - (int)a_is_number;
	a = number_digits(a, &a_len);
	b = number_digits(b, &b_len);
	if (a_len != b_len)
		return a_len < b_len ? -1 : 1;
	return memcmp(a, b, a_len);
}

int comparator_compare(enum comparator comparator, const char *a, const char *b)
{
	g_autofree char *folded_a = NULL;
	g_autofree char *folded_b = NULL;

	if (comparator == COMPARATOR_ASCII_NUMERIC)
		return compare_numbers(a, b);
	folded_a = comparator_fold(comparator, a);
	folded_b = comparator_fold(comparator, b);
	return strcmp(folded_a, folded_b);
}
