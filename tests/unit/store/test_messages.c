/*
 * Messages: listed, flagged, moved, copied, deleted, restored, purged; and
 * counters that stay true whatever happens.
 */
#include "fixture.h"

TestSuite(messages, .init = fixture_open, .fini = fixture_close,
	  .timeout = 120);

static int collect(const struct store_message *m, void *context,
		   struct fault *fault)
{
	GArray *ids = context;

	(void)fault;
	g_array_append_val(ids, m->id);
	return 0;
}

static GArray *list(int64_t store_id, int64_t folder)
{
	GArray *ids = g_array_new(FALSE, FALSE, sizeof(int64_t));

	must(store_message_list(fx.store, store_id, folder, collect, ids,
				fault));
	return ids;
}

static char *place(int64_t store_id, int64_t message)
{
	AUTO(store_message) m = NULL;
	struct fault why = {0};

	if (store_message_get(fx.store, store_id, message, &m, &why))
		return g_strdup("-");
	return g_strdup(m->folder_path);
}

#define expect_place(store_id, message, want)                                  \
 do {                                                                          \
  g_autofree char *is = place(store_id, message);                              \
  cr_expect_str_eq(is, want);                                                  \
 } while (0)

Test(messages, listed_in_order_of_delivery)
{
	AUTO(content) content = content_number(1);
	int64_t bob = user_make("bob");
	int64_t inbox = folder_of(bob, FOLDER_INBOX);
	int64_t one = deliver_to(bob, inbox, content);
	int64_t two = deliver_to(bob, folder_of(bob, FOLDER_JUNK), content);
	int64_t three = deliver_to(bob, inbox, content);
	g_autoptr(GArray) some = list(bob, inbox);
	g_autoptr(GArray) all = list(bob, 0);

	cr_assert_eq(some->len, 2);
	cr_expect_eq(g_array_index(some, int64_t, 0), one);
	cr_expect_eq(g_array_index(some, int64_t, 1), three);
	cr_assert_eq(all->len, 3);
	cr_expect_eq(g_array_index(all, int64_t, 1), two);
}

Test(messages, flags_and_keywords)
{
	static const char *const keywords[] = {"red", "a b", "two\r\nlines",
					       NULL};
	AUTO(content) content = content_number(1);
	int64_t bob = user_make("bob");
	struct delivery_copy copy = {.folder = folder_of(bob, FOLDER_INBOX),
				     .flags = MESSAGE_FLAGGED,
				     .keywords = keywords,
				     .trace = "",
				     .received = 1};
	struct delivery delivery = {.store = bob,
				    .recipient = "bob",
				    .reverse_path = "",
				    .content = content,
				    .copies = &copy,
				    .copy_count = 1};
	struct delivery_result result;
	AUTO(store_message) m = NULL;
	AUTO(store_folder) folder = NULL;

	in_unit(store_deliver(fx.store, &delivery, &result, fault));
	in_unit(store_message_set_flags(fx.store, result.message, MESSAGE_READ,
					MESSAGE_FLAGGED, fault));
	must(store_message_get(fx.store, bob, result.message, &m, fault));
	cr_expect_eq(m->flags, MESSAGE_READ);
	cr_assert_eq(g_strv_length(m->keywords), 3);
	cr_expect_str_eq(m->keywords[1], "a b");
	cr_expect_str_eq(m->keywords[2], "two  lines");
	must(store_folder_get(fx.store, copy.folder, &folder, fault));
	cr_expect_eq(folder->unread, 0);
	cr_expect_eq(folder->messages, 1);
	must_be_sound();
}

Test(messages, deleting_and_restoring)
{
	AUTO(content) content = content_number(1);
	int64_t bob = user_make("bob");
	int64_t id = deliver_to(bob, folder_of(bob, FOLDER_JUNK), content);

	in_unit(store_message_delete(fx.store, id, false, fault));
	expect_place(bob, id, "Deleted Items");
	in_unit(store_message_restore(fx.store, id, fault));
	expect_place(bob, id, "Junk E-mail");
	in_unit(store_message_delete(fx.store, id, false, fault));
	in_unit(store_message_delete(fx.store, id, false, fault));
	expect_place(bob, id, "-");
	in_unit_fail(FAULT_NOT_FOUND,
		     store_message_delete(fx.store, id, false, fault));
	must_be_sound();
	in_unit(store_message_restore(fx.store, id, fault));
	expect_place(bob, id, "Deleted Items");
	in_unit(store_message_delete(fx.store, id, true, fault));
	expect_place(bob, id, "-");
	must_be_sound();
	in_unit_fail(FAULT_NOT_FOUND,
		     store_message_restore(fx.store, 999999, fault));
}

Test(messages, moving_and_copying_across_stores)
{
	AUTO(content) content = content_number(1);
	int64_t bob = user_make("bob");
	int64_t eve = user_make("eve");
	int64_t id = deliver_to(bob, folder_of(bob, FOLDER_INBOX), content);
	g_autoptr(GBytes) bytes = NULL;
	g_autoptr(GArray) eves = NULL;
	int64_t copy = 0;

	in_unit(store_message_copy(fx.store, id, folder_of(eve, FOLDER_NOTES),
				   &copy, fault));
	expect_place(eve, copy, "Notes");
	expect_place(bob, id, "Inbox");
	must(store_message_bytes(fx.store, copy, true, &bytes, fault));
	cr_expect(g_bytes_equal(bytes, content->rfc822));
	in_unit(store_message_move(fx.store, id, folder_of(eve, FOLDER_INBOX),
				   fault));
	expect_place(bob, id, "-");
	eves = list(eve, folder_of(eve, FOLDER_INBOX));
	cr_expect_eq(eves->len, 1);
	in_unit_fail(FAULT_BAD_ARGUMENT,
		     store_message_move(fx.store, copy, eve, fault));
	in_unit_fail(FAULT_NOT_FOUND,
		     store_message_move(fx.store, copy, 999999, fault));
	must_be_sound();
}

Test(messages, every_change_takes_a_number)
{
	AUTO(content) content = content_number(1);
	int64_t bob = user_make("bob");
	int64_t id = deliver_to(bob, folder_of(bob, FOLDER_INBOX), content);
	int64_t last = 0;

	for (int i = 0; i < 4; i++) {
		struct fault why = {0};
		int64_t change = 0;

		cr_assert_eq(sql_get(fx.store, &why, &change,
				     "SELECT change FROM hierarchy"
				     " WHERE id = ?",
				     "i", id),
			     1);
		cr_expect(change > last, "%d: %d", i, (int)change);
		last = change;
		if (i == 0)
			in_unit(store_message_set_flags(
				fx.store, id, MESSAGE_READ, 0, fault));
		else if (i == 1)
			in_unit(store_message_move(fx.store, id,
						   folder_of(bob, FOLDER_JUNK),
						   fault));
		else
			in_unit(store_message_delete(fx.store, id, true,
						     fault));
		if (i == 2)
			in_unit(store_message_restore(fx.store, id, fault));
	}
}

/* ---- purge ---------------------------------------------------------------
 */

Test(messages, purge_takes_what_was_deleted_long_ago)
{
	AUTO(content) large = content_large('q');
	AUTO(content) shared = content_number(1);
	struct store_policy policy = {.softdelete_lifetime_s = 100,
				      .duplicate_window_s = 50};
	int64_t bob = user_make("bob");
	int64_t inbox = folder_of(bob, FOLDER_INBOX);
	int64_t one = deliver_to(bob, inbox, large);
	int64_t two = deliver_to(bob, inbox, shared);
	int64_t early = g_get_real_time() + 99 * USEC_PER_SEC;
	int64_t late;
	g_autofree char *file = content_file(large);
	struct store_stats stats;
	struct fault why = {0};
	int64_t horizon = 0;
	int64_t purged = 0;

	deliver_to(bob, inbox, shared);
	store_set_policy(fx.store, &policy);
	in_unit(store_message_delete(fx.store, one, true, fault));
	in_unit(store_message_delete(fx.store, two, true, fault));
	late = g_get_real_time() + 101 * USEC_PER_SEC;
	must(store_purge(fx.store, early, false, &purged, fault));
	cr_expect_eq(purged, 0);
	must(store_purge(fx.store, late, false, &purged, fault));
	cr_expect_eq(purged, 2);
	must(store_get_stats(fx.store, &stats, fault));
	cr_expect_eq(stats.contents, 1);
	cr_expect_eq(stats.deleted, 0);
	cr_expect_eq(stats.lob_files, 0);
	cr_expect_not(g_file_test(file, G_FILE_TEST_EXISTS));
	cr_assert_eq(sql_get(fx.store, &why, &horizon,
			     "SELECT horizon FROM hierarchy WHERE id = ?", "i",
			     bob),
		     1);
	cr_expect(horizon > 0);
	must_be_sound();
	in_unit_fail(FAULT_NOT_FOUND,
		     store_message_restore(fx.store, one, fault));
}

Test(messages, purge_for_ever_and_all)
{
	AUTO(content) content = content_number(1);
	struct store_policy policy = {0};
	int64_t bob = user_make("bob");
	int64_t purged = 0;
	int64_t left = 0;
	struct fault why = {0};

	store_set_policy(fx.store, &policy);
	for (int i = 0; i < 450; i++)
		deliver_to(bob, folder_of(bob, FOLDER_INBOX), content);
	in_unit(store_user_delete(fx.store, "bob", false, fault));
	must(store_purge(fx.store, INT64_MAX, false, &purged, fault));
	cr_expect_eq(purged, 0);
	must(store_purge(fx.store, g_get_real_time(), true, &purged, fault));
	cr_expect_eq(purged, 450);
	/* Only the public store is left. */
	cr_assert_eq(sql_get(fx.store, &why, &left,
			     "SELECT count(*) FROM hierarchy", ""),
		     1);
	cr_expect_eq(left, 1);
	must_be_sound();
}

struct in_order {
	int64_t received;
	int64_t id;
	int count;
};

static int see_order(const struct store_message *m, void *context,
		     struct fault *fault)
{
	struct in_order *last = context;

	(void)fault;
	cr_expect(m->received > last->received ||
			  (m->received == last->received && m->id > last->id),
		  "message %d", (int)m->id);
	last->received = m->received;
	last->id = m->id;
	last->count++;
	return 0;
}

/* All folders of a store in one order of delivery, however deep they are. */
Test(messages, a_store_is_listed_in_order)
{
	AUTO(content) content = content_number(1);
	g_autoptr(GRand) rand = g_rand_new_with_seed(7);
	int64_t bob = user_make("bob");
	int64_t folders[40];
	struct in_order seen = {0};
	int64_t gone;

	for (size_t i = 0; i < G_N_ELEMENTS(folders); i++) {
		g_autofree char *path = g_strdup_printf(
			"%s/f%d", i % 2 ? "Inbox" : "a/b/c", (int)i);

		in_unit(store_folder_create(fx.store, bob, path, '/',
					    &folders[i], NULL, fault));
	}
	must(store_begin(fx.store, fault));
	for (int i = 0; i < 600; i++) {
		struct delivery_copy copy = {
			.folder = folders[g_rand_int_range(rand, 1, 40)],
			.trace = "",
			.received = 1 + g_rand_int_range(rand, 0, 50)};
		struct delivery delivery = {.store = bob,
					    .recipient = "bob",
					    .reverse_path = "",
					    .content = content,
					    .copies = &copy,
					    .copy_count = 1};
		struct delivery_result result = {0};

		must(store_deliver(fx.store, &delivery, &result, fault));
		gone = result.message;
	}
	must(store_message_delete(fx.store, gone, true, fault));
	must(store_commit(fx.store, fault));
	must(store_message_list(fx.store, bob, 0, see_order, &seen, fault));
	cr_expect_eq(seen.count, 599);
	seen = (struct in_order){0};
	must(store_message_list(fx.store, bob, folders[0], see_order, &seen,
				fault));
	cr_expect_eq(seen.count, 0);
	must(store_message_list(fx.store, bob, folders[3], see_order, &seen,
				fault));
	cr_expect(seen.count > 3);
}

static int see_statements(const struct store_message *m, void *context,
			  struct fault *fault)
{
	struct in_order *seen = context;
	int open = 0;

	for (sqlite3_stmt *s = NULL; (s = sqlite3_next_stmt(fx.store->db, s));)
		open += sqlite3_stmt_busy(s) != 0;
	cr_expect_leq(open, 270);
	return see_order(m, seen, fault);
}

/* However many folders there are: in order, with so many statements. */
Test(messages, a_store_of_many_folders)
{
	AUTO(content) content = content_number(1);
	int64_t bob = user_make("bob");
	struct in_order seen = {0};
	int64_t folders[300];

	must(store_begin(fx.store, fault));
	for (int i = 0; i < 300; i++) {
		g_autofree char *path = g_strdup_printf("Many/%d", i);

		must(store_folder_create(fx.store, bob, path, '/', &folders[i],
					 NULL, fault));
	}
	must(store_commit(fx.store, fault));
	for (int i = 0; i < 320; i++)
		deliver_to(bob, folders[i * 37 % 300], content);
	must(store_message_list(fx.store, bob, 0, see_statements, &seen,
				fault));
	cr_expect_eq(seen.count, 320);
}

/* Messages are there whatever the counters say. */
Test(messages, a_store_is_listed_by_what_is_there)
{
	AUTO(content) content = content_number(1);
	int64_t bob = user_make("bob");
	int64_t inbox = folder_of(bob, FOLDER_INBOX);
	struct in_order seen = {0};

	deliver_to(bob, inbox, content);
	in_unit(sql_run(fx.store, fault,
			"UPDATE hierarchy SET messages = 0, unread = 0"
			" WHERE id = ?",
			"i", inbox));
	must(store_message_list(fx.store, bob, 0, see_order, &seen, fault));
	cr_expect_eq(seen.count, 1);
}

Test(messages, purge_forgets_old_keys_of_duplicates)
{
	struct store_policy policy = {.duplicate_window_s = 100};
	int64_t purged = 0;
	int64_t keys = 0;
	struct fault why = {0};

	store_set_policy(fx.store, &policy);
	in_unit(sql_run(fx.store, fault,
			"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL"
			" SELECT i + 1 FROM n WHERE i < 5000)"
			" INSERT INTO duplicates SELECT randomblob(32), i,"
			" iif(i % 2, 0, ?) FROM n",
			"i", g_get_real_time()));
	must(store_purge(fx.store, g_get_real_time(), false, &purged, fault));
	cr_assert_eq(sql_get(fx.store, &why, &keys,
			     "SELECT count(*) FROM duplicates", ""),
		     1);
	cr_expect_eq(keys, 2500);
}

/* ---- counters ------------------------------------------------------------
 */

static int random_step(GRand *rand, const int64_t *stores, struct fault *fault)
{
	int64_t store_id = stores[g_rand_int_range(rand, 0, 2)];
	int64_t other = stores[g_rand_int_range(rand, 0, 2)];
	int64_t message = g_rand_int_range(rand, 30, 260);
	AUTO(content) content = content_number(g_rand_int_range(rand, 0, 9));
	enum folder_role role =
		(enum folder_role)g_rand_int_range(rand, 1, FOLDER_ROLES);
	struct delivery_copy copy = {.trace = "", .received = 5};
	struct delivery delivery = {.store = store_id,
				    .recipient = "x",
				    .reverse_path = "",
				    .content = content,
				    .copies = &copy,
				    .copy_count = 1};
	struct delivery_result result;
	int64_t made;

	switch (g_rand_int_range(rand, 0, 9)) {
	case 0:
		return store_message_set_flags(fx.store, message, MESSAGE_READ,
					       0, fault);
	case 1:
		return store_message_set_flags(fx.store, message, 0,
					       MESSAGE_READ, fault);
	case 2:
		return store_message_move(fx.store, message,
					  folder_of(other, role), fault);
	case 3:
		return store_message_copy(fx.store, message,
					  folder_of(other, role), &made, fault);
	case 4:
		return store_message_delete(fx.store, message,
					    g_rand_boolean(rand), fault);
	case 5:
		return store_message_restore(fx.store, message, fault);
	case 6:
		return store_folder_create(fx.store, store_id, "Inbox/p/q", '/',
					   &made, NULL, fault) ||
				       store_message_move(fx.store, message,
							  made, fault)
			       ? -1
			       : 0;
	case 7:
		return store_folder_find(fx.store, store_id,
					 g_rand_boolean(rand) ? "Inbox/p"
							      : "Trash/p",
					 '/', &made, fault) ||
				       store_folder_delete(fx.store, made,
							   fault)
			       ? -1
			       : 0;
	default:
		copy.folder = folder_of(store_id, role);
		copy.flags = g_rand_boolean(rand) ? MESSAGE_READ : 0;
		return store_deliver(fx.store, &delivery, &result, fault);
	}
}

Test(messages, counters_equal_a_recount_after_anything)
{
	const char *given = g_getenv("OKAPI_TEST_SEED");
	guint32 seed = given ? (guint32)strtoul(given, NULL, 10)
			     : (guint32)g_get_real_time();
	g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
	int64_t stores[2] = {user_make("bob"), user_make("eve")};
	int done = 0;

	fprintf(stderr, "OKAPI_TEST_SEED=%u\n", seed);
	for (int i = 0; i < 1500; i++) {
		struct fault why = {0};

		must(store_begin(fx.store, fault));
		if (random_step(rand, stores, &why)) {
			cr_assert(why.kind == FAULT_NOT_FOUND, "seed %u: %s",
				  seed, why.text);
			store_rollback(fx.store);
			continue;
		}
		must(store_commit(fx.store, fault));
		done++;
	}
	cr_expect(done > 300, "seed %u: only %d steps", seed, done);
	must_be_sound();
}

Test(messages, check_finds_what_is_wrong)
{
	static const char *const harm[] = {
		"UPDATE hierarchy SET messages = messages + 1"
		" WHERE type = 2 AND role = 1",
		"UPDATE hierarchy SET size = size + 1 WHERE type = 1"
		" AND size > 0",
		"UPDATE hierarchy SET size = size + 1 WHERE type = 3",
		"UPDATE lob SET form = 1, packed = NULL,"
		" data = zeroblob(size)",
		"UPDATE hierarchy SET change = 1000000 WHERE type = 3",
		"UPDATE hierarchy SET role = 0 WHERE role = 5",
	};
	AUTO(content) content = content_number(1);
	int64_t bob = user_make("bob");

	deliver_to(bob, folder_of(bob, FOLDER_INBOX), content);
	for (size_t i = 0; i < G_N_ELEMENTS(harm); i++) {
		int64_t wrong = 0;

		must(store_begin(fx.store, fault));
		must(sql_run(fx.store, fault, harm[i], ""));
		must(store_check(fx.store, NULL, NULL, &wrong, fault));
		cr_expect(wrong > 0, "not found: %s", harm[i]);
		store_rollback(fx.store);
	}
	must_be_sound();
}
