/*
 * The arithmetic of retries; see scheduler.h.
 */
#include "scheduler.h"

#include "conf.h"

#define USEC_PER_MINUTE (60 * USEC_PER_SEC)

void scheduler_policy_from(const struct conf *conf,
			   struct scheduler_policy *ret_policy)
{
	ret_policy->retry_min = conf->queue_retry_min * USEC_PER_SEC;
	ret_policy->retry_max =
		MAX(conf->queue_retry_max, conf->queue_retry_min) *
		USEC_PER_SEC;
	ret_policy->lifetime = conf->queue_lifetime * USEC_PER_SEC;
	ret_policy->delay_warning = conf->queue_delay_warning * USEC_PER_SEC;
	ret_policy->rate = conf->smtp_rate;
}

static int64_t scheduler_delay(const struct scheduler_policy *policy,
			       int64_t attempts, uint32_t random)
{
	int64_t delay = policy->retry_min;

	for (int64_t i = 0; i < attempts && delay < policy->retry_max; i++)
		delay *= 2;
	delay += delay / 10 * (int64_t)(random % 1000) / 1000;
	return MIN(delay, policy->retry_max);
}

int64_t scheduler_next_attempt(const struct scheduler_policy *policy,
			       int64_t submitted, int64_t attempts, int64_t now,
			       uint32_t random)
{
	int64_t next = now + scheduler_delay(policy, attempts, random);
	int64_t warn = submitted + policy->delay_warning;
	int64_t end = submitted + policy->lifetime;

	if (policy->delay_warning && warn > now)
		next = MIN(next, warn);
	if (end > now)
		next = MIN(next, end);
	return next;
}

bool scheduler_is_expired(const struct scheduler_policy *policy,
			  int64_t submitted, int64_t now)
{
	return now >= submitted + policy->lifetime;
}

bool scheduler_wants_warning(const struct scheduler_policy *policy,
			     int64_t submitted, bool already_warned,
			     int64_t now)
{
	return policy->delay_warning && !already_warned &&
	       now >= submitted + policy->delay_warning;
}

int64_t scheduler_rate_wait(const struct scheduler_policy *policy,
			    const struct scheduler_rate *rate, int64_t now)
{
	return policy->rate ? MAX(now, rate->next) : now;
}

void scheduler_rate_take(const struct scheduler_policy *policy,
			 struct scheduler_rate *rate, int64_t now)
{
	if (policy->rate)
		rate->next =
			MAX(now, rate->next) + USEC_PER_MINUTE / policy->rate;
}
