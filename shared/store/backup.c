/*
 * A copy of the store while others work on it, and the same copy later.
 *
 * Large values never change, so one that is in the copy already stays.  Of the
 * database the first copy takes every page; a later one those that differ,
 * which are put beside the copy as a write-ahead log and only then into it, by
 * SQLite: whenever it ends, by whatever end, the copy is the earlier state or
 * the new one.
 *
 * All is read in one transaction.  A file is written before the row that names
 * it, so most files are copied before it begins; what a purge takes away in
 * between makes it begin anew.
 */
#include "backup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define BACKUP_FILE "store.db"

enum {
	BACKUP_TRIES = 5,
};

struct backup {
	struct store *store;
	const struct store_backup_options *options;
	const char *dir;
	int dir_fd; /* locked: one backup into it at a time */
	char *path; /* of the copy of the database */
	char *part; /* of what is not complete yet */
	char *log;  /* of SQLite's log of the copy */
	bool has_earlier;
	bool has_forms; /* the store has schema 8 or later */
	int page_size;
	/* While pages are taken: */
	int fd;         /* of the earlier copy, or of the new one */
	uint8_t *page;  /* of the earlier copy */
	uint8_t *first; /* the first page of the new state */
	bool has_first;
	struct page_log *frames;
	struct store_backup_result result;
};

/* ---- the directory -------------------------------------------------------
 */

static int backup_sync_dir(const struct backup *backup, struct fault *fault)
{
	if (fsync(backup->dir_fd))
		return fault_set_errno(fault, FAULT_IO, errno, "cannot sync %s",
				       backup->dir);
	return 0;
}

/* What is in it came from a backup that did not end. */
static int backup_must_be_ours(const struct backup *backup, struct fault *fault)
{
	DIR *handle = opendir(backup->dir);
	const struct dirent *entry;
	bool is_ours = true;
	int err;

	if (!handle)
		return fault_set_errno(fault, fault_of_path(errno), errno,
				       "cannot read %s", backup->dir);
	while ((errno = 0, entry = readdir(handle)))
		is_ours &= entry->d_name[0] == '.' ||
			   strcmp(entry->d_name, "store.lob") == 0 ||
			   g_str_has_prefix(entry->d_name, BACKUP_FILE);
	err = errno;
	(void)closedir(handle);
	if (err)
		return fault_set_errno(fault, FAULT_IO, err, "cannot read %s",
				       backup->dir);
	if (!is_ours)
		return fault_set(
			fault, FAULT_EXISTS,
			"%s is neither empty nor a backup: name another directory",
			backup->dir);
	return 0;
}

/* Is there an earlier copy?  One that cannot be looked at is a fault, and so
 * is the store itself. */
static int backup_find_earlier(struct backup *backup, struct fault *fault)
{
	struct stat st;
	struct stat own;

	if (stat(backup->path, &st)) {
		if (errno != ENOENT)
			return fault_set_errno(fault, fault_of_path(errno),
					       errno, "cannot look at %s",
					       backup->path);
		return backup_must_be_ours(backup, fault);
	}
	backup->has_earlier = true;
	if (stat(backup->store->path, &own))
		return fault_set_errno(fault, FAULT_IO, errno,
				       "cannot look at %s",
				       backup->store->path);
	if (own.st_dev == st.st_dev && own.st_ino == st.st_ino)
		return fault_set(
			fault, FAULT_EXISTS,
			"%s is where the store itself lies: name another directory",
			backup->dir);
	return 0;
}

static int backup_open_dir(struct backup *backup, struct fault *fault)
{
	if (mkdir(backup->dir, 0700) && errno != EEXIST)
		return fault_set_errno(fault, fault_of_path(errno), errno,
				       "cannot make %s", backup->dir);
	backup->dir_fd = open(backup->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (backup->dir_fd < 0)
		return fault_set_errno(fault,
				       errno == ENOTDIR ? FAULT_EXISTS
							: fault_of_path(errno),
				       errno, "cannot open %s", backup->dir);
	if (flock(backup->dir_fd, LOCK_EX | LOCK_NB))
		return fault_set(fault, FAULT_STORE_BUSY,
				 "%s: another backup into it is running",
				 backup->dir);
	return backup_find_earlier(backup, fault);
}

/* ---- the earlier copy ----------------------------------------------------
 */

static void backup_close(sqlite3 **db)
{
	(void)sqlite3_close(*db);
	*db = NULL;
}
#define BACKUP_DB __attribute__((cleanup(backup_close))) sqlite3 *

/* What SQLite says of it: what may go away, or a copy of which cannot be told
 * whose it was, and which is not written over. */
static int backup_unreadable(const struct backup *backup, int rc,
			     struct fault *fault)
{
	int code = rc & 0xff;

	if (code == SQLITE_BUSY)
		return fault_set(fault, FAULT_STORE_BUSY,
				 "%s is in use by another program",
				 backup->path);
	if (code != SQLITE_CORRUPT && code != SQLITE_NOTADB)
		return fault_set(
			fault, code == SQLITE_FULL ? FAULT_DISK_FULL : FAULT_IO,
			"cannot read %s: %s", backup->path, sqlite3_errstr(rc));
	return fault_set(
		fault, FAULT_EXISTS,
		"%s cannot be read (%s): remove it, or name another directory",
		backup->path, sqlite3_errstr(rc));
}

static int backup_not_of_this_store(const struct backup *backup,
				    struct fault *fault)
{
	return fault_set(fault, FAULT_EXISTS,
			 "%s is not of this store: name another directory",
			 backup->path);
}

/* Opens the copy, for nobody else meanwhile; what lies in its log is put into
 * it. */
static int backup_hold(const struct backup *backup, sqlite3 **ret_db,
		       struct fault *fault)
{
	int rc = sqlite3_open_v2(backup->path, ret_db, SQLITE_OPEN_READWRITE,
				 store_vfs());

	if (rc == SQLITE_OK)
		rc = sqlite3_exec(*ret_db,
				  "PRAGMA locking_mode = EXCLUSIVE;"
				  "SELECT count(*) FROM sqlite_schema",
				  NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_wal_checkpoint_v2(
			*ret_db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	return rc == SQLITE_OK ? 0 : backup_unreadable(backup, rc, fault);
}

#define BACKUP_KEY                                                             \
 "SELECT hex(value) FROM properties WHERE tag = 0x0ffa0102"                    \
 " AND object = (SELECT id FROM hierarchy WHERE type = 1"                      \
 "  ORDER BY id LIMIT 1)"

/* PR_STORE_RECORD_KEY of the copy; NULL: from before there was one.  SQLite's
 * code. */
static int backup_key(sqlite3 *db, char **ret_key)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(db, BACKUP_KEY, -1, &stmt, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		*ret_key = g_strdup((const char *)sqlite3_column_text(stmt, 0));
	(void)sqlite3_finalize(stmt);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* The same of the store. */
static int backup_own_key(const struct backup *backup, char **ret_key,
			  struct fault *fault)
{
	ROWS rows = {0};
	int rc;

	if (rows_open(backup->store, &rows, fault, BACKUP_KEY, ""))
		return -1;
	rc = rows_next(&rows, fault);
	if (rc == 1)
		*ret_key = rows_text(&rows, 0);
	return rc < 0 ? -1 : 0;
}

/* Without keys: ids of values are never used again, so two states of one store
 * agree on every id that both have.  Nothing in common tells nothing. */
static int backup_shares_values(const struct backup *backup, sqlite3 *db,
				bool *ret_shares, struct fault *fault)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(db, "SELECT id, hash FROM lob", -1, &stmt,
				    NULL);
	int64_t same = 1;
	bool any = false;
	int found = 0;

	if (rc != SQLITE_OK)
		return backup_unreadable(backup, rc, fault);
	while (same && found >= 0 && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		found = sql_get(backup->store, fault, &same,
				"SELECT hash = ? FROM lob WHERE id = ?", "bi",
				sqlite3_column_blob(stmt, 1),
				(size_t)sqlite3_column_bytes(stmt, 1),
				(int64_t)sqlite3_column_int64(stmt, 0));
		any |= found == 1;
	}
	(void)sqlite3_finalize(stmt);
	if (found < 0)
		return -1;
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return backup_unreadable(backup, rc, fault);
	*ret_shares = any && same;
	return 0;
}

static int backup_look_at_earlier(const struct backup *backup, sqlite3 **ret_db,
				  struct fault *fault)
{
	g_autofree char *key = NULL;
	g_autofree char *own = NULL;
	bool is_same = false;
	int rc;

	if (backup_hold(backup, ret_db, fault))
		return -1;
	rc = backup_key(*ret_db, &key);
	/* It has no such table. */
	if (rc == SQLITE_ERROR)
		return backup_not_of_this_store(backup, fault);
	if (rc != SQLITE_OK)
		return backup_unreadable(backup, rc, fault);
	if (backup_own_key(backup, &own, fault))
		return -1;
	is_same = key && g_strcmp0(key, own) == 0;
	if (!key && !own &&
	    backup_shares_values(backup, *ret_db, &is_same, fault))
		return -1;
	if (!is_same)
		return backup_not_of_this_store(backup, fault);
	/* Closing leaves the log alone: a new one may be there by then. */
	(void)sqlite3_db_config(*ret_db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1,
				NULL);
	return 0;
}

/* ---- large values --------------------------------------------------------
 */

static int backup_copy_file(struct backup *backup, const char *from,
			    const struct lob_name *name, struct fault *fault)
{
	struct lob_value value = {
		.form = name->is_packed ? LOB_PACKED : LOB_PLAIN, .fd = -1};
	struct stat st;
	int rc;

	value.fd = open(from, O_RDONLY | O_CLOEXEC);
	if (value.fd < 0 && errno == ENOENT) {
		backup->result.missing++;
		return 0;
	}
	if (value.fd < 0 || fstat(value.fd, &st) < 0) {
		rc = fault_set_errno(fault, FAULT_IO, errno, "cannot open %s",
				     from);
	} else {
		memcpy(value.hash, name->hash, sizeof(value.hash));
		value.kept = st.st_size;
		rc = lob_write(backup->path, &value, fault);
		backup->result.files_copied++;
		backup->result.octets_copied += st.st_size;
	}
	lob_value_clear(&value);
	return rc;
}

/* The file of a large value, unless it is there already. */
static int backup_file(struct backup *backup, const struct lob_name *name,
		       struct fault *fault)
{
	g_autofree char *from = lob_file(backup->store->path, name);
	g_autofree char *to = lob_file(backup->path, name);
	struct stat st;

	backup->result.files++;
	store_tell(backup->store, "large values", backup->result.files, 0);
	if (stat(to, &st) == 0 ||
	    (backup->options->may_share && lob_share(backup->path, name, from)))
		return 0;
	return backup_copy_file(backup, from, name, fault);
}

static int backup_each_file(const struct lob_name *name, int64_t mtime_s,
			    void *context, struct fault *fault)
{
	(void)mtime_s;
	return backup_file(context, name, fault);
}

/* Those that the state which is copied names. */
static int backup_named_files(struct backup *backup, struct fault *fault)
{
	ROWS rows = {0};
	int rc = backup->has_forms
			 ? rows_open(backup->store, &rows, fault,
				     "SELECT hash, form FROM lob"
				     " WHERE data IS NULL AND packed IS NULL",
				     "")
			 : rows_open(backup->store, &rows, fault,
				     "SELECT hash, 0 FROM lob"
				     " WHERE data IS NULL",
				     "");

	backup->result.files = 0;
	backup->result.missing = 0;
	while (rc == 0 && (rc = rows_next(&rows, fault)) == 1) {
		struct lob_name name =
			lob_name_of(sqlite3_column_blob(rows.stmt, 0),
				    (enum lob_form)rows_int(&rows, 1));

		rc = backup_file(backup, &name, fault);
	}
	return rc;
}

/* ---- the database --------------------------------------------------------
 */

static int backup_write_page(const struct backup *backup, uint32_t number,
			     const uint8_t *page, struct fault *fault)
{
	size_t size = (size_t)backup->page_size;
	off_t at = (off_t)(number - 1) * (off_t)size;

	if (pwrite(backup->fd, page, size, at) != (ssize_t)size)
		return fault_set_errno(fault, FAULT_IO, errno,
				       "cannot write %s", backup->part);
	return 0;
}

/* Does the earlier copy have it? */
static bool backup_has_page(const struct backup *backup, uint32_t number,
			    const uint8_t *page)
{
	size_t size = (size_t)backup->page_size;
	off_t at = (off_t)(number - 1) * (off_t)size;

	return pread(backup->fd, backup->page, size, at) == (ssize_t)size &&
	       memcmp(backup->page, page, size) == 0;
}

static int backup_take_page(uint32_t number, const uint8_t *page, void *context,
			    struct fault *fault)
{
	struct backup *backup = context;

	if (!backup->frames) {
		backup->result.pages_copied++;
		return backup_write_page(backup, number, page, fault);
	}
	/* It ends the log, and always differs. */
	if (number == 1) {
		memcpy(backup->first, page, (size_t)backup->page_size);
		backup->has_first = true;
		return 0;
	}
	if (backup_has_page(backup, number, page))
		return 0;
	backup->result.pages_copied++;
	return page_log_add(backup->frames, number, page, fault);
}

static int backup_each_page(struct backup *backup, struct fault *fault)
{
	struct page_job job = {.put = backup_take_page,
			       .context = backup,
			       .page_size = backup->page_size};

	backup->result.pages_copied = 0;
	if (pages_each(backup->store, &job, &backup->result.pages, fault))
		return -1;
	store_tell(backup->store, BACKUP_PLACING, 0, 3);
	return 0;
}

/* Every page, into a new file. */
static int backup_take_all(struct backup *backup, struct fault *fault)
{
	backup->fd = open(backup->part,
			  O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (backup->fd < 0)
		return fault_set_errno(fault, FAULT_IO, errno,
				       "cannot create %s", backup->part);
	if (backup_each_page(backup, fault))
		return -1;
	/* SQLite leaves one page out. */
	if (ftruncate(backup->fd,
		      (off_t)backup->result.pages * backup->page_size) ||
	    fsync(backup->fd))
		return fault_set_errno(fault, FAULT_IO, errno,
				       "cannot write %s", backup->part);
	return 0;
}

/* The pages that differ, into a log. */
static int backup_take_new(struct backup *backup, struct fault *fault)
{
	if (page_log_new(backup->part, backup->page_size, &backup->frames,
			 fault) ||
	    backup_each_page(backup, fault))
		return -1;
	if (!backup->has_first)
		return fault_set(fault, FAULT_INTERNAL,
				 "store %s: no first page",
				 backup->store->path);
	backup->result.pages_copied++;
	return page_log_commit(backup->frames, 1, backup->first,
			       (uint32_t)backup->result.pages, fault);
}

/* ---- one state -----------------------------------------------------------
 */

/* Everything that one read transaction sees; 1: a file went away meanwhile. */
static int backup_state(struct backup *backup, bool is_last,
			struct fault *fault)
{
	int64_t any;

	if (sql_get(backup->store, fault, &any,
		    "SELECT count(*) FROM sqlite_schema", "") < 0 ||
	    backup_named_files(backup, fault))
		return -1;
	if (backup->result.missing && !is_last)
		return 1;
	return backup->has_earlier ? backup_take_new(backup, fault)
				   : backup_take_all(backup, fault);
}

static int backup_take(struct backup *backup, struct fault *fault)
{
	int rc = 1;

	if (lob_each(backup->store->path, backup_each_file, backup, fault))
		return -1;
	for (int i = 1; rc == 1 && i <= BACKUP_TRIES; i++) {
		if (sql_run(backup->store, fault, "BEGIN", ""))
			return -1;
		rc = backup_state(backup, i == BACKUP_TRIES, fault);
		(void)sqlite3_exec(backup->store->db, "COMMIT", NULL, NULL,
				   NULL);
	}
	return rc;
}

/* ---- in its place --------------------------------------------------------
 */

static int backup_rename(const struct backup *backup, const char *to,
			 struct fault *fault)
{
	if (rename(backup->part, to))
		return fault_set_errno(fault, FAULT_IO, errno,
				       "cannot rename %s", backup->part);
	return backup_sync_dir(backup, fault);
}

/* Puts the log into the copy; one that somebody reads keeps it beside it. */
static int backup_settle(const struct backup *backup, struct fault *fault)
{
	BACKUP_DB db = NULL;
	int in_log = 0;
	int copied = 0;
	int rc = sqlite3_open_v2(backup->path, &db, SQLITE_OPEN_READWRITE,
				 store_vfs());

	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, "PRAGMA synchronous = FULL", NULL, NULL,
				  NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_wal_checkpoint_v2(
			db, NULL, SQLITE_CHECKPOINT_PASSIVE, &in_log, &copied);
	if ((rc & 0xff) == SQLITE_BUSY)
		return 0;
	if (rc != SQLITE_OK)
		return fault_set(fault, FAULT_IO, "cannot write %s: %s",
				 backup->path, sqlite3_errstr(rc));
	if (in_log != (int)page_log_frames(backup->frames))
		return fault_set(fault, FAULT_INTERNAL,
				 "%s: %d of %d new pages were understood",
				 backup->path, in_log,
				 (int)page_log_frames(backup->frames));
	return 0;
}

/* The next state of the copy: from the first rename on it is there, for
 * whoever opens it. */
static int backup_place(struct backup *backup, sqlite3 **earlier,
			struct fault *fault)
{
	if (backup->has_earlier) {
		if (backup_rename(backup, backup->log, fault))
			return -1;
		backup_close(earlier);
		base_close_fd(&backup->fd);
		store_tell(backup->store, BACKUP_PLACING, 1, 3);
		return backup_settle(backup, fault);
	}
	/* Of a copy that is gone. */
	if (unlink(backup->log) && errno != ENOENT)
		return fault_set_errno(fault, FAULT_IO, errno,
				       "cannot remove %s", backup->log);
	return backup_rename(backup, backup->path, fault);
}

struct backup_sweep {
	const struct backup *backup;
	sqlite3_stmt *stmt;
};

static int backup_sweep_file(const struct lob_name *name, int64_t mtime_s,
			     void *context, struct fault *fault)
{
	const struct backup_sweep *sweep = context;
	g_autofree char *file = lob_file(sweep->backup->path, name);
	int rc;

	(void)mtime_s;
	(void)sqlite3_reset(sweep->stmt);
	if (sqlite3_bind_blob(sweep->stmt, 1, name->hash, sizeof(name->hash),
			      SQLITE_STATIC) != SQLITE_OK ||
	    (sweep->backup->has_forms &&
	     sqlite3_bind_int(sweep->stmt, 2, name->is_packed) != SQLITE_OK))
		return fault_set(fault, FAULT_INTERNAL, "cannot look up %s",
				 file);
	rc = sqlite3_step(sweep->stmt);
	if (rc == SQLITE_ROW)
		return 0;
	if (rc != SQLITE_DONE)
		return fault_set(fault, FAULT_IO, "cannot read %s: %s",
				 sweep->backup->path, sqlite3_errstr(rc));
	if (unlink(file))
		return fault_set_errno(fault, FAULT_IO, errno,
				       "cannot remove %s", file);
	return 0;
}

/* Files that the copy does not name any more. */
static int backup_sweep(const struct backup *backup, struct fault *fault)
{
	struct backup_sweep sweep = {.backup = backup};
	BACKUP_DB db = NULL;
	int rc = sqlite3_open_v2(backup->path, &db, SQLITE_OPEN_READWRITE,
				 store_vfs());

	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(
			db,
			backup->has_forms
				? "SELECT 1 FROM lob WHERE hash = ?"
				  " AND data IS NULL AND packed IS NULL"
				  " AND (form = 2) = ?"
				: "SELECT 1 FROM lob WHERE hash = ?"
				  " AND data IS NULL",
			-1, &sweep.stmt, NULL);
	rc = rc == SQLITE_OK
		     ? lob_each(backup->path, backup_sweep_file, &sweep, fault)
		     : fault_set(fault, FAULT_IO, "cannot read %s: %s",
				 backup->path, sqlite3_errstr(rc));
	(void)sqlite3_finalize(sweep.stmt);
	lob_sweep(backup->path, INT64_MAX);
	return rc;
}

/* ---- all of it -----------------------------------------------------------
 */

static int backup_learn(struct backup *backup, struct fault *fault)
{
	int64_t version = 0;
	int64_t size = 0;

	if (sql_get(backup->store, fault, &version, "PRAGMA user_version", "") <
		    0 ||
	    sql_get(backup->store, fault, &size, "PRAGMA page_size", "") < 0)
		return -1;
	backup->has_forms = version >= 8;
	backup->page_size = (int)size;
	backup->page = g_malloc((gsize)size);
	backup->first = g_malloc((gsize)size);
	return 0;
}

static int backup_run(struct backup *backup, struct fault *fault)
{
	BACKUP_DB earlier = NULL;

	if (backup_open_dir(backup, fault) || backup_learn(backup, fault) ||
	    (backup->has_earlier &&
	     backup_look_at_earlier(backup, &earlier, fault)))
		return -1;
	backup->result.is_first = !backup->has_earlier;
	if (backup->has_earlier) {
		backup->fd = open(backup->path, O_RDONLY | O_CLOEXEC);
		if (backup->fd < 0)
			return fault_set_errno(fault, FAULT_IO, errno,
					       "cannot open %s", backup->path);
	}
	if (backup_take(backup, fault)) {
		(void)unlink(backup->part);
		/* A descriptor of it must not be closed before SQLite's. */
		backup_close(&earlier);
		return -1;
	}
	if (backup_place(backup, &earlier, fault))
		return -1;
	store_tell(backup->store, BACKUP_PLACING, 2, 3);
	if (backup_sweep(backup, fault))
		return -1;
	store_tell(backup->store, BACKUP_PLACING, 3, 3);
	return 0;
}

int store_backup(struct store *store, const char *dir,
		 const struct store_backup_options *options,
		 struct store_backup_result *ret_result, struct fault *fault)
{
	static const struct store_backup_options none;
	struct backup backup = {.store = store,
				.options = options ? options : &none,
				.dir = dir,
				.dir_fd = -1,
				.fd = -1};
	int rc;

	backup.path = g_build_filename(dir, BACKUP_FILE, NULL);
	backup.part = g_strconcat(backup.path, ".part", NULL);
	backup.log = g_strconcat(backup.path, "-wal", NULL);
	rc = backup_run(&backup, fault);
	if (rc == 0) {
		backup.result.octets_copied +=
			backup.result.pages_copied * backup.page_size;
		if (ret_result)
			*ret_result = backup.result;
	}
	page_log_free(backup.frames);
	base_close_fd(&backup.fd);
	base_close_fd(&backup.dir_fd);
	g_free(backup.page);
	g_free(backup.first);
	g_free(backup.path);
	g_free(backup.part);
	g_free(backup.log);
	return rc;
}
