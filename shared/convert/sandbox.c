/*
 * The sandbox of the helper: resource limits and a seccomp filter.
 *
 * The filter is a list of what is allowed.  Opening is allowed for reading
 * only, because iconv_open(3) loads a module for each charset when it is first
 * met.
 */
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define MEMORY_MAX (UINT64_C(1536) << 20)
#define FILES_MAX  64

/* Address sanitizer reserves terabytes and starts a process to look for
 * leaks. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
# define SANITIZED 1
#else
# define SANITIZED 0
#endif

static const int allowed[] = {
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(readv),
	SCMP_SYS(writev),
	SCMP_SYS(recvmsg), /* from descriptor 0, with a file to be read */
	SCMP_SYS(pread64),
	SCMP_SYS(lseek),
	SCMP_SYS(close),
	SCMP_SYS(fstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(stat),
	SCMP_SYS(statx),
	SCMP_SYS(access),
	SCMP_SYS(faccessat),
	SCMP_SYS(faccessat2),
	SCMP_SYS(readlink),
	SCMP_SYS(readlinkat),
	SCMP_SYS(getdents64),
	SCMP_SYS(getcwd),
	SCMP_SYS(brk),
	SCMP_SYS(mmap),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(mprotect),
	SCMP_SYS(madvise),
	SCMP_SYS(futex),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(alarm),
	SCMP_SYS(setitimer),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	SCMP_SYS(getrandom),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(getuid),
	SCMP_SYS(geteuid),
	SCMP_SYS(tgkill),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(sched_yield),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(prlimit64),
	SCMP_SYS(getrlimit),
	SCMP_SYS(sysinfo),
	SCMP_SYS(uname),
	SCMP_SYS(fcntl),
	SCMP_SYS(rseq),
	SCMP_SYS(set_robust_list),
};

static int limit(int resource, uint64_t value, struct fault *fault)
{
	struct rlimit both = {.rlim_cur = value, .rlim_max = value};

	if (setrlimit((__rlimit_resource_t)resource, &both) != 0)
		return fault_set_errno(fault, FAULT_INTERNAL, errno,
				       "setrlimit");
	return 0;
}

static int set_limits(struct fault *fault)
{
	if (limit(RLIMIT_CORE, 0, fault) || limit(RLIMIT_FSIZE, 0, fault) ||
	    limit(RLIMIT_NOFILE, FILES_MAX, fault))
		return -1;
	return SANITIZED ? 0 : limit(RLIMIT_AS, MEMORY_MAX, fault);
}

/* The flags of an open() for reading have none of these. */
#define OPEN_FOR_MORE (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)

static int add_rules(scmp_filter_ctx filter)
{
	int rc = 0;

	for (size_t i = 0; i < G_N_ELEMENTS(allowed) && rc == 0; i++)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
	if (rc == 0)
		rc = seccomp_rule_add(
			filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
			SCMP_A2(SCMP_CMP_MASKED_EQ, OPEN_FOR_MORE, 0));
	if (rc == 0)
		rc = seccomp_rule_add(
			filter, SCMP_ACT_ALLOW, SCMP_SYS(open), 1,
			SCMP_A1(SCMP_CMP_MASKED_EQ, OPEN_FOR_MORE, 0));
	return rc;
}

static int set_filter(struct fault *fault)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int rc = 0;

	if (!filter)
		return fault_set(fault, FAULT_INTERNAL, "seccomp_init failed");
	rc = add_rules(filter);
	if (rc == 0)
		rc = seccomp_load(filter);
	seccomp_release(filter);
	if (rc != 0)
		return fault_set_errno(fault, FAULT_INTERNAL, -rc, "seccomp");
	return 0;
}

int sandbox_enter(struct fault *fault)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return fault_set_errno(fault, FAULT_INTERNAL, errno, "prctl");
	if (set_limits(fault) != 0)
		return -1;
	/* The sanitizers do things of their own at the end of a process. */
	return SANITIZED ? 0 : set_filter(fault);
}
