/*
 * Vacuum: packs what came before there was packing, and gives free pages back
 * to the file system, in small steps while others write.
 */
#include "kept.h"

#include <sys/stat.h>

enum {
	VACUUM_PAGES = 1000,
};

struct vacuum {
	int64_t all; /* free pages in the beginning */
	int64_t left;
	bool is_done;
};

static int vacuum_unit(struct store *store, void *context, struct fault *fault)
{
	struct vacuum *vacuum = context;
	int64_t pages = 0;

	if (sql_get(store, fault, &pages, "PRAGMA freelist_count", "") < 0)
		return -1;
	vacuum->is_done = pages <= VACUUM_PAGES;
	vacuum->left = pages;
	vacuum->all = MAX(vacuum->all, pages);
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

/* The file shrinks once the log is in it.  Most of it is put there while
 * others write; where somebody reads, the rest stays for the next checkpoint,
 * for waiting would keep writers waiting, too. */
static int vacuum_checkpoint(struct store *store, struct fault *fault)
{
	static const int modes[] = {SQLITE_CHECKPOINT_PASSIVE,
				    SQLITE_CHECKPOINT_TRUNCATE};
	int rc = SQLITE_OK;

	(void)sqlite3_busy_timeout(store->db, 0);
	for (size_t i = 0; rc == SQLITE_OK && i < G_N_ELEMENTS(modes); i++)
		rc = sqlite3_wal_checkpoint_v2(store->db, NULL, modes[i], NULL,
					       NULL);
	(void)sqlite3_busy_timeout(store->db,
				   (int)CLAMP(store->timeout_ms, 0, INT_MAX));
	if (rc == SQLITE_OK || (rc & 0xff) == SQLITE_BUSY ||
	    (rc & 0xff) == SQLITE_LOCKED)
		return 0;
	return sql_fault(store, "checkpoint", fault);
}

int store_vacuum(struct store *store, int64_t *ret_freed, struct fault *fault)
{
	struct vacuum vacuum = {0};
	int64_t before = 0;
	int64_t after = 0;

	if (vacuum_size(store, &before, fault) || store_repack(store, fault))
		return -1;
	while (!vacuum.is_done) {
		if (store_run(store, vacuum_unit, &vacuum, fault))
			return -1;
		store_tell(store, "free pages", vacuum.all - vacuum.left,
			   vacuum.all);
	}
	if (vacuum_size(store, &after, fault) ||
	    vacuum_checkpoint(store, fault))
		return -1;
	*ret_freed = before - after;
	return 0;
}
