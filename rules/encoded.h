/*
 * encoded-character, RFC 5228 section 2.4.2.4.
 */
#ifndef OKAPI_RULES_ENCODED_H
#define OKAPI_RULES_ENCODED_H

#include "base.h"

/*
 * Replaces ${hex: ...} and ${unicode: ...}; owned.  What only looks like them
 * stays as it is.  NULL with why (static) for a character that cannot be.
 */
char *sieve_encoded_decode(const char *text, const char **ret_why);

#endif
