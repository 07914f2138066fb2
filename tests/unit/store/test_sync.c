/*
 * What is on disk before a commit says so: every large value and the name of
 * it, before the log that names it is synced.  No crash of a process shows a
 * sync that is missing, so the calls themselves are watched.
 */
#include "fixture.h"

#include <ftw.h>
#include <sys/stat.h>
#include <sys/syscall.h>

TestSuite(sync, .init = fixture_open, .fini = fixture_close);

static struct {
	ino_t files[512]; /* in order */
	size_t count;
} synced;

static int sync_note(int fd, long call)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && synced.count < G_N_ELEMENTS(synced.files))
		synced.files[synced.count++] = st.st_ino;
	return (int)syscall(call, fd);
}

/* In the place of libc's, SQLite's calls included. */
int fsync(int fd)
{
	return sync_note(fd, SYS_fsync);
}

int fdatasync(int fd)
{
	return sync_note(fd, SYS_fdatasync);
}

/* When it was synced last before that, from 1; 0: never. */
static size_t sync_place(const char *path, size_t before)
{
	struct stat st;

	cr_assert_eq(stat(path, &st), 0, "%s", path);
	for (size_t i = MIN(synced.count, before - 1); i > 0; i--)
		if (synced.files[i - 1] == st.st_ino)
			return i;
	return 0;
}

/* The file, its directory and those above it, which were made for it. */
static void expect_synced(const char *file, size_t log)
{
	g_autofree char *path = g_strdup(file);

	while (strlen(path) >= strlen(fx.directory)) {
		char *parent = g_path_get_dirname(path);

		cr_expect(sync_place(path, log) > 0, "%s was not synced", path);
		g_free(path);
		path = parent;
	}
}

static size_t sync_files; /* of large values */
static size_t sync_log;   /* when the log was synced */

static int sync_visit(const char *path, const struct stat *st, int what,
		      struct FTW *at)
{
	(void)st;
	if (what == FTW_F && at->level > 1) {
		expect_synced(path, sync_log);
		sync_files++;
	}
	return 0;
}

/* Delivers, and looks at what was synced when; the message may be in a file
 * already. */
static void deliver_and_look(const struct content *content, int file)
{
	int64_t bob = user_make("bob");
	g_autofree char *log = g_strconcat(fx.path, "-wal", NULL);

	content_prepare(content, file);
	deliver_to(bob, folder_of(bob, FOLDER_INBOX), content);
	sync_files = 0;
	sync_log = sync_place(log, SIZE_MAX);
	cr_assert_eq(nftw(fx.directory, sync_visit, 8, FTW_PHYS), 0);
	cr_assert_eq(sync_files, 1);
}

Test(sync, a_large_message)
{
	AUTO(content) content = content_large(1);

	deliver_and_look(content, -1);
}

Test(sync, a_large_attachment)
{
	size_t len = 2 * LOB_FILE_MIN;
	g_autofree char *noise = noise_of(len, 2);
	AUTO(content) content = content_with(noise, len, "one");

	deliver_and_look(content, -1);
}

/* As LMTP hands it over: in a file that has no name yet. */
Test(sync, a_large_message_in_a_file)
{
	AUTO(content) content = content_large(3);
	AUTOCLOSE int file = store_content_file(fx.path);
	size_t len = 0;
	const void *octets = g_bytes_get_data(content->rfc822, &len);

	cr_assert(file >= 0);
	cr_assert_eq(write(file, octets, len), (ssize_t)len);
	deliver_and_look(content, file);
}
