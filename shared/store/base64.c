/*
 * Base64 by tables: four characters are four look-ups, three octets are two.
 * Decoding takes 32 characters at once where the processor can (AVX2): every
 * attachment is decoded before anybody is answered, but encoded only for who
 * reads it.
 */
#include "base64.h"

#include <string.h>
#ifdef __x86_64__
# include <immintrin.h>
#endif

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
/* Decodes from the start while it can; returns the characters it took. */
typedef size_t base64_wide_fn(const char *text, size_t len, uint8_t *out);
static base64_wide_fn *base64_wide; /* or NULL */

#ifdef __x86_64__

# define AVX2 __attribute__((target("avx2")))

/* By the halves of an octet, high and low. */
struct base64_halves {
	/* A bit for each kind of high half; those it may not meet: together
	 * they have a bit in common if the octet is none of the alphabet. */
	uint8_t kind[16];
	uint8_t wrong[16];
	/* From a character to its six bits; '/' goes by [1], where nothing
	 * else is. */
	int8_t shift[16];
};

static struct base64_halves base64_halves;

static void base64_init_halves(void)
{
	static const uint8_t kinds[16] = {16, 16, 1,  2,  4,  8,  4,  8,
					  16, 16, 16, 16, 16, 16, 16, 16};
	struct base64_halves *h = &base64_halves;

	memcpy(h->kind, kinds, sizeof(kinds));
	for (int c = 0; c < 256; c++)
		if (!c || !strchr(base64_alphabet, c))
			h->wrong[c & 15] |= kinds[c >> 4];
	for (int i = 0; i < 64; i++) {
		int c = (unsigned char)base64_alphabet[i];

		h->shift[c == '/' ? 1 : c >> 4] = (int8_t)(i - c);
	}
}

AVX2 static inline __m256i base64_table(const void *table)
{
	return _mm256_broadcastsi128_si256(_mm_loadu_si128(table));
}

/* 32 characters into 24 octets, 12 in each half; false: not of the alphabet. */
AVX2 static inline bool base64_block(const char *text, __m256i *ret_octets)
{
	const struct base64_halves *h = &base64_halves;
	const __m256i half = _mm256_set1_epi8(15);
	/* Of a group of four, turned round, its three octets in order. */
	const __m256i order = _mm256_setr_epi8(
		2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1, 2, 1, 0,
		6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1);
	__m256i c = _mm256_loadu_si256((const __m256i *)(const void *)text);
	__m256i high = _mm256_and_si256(_mm256_srli_epi16(c, 4), half);
	__m256i low = _mm256_and_si256(c, half);
	__m256i slash = _mm256_cmpeq_epi8(c, _mm256_set1_epi8('/'));
	__m256i bits;

	if (!_mm256_testz_si256(
		    _mm256_shuffle_epi8(base64_table(h->kind), high),
		    _mm256_shuffle_epi8(base64_table(h->wrong), low)))
		return false;
	bits = _mm256_add_epi8(
		c, _mm256_shuffle_epi8(base64_table(h->shift),
				       _mm256_add_epi8(high, slash)));
	/* Twice 6 bits are 12, twice 12 are 24. */
	bits = _mm256_maddubs_epi16(bits, _mm256_set1_epi16(0x0140));
	bits = _mm256_madd_epi16(bits, _mm256_set1_epi32(0x00011000));
	*ret_octets = _mm256_shuffle_epi8(bits, order);
	return true;
}

/* The last block overlaps the one before, so that nothing is left. */
AVX2 static size_t base64_decode_avx2(const char *text, size_t len,
				      uint8_t *out)
{
	size_t done = 0;
	__m256i octets;

	/* 28 octets are written for 24: what follows has room for four. */
	for (; len - done >= 40; done += 32) {
		uint8_t *to = out + done / 4 * 3;

		if (!base64_block(text + done, &octets))
			return done;
		_mm_storeu_si128((__m128i *)(void *)to,
				 _mm256_castsi256_si128(octets));
		_mm_storeu_si128((__m128i *)(void *)(to + 12),
				 _mm256_extracti128_si256(octets, 1));
	}
	if (len >= 32 && len - done <= 32 &&
	    base64_block(text + len - 32, &octets)) {
		uint8_t last[32];

		_mm256_storeu_si256((__m256i *)(void *)last, octets);
		out += len / 4 * 3 - 24;
		memcpy(out, last, 12);
		memcpy(out + 12, last + 16, 12);
		done = len;
	}
	return done;
}

#endif

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
#ifdef __x86_64__
	base64_init_halves();
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx2"))
		base64_wide = base64_decode_avx2;
#endif
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

bool base64_decode_by_tables(const char *text, size_t len, uint8_t *out)
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

bool base64_decode(const char *text, size_t len, uint8_t *out)
{
	size_t done = base64_wide ? base64_wide(text, len, out) : 0;

	return base64_decode_by_tables(text + done, len - done,
				       out + done / 4 * 3);
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
