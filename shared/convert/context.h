/*
 * What one conversion carries around: options, notes, ceilings.  Private to
 * shared/convert.
 */
#ifndef OKAPI_CONVERT_CONTEXT_H
#define OKAPI_CONVERT_CONTEXT_H

#include "convert.h"
#include "mime.h"

struct convert_context {
	const struct convert_options *options;
	GPtrArray *notes;   /* of char *, or NULL */
	GPtrArray *buffers; /* of GBytes: decoded embedded messages */
	unsigned parts;
	unsigned fields;
	bool fields_cut;      /* there were more */
	unsigned tnef_values; /* values and attachments of TNEF so far */
	size_t decoded;       /* octets of header fields decoded so far */
};

/* One line about something that was left out or cut, without words of the
 * message but names of its format, for it goes into the log.  Each conversion
 * keeps a bounded number, and none twice. */
void convert_note(struct convert_context *context, const char *format, ...)
	PRINTF_LIKE(2, 3);

#endif
