/*
 * A block of MAPI properties within a TNEF stream (MS-OXTNEF 2.1.3.4).
 * Private to shared/convert.
 */
#ifndef OKAPI_CONVERT_TNEF_BLOCK_H
#define OKAPI_CONVERT_TNEF_BLOCK_H

#include "mime.h"

#define PT_STRING8 0x001e /* text of a code page: in TNEF only */

struct tnef_prop {
	uint16_t type; /* without the flag of many values */
	uint16_t id;   /* 0x8000 and above: named, by what follows */
	bool many;
	uint8_t guid[16];
	struct span name; /* UTF-16; without data if it has a number */
	uint32_t lid;
	GArray *values; /* of struct span, little-endian; never empty */
};

/* The properties of a block: of struct tnef_prop, owned; they borrow its
 * octets.  NULL if it is broken anywhere, has more than 4000 properties or more
 * than *values values; those it has are taken off. */
GPtrArray *tnef_block_read(struct span block, unsigned *values);
/* The rows of a table of recipients (MS-OXTNEF 2.1.3.3.22), each an array as
 * above, with the same ceilings, and a row is as much as a value: it may have
 * none.  Owned; NULL if it is broken anywhere. */
GPtrArray *tnef_block_read_rows(struct span table, unsigned *values);

#endif
