/*
 * Creating, opening, refusing; units that commit whole or not at all.
 */
#include "fixture.h"

#include <sys/stat.h>
#include <sys/wait.h>

TestSuite(store, .init = fixture_open, .fini = fixture_close, .timeout = 60);

static void sql_on_file(const char *path, const char *sql)
{
	sqlite3 *db;

	cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK, "%s",
		     sqlite3_errmsg(db));
	cr_assert_eq(sqlite3_close(db), SQLITE_OK);
}

Test(store, is_created_once)
{
	bool is_created = true;

	must(store_create(fx.path, TIMEOUT_MS, &is_created, fault));
	cr_expect_not(is_created);
	must_be_sound();
}

Test(store, a_new_one_is_whole_in_its_file)
{
	g_autofree char *path = g_build_filename(fx.directory, "new.db", NULL);
	g_autofree char *wal = g_strconcat(path, "-wal", NULL);
	struct stat st = {0};

	must(store_create(path, TIMEOUT_MS, NULL, fault));
	cr_expect(stat(wal, &st) != 0 || st.st_size == 0);
	cr_assert_eq(stat(path, &st), 0);
	cr_expect(st.st_size > 40000);
	cr_expect_eq(st.st_mode & 07, 0, "others may read mail");
}

Test(store, settings_of_the_file)
{
	static const struct {
		const char *sql;
		int64_t want;
	} settings[] = {
		{"PRAGMA auto_vacuum", 2},
		{"PRAGMA synchronous", 2},
		{"PRAGMA foreign_keys", 1},
		{"PRAGMA application_id", STORE_APPLICATION_ID},
		{"SELECT count(*) FROM pragma_journal_mode"
		 " WHERE journal_mode = 'wal'",
		 1},
		{"SELECT count(*) FROM sqlite_schema WHERE name IN"
		 " ('hierarchy', 'properties', 'lob', 'outgoingqueue',"
		 "  'users', 'usergroup_acl', 'acl', 'mail')",
		 8},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(settings); i++) {
		int64_t value = -1;
		struct fault why = {0};

		cr_assert_eq(
			sql_get(fx.store, &why, &value, settings[i].sql, ""),
			1);
		cr_expect_eq(value, settings[i].want, "%s: %d", settings[i].sql,
			     (int)value);
	}
}

Test(store, makes_its_directory_but_not_the_parents)
{
	g_autofree char *one = g_build_filename(fx.directory, "one/s.db", NULL);
	g_autofree char *two = g_build_filename(fx.directory, "x/y/s.db", NULL);

	must(store_create(one, TIMEOUT_MS, NULL, fault));
	must_fail(FAULT_CONFIG, store_create(two, TIMEOUT_MS, NULL, fault));
}

Test(store, refuses_what_is_not_there)
{
	struct store *store;

	must_fail(FAULT_CONFIG, store_open("/nonexistent/store.db", STORE_READ,
					   TIMEOUT_MS, &store, fault));
	must_fail(FAULT_CONFIG, store_open(fx.directory, STORE_READ, TIMEOUT_MS,
					   &store, fault));
}

Test(store, refuses_what_is_not_a_store)
{
	g_autofree char *text = g_build_filename(fx.directory, "text", NULL);
	g_autofree char *other = g_build_filename(fx.directory, "other", NULL);
	g_autofree char *empty = g_build_filename(fx.directory, "empty", NULL);
	g_autofree char *long_text = g_strnfill(8192, 'x');
	struct store *store;

	cr_assert(g_file_set_contents(text, long_text, -1, NULL));
	cr_assert(g_file_set_contents(empty, "", 0, NULL));
	sql_on_file(other, "CREATE TABLE t (x)");
	must_fail(FAULT_CONFIG,
		  store_open(text, STORE_READ, TIMEOUT_MS, &store, fault));
	must_fail(FAULT_CONFIG,
		  store_open(other, STORE_READ, TIMEOUT_MS, &store, fault));
	must_fail(FAULT_CONFIG,
		  store_open(empty, STORE_READ, TIMEOUT_MS, &store, fault));
	must_fail(FAULT_CONFIG, store_create(text, TIMEOUT_MS, NULL, fault));
	must_fail(FAULT_CONFIG, store_create(other, TIMEOUT_MS, NULL, fault));
	/* An empty file is filled. */
	must(store_create(empty, TIMEOUT_MS, NULL, fault));
}

Test(store, refuses_a_newer_version)
{
	struct store *store;
	struct fault why = {0};

	sql_on_file(fx.path, "PRAGMA user_version = 1000");
	cr_assert_eq(store_open(fx.path, STORE_WRITE, TIMEOUT_MS, &store, &why),
		     -1);
	cr_expect_eq(why.kind, FAULT_CONFIG);
	cr_expect(strstr(why.text, "newer version"), "%s", why.text);
	must_fail(FAULT_CONFIG, store_create(fx.path, TIMEOUT_MS, NULL, fault));
}

Test(store, an_older_version_is_brought_up_to_date)
{
	struct store *store;
	int64_t version = -1;

	/* A store of version 0 is an empty file: opening says what to do,
	 * creating goes through all steps. */
	g_autofree char *old = g_build_filename(fx.directory, "old.db", NULL);
	sql_on_file(old, "PRAGMA application_id = 0x4f6b4170");
	must_fail(FAULT_CONFIG,
		  store_open(old, STORE_WRITE, TIMEOUT_MS, &store, fault));
	must(store_create(old, TIMEOUT_MS, NULL, fault));
	must(store_open(old, STORE_WRITE, TIMEOUT_MS, &store, fault));
	must(schema_check(store, false, &version, fault));
	cr_expect_eq(version, store_schema());
	store_close(store);
}

/* A store that the first version made, with data in it, by all steps since. */
Test(store, a_store_of_schema_1_keeps_its_data)
{
	g_autofree char *old = g_build_filename(fx.directory, "one.db", NULL);
	g_autofree char *sql = NULL;
	AUTO(store_user) anna = NULL;
	AUTO(store) store = NULL;
	int64_t version = 0;
	int64_t found = 0;
	int64_t freed = 0;
	int64_t wrong = -1;

	cr_assert(g_file_get_contents("tests/data/store/schema-1.sql", &sql,
				      NULL, NULL));
	sql_on_file(old, sql);
	must_fail(FAULT_CONFIG,
		  store_open(old, STORE_WRITE, TIMEOUT_MS, &store, fault));
	must(store_create(old, TIMEOUT_MS, NULL, fault));
	must(store_open(old, STORE_WRITE, TIMEOUT_MS, &store, fault));
	must(schema_check(store, false, &version, fault));
	cr_expect_eq(version, store_schema());
	must(store_check(store, tell_wrong, NULL, &wrong, fault));
	cr_expect_eq(wrong, 0);
	must(store_user_find(store, "anna", &anna, fault));
	cr_expect_eq(anna->messages, 2);
	cr_expect_eq(sql_get(store, NULL, &found,
			     "SELECT count(*) FROM mail WHERE owner = 'anna'"
			     " AND folder = 'Inbox/Boss\\/x/Deep'"
			     " AND subject = 'second'",
			     ""),
		     1);
	cr_expect_eq(found, 1);
	cr_expect_eq(
		sql_get(store, NULL, &found, "SELECT count(*) FROM mail", ""),
		1);
	cr_expect_eq(found, 3);
	/* What was kept as it came is packed in its place. */
	must(store_vacuum(store, &freed, fault));
	cr_expect_eq(sql_get(store, NULL, &found,
			     "SELECT count(*) FROM lob WHERE form = 0", ""),
		     1);
	cr_expect_eq(found, 0);
	must(store_check(store, tell_wrong, NULL, &wrong, fault));
	cr_expect_eq(wrong, 0);
	/* Again does nothing. */
	must(store_create(old, TIMEOUT_MS, NULL, fault));
}

static int64_t number_of(const char *path, const char *sql)
{
	sqlite3_stmt *stmt = NULL;
	sqlite3 *db;
	int64_t number;

	cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
	cr_assert_eq(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
	cr_assert_eq(sqlite3_step(stmt), SQLITE_ROW, "%s", path);
	number = sqlite3_column_int64(stmt, 0);
	cr_expect_eq(sqlite3_finalize(stmt), SQLITE_OK);
	cr_expect_eq(sqlite3_close(db), SQLITE_OK);
	return number;
}

/* The store of schema 1 with its data, taken to another schema; owned path. */
static char *store_of_schema(int64_t version)
{
	char *path =
		g_strdup_printf("%s/from-%d.db", fx.directory, (int)version);
	g_autofree char *sql = NULL;
	struct store store = {.path = path};

	cr_assert(g_file_get_contents("tests/data/store/schema-1.sql", &sql,
				      NULL, NULL));
	sql_on_file(path, sql);
	sql_on_file(path, "PRAGMA journal_mode = WAL");
	store.statements = g_hash_table_new(NULL, NULL);
	cr_assert_eq(sqlite3_open(path, &store.db), SQLITE_OK);
	must(schema_migrate(&store, 1, version, fault));
	cr_assert_eq(sqlite3_close(store.db), SQLITE_OK);
	g_hash_table_destroy(store.statements);
	return path;
}

/* From every schema there was: a backup of what was, and then the data. */
Test(store, an_upgrade_makes_a_backup_first)
{
	for (int64_t from = 1; from < store_schema(); from++) {
		g_autofree char *path = store_of_schema(from);
		g_autofree char *dir =
			g_strdup_printf("%s.schema-%d", path, (int)from);
		g_autofree char *copy = g_build_filename(dir, "store.db", NULL);
		struct store_upgrade upgrade = {0};
		AUTO(store) store = NULL;
		int64_t wrong = -1;

		cr_assert_eq(number_of(path, "PRAGMA user_version"), from);
		must(store_upgrade(path, TIMEOUT_MS, &upgrade, fault));
		cr_expect_eq(upgrade.from, from);
		cr_expect_str_eq(upgrade.backup, dir);
		g_free(upgrade.backup);
		must(store_open(path, STORE_WRITE, TIMEOUT_MS, &store, fault));
		must(store_check(store, tell_wrong, NULL, &wrong, fault));
		cr_expect_eq(wrong, 0, "from schema %d", (int)from);
		cr_expect_eq(number_of(path, "SELECT count(*) FROM mail"), 3);
		cr_expect_eq(number_of(copy, "PRAGMA user_version"), from);
		cr_expect_eq(number_of(copy, "SELECT count(*) FROM hierarchy"
					     " WHERE type = 3"
					     " AND deleted IS NULL"),
			     3);
		/* Current now: no second one. */
		upgrade = (struct store_upgrade){0};
		must(store_upgrade(path, TIMEOUT_MS, &upgrade, fault));
		cr_expect_null(upgrade.backup);
	}
}

Test(store, without_its_backup_nothing_is_upgraded)
{
	g_autofree char *path = store_of_schema(1);
	g_autofree char *dir = g_strconcat(path, ".schema-1", NULL);
	g_autofree char *other = g_build_filename(fx.directory, "else", NULL);
	g_autofree char *photo = g_build_filename(dir, "photo.jpg", NULL);
	struct store_upgrade upgrade = {0};

	cr_assert_eq(mkdir(dir, 0700), 0);
	cr_assert(g_file_set_contents(photo, "x", 1, NULL));
	must_fail(FAULT_EXISTS,
		  store_upgrade(path, TIMEOUT_MS, &upgrade, fault));
	cr_expect_eq(number_of(path, "PRAGMA user_version"), 1);
	upgrade.backup_dir = other;
	must(store_upgrade(path, TIMEOUT_MS, &upgrade, fault));
	cr_expect_str_eq(upgrade.backup, other);
	g_free(upgrade.backup);
	cr_expect_eq(number_of(path, "PRAGMA user_version"), store_schema());
}

/* The key of a delivery before schema 13. */
static void earlier_key(const struct delivery *delivery,
			uint8_t ret_key[DIGEST_SIZE])
{
	struct digest *digest = digest_new();
	int64_t owner = GINT64_TO_LE(delivery->store);

	digest_update(digest, &owner, sizeof(owner));
	digest_update(digest, delivery->recipient,
		      strlen(delivery->recipient) + 1);
	digest_update(digest, delivery->reverse_path,
		      strlen(delivery->reverse_path) + 1);
	digest_update(digest, delivery->content->sha256, DIGEST_SIZE);
	digest_finish(digest, ret_key);
}

/* What was delivered before an upgrade is a repetition after it, for as long as
 * it would have been. */
Test(store, an_upgrade_keeps_what_was_delivered)
{
	static const struct {
		const char *name;
		int64_t seen_s; /* ago */
		bool is_duplicate;
	} rows[] = {
		{"within the window", 1800, true},
		{"before the window", 7200, false},
	};
	struct store_policy policy = {.duplicate_window_s = 3600};
	g_autofree char *path = store_of_schema(12);
	AUTO(store) store = NULL;
	AUTO(store_user) anna = NULL;

	sql_on_file(path, "INSERT INTO duplicates VALUES"
			  " (randomblob(32), 0, strftime('%s') * 1000000)");
	must(store_create(path, TIMEOUT_MS, NULL, fault));
	must(store_open(path, STORE_WRITE, TIMEOUT_MS, &store, fault));
	store_set_policy(store, &policy);
	must(store_user_find(store, "anna", &anna, fault));
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		AUTO(content) content = content_number((int)i);
		struct delivery delivery = {
			.store = anna->store,
			.recipient = "anna@example.com",
			.reverse_path = "bob@example.com",
			.content = content,
			.check_duplicate = true,
			.is_replied = true,
		};
		struct delivery_result result;
		uint8_t key[DIGEST_SIZE];

		earlier_key(&delivery, key);
		must(store_begin(store, fault));
		must(sql_run(
			store, fault, "INSERT INTO duplicates VALUES (?, 0, ?)",
			"bi", key, sizeof(key),
			g_get_real_time() - rows[i].seen_s * G_USEC_PER_SEC));
		must(store_deliver(store, &delivery, &result, fault));
		cr_expect_eq(result.is_duplicate, rows[i].is_duplicate, "%s",
			     rows[i].name);
		must(store_deliver(store, &delivery, &result, fault));
		cr_expect(result.is_duplicate, "%s, again", rows[i].name);
		must(store_commit(store, fault));
	}
}

/* What the recipients of a message leave lies in one place. */
Test(store, keys_of_a_message_lie_together)
{
	AUTO(content) content = content_number(7);
	struct store_policy policy = {.duplicate_window_s = 3600};
	int64_t bob = user_make("bob");
	int64_t found = 0;

	store_set_policy(fx.store, &policy);
	for (int i = 0; i < 3; i++) {
		g_autofree char *to = g_strdup_printf("b%d@example.com", i);
		struct delivery delivery = {.store = bob,
					    .recipient = to,
					    .reverse_path = "",
					    .content = content,
					    .check_duplicate = true,
					    .is_replied = true};
		struct delivery_result result;

		in_unit(store_deliver(fx.store, &delivery, &result, fault));
	}
	cr_expect_eq(sql_get(fx.store, NULL, &found,
			     "SELECT count(*) FROM duplicates"
			     " WHERE substr(key, 1, 8) = substr(?, 1, 8)",
			     "b", content->sha256, sizeof(content->sha256)),
		     1);
	cr_expect_eq(found, 3);
	cr_expect_eq(sql_get(fx.store, NULL, &found,
			     "SELECT count(*) FROM properties"
			     " WHERE tag = 0x67fa0014",
			     ""),
		     1);
	cr_expect_eq(found, 0); /* none of the earlier form */
}

/* Large values are not copied, only named again. */
Test(store, the_backup_of_an_upgrade_shares_large_values)
{
	g_autofree char *dir = g_strconcat(fx.path, ".schema-8", NULL);
	g_autofree char *copy = g_build_filename(dir, "store.db", NULL);
	AUTO(content) large = content_large('u');
	struct lob_name name = lob_name_of(large->sha256, LOB_PLAIN);
	g_autofree char *file = lob_file(fx.path, &name);
	int64_t bob = user_make("bob");
	struct stat st;

	deliver_to(bob, folder_of(bob, FOLDER_INBOX), large);
	store_close(g_steal_pointer(&fx.store));
	sql_on_file(fx.path, "PRAGMA user_version = 8");
	/* The last steps again fail where they were made already; the backup
	 * is there by then. */
	if (store_create(fx.path, TIMEOUT_MS, NULL, NULL))
		sql_on_file(fx.path, "PRAGMA user_version = 8");
	cr_assert_eq(stat(file, &st), 0);
	cr_expect_eq(st.st_nlink, 2);
	cr_expect_eq(number_of(copy, "PRAGMA user_version"), 8);
}

/* What tells a store from others; a copy has it too. */
static char *key_of(const char *path)
{
	AUTO(store) store = NULL;
	ROWS rows = {0};

	must(store_open(path, STORE_READ, TIMEOUT_MS, &store, fault));
	must(rows_open(store, &rows, fault,
		       "SELECT hex(value) FROM properties"
		       " WHERE tag = 0x0ffa0102",
		       ""));
	cr_assert_eq(rows_next(&rows, NULL), 1);
	return rows_text(&rows, 0);
}

Test(store, every_store_has_a_key_of_its_own)
{
	g_autofree char *other = g_build_filename(fx.directory, "2.db", NULL);
	g_autofree char *old = g_build_filename(fx.directory, "one.db", NULL);
	g_autofree char *sql = NULL;
	g_autofree char *first = key_of(fx.path);
	g_autofree char *second = NULL;
	g_autofree char *third = NULL;

	must(store_create(other, TIMEOUT_MS, NULL, fault));
	second = key_of(other);
	cr_assert(g_file_get_contents("tests/data/store/schema-1.sql", &sql,
				      NULL, NULL));
	sql_on_file(old, sql);
	must(store_create(old, TIMEOUT_MS, NULL, fault));
	third = key_of(old);
	cr_expect_eq(strlen(first), 32);
	cr_expect_eq(strlen(third), 32);
	cr_expect_str_neq(first, second);
	cr_expect_str_neq(second, third);
}

static int unit_user_then(struct store *store, void *context,
			  struct fault *fault)
{
	struct store_user_change change = {0};
	const char *name = context;

	if (store_user_create(store, name, &change, NULL, fault))
		return -1;
	if (name[0] == 'f')
		return fault_set(fault, FAULT_REJECTED, "as wanted");
	return 0;
}

Test(store, a_failing_unit_leaves_nothing)
{
	struct store_user *user;

	must_fail(FAULT_REJECTED,
		  store_run(fx.store, unit_user_then, (char[]){"fred"}, fault));
	must_fail(FAULT_NO_USER,
		  store_user_find(fx.store, "fred", &user, fault));
	must(store_run(fx.store, unit_user_then, (char[]){"anna"}, fault));
	must(store_user_find(fx.store, "anna", &user, fault));
	store_user_free(user);
	must_be_sound();
}

Test(store, changes_need_a_unit)
{
	struct store_user_change change = {0};

	must_fail(FAULT_INTERNAL,
		  store_user_create(fx.store, "x", &change, NULL, fault));
}

Test(store, a_reader_cannot_write)
{
	struct store *reader;

	must(store_open(fx.path, STORE_READ, TIMEOUT_MS, &reader, fault));
	must_fail(FAULT_INTERNAL,
		  store_run(reader, unit_user_then, (char[]){"anna"}, fault));
	store_close(reader);
}

Test(store, a_writer_that_waits_too_long_gives_up)
{
	struct store *other;
	int64_t start = g_get_monotonic_time();
	int64_t ms;

	must(store_open(fx.path, STORE_WRITE, 200, &other, fault));
	must(store_begin(fx.store, fault));
	must_fail(FAULT_STORE_BUSY, store_begin(other, fault));
	ms = (g_get_monotonic_time() - start) / 1000;
	cr_expect(ms >= 190, "waited %d ms", (int)ms);
	store_rollback(fx.store);
	/* And works once the way is free. */
	must(store_begin(other, fault));
	store_rollback(other);
	store_close(other);
}

Test(store, a_foreign_writer_makes_it_busy)
{
	struct store *other;
	sqlite3 *db;

	must(store_open(fx.path, STORE_WRITE, 200, &other, fault));
	cr_assert_eq(sqlite3_open(fx.path, &db), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL),
		     SQLITE_OK);
	must_fail(FAULT_STORE_BUSY, store_begin(other, fault));
	(void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	must(store_begin(other, fault));
	store_rollback(other);
	(void)sqlite3_close(db);
	store_close(other);
}

#define TURNS 200

static gint come;    /* writers that have their store open */
static gint resting; /* that had their turns */

/* Three writers that never rest: none starves. */
static gpointer take_turns(gpointer path)
{
	struct store *store;
	gsize turns = 0;

	must(store_open(path, STORE_WRITE, TIMEOUT_MS, &store, fault));
	g_atomic_int_inc(&come);
	while (g_atomic_int_get(&come) < 3)
		g_usleep(200);
	while (g_atomic_int_get(&resting) < 3) {
		must(store_begin(store, fault));
		g_usleep(200);
		store_rollback(store);
		if (++turns == TURNS)
			g_atomic_int_inc(&resting);
	}
	store_close(store);
	return GSIZE_TO_POINTER(turns);
}

Test(store, writers_take_turns)
{
	GThread *threads[3];

	g_atomic_int_set(&come, 0);
	g_atomic_int_set(&resting, 0);
	for (int i = 0; i < 3; i++)
		threads[i] = g_thread_new("turn", take_turns, fx.path);
	/* However long the slowest took, the others had no more than ten times
	 * its turns meanwhile. */
	for (int i = 0; i < 3; i++) {
		gsize turns = GPOINTER_TO_SIZE(g_thread_join(threads[i]));

		cr_expect(turns < 10 * TURNS, "%zu", turns);
	}
}

/* Killed while it holds the lock: the kernel frees it. */
Test(store, a_killed_writer_frees_the_lock)
{
	int pipe_fds[2];
	char byte;
	int status;
	pid_t pid;

	cr_assert_eq(pipe(pipe_fds), 0);
	pid = fork();
	if (pid == 0) {
		struct store *store;
		struct fault why = {0};

		if (store_open(fx.path, STORE_WRITE, 1000, &store, &why) ||
		    store_begin(store, &why))
			_exit(1);
		(void)!write(pipe_fds[1], "x", 1);
		(void)alarm(60); /* should the test fail */
		pause();
	}
	cr_assert_eq(read(pipe_fds[0], &byte, 1), 1);
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, &status, 0);
	must(store_begin(fx.store, fault));
	store_rollback(fx.store);
}
