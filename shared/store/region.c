/*
 * Finding, decoding and encoding regions of base64.
 */
#include "region.h"

#include "base64.h"

#include <string.h>

enum {
	REGION_LINE_MIN = 40,      /* characters of a line that may be one */
	REGION_CHARACTERS = 16384, /* of a piece; a multiple of 4 */
	REGION_OCTETS = REGION_CHARACTERS / 4 * 3,
};

/* The length of the line end at a place: 0 if there is none. */
static size_t region_line_end(const char *at, const char *end, bool *ret_crlf)
{
	if (at < end && *at == '\n') {
		*ret_crlf = false;
		return 1;
	}
	if (end - at >= 2 && at[0] == '\r' && at[1] == '\n') {
		*ret_crlf = true;
		return 2;
	}
	return 0;
}

/* Is there, from a line's first character, what may be a region? */
static bool region_may_begin(const char *at, const char *end,
			     struct region *region)
{
	size_t line = base64_span(at, (size_t)(end - at));
	const char *after = at + line;
	size_t left;

	if (line < REGION_LINE_MIN)
		return false;
	if (line >= BASE64_SIZE(REGION_MIN)) {
		/* One line, whatever follows, unless lines can follow it. */
		size_t pads = 0;

		if (line % 4 == 0 &&
		    region_line_end(after, end, &region->crlf)) {
			region->line = line;
			return true;
		}
		while (after < end && *after == '=' && pads < 2) {
			after++;
			pads++;
		}
		region->line = line + pads;
		return region->line % 4 == 0 &&
		       (after == end ||
			region_line_end(after, end, &region->crlf));
	}
	left = line % 4 ? 0 : region_line_end(after, end, &region->crlf);
	region->line = line;
	after += left;
	return left && base64_span(after, MIN((size_t)(end - after), line)) >=
			       MIN(line, BASE64_SIZE(REGION_MIN) - line);
}

bool region_find(const char *bytes, size_t size, size_t from,
		 struct region *ret_region)
{
	const char *end = bytes + size;
	const char *at = bytes + from;

	if (from) {
		at = memchr(at, '\n', size - from);
		if (!at)
			return false;
		at++;
	}
	while ((size_t)(end - at) >= BASE64_SIZE(REGION_MIN)) {
		if (region_may_begin(at, end, ret_region)) {
			ret_region->start = (size_t)(at - bytes);
			return true;
		}
		at = memchr(at, '\n', (size_t)(end - at));
		if (!at)
			return false;
		at++;
	}
	return false;
}

/* ---- decoding ------------------------------------------------------------
 */

struct region_reader {
	const char *end; /* of the message */
	struct region *region;
	struct sink *to;
	uint8_t octets[REGION_OCTETS];
	size_t filled;
};

static int region_flush(struct region_reader *reader, struct fault *fault)
{
	size_t len = reader->filled;

	reader->filled = 0;
	reader->region->octets += len;
	return len ? reader->to->put(reader->to, reader->octets, len, fault)
		   : 0;
}

/* Makes room for that many octets. */
static int region_room(struct region_reader *reader, size_t octets,
		       struct fault *fault)
{
	return reader->filled + octets > REGION_OCTETS
		       ? region_flush(reader, fault)
		       : 0;
}

/* A last group with padding: 0, or the octets in it. */
static size_t region_last_group(const char *at, const char *end, uint8_t *out)
{
	size_t len;

	if (end - at < 4 || at[3] != '=')
		return 0;
	len = at[2] == '=' ? 2 : 3;
	return base64_decode_last(at, len, out) ? len - 1 : 0;
}

/* Characters that are known to be of the alphabet, then the octets of the last
 * group. */
static int region_take(struct region_reader *reader, const char *at, size_t len,
		       const uint8_t *last, size_t rest, struct fault *fault)
{
	for (size_t done = 0; done < len;) {
		size_t piece = MIN(len - done, REGION_CHARACTERS);

		if (region_room(reader, piece / 4 * 3, fault))
			return -1;
		if (!base64_decode(at + done, piece,
				   reader->octets + reader->filled))
			return fault_set(fault, FAULT_INTERNAL,
					 "base64 that is none");
		reader->filled += piece / 4 * 3;
		done += piece;
	}
	if (!rest)
		return 0;
	if (region_room(reader, rest, fault))
		return -1;
	memcpy(reader->octets + reader->filled, last, rest);
	reader->filled += rest;
	return 0;
}

/*
 * One line of at most region->line characters, into the buffer; nothing of it
 * stays there if it is none.  1: a whole line, 0: a shorter one, with which a
 * region ends, -1: no line of this region, -2: fault.
 */
static int region_line(struct region_reader *reader, const char *at,
		       size_t *ret_len, struct fault *fault)
{
	size_t line = reader->region->line;
	size_t most = MIN(line, (size_t)(reader->end - at));
	size_t len = 0;
	uint8_t last[2];
	size_t rest;
	bool crlf;

	if (line / 4 * 3 <= REGION_OCTETS) {
		/* Short lines go into the buffer whole or not at all. */
		if (region_room(reader, line / 4 * 3, fault))
			return -2;
		if (most == line &&
		    base64_decode(at, line, reader->octets + reader->filled)) {
			reader->filled += line / 4 * 3;
			*ret_len = line;
			return 1;
		}
	}
	len = base64_span(at, most) / 4 * 4;
	rest = region_last_group(at + len, at + most, last);
	*ret_len = len + (rest ? 4 : 0);
	if (*ret_len == 0 ||
	    (at + *ret_len < reader->end &&
	     !region_line_end(at + *ret_len, reader->end, &crlf)))
		return -1;
	return region_take(reader, at, len, last, rest, fault) ? -2
							       : len == line;
}

int region_decode(const char *bytes, size_t size, struct region *region,
		  struct sink *to, struct fault *fault)
{
	struct region_reader reader;
	const char *at = bytes + region->start;
	const char *stop = at; /* behind the last line that is part of it */

	reader.end = bytes + size;
	reader.region = region;
	reader.to = to;
	reader.filled = 0;
	region->octets = 0;
	for (;;) {
		size_t len;
		bool crlf;
		size_t gap;
		int rc = region_line(&reader, at, &len, fault);

		if (rc == -2)
			return -1;
		if (rc >= 0)
			stop = at + len;
		if (rc <= 0)
			break;
		gap = region_line_end(stop, reader.end, &crlf);
		if (!gap || crlf != region->crlf)
			break;
		at = stop + gap;
	}
	region->size = (size_t)(stop - bytes) - region->start;
	return region_flush(&reader, fault);
}

/* ---- encoding ------------------------------------------------------------
 */

struct region_piece {
	char text[REGION_CHARACTERS];
	size_t len;
};

static int region_encoder_flush(struct region_encoder *encoder,
				struct region_piece *piece, struct fault *fault)
{
	size_t len = piece->len;

	piece->len = 0;
	return len ? encoder->to->put(encoder->to, piece->text, len, fault) : 0;
}

/* Octets of whole groups, or the last ones of all. */
static int region_encoder_groups(struct region_encoder *encoder,
				 const uint8_t *data, size_t len,
				 struct region_piece *piece,
				 struct fault *fault)
{
	while (len) {
		size_t room;
		size_t part;

		if (sizeof(piece->text) - piece->len < 8 &&
		    region_encoder_flush(encoder, piece, fault))
			return -1;
		if (encoder->column == encoder->line) {
			if (encoder->crlf)
				piece->text[piece->len++] = '\r';
			piece->text[piece->len++] = '\n';
			encoder->column = 0;
		}
		room = MIN(encoder->line - encoder->column,
			   sizeof(piece->text) - piece->len);
		part = MIN(room / 4 * 3, len);
		room = base64_encode(data, part, piece->text + piece->len);
		piece->len += room;
		encoder->column += room;
		data += part;
		len -= part;
	}
	return 0;
}

static int region_encoder_put(struct sink *sink, const void *data, size_t len,
			      struct fault *fault)
{
	struct region_encoder *encoder = (struct region_encoder *)(void *)sink;
	struct region_piece piece;
	const uint8_t *at = data;

	piece.len = 0;
	while (encoder->carried_len && len) {
		encoder->carried[encoder->carried_len++] = *at++;
		len--;
		if (encoder->carried_len < 3)
			continue;
		encoder->carried_len = 0;
		if (region_encoder_groups(encoder, encoder->carried, 3, &piece,
					  fault))
			return -1;
	}
	if (region_encoder_groups(encoder, at, len / 3 * 3, &piece, fault) ||
	    region_encoder_flush(encoder, &piece, fault))
		return -1;
	at += len / 3 * 3;
	for (len %= 3; len; len--)
		encoder->carried[encoder->carried_len++] = *at++;
	return 0;
}

void region_encoder_init(struct region_encoder *encoder,
			 const struct region *region, struct sink *to)
{
	*encoder = (struct region_encoder){
		.sink = {region_encoder_put},
		.to = to,
		.line = region->line,
		.crlf = region->crlf,
	};
}

int region_encoder_end(struct region_encoder *encoder, struct fault *fault)
{
	struct region_piece piece;

	piece.len = 0;
	if (region_encoder_groups(encoder, encoder->carried,
				  encoder->carried_len, &piece, fault))
		return -1;
	encoder->carried_len = 0;
	return region_encoder_flush(encoder, &piece, fault);
}
