/*
 * Writers queue: "<store>.lock", two byte ranges.
 *
 * SQLite's own lock is taken by whoever polls at the right moment, so a busy
 * daemon would starve a delivering process.  Here a writer first takes the
 * door, then the desk, and lets go of the door when it has the desk: whoever
 * just left the desk finds the next one standing in the door.
 *
 * The locks are those of an open file description (F_OFD_SETLKW): the kernel
 * queues the waiters and frees them when a process dies.  As such a wait has
 * no time limit, it is done by a helper thread; on a time-out that thread is
 * left behind with the descriptor, which it closes once it has the lock.
 */
#include "store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>

enum lock_range {
	LOCK_DOOR,
	LOCK_DESK,
	LOCK_BOTH,
};

struct store_lock {
	char *path;
	char *store_path;
	int fd;
};

/* What a helper thread and the waiter share. */
struct lock_wait {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	int fd;
	bool has_door;
	bool is_done;
	bool is_abandoned;
	int error;
};

static int lock_range_set(int fd, enum lock_range range, int command,
			  short type)
{
	struct flock lock = {
		.l_type = type,
		.l_whence = SEEK_SET,
		.l_start = range == LOCK_DESK ? 1 : 0,
		.l_len = range == LOCK_BOTH ? 2 : 1,
	};
	int rc;

	do
		rc = fcntl(fd, command, &lock);
	while (rc && errno == EINTR);
	return rc ? errno : 0;
}

void lock_give_to_owner(const char *store_path, int fd)
{
	struct stat st;

	if (geteuid() == 0 && stat(store_path, &st) == 0 &&
	    fchown(fd, st.st_uid, st.st_gid))
		return; /* then root alone can use it: the open will say so */
}

static int lock_open_file(struct store_lock *lock, struct fault *fault)
{
	lock->fd = open(lock->path, O_RDWR | O_CREAT | O_CLOEXEC, 0660);
	if (lock->fd < 0)
		return fault_set_errno(fault, FAULT_CONFIG, errno,
				       "cannot open %s", lock->path);
	lock_give_to_owner(lock->store_path, lock->fd);
	return 0;
}

int lock_open(const char *store_path, struct store_lock **ret_lock,
	      struct fault *fault)
{
	AUTO(store_lock) lock = g_new0(struct store_lock, 1);

	lock->path = g_strconcat(store_path, ".lock", NULL);
	lock->store_path = g_strdup(store_path);
	if (lock_open_file(lock, fault))
		return -1;
	*ret_lock = g_steal_pointer(&lock);
	return 0;
}

void lock_close(struct store_lock *lock)
{
	if (!lock)
		return;
	base_close_fd(&lock->fd);
	g_free(lock->path);
	g_free(lock->store_path);
	g_free(lock);
}

static void lock_wait_free(struct lock_wait *wait)
{
	(void)pthread_mutex_destroy(&wait->mutex);
	(void)pthread_cond_destroy(&wait->cond);
	g_free(wait);
}

static void *lock_wait_thread(void *data)
{
	struct lock_wait *wait = data;
	bool is_abandoned;
	int error = 0;

	if (!wait->has_door)
		error = lock_range_set(wait->fd, LOCK_DOOR, F_OFD_SETLKW,
				       F_WRLCK);
	if (!error)
		error = lock_range_set(wait->fd, LOCK_DESK, F_OFD_SETLKW,
				       F_WRLCK);
	(void)lock_range_set(wait->fd, LOCK_DOOR, F_OFD_SETLK, F_UNLCK);
	(void)pthread_mutex_lock(&wait->mutex);
	wait->error = error;
	wait->is_done = true;
	is_abandoned = wait->is_abandoned;
	(void)pthread_cond_signal(&wait->cond);
	(void)pthread_mutex_unlock(&wait->mutex);
	if (is_abandoned) {
		base_close_fd(&wait->fd);
		lock_wait_free(wait);
	}
	return NULL;
}

/* A thread that gets no signals: those are the program's. */
static int lock_start_thread(struct lock_wait *wait, pthread_t *ret_thread)
{
	sigset_t all;
	sigset_t old;
	int error;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	error = pthread_create(ret_thread, NULL, lock_wait_thread, wait);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	return error;
}

static struct lock_wait *lock_wait_new(int fd, bool has_door)
{
	struct lock_wait *wait = g_new0(struct lock_wait, 1);
	pthread_condattr_t monotonic;

	(void)pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void)pthread_mutex_init(&wait->mutex, NULL);
	(void)pthread_cond_init(&wait->cond, &monotonic);
	(void)pthread_condattr_destroy(&monotonic);
	wait->fd = fd;
	wait->has_door = has_door;
	return wait;
}

/* Until the helper thread has the lock, or the time is over: false, and the
 * thread is on its own. */
static bool lock_wait_done(struct lock_wait *wait, int64_t timeout_ms,
			   int *ret_error)
{
	struct timespec until;
	bool is_done;
	int rc = 0;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += timeout_ms % 1000 * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	(void)pthread_mutex_lock(&wait->mutex);
	while (!wait->is_done && rc == 0)
		rc = pthread_cond_timedwait(&wait->cond, &wait->mutex, &until);
	is_done = wait->is_done;
	wait->is_abandoned = !is_done;
	*ret_error = wait->error;
	(void)pthread_mutex_unlock(&wait->mutex);
	return is_done;
}

/* Leaves the descriptor to the helper thread and takes a new one. */
static int lock_abandon(struct store_lock *lock, int64_t timeout_ms,
			struct fault *fault)
{
	lock->fd = -1;
	if (lock_open_file(lock, fault))
		return -1;
	return fault_set(
		fault, FAULT_STORE_BUSY,
		"store %s is busy: another writer held it for %" G_GINT64_FORMAT
		" ms",
		lock->store_path, timeout_ms);
}

static int lock_wait(struct store_lock *lock, bool has_door, int64_t timeout_ms,
		     struct fault *fault)
{
	struct lock_wait *wait = lock_wait_new(lock->fd, has_door);
	pthread_t thread;
	int error = lock_start_thread(wait, &thread);

	if (error) {
		lock_wait_free(wait);
		lock_drop(lock);
		return fault_set_errno(
			fault, FAULT_INTERNAL, error,
			"store %s: no thread to wait for its lock",
			lock->store_path);
	}
	if (!lock_wait_done(wait, timeout_ms, &error)) {
		(void)pthread_detach(thread);
		return lock_abandon(lock, timeout_ms, fault);
	}
	(void)pthread_join(thread, NULL);
	lock_wait_free(wait);
	if (!error)
		return 0;
	lock_drop(lock);
	return fault_set_errno(fault, FAULT_IO, error, "cannot lock %s",
			       lock->path);
}

int lock_take(struct store_lock *lock, int64_t timeout_ms, struct fault *fault)
{
	bool has_door;

	if (lock->fd < 0 && lock_open_file(lock, fault))
		return -1;
	/* Nobody stands in the door, nobody is at the desk. */
	if (!lock_range_set(lock->fd, LOCK_BOTH, F_OFD_SETLK, F_WRLCK)) {
		(void)lock_range_set(lock->fd, LOCK_DOOR, F_OFD_SETLK, F_UNLCK);
		return 0;
	}
	has_door = !lock_range_set(lock->fd, LOCK_DOOR, F_OFD_SETLK, F_WRLCK);
	return lock_wait(lock, has_door, timeout_ms, fault);
}

int lock_fd(const struct store_lock *lock)
{
	return lock->fd;
}

void lock_drop(struct store_lock *lock)
{
	if (lock->fd < 0)
		return;
	(void)lock_range_set(lock->fd, LOCK_BOTH, F_OFD_SETLK, F_UNLCK);
}
