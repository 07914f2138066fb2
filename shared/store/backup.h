/*
 * What a backup is put together from (backup.c): where it goes, the pages of
 * the database as one state, and SQLite's log as the form in which a later
 * state follows an earlier one.
 */
#ifndef OKAPI_STORE_BACKUP_H
#define OKAPI_STORE_BACKUP_H

#include "store_internal.h"
#include "upkeep.h"

#define BACKUP_FILE "store.db"

struct page_log;

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

/* ---- backup_earlier.c ----------------------------------------------------
 */
/* Makes and locks the directory, and looks whether there is an earlier copy
 * (has_earlier).  FAULT_EXISTS: it holds something else, or the store itself;
 * FAULT_STORE_BUSY: another backup goes into it. */
NODISCARD int backup_open_dir(struct backup *backup, struct fault *fault);
/* Opens the earlier copy, for nobody else meanwhile (until
 * backup_close_copy()). FAULT_EXISTS: it is of another store, or nobody can
 * tell; else temporary. */
NODISCARD int backup_look_at_earlier(const struct backup *backup,
				     sqlite3 **ret_db, struct fault *fault);
void backup_close_copy(sqlite3 **db);
#define BACKUP_DB __attribute__((cleanup(backup_close_copy))) sqlite3 *

/* ---- pages.c -------------------------------------------------------------
 */
struct page_job {
	/* Gets each page, in no order, the same one more than once: the last
	 * counts.  number begins at 1. */
	int (*put)(uint32_t number, const uint8_t *page, void *context,
		   struct fault *fault);
	void *context;
	int page_size;
};
/* All pages of the database in the state that the connection's open read
 * transaction sees; ret_count is how many there are. */
NODISCARD int pages_each(struct store *store, const struct page_job *job,
			 int64_t *ret_count, struct fault *fault);

/* ---- page_log.c ----------------------------------------------------------
 */
/* A new file, in the form of a write-ahead log (SQLite's "Database File
 * Format", 4). */
NODISCARD int page_log_new(const char *path, int page_size,
			   struct page_log **ret_log, struct fault *fault);
NODISCARD int page_log_add(struct page_log *log, uint32_t number,
			   const uint8_t *page, struct fault *fault);
/* Ends the one transaction it holds: the database then has count pages.
 * Synced.  The last page that is added. */
NODISCARD int page_log_commit(struct page_log *log, uint32_t number,
			      const uint8_t *page, uint32_t count,
			      struct fault *fault);
int64_t page_log_frames(const struct page_log *log);
void page_log_free(struct page_log *log); /* the file stays */
AUTO_DEFINE(page_log, page_log_free);

#endif
