/*
 * Parameters of Content-Type and Content-Disposition (RFC 2045 5.1, 2231, and
 * RFC 2047 where it should not be).  Private to shared/convert.
 */
#ifndef OKAPI_CONVERT_PARAMS_H
#define OKAPI_CONVERT_PARAMS_H

#include "text.h"

struct mime_params;

/* Parses what follows the first ';' of a field value.  Owned, never NULL. */
struct mime_params *mime_params_parse(struct convert_context *context,
				      const char *text);
void mime_params_free(struct mime_params *params);
/* Decoded UTF-8; NULL if missing.  Borrowed.  params may be NULL. */
const char *mime_params_get(const struct mime_params *params, const char *name);

#endif
