/*
 * Large values beside the database: one file each, named by its SHA-256.
 *
 * SQLite writes a value twice (log and table); from LOB_FILE_MIN on a file is
 * cheaper.  A file is complete and synced, and so is its name, before a row
 * names it.  Files are never changed.
 */
#include "lob.h"
#include "digest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define LOB_PACKED_SUFFIX ".packed"

/* "…/store.lob" of "…/store.db"; owned. */
static char *lob_directory(const char *path)
{
	size_t len = strlen(path);

	if (g_str_has_suffix(path, ".db"))
		len -= strlen(".db");
	return g_strdup_printf("%.*s.lob", (int)len, path);
}

struct lob_name lob_name_of(const uint8_t hash[32], enum lob_form form)
{
	struct lob_name name = {.is_packed = form == LOB_PACKED};

	memcpy(name.hash, hash, sizeof(name.hash));
	return name;
}

char *lob_file(const char *path, const struct lob_name *name)
{
	g_autofree char *directory = lob_directory(path);
	char hex[DIGEST_HEX_SIZE];

	digest_format(name->hash, hex);
	return g_strdup_printf("%s/%.2s/%.2s/%s%s", directory, hex, hex + 2,
			       hex, name->is_packed ? LOB_PACKED_SUFFIX : "");
}

void lob_value_clear(struct lob_value *value)
{
	g_clear_pointer(&value->data, g_bytes_unref);
	base_close_fd(&value->fd);
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

int lob_put(int fd, const void *data, size_t len, struct fault *fault)
{
	const char *at = data;

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
	return 0;
}

ssize_t lob_get(int fd, void *data, size_t len, struct fault *fault)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = read(fd, (char *)data + got, len - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fault_set_errno(fault, FAULT_IO, errno,
					       "cannot read a large value");
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

/* All of a file, from its start, wherever its position is. */
static int lob_copy(int from, int to, struct fault *fault)
{
	char piece[65536];
	ssize_t n = 0;

	if (lseek(from, 0, SEEK_SET) < 0)
		return fault_set_errno(fault, FAULT_IO, errno,
				       "cannot read a large value");
	while ((n = lob_get(from, piece, sizeof(piece), fault)) > 0)
		if (lob_put(to, piece, (size_t)n, fault))
			return -1;
	return (int)n;
}

static int lob_fill(int fd, const struct lob_value *value, struct fault *fault)
{
	size_t len;
	const void *data;

	if (value->data) {
		data = g_bytes_get_data(value->data, &len);
		if (lob_put(fd, data, len, fault))
			return -1;
	} else if (lob_copy(value->fd, fd, fault)) {
		return -1;
	}
	if (fsync(fd))
		return fault_set_errno(fault, FAULT_IO, errno,
				       "cannot sync a large value");
	return 0;
}

static int lob_write_new(const char *store_file, const char *file,
			 const char *temporary, const struct lob_value *value,
			 struct fault *fault)
{
	AUTOCLOSE int fd =
		open(temporary, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0640);

	if (fd < 0)
		return fault_set_errno(fault, FAULT_IO, errno,
				       "cannot create %s", temporary);
	lock_give_to_owner(store_file, fd);
	if (lob_fill(fd, value, fault)) {
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
static bool lob_link(const char *file, int64_t size, int unnamed)
{
	char from[sizeof("/proc/self/fd/") + 12];
	struct stat st;

	if (unnamed < 0 || fstat(unnamed, &st) || st.st_nlink ||
	    st.st_size != size || fsync(unnamed))
		return false;
	(void)g_snprintf(from, sizeof(from), "/proc/self/fd/%d", unnamed);
	return linkat(AT_FDCWD, from, AT_FDCWD, file, AT_SYMLINK_FOLLOW) == 0;
}

bool lob_find(const char *path, struct lob_value *value)
{
	static const enum lob_form forms[] = {LOB_PLAIN, LOB_PACKED};

	for (size_t i = 0; i < G_N_ELEMENTS(forms); i++) {
		struct lob_name name = lob_name_of(value->hash, forms[i]);
		g_autofree char *file = lob_file(path, &name);

		if (!lob_seen(file, &value->kept))
			continue;
		value->form = forms[i];
		return true;
	}
	return false;
}

int lob_write(const char *path, const struct lob_value *value,
	      struct fault *fault)
{
	static gint counter;
	struct lob_name name = lob_name_of(value->hash, value->form);
	g_autofree char *file = lob_file(path, &name);
	g_autofree char *directory = g_path_get_dirname(file);
	g_autofree char *temporary = NULL;
	int64_t kept = 0;

	if (lob_seen(file, &kept) ||
	    (lob_is_held(value) && lob_look(file, value)))
		/* Its name may still be in the cache of whoever wrote it. */
		return lob_sync_directory(directory, fault);
	if (!lob_is_held(value))
		return fault_set(fault, FAULT_STORE_BUSY,
				 "a large value was purged meanwhile");
	if (lob_make_directories(path, file, fault))
		return -1;
	if (lob_link(file, value->kept, value->fd)) {
		lob_see(file);
		return lob_sync_directory(directory, fault);
	}
	temporary = g_strdup_printf("%s.tmp.%d.%d", file, (int)getpid(),
				    g_atomic_int_add(&counter, 1));
	if (lob_write_new(path, file, temporary, value, fault))
		return -1;
	lob_see(file);
	return lob_sync_directory(directory, fault);
}

bool lob_share(const char *path, const struct lob_name *name, const char *file)
{
	g_autofree char *to = lob_file(path, name);
	g_autofree char *directory = g_path_get_dirname(to);

	return lob_make_directories(path, to, NULL) == 0 &&
	       link(file, to) == 0 && lob_sync_directory(directory, NULL) == 0;
}

int lob_open(const char *path, const struct lob_name *name, struct fault *fault)
{
	g_autofree char *file = lob_file(path, name);
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return fault_set_errno(fault, FAULT_IO, errno, "cannot open %s",
				       file);
	return fd;
}

static bool lob_parse_name(const char *text, struct lob_name *ret_name)
{
	const char *suffix = text + DIGEST_HEX_SIZE - 1;

	if (strlen(text) < DIGEST_HEX_SIZE - 1 ||
	    (*suffix && strcmp(suffix, LOB_PACKED_SUFFIX) != 0))
		return false;
	ret_name->is_packed = *suffix != '\0';
	for (int i = 0; i < 32; i++) {
		int high = g_ascii_xdigit_value(text[2 * i]);
		int low = g_ascii_xdigit_value(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		ret_name->hash[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

struct lob_walk {
	int (*each)(const struct lob_name *name, int64_t mtime_s, void *context,
		    struct fault *fault); /* may be NULL */
	void *context;
	int64_t sweep_before_s; /* half-written files older than that go */
};

static int lob_visit(const struct lob_walk *walk, const char *path,
		     const char *text, struct fault *fault)
{
	struct lob_name name;
	struct stat st;

	if (stat(path, &st))
		return 0; /* gone meanwhile */
	if (walk->each && lob_parse_name(text, &name))
		return walk->each(&name, st.st_mtime, walk->context, fault);
	if (strstr(text, ".tmp.") && st.st_mtime < walk->sweep_before_s)
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
	     int (*each)(const struct lob_name *name, int64_t mtime_s,
			 void *context, struct fault *fault),
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
