/*
 * Backups: while others write, again into the same directory, killed at every
 * step, into directories that hold something else.
 */
#include "store/backup.h"
#include "synced.h"
#include "writer.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static char *backup_dir;
static char *backup_path;

static void backup_open(void)
{
	fixture_open();
	backup_dir = g_build_filename(fx.directory, "backup", NULL);
	backup_path = g_build_filename(backup_dir, "store.db", NULL);
}

static void backup_close(void)
{
	g_free(backup_dir);
	g_free(backup_path);
	fixture_close();
}

TestSuite(backup, .init = backup_open, .fini = backup_close, .timeout = 120);

static struct store_backup_result back_up(void)
{
	struct store_backup_result result = {0};

	must(store_backup(fx.store, backup_dir, NULL, &result, fault));
	cr_expect_eq(result.missing, 0);
	return result;
}

/* Opens the copy, which must agree with itself; how many messages it has. */
static int64_t messages_in_backup(void)
{
	AUTO(store) copy = NULL;
	int64_t wrong = -1;
	int64_t count = -1;

	must(store_open(backup_path, STORE_WRITE, TIMEOUT_MS, &copy, fault));
	must(store_check(copy, tell_wrong, NULL, &wrong, fault));
	cr_expect_eq(wrong, 0);
	cr_expect_eq(
		sql_get(copy, NULL, &count, "SELECT count(*) FROM mail", ""),
		1);
	return count;
}

static ino_t inode_of(const char *file)
{
	struct stat st = {0};

	cr_assert_eq(stat(file, &st), 0, "%s", file);
	return st.st_ino;
}

Test(backup, is_a_sound_store_while_mail_flows)
{
	AUTO(content) large = content_large('b');
	int64_t bob = user_make("bob");
	int64_t id = deliver_to(bob, folder_of(bob, FOLDER_INBOX), large);
	g_autoptr(GBytes) bytes = NULL;
	AUTO(store) copy = NULL;
	struct writer writer;
	int64_t before = 0;
	int64_t after = 0;

	writer_start(&writer, bob, TIMEOUT_MS);
	for (int i = 0; i < 5; i++) {
		g_usleep(20000);
		before = g_atomic_int_get(&writer.done);
		cr_expect_eq(back_up().is_first, i == 0);
		after = g_atomic_int_get(&writer.done);
		cr_expect(messages_in_backup() > before);
		cr_expect(messages_in_backup() <= after + 2);
	}
	cr_expect(writer_stop(&writer) > 0);
	must(store_open(backup_path, STORE_READ, TIMEOUT_MS, &copy, fault));
	must(store_message_bytes(copy, id, true, &bytes, fault));
	cr_expect(g_bytes_equal(bytes, large->rfc822));
}

Test(backup, takes_what_is_new_only)
{
	AUTO(content) large = content_large('i');
	g_autofree char *file = NULL;
	int64_t bob = user_make("bob");
	int64_t inbox = folder_of(bob, FOLDER_INBOX);
	struct lob_name name = lob_name_of(large->sha256, LOB_PLAIN);
	struct store_backup_result first;
	struct store_backup_result next;
	ino_t database;
	ino_t value;

	for (int i = 0; i < 500; i++) {
		AUTO(content) content = content_number(i);

		deliver_to(bob, inbox, content);
	}
	deliver_to(bob, inbox, large);
	first = back_up();
	cr_expect(first.is_first);
	cr_expect_eq(first.pages_copied, first.pages);
	cr_expect_eq(first.files_copied, 1);
	file = lob_file(backup_path, &name);
	database = inode_of(backup_path);
	value = inode_of(file);
	/* Nothing new. */
	next = back_up();
	cr_expect_not(next.is_first);
	cr_expect_eq(next.pages_copied, 1);
	cr_expect_eq(next.files_copied, 0);
	cr_expect_eq(next.files, 1);
	{
		AUTO(content) content = content_number(1000);

		deliver_to(bob, inbox, content);
	}
	next = back_up();
	cr_expect(next.pages_copied < 40 && next.pages_copied > 1,
		  "%d of %d pages", (int)next.pages_copied, (int)next.pages);
	cr_expect(next.octets_copied < 40 * 4096);
	cr_expect_eq(inode_of(backup_path), database);
	cr_expect_eq(inode_of(file), value);
	cr_expect_eq(messages_in_backup(), 502);
}

Test(backup, follows_a_store_that_shrinks)
{
	int64_t bob = user_make("bob");
	int64_t inbox = folder_of(bob, FOLDER_INBOX);
	AUTO(content) large = content_large('s');
	g_autofree char *file = NULL;
	struct lob_name name = lob_name_of(large->sha256, LOB_PLAIN);
	struct stat before;
	struct stat after;
	int64_t freed;
	int64_t purged;

	for (int i = 0; i < 100; i++) {
		g_autofree char *text = noise_of(100000, (guint32)i);
		AUTO(content) content = content_of(text, 100000);

		deliver_to(bob, inbox, content);
	}
	deliver_to(bob, inbox, large);
	(void)back_up();
	file = lob_file(backup_path, &name);
	cr_assert_eq(stat(backup_path, &before), 0);
	cr_expect(g_file_test(file, G_FILE_TEST_EXISTS));
	in_unit(store_user_delete(fx.store, "bob", false, fault));
	must(store_purge(fx.store, g_get_real_time(), true, &purged, fault));
	must(store_vacuum(fx.store, &freed, fault));
	cr_expect_not(back_up().is_first);
	cr_assert_eq(stat(backup_path, &after), 0);
	cr_expect(after.st_size < before.st_size / 4, "%d of %d",
		  (int)after.st_size, (int)before.st_size);
	/* The value that no message has goes from the copy, too. */
	cr_expect_not(g_file_test(file, G_FILE_TEST_EXISTS));
	cr_expect_eq(messages_in_backup(), 0);
}

/* ---- kill -9 at every step ----------------------------------------------- */

struct killer {
	int64_t left; /* steps to live */
};

static void kill_at(const char *what, int64_t done, int64_t of, void *context)
{
	struct killer *killer = context;

	(void)what;
	(void)done;
	(void)of;
	if (killer->left-- == 0)
		(void)raise(SIGKILL);
}

/* A process that backs up and dies at a step; false: it came to the end. */
static bool backup_is_killed_at(int64_t step)
{
	int status = 0;
	pid_t pid;

	/* No connection goes through a fork. */
	store_close(fx.store);
	fx.store = NULL;
	pid = fork();
	if (pid == 0) {
		struct killer killer = {step};
		struct store *store = NULL;
		struct fault why = {0};

		if (store_open(fx.path, STORE_READ, TIMEOUT_MS, &store, &why))
			_exit(1);
		store_set_progress(store, kill_at, &killer);
		if (store_backup(store, backup_dir, NULL, NULL, &why))
			_exit(1);
		_exit(0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	must(store_open(fx.path, STORE_WRITE, TIMEOUT_MS, &fx.store, fault));
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return true;
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	return false;
}

/* In one commit. */
static void deliver_many(int64_t store_id, int64_t *count, int more)
{
	struct writer writer = {.store = store_id,
				.folder = folder_of(store_id, FOLDER_INBOX)};

	must(store_begin(fx.store, fault));
	for (int i = 0; i < more; i++) {
		writer.done = (gint)(*count)++;
		must(writer_unit(fx.store, &writer, fault));
	}
	must(store_commit(fx.store, fault));
}

/* As many messages as the copy's earlier state, or the new one. */
Test(backup, killed_at_any_step_is_the_earlier_one)
{
	int64_t bob = user_make("bob");
	int64_t earlier = 0;
	int64_t count = 0;
	int news = 0;

	for (int step = 0;; step++) {
		bool is_killed;

		deliver_many(bob, &count, 16);
		is_killed = backup_is_killed_at(step);
		if (earlier || g_file_test(backup_path, G_FILE_TEST_EXISTS)) {
			int64_t has = messages_in_backup();

			cr_expect(has == earlier || has == count,
				  "step %d: %d of %d, before %d", step,
				  (int)has, (int)count, (int)earlier);
			news += has == count;
			earlier = has;
		}
		if (!is_killed)
			break;
		/* The first one comes to its end once. */
		if (step == 6) {
			(void)back_up();
			earlier = count;
		}
	}
	cr_expect(news > 1);
	cr_expect_eq(earlier, count);
	(void)back_up();
	cr_expect_eq(messages_in_backup(), count);
}

/* Writes over a piece, from the start or (below 0) from the end. */
static void damage(const char *path, long at, const char *with, size_t len)
{
	FILE *file = fopen(path, "r+");

	cr_assert(file);
	cr_assert_eq(fseek(file, at, at < 0 ? SEEK_END : SEEK_SET), 0);
	cr_assert_eq(fwrite(with, 1, len, file), len);
	cr_assert_eq(fclose(file), 0);
}

/* A log that was cut short is none; a whole one is the next state. */
Test(backup, what_lies_beside_the_copy)
{
	g_autofree char *part = g_strconcat(backup_path, ".part", NULL);
	g_autofree char *log = g_strconcat(backup_path, "-wal", NULL);
	int64_t bob = user_make("bob");
	int64_t inbox = folder_of(bob, FOLDER_INBOX);
	AUTO(content) content = content_number(1);
	g_autofree char *garbage = noise_of(100000, 7);
	AUTO(content) noise = content_of(garbage, 100000);

	deliver_to(bob, inbox, content);
	(void)back_up();
	must_be_synced(backup_path);
	must_be_synced(backup_dir);
	cr_expect_not(g_file_test(part, G_FILE_TEST_EXISTS));
	cr_expect_not(g_file_test(log, G_FILE_TEST_EXISTS));
	cr_assert(g_file_set_contents(part, garbage, 50000, NULL));
	cr_expect_eq(messages_in_backup(), 1);
	deliver_to(bob, inbox, content);
	(void)back_up();
	cr_expect_eq(messages_in_backup(), 2);
	cr_assert(g_file_set_contents(log, garbage, 50000, NULL));
	cr_expect_eq(messages_in_backup(), 2);
	deliver_to(bob, inbox, content);
	(void)back_up();
	cr_expect_eq(messages_in_backup(), 3);
	/* A piece of it that broke is copied again. */
	deliver_to(bob, inbox, noise);
	(void)back_up();
	damage(backup_path, -10 * 4096, garbage, 8192);
	cr_expect(back_up().pages_copied >= 2);
	cr_expect_eq(messages_in_backup(), 4);
	/* What cannot be told to be one is not written over. */
	damage(backup_path, 0, garbage, 8192);
	must_fail(FAULT_EXISTS,
		  store_backup(fx.store, backup_dir, NULL, NULL, fault));
	cr_assert_eq(g_unlink(backup_path), 0);
	cr_expect(back_up().is_first);
	cr_expect_eq(messages_in_backup(), 4);
}

/* ---- what happens meanwhile ---------------------------------------------- */

struct meanwhile {
	struct store *store; /* another connection */
	int64_t bob;
	int64_t inbox;
	int64_t message;
	int seen; /* calls for large values */
};

/* A large value comes once the files are looked at, and is purged when the
 * rows that name them are. */
static void come_and_go(const char *what, int64_t done, int64_t of,
			void *context)
{
	struct meanwhile *m = context;
	AUTO(content) late = content_large('l');
	int64_t purged;

	(void)done;
	(void)of;
	if (strcmp(what, "large values") != 0)
		return;
	m->seen++;
	if (m->seen == 1) {
		struct delivery_copy copy = {
			.folder = m->inbox, .trace = "", .received = 1};
		struct delivery delivery = {.store = m->bob,
					    .recipient = "bob",
					    .reverse_path = "",
					    .content = late,
					    .copies = &copy,
					    .copy_count = 1};
		struct delivery_result result;

		must(store_begin(m->store, fault));
		must(store_deliver(m->store, &delivery, &result, fault));
		must(store_commit(m->store, fault));
		m->message = result.message;
	} else if (m->seen >= 2 && m->message) {
		must(store_begin(m->store, fault));
		must(store_message_delete(m->store, m->message, true, fault));
		must(store_commit(m->store, fault));
		must(store_purge(m->store, g_get_real_time(), true, &purged,
				 fault));
		m->message = 0;
	}
}

Test(backup, a_value_that_comes_and_goes_meanwhile)
{
	AUTO(content) early = content_large('e');
	struct store_backup_result result = {0};
	AUTO(store) other = NULL;
	struct meanwhile m = {.bob = user_make("bob")};

	m.inbox = folder_of(m.bob, FOLDER_INBOX);
	deliver_to(m.bob, m.inbox, early);
	must(store_open(fx.path, STORE_WRITE, TIMEOUT_MS, &other, fault));
	m.store = other;
	store_set_progress(fx.store, come_and_go, &m);
	must(store_backup(fx.store, backup_dir, NULL, &result, fault));
	store_set_progress(fx.store, NULL, NULL);
	cr_expect_eq(m.message, 0);
	cr_expect(m.seen >= 3, "%d", m.seen);
	cr_expect_eq(result.missing, 0);
	cr_expect_eq(messages_in_backup(), 1);
	must_be_sound();
}

static void backup_within(const char *what, int64_t done, int64_t of,
			  void *context)
{
	int *tried = context;
	struct store *other;

	(void)done;
	(void)of;
	if (strcmp(what, "pages") != 0 && strcmp(what, BACKUP_PLACING) != 0)
		return;
	must(store_open(fx.path, STORE_READ, TIMEOUT_MS, &other, fault));
	must_fail(FAULT_STORE_BUSY,
		  store_backup(other, backup_dir, NULL, NULL, fault));
	store_close(other);
	(*tried)++;
}

Test(backup, two_at_once_do_not_meet)
{
	int tried = 0;

	(void)back_up();
	store_set_progress(fx.store, backup_within, &tried);
	(void)back_up();
	store_set_progress(fx.store, NULL, NULL);
	cr_expect(tried >= 3);
	(void)back_up();
	cr_expect_eq(messages_in_backup(), 0);
}

/* ---- directories --------------------------------------------------------- */

/* In place of libc's: a file system may know no locks. */
static int flock_error;

int flock(int fd, int operation)
{
	if (!flock_error)
		return (int)syscall(SYS_flock, fd, operation);
	errno = flock_error;
	return -1;
}

Test(backup, a_directory_that_cannot_be_locked)
{
	struct fault fault = {0};

	flock_error = ENOLCK;
	cr_assert_eq(store_backup(fx.store, backup_dir, NULL, NULL, &fault),
		     -1);
	cr_expect_eq(fault.kind, FAULT_IO, "%s", fault.text);
	cr_expect_not_null(strstr(fault.text, "cannot lock "), "%s",
			   fault.text);
	flock_error = 0;
	(void)back_up();
}

Test(backup, refuses_what_is_no_backup_of_this_store)
{
	g_autofree char *file = g_build_filename(fx.directory, "file", NULL);
	g_autofree char *deep = g_build_filename(file, "x", NULL);
	g_autofree char *none = g_build_filename(backup_dir, "x", NULL);
	g_autofree char *other = g_build_filename(fx.directory, "other", NULL);
	g_autofree char *path = g_build_filename(other, "store.db", NULL);
	g_autofree char *kept = NULL;
	AUTO(store) store = NULL;

	must_fail(FAULT_NOT_FOUND,
		  store_backup(fx.store, none, NULL, NULL, fault));
	cr_assert(g_file_set_contents(file, "x", 1, NULL));
	must_fail(FAULT_EXISTS,
		  store_backup(fx.store, file, NULL, NULL, fault));
	must_fail(FAULT_NOT_FOUND,
		  store_backup(fx.store, deep, NULL, NULL, fault));
	/* Where the store itself is. */
	must_fail(FAULT_EXISTS,
		  store_backup(fx.store, fx.directory, NULL, NULL, fault));
	/* Another store, and what is none. */
	cr_assert_eq(g_mkdir(other, 0700), 0);
	must(store_create(path, TIMEOUT_MS, NULL, fault));
	must_fail(FAULT_EXISTS,
		  store_backup(fx.store, other, NULL, NULL, fault));
	must(store_open(path, STORE_WRITE, TIMEOUT_MS, &store, fault));
	must_fail(FAULT_STORE_BUSY,
		  store_backup(fx.store, other, NULL, NULL, fault));
	cr_assert_eq(g_mkdir(backup_dir, 0700), 0);
	kept = g_build_filename(backup_dir, "photo.jpg", NULL);
	cr_assert(g_file_set_contents(kept, "x", 1, NULL));
	must_fail(FAULT_EXISTS,
		  store_backup(fx.store, backup_dir, NULL, NULL, fault));
	cr_assert_eq(g_unlink(kept), 0);
	must(store_backup(fx.store, backup_dir, NULL, NULL, fault));
	/* Beside a backup something may lie. */
	cr_assert(g_file_set_contents(kept, "x", 1, NULL));
	must(store_backup(fx.store, backup_dir, NULL, NULL, fault));
}

static void on_file(const char *path, const char *sql)
{
	sqlite3 *db = NULL;

	cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK, "%s",
		     sqlite3_errmsg(db));
	cr_assert_eq(sqlite3_close(db), SQLITE_OK);
}

/* As a store was before schema 9. */
#define NO_KEY "DELETE FROM properties WHERE tag = 0x0ffa0102"

/* Stores from before there was a key are told apart by their values. */
Test(backup, without_a_key_what_it_has_tells)
{
	g_autofree char *path =
		g_build_filename(fx.directory, "other.db", NULL);
	int64_t bob = user_make("bob");
	struct store *mine = fx.store;
	AUTO(store) other = NULL;

	on_file(fx.path, NO_KEY);
	must(store_create(path, TIMEOUT_MS, NULL, fault));
	on_file(path, NO_KEY);
	must(store_open(path, STORE_WRITE, TIMEOUT_MS, &other, fault));
	/* Nothing in them tells. */
	(void)back_up();
	must_fail(FAULT_EXISTS,
		  store_backup(fx.store, backup_dir, NULL, NULL, fault));
	cr_assert_eq(g_unlink(backup_path), 0);
	for (int i = 0; i < 3; i++) {
		AUTO(content) content = content_number(i);

		deliver_to(bob, folder_of(bob, FOLDER_INBOX), content);
	}
	(void)back_up();
	(void)back_up();
	must_fail(FAULT_EXISTS,
		  store_backup(other, backup_dir, NULL, NULL, fault));
	/* Another's mail is another store, whatever is alike. */
	fx.store = other;
	bob = user_make("bob");
	for (int i = 0; i < 3; i++) {
		AUTO(content) content = content_number(i == 2 ? 7 : i);

		deliver_to(bob, folder_of(bob, FOLDER_INBOX), content);
	}
	fx.store = mine;
	must_fail(FAULT_EXISTS,
		  store_backup(other, backup_dir, NULL, NULL, fault));
	cr_expect_eq(messages_in_backup(), 3);
	/* A key on one side is no match. */
	on_file(fx.path,
		"INSERT INTO properties VALUES (1, 0x0ffa0102, x'00')");
	must_fail(FAULT_EXISTS,
		  store_backup(fx.store, backup_dir, NULL, NULL, fault));
}

/* What may go away says nothing of the copy: no advice to remove it. */
Test(backup, out_of_descriptors_it_may_work_later)
{
	struct rlimit all;
	struct rlimit few;
	int failed = 0;
	int free_fd = dup(0);

	cr_assert(free_fd >= 0);
	cr_assert_eq(close(free_fd), 0);
	(void)back_up();
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &all), 0);
	few = all;
	for (int more = 0; more < 12; more++) {
		struct fault why = {0};
		int rc;

		few.rlim_cur = (rlim_t)(free_fd + more);
		cr_assert_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
		rc = store_backup(fx.store, backup_dir, NULL, NULL, &why);
		cr_assert_eq(setrlimit(RLIMIT_NOFILE, &all), 0);
		if (rc == 0)
			break;
		failed++;
		cr_expect(fault_is_temporary(&why), "%d more: kind %d: %s",
			  more, (int)why.kind, why.text);
		cr_expect_null(strstr(why.text, "directory:"));
	}
	cr_expect(failed > 2, "%d", failed);
	/* The same for the first one. */
	cr_assert_eq(g_unlink(backup_path), 0);
	for (int more = 0; more < 3; more++) {
		struct fault why = {0};

		few.rlim_cur = (rlim_t)(free_fd + more);
		cr_assert_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
		(void)!store_backup(fx.store, backup_dir, NULL, NULL, &why);
		cr_assert_eq(setrlimit(RLIMIT_NOFILE, &all), 0);
		cr_expect(why.kind == FAULT_NONE || fault_is_temporary(&why),
			  "%d more: kind %d: %s", more, (int)why.kind,
			  why.text);
	}
	(void)back_up();
}

/* A copy that cannot be looked at is there all the same. */
Test(backup, a_copy_that_cannot_be_looked_at_is_not_replaced)
{
	struct stat st;

	cr_assert_eq(g_mkdir(backup_dir, 0700), 0);
	cr_assert_eq(symlink("store.db", backup_path), 0);
	must_fail(FAULT_NOT_FOUND,
		  store_backup(fx.store, backup_dir, NULL, NULL, fault));
	cr_assert_eq(lstat(backup_path, &st), 0);
	cr_expect(S_ISLNK(st.st_mode));
	/* A database of somebody else. */
	cr_assert_eq(g_unlink(backup_path), 0);
	on_file(backup_path, "CREATE TABLE photos (name TEXT)");
	must_fail(FAULT_EXISTS,
		  store_backup(fx.store, backup_dir, NULL, NULL, fault));
}

/* A reader of the copy keeps what it reads. */
Test(backup, a_copy_that_is_read_is_left_alone)
{
	int64_t bob = user_make("bob");
	AUTO(content) content = content_number(1);
	AUTO(store) reader = NULL;

	(void)back_up();
	must(store_open(backup_path, STORE_READ, TIMEOUT_MS, &reader, fault));
	deliver_to(bob, folder_of(bob, FOLDER_INBOX), content);
	must_fail(FAULT_STORE_BUSY,
		  store_backup(fx.store, backup_dir, NULL, NULL, fault));
	store_close(g_steal_pointer(&reader));
	(void)back_up();
	cr_expect_eq(messages_in_backup(), 1);
}

Test(backup, a_value_the_store_lost_is_told)
{
	AUTO(content) one = content_large('1');
	AUTO(content) two = content_large('2');
	struct lob_name name = lob_name_of(one->sha256, LOB_PLAIN);
	g_autofree char *file = lob_file(fx.path, &name);
	g_autofree char *copied = lob_file(backup_path, &name);
	int64_t bob = user_make("bob");
	int64_t inbox = folder_of(bob, FOLDER_INBOX);
	struct store_backup_result result = {0};

	deliver_to(bob, inbox, one);
	(void)back_up();
	/* An earlier backup has it still. */
	cr_assert_eq(g_unlink(file), 0);
	(void)back_up();
	cr_expect(g_file_test(copied, G_FILE_TEST_EXISTS));
	cr_expect_eq(messages_in_backup(), 1);
	g_free(file);
	name = lob_name_of(two->sha256, LOB_PLAIN);
	file = lob_file(fx.path, &name);
	deliver_to(bob, inbox, two);
	cr_assert_eq(g_unlink(file), 0);
	must(store_backup(fx.store, backup_dir, NULL, &result, fault));
	cr_expect_eq(result.missing, 1);
}
