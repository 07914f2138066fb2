/*
 * When to try again, when to tell the sender, when to give up.  Pure: takes a
 * clock and a random number, touches nothing.
 */
#ifndef OKAPI_SCHEDULER_H
#define OKAPI_SCHEDULER_H

#include "base.h"

struct conf;

/* Microseconds; 0 where the configuration says never or none. */
struct scheduler_policy {
	int64_t retry_min;
	int64_t retry_max;
	int64_t lifetime;
	int64_t delay_warning;
	int64_t rate; /* messages a minute, 0: no limit */
};

void scheduler_policy_from(const struct conf *conf,
			   struct scheduler_policy *ret_policy);

/*
 * The time of the attempt after one that failed at now.  attempts: how many
 * were made before that one.  The delay doubles from retry_min to retry_max,
 * plus up to a tenth (random) so that what failed together does not come back
 * together; it never passes the end of the lifetime or the time of the delay
 * notice, so that neither comes late.
 */
int64_t scheduler_next_attempt(const struct scheduler_policy *policy,
			       int64_t submitted, int64_t attempts, int64_t now,
			       uint32_t random);

/* Has a message that still failed at now been tried for long enough? */
bool scheduler_is_expired(const struct scheduler_policy *policy,
			  int64_t submitted, int64_t now);

/* Is the sender to be told at now that it takes long? */
bool scheduler_wants_warning(const struct scheduler_policy *policy,
			     int64_t submitted, bool already_warned,
			     int64_t now);

/* Messages a minute, evenly spaced. */
struct scheduler_rate {
	int64_t next; /* no message before this */
};

/* When a message may go, given that one wants to at now: now, or later. */
int64_t scheduler_rate_wait(const struct scheduler_policy *policy,
			    const struct scheduler_rate *rate, int64_t now);
/* Counts a message that goes at now. */
void scheduler_rate_take(const struct scheduler_policy *policy,
			 struct scheduler_rate *rate, int64_t now);

#endif
