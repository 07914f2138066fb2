/*
 * The arithmetic of retries, row by row.
 */
#include "spooler/scheduler.h"

#include <criterion/criterion.h>

#define SEC USEC_PER_SEC

static const struct scheduler_policy policy = {
	.retry_min = 60 * SEC,
	.retry_max = 4000 * SEC,
	.lifetime = 5 * 86400 * SEC,
	.delay_warning = 4 * 3600 * SEC,
};

Test(scheduler, delay_doubles_between_its_bounds)
{
	static const struct {
		int64_t attempts;
		int64_t least_s;
		int64_t most_s;
	} rows[] = {
		{0, 60, 66},        {1, 120, 132},   {2, 240, 264},
		{5, 1920, 2112},    {6, 3840, 4000}, {7, 4000, 4000},
		{1000, 4000, 4000},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
		for (uint32_t random = 0; random < 3000; random += 333) {
			int64_t delay = scheduler_next_attempt(
				&policy, 0, rows[i].attempts, 0, random);

			cr_assert_geq(delay, rows[i].least_s * SEC, "row %zu",
				      i);
			cr_assert_leq(delay, rows[i].most_s * SEC, "row %zu",
				      i);
		}
}

Test(scheduler, neither_notice_nor_end_come_late)
{
	int64_t warn = policy.delay_warning;
	int64_t end = policy.lifetime;

	cr_assert_eq(scheduler_next_attempt(&policy, 0, 9, warn - SEC, 0),
		     warn);
	cr_assert_eq(scheduler_next_attempt(&policy, 0, 9, end - SEC, 0), end);
	cr_assert_eq(scheduler_next_attempt(&policy, 0, 9, end + SEC, 0),
		     end + 4001 * SEC);
}

Test(scheduler, expiry_and_warning)
{
	struct scheduler_policy none = policy;

	cr_assert_not(scheduler_is_expired(&policy, 0, policy.lifetime - 1));
	cr_assert(scheduler_is_expired(&policy, 0, policy.lifetime));
	cr_assert_not(scheduler_wants_warning(&policy, 0, false,
					      policy.delay_warning - 1));
	cr_assert(scheduler_wants_warning(&policy, 0, false,
					  policy.delay_warning));
	cr_assert_not(scheduler_wants_warning(&policy, 0, true,
					      policy.delay_warning));
	none.delay_warning = 0;
	none.lifetime = 0;
	cr_assert_not(scheduler_wants_warning(&none, 0, false, INT64_MAX / 2));
	cr_assert(scheduler_is_expired(&none, 5, 5), "one attempt only");
}

Test(scheduler, rate_spaces_messages_evenly)
{
	struct scheduler_policy limited = policy;
	struct scheduler_rate rate = {0};

	cr_assert_eq(scheduler_rate_wait(&limited, &rate, 7), 7);
	limited.rate = 30;
	for (int64_t i = 0; i < 5; i++) {
		int64_t at = scheduler_rate_wait(&limited, &rate, 100 * SEC);

		cr_assert_eq(at, 100 * SEC + i * 2 * SEC);
		scheduler_rate_take(&limited, &rate, 100 * SEC);
	}
	/* What was not used is not saved up. */
	cr_assert_eq(scheduler_rate_wait(&limited, &rate, 900 * SEC),
		     900 * SEC);
}
