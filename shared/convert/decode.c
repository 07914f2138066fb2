/*
 * Transfer encodings undone (RFC 2045 6): quoted-printable and uuencode by
 * GMime, base64 by ourselves.
 */
#include "mime.h"

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

static GBytes *decode_with(struct span content, GMimeContentEncoding encoding)
{
	GMimeEncoding state;
	GByteArray *out = g_byte_array_new();
	const size_t chunk = 1 << 20;

	g_mime_encoding_init_decode(&state, encoding);
	for (size_t done = 0; done <= content.len; done += chunk) {
		size_t n = MIN(chunk, content.len - done);
		bool last = done + n >= content.len;
		guint old = out->len;
		size_t got = 0;

		g_byte_array_set_size(
			out,
			old + (guint)g_mime_encoding_outlen(&state, n) + 64);
		if (last)
			got = g_mime_encoding_flush(&state, content.data + done,
						    n, (char *)out->data + old);
		else
			got = g_mime_encoding_step(&state, content.data + done,
						   n, (char *)out->data + old);
		g_byte_array_set_size(out, old + (guint)got);
		if (last)
			break;
	}
	return g_byte_array_free_to_bytes(out);
}

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
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
	uint32_t bits = 0;
	unsigned have = 0;
	bool padded = false;

	for (size_t i = 0; i < content.len; i++) {
		int value = base64_value(content.data[i]);

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
	return g_bytes_new_take(out, len);
}

GBytes *mime_decode(const struct mime_entity *entity)
{
	switch (entity->encoding) {
	case MIME_BASE64:
		return decode_base64(entity->content);
	case MIME_QUOTED_PRINTABLE:
		return decode_with(entity->content,
				   GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE);
	case MIME_UUENCODE:
		return decode_with(uu_body(entity->content),
				   GMIME_CONTENT_ENCODING_UUENCODE);
	case MIME_IDENTITY:
	case MIME_UNKNOWN_ENCODING:
		break;
	}
	/* The input outlives the conversion, not the set: a copy. */
	return g_bytes_new(entity->content.data, entity->content.len);
}
