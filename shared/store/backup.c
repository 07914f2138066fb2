/*
 * A consistent copy of the store while others work on it, and giving space
 * back.
 *
 * Large values are copied before the database, for a file is written before
 * the row that names it and never changes; those that came meanwhile are
 * copied after it.  If one of them was purged in between, the database is
 * copied again.
 */
#include "kept.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	BACKUP_TRIES = 5,
	VACUUM_PAGES = 1000,
};

struct backup {
	struct store *store;
	char *dir;
	char *path;      /* of the copy of the database */
	bool is_missing; /* a file that a row names is gone */
};

/* ---- files ----------------------------------------------------------------
 */

static int backup_sync_dir(const char *dir, struct fault *fault)
{
	AUTOCLOSE int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd))
		return fault_set_errno(fault, FAULT_IO, errno, "cannot sync %s",
				       dir);
	return 0;
}

static int backup_make_dir(const char *dir, struct fault *fault)
{
	DIR *handle;
	const struct dirent *entry;
	bool is_empty = true;

	if (mkdir(dir, 0700) == 0)
		return 0;
	if (errno != EEXIST)
		return fault_set_errno(fault,
				       errno == ENOENT   ? FAULT_NOT_FOUND
				       : errno == EACCES ? FAULT_NOT_ALLOWED
							 : FAULT_IO,
				       errno, "cannot make %s", dir);
	handle = opendir(dir);
	if (!handle)
		return fault_set_errno(fault, FAULT_EXISTS, errno,
				       "cannot read %s", dir);
	while ((entry = readdir(handle)))
		if (strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			is_empty = false;
	(void)closedir(handle);
	if (!is_empty)
		return fault_set(fault, FAULT_EXISTS,
				 "%s is not empty: name a new directory", dir);
	return 0;
}

/* The file of a large value, unless it is copied already. */
static int backup_file(struct backup *backup, const struct lob_name *name,
		       struct fault *fault)
{
	g_autofree char *from = lob_file(backup->store->path, name);
	g_autofree char *to = lob_file(backup->path, name);
	struct lob_value value = {
		.form = name->is_packed ? LOB_PACKED : LOB_PLAIN, .fd = -1};
	struct stat st;
	int rc;

	if (stat(to, &st) == 0)
		return 0;
	value.fd = open(from, O_RDONLY | O_CLOEXEC);
	if (value.fd < 0 && errno == ENOENT) {
		backup->is_missing = true;
		return 0;
	}
	if (value.fd < 0 || fstat(value.fd, &st) < 0) {
		rc = fault_set_errno(fault, FAULT_IO, errno, "cannot open %s",
				     from);
	} else {
		memcpy(value.hash, name->hash, sizeof(value.hash));
		value.kept = st.st_size;
		rc = lob_write(backup->path, &value, fault);
	}
	lob_value_clear(&value);
	return rc;
}

static int backup_each_file(const struct lob_name *name, int64_t mtime_s,
			    void *context, struct fault *fault)
{
	(void)mtime_s;
	return backup_file(context, name, fault);
}

/* ---- the database ---------------------------------------------------------
 */

static int backup_pages(struct store *store, sqlite3 *to, const char *path,
			struct fault *fault)
{
	sqlite3_backup *copy =
		sqlite3_backup_init(to, "main", store->db, "main");
	int rc;

	if (!copy)
		return fault_set(fault, FAULT_IO, "cannot write %s: %s", path,
				 sqlite3_errmsg(to));
	/* All in one step: one state, whatever others write meanwhile. */
	do {
		rc = sqlite3_backup_step(copy, -1);
		if (rc == SQLITE_BUSY || rc == SQLITE_LOCKED)
			sqlite3_sleep(20);
	} while (rc == SQLITE_OK || rc == SQLITE_BUSY || rc == SQLITE_LOCKED);
	if (sqlite3_backup_finish(copy) == SQLITE_OK && rc == SQLITE_DONE)
		return 0;
	return fault_set(
		fault, (rc & 0xff) == SQLITE_FULL ? FAULT_DISK_FULL : FAULT_IO,
		"cannot write %s: %s", path, sqlite3_errstr(rc));
}

/* Every file that the copied database names is there. */
static int backup_named_files(struct backup *backup, sqlite3 *to,
			      struct fault *fault)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(to,
				    "SELECT hash, form FROM lob"
				    " WHERE data IS NULL AND packed IS NULL",
				    -1, &stmt, NULL);
	int result = 0;

	while (rc == SQLITE_OK || rc == SQLITE_ROW) {
		struct lob_name name;

		rc = sqlite3_step(stmt);
		if (rc != SQLITE_ROW)
			break;
		name = lob_name_of(sqlite3_column_blob(stmt, 0),
				   (enum lob_form)sqlite3_column_int(stmt, 1));
		result = backup_file(backup, &name, fault);
		if (result)
			break;
	}
	if (result == 0 && rc != SQLITE_DONE)
		result = fault_set(fault, FAULT_IO, "cannot read %s: %s",
				   backup->path, sqlite3_errmsg(to));
	sqlite3_finalize(stmt);
	return result;
}

static int backup_database(struct backup *backup, struct fault *fault)
{
	AUTOCLOSE int fd =
		open(backup->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	sqlite3 *to = NULL;
	int rc;

	if (fd < 0)
		return fault_set_errno(fault, FAULT_IO, errno,
				       "cannot create %s", backup->path);
	rc = sqlite3_open_v2(backup->path, &to, SQLITE_OPEN_READWRITE, NULL);
	if (rc == SQLITE_OK)
		rc = backup_pages(backup->store, to, backup->path, fault) < 0
			     ? -1
			     : backup_named_files(backup, to, fault);
	else
		rc = fault_set(fault, FAULT_IO, "cannot open %s: %s",
			       backup->path, sqlite3_errstr(rc));
	if (sqlite3_close(to) != SQLITE_OK && rc == 0)
		rc = fault_set(fault, FAULT_IO, "cannot close %s",
			       backup->path);
	if (rc == 0 && fsync(fd))
		rc = fault_set_errno(fault, FAULT_IO, errno, "cannot sync %s",
				     backup->path);
	return rc;
}

static int backup_run(struct backup *backup, struct fault *fault)
{
	if (lob_each(backup->store->path, backup_each_file, backup, fault))
		return -1;
	for (int i = 0; i < BACKUP_TRIES; i++) {
		backup->is_missing = false;
		if (backup_database(backup, fault))
			return -1;
		if (!backup->is_missing)
			return backup_sync_dir(backup->dir, fault);
	}
	return fault_set(fault, FAULT_IO,
			 "large values are missing: okapi-admin store check "
			 "tells which");
}

int store_backup(struct store *store, const char *dir, struct fault *fault)
{
	struct backup backup = {.store = store};
	int rc;

	if (backup_make_dir(dir, fault))
		return -1;
	backup.dir = g_strdup(dir);
	backup.path = g_build_filename(dir, "store.db", NULL);
	rc = backup_run(&backup, fault);
	g_free(backup.dir);
	g_free(backup.path);
	return rc;
}

/* ---- vacuum ---------------------------------------------------------------
 */

static int vacuum_unit(struct store *store, void *context, struct fault *fault)
{
	bool *is_done = context;
	int64_t pages = 0;

	if (sql_get(store, fault, &pages, "PRAGMA freelist_count", "") < 0)
		return -1;
	*is_done = pages <= VACUUM_PAGES;
	return sql_run(store, fault, "PRAGMA incremental_vacuum(1000)", "");
}

struct vacuum_files {
	struct store *store;
	int64_t *octets;
};

static int vacuum_file(const struct lob_name *name, int64_t mtime_s,
		       void *context, struct fault *fault)
{
	const struct vacuum_files *files = context;
	g_autofree char *file = lob_file(files->store->path, name);
	struct stat st;

	(void)mtime_s;
	(void)fault;
	if (stat(file, &st) == 0)
		*files->octets += st.st_size;
	return 0;
}

/* Of the database and the files beside it. */
static int vacuum_size(struct store *store, int64_t *ret_octets,
		       struct fault *fault)
{
	struct vacuum_files file = {store, ret_octets};
	int64_t pages = 0;
	int64_t size = 0;

	if (sql_get(store, fault, &pages, "PRAGMA page_count", "") < 0 ||
	    sql_get(store, fault, &size, "PRAGMA page_size", "") < 0)
		return -1;
	*ret_octets = pages * size;
	return lob_each(store->path, vacuum_file, &file, fault);
}

int store_vacuum(struct store *store, int64_t *ret_freed, struct fault *fault)
{
	bool is_done = false;
	int64_t before = 0;
	int64_t after = 0;

	if (vacuum_size(store, &before, fault) || store_repack(store, fault))
		return -1;
	while (!is_done)
		if (store_run(store, vacuum_unit, &is_done, fault))
			return -1;
	if (vacuum_size(store, &after, fault) ||
	    sql_run(store, fault, "PRAGMA wal_checkpoint(TRUNCATE)", ""))
		return -1;
	*ret_freed = before - after;
	return 0;
}
