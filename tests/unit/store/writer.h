/*
 * A thread that delivers, one message after the other, and counts, while a
 * test does something else to the store.
 */
#ifndef TESTS_STORE_WRITER_H
#define TESTS_STORE_WRITER_H

#include "fixture.h"

struct writer {
	int64_t store;
	int64_t folder;
	int64_t timeout_ms; /* what it waits for others at most */
	gint stop;
	gint done;
	GThread *thread;
};

static inline int writer_unit(struct store *store, void *context,
			      struct fault *fault)
{
	struct writer *writer = context;
	AUTO(content)
	content = content_mixed(g_atomic_int_get(&writer->done) + 100);
	struct delivery_copy copy = {
		.folder = writer->folder, .trace = "", .received = 1};
	struct delivery delivery = {.store = writer->store,
				    .recipient = "bob",
				    .reverse_path = "",
				    .content = content,
				    .copies = &copy,
				    .copy_count = 1};
	struct delivery_result result;

	return store_deliver(store, &delivery, &result, fault);
}

static inline gpointer writer_thread(gpointer data)
{
	struct writer *writer = data;
	struct store *store;

	must(store_open(fx.path, STORE_WRITE, writer->timeout_ms, &store,
			fault));
	while (!g_atomic_int_get(&writer->stop)) {
		must(store_run(store, writer_unit, writer, fault));
		g_atomic_int_inc(&writer->done);
	}
	store_close(store);
	return NULL;
}

static inline void writer_start(struct writer *writer, int64_t store_id,
				int64_t timeout_ms)
{
	*writer = (struct writer){.store = store_id,
				  .folder = folder_of(store_id, FOLDER_INBOX),
				  .timeout_ms = timeout_ms};
	writer->thread = g_thread_new("writer", writer_thread, writer);
}

/* How many it delivered. */
static inline int writer_stop(struct writer *writer)
{
	g_atomic_int_set(&writer->stop, 1);
	(void)g_thread_join(writer->thread);
	return writer->done;
}

#endif
