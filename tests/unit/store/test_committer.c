/*
 * The committer: groups, neighbours that fail, answers only after the sync;
 * and what is left after kill -9 at any moment.
 */
#include "fixture.h"

#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

TestSuite(committer, .init = fixture_open, .fini = fixture_close,
	  .timeout = 120);

static const struct store_policy no_policy = {.duplicate_window_s = 3600};

struct job {
	struct committer *committer;
	int64_t store;
	int64_t folder;
	int number;
	int rounds;
	bool fails;
	bool may_repeat;    /* committer_run_anew() */
	int runs;           /* of its unit */
	int acknowledge_fd; /* -1: none */
	GThread *thread;
	int done;
	int refused;
};

/* Every tenth is large enough for a file of its own. */
static struct content *job_content(int number)
{
	return number % 10 ? content_mixed(number)
			   : content_large((guint32)number);
}

static int job_unit(struct store *store, void *context, struct fault *fault)
{
	struct job *job = context;
	AUTO(content) content = job_content(job->number);
	struct delivery_copy copy = {.folder = job->folder,
				     .trace = "",
				     .received = g_get_real_time()};
	struct delivery delivery = {.store = job->store,
				    .recipient = "bob",
				    .reverse_path = "",
				    .content = content,
				    .copies = &copy,
				    .copy_count = 1};
	struct delivery_result result;

	job->runs++;
	if (store_deliver(store, &delivery, &result, fault))
		return -1;
	if (job->fails)
		return fault_set(fault, FAULT_REJECTED, "as wanted");
	return 0;
}

static int job_run(struct job *job, struct fault *fault)
{
	return (job->may_repeat ? committer_run_anew : committer_run)(
		job->committer, job_unit, job, fault);
}

static gpointer job_thread(gpointer data)
{
	struct job *job = data;

	for (int i = 0; i < job->rounds; i++, job->number++) {
		struct fault fault = {0};

		if (job_run(job, &fault)) {
			cr_assert_eq(fault.kind, FAULT_REJECTED, "%s",
				     fault.text);
			job->refused++;
			continue;
		}
		job->done++;
		if (job->acknowledge_fd >= 0 &&
		    write(job->acknowledge_fd, &job->number,
			  sizeof(job->number)) < 0)
			return NULL;
	}
	return NULL;
}

static void jobs_run(struct job *jobs, int count, struct committer *committer,
		     int64_t bob)
{
	for (int i = 0; i < count; i++) {
		jobs[i].committer = committer;
		jobs[i].store = bob;
		jobs[i].folder = folder_of(bob, FOLDER_INBOX);
		jobs[i].number = i * 1000000;
		jobs[i].thread = g_thread_new("job", job_thread, &jobs[i]);
	}
	for (int i = 0; i < count; i++)
		(void)g_thread_join(jobs[i].thread);
}

static void keep_neighbours_apart(bool may_repeat)
{
	struct job jobs[16] = {0};
	struct committer_stats stats;
	struct committer *committer;
	int64_t bob = user_make("bob");
	struct store_stats found;

	must(committer_new(fx.path, TIMEOUT_MS, &no_policy, &committer, fault));
	for (int i = 0; i < 16; i++) {
		jobs[i].rounds = 20;
		jobs[i].fails = i % 4 == 3;
		jobs[i].may_repeat = may_repeat;
		jobs[i].acknowledge_fd = -1;
	}
	jobs_run(jobs, 16, committer, bob);
	committer_get_stats(committer, &stats);
	committer_free(committer);
	cr_expect_eq(stats.units, 240);
	cr_expect_eq(stats.failed, 80);
	cr_expect(stats.commits < 240, "%d commits", (int)stats.commits);
	cr_expect(stats.largest > 1);
	must(store_get_stats(fx.store, &found, fault));
	cr_expect_eq(found.messages, 240);
	cr_expect_eq(found.contents, 240);
	must_be_sound();
}

/* In two steps: both are asked for before the first is waited for. */
Test(committer, is_asked_now_and_answers_later)
{
	struct job jobs[2] = {{.number = 1}, {.number = 2, .fails = true}};
	struct commit_request *requests[2];
	struct committer *committer;
	int64_t bob = user_make("bob");
	struct store_stats found;
	struct fault why = {0};

	must(committer_new(fx.path, TIMEOUT_MS, &no_policy, &committer, fault));
	for (int i = 0; i < 2; i++) {
		jobs[i].store = bob;
		jobs[i].folder = folder_of(bob, FOLDER_INBOX);
		requests[i] = committer_start(committer, job_unit, &jobs[i]);
	}
	must(committer_wait(requests[0], fault));
	cr_expect_neq(committer_wait(requests[1], &why), 0);
	cr_expect_eq(why.kind, FAULT_REJECTED, "%s", why.text);
	cr_expect(committer_is_well(committer));
	committer_free(committer);
	must(store_get_stats(fx.store, &found, fault));
	cr_expect_eq(found.messages, 1);
	must_be_sound();
}

Test(committer, groups_and_keeps_neighbours_apart)
{
	keep_neighbours_apart(false);
}

Test(committer, units_that_may_repeat_are_kept_apart)
{
	keep_neighbours_apart(true);
}

/* One fails among many that may repeat, now and then: the others are stored
 * once, whoever of them ran twice. */
Test(committer, what_ran_twice_is_stored_once)
{
	struct job jobs[16] = {0};
	struct committer_stats stats;
	struct committer *committer;
	struct store_stats found;
	int64_t bob = user_make("bob");
	int runs = 0;

	must(committer_new(fx.path, TIMEOUT_MS, &no_policy, &committer, fault));
	for (int i = 0; i < 16; i++) {
		jobs[i].rounds = i == 15 ? 2 : 40;
		jobs[i].fails = i == 15;
		jobs[i].may_repeat = true;
		jobs[i].acknowledge_fd = -1;
	}
	jobs_run(jobs, 16, committer, bob);
	for (int i = 0; i < 16; i++)
		runs += jobs[i].runs;
	committer_get_stats(committer, &stats);
	committer_free(committer);
	cr_expect_eq(stats.units, 600);
	cr_expect_eq(stats.failed, 2);
	cr_expect(runs >= 602 && runs < 700, "%d runs", runs);
	must(store_get_stats(fx.store, &found, fault));
	cr_expect_eq(found.messages, 600);
	must_be_sound();
}

/* A session: announced, at work for a moment, then to be committed. */
static gpointer session_thread(gpointer data)
{
	struct job *job = data;

	for (int i = 0; i < job->rounds; i++, job->number++) {
		struct fault fault = {0};

		committer_expect(job->committer, 1);
		g_usleep(200);
		cr_assert_eq(job_run(job, &fault), 0, "%s", fault.text);
		committer_expect(job->committer, -1);
	}
	return NULL;
}

Test(committer, many_sessions_share_a_sync)
{
	struct job jobs[64] = {0};
	struct committer_stats stats;
	struct committer *committer;
	int64_t bob = user_make("bob");

	must(committer_new(fx.path, TIMEOUT_MS, &no_policy, &committer, fault));
	for (int i = 0; i < 64; i++) {
		jobs[i] = (struct job){.committer = committer,
				       .store = bob,
				       .folder = folder_of(bob, FOLDER_INBOX),
				       .number = i * 1000000 + 1,
				       .rounds = 9, /* none large */
				       .acknowledge_fd = -1};
		jobs[i].thread =
			g_thread_new("session", session_thread, &jobs[i]);
	}
	for (int i = 0; i < 64; i++)
		(void)g_thread_join(jobs[i].thread);
	committer_get_stats(committer, &stats);
	committer_free(committer);
	cr_expect_eq(stats.units, 576);
	cr_expect(stats.units >= 8 * stats.commits, "%d units, %d commits",
		  (int)stats.units, (int)stats.commits);
	must_be_sound();
}

static int unit_name_thread(struct store *store, void *context,
			    struct fault *fault)
{
	(void)store;
	(void)fault;
	*(GThread **)context = g_thread_self();
	return 0;
}

/* Who waited is counted as before: once all are gone, one that is announced is
 * alone and runs its unit itself. */
Test(committer, whoever_came_is_gone_afterwards)
{
	struct job jobs[8] = {0};
	struct committer *committer;
	GThread *thread = NULL;
	int64_t bob = user_make("bob");

	must(committer_new(fx.path, TIMEOUT_MS, &no_policy, &committer, fault));
	for (int i = 0; i < 8; i++) {
		jobs[i] = (struct job){.committer = committer,
				       .store = bob,
				       .folder = folder_of(bob, FOLDER_INBOX),
				       .number = i * 1000000 + 1,
				       .rounds = 9,
				       .acknowledge_fd = -1};
		jobs[i].thread =
			g_thread_new("session", session_thread, &jobs[i]);
	}
	for (int i = 0; i < 8; i++)
		(void)g_thread_join(jobs[i].thread);
	committer_expect(committer, 1);
	/* The thread may still be putting its last group away. */
	for (int i = 0; i < 1000 && thread != g_thread_self(); i++) {
		g_usleep(1000);
		must(committer_run(committer, unit_name_thread, &thread,
				   fault));
	}
	cr_expect_eq(thread, g_thread_self());
	committer_expect(committer, 1);
	must(committer_run(committer, unit_name_thread, &thread, fault));
	cr_expect_neq(thread, g_thread_self());
	committer_expect(committer, -2);
	committer_free(committer);
	must_be_sound();
}

/* What sched_getattr(2) says of a thread: 48 octets, the slice at 24. */
static uint64_t slice_of(pid_t thread)
{
	uint64_t words[6] = {0};

	cr_assert_eq(
		syscall(SYS_sched_getattr, thread, words, sizeof(words), 0), 0);
	return words[3];
}

static int unit_number_thread(struct store *store, void *context,
			      struct fault *fault)
{
	(void)store;
	(void)fault;
	*(pid_t *)context = gettid();
	return 0;
}

/* Everybody waits for the thread: its slice is shorter than that of others,
 * where the kernel has such a thing. */
Test(committer, is_prompt)
{
	struct committer *committer;
	uint64_t ours = slice_of(0);
	pid_t thread = 0;

	if (!ours)
		cr_skip_test("this kernel has no slices");
	must(committer_new(fx.path, TIMEOUT_MS, &no_policy, &committer, fault));
	committer_expect(committer, 2); /* so that it is the thread's */
	must(committer_run(committer, unit_number_thread, &thread, fault));
	cr_expect_neq(thread, gettid());
	cr_expect_lt(slice_of(thread), ours);
	cr_expect_eq(slice_of(0), ours);
	committer_expect(committer, -2);
	committer_free(committer);
}

/* One that is announced and does not come holds nobody up for long. */
Test(committer, who_does_not_come_is_not_waited_for)
{
	struct job job = {.rounds = 20, .number = 1, .acknowledge_fd = -1};
	struct committer *committer;
	int64_t bob = user_make("bob");
	int64_t began;

	must(committer_new(fx.path, TIMEOUT_MS, &no_policy, &committer, fault));
	job.committer = committer;
	job.store = bob;
	job.folder = folder_of(bob, FOLDER_INBOX);
	committer_expect(committer, 40);
	began = g_get_monotonic_time();
	(void)job_thread(&job);
	cr_expect(g_get_monotonic_time() - began < 60 * G_USEC_PER_SEC);
	cr_expect_eq(job.done, 20);
	committer_free(committer);
	must_be_sound();
}

static int unit_grow(struct store *store, void *context, struct fault *fault)
{
	(void)context;
	return sql_run(store, fault,
		       "INSERT INTO lob (hash, size, data)"
		       " VALUES (randomblob(32), 900000, zeroblob(900000))",
		       "");
}

static int64_t size_of(const char *suffix)
{
	g_autofree char *path = g_strconcat(fx.path, suffix, NULL);
	struct stat st;

	cr_assert_eq(stat(path, &st), 0);
	return st.st_size;
}

/* The log is copied while units run, and begins anew. */
Test(committer, the_log_does_not_grow_for_ever)
{
	struct committer *committer;

	must(committer_new(fx.path, TIMEOUT_MS, &no_policy, &committer, fault));
	for (int i = 0; i < 150; i++) {
		struct fault why = {0};

		cr_assert_eq(committer_run(committer, unit_grow, NULL, &why), 0,
			     "%s", why.text);
		g_usleep(1000);
	}
	cr_expect(size_of("") > 30000000, "nothing was copied");
	cr_expect(size_of("-wal") < 100000000, "%d octets of log",
		  (int)size_of("-wal"));
	committer_free(committer);
	cr_expect_eq(size_of("-wal"), 0);
}

static int unit_grow_much(struct store *store, void *context,
			  struct fault *fault)
{
	for (int i = 0; i < 40; i++)
		if (unit_grow(store, context, fault))
			return -1;
	return 0;
}

/* The thread answers, and then finds that a checkpoint is due: that may be at
 * the end (sanitizers see who uses what is gone). */
Test(committer, ends_where_a_checkpoint_is_due)
{
	for (int i = 0; i < 3; i++) {
		struct committer *committer;

		must(committer_new(fx.path, TIMEOUT_MS, &no_policy, &committer,
				   fault));
		committer_expect(committer, 2); /* so that it is the thread's */
		must(committer_run(committer, unit_grow_much, NULL, fault));
		committer_free(committer);
		cr_expect_eq(size_of("-wal"), 0);
	}
}

Test(committer, other_writers_get_their_turn)
{
	struct job jobs[4] = {0};
	struct committer *committer;
	int64_t bob = user_make("bob");
	AUTO(content) content = content_number(5);

	must(committer_new(fx.path, TIMEOUT_MS, &no_policy, &committer, fault));
	for (int i = 0; i < 4; i++) {
		jobs[i] = (struct job){.committer = committer,
				       .store = bob,
				       .folder = folder_of(bob, FOLDER_INBOX),
				       .number = (i + 1) * 1000000,
				       .rounds = 100,
				       .acknowledge_fd = -1};
		jobs[i].thread = g_thread_new("job", job_thread, &jobs[i]);
	}
	for (int i = 0; i < 20; i++)
		deliver_to(bob, folder_of(bob, FOLDER_JUNK), content);
	for (int i = 0; i < 4; i++)
		(void)g_thread_join(jobs[i].thread);
	committer_free(committer);
	must_be_sound();
}

static int unit_lose_transaction(struct store *store, void *context,
				 struct fault *fault)
{
	(void)context;
	/* What SQLite does by itself when a disk is full or fails. */
	if (sql_script(store, "ROLLBACK", fault))
		return -1;
	return fault_set(fault, FAULT_DISK_FULL, "no space");
}

/* Where unit_wait() is: comes, is there, may go. */
enum {
	GATE_COMES,
	GATE_IS_THERE,
	GATE_OPEN
};
static gint gate;

/* Holds the committer up, so that those who follow are one group. */
static int unit_wait(struct store *store, void *context, struct fault *fault)
{
	(void)store;
	(void)context;
	(void)fault;
	g_atomic_int_set(&gate, GATE_IS_THERE);
	while (g_atomic_int_get(&gate) != GATE_OPEN)
		g_usleep(1000);
	return 0;
}

static gpointer wait_thread(gpointer data)
{
	struct fault fault = {0};

	cr_expect_eq(committer_run(data, unit_wait, NULL, &fault), 0);
	return NULL;
}

/* The thread of a unit that waits, once it does. */
static GThread *hold_up(struct committer *committer)
{
	GThread *thread;

	g_atomic_int_set(&gate, GATE_COMES);
	thread = g_thread_new("wait", wait_thread, committer);
	while (g_atomic_int_get(&gate) != GATE_IS_THERE)
		g_usleep(1000);
	return thread;
}

/* Two at once, of which one loses the transaction of all: nobody is told that
 * it is kept, and the next unit works. */
static void expect_all_are_temporary(struct committer *committer,
				     store_unit_fn *loses)
{
	int64_t bob = user_make("bob");
	struct job job = {.committer = committer,
			  .store = bob,
			  .folder = folder_of(bob, FOLDER_INBOX),
			  .rounds = 1,
			  .acknowledge_fd = -1};
	GThread *thread = hold_up(committer);
	struct commit_request *requests[] = {
		committer_start(committer, job_unit, &job),
		committer_start(committer, loses, NULL)};
	struct store_stats found;
	struct fault why = {0};

	g_atomic_int_set(&gate, GATE_OPEN);
	(void)g_thread_join(thread);
	for (size_t i = 0; i < G_N_ELEMENTS(requests); i++) {
		cr_expect_eq(committer_wait(requests[i], &why), -1);
		cr_expect(fault_is_temporary(&why), "%s", why.text);
	}
	fault_clear(&why);
	must(store_get_stats(fx.store, &found, fault));
	cr_expect_eq(found.messages, 0);
	cr_expect_eq(committer_run(committer, job_unit, &job, &why), 0, "%s",
		     why.text);
	committer_free(committer);
	must_be_sound();
}

Test(committer, a_lost_transaction_is_temporary_for_all_of_it)
{
	struct committer *committer;

	must(committer_new(fx.path, TIMEOUT_MS, &no_policy, &committer, fault));
	expect_all_are_temporary(committer, unit_lose_transaction);
}

Test(committer, a_full_disk_is_temporary)
{
	struct committer *committer;
	int64_t bob = user_make("bob");
	struct job job = {.store = bob, .folder = folder_of(bob, FOLDER_INBOX)};
	struct fault why = {0};

	/* A store that may not grow is a disk that is full. */
	must(committer_new(fx.path, TIMEOUT_MS, &no_policy, &committer, fault));
	job.committer = committer;
	must(store_begin(fx.store, fault));
	must(sql_run(fx.store, fault, "PRAGMA max_page_count = 1", ""));
	for (job.number = 0; job.number < 2000; job.number++)
		if (job_unit(fx.store, &job, &why))
			break;
	cr_expect_eq(why.kind, FAULT_DISK_FULL, "%s", why.text);
	store_rollback(fx.store);
	must(sql_run(fx.store, fault, "PRAGMA max_page_count = 1000000", ""));
	committer_free(committer);
	must_be_sound();
}

Test(committer, nothing_is_written_into_a_file_that_was_replaced)
{
	struct committer *committer;
	int64_t bob = user_make("bob");
	struct job job = {.store = bob, .folder = folder_of(bob, FOLDER_INBOX)};
	g_autofree char *away = g_strconcat(fx.path, ".away", NULL);
	g_autofree char *copy = g_build_filename(fx.directory, "copy", NULL);
	g_autofree char *copied = g_build_filename(copy, "store.db", NULL);
	struct fault why = {0};
	struct store *replaced;
	struct store_stats stats;

	must(committer_new(fx.path, TIMEOUT_MS, &no_policy, &committer, fault));
	must(store_backup(fx.store, copy, NULL, NULL, fault));
	cr_assert_eq(rename(fx.path, away), 0);
	cr_expect_eq(committer_run(committer, job_unit, &job, &why), -1);
	cr_expect_eq(why.kind, FAULT_STORE_BUSY, "%s", why.text);
	/* A backup is put in its place: the old log is not part of it. */
	for (int i = 0; i < 2; i++) {
		g_autofree char *file =
			g_strconcat(fx.path, i ? "-wal" : "-shm", NULL);

		cr_assert_eq(unlink(file), 0);
	}
	cr_assert_eq(rename(copied, fx.path), 0);
	why = (struct fault){0};
	cr_expect_eq(committer_run(committer, job_unit, &job, &why), 0, "%s",
		     why.text);
	committer_free(committer);
	must(store_open(fx.path, STORE_READ, TIMEOUT_MS, &replaced, fault));
	must(store_get_stats(replaced, &stats, fault));
	cr_expect_eq(stats.messages, 1);
	store_close(replaced);
}

/* Kill -9 while eight threads deliver: what was acknowledged is there. */
static void kill_round(int round, int64_t bob)
{
	g_autoptr(GArray) numbers = g_array_new(FALSE, FALSE, sizeof(int));
	int pipe_fds[2];
	int number;
	int status;
	pid_t pid;

	cr_assert_eq(pipe(pipe_fds), 0);
	pid = fork();
	if (pid == 0) {
		struct job jobs[8] = {0};
		struct committer *committer;

		must(committer_new(fx.path, TIMEOUT_MS, &no_policy, &committer,
				   fault));
		for (int i = 0; i < 8; i++) {
			jobs[i] = (struct job){
				.committer = committer,
				.store = bob,
				.folder = folder_of(bob, FOLDER_INBOX),
				.number = round * 10000000 + i * 1000000,
				.rounds = 1000000,
				.acknowledge_fd = pipe_fds[1]};
			jobs[i].thread =
				g_thread_new("job", job_thread, &jobs[i]);
		}
		(void)alarm(60); /* should the test fail */
		pause();
	}
	(void)close(pipe_fds[1]);
	/* Some time after the first acknowledgement, however slow. */
	if (read(pipe_fds[0], &number, sizeof(number)) == sizeof(number))
		g_array_append_val(numbers, number);
	g_usleep((gulong)(10000 + 37000 * round));
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, &status, 0);
	while (read(pipe_fds[0], &number, sizeof(number)) == sizeof(number))
		g_array_append_val(numbers, number);
	(void)close(pipe_fds[0]);
	cr_expect(numbers->len > 0, "round %d: nothing was acknowledged",
		  round);
	for (guint i = 0; i < numbers->len; i++) {
		AUTO(content) content =
			job_content(g_array_index(numbers, int, i));
		int64_t id = 0;
		struct fault why = {0};

		cr_assert_eq(sql_get(fx.store, &why, &id,
				     "SELECT m.id FROM lob l JOIN hierarchy c"
				     " ON c.lob = l.id JOIN hierarchy m"
				     " ON m.content = c.id WHERE l.hash = ?",
				     "b", content->sha256, (size_t)32),
			     1, "acknowledged message %d is not there",
			     g_array_index(numbers, int, i));
	}
	must_be_sound();
}

Test(committer, killed_at_any_moment)
{
	int64_t bob = user_make("bob");

	/* The child opens a connection of its own. */
	for (int round = 0; round < 6; round++)
		kill_round(round, bob);
}

/* ---- the watchdog's question ---- */

static int unit_of_nothing(struct store *store G_GNUC_UNUSED,
			   void *context G_GNUC_UNUSED,
			   struct fault *fault G_GNUC_UNUSED)
{
	return 0;
}

Test(committer, is_well_while_work_gets_done)
{
	struct committer *committer;
	GThread *thread;
	int64_t began;

	/* Patience: twice 100 ms, and a second. */
	must(committer_new(fx.path, 100, &no_policy, &committer, fault));
	cr_expect(committer_is_well(committer));
	began = g_get_monotonic_time();
	thread = hold_up(committer);
	while (committer_is_well(committer))
		g_usleep(10000);
	cr_expect_geq(g_get_monotonic_time() - began, 1200000);
	g_atomic_int_set(&gate, GATE_OPEN);
	g_thread_join(thread);
	must(committer_run(committer, unit_of_nothing, NULL, fault));
	cr_expect(committer_is_well(committer));
	committer_free(committer);
}

static gint refusals; /* commits that are to fail */

static int refuse_commit(void *context)
{
	(void)context;
	return g_atomic_int_get(&refusals) > 0 &&
	       g_atomic_int_add(&refusals, -1) > 0;
}

/* Is content, and so that its group cannot be committed. */
static int unit_refuse(struct store *store, void *context, struct fault *fault)
{
	(void)context;
	g_atomic_int_set(&refusals, 1);
	(void)sqlite3_commit_hook(store->db, refuse_commit, NULL);
	return sql_run(store, fault,
		       "UPDATE hierarchy SET id = id WHERE id = 1", "");
}

static gpointer refuse_thread(gpointer data)
{
	struct fault fault = {0};

	cr_expect_eq(committer_run(data, unit_refuse, NULL, &fault), -1);
	cr_expect(fault_is_temporary(&fault), "%s", fault.text);
	return NULL;
}

Test(committer, a_commit_that_fails_is_temporary_for_all_of_it)
{
	struct committer *committer;

	must(committer_new(fx.path, TIMEOUT_MS, &no_policy, &committer, fault));
	(void)refuse_thread(committer); /* alone */
	expect_all_are_temporary(committer, unit_refuse);
}
