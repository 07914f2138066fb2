/*
 * Runs a command once for each file of a directory, with the file as standard
 * input: the load generator of make bench-stdin.
 *
 *	stdin_load -n COUNT -w WORKERS -u USERS DIRECTORY COMMAND...
 *
 * Files are DIRECTORY/0 ... COUNT-1; "@@@" in an argument becomes the number of
 * one of USERS users, three digits.  Prints failures, seconds, CPU ms a process
 * (with what it waited for), and the median and 99th percentile of a process's
 * time in ms.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ARGS_MAX 32
#define ARG_MAX_ 512

/* What all workers write into. */
struct shared {
	long fails;
	double cpu[64];
	double took[];
};

static double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double seconds(const struct timeval *time)
{
	return (double)time->tv_sec + (double)time->tv_usec * 1e-6;
}

/* The command for one user, in buffers. */
static void fill(char *const *command, long user, char **args,
		 char buffers[][ARG_MAX_])
{
	size_t i = 0;

	for (; command[i] && i < ARGS_MAX - 1; i++) {
		char *mark;
		char digits[8];

		(void)snprintf(buffers[i], ARG_MAX_, "%s", command[i]);
		mark = strstr(buffers[i], "@@@");
		(void)snprintf(digits, sizeof(digits), "%03ld", user % 1000);
		if (mark)
			memcpy(mark, digits, 3);
		args[i] = buffers[i];
	}
	args[i] = NULL;
}

/* One process; its CPU seconds, -1 if it failed. */
static double run(const char *file, char **args)
{
	posix_spawn_file_actions_t actions;
	struct rusage usage;
	int status = -1;
	pid_t pid;
	int err;

	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawn_file_actions_addopen(&actions, 0, file, O_RDONLY, 0);
	err = posix_spawn(&pid, args[0], &actions, NULL, args, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	if (err) {
		(void)fprintf(stderr, "%s: %s\n", args[0], strerror(err));
		return -1;
	}
	if (wait4(pid, &status, 0, &usage) < 0 || status != 0)
		return -1;
	return seconds(&usage.ru_utime) + seconds(&usage.ru_stime);
}

static void work(struct shared *shared, long worker, long workers, long count,
		 long users, const char *directory, char *const *command)
{
	char buffers[ARGS_MAX][ARG_MAX_];
	char *args[ARGS_MAX];
	char file[ARG_MAX_];

	for (long i = worker; i < count; i += workers) {
		double began;
		double cpu;

		(void)snprintf(file, sizeof(file), "%s/%ld", directory, i);
		fill(command, i % users, args, buffers);
		began = now();
		cpu = run(file, args);
		shared->took[i] = now() - began;
		if (cpu < 0)
			__atomic_fetch_add(&shared->fails, 1, __ATOMIC_RELAXED);
		else
			shared->cpu[worker] += cpu;
	}
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

static void report(struct shared *shared, long count, long workers,
		   double elapsed)
{
	double cpu = 0;

	for (long w = 0; w < workers; w++)
		cpu += shared->cpu[w];
	qsort(shared->took, (size_t)count, sizeof(double), compare);
	(void)printf("%ld %.4f %.4f %.3f %.3f\n", shared->fails, elapsed,
		     cpu * 1e3 / (double)count, shared->took[count / 2] * 1e3,
		     shared->took[count * 99 / 100] * 1e3);
}

int main(int argc, char **argv)
{
	long count = 100;
	long workers = 1;
	long users = 1;
	double began;
	struct shared *shared;
	int option;

	while ((option = getopt(argc, argv, "+n:w:u:")) != -1) {
		if (option == 'n')
			count = atol(optarg);
		else if (option == 'w')
			workers = atol(optarg);
		else if (option == 'u')
			users = atol(optarg);
		else
			return 64;
	}
	if (argc - optind < 2 || count < 1 || workers < 1 || workers > 64 ||
	    users < 1)
		return 64;
	shared =
		mmap(NULL, sizeof(*shared) + (size_t)count * sizeof(double),
		     PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return 71;
	began = now();
	for (long w = 0; w < workers; w++) {
		if (fork() != 0)
			continue;
		work(shared, w, workers, count, users, argv[optind],
		     argv + optind + 1);
		_exit(0);
	}
	while (wait(NULL) > 0 || errno == EINTR)
		continue;
	report(shared, count, workers, now() - began);
	return shared->fails ? 1 : 0;
}
