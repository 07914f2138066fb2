/*
 * The pages of the database as one state, while others write.
 *
 * SQLite tells them by its backup interface only, which writes them into
 * another database.  That one is a file that is none: a VFS of its own hands
 * each page that is written on.  Nothing of it is ever read.
 */
#include "backup.h"

#include <string.h>

#define PAGES_STEP 256

/* One copy at a time, with a VFS of its own. */
struct page_sink {
	sqlite3_vfs vfs;
	char name[32];
	const struct page_job *job;
	int64_t size; /* of the file that is none */
	struct fault fault;
};

struct page_file {
	sqlite3_file file; /* first: what SQLite sees */
	struct page_sink *sink;
};

static struct page_sink *page_sink_of(sqlite3_file *file)
{
	return ((struct page_file *)(void *)file)->sink;
}

static int page_close(sqlite3_file *file)
{
	(void)file;
	return SQLITE_OK;
}

/* Before the first page there is nothing; later nothing is asked for, and
 * must not be made up. */
static int page_read(sqlite3_file *file, void *data, int len, sqlite3_int64 at)
{
	if (at < page_sink_of(file)->size)
		return SQLITE_IOERR_READ;
	memset(data, 0, (size_t)len);
	return SQLITE_IOERR_SHORT_READ;
}

static int page_write(sqlite3_file *file, const void *data, int len,
		      sqlite3_int64 at)
{
	struct page_sink *sink = page_sink_of(file);
	const struct page_job *job = sink->job;

	if (len != job->page_size || at % len)
		return SQLITE_IOERR_WRITE;
	sink->size = MAX(sink->size, at + len);
	if (job->put((uint32_t)(at / len) + 1, data, job->context,
		     &sink->fault))
		return SQLITE_IOERR_WRITE;
	return SQLITE_OK;
}

static int page_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	page_sink_of(file)->size = size;
	return SQLITE_OK;
}

static int page_sync(sqlite3_file *file, int flags)
{
	(void)file;
	(void)flags;
	return SQLITE_OK;
}

static int page_file_size(sqlite3_file *file, sqlite3_int64 *ret_size)
{
	*ret_size = page_sink_of(file)->size;
	return SQLITE_OK;
}

static int page_lock(sqlite3_file *file, int level)
{
	(void)file;
	(void)level;
	return SQLITE_OK;
}

static int page_check_lock(sqlite3_file *file, int *ret_locked)
{
	(void)file;
	*ret_locked = 0;
	return SQLITE_OK;
}

static int page_control(sqlite3_file *file, int what, void *argument)
{
	(void)file;
	(void)what;
	(void)argument;
	return SQLITE_NOTFOUND;
}

static int page_sector_size(sqlite3_file *file)
{
	(void)file;
	return 0; /* SQLite's default */
}

static int page_characteristics(sqlite3_file *file)
{
	(void)file;
	return 0;
}

static const sqlite3_io_methods page_methods = {
	.iVersion = 1,
	.xClose = page_close,
	.xRead = page_read,
	.xWrite = page_write,
	.xTruncate = page_truncate,
	.xSync = page_sync,
	.xFileSize = page_file_size,
	.xLock = page_lock,
	.xUnlock = page_lock,
	.xCheckReservedLock = page_check_lock,
	.xFileControl = page_control,
	.xSectorSize = page_sector_size,
	.xDeviceCharacteristics = page_characteristics,
};

static int page_open(sqlite3_vfs *vfs, sqlite3_filename name,
		     sqlite3_file *file, int flags, int *ret_flags)
{
	struct page_file *page = (struct page_file *)(void *)file;

	(void)name;
	page->file.pMethods = NULL;
	if (!(flags & SQLITE_OPEN_MAIN_DB))
		return SQLITE_CANTOPEN;
	page->sink = vfs->pAppData;
	page->file.pMethods = &page_methods;
	if (ret_flags)
		*ret_flags = flags;
	return SQLITE_OK;
}

static int page_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
	(void)vfs;
	(void)name;
	(void)sync;
	return SQLITE_OK;
}

/* No journal, no log. */
static int page_access(sqlite3_vfs *vfs, const char *name, int flags,
		       int *ret_answer)
{
	(void)vfs;
	(void)name;
	(void)flags;
	*ret_answer = 0;
	return SQLITE_OK;
}

static int page_full_path(sqlite3_vfs *vfs, const char *name, int len,
			  char *ret_path)
{
	(void)vfs;
	(void)g_strlcpy(ret_path, name, (gsize)len);
	return SQLITE_OK;
}

static void page_sink_register(struct page_sink *sink)
{
	(void)g_snprintf(sink->name, sizeof(sink->name), "okapi-%p",
			 (void *)sink);
	sink->vfs = *sqlite3_vfs_find(NULL);
	sink->vfs.szOsFile = (int)sizeof(struct page_file);
	sink->vfs.pNext = NULL;
	sink->vfs.zName = sink->name;
	sink->vfs.pAppData = sink;
	sink->vfs.xOpen = page_open;
	sink->vfs.xDelete = page_delete;
	sink->vfs.xAccess = page_access;
	sink->vfs.xFullPathname = page_full_path;
	if (sqlite3_vfs_register(&sink->vfs, 0) != SQLITE_OK)
		g_error("SQLite takes no further VFS");
}

static int pages_fault(struct store *store, const struct page_sink *sink,
		       int rc, struct fault *fault)
{
	if (sink->fault.kind != FAULT_NONE) {
		if (fault)
			*fault = sink->fault;
		return -1;
	}
	return fault_set(fault, FAULT_IO, "cannot read store %s: %s",
			 store->path, sqlite3_errstr(rc));
}

static int pages_copy(struct store *store, sqlite3 *to, struct page_sink *sink,
		      int64_t *ret_count, struct fault *fault)
{
	sqlite3_backup *copy =
		sqlite3_backup_init(to, "main", store->db, "main");
	int64_t count;
	int rc;

	if (!copy)
		return pages_fault(store, sink, sqlite3_errcode(to), fault);
	do {
		rc = sqlite3_backup_step(copy, PAGES_STEP);
		count = sqlite3_backup_pagecount(copy);
		if (rc == SQLITE_OK)
			store_tell(store, "pages",
				   count - sqlite3_backup_remaining(copy),
				   count);
	} while (rc == SQLITE_OK);
	if (sqlite3_backup_finish(copy) != SQLITE_OK || rc != SQLITE_DONE)
		return pages_fault(store, sink, rc, fault);
	*ret_count = count;
	return 0;
}

int pages_each(struct store *store, const struct page_job *job,
	       int64_t *ret_count, struct fault *fault)
{
	struct page_sink sink = {.job = job};
	sqlite3 *to = NULL;
	int rc;

	page_sink_register(&sink);
	rc = sqlite3_open_v2("pages", &to,
			     SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
			     sink.name);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(to,
				  "PRAGMA journal_mode = OFF;"
				  "PRAGMA synchronous = OFF",
				  NULL, NULL, NULL);
	rc = rc == SQLITE_OK ? pages_copy(store, to, &sink, ret_count, fault)
			     : pages_fault(store, &sink, rc, fault);
	(void)sqlite3_close(to);
	(void)sqlite3_vfs_unregister(&sink.vfs);
	return rc;
}
