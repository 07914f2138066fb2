/*
 * What a test's program syncs: fsync(2) in the place of libc's.
 */
#ifndef OKAPI_TESTS_SYNCED_H
#define OKAPI_TESTS_SYNCED_H

#include <criterion/criterion.h>
#include <glib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SYNCED_MAX 65536

static ino_t synced[SYNCED_MAX];
static gint synced_count;

int fsync(int fd)
{
	struct stat st = {0};

	(void)fstat(fd, &st);
	synced[g_atomic_int_add(&synced_count, 1) % SYNCED_MAX] = st.st_ino;
	return (int)syscall(SYS_fsync, fd);
}

static void must_be_synced(const char *path)
{
	struct stat st;

	cr_assert_eq(stat(path, &st), 0, "%s", path);
	for (int i = 0; i < MIN(synced_count, SYNCED_MAX); i++)
		if (synced[i] == st.st_ino)
			return;
	cr_assert_fail("%s is not synced", path);
}

#endif
