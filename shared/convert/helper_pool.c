/*
 * The helper processes: who is free, and starting, ending and replacing them.
 * No GMime here.
 */
#include "helper_pool.h"
#include "net.h"
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#define HELPER_NAME   "okapi-convert"
#define HELPERS_MAX   256
#define SOCKET_BUFFER (1024 * 1024)

struct helper_pool {
	char *program;
	int image; /* the program, opened; -1: it is started by its path */
	int64_t timeout_ms;
	/* Not GLib's: the thread sanitizer sees through these. */
	pthread_mutex_t lock; /* of who is busy */
	sem_t free;           /* helpers that are not */
	unsigned count;
	struct helper helpers[];
};

/* ---- processes ------------------------------------------------------------
 */

/* Default signals, nothing blocked: a daemon has its own ideas of both. */
static void set_attributes(posix_spawnattr_t *attributes)
{
	sigset_t all;
	sigset_t none;

	(void)sigfillset(&all);
	(void)sigemptyset(&none);
	(void)posix_spawnattr_setsigdefault(attributes, &all);
	(void)posix_spawnattr_setsigmask(attributes, &none);
	(void)posix_spawnattr_setflags(
		attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
}

/* image, if there is one, is started: what lies at the path of the program now
 * may be of another version. */
static int spawn(const char *program, int image, int fd, pid_t *ret_pid)
{
	char *const argv[] = {(char *)(uintptr_t)program, NULL};
	const char *path = image >= 0 ? "/proc/self/fd/3" : program;
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int err = 0;

	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawn_file_actions_adddup2(&actions, fd, 0);
	(void)posix_spawn_file_actions_adddup2(&actions, fd, 1);
	if (image >= 0)
		(void)posix_spawn_file_actions_adddup2(&actions, image, 3);
	(void)posix_spawn_file_actions_addclosefrom_np(&actions,
						       image >= 0 ? 4 : 3);
	(void)posix_spawnattr_init(&attributes);
	set_attributes(&attributes);
	err = posix_spawn(ret_pid, path, &actions, &attributes, argv, environ);
	(void)posix_spawnattr_destroy(&attributes);
	(void)posix_spawn_file_actions_destroy(&actions);
	return err;
}

/* The same without a program: what spawn() asks for, in a copy of this
 * process. */
static int copy(helper_serve_fn *serve, int fd, pid_t *ret_pid)
{
	*ret_pid = fork();
	if (*ret_pid < 0)
		return errno;
	if (*ret_pid > 0)
		return 0;
	for (int number = 1; number < NSIG; number++)
		(void)signal(number, SIG_DFL);
	program_restore_signals();
	if (dup2(fd, 0) < 0 || dup2(fd, 1) < 0 || close_range(3, ~0u, 0) != 0)
		_exit(EX_OSERR);
	_exit(serve());
}

/* serve: NULL, or what a copy of this process does. */
static int helper_start(const struct helper_pool *pool, struct helper *helper,
			helper_serve_fn *serve, struct fault *fault)
{
	AUTOCLOSE int ours = -1;
	AUTOCLOSE int theirs = -1;
	int size = SOCKET_BUFFER;
	int pair[2];
	int err = 0;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return fault_set_errno(fault, FAULT_INTERNAL, errno,
				       "socketpair");
	ours = pair[0];
	theirs = pair[1];
	/* Best effort: fewer turns for large messages. */
	(void)setsockopt(ours, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	(void)setsockopt(theirs, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (fcntl(ours, F_SETFL, O_NONBLOCK) != 0)
		return fault_set_errno(fault, FAULT_INTERNAL, errno, "fcntl");
	err = serve ? copy(serve, theirs, &helper->pid)
		    : spawn(pool->program, pool->image, theirs, &helper->pid);
	if (err) {
		helper->pid = 0;
		return fault_set_errno(fault, FAULT_INTERNAL, err, "%s",
				       pool->program);
	}
	helper->fd = base_take_fd(&ours);
	return 0;
}

static void reap(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

void helper_kill(struct helper *helper)
{
	if (!helper->pid)
		return;
	(void)kill(helper->pid, SIGKILL);
	reap(helper->pid);
	(void)close(helper->fd);
	helper->pid = 0;
	helper->fd = -1;
}

bool helper_is_well(const struct helper *helper)
{
	struct pollfd poll_fd = {.fd = helper->fd, .events = POLLIN};

	return helper->pid && poll(&poll_fd, 1, 0) == 0;
}

int helper_renew(struct helper_pool *pool, struct helper *helper,
		 struct fault *fault)
{
	helper_kill(helper);
	return helper_start(pool, helper, NULL, fault);
}

/* ---- the pool -------------------------------------------------------------
 */

/* image: moved in. */
static struct helper_pool *pool_new(const char *program, int image,
				    unsigned count, int64_t timeout_ms)
{
	struct helper_pool *pool = NULL;

	if (!count)
		count = g_get_num_processors();
	count = MIN(count, HELPERS_MAX);
	pool = g_malloc0(sizeof(*pool) + count * sizeof(struct helper));
	pool->program = g_strdup(program);
	pool->image = image;
	pool->timeout_ms = timeout_ms;
	pool->count = count;
	(void)pthread_mutex_init(&pool->lock, NULL);
	(void)sem_init(&pool->free, 0, count);
	return pool;
}

/* -1 also where /proc is missing (a chroot): nothing could be started by it. */
static int image_open(const char *program)
{
	AUTOCLOSE int image = open(program, O_PATH | O_CLOEXEC);
	g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", image);

	return access(path, F_OK) == 0 ? base_take_fd(&image) : -1;
}

struct helper_pool *helper_pool_new_at(const char *program, unsigned count,
				       int64_t timeout_ms)
{
	return pool_new(program, image_open(program), count, timeout_ms);
}

/* The program as it was when this process asked for it first: an update puts
 * another one in its place, which need not understand us. */
static int image_of_process(const char *program)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static int first = -1;
	int image;

	(void)pthread_mutex_lock(&lock);
	if (first < 0)
		first = image_open(program);
	image = first < 0 ? -1 : fcntl(first, F_DUPFD_CLOEXEC, 3);
	(void)pthread_mutex_unlock(&lock);
	return image;
}

int helper_pool_new(unsigned count, int64_t timeout_ms,
		    struct helper_pool **ret_pool, struct fault *fault)
{
	char program[PROGRAM_PATH_MAX];

	if (!program_find(HELPER_NAME, program))
		return fault_set(fault, FAULT_CONFIG,
				 "%s is neither beside this program nor in %s",
				 HELPER_NAME, OKAPI_LIBEXECDIR);
	*ret_pool =
		pool_new(program, image_of_process(program), count, timeout_ms);
	return 0;
}

void helper_pool_free(struct helper_pool *pool)
{
	if (!pool)
		return;
	for (unsigned i = 0; i < pool->count; i++)
		helper_kill(&pool->helpers[i]);
	(void)pthread_mutex_destroy(&pool->lock);
	(void)sem_destroy(&pool->free);
	if (pool->image >= 0)
		(void)close(pool->image);
	g_free(pool->program);
	g_free(pool);
}

/* A free one, rather one that runs. */
static struct helper *find_free(struct helper_pool *pool)
{
	struct helper *found = NULL;

	for (unsigned i = 0; i < pool->count; i++) {
		struct helper *helper = &pool->helpers[i];

		if (helper->busy)
			continue;
		if (helper->pid)
			return helper;
		if (!found)
			found = helper;
	}
	return found;
}

struct helper *helper_take(struct helper_pool *pool)
{
	struct helper *helper = NULL;

	while (sem_wait(&pool->free) && errno == EINTR)
		;
	(void)pthread_mutex_lock(&pool->lock);
	helper = find_free(pool);
	if (!helper)
		g_error("a free helper is none");
	helper->busy = true;
	(void)pthread_mutex_unlock(&pool->lock);
	return helper;
}

void helper_give_back(struct helper_pool *pool, struct helper *helper)
{
	(void)pthread_mutex_lock(&pool->lock);
	helper->busy = false;
	(void)pthread_mutex_unlock(&pool->lock);
	(void)sem_post(&pool->free);
}

void helper_pool_warm(struct helper_pool *pool, helper_serve_fn *serve)
{
	struct helper *helper = helper_take(pool);
	struct fault fault = {0};

	if (!helper->pid)
		(void)helper_start(pool, helper, serve, &fault);
	helper_give_back(pool, helper);
}

int64_t helper_pool_timeout(const struct helper_pool *pool)
{
	return pool->timeout_ms;
}
