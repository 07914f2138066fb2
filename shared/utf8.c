/*
 * UTF-8 told from other octets, fast where it is ASCII.
 */
#include "utf8.h"

#include <string.h>

#define HIGH_BITS UINT64_C(0x8080808080808080)
#define LOW_BITS  UINT64_C(0x0101010101010101)

/* How many octets at the beginning are ASCII and not zero, looked at by
 * eights: the last few may be more of them. */
static size_t ascii_prefix(const char *text, size_t len)
{
	size_t i = 0;

	for (; i + sizeof(uint64_t) <= len; i += sizeof(uint64_t)) {
		guint64 word = 0;

		memcpy(&word, text + i, sizeof(word));
		word = GUINT64_FROM_LE(word);
		/* A zero octet borrows from above: it sets its high bit. */
		word = (word | (word - LOW_BITS)) & HIGH_BITS;
		if (word)
			return i + (size_t)__builtin_ctzll(word) / 8;
	}
	return i;
}

bool utf8_is_valid(const char *text, size_t len)
{
	size_t i = 0;

	while (i < len) {
		const char *at = text + i;
		size_t ascii = ascii_prefix(at, len - i);

		if (ascii) {
			i += ascii;
			continue;
		}
		if ((unsigned char)*at < 0x80) {
			if (!*at)
				return false;
			i++;
			continue;
		}
		if (g_utf8_get_char_validated(at, (gssize)(len - i)) >=
		    (gunichar)-2)
			return false;
		i += (size_t)(g_utf8_next_char(at) - at);
	}
	return true;
}

char *utf8_make_valid(const char *text, size_t len)
{
	char *copy = NULL;

	if (!utf8_is_valid(text, len))
		return g_utf8_make_valid(text, (gssize)len);
	copy = g_malloc(len + 1);
	if (len) /* text may be NULL then */
		memcpy(copy, text, len);
	copy[len] = '\0';
	return copy;
}
