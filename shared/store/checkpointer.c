/*
 * The checkpointer: a thread that copies what SQLite's log holds into the
 * database while others go on writing.  It has a connection for as long as it
 * copies only, so that it follows a file that was replaced.
 */
#include "store_internal.h"

#include <pthread.h>

#define CHECKPOINTER_TIMEOUT_MS 1000

struct checkpointer {
	char *path;
	checkpointer_done_fn *done;
	void *context;
	pthread_t thread;
	pthread_mutex_t mutex; /* of what follows */
	pthread_cond_t wanted;
	bool is_wanted;
	bool is_ending;
};

static void checkpointer_copy(const struct checkpointer *checkpointer)
{
	struct store *store;

	if (store_open(checkpointer->path, STORE_WRITE, CHECKPOINTER_TIMEOUT_MS,
		       &store, NULL))
		return; /* the committer says so, who writes */
	(void)sqlite3_wal_checkpoint_v2(store->db, NULL,
					SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	store_close(store);
}

static bool checkpointer_wait(struct checkpointer *checkpointer)
{
	bool is_wanted;

	(void)pthread_mutex_lock(&checkpointer->mutex);
	while (!checkpointer->is_wanted && !checkpointer->is_ending)
		(void)pthread_cond_wait(&checkpointer->wanted,
					&checkpointer->mutex);
	is_wanted = !checkpointer->is_ending;
	checkpointer->is_wanted = false;
	(void)pthread_mutex_unlock(&checkpointer->mutex);
	return is_wanted;
}

static void *checkpointer_thread(void *data)
{
	struct checkpointer *checkpointer = data;

	(void)pthread_setname_np(pthread_self(), "checkpointer");
	while (checkpointer_wait(checkpointer)) {
		checkpointer_copy(checkpointer);
		checkpointer->done(checkpointer->context);
	}
	return NULL;
}

struct checkpointer *checkpointer_new(const char *path,
				      checkpointer_done_fn *done, void *context)
{
	struct checkpointer *checkpointer = g_new0(struct checkpointer, 1);

	checkpointer->path = g_strdup(path);
	checkpointer->done = done;
	checkpointer->context = context;
	(void)pthread_mutex_init(&checkpointer->mutex, NULL);
	(void)pthread_cond_init(&checkpointer->wanted, NULL);
	if (pthread_create(&checkpointer->thread, NULL, checkpointer_thread,
			   checkpointer))
		g_error("no thread for checkpoints");
	return checkpointer;
}

static void checkpointer_tell(struct checkpointer *checkpointer, bool *what)
{
	(void)pthread_mutex_lock(&checkpointer->mutex);
	*what = true;
	(void)pthread_cond_signal(&checkpointer->wanted);
	(void)pthread_mutex_unlock(&checkpointer->mutex);
}

void checkpointer_start(struct checkpointer *checkpointer)
{
	checkpointer_tell(checkpointer, &checkpointer->is_wanted);
}

void checkpointer_free(struct checkpointer *checkpointer)
{
	checkpointer_tell(checkpointer, &checkpointer->is_ending);
	(void)pthread_join(checkpointer->thread, NULL);
	(void)pthread_mutex_destroy(&checkpointer->mutex);
	(void)pthread_cond_destroy(&checkpointer->wanted);
	g_free(checkpointer->path);
	g_free(checkpointer);
}
