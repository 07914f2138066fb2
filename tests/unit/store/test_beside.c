/*
 * Upkeep beside deliveries: who delivers, with little patience, goes on while
 * the store is packed, purged and vacuumed.
 */
#include "store/kept.h"
#include "writer.h"

TestSuite(beside, .init = fixture_open, .fini = fixture_close, .timeout = 120);

#define PATIENCE_MS 2000

enum {
	BESIDE_OLD = 300,   /* messages of before there was packing */
	BESIDE_GONE = 1600, /* messages that a purge removes */
};

/* Messages in one commit; they grow by what they are numbered from. */
static void fill(int64_t store_id, int from, int count, size_t size)
{
	int64_t inbox = folder_of(store_id, FOLDER_INBOX);

	must(store_begin(fx.store, fault));
	for (int i = from; i < from + count; i++) {
		g_autofree char *text = noise_of(size, (guint32)i);
		AUTO(content) content = content_of(text, size);
		struct delivery_copy copy = {
			.folder = inbox, .trace = "", .received = 1};
		struct delivery delivery = {.store = store_id,
					    .recipient = "bob",
					    .reverse_path = "",
					    .content = content,
					    .copies = &copy,
					    .copy_count = 1};
		struct delivery_result result;

		must(store_deliver(fx.store, &delivery, &result, fault));
	}
	must(store_commit(fx.store, fault));
}

/* Keeps all there is as a version before packing did. */
static void make_old(void)
{
	g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(int64_t));
	ROWS rows = {0};

	must(rows_open(fx.store, &rows, fault, "SELECT id FROM lob ORDER BY id",
		       ""));
	while (rows_next(&rows, NULL) == 1) {
		int64_t id = rows_int(&rows, 0);

		g_array_append_val(ids, id);
	}
	rows_end(&rows);
	must(store_begin(fx.store, fault));
	for (guint i = 0; i < ids->len; i++) {
		int64_t id = g_array_index(ids, int64_t, i);
		g_autoptr(GBytes) bytes = NULL;

		must(lob_bytes(fx.store, id, &bytes, fault));
		must(sql_run(fx.store, fault,
			     "UPDATE lob SET form = 0, packed = NULL, data = ?"
			     " WHERE id = ?",
			     "bi", g_bytes_get_data(bytes, NULL),
			     g_bytes_get_size(bytes), id));
	}
	must(store_commit(fx.store, fault));
}

static void start(struct writer *writer, int64_t store_id)
{
	writer_start(writer, store_id, PATIENCE_MS);
	while (!g_atomic_int_get(&writer->done))
		g_usleep(1000);
}

Test(beside, deliveries_go_on_while_it_packs_and_vacuums)
{
	int64_t bob = user_make("bob");
	int64_t anna = user_make("anna");
	struct writer writer;
	int64_t purged;
	int64_t freed = 0;
	int64_t left = -1;
	int before;
	int during;

	fill(anna, 0, 60, 100000);
	fill(bob, 1000, BESIDE_OLD, 2000);
	in_unit(store_user_delete(fx.store, "anna", false, fault));
	must(store_purge(fx.store, g_get_real_time(), true, &purged, fault));
	make_old();
	start(&writer, bob);
	before = g_atomic_int_get(&writer.done);
	must(store_vacuum(fx.store, &freed, fault));
	during = g_atomic_int_get(&writer.done) - before;
	(void)writer_stop(&writer);
	/* Each of the old ones was a turn of its own. */
	cr_expect(during > BESIDE_OLD / 4, "%d deliveries", during);
	must(sql_get(fx.store, fault, &left,
		     "SELECT count(*) FROM lob WHERE form = 0", "") != 1);
	cr_expect_eq(left, 0);
	must_be_sound();
}

Test(beside, a_purge_takes_many_turns)
{
	int64_t bob = user_make("bob");
	int64_t anna = user_make("anna");
	struct writer writer;
	int64_t purged = 0;
	int before;
	int during;

	fill(anna, 0, BESIDE_GONE, 400);
	in_unit(store_user_delete(fx.store, "anna", false, fault));
	start(&writer, bob);
	before = g_atomic_int_get(&writer.done);
	must(store_purge(fx.store, g_get_real_time(), true, &purged, fault));
	during = g_atomic_int_get(&writer.done) - before;
	(void)writer_stop(&writer);
	cr_expect_eq(purged, BESIDE_GONE);
	cr_expect(during >= 6, "%d deliveries", during);
	must_be_sound();
}

static gpointer vacuum_thread(gpointer data)
{
	gint *is_done = data;
	struct store *store;
	int64_t freed;

	must(store_open(fx.path, STORE_WRITE, TIMEOUT_MS, &store, fault));
	must(store_vacuum(store, &freed, fault));
	store_close(store);
	g_atomic_int_set(is_done, 1);
	return NULL;
}

/* Somebody reads for long: the log cannot be put away, and nobody waits. */
Test(beside, a_vacuum_waits_for_no_reader)
{
	int64_t bob = user_make("bob");
	struct writer writer;
	AUTO(store) reader = NULL;
	gint is_done = 0;
	GThread *thread;
	int64_t any;

	fill(bob, 0, 50, 100000);
	must(store_open(fx.path, STORE_READ, TIMEOUT_MS, &reader, fault));
	must(sql_run(reader, fault, "BEGIN", ""));
	cr_assert_eq(sql_get(reader, NULL, &any,
			     "SELECT count(*) FROM hierarchy", ""),
		     1);
	start(&writer, bob);
	thread = g_thread_new("vacuum", vacuum_thread, &is_done);
	for (int i = 0; i < 60000 && !g_atomic_int_get(&is_done); i++)
		g_usleep(1000);
	cr_expect(g_atomic_int_get(&is_done), "it waits for the reader");
	must(sql_run(reader, fault, "COMMIT", ""));
	(void)g_thread_join(thread);
	(void)writer_stop(&writer);
	must_be_sound();
}
