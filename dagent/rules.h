/*
 * Step 3 and 4: sieve_before, junk, the user's rules, sieve_after; their plan
 * of actions becomes a plan for the store.
 */
#ifndef OKAPI_DAGENT_RULES_H
#define OKAPI_DAGENT_RULES_H

#include "mail.h"
#include "target.h"

/*
 * Fills to->plan.  FAULT_REJECTED if a rule rejects.  A rule that fails is
 * logged and noted in the plan, and the mail is kept; only what may go away
 * (store, disk) is a fault.
 */
NODISCARD int rules_apply(struct mail *mail, struct store *store,
			  struct mail_recipient *to, struct target *target,
			  struct fault *fault);

/* The end of it alone: turns what scripts decided into to->plan. */
struct sieve_plan;
NODISCARD int rules_execute(struct mail *mail, struct store *store,
			    struct mail_recipient *to, struct target *target,
			    const struct sieve_plan *wanted,
			    struct fault *fault);

#endif
