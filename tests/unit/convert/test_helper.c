/*
 * The pool of helpers: what it does when one dies, overruns, answers nonsense,
 * and what a helper may not do.
 */
#include "convert_test.h"

#include "convert/helper.h"

#include <glib/gstdio.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>

#define TIMEOUT_MS 60000

static const struct convert_options options = {
	.flags = CONVERT_ALL,
	.default_charset = "windows-1252",
};

/* build/.../tests/unit/convert/test_helper -> build/.../okapi-convert; owned.
 */
static char *helper_program(void)
{
	g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
	char *at = g_strrstr(self, "/tests/unit/");

	cr_assert(at);
	*at = '\0';
	return g_build_filename(self, "okapi-convert", NULL);
}

static struct helper_pool *real_pool(unsigned count)
{
	g_autofree char *program = helper_program();

	return helper_pool_new_at(program, count, TIMEOUT_MS);
}

/* A shell script in a directory of its own; owned path. */
static char *script(const char *body)
{
	g_autofree char *directory =
		g_dir_make_tmp("okapi-helper-XXXXXX", NULL);
	char *path = g_build_filename(directory, "okapi-convert", NULL);
	g_autofree char *real = helper_program();
	g_autofree char *text = g_strdup_printf(
		"#!/bin/sh\nDIR=%s\nREAL=%s\n%s\n", directory, real, body);

	cr_assert(g_file_set_contents(path, text, -1, NULL));
	cr_assert(g_chmod(path, 0700) == 0);
	return path;
}

static void forget(char *path)
{
	g_autofree char *directory = g_path_get_dirname(path);
	g_autofree char *mark = g_build_filename(directory, "mark", NULL);

	(void)g_remove(path);
	(void)g_remove(mark);
	(void)g_rmdir(directory);
	g_free(path);
}

static bool is_fallback(const struct propset *set)
{
	const char *subject = propset_text(set, PR_SUBJECT);

	return subject && !strcmp(subject, "Fallback delivery");
}

/* Converts "Subject: NAME"; true if it was converted, false if it fell back
 * (then the fault has a text). */
static bool converts(struct helper_pool *pool, const char *name)
{
	g_autofree char *text =
		g_strdup_printf("Subject: %s\r\n\r\nbody\r\n", name);
	g_autoptr(GBytes) bytes = g_bytes_new(text, strlen(text));
	AUTO(propset) set = NULL;
	struct fault fault = {0};
	int rc = helper_to_propset(pool, bytes, -1, &options, &set, &fault);

	cr_assert(set);
	if (rc == 0) {
		expect_text(name, set, PR_SUBJECT, name);
		return true;
	}
	cr_expect(is_fallback(set));
	cr_expect(fault.text[0] && fault_is_temporary(&fault));
	return false;
}

Test(helper, converts, .timeout = 120)
{
	struct helper_pool *pool = real_pool(1);

	for (int i = 0; i < 20; i++)
		cr_expect(converts(pool, "hello"));
	helper_pool_free(pool);
}

static void count(void *context)
{
	++*(int *)context;
}

/* What is done meanwhile is done once, also where there is no helper. */
Test(helper, meanwhile, .timeout = 120)
{
	struct helper_pool *pool = real_pool(1);
	struct helper_pool *none = helper_pool_new_at("/dev/null", 1, 1000);
	g_autoptr(GBytes) bytes = g_bytes_new_static("A: b\n", 5);
	AUTO(propset) set = NULL;
	AUTO(propset) fallback = NULL;
	struct fault fault = {0};
	int calls = 0;
	const struct helper_meanwhile counting = {count, &calls};

	cr_expect(helper_to_propset_while(pool, bytes, -1, &options, &counting,
					  &set, &fault) == 0);
	cr_expect_eq(calls, 1);
	cr_expect(helper_to_propset_while(none, bytes, -1, &options, &counting,
					  &fallback, &fault) == -1);
	cr_expect(is_fallback(fallback));
	cr_expect_eq(calls, 2);
	helper_pool_free(pool);
	helper_pool_free(none);
}

/* What was left out is told with the set. */
Test(helper, notes, .timeout = 120)
{
	static const char text[] = "Date: tomorrow\r\nX: y\r\n\r\nbody\r\n";
	struct helper_pool *pool = real_pool(1);
	g_autoptr(GBytes) bytes = g_bytes_new_static(text, sizeof(text) - 1);
	AUTO(propset) set = NULL;
	const struct prop *notes = NULL;
	struct fault fault = {0};

	cr_assert(helper_to_propset(pool, bytes, -1, &options, &set, &fault) ==
		  0);
	notes = propset_find(set, PR_OKAPI_NOTES);
	cr_assert(notes);
	cr_expect_str_eq(notes->value.texts[0], "Date is no date");
	cr_expect_null(notes->value.texts[1]);
	helper_pool_free(pool);
}

/* The names of a set's fields, in their order. */
static char *field_names(const struct propset *set)
{
	GString *names = g_string_new(NULL);

	for (size_t i = 0; i < propset_header_count(set); i++)
		g_string_append_printf(names, "%s%s", i ? " " : "",
				       propset_header(set, i)->name);
	return g_string_free(names, FALSE);
}

/* A request that names header fields gets these, wherever the message is. */
Test(helper, fields_by_name, .timeout = 120)
{
	static const char text[] = "X-A: 1\r\nSubject: s\r\nFrom: a@b\r\n"
				   "x-a: 2\r\nX-AB: 3\r\n\r\nbody\r\n";
	static const struct {
		const char *names[4];
		bool is_all;
		const char *wanted;
	} cases[] = {
		{{0}, true, "X-A Subject From x-a X-AB"},
		{{0}, false, ""},
		{{"x-a"}, false, "X-A x-a"},
		{{"FROM", "nothing", "x-ab"}, false, "From X-AB"},
	};
	struct helper_pool *pool = real_pool(1);
	g_autoptr(GBytes) bytes = g_bytes_new_static(text, sizeof(text) - 1);
	AUTOCLOSE int file = memfd_create("test", MFD_CLOEXEC);

	cr_assert(write(file, text, sizeof(text) - 1) == sizeof(text) - 1);
	for (size_t i = 0; i < 2 * G_N_ELEMENTS(cases); i++) {
		const size_t at = i / 2;
		const struct convert_options some = {
			.flags = CONVERT_SKETCH | CONVERT_SUMMARY |
				 CONVERT_HEADERS,
			.fields = cases[at].is_all ? NULL : cases[at].names,
		};
		AUTO(propset) set = NULL;
		g_autofree char *names = NULL;
		struct fault fault = {0};

		cr_assert(helper_to_propset(pool, bytes, i % 2 ? file : -1,
					    &some, &set, &fault) == 0);
		names = field_names(set);
		cr_expect_str_eq(names, cases[at].wanted, "case %zu", at);
		expect_text("fields", set, PR_SUBJECT, "s");
	}
	helper_pool_free(pool);
}

/* More names than a request holds: then all fields come. */
Test(helper, too_many_names, .timeout = 120)
{
	static const char text[] = "Subject: s\r\nTo: a@b\r\n\r\n";
	struct helper_pool *pool = real_pool(1);
	g_autoptr(GBytes) bytes = g_bytes_new_static(text, sizeof(text) - 1);
	g_autofree char *name = g_strnfill(CONVERT_FIELDS_MAX, 'x');
	const char *names[] = {name, NULL};
	const struct convert_options some = {.flags = CONVERT_HEADERS,
					     .fields = names};
	AUTO(propset) set = NULL;
	g_autofree char *found = NULL;
	struct fault fault = {0};

	cr_assert(helper_to_propset(pool, bytes, -1, &some, &set, &fault) == 0);
	found = field_names(set);
	cr_expect_str_eq(found, "Subject To");
	helper_pool_free(pool);
}

/* The head of a request may bring some of a message, or all of it. */
Test(helper, sizes_around_what_comes_at_once, .timeout = 120)
{
	static const size_t sizes[] = {1,     4096,  65000,  65535,
				       65536, 65537, 131072, 3000000};
	struct helper_pool *pool = real_pool(1);

	for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
		g_autoptr(GString) text = g_string_new("Subject: ");
		g_autoptr(GBytes) bytes = NULL;
		AUTO(propset) set = NULL;
		struct fault fault = {0};

		g_string_append_printf(text, "%zu\r\n\r\n", sizes[i]);
		while (text->len < sizes[i])
			g_string_append_c(text, 'x');
		bytes = g_bytes_new(text->str, text->len);
		cr_assert(helper_to_propset(pool, bytes, -1, &options, &set,
					    &fault) == 0);
		expect_number("size", set, PR_MESSAGE_SIZE, (int64_t)text->len);
	}
	helper_pool_free(pool);
}

/* The helper maps the file; what was sent beside it does not matter. */
Test(helper, converts_a_file, .timeout = 120)
{
	static const char text[] = "Subject: from a file\r\n\r\nbody\r\n";
	struct helper_pool *pool = real_pool(1);
	g_autofree char *filler = g_strnfill(sizeof(text) - 1, '\n');
	g_autoptr(GBytes) bytes = g_bytes_new(filler, sizeof(text) - 1);
	AUTOCLOSE int file = memfd_create("test", MFD_CLOEXEC);
	AUTOCLOSE int nothing = memfd_create("empty", MFD_CLOEXEC);
	AUTO(propset) set = NULL;
	AUTO(propset) fallback = NULL;
	struct fault fault = {0};

	cr_assert(write(file, text, sizeof(text) - 1) == sizeof(text) - 1);
	for (int i = 0; i < 100; i++) { /* more than it may have open */
		g_clear_pointer(&set, propset_free);
		cr_assert(helper_to_propset(pool, bytes, file, &options, &set,
					    &fault) == 0,
			  "%s", fault.text);
	}
	expect_text("file", set, PR_SUBJECT, "from a file");

	/* A file that is shorter than it should be costs this message only. */
	cr_expect_eq(helper_to_propset(pool, bytes, nothing, &options,
				       &fallback, &fault),
		     -1);
	cr_expect(is_fallback(fallback));
	cr_expect(converts(pool, "afterwards"));
	helper_pool_free(pool);
}

Test(helper, composes, .timeout = 120)
{
	struct helper_pool *pool = real_pool(1);
	AUTO(propset) set = propset_new();
	AUTO(propset) empty = propset_new();
	g_autoptr(GBytes) out = NULL;
	struct fault fault = {0};

	propset_set_text(set, PR_SUBJECT, "hello");
	cr_assert(helper_to_rfc822(pool, set, &out, &fault) == 0, "%s",
		  fault.text);
	cr_expect(g_strstr_len(g_bytes_get_data(out, NULL),
			       (gssize)g_bytes_get_size(out),
			       "Subject: hello\r\n") != NULL);
	g_clear_pointer(&out, g_bytes_unref);
	cr_expect(helper_to_rfc822(pool, empty, &out, &fault) != 0);
	cr_expect_eq(fault.kind, FAULT_REFUSED_INPUT);
	cr_expect(converts(pool, "after a refusal"));
	helper_pool_free(pool);
}

/* A helper that does something else the first time it is started. */
static void check_first_start(const char *name, const char *what,
			      int64_t timeout_ms)
{
	g_autofree char *body = g_strdup_printf(
		"if [ -e $DIR/mark ]; then exec $REAL; fi\n: >$DIR/mark\n%s",
		what);
	char *path = script(body);
	struct helper_pool *pool = helper_pool_new_at(path, 1, timeout_ms);

	cr_expect(!converts(pool, name), "%s", name);
	cr_expect(converts(pool, "the next one"), "%s", name);
	helper_pool_free(pool);
	forget(path);
}

Test(helper, dies_at_once, .timeout = 120)
{
	check_first_start("dies at once", "exit 1", TIMEOUT_MS);
}

Test(helper, killed_in_the_middle, .timeout = 120)
{
	check_first_start("killed", "head -c 10 >/dev/null; kill -9 $$",
			  TIMEOUT_MS);
}

Test(helper, overruns, .timeout = 120)
{
	check_first_start("overruns", "exec sleep 600", 5000);
}

Test(helper, answers_nonsense, .timeout = 120)
{
	check_first_start("nonsense",
			  "echo this is no answer of a helper; exec sleep 600",
			  TIMEOUT_MS);
}

Test(helper, answers_no_set, .timeout = 120)
{
	check_first_start(
		"no set",
		"printf '\\001\\000\\000\\000\\000\\000\\000\\000'\n"
		"printf '\\004\\000\\000\\000\\000\\000\\000\\000abcd'\n"
		"exec sleep 600",
		TIMEOUT_MS);
}

Test(helper, claims_too_much, .timeout = 120)
{
	check_first_start("claims",
			  "printf '\\001\\000\\000\\000\\000\\000\\000\\000'\n"
			  "printf '\\377\\377\\377\\377\\377\\377\\377\\377'\n"
			  "exec sleep 600",
			  TIMEOUT_MS);
}

Test(helper, claims_and_stops, .timeout = 120)
{
	check_first_start(
		"claims and stops",
		"printf '\\001\\000\\000\\000\\000\\000\\000\\000'\n"
		"printf '\\000\\000\\000\\040\\000\\000\\000\\000x'\nexit 0",
		TIMEOUT_MS);
}

/* One that dies while nobody needs it costs no message. */
Test(helper, dies_idle, .timeout = 120)
{
	char *path = script("echo $$ >$DIR/mark; exec $REAL");
	g_autofree char *directory = g_path_get_dirname(path);
	g_autofree char *mark = g_build_filename(directory, "mark", NULL);
	struct helper_pool *pool = helper_pool_new_at(path, 1, TIMEOUT_MS);
	g_autofree char *pid = NULL;

	cr_expect(converts(pool, "before"));
	cr_assert(g_file_get_contents(mark, &pid, NULL, NULL));
	cr_assert(kill((pid_t)atoi(pid), SIGKILL) == 0);
	g_usleep(200000);
	cr_expect(converts(pool, "after"));
	helper_pool_free(pool);
	forget(path);
}

static void kill_helper(void *context)
{
	cr_assert(kill(*(const pid_t *)context, SIGKILL) == 0);
}

/* Nor does one that is killed after it was asked, if it had served others: it
 * stands still, so that it cannot answer before. */
Test(helper, dies_asked, .timeout = 120)
{
	char *path = script("echo $$ >$DIR/mark; exec $REAL");
	g_autofree char *directory = g_path_get_dirname(path);
	g_autofree char *mark = g_build_filename(directory, "mark", NULL);
	struct helper_pool *pool = helper_pool_new_at(path, 1, TIMEOUT_MS);
	g_autoptr(GBytes) bytes =
		g_bytes_new_static("Subject: again\r\n\r\n", 18);
	AUTO(propset) set = NULL;
	struct fault fault = {0};
	g_autofree char *text = NULL;
	pid_t pid;
	const struct helper_meanwhile killing = {kill_helper, &pid};

	cr_expect(converts(pool, "before"));
	cr_assert(g_file_get_contents(mark, &text, NULL, NULL));
	pid = (pid_t)atoi(text);
	cr_assert(kill(pid, SIGSTOP) == 0);
	cr_expect(helper_to_propset_while(pool, bytes, -1, &options, &killing,
					  &set, &fault) == 0,
		  "%s", fault.text);
	expect_text("again", set, PR_SUBJECT, "again");
	helper_pool_free(pool);
	forget(path);
}

/* An update while a daemon runs. */
Test(helper, another_program_in_its_place, .timeout = 120)
{
	char *path = script("exec \"$REAL\"");
	struct helper_pool *pool = helper_pool_new_at(path, 1, TIMEOUT_MS);
	char *other = script("exit 1");

	cr_assert(g_rename(other, path) == 0);
	cr_expect(converts(pool, "the one that was opened"));
	helper_pool_free(pool);
	forget(other);
	forget(path);
}

/* In a chroot(2). */
Test(helper, where_there_is_no_proc, .timeout = 120)
{
	struct helper_pool *pool;
	g_autofree char *program = helper_program();

	if (unshare(CLONE_NEWNS) != 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", "/proc", "tmpfs", 0, NULL) != 0)
		cr_skip_test("/proc cannot be hidden here");
	pool = helper_pool_new_at(program, 1, TIMEOUT_MS);
	cr_expect(converts(pool, "by its path"));
	helper_pool_free(pool);
	/* A sanitizer looks for leaks by it. */
	cr_assert_eq(umount("/proc"), 0);
}

Test(helper, decodes_charsets, .timeout = 120)
{
	static const struct {
		const char *charset, *octets, *expected;
	} cases[] = {
		{"iso-8859-1", "gr\xfc\xdf", "gr\xc3\xbc\xc3\x9f"},
		{"ISO-2022-JP", "\x1b$BF|K\\\x1b(B",
		 "\xe6\x97\xa5\xe6\x9c\xac"},
		{"utf-8", "a\xff", "a\xef\xbf\xbd"},
		{"utf-8", "", ""},
		{"nobody-knows", "a", NULL},
		{"a-name-that-is-longer-than-any-charset-that-there-is-or-ever-"
		 "was-in-use",
		 "a", NULL},
	};
	struct helper_pool *pool = real_pool(1);

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct fault fault = {0};
		g_autofree char *text =
			helper_to_utf8(pool, cases[i].charset, cases[i].octets,
				       strlen(cases[i].octets), &fault);

		cr_expect_eq(fault.kind, FAULT_NONE, "%s", fault.text);
		cr_expect(g_strcmp0(text, cases[i].expected) == 0,
			  "%s gave \"%s\"", cases[i].charset, text);
	}
	cr_expect(converts(pool, "after all that"));
	helper_pool_free(pool);
}

Test(helper, missing_program, .timeout = 120)
{
	struct helper_pool *pool =
		helper_pool_new_at("/nonexistent/okapi-convert", 1, TIMEOUT_MS);

	cr_expect(!converts(pool, "x"));
	helper_pool_free(pool);
}

/* "I cannot tell" is not "there is no such charset". */
Test(helper, no_charset_without_a_helper, .timeout = 30)
{
	static const char *const programs[] = {"/nonexistent/okapi-convert",
					       "/bin/false"};

	for (size_t i = 0; i < G_N_ELEMENTS(programs); i++) {
		struct helper_pool *pool =
			helper_pool_new_at(programs[i], 1, TIMEOUT_MS);
		struct fault fault = {0};

		cr_expect_null(helper_to_utf8(pool, "iso-8859-1", "gr\xfc", 3,
					      &fault));
		cr_expect(fault_is_temporary(&fault), "%s: \"%s\"", programs[i],
			  fault.text);
		helper_pool_free(pool);
	}
}

Test(helper, fallback_keeps_the_message)
{
	static const char text[] = "Subject: x\r\n\r\nbody";
	g_autoptr(GBytes) bytes = g_bytes_new(text, strlen(text));
	AUTO(propset) set = helper_fallback_propset(bytes);

	cr_assert_eq(propset_attachment_count(set), 1);
	cr_expect(g_bytes_equal(
		propset_binary(propset_attachment(set, 0), PR_ATTACH_DATA_BIN),
		bytes));
	expect_text("name", propset_attachment(set, 0), PR_ATTACH_LONG_FILENAME,
		    "original.eml");
}

static gpointer convert_some(gpointer pool)
{
	for (int i = 0; i < 50; i++) {
		g_autofree char *name = g_strdup_printf("message %d", i);

		if (!converts(pool, name))
			return GINT_TO_POINTER(1);
	}
	return NULL;
}

Test(helper, threads_share_a_pool, .timeout = 120)
{
	struct helper_pool *pool = real_pool(2);
	GThread *threads[8];

	for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
		threads[i] = g_thread_new("t", convert_some, pool);
	for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
		cr_expect_null(g_thread_join(threads[i]));
	helper_pool_free(pool);
}

/* Started by a thread that ends: the helper must outlive it. */
Test(helper, outlives_its_thread, .timeout = 120)
{
	struct helper_pool *pool = real_pool(1);

	cr_expect_null(g_thread_join(g_thread_new("t", convert_some, pool)));
	g_usleep(100000);
	cr_expect(converts(pool, "after"));
	helper_pool_free(pool);
}

Test(helper, large_message, .timeout = 120)
{
	struct helper_pool *pool = real_pool(1);
	GString *text = g_string_new("Subject: large\r\n\r\n");
	g_autoptr(GBytes) bytes = NULL;
	AUTO(propset) set = NULL;
	struct fault fault = {0};
	const size_t size = 50 * 1000 * 1000;

	while (text->len < size)
		g_string_append(text, "A line of a large message, and so on, "
				      "until it is large enough for us.\r\n");
	bytes = g_string_free_to_bytes(text);
	cr_assert(helper_to_propset(pool, bytes, -1, &options, &set, &fault) ==
			  0,
		  "%s", fault.text);
	cr_expect(strlen(propset_text(set, PR_BODY)) > size - 1000);
	helper_pool_free(pool);
}

/* The stream of the helper is closed: it goes. */
Test(helper, goes_with_its_parent, .timeout = 120)
{
	g_autofree char *program = helper_program();
	g_autofree char *command =
		g_strdup_printf("%s </dev/null >/dev/null", program);

	cr_expect_eq(WEXITSTATUS(system(command)), 0);
}

/* Many in turn go through one process, and each comes back as it does without
 * one. */
Test(helper, one_process_for_many, .timeout = 120)
{
	char *path = script("echo $$ >>$DIR/mark; exec $REAL");
	g_autofree char *directory = g_path_get_dirname(path);
	g_autofree char *mark = g_build_filename(directory, "mark", NULL);
	g_autofree char *started = NULL;
	struct helper_pool *pool = helper_pool_new_at(path, 1, TIMEOUT_MS);

	for (int i = 0; i < 200; i++) {
		g_autoptr(GString) text = g_string_new(NULL);
		g_autoptr(GBytes) bytes = NULL;
		AUTO(propset) set = NULL;
		AUTO(propset) direct = NULL;
		g_autofree char *why = NULL;

		g_string_printf(text, "Subject: number %d\r\n\r\n", i);
		for (int line = 0; line < i * 10; line++)
			g_string_append_printf(text, "Line %d of %d.\r\n", line,
					       i);
		bytes = g_bytes_new(text->str, text->len);
		cr_assert(helper_to_propset(pool, bytes, -1, &options, &set,
					    NULL) == 0);
		direct = convert_len(text->str, text->len, NULL);
		cr_assert(propset_equal(set, direct, &why), "message %d: %s", i,
			  why);
	}
	cr_assert(g_file_get_contents(mark, &started, NULL, NULL));
	cr_expect(strchr(started, '\n') == strrchr(started, '\n'),
		  "more than one: %s", started);
	helper_pool_free(pool);
	forget(path);
}
