/*
 * Wildcards of :matches (RFC 5228 section 2.7.1): '*' any number of
 * characters, as few as possible (RFC 5229 section 3.2), '?' one character,
 * '\' takes the next character as it is.
 *
 * There is no backtracking over stars: each stretch between two of them is put
 * at the first place where it fits, which is right for all of them but the
 * last, and that one stands at the end.
 */
#ifndef OKAPI_RULES_WILDCARD_H
#define OKAPI_RULES_WILDCARD_H

#include "base.h"

#define WILDCARD_SPANS 33 /* the whole, and what 32 wildcards stand for */

struct wildcard_span {
	size_t start; /* octets */
	size_t end;
};

/*
 * Does text match as a whole?  spans (may be NULL) then receives what the
 * wildcards stand for; those that are not there are empty.  steps (may be
 * NULL) is increased by the work done.
 */
bool wildcard_match(const char *pattern, const char *text,
		    struct wildcard_span spans[WILDCARD_SPANS],
		    uint64_t *steps);

#endif
