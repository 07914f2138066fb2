/*
 * A TNEF stream, taken apart (MS-OXTNEF 2.1).  Private to shared/convert.
 */
#ifndef OKAPI_CONVERT_TNEF_STREAM_H
#define OKAPI_CONVERT_TNEF_STREAM_H

#include "context.h"
#include "tnef_block.h"

#define TNEF_VALUES_MAX 20000 /* and attachments, of a whole message */

struct tnef_attachment {
	struct span title;
	struct span data;
	int64_t created, modified;
	GPtrArray *props; /* or NULL */
};

/* What a stream says.  All of it borrows from the stream. */
struct tnef {
	struct convert_context *context;
	GBytes *stream;
	int codepage;
	bool bad_sum; /* seen in the wild; the lengths say if it is broken */
	struct span class, body, recipients;
	GPtrArray *props;       /* or NULL */
	GPtrArray *attachments; /* of struct tnef_attachment */
};

/* Walks over the attributes of tnef->stream; context and codepage are set
 * before.  False if it is none, is broken anywhere or is too much. */
bool tnef_stream_read(struct tnef *tnef);
/* Also after that. */
void tnef_stream_clear(struct tnef *tnef);

#endif
