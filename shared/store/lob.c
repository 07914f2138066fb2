/*
 * Large values beside the database: one file each, named by its SHA-256.
 *
 * SQLite writes a value twice (log and table); from LOB_FILE_MIN on a file is
 * cheaper.  A file is complete and synced, and so is its name, before a row
 * names it.  Files are never changed.
 */
#include "digest.h"
#include "store_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

char *lob_directory(const char *path)
{
	size_t len = strlen(path);

	if (g_str_has_suffix(path, ".db"))
		len -= strlen(".db");
	return g_strdup_printf("%.*s.lob", (int)len, path);
}

char *lob_file(const char *path, const uint8_t hash[32])
{
	g_autofree char *directory = lob_directory(path);
	char hex[DIGEST_HEX_SIZE];

	digest_format(hash, hex);
	return g_strdup_printf("%s/%.2s/%.2s/%s", directory, hex, hex + 2, hex);
}

static int lob_sync_directory(const char *path, struct fault *fault)
{
	AUTOCLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd))
		return fault_set_errno(fault, FAULT_IO, errno, "cannot sync %s",
				       path);
	return 0;
}

/* Makes a directory, and its name durable, if it is not there. */
static int lob_make_directory(const char *store_file, const char *path,
			      struct fault *fault)
{
	g_autofree char *parent = g_path_get_dirname(path);
	AUTOCLOSE int fd = -1;

	if (mkdir(path, 0750)) {
		if (errno == EEXIST)
			return 0;
		return fault_set_errno(fault, FAULT_IO, errno, "cannot make %s",
				       path);
	}
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		lock_give_to_owner(store_file, fd);
	return lob_sync_directory(parent, fault);
}

/* "d", "d/aa", "d/aa/bb" of d/aa/bb/file. */
static int lob_make_directories(const char *store_file, const char *file,
				struct fault *fault)
{
	g_autofree char *low = g_path_get_dirname(file);
	g_autofree char *middle = g_path_get_dirname(low);
	g_autofree char *top = g_path_get_dirname(middle);

	if (lob_make_directory(store_file, top, fault) ||
	    lob_make_directory(store_file, middle, fault))
		return -1;
	return lob_make_directory(store_file, low, fault);
}

static int lob_write_all(int fd, GBytes *data, struct fault *fault)
{
	size_t len;
	const char *at = g_bytes_get_data(data, &len);

	while (len) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fault_set_errno(fault, FAULT_IO, errno,
					       "cannot write a large value");
		at += n;
		len -= (size_t)n;
	}
	if (fsync(fd))
		return fault_set_errno(fault, FAULT_IO, errno,
				       "cannot sync a large value");
	return 0;
}

static int lob_write_new(const char *store_file, const char *file,
			 const char *temporary, GBytes *data,
			 struct fault *fault)
{
	AUTOCLOSE int fd =
		open(temporary, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0640);

	if (fd < 0)
		return fault_set_errno(fault, FAULT_IO, errno,
				       "cannot create %s", temporary);
	lock_give_to_owner(store_file, fd);
	if (lob_write_all(fd, data, fault)) {
		(void)unlink(temporary);
		return -1;
	}
	if (rename(temporary, file)) {
		(void)fault_set_errno(fault, FAULT_IO, errno,
				      "cannot rename %s", temporary);
		(void)unlink(temporary);
		return -1;
	}
	return 0;
}

int lob_open_unnamed(const char *path)
{
	g_autofree char *directory = lob_directory(path);
	int fd;

	/* NOLINTNEXTLINE(readability-suspicious-call-argument) */
	if (lob_make_directory(path, directory, NULL))
		return -1;
	fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0640);
	if (fd >= 0)
		lock_give_to_owner(path, fd);
	return fd;
}

/* Names a file that is written already; false: it has to be written after
 * all.  The size is asked for: who wrote it may have failed in between. */
static bool lob_link(const char *file, size_t size, int unnamed)
{
	char from[sizeof("/proc/self/fd/") + 12];
	struct stat st;

	if (unnamed < 0 || fstat(unnamed, &st) || (size_t)st.st_size != size ||
	    fsync(unnamed))
		return false;
	(void)g_snprintf(from, sizeof(from), "/proc/self/fd/%d", unnamed);
	return linkat(AT_FDCWD, from, AT_FDCWD, file, AT_SYMLINK_FOLLOW) == 0;
}

int lob_write(const char *path, const uint8_t hash[32], GBytes *data,
	      int unnamed, struct fault *fault)
{
	static gint counter;
	g_autofree char *file = lob_file(path, hash);
	g_autofree char *directory = g_path_get_dirname(file);
	g_autofree char *temporary = NULL;
	struct stat st;

	if (stat(file, &st) == 0 &&
	    (uint64_t)st.st_size == g_bytes_get_size(data))
		/* Its name may still be in the cache of whoever wrote it. */
		return lob_sync_directory(directory, fault);
	if (lob_make_directories(path, file, fault))
		return -1;
	if (lob_link(file, g_bytes_get_size(data), unnamed))
		return lob_sync_directory(directory, fault);
	temporary = g_strdup_printf("%s.tmp.%d.%d", file, (int)getpid(),
				    g_atomic_int_add(&counter, 1));
	if (lob_write_new(path, file, temporary, data, fault))
		return -1;
	return lob_sync_directory(directory, fault);
}

int lob_read(const char *path, const uint8_t hash[32], int64_t size,
	     GBytes **ret_data, struct fault *fault)
{
	g_autofree char *file = lob_file(path, hash);
	AUTOCLOSE int fd = open(file, O_RDONLY | O_CLOEXEC);
	g_autofree char *data = NULL;
	int64_t got = 0;

	if (fd < 0)
		return fault_set_errno(fault, FAULT_IO, errno, "cannot open %s",
				       file);
	data = g_malloc((gsize)size + 1);
	while (got < size + 1) {
		ssize_t n = read(fd, data + got, (size_t)(size + 1 - got));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fault_set_errno(fault, FAULT_IO, errno,
					       "cannot read %s", file);
		if (n == 0)
			break;
		got += n;
	}
	if (got != size)
		return fault_set(fault, FAULT_IO,
				 "%s: the file has another size than it should",
				 file);
	*ret_data = g_bytes_new_take(g_steal_pointer(&data), (gsize)size);
	return 0;
}

static bool lob_parse_name(const char *name, uint8_t ret_hash[32])
{
	if (strlen(name) != DIGEST_HEX_SIZE - 1)
		return false;
	for (int i = 0; i < 32; i++) {
		int high = g_ascii_xdigit_value(name[2 * i]);
		int low = g_ascii_xdigit_value(name[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		ret_hash[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

struct lob_walk {
	int (*each)(const uint8_t hash[32], int64_t mtime_s, void *context,
		    struct fault *fault); /* may be NULL */
	void *context;
	int64_t sweep_before_s; /* half-written files older than that go */
};

static int lob_visit(const struct lob_walk *walk, const char *path,
		     const char *name, struct fault *fault)
{
	uint8_t hash[32];
	struct stat st;

	if (stat(path, &st))
		return 0; /* gone meanwhile */
	if (walk->each && lob_parse_name(name, hash))
		return walk->each(hash, st.st_mtime, walk->context, fault);
	if (strstr(name, ".tmp.") && st.st_mtime < walk->sweep_before_s)
		(void)unlink(path);
	return 0;
}

static int lob_walk(const struct lob_walk *walk, const char *directory,
		    int depth, struct fault *fault)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;
	int rc = 0;

	if (!dir)
		return errno == ENOENT
			       ? 0
			       : fault_set_errno(fault, FAULT_IO, errno,
						 "cannot read %s", directory);
	while (rc == 0 && (entry = readdir(dir))) {
		g_autofree char *path =
			g_build_filename(directory, entry->d_name, NULL);

		if (entry->d_name[0] == '.')
			continue;
		rc = depth < 2 ? lob_walk(walk, path, depth + 1, fault)
			       : lob_visit(walk, path, entry->d_name, fault);
	}
	(void)closedir(dir);
	return rc;
}

int lob_each(const char *path,
	     int (*each)(const uint8_t hash[32], int64_t mtime_s, void *context,
			 struct fault *fault),
	     void *context, struct fault *fault)
{
	g_autofree char *directory = lob_directory(path);
	struct lob_walk walk = {.each = each, .context = context};

	return lob_walk(&walk, directory, 0, fault);
}

void lob_sweep(const char *path, int64_t before_s)
{
	g_autofree char *directory = lob_directory(path);
	struct lob_walk walk = {.sweep_before_s = before_s};

	if (lob_walk(&walk, directory, 0, NULL))
		return; /* the next purge tries again */
}
