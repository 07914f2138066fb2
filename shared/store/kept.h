/*
 * What is kept of a message: its bytes in as little room as they need.
 *
 * Each run of base64 is decoded; what is long enough is a value of its own in
 * lob, shared by all messages that have it (a part), the rest goes, with the
 * bytes between, into the skeleton, which is compressed:
 *
 *   octet    SQUEEZE_VERSION
 *   number   of regions; for each of them:
 *     number   of octets before it that are in the frame as they are
 *     number   of its decoded octets
 *     number   of characters of its lines
 *     number   bits: 1 lines end with CRLF, 2 its octets are a part
 *   frame    all that is no part, in order (squeeze.h)
 *
 * Numbers are of seven bits an octet, low ones first, the eighth says that more
 * follow.  A part that compression pays for is kept in the same form, without
 * regions.
 */
#ifndef OKAPI_STORE_KEPT_H
#define OKAPI_STORE_KEPT_H

#include "lob.h"
#include "region.h"

/* Decoded octets from which on a region is a part. */
#define KEPT_PART_MIN 1024

enum {
	KEPT_CRLF = 1,
	KEPT_PART = 2,
};

struct kept {
	struct lob_value whole; /* hash and size of the message */
	GArray *parts;          /* of struct lob_value, in order */
};

/* Are the files of all parts still those that were seen whole?  If not, the
 * message is packed anew.  Within the write lock, where nobody purges them. */
bool content_has_parts(struct store *store, const struct kept *kept);
/* Rows of the parts of a row of lob. */
NODISCARD int content_put_parts(struct store *store, int64_t lob,
				const struct kept *kept, struct fault *fault);
/* repack.c: packs whatever is there from before; units of its own. */
NODISCARD int store_repack(struct store *store, struct fault *fault);

#endif
