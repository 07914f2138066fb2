/*
 * PR_RTF_COMPRESSED as RTF (MS-OXRTFCP).
 */
#include "rtf.h"

#include <string.h>

#define HEAD_LEN       16
#define LZFU           0x75465a4cu
#define MELA           0x414c454du
#define DICTIONARY_LEN 4096u
#define RAW_LEN_MAX    (16u << 20)

/* MS-OXRTFCP 2.1.2.1: what the dictionary begins with. */
static const char preset[] =
	"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman "
	"\\fswiss \\fmodern \\fscript \\fdecor MS Sans SerifSymbolArial"
	"Times New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par "
	"\\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";
_Static_assert(sizeof(preset) == 207 + 1, "the dictionary has 207 octets");

static uint32_t number_at(const char *at)
{
	const uint8_t *octet = (const uint8_t *)at;

	return (uint32_t)octet[0] | (uint32_t)octet[1] << 8 |
	       (uint32_t)octet[2] << 16 | (uint32_t)octet[3] << 24;
}

struct dictionary {
	char data[DICTIONARY_LEN];
	size_t at; /* where the next sign goes */
	GString *out;
};

static void put(struct dictionary *dictionary, char c)
{
	g_string_append_c(dictionary->out, c);
	dictionary->data[dictionary->at] = c;
	dictionary->at = (dictionary->at + 1) % DICTIONARY_LEN;
}

/* False at the end. */
static bool put_reference(struct dictionary *dictionary, const uint8_t *pair)
{
	size_t from = (size_t)pair[0] << 4 | pair[1] >> 4;
	size_t len = (pair[1] & 15u) + 2;

	if (from == dictionary->at)
		return false;
	while (len--) {
		put(dictionary, dictionary->data[from]);
		from = (from + 1) % DICTIONARY_LEN;
	}
	return true;
}

static void decompress(struct dictionary *dictionary, const uint8_t *at,
		       const uint8_t *end, size_t raw_len)
{
	while (at < end && dictionary->out->len < raw_len) {
		unsigned control = *at++;

		for (int bit = 0; bit < 8 && at < end; bit++) {
			if (!(control >> bit & 1)) {
				put(dictionary, (char)*at++);
				continue;
			}
			if (end - at < 2 || !put_reference(dictionary, at))
				return;
			at += 2;
		}
	}
}

GString *rtf_unpack(struct span from)
{
	struct dictionary dictionary = {.at = sizeof(preset) - 1};
	size_t raw_len = 0;
	uint32_t kind = 0;

	if (from.len < HEAD_LEN)
		return NULL;
	raw_len = MIN(number_at(from.data + 4), RAW_LEN_MAX);
	kind = number_at(from.data + 8);
	from.data += HEAD_LEN;
	from.len -= HEAD_LEN;
	if (kind == MELA)
		return g_string_new_len(from.data,
					(gssize)MIN(from.len, raw_len));
	if (kind != LZFU)
		return NULL;
	memcpy(dictionary.data, preset, sizeof(preset) - 1);
	dictionary.out = g_string_sized_new(MIN(raw_len, from.len * 9));
	decompress(&dictionary, (const uint8_t *)from.data,
		   (const uint8_t *)from.data + from.len, raw_len);
	g_string_truncate(dictionary.out, MIN(dictionary.out->len, raw_len));
	return dictionary.out;
}
