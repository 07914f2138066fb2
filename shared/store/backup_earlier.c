/*
 * Where a backup goes: is the directory free for it, and is what lies there an
 * earlier state of this very store?
 */
#include "backup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

/* ---- the directory -------------------------------------------------------
 */

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

int backup_open_dir(struct backup *backup, struct fault *fault)
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
		return errno == EWOULDBLOCK
			       ? fault_set(fault, FAULT_STORE_BUSY,
					   "%s: another backup into it is "
					   "running",
					   backup->dir)
			       : fault_set_errno(fault, FAULT_IO, errno,
						 "cannot lock %s", backup->dir);
	return backup_find_earlier(backup, fault);
}

/* ---- the earlier copy ----------------------------------------------------
 */

void backup_close_copy(sqlite3 **db)
{
	(void)sqlite3_close(*db);
	*db = NULL;
}

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

int backup_look_at_earlier(const struct backup *backup, sqlite3 **ret_db,
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
