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
#include "lob.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	BACKUP_TRIES = 5,
};

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

static int backup_sync_dir(const struct backup *backup, struct fault *fault)
{
	if (fsync(backup->dir_fd))
		return fault_set_errno(fault, FAULT_IO, errno, "cannot sync %s",
				       backup->dir);
	return 0;
}

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
		backup_close_copy(earlier);
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
		backup_close_copy(&earlier);
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
