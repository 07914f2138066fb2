/*
 * What the fuzz targets of conversion judge messages by.
 */
#ifndef OKAPI_FUZZ_CHECK_H
#define OKAPI_FUZZ_CHECK_H

#include "base.h"

#include <stdlib.h>

static inline void check(bool holds)
{
	if (!holds)
		abort();
}

/* No CR or LF alone, no line too long but in what was signed so. */
static inline void check_lines(const GByteArray *message, bool is_signed)
{
	size_t line = 0;

	for (guint i = 0; i < message->len; i++) {
		bool cr = message->data[i] == '\r';
		bool lf = message->data[i] == '\n';

		check(!cr ||
		      (i + 1 < message->len && message->data[i + 1] == '\n'));
		check(!lf || (i && message->data[i - 1] == '\r'));
		line = cr || lf ? 0 : line + 1;
		check(is_signed || line <= 998);
	}
}

#endif
