/*
 * Transfer encodings undone (RFC 2045 6): quoted-printable and uuencode by
 * GMime, base64 by ourselves.
 */
#include "mime.h"
#include "pages.h"

#include <gmime/gmime.h>
#include <string.h>

/* uuencode: only what stands between "begin" and "end". */
static struct span uu_body(struct span content)
{
	const char *end = content.data + content.len;
	const char *at = content.data;

	while (at < end) {
		const char *lf = memchr(at, '\n', (size_t)(end - at));
		const char *next = lf ? lf + 1 : end;

		if (end - at > 6 && memcmp(at, "begin ", 6) == 0)
			return (struct span){next, (size_t)(end - next)};
		at = next;
	}
	return content;
}

/* A content that GMime decodes, in as many pieces as it is given. */
struct decoding {
	GMimeEncoding state;
	GByteArray *out;
	const char *done; /* what is before was read */
};

static void decode_begin(struct decoding *decoding,
			 GMimeContentEncoding encoding, const char *start)
{
	g_mime_encoding_init_decode(&decoding->state, encoding);
	decoding->out = g_byte_array_new();
	decoding->done = start;
}

/* No piece ends with a line: of uuencode GMime would not know any more that it
 * did. */
static size_t piece_len(const char *at, const char *end)
{
	size_t len = MIN((size_t)(end - at), (size_t)PAGES_PIECE);

	while (at + len < end && at[len - 1] == '\n')
		len++;
	return len;
}

static void decode_step(struct decoding *decoding, const char *at,
			const char *end)
{
	while (at < end) {
		size_t n = piece_len(at, end);
		size_t room = g_mime_encoding_outlen(&decoding->state, n);
		guint old = decoding->out->len;
		size_t got = 0;

		g_byte_array_set_size(decoding->out, old + (guint)room + 64);
		got = g_mime_encoding_step(&decoding->state, at, n,
					   (char *)decoding->out->data + old);
		g_byte_array_set_size(decoding->out, old + (guint)got);
		at += n;
		pages_passed(&decoding->done, at);
	}
}

/* What the end of the content leaves over; owned. */
static GBytes *decode_end(struct decoding *decoding, const char *end)
{
	GByteArray *out = decoding->out;
	guint old = out->len;
	size_t got = 0;

	g_byte_array_set_size(out, old + 64);
	got = g_mime_encoding_flush(&decoding->state, "", 0,
				    (char *)out->data + old);
	g_byte_array_set_size(out, old + (guint)got);
	pages_done(decoding->done, (size_t)(end - decoding->done));
	return g_byte_array_free_to_bytes(out);
}

static GBytes *decode_uuencode(struct span content)
{
	struct decoding decoding;
	const char *end = content.data + content.len;

	content = uu_body(content);
	decode_begin(&decoding, GMIME_CONTENT_ENCODING_UUENCODE, content.data);
	decode_step(&decoding, content.data, end);
	return decode_end(&decoding, end);
}

/* The value of each sign, plus one; 0: it has none. */
static const uint8_t base64_table[256] = {
	['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,
	['G'] = 7,  ['H'] = 8,  ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12,
	['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16, ['Q'] = 17, ['R'] = 18,
	['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
	['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30,
	['e'] = 31, ['f'] = 32, ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36,
	['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41, ['p'] = 42,
	['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
	['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54,
	['2'] = 55, ['3'] = 56, ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60,
	['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64};

static int base64_value(char c)
{
	return base64_table[(uint8_t)c] - 1;
}

/* As many whole groups of four signs as follow each other; how many octets of
 * the input that were.  Most of an attachment is this. */
static size_t base64_groups(const char *in, size_t len, uint8_t *out)
{
	size_t i = 0;

	for (; i + 4 <= len; i += 4) {
		int a = base64_value(in[i]);
		int b = base64_value(in[i + 1]);
		int c = base64_value(in[i + 2]);
		int d = base64_value(in[i + 3]);

		if ((a | b | c | d) < 0)
			break;
		*out++ = (uint8_t)(a << 2 | b >> 4);
		*out++ = (uint8_t)(b << 4 | c >> 2);
		*out++ = (uint8_t)(c << 6 | d);
	}
	return i;
}

/* Is the rest of the line nothing but base64? */
static bool is_base64_line(struct span content, size_t at)
{
	for (; at < content.len && content.data[at] != '\n'; at++)
		if (base64_value(content.data[at]) < 0 &&
		    !strchr("= \t\r", content.data[at]))
			return false;
	return true;
}

/* Other signs are skipped (RFC 2045 6.8); what lacks its padding counts: GMime
 * would lose that.  Behind padding may stand another text of base64, but no
 * line of other signs: that is what lists and scanners append. */
static GBytes *decode_base64(struct span content)
{
	uint8_t *out = g_malloc(content.len / 4 * 3 + 4);
	size_t len = 0;
	const char *done = content.data;
	uint32_t bits = 0;
	unsigned have = 0;
	bool padded = false;

	for (size_t i = 0; i < content.len; i++) {
		size_t left = MIN(content.len - i, (size_t)PAGES_PIECE);
		size_t groups =
			have ? 0
			     : base64_groups(content.data + i, left, out + len);
		int value;

		i += groups;
		len += groups / 4 * 3;
		pages_passed(&done, content.data + i);
		if (i == content.len)
			break;
		value = base64_value(content.data[i]);
		if (value >= 0) {
			bits = bits << 6 | (uint32_t)value;
			have += 6;
			if (have >= 8) {
				have -= 8;
				out[len++] = (uint8_t)(bits >> have);
			}
		} else if (content.data[i] == '=') {
			have = 0;
			padded = true;
		} else if (content.data[i] == '\n' && padded &&
			   !is_base64_line(content, i + 1)) {
			break;
		}
	}
	pages_done(done, (size_t)(content.data + content.len - done));
	return g_bytes_new_take(out, len);
}

/* Does the line that ends before lf close with '=' and blanks?  Those came on
 * the way (RFC 2045 6.7); where they begin, or NULL. */
static const char *soft_blanks(const char *start, const char *lf)
{
	const char *at = lf;

	if (at > start && at[-1] == '\r')
		at--;
	if (at == start || (at[-1] != ' ' && at[-1] != '\t'))
		return NULL;
	while (at > start && (at[-1] == ' ' || at[-1] == '\t'))
		at--;
	return at > start && at[-1] == '=' ? at : NULL;
}

/* GMime takes a soft line break with blanks in it for text. */
static GBytes *decode_quoted_printable(struct span content)
{
	struct decoding decoding;
	const char *end = content.data + content.len;
	const char *from = content.data;
	const char *line = content.data;

	decode_begin(&decoding, GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE, from);
	for (const char *lf; (lf = memchr(line, '\n', (size_t)(end - line)));
	     line = lf + 1) {
		const char *blanks = soft_blanks(line, lf);

		if (!blanks)
			continue;
		decode_step(&decoding, from, blanks);
		from = lf;
	}
	decode_step(&decoding, from, end);
	return decode_end(&decoding, end);
}

GBytes *mime_octets(struct span span)
{
	void *data = g_malloc(span.len);

	pages_copy(data, span.data, span.len);
	return g_bytes_new_take(data, span.len);
}

GBytes *mime_decode_octets(struct span content, enum mime_encoding encoding)
{
	switch (encoding) {
	case MIME_BASE64:
		return decode_base64(content);
	case MIME_QUOTED_PRINTABLE:
		return decode_quoted_printable(content);
	case MIME_UUENCODE:
		return decode_uuencode(content);
	case MIME_IDENTITY:
	case MIME_UNKNOWN_ENCODING:
		break;
	}
	/* The input outlives the conversion, not the set: a copy. */
	return mime_octets(content);
}

GBytes *mime_view(const struct mime_entity *entity)
{
	if (entity->encoding == MIME_IDENTITY ||
	    entity->encoding == MIME_UNKNOWN_ENCODING)
		return g_bytes_new_static(entity->content.data,
					  entity->content.len);
	return mime_decode(entity);
}

GBytes *mime_decode(const struct mime_entity *entity)
{
	return mime_decode_octets(entity->content, entity->encoding);
}
