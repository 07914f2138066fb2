/*
 * Threads that others wait for run as soon as they can.
 *
 * A short slice (sched_setattr(2), Linux 6.12 and later) gives a thread no more
 * of the processor than others get, but gives it soon: whoever has a longer one
 * makes room.  No privilege is needed, and earlier kernels pass it over.
 */
#include "prompt.h"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

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

void prompt_thread(enum prompt how)
{
	static const uint64_t slices_ns[] = {
		[PROMPT_SERVER] = 400000,
		[PROMPT_COMMITTER] = 100000, /* the shortest there is */
	};
	struct prompt_attributes is = {0};

	/* Whoever was given another policy has it for a reason. */
	if (syscall(SYS_sched_getattr, 0, &is, sizeof(is), 0) ||
	    is.policy != SCHED_OTHER)
		return;
	is.size = sizeof(is);
	is.runtime = slices_ns[how];
	(void)syscall(SYS_sched_setattr, 0, &is, 0);
}
