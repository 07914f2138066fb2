/*
 * Looking after the store: check, purge, figures.
 */
#ifndef OKAPI_STORE_UPKEEP_H
#define OKAPI_STORE_UPKEEP_H

#include "store.h"

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

/* A consistent copy of the store into a new or empty directory, while others
 * work on it: DIR/store.db and DIR/store.lob/.  FAULT_EXISTS if there is
 * something in it. */
NODISCARD int store_backup(struct store *store, const char *dir,
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

#endif
