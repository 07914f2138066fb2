/*
 * The layer between SQLite and its files.
 *
 * A read that fails is an error of the disk, whatever it is.  SQLite's own VFS
 * says of some of them (EIO) that the file is corrupt, and "malformed" is what
 * one is told to restore a backup for; the next try may read it.
 *
 * The log (WAL) is written in one piece a commit.
 * SQLite writes each page into its log with two calls, 24 octets and a page:
 * forty and more for one message.  This layer keeps what is written one behind
 * the other until it is synced, read or changed in another way.  Nothing
 * depends on it earlier: a commit is seen by others after its sync (synchronous
 * = FULL, which every connection has), and what lies in memory when a process
 * dies is what had not been synced.
 *
 * All else of these two, and all other files, are SQLite's own.
 */
#include "store_internal.h"

#include <string.h>

#define WAL_HELD_MAX ((size_t)1024 * 1024) /* then it goes to the file */
#define WAL_PIECE_MAX                                                          \
 ((guint)64 * 1024) /* SQLite writes below 128 KB at once */

static int vfs_read_code(int code)
{
	return code == SQLITE_IOERR_CORRUPTFS ? SQLITE_IOERR_READ : code;
}

/* ---- the log ----
 */

struct wal_file {
	sqlite3_file file; /* first: what SQLite sees */
	GByteArray *held;
	sqlite3_int64 at; /* where held begins */
			  /* SQLite's own file follows. */
};

static sqlite3_file *wal_inner(sqlite3_file *file)
{
	return (sqlite3_file *)((struct wal_file *)(void *)file + 1);
}

static int wal_flush(sqlite3_file *file)
{
	struct wal_file *wal = (struct wal_file *)(void *)file;
	sqlite3_file *inner = wal_inner(file);
	int rc = SQLITE_OK;
	guint done = 0;

	while (rc == SQLITE_OK && done < wal->held->len) {
		guint len = MIN(wal->held->len - done, WAL_PIECE_MAX);

		rc = inner->pMethods->xWrite(inner, wal->held->data + done,
					     (int)len, wal->at + done);
		done += len;
	}
	/* What could not be written is not tried again: the transaction is
	 * lost, and the next one writes over it. */
	g_byte_array_set_size(wal->held, 0);
	return rc;
}

static int wal_close(sqlite3_file *file)
{
	struct wal_file *wal = (struct wal_file *)(void *)file;
	sqlite3_file *inner = wal_inner(file);
	int rc = wal_flush(file);
	int closed = inner->pMethods->xClose(inner);

	g_byte_array_unref(wal->held);
	return rc ? rc : closed;
}

static int wal_read(sqlite3_file *file, void *data, int len, sqlite3_int64 at)
{
	sqlite3_file *inner = wal_inner(file);
	int rc = wal_flush(file);

	return rc ? rc
		  : vfs_read_code(inner->pMethods->xRead(inner, data, len, at));
}

static int wal_write(sqlite3_file *file, const void *data, int len,
		     sqlite3_int64 at)
{
	struct wal_file *wal = (struct wal_file *)(void *)file;
	bool follows = at == wal->at + wal->held->len &&
		       wal->held->len + (size_t)len <= WAL_HELD_MAX;
	int rc = follows ? SQLITE_OK : wal_flush(file);

	if (rc)
		return rc;
	if (!wal->held->len)
		wal->at = at;
	g_byte_array_append(wal->held, data, (guint)len);
	return SQLITE_OK;
}

static int wal_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	sqlite3_file *inner = wal_inner(file);
	int rc = wal_flush(file);

	return rc ? rc : inner->pMethods->xTruncate(inner, size);
}

static int wal_sync(sqlite3_file *file, int flags)
{
	sqlite3_file *inner = wal_inner(file);
	int rc = wal_flush(file);

	return rc ? rc : inner->pMethods->xSync(inner, flags);
}

static int wal_file_size(sqlite3_file *file, sqlite3_int64 *ret_size)
{
	sqlite3_file *inner = wal_inner(file);
	int rc = wal_flush(file);

	return rc ? rc : inner->pMethods->xFileSize(inner, ret_size);
}

static int wal_lock(sqlite3_file *file, int level)
{
	return wal_inner(file)->pMethods->xLock(wal_inner(file), level);
}

static int wal_unlock(sqlite3_file *file, int level)
{
	return wal_inner(file)->pMethods->xUnlock(wal_inner(file), level);
}

static int wal_check_lock(sqlite3_file *file, int *ret_locked)
{
	return wal_inner(file)->pMethods->xCheckReservedLock(wal_inner(file),
							     ret_locked);
}

static int wal_control(sqlite3_file *file, int what, void *argument)
{
	return wal_inner(file)->pMethods->xFileControl(wal_inner(file), what,
						       argument);
}

static int wal_sector_size(sqlite3_file *file)
{
	return wal_inner(file)->pMethods->xSectorSize(wal_inner(file));
}

static int wal_characteristics(sqlite3_file *file)
{
	return wal_inner(file)->pMethods->xDeviceCharacteristics(
		wal_inner(file));
}

/* Version 1: a log is neither shared memory nor mapped. */
static const sqlite3_io_methods wal_methods = {
	.iVersion = 1,
	.xClose = wal_close,
	.xRead = wal_read,
	.xWrite = wal_write,
	.xTruncate = wal_truncate,
	.xSync = wal_sync,
	.xFileSize = wal_file_size,
	.xLock = wal_lock,
	.xUnlock = wal_unlock,
	.xCheckReservedLock = wal_check_lock,
	.xFileControl = wal_control,
	.xSectorSize = wal_sector_size,
	.xDeviceCharacteristics = wal_characteristics,
};

/* ---- the database ----
 */

static const sqlite3_io_methods *db_base; /* of SQLite's own VFS */
static sqlite3_io_methods db_methods;     /* the same, but for reads */

static int db_read(sqlite3_file *file, void *data, int len, sqlite3_int64 at)
{
	return vfs_read_code(db_base->xRead(file, data, len, at));
}

static gpointer db_methods_copy(gpointer base)
{
	db_base = base;
	db_methods = *db_base;
	db_methods.xRead = db_read;
	return &db_methods;
}

/* All databases are opened in the same way and have the same methods. */
static void db_take(sqlite3_file *file)
{
	static GOnce once = G_ONCE_INIT;
	const sqlite3_io_methods *methods = g_once(
		&once, db_methods_copy, (gpointer)(uintptr_t)file->pMethods);

	if (file->pMethods == db_base)
		file->pMethods = methods;
}

/* ---- both ----
 */

static sqlite3_vfs *vfs_base; /* SQLite's own */

static int vfs_open_log(sqlite3_filename name, sqlite3_file *file, int flags,
			int *ret_flags)
{
	struct wal_file *wal = (struct wal_file *)(void *)file;
	int rc;

	memset(wal, 0, sizeof(*wal));
	rc = vfs_base->xOpen(vfs_base, name, wal_inner(file), flags, ret_flags);
	if (rc)
		return rc;
	wal->held = g_byte_array_new();
	wal->file.pMethods = &wal_methods;
	return SQLITE_OK;
}

static int vfs_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file,
		    int flags, int *ret_flags)
{
	int rc;

	(void)vfs;
	if (flags & SQLITE_OPEN_WAL)
		return vfs_open_log(name, file, flags, ret_flags);
	rc = vfs_base->xOpen(vfs_base, name, file, flags, ret_flags);
	if (rc == SQLITE_OK && (flags & SQLITE_OPEN_MAIN_DB))
		db_take(file);
	return rc;
}

static gpointer vfs_register(gpointer data)
{
	static sqlite3_vfs vfs;

	vfs_base = sqlite3_vfs_find(NULL);
	vfs = *vfs_base;
	vfs.szOsFile += (int)sizeof(struct wal_file);
	vfs.pNext = NULL;
	vfs.zName = "okapi";
	vfs.xOpen = vfs_open;
	if (sqlite3_vfs_register(&vfs, 0) != SQLITE_OK)
		g_error("SQLite takes no further VFS");
	(void)data;
	return (gpointer)(uintptr_t)vfs.zName;
}

const char *store_vfs(void)
{
	static GOnce once = G_ONCE_INIT;

	return g_once(&once, vfs_register, NULL);
}
