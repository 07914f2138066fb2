/*
 * The committer: one thread that writes for all sessions of a daemon.
 *
 * What waits when it comes round goes into one transaction, a savepoint each:
 * one sync pays for many messages.  Nobody is answered before the sync.
 * Checkpoints are its work too, after the answers.
 */
#include "store_internal.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>

#define COMMITTER_GROUP_MAX        256
#define COMMITTER_CHECKPOINT_PAGES 1000 /* when nobody waits */
/* Beyond the two waits of a group that cannot begin: for the lock file and for
 * SQLite's. */
#define COMMITTER_PATIENCE_US    USEC_PER_SEC
#define COMMITTER_CHECKPOINT_MAX 8000 /* even if somebody does: 32 MB */

struct commit_request {
	store_unit_fn *unit;
	void *context;
	struct fault fault;
	int rc;
	sem_t answered; /* not a condition: who wakes up needs no lock */
};

struct committer {
	struct store *store;
	pthread_t thread;
	pthread_mutex_t mutex; /* of all below */
	pthread_cond_t wanted;
	GQueue waiting; /* of struct commit_request, borrowed */
	uint64_t asked; /* requests, of which units + failed are answered */
	uint64_t seen;  /* how many were when committer_is_well() looked */
	int64_t seen_at;
	int64_t patience_us;
	bool is_ending;
	struct committer_stats stats;
	int wal_pages; /* the thread's own */
};

/* One unit in its savepoint; 0, -1 undone, -2 the whole transaction is lost. */
static int committer_run_unit(struct committer *c,
			      struct commit_request *request)
{
	struct store *store = c->store;
	struct fault fault = {0};

	if (sql_run(store, &request->fault, "SAVEPOINT unit", ""))
		return -2;
	request->rc = request->unit(store, request->context, &request->fault);
	if (sqlite3_get_autocommit(store->db))
		return -2;
	if (request->rc == 0)
		return sql_run(store, &request->fault, "RELEASE unit", "") ? -2
									   : 0;
	if (request->fault.kind == FAULT_NONE)
		(void)fault_set(&request->fault, FAULT_INTERNAL,
				"a unit failed without saying why");
	if (sql_run(store, &fault, "ROLLBACK TO unit", "") ||
	    sql_run(store, &fault, "RELEASE unit", ""))
		return -2;
	return -1;
}

/* Nothing of the group was kept: all of it is temporary. */
static void committer_fail_group(GPtrArray *group, const struct fault *fault)
{
	for (guint i = 0; i < group->len; i++) {
		struct commit_request *request = g_ptr_array_index(group, i);

		if (request->rc == 0 || !fault_is_temporary(&request->fault))
			request->fault = *fault;
		request->rc = -1;
	}
}

static int committer_wal_hook(void *context, sqlite3 *db, const char *name,
			      int pages)
{
	struct committer *c = context;

	(void)db;
	(void)name;
	c->wal_pages = pages;
	return SQLITE_OK;
}

/* A new connection, if the file was replaced (a backup was restored). */
static void committer_follow(struct committer *c)
{
	struct store *store;

	if (!store_is_moved(c->store) ||
	    store_open(c->store->path, STORE_WRITE, c->store->timeout_ms,
		       &store, NULL))
		return; /* gone: the next group tries again */
	store_set_policy(store, &c->store->policy);
	(void)sqlite3_wal_hook(store->db, committer_wal_hook, c);
	store_close(c->store);
	c->store = store;
}

static void committer_run_group(struct committer *c, GPtrArray *group)
{
	struct fault fault = {0};

	committer_follow(c);
	if (store_begin(c->store, &fault)) {
		committer_fail_group(group, &fault);
		return;
	}
	for (guint i = 0; i < group->len; i++) {
		struct commit_request *request = g_ptr_array_index(group, i);

		if (committer_run_unit(c, request) == -2) {
			fault = request->fault;
			if (!fault_is_temporary(&fault))
				(void)fault_set(
					&fault, FAULT_IO,
					"store %s: the transaction was rolled back",
					c->store->path);
			store_rollback(c->store);
			committer_fail_group(group, &fault);
			return;
		}
	}
	if (store_commit(c->store, &fault))
		committer_fail_group(group, &fault);
	else
		store_wake(c->store);
}

static void committer_answer(struct committer *c, GPtrArray *group)
{
	uint64_t committed = 0;

	(void)pthread_mutex_lock(&c->mutex);
	for (guint i = 0; i < group->len; i++) {
		struct commit_request *request = g_ptr_array_index(group, i);

		committed += request->rc == 0;
	}
	c->stats.units += committed;
	c->stats.failed += group->len - committed;
	c->stats.commits += committed > 0;
	c->stats.largest = MAX(c->stats.largest, committed);
	(void)pthread_mutex_unlock(&c->mutex);
	/* The request is its session's again as soon as it is posted. */
	for (guint i = 0; i < group->len; i++) {
		struct commit_request *request = g_ptr_array_index(group, i);

		(void)sem_post(&request->answered);
	}
}

/* What waits, up to a group; false: nothing, and the end has come. */
static bool committer_take(struct committer *c, GPtrArray *group)
{
	(void)pthread_mutex_lock(&c->mutex);
	while (g_queue_is_empty(&c->waiting) && !c->is_ending)
		(void)pthread_cond_wait(&c->wanted, &c->mutex);
	while (group->len < COMMITTER_GROUP_MAX &&
	       !g_queue_is_empty(&c->waiting))
		g_ptr_array_add(group, g_queue_pop_head(&c->waiting));
	(void)pthread_mutex_unlock(&c->mutex);
	return group->len > 0;
}

static void committer_checkpoint(struct committer *c)
{
	bool is_idle;

	if (c->wal_pages < COMMITTER_CHECKPOINT_PAGES)
		return;
	(void)pthread_mutex_lock(&c->mutex);
	is_idle = g_queue_is_empty(&c->waiting);
	(void)pthread_mutex_unlock(&c->mutex);
	if (!is_idle && c->wal_pages < COMMITTER_CHECKPOINT_MAX)
		return;
	/* Readers may keep it from ending: the next one goes on. */
	(void)sqlite3_wal_checkpoint_v2(c->store->db, NULL,
					SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	c->wal_pages = 0;
}

static void *committer_thread(void *data)
{
	struct committer *c = data;
	g_autoptr(GPtrArray) group = g_ptr_array_new();

	(void)pthread_setname_np(pthread_self(), "committer");
	while (committer_take(c, group)) {
		committer_run_group(c, group);
		committer_answer(c, group);
		g_ptr_array_set_size(group, 0);
		committer_checkpoint(c);
	}
	return NULL;
}

int committer_new(const char *path, int64_t timeout_ms,
		  const struct store_policy *policy,
		  struct committer **ret_committer, struct fault *fault)
{
	struct committer *c;
	struct store *store;
	sigset_t all;
	sigset_t old;
	int error;

	if (store_open(path, STORE_WRITE, timeout_ms, &store, fault))
		return -1;
	store_set_policy(store, policy);
	c = g_new0(struct committer, 1);
	c->store = store;
	c->patience_us = 2 * timeout_ms * 1000 + COMMITTER_PATIENCE_US;
	(void)pthread_mutex_init(&c->mutex, NULL);
	(void)pthread_cond_init(&c->wanted, NULL);
	g_queue_init(&c->waiting);
	(void)sqlite3_wal_hook(store->db, committer_wal_hook, c);
	/* Signals are the program's. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	error = pthread_create(&c->thread, NULL, committer_thread, c);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (error) {
		store_close(store);
		g_free(c);
		return fault_set_errno(fault, FAULT_INTERNAL, error,
				       "cannot start the committer");
	}
	*ret_committer = c;
	return 0;
}

void committer_free(struct committer *c)
{
	if (!c)
		return;
	(void)pthread_mutex_lock(&c->mutex);
	c->is_ending = true;
	(void)pthread_cond_signal(&c->wanted);
	(void)pthread_mutex_unlock(&c->mutex);
	(void)pthread_join(c->thread, NULL);
	store_settle(c->store);
	store_close(c->store);
	(void)pthread_mutex_destroy(&c->mutex);
	(void)pthread_cond_destroy(&c->wanted);
	g_free(c);
}

int committer_run(struct committer *c, store_unit_fn *unit, void *context,
		  struct fault *fault)
{
	struct commit_request request = {.unit = unit, .context = context};
	bool was_empty;

	(void)sem_init(&request.answered, 0, 0);
	(void)pthread_mutex_lock(&c->mutex);
	was_empty = g_queue_is_empty(&c->waiting);
	g_queue_push_tail(&c->waiting, &request);
	c->asked++;
	(void)pthread_mutex_unlock(&c->mutex);
	/* The thread waits for an empty queue to fill only. */
	if (was_empty)
		(void)pthread_cond_signal(&c->wanted);
	while (sem_wait(&request.answered) && errno == EINTR)
		;
	(void)sem_destroy(&request.answered);
	if (request.rc && fault)
		*fault = request.fault;
	return request.rc;
}

void committer_get_stats(struct committer *c, struct committer_stats *ret_stats)
{
	(void)pthread_mutex_lock(&c->mutex);
	*ret_stats = c->stats;
	(void)pthread_mutex_unlock(&c->mutex);
}

bool committer_is_well(struct committer *c)
{
	int64_t now = g_get_monotonic_time();
	uint64_t answered;
	bool is_well;

	(void)pthread_mutex_lock(&c->mutex);
	answered = c->stats.units + c->stats.failed;
	if (answered != c->seen || answered == c->asked) {
		c->seen = answered;
		c->seen_at = now;
	}
	is_well = now - c->seen_at <= c->patience_us;
	(void)pthread_mutex_unlock(&c->mutex);
	return is_well;
}
