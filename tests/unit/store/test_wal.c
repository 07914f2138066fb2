/*
 * The log that is written in one piece a commit: what was committed is in the
 * file for everybody, whatever SQLite did on the way there.
 */
#include "fixture.h"

#include <sys/stat.h>
#include <sys/wait.h>

TestSuite(wal, .init = fixture_open, .fini = fixture_close, .timeout = 60);

/* What SQLite's own VFS sees, as another program would; -1: it is not sound. */
static int64_t rows_for_others(void)
{
	sqlite3_stmt *stmt;
	int64_t count;
	sqlite3 *db;

	cr_assert_eq(sqlite3_open(fx.path, &db), SQLITE_OK);
	cr_assert_eq(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &stmt,
					NULL),
		     SQLITE_OK);
	cr_assert_eq(sqlite3_step(stmt), SQLITE_ROW);
	cr_assert_str_eq((const char *)sqlite3_column_text(stmt, 0), "ok");
	(void)sqlite3_finalize(stmt);
	cr_assert_eq(sqlite3_prepare_v2(db, "SELECT count(*) FROM lob", -1,
					&stmt, NULL),
		     SQLITE_OK);
	cr_assert_eq(sqlite3_step(stmt), SQLITE_ROW);
	count = sqlite3_column_int64(stmt, 0);
	(void)sqlite3_finalize(stmt);
	(void)sqlite3_close(db);
	return count;
}

static void add_rows(int count, int64_t size)
{
	for (int i = 0; i < count; i++)
		must(sql_run(fx.store, fault,
			     "INSERT INTO lob (hash, size, data)"
			     " VALUES (randomblob(32), ?1, randomblob(?1))",
			     "i", size));
}

Test(wal, others_see_what_was_committed)
{
	for (int i = 1; i <= 20; i++) {
		must(store_begin(fx.store, fault));
		add_rows(3, 3000);
		cr_expect_eq(rows_for_others(), 3 * (i - 1));
		must(store_commit(fx.store, fault));
		cr_expect_eq(rows_for_others(), 3 * i);
	}
}

/* More than the page cache holds: pages go into the log before the commit and
 * are read from there, and written a second time. */
Test(wal, a_transaction_beyond_the_cache)
{
	must(sql_script(fx.store, "PRAGMA cache_size = 20", fault));
	must(store_begin(fx.store, fault));
	add_rows(300, 5000);
	store_rollback(fx.store);
	cr_expect_eq(rows_for_others(), 0);
	must(store_begin(fx.store, fault));
	add_rows(300, 5000);
	must(sql_run(fx.store, fault, "UPDATE lob SET data = zeroblob(size)",
		     ""));
	add_rows(10, 5000);
	must(store_commit(fx.store, fault));
	cr_expect_eq(rows_for_others(), 310);
}

/* One that is larger than what is held back. */
Test(wal, a_large_transaction)
{
	must(store_begin(fx.store, fault));
	add_rows(6, 600000);
	must(store_commit(fx.store, fault));
	cr_expect_eq(rows_for_others(), 6);
}

/* Who comes alone reads the log from its beginning, and SQLite forgets what of
 * it was copied already: the log must not grow from one process to the next. */
Test(wal, the_log_of_those_who_come_alone)
{
	static const struct {
		bool is_short;
		int64_t octets_max;
	} cases[] = {{true, 200 * 4120}, {false, 1100 * 4120}};
	g_autofree char *log = g_strconcat(fx.path, "-wal", NULL);

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		for (int k = 0; k < 60; k++) {
			struct stat st;

			store_close(fx.store);
			must(store_open(fx.path, STORE_WRITE, 1000, &fx.store,
					fault));
			if (cases[i].is_short)
				store_keep_log_short(fx.store);
			must(store_begin(fx.store, fault));
			add_rows(20, 3000);
			must(store_commit(fx.store, fault));
			cr_assert_eq(stat(log, &st), 0);
			cr_assert_leq((int64_t)st.st_size, cases[i].octets_max,
				      "case %zu, process %d", i, k);
		}
	cr_expect_eq(rows_for_others(), 2 * 60 * 20);
}

/* The log begins anew after a checkpoint; a second writer goes on in it. */
Test(wal, checkpoints_and_other_writers)
{
	struct store *other;

	for (int i = 1; i <= 6; i++) {
		must(store_begin(fx.store, fault));
		add_rows(10, 4000);
		must(store_commit(fx.store, fault));
		if (i % 2)
			store_settle(fx.store);
		must(store_open(fx.path, STORE_WRITE, TIMEOUT_MS, &other,
				fault));
		must(store_begin(other, fault));
		must(sql_run(other, fault, "DELETE FROM lob WHERE id % 10 = 0",
			     ""));
		must(store_commit(other, fault));
		store_close(other);
		cr_expect_eq(rows_for_others(), 9 * i);
	}
}

/* Killed right behind the commit: it is there. */
Test(wal, a_commit_outlives_its_process)
{
	pid_t child = fork();

	cr_assert(child >= 0);
	if (child == 0) {
		struct store *store;
		struct fault fault = {0};

		if (store_open(fx.path, STORE_WRITE, TIMEOUT_MS, &store,
			       &fault) ||
		    store_begin(store, &fault) ||
		    sql_run(store, &fault,
			    "INSERT INTO lob (hash, size, data)"
			    " VALUES (randomblob(32), 9000, zeroblob(9000))",
			    "") ||
		    store_commit(store, &fault) || store_begin(store, &fault) ||
		    sql_run(store, &fault,
			    "INSERT INTO lob (hash, size, data)"
			    " VALUES (randomblob(32), 9000, zeroblob(9000))",
			    ""))
			_exit(1);
		(void)kill(getpid(), SIGKILL);
	}
	cr_assert_eq(waitpid(child, NULL, 0), child);
	cr_expect_eq(rows_for_others(), 1);
}
