/*
 * Properties that no converter can know, for they depend on whose mail it is.
 */
#ifndef OKAPI_RULES_DERIVED_H
#define OKAPI_RULES_DERIVED_H

#include "sieve.h"

/* PR_MESSAGE_TO_ME, PR_MESSAGE_CC_ME, PR_MESSAGE_RECIP_ME, PR_MESSAGE_SIZE of
 * the message; false for any other tag. */
bool sieve_derived_prop(const struct sieve_message *message, uint32_t tag,
			struct prop *ret_prop);

#endif
