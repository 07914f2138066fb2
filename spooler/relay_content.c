/*
 * Messages in pieces for the wire; see relay_content.h.
 */
#include "relay_content.h"

#include <string.h>

void relay_content_init(struct relay_content *content, const void *octets,
			size_t len, bool for_data)
{
	*content = (struct relay_content){
		.at = octets,
		.end = (const uint8_t *)octets + len,
		.for_data = for_data,
	};
}

/* Of a line, without its end. */
static void content_put(GByteArray *out, const uint8_t *octets, size_t len)
{
	guint from = out->len;
	uint8_t *cr;

	if (!len)
		return;
	g_byte_array_append(out, octets, (guint)len);
	while ((cr = memchr(out->data + from, '\r', out->len - from))) {
		*cr = ' ';
		from = (guint)(cr - out->data) + 1;
	}
}

/* A line, or what of it fits into a piece. */
static void content_line(struct relay_content *content, GByteArray *out)
{
	size_t left = (size_t)(content->end - content->at);
	size_t len = MIN(left, RELAY_PIECE);
	const uint8_t *lf = memchr(content->at, '\n', len);
	bool is_last = !lf && len == left;

	if (content->for_data && !content->in_line && *content->at == '.')
		g_byte_array_append(out, (const guint8 *)".", 1);
	if (lf)
		len = (size_t)(lf - content->at);
	if (len && content->at[len - 1] == '\r') /* its LF is in the next */
		len--;
	content_put(out, content->at, len);
	content->in_line = !lf && !is_last;
	content->at = lf ? lf + 1 : is_last ? content->end : content->at + len;
	if (!content->in_line)
		g_byte_array_append(out, (const guint8 *)"\r\n", 2);
}

bool relay_content_next(struct relay_content *content, GByteArray *out)
{
	guint enough = out->len + RELAY_PIECE;

	if (content->is_over)
		return false;
	while (content->at < content->end && out->len < enough)
		content_line(content, out);
	if (content->at < content->end)
		return true;
	content->is_over = true;
	if (content->for_data)
		g_byte_array_append(out, (const guint8 *)".\r\n", 3);
	return true;
}

size_t relay_content_size(const void *octets, size_t len)
{
	const uint8_t *at = octets;
	const uint8_t *end = at + len;
	size_t size = len;
	const uint8_t *lf;

	while (at < end && (lf = memchr(at, '\n', (size_t)(end - at)))) {
		size += lf == at || lf[-1] != '\r';
		at = lf + 1;
	}
	if (at < end) /* the last line has no end, or half of one */
		size += end[-1] == '\r' ? 1 : 2;
	return size;
}
