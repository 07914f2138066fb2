/*
 * Who polls before sleeping, and how seldom it does so where that is in vain.
 */
#include "busy_poll.h"

#include <criterion/criterion.h>
#include <sys/eventfd.h>

static void need_processors(void)
{
	if (g_get_num_processors() < 2)
		cr_skip_test("one processor: nobody polls");
}

/* Waits until one polls; how many slept at once before. */
static unsigned skipped(struct busy_poll *state, int fd)
{
	atomic_int alone = 1;
	unsigned missed = state->missed;
	unsigned count = 0;

	while (state->skip) {
		cr_assert(!busy_poll(state, fd, -1, &alone));
		count++;
	}
	cr_assert_eq(state->missed, missed);
	return count;
}

Test(busy_poll, sees_what_comes)
{
	struct busy_poll state = {0};
	atomic_int alone = 1;
	int fd = eventfd(0, EFD_NONBLOCK);
	int ready = eventfd(1, EFD_NONBLOCK);

	need_processors();
	cr_expect(busy_poll(&state, ready, fd, &alone));
	cr_expect(busy_poll(&state, fd, ready, &alone), "who is to wake it");
	cr_expect(busy_poll(&state, ready, -1, &alone));
	cr_expect_eq(state.missed, 0);
	(void)close(fd);
	(void)close(ready);
}

Test(busy_poll, one_of_several_sleeps)
{
	struct busy_poll state = {0};
	atomic_int two = 2;
	int ready = eventfd(1, EFD_NONBLOCK);

	cr_expect(!busy_poll(&state, ready, -1, &two));
	cr_expect_eq(state.missed, 0, "that was not in vain");
	(void)close(ready);
}

Test(busy_poll, what_is_in_vain_is_done_seldom)
{
	static const unsigned expected[] = {0, 1, 3, 7, 15, 31, 63, 63, 63};
	struct busy_poll state = {0};
	atomic_int alone = 1;
	int fd = eventfd(0, EFD_NONBLOCK);

	need_processors();
	for (size_t i = 0; i < G_N_ELEMENTS(expected); i++) {
		cr_expect_eq(skipped(&state, fd), expected[i], "%zu", i);
		cr_expect(!busy_poll(&state, fd, -1, &alone));
	}
	/* What comes makes it more frequent again, step by step. */
	cr_assert_eq(eventfd_write(fd, 1), 0);
	for (unsigned left = 5; left > 0; left--) {
		(void)skipped(&state, fd);
		cr_expect(busy_poll(&state, fd, -1, &alone));
		cr_expect_eq(state.missed, left);
	}
	(void)close(fd);
}
