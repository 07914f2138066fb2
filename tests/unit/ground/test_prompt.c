/*
 * Slices: shorter for who is waited for, inherited, and nobody else's.
 */
#include "prompt.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* What sched_getattr(2) says of the calling thread: 48 octets, the slice at
 * 24; 0 where the kernel has no slices. */
static uint64_t slice(void)
{
	uint64_t words[6] = {0};

	cr_assert_eq(syscall(SYS_sched_getattr, 0, words, sizeof(words), 0), 0);
	return words[3];
}

static gpointer slice_thread(gpointer data)
{
	*(uint64_t *)data = slice();
	return NULL;
}

static gpointer prompt_thread_main(gpointer data)
{
	uint64_t *slices = data;

	prompt_thread(PROMPT_SERVER);
	slices[0] = slice();
	(void)g_thread_join(g_thread_new("heir", slice_thread, &slices[1]));
	prompt_thread(PROMPT_COMMITTER);
	slices[2] = slice();
	return NULL;
}

Test(prompt, slices)
{
	uint64_t usual = slice();
	uint64_t slices[3] = {0};

	if (!usual)
		cr_skip_test("this kernel has no slices");
	(void)g_thread_join(g_thread_new("prompt", prompt_thread_main, slices));
	cr_expect_lt(slices[0], usual);
	cr_expect_eq(slices[1], slices[0], "not inherited");
	cr_expect_lt(slices[2], slices[0]);
	cr_expect_eq(slice(), usual, "of another thread");
}

Test(prompt, a_program_has_that_of_who_starts_it)
{
	uint64_t usual = slice();
	int status;
	pid_t child;

	if (!usual)
		cr_skip_test("this kernel has no slices");
	prompt_thread(PROMPT_SERVER);
	child = fork();
	if (child == 0)
		_exit(slice() < usual ? 0 : 1);
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_expect_eq(status, 0);
}

/* Who was given another policy has it for a reason. */
Test(prompt, another_policy_stays)
{
	const struct sched_param none = {0};
	uint64_t before;

	cr_assert_eq(sched_setscheduler(0, SCHED_BATCH, &none), 0);
	before = slice();
	prompt_thread(PROMPT_COMMITTER);
	cr_expect_eq(sched_getscheduler(0), SCHED_BATCH);
	cr_expect_eq(slice(), before);
}
