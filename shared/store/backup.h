/*
 * What a backup is put together from (backup.c): the pages of the database as
 * one state, and SQLite's log as the form in which a later state follows an
 * earlier one.
 */
#ifndef OKAPI_STORE_BACKUP_H
#define OKAPI_STORE_BACKUP_H

#include "store_internal.h"

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
struct page_log;
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
