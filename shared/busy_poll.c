/*
 * Polling before sleeping, where that pays.
 */
#include "busy_poll.h"

#include <glib.h>
#include <poll.h>

#define BUSY_POLL_US     100
#define BUSY_POLL_MISSED 6 /* 2^6 - 1 waits are skipped at most */

/* Where there is one processor the client needs it. */
static bool has_processors(void)
{
	static atomic_int count;

	if (!atomic_load(&count))
		atomic_store(&count, (int)g_get_num_processors());
	return atomic_load(&count) > 1;
}

bool busy_poll(struct busy_poll *state, int fd, int wake_fd,
	       const atomic_int *awake)
{
	struct pollfd fds[2] = {
		{.fd = fd, .events = POLLIN},
		{.fd = wake_fd, .events = POLLIN},
	};
	int64_t end = g_get_monotonic_time() + BUSY_POLL_US;

	if (state->skip && state->skip--)
		return false;
	while (has_processors() && atomic_load(awake) == 1) {
		if (poll(fds, 2, 0) > 0) {
			state->missed -= state->missed > 0;
			return true;
		}
		if (g_get_monotonic_time() >= end) {
			state->missed =
				MIN(state->missed + 1, BUSY_POLL_MISSED);
			state->skip = (1u << state->missed) - 1;
			return false;
		}
	}
	return false;
}
