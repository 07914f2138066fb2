/*
 * A thread that others wait for runs as soon as it can.
 *
 * A short slice (sched_setattr(2), Linux 6.12 and later) gives it no more of
 * the processor than others get, but gives it soon: whoever has a longer one
 * makes room.  No privilege is needed, and earlier kernels pass it over.
 */
#include "store_internal.h"

#include <sched.h>
#include <sys/syscall.h>

#define PROMPT_SLICE_NS 100000 /* the shortest there is */

/* The first version of the kernel's struct sched_attr; the C library has
 * none, and linux/sched/types.h does not go with its sched.h. */
struct prompt_attributes {
	uint32_t size;
	uint32_t policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime; /* of SCHED_OTHER, the slice */
	uint64_t deadline;
	uint64_t period;
};

void thread_be_prompt(void)
{
	struct prompt_attributes is = {0};

	/* Whoever was given another policy has it for a reason. */
	if (syscall(SYS_sched_getattr, 0, &is, sizeof(is), 0) ||
	    is.policy != SCHED_OTHER)
		return;
	is.size = sizeof(is);
	is.runtime = PROMPT_SLICE_NS;
	(void)syscall(SYS_sched_setattr, 0, &is, 0);
}
