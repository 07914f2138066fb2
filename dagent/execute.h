/*
 * The end of step 4: what scripts decided becomes a plan for the store.
 */
#ifndef OKAPI_DAGENT_EXECUTE_H
#define OKAPI_DAGENT_EXECUTE_H

#include "ruleset.h"
#include "target.h"

struct sieve_plan;

/*
 * Turns what the scripts want into to->plan.  FAULT_REJECTED if they reject.
 * What cannot be done (a folder that is missing, forbidden or full) is blamed
 * on the rule, and the mail is kept; only what may go away is a fault.
 */
NODISCARD int execute_plan(struct ruleset *rules, struct mail *mail,
			   struct store *store, struct mail_recipient *to,
			   struct target *target,
			   const struct sieve_plan *wanted,
			   struct fault *fault);
/* The key under which a mark of the test duplicate is remembered, beside those
 * of replies; owned. */
char *execute_mark_key(const char *key);

#endif
