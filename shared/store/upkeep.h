/*
 * Looking after the store: check, purge, figures.
 */
#ifndef OKAPI_STORE_UPKEEP_H
#define OKAPI_STORE_UPKEEP_H

#include "store.h"

/* How far the long work below is, from its thread: "pages copied", so many of
 * a total (0: nobody knows). */
typedef void store_progress_fn(const char *what, int64_t done, int64_t of,
			       void *context);
void store_set_progress(struct store *store, store_progress_fn *progress,
			void *context);
/* What the last steps of a backup are called: after the first of them the new
 * state is there. */
#define BACKUP_PLACING "steps of putting it in its place"

/* Verifies schema, references, counters, sizes, hashes of large values, and
 * that every message comes back with its hash.  tell is called for each thing
 * that is wrong; ret_wrong counts them. */
NODISCARD int store_check(struct store *store,
			  void (*tell)(const char *what, void *context),
			  void *context, int64_t *ret_wrong,
			  struct fault *fault);

/* Makes right what the rest of the store tells how it was: counters, sizes,
 * change numbers, rows and files that belong to nothing, folders that every
 * user has, claims of nobody, indexes.  In units of its own, beside daemons.
 * Nothing where a table is not as it is to be: what it says is not believed.
 * tell is called for each thing that was; store_check() afterwards says what is
 * left. */
NODISCARD int store_repair(struct store *store,
			   void (*tell)(const char *what, void *context),
			   void *context, int64_t *ret_repaired,
			   struct fault *fault);

/* Removes what was marked deleted before the policy's lifetime, content and
 * large values nobody refers to, old keys of the duplicate window; in small
 * transactions.  all: whatever is marked deleted. */
NODISCARD int store_purge(struct store *store, int64_t now, bool all,
			  int64_t *ret_messages, struct fault *fault);

struct store_backup_options {
	bool may_share; /* files by a second name of them, not by a copy */
};
struct store_backup_result {
	bool is_first; /* nothing of an earlier one was there */
	int64_t pages; /* of the database */
	int64_t pages_copied;
	int64_t files; /* large values beside it */
	int64_t files_copied;
	int64_t octets_copied;
	int64_t missing; /* files that the store itself has lost */
};

/*
 * A consistent copy of the store while others work on it: DIR/store.db and
 * DIR/store.lob/.  Into a new or empty directory, or one with an earlier
 * backup of the same store, of which only what is new is copied.  Until all of
 * it is there and synced, DIR is the earlier backup, whatever happens.
 * Faults: FAULT_EXISTS if something else is in DIR; FAULT_STORE_BUSY if the
 * copy is in use; FAULT_DISK_FULL, FAULT_IO.  options may be NULL.
 */
NODISCARD int store_backup(struct store *store, const char *dir,
			   const struct store_backup_options *options,
			   struct store_backup_result *ret_result,
			   struct fault *fault);
/* Packs messages that came before there was packing, and gives free pages back
 * to the file system, in small steps. */
NODISCARD int store_vacuum(struct store *store, int64_t *ret_freed,
			   struct fault *fault);

struct store_stats {
	int64_t users;
	int64_t messages; /* copies, not deleted */
	int64_t contents;
	int64_t size;    /* octets of the copies */
	int64_t deleted; /* copies marked deleted */
	int64_t queue;   /* messages in the outgoing queue */
	int64_t queue_recipients;
	int64_t file_size; /* of the database */
	int64_t lob_files;
	int64_t schema_version;
};
NODISCARD int store_get_stats(struct store *store,
			      struct store_stats *ret_stats,
			      struct fault *fault);

struct store_user_stats {
	char *name;
	int64_t messages; /* copies, not deleted */
	int64_t unread;
	int64_t size;    /* octets of them */
	int64_t deleted; /* copies marked deleted */
	int64_t deleted_size;
	int64_t queue; /* messages in the outgoing queue */
};
void store_user_stats_free(struct store_user_stats *stats);
/* Of every user in order of name, or of the named one (FAULT_NO_USER): array
 * of struct store_user_stats, owned. */
NODISCARD int store_list_user_stats(struct store *store, const char *name,
				    GPtrArray **ret_stats, struct fault *fault);

#endif
