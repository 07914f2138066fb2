/*
 * Base64 by tables: four characters are four look-ups, three octets are two.
 */
#include "base64.h"

#include <string.h>

static const char base64_alphabet[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#define BASE64_BAD 0xff000000u

struct base64_tables {
	/* Of a character at place 0 to 3 of its group, its bits in place. */
	uint32_t bits[4][256];
	/* Of 12 bits, their two characters as they lie in memory. */
	uint16_t pairs[4096];
};

static struct base64_tables base64_tables;

/* Before main, so that nothing is asked on the way. */
__attribute__((constructor)) static void base64_init(void)
{
	struct base64_tables *t = &base64_tables;

	for (int place = 0; place < 4; place++) {
		for (int c = 0; c < 256; c++)
			t->bits[place][c] = BASE64_BAD;
		for (uint32_t i = 0; i < 64; i++)
			t->bits[place][(uint8_t)base64_alphabet[i]] =
				i << (18 - 6 * place);
	}
	for (unsigned i = 0; i < G_N_ELEMENTS(t->pairs); i++) {
		const char pair[2] = {base64_alphabet[i >> 6],
				      base64_alphabet[i & 63]};

		memcpy(&t->pairs[i], pair, sizeof(pair));
	}
}

size_t base64_span(const char *text, size_t len)
{
	const uint32_t *bits = base64_tables.bits[3];
	size_t n = 0;

	while (n < len && bits[(uint8_t)text[n]] != BASE64_BAD)
		n++;
	return n;
}

static inline uint32_t base64_group(const char *text)
{
	const struct base64_tables *t = &base64_tables;

	return t->bits[0][(uint8_t)text[0]] | t->bits[1][(uint8_t)text[1]] |
	       t->bits[2][(uint8_t)text[2]] | t->bits[3][(uint8_t)text[3]];
}

bool base64_decode(const char *text, size_t len, uint8_t *out)
{
	uint32_t all = 0;

	for (; len; len -= 4, text += 4, out += 3) {
		uint32_t group = base64_group(text);

		all |= group;
		out[0] = (uint8_t)(group >> 16);
		out[1] = (uint8_t)(group >> 8);
		out[2] = (uint8_t)group;
	}
	return !(all & BASE64_BAD);
}

bool base64_decode_last(const char *text, size_t len, uint8_t *out)
{
	char group[4] = {'A', 'A', 'A', 'A'};
	uint8_t octets[3];

	memcpy(group, text, len);
	if (!base64_decode(group, sizeof(group), octets) ||
	    octets[len - 1] != 0)
		return false;
	memcpy(out, octets, len - 1);
	return true;
}

static inline void base64_put(const uint8_t octets[3], char *out)
{
	const uint16_t *pairs = base64_tables.pairs;
	uint32_t group = (uint32_t)octets[0] << 16 | (uint32_t)octets[1] << 8 |
			 octets[2];

	memcpy(out, &pairs[group >> 12], 2);
	memcpy(out + 2, &pairs[group & 4095], 2);
}

size_t base64_encode(const uint8_t *data, size_t len, char *out)
{
	uint8_t last[3] = {0};
	const char *start = out;

	for (; len >= 3; len -= 3, data += 3, out += 4)
		base64_put(data, out);
	if (len) {
		memcpy(last, data, len);
		base64_put(last, out);
		out[3] = '=';
		if (len == 1)
			out[2] = '=';
		out += 4;
	}
	return (size_t)(out - start);
}
