/*
 * Regions: runs of base64 in the bytes of a message, wherever they stand; no
 * MIME is parsed for it.  A region is lines of one length, the last one as
 * long or shorter, so that its octets, the length and the kind of line end
 * give the same characters again.
 */
#ifndef OKAPI_STORE_REGION_H
#define OKAPI_STORE_REGION_H

#include "base.h"
#include "fault.h"

/* Octets from which on decoding a region pays. */
#define REGION_MIN 128

struct region {
	size_t start;  /* of its first character in the message */
	size_t size;   /* characters, with line ends between them, none after */
	size_t octets; /* decoded */
	size_t line;   /* characters of each line but the last */
	bool crlf;     /* how lines end; else LF */
};

/* Where octets and characters go, piece by piece. */
struct sink {
	int (*put)(struct sink *sink, const void *data, size_t len,
		   struct fault *fault);
};

/* The next place at or after from where a region of REGION_MIN octets may
 * begin: fills start, line and crlf.  from: 0 or the end of a region.  Linear
 * in what it passes over. */
bool region_find(const char *bytes, size_t size, size_t from,
		 struct region *ret_region);
/* Decodes from there as far as encoding gives the very same characters, which
 * base64.h promises of what decodes; fills size and octets. */
NODISCARD int region_decode(const char *bytes, size_t size,
			    struct region *region, struct sink *to,
			    struct fault *fault);

/* Characters out of octets that come in pieces; a sink of its own. */
struct region_encoder {
	struct sink sink;
	struct sink *to;
	size_t line;
	bool crlf;
	size_t column;
	uint8_t carried[3];
	size_t carried_len;
};
void region_encoder_init(struct region_encoder *encoder,
			 const struct region *region, struct sink *to);
/* After the last octet. */
NODISCARD int region_encoder_end(struct region_encoder *encoder,
				 struct fault *fault);

#endif
