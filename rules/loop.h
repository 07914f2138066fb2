/*
 * Mail that goes round: what redirects and forwards leave on a message, and how
 * it is known again.
 */
#ifndef OKAPI_RULES_LOOP_H
#define OKAPI_RULES_LOOP_H

#include "base.h"

/* Names the user whose rule sent a message on. */
#define LOOP_MARK "X-Okapi-Redirected-For"
/* The same as Dovecot has it: a loop over both is found by both. */
#define LOOP_MARK_TOO "X-Sieve-Redirected-From"

#define LOOP_HOPS_MAX 10 /* marks of ours on one message */

/* Would sending the message on to the address be a loop: is that the user's own
 * (own: all of them, NULL-terminated), was it sent on for one of them before,
 * or did it come a long way?  Pure. */
bool sieve_is_loop(GBytes *message, const char *address,
		   const char *const *own);

#endif
