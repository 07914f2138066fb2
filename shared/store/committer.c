/*
 * The committer: one connection that writes for all sessions of a daemon.
 *
 * What waits goes into one transaction: one sync pays for many messages, and
 * nobody is answered before it.  Each unit has a savepoint, unless all of them
 * may run more than once: then they have one from the first that fails on.
 * Who comes alone runs its unit itself; where more are expected they meet in
 * the thread, which waits a moment for them.
 */
#include "prompt.h"
#include "store_internal.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>

#define COMMITTER_GROUP_MAX        256
#define COMMITTER_GROUP_WANTED     8    /* worth waiting for */
#define COMMITTER_WAIT_US          300  /* so long at most */
#define COMMITTER_CHECKPOINT_PAGES 8000 /* 32 MB */
/* Beyond the two waits of a group that cannot begin: for the lock file and for
 * SQLite's. */
#define COMMITTER_PATIENCE_US USEC_PER_SEC

struct commit_request {
	store_unit_fn *unit;
	void *context;
	bool may_repeat; /* committer_run_anew() */
	struct fault fault;
	int rc;
	sem_t answered; /* not a condition: who wakes up needs no lock */
};

struct committer {
	struct store *store; /* of whoever made is_busy true */
	int next_checkpoint; /* the same: from that many pages in the log on */
	int wal_pages;       /* the same */
	int careful;         /* the same: groups that have savepoints */
	struct checkpointer *checkpointer;
	gint expected; /* units on their way, none that waits; atomic */
	pthread_t thread;
	pthread_mutex_t mutex; /* of all below */
	pthread_cond_t wanted;
	GQueue waiting; /* of struct commit_request, borrowed */
	guint goal;     /* of waiting; the thread wakes up there */
	bool is_busy;   /* somebody runs a group */
	bool is_copied; /* what the log holds: the rest is to be done */
	uint64_t asked; /* requests, of which units + failed are answered */
	uint64_t seen;  /* how many were when committer_is_well() looked */
	int64_t seen_at;
	int64_t patience_us;
	bool is_ending;
	struct committer_stats stats;
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
static bool committer_follow(struct committer *c)
{
	struct store *store;

	if (!store_is_moved(c->store) ||
	    store_open(c->store->path, STORE_WRITE, c->store->timeout_ms,
		       &store, NULL))
		return false; /* gone: the next group tries again */
	store_set_policy(store, &c->store->policy);
	(void)sqlite3_wal_hook(store->db, committer_wal_hook, c);
	store_close(c->store);
	c->store = store;
	return true;
}

static int committer_begin(struct committer *c, struct fault *fault)
{
	if (store_begin(c->store, fault) == 0)
		return 0;
	return committer_follow(c) ? store_begin(c->store, fault) : -1;
}

/* Without a savepoint: it is undone with its transaction. */
static void committer_run_alone(struct committer *c,
				struct commit_request *request)
{
	request->rc =
		committer_begin(c, &request->fault) ||
				store_finish(c->store, request->unit,
					     request->context, &request->fault)
			? -1
			: 0;
	if (request->rc && request->fault.kind == FAULT_NONE)
		(void)fault_set(&request->fault, FAULT_INTERNAL,
				"a unit failed without saying why");
}

/* After a unit failed: others may, for the same reason. */
#define COMMITTER_CAREFUL 16

static bool committer_may_repeat(const GPtrArray *group)
{
	for (guint i = 0; i < group->len; i++) {
		const struct commit_request *request =
			g_ptr_array_index(group, i);

		if (!request->may_repeat)
			return false;
	}
	return true;
}

/* All units as one, up to the first that fails: then nothing of them is there,
 * and nothing said. */
static bool committer_run_plain(struct committer *c, GPtrArray *group)
{
	for (guint i = 0; i < group->len; i++) {
		struct commit_request *request = g_ptr_array_index(group, i);

		request->rc = request->unit(c->store, request->context,
					    &request->fault);
		/* Without a transaction each statement would be one. */
		if (request->rc == 0 && !sqlite3_get_autocommit(c->store->db))
			continue;
		store_rollback(c->store);
		c->careful = COMMITTER_CAREFUL;
		for (guint k = 0; k <= i; k++) {
			request = g_ptr_array_index(group, k);
			request->rc = 0;
			fault_clear(&request->fault);
		}
		return false;
	}
	return true;
}

static void committer_commit(struct committer *c, GPtrArray *group)
{
	struct fault fault = {0};

	if (store_commit(c->store, &fault))
		committer_fail_group(group, &fault);
	else
		store_wake(c->store);
}

static void committer_run_group(struct committer *c, GPtrArray *group)
{
	struct fault fault = {0};
	bool is_plain = c->careful == 0 && committer_may_repeat(group);

	if (group->len == 1) {
		committer_run_alone(c, g_ptr_array_index(group, 0));
		return;
	}
	c->careful -= c->careful > 0;
	if (committer_begin(c, &fault)) {
		committer_fail_group(group, &fault);
		return;
	}
	if (is_plain && committer_run_plain(c, group)) {
		committer_commit(c, group);
		return;
	}
	if (is_plain && committer_begin(c, &fault)) {
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
	committer_commit(c, group);
}

static void committer_count(struct committer *c, const GPtrArray *group)
{
	uint64_t committed = 0;

	for (guint i = 0; i < group->len; i++) {
		const struct commit_request *request =
			g_ptr_array_index(group, i);

		committed += request->rc == 0;
	}
	(void)pthread_mutex_lock(&c->mutex);
	c->stats.units += committed;
	c->stats.failed += group->len - committed;
	c->stats.commits += committed > 0;
	c->stats.largest = MAX(c->stats.largest, committed);
	(void)pthread_mutex_unlock(&c->mutex);
}

/* ---- checkpoints: most of one while others write, the rest alone ---- */

/* From the checkpointer's thread. */
static void committer_on_copied(void *context)
{
	struct committer *c = context;

	(void)pthread_mutex_lock(&c->mutex);
	c->is_copied = true;
	(void)pthread_cond_signal(&c->wanted);
	(void)pthread_mutex_unlock(&c->mutex);
}

/* What was written meanwhile: then the log begins anew, unless a reader is in
 * it.  That one is not waited for; the next checkpoint goes on. */
static void committer_finish_checkpoint(struct committer *c)
{
	int in_log = c->wal_pages;
	int copied = 0;

	(void)sqlite3_wal_checkpoint_v2(c->store->db, NULL,
					SQLITE_CHECKPOINT_PASSIVE, &in_log,
					&copied);
	c->next_checkpoint = COMMITTER_CHECKPOINT_PAGES;
	if (copied < in_log)
		c->next_checkpoint += in_log;
	c->wal_pages = 0;
}

/* The connection is somebody else's again. */
static void committer_release(struct committer *c)
{
	bool is_due = c->wal_pages >= c->next_checkpoint;

	if (is_due)
		c->next_checkpoint = INT_MAX; /* until this one is done */
	(void)pthread_mutex_lock(&c->mutex);
	c->is_busy = false;
	if (!g_queue_is_empty(&c->waiting) || c->is_copied)
		(void)pthread_cond_signal(&c->wanted);
	(void)pthread_mutex_unlock(&c->mutex);
	if (is_due)
		checkpointer_start(c->checkpointer);
}

/* ---- the thread ---- */

/* Half of all that are here or expected is worth a moment: what comes together
 * costs one sync.  Under the mutex. */
static void committer_gather(struct committer *c)
{
	int expected = MAX(g_atomic_int_get(&c->expected), 0);
	int64_t end = g_get_monotonic_time() + COMMITTER_WAIT_US;
	const struct timespec until = {
		.tv_sec = end / USEC_PER_SEC,
		.tv_nsec = end % USEC_PER_SEC * 1000,
	};
	int rc = 0;

	c->goal = MIN((c->waiting.length + (guint)expected) / 2,
		      COMMITTER_GROUP_WANTED);
	while (rc == 0 && c->waiting.length < c->goal)
		rc = pthread_cond_timedwait(&c->wanted, &c->mutex, &until);
	c->goal = 0;
}

/* Makes the connection the thread's, with what waits, up to a group; false:
 * nothing, and the end has come. */
static bool committer_take(struct committer *c, GPtrArray *group,
			   bool *ret_copied)
{
	bool is_wanted;

	(void)pthread_mutex_lock(&c->mutex);
	for (;;) {
		is_wanted = !g_queue_is_empty(&c->waiting) || c->is_copied;
		if (!c->is_busy && (is_wanted || c->is_ending))
			break;
		(void)pthread_cond_wait(&c->wanted, &c->mutex);
	}
	c->is_busy = is_wanted;
	if (!g_queue_is_empty(&c->waiting))
		committer_gather(c);
	while (group->len < COMMITTER_GROUP_MAX &&
	       !g_queue_is_empty(&c->waiting))
		g_ptr_array_add(group, g_queue_pop_head(&c->waiting));
	*ret_copied = c->is_copied;
	c->is_copied = false;
	(void)pthread_mutex_unlock(&c->mutex);
	return is_wanted;
}

static void *committer_thread(void *data)
{
	struct committer *c = data;
	g_autoptr(GPtrArray) group = g_ptr_array_new();
	bool is_copied;

	prompt_thread(PROMPT_COMMITTER);
	(void)pthread_setname_np(pthread_self(), "committer");
	while (committer_take(c, group, &is_copied)) {
		if (group->len > 0)
			committer_run_group(c, group);
		committer_count(c, group);
		/* A request is its session's again as soon as it is posted. */
		for (guint i = 0; i < group->len; i++) {
			struct commit_request *request =
				g_ptr_array_index(group, i);

			(void)sem_post(&request->answered);
		}
		g_ptr_array_set_size(group, 0);
		if (is_copied)
			committer_finish_checkpoint(c);
		committer_release(c);
	}
	return NULL;
}

int committer_new(const char *path, int64_t timeout_ms,
		  const struct store_policy *policy,
		  struct committer **ret_committer, struct fault *fault)
{
	pthread_condattr_t monotonic;
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
	c->next_checkpoint = COMMITTER_CHECKPOINT_PAGES;
	c->patience_us = 2 * timeout_ms * 1000 + COMMITTER_PATIENCE_US;
	(void)pthread_mutex_init(&c->mutex, NULL);
	(void)pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&c->wanted, &monotonic);
	(void)pthread_condattr_destroy(&monotonic);
	g_queue_init(&c->waiting);
	(void)sqlite3_wal_hook(store->db, committer_wal_hook, c);
	/* Signals are the program's. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	error = pthread_create(&c->thread, NULL, committer_thread, c);
	if (!error)
		c->checkpointer =
			checkpointer_new(path, committer_on_copied, c);
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
	/* The thread may have asked for one until its end. */
	checkpointer_free(c->checkpointer);
	store_settle(c->store);
	store_close(c->store);
	(void)pthread_mutex_destroy(&c->mutex);
	(void)pthread_cond_destroy(&c->wanted);
	g_free(c);
}

/* If nobody writes, waits to or is expected, the connection is the caller's:
 * that saves waking the thread and being woken.  Among many it would only make
 * groups smaller. */
static bool committer_seize(struct committer *c)
{
	bool is_free;

	(void)pthread_mutex_lock(&c->mutex);
	is_free = !c->is_busy && g_atomic_int_get(&c->expected) <= 1 &&
		  g_queue_is_empty(&c->waiting);
	if (is_free) {
		c->is_busy = true;
		c->asked++;
	}
	(void)pthread_mutex_unlock(&c->mutex);
	return is_free;
}

static void committer_run_here(struct committer *c,
			       struct commit_request *request)
{
	g_autoptr(GPtrArray) group = g_ptr_array_sized_new(1);

	g_ptr_array_add(group, request);
	committer_run_group(c, group);
	committer_count(c, group);
	committer_release(c);
}

/* To the thread. */
static void committer_hand_over(struct committer *c,
				struct commit_request *request)
{
	bool must_wake;

	(void)sem_init(&request->answered, 0, 0);
	(void)pthread_mutex_lock(&c->mutex);
	c->asked++;
	g_queue_push_tail(&c->waiting, request);
	/* The thread waits for the first one, and then for so many. */
	must_wake = c->waiting.length == MAX(c->goal, 1);
	(void)pthread_mutex_unlock(&c->mutex);
	if (must_wake)
		(void)pthread_cond_signal(&c->wanted);
}

/* From the thread. */
static void committer_await(struct commit_request *request)
{
	while (sem_wait(&request->answered) && errno == EINTR)
		;
	(void)sem_destroy(&request->answered);
}

static int committer_ask(struct committer *c, struct commit_request *request,
			 struct fault *fault)
{
	if (committer_seize(c)) {
		committer_run_here(c, request);
	} else {
		/* It is here, and no more on its way. */
		committer_expect(c, -1);
		committer_hand_over(c, request);
		committer_await(request);
		committer_expect(c, 1);
	}
	if (request->rc && fault)
		*fault = request->fault;
	return request->rc;
}

int committer_run(struct committer *c, store_unit_fn *unit, void *context,
		  struct fault *fault)
{
	struct commit_request request = {.unit = unit, .context = context};

	return committer_ask(c, &request, fault);
}

int committer_run_anew(struct committer *c, store_unit_fn *unit, void *context,
		       struct fault *fault)
{
	struct commit_request request = {
		.unit = unit, .context = context, .may_repeat = true};

	return committer_ask(c, &request, fault);
}

struct commit_request *committer_start(struct committer *c, store_unit_fn *unit,
				       void *context)
{
	struct commit_request *request = g_new0(struct commit_request, 1);

	request->unit = unit;
	request->context = context;
	request->may_repeat = true;
	committer_hand_over(c, request);
	return request;
}

int committer_wait(struct commit_request *request, struct fault *fault)
{
	int rc;

	committer_await(request);
	rc = request->rc;
	if (rc && fault)
		*fault = request->fault;
	g_free(request);
	return rc;
}

void committer_expect(struct committer *c, int more)
{
	(void)g_atomic_int_add(&c->expected, more);
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
