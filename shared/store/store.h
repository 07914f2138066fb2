/*
 * The store: one SQLite file that holds every user's mail.
 *
 * This is the only room that knows SQL.  Its interface speaks of stores (a
 * user's mailbox, or the public one), folders, messages, property sets,
 * deliveries, change numbers and wake-ups.
 *
 * A struct store is one connection, for one thread at a time.  Everything
 * that changes something runs inside a unit: a function that commits whole or
 * not at all (store_run, or committer_run in a daemon).  Reading needs none.
 * After a unit is committed and synced, waiters are woken (shared/notify.h).
 */
#ifndef OKAPI_STORE_H
#define OKAPI_STORE_H

#include "base.h"
#include "fault.h"

struct store;

enum store_mode {
	STORE_READ,  /* the file must exist; nothing is written */
	STORE_WRITE, /* the file must exist */
};

/* Quotas and lifetimes that hold for the whole server, from the
 * configuration; users may have their own.  0: none. */
struct store_policy {
	int64_t quota_warn;
	int64_t quota_soft;
	int64_t quota_hard;
	bool quota_tempfail;
	int64_t duplicate_window_s;
	int64_t message_id_window_s;
	int64_t softdelete_lifetime_s;
	char recipient_delimiter[16];
};

struct conf;
/* The policy that the configuration asks for. */
void store_policy_of_conf(const struct conf *conf,
			  struct store_policy *ret_policy);

/*
 * Creates the store (schema, public store) or brings an older one up to date,
 * after a backup of it; does nothing to one that is current.  The directory is
 * made if its parent exists.  ret_created may be NULL.
 */
NODISCARD int store_create(const char *path, int64_t timeout_ms,
			   bool *ret_created, struct fault *fault);

/* The schema that this program makes and reads. */
int64_t store_schema(void);
/* How an older store is brought up to date, and what came of it. */
struct store_upgrade {
	/* Where the store as it is goes first, as store_backup() makes it;
	 * NULL: beside it, "PATH.schema-8".  Borrowed. */
	const char *backup_dir;
	bool no_backup;
	int64_t from; /* its schema before; 0: it was made anew */
	char *backup; /* the directory of its backup; owned; NULL: none */
};
/* store_create() in full.  Without a complete backup nothing is changed:
 * FAULT_DISK_FULL, FAULT_EXISTS if something else is in its place. */
NODISCARD int store_upgrade(const char *path, int64_t timeout_ms,
			    struct store_upgrade *upgrade, struct fault *fault);

/*
 * Opens a connection.  Faults: FAULT_CONFIG if there is no store, the file is
 * not one, or a newer version made it (the text says what to do);
 * FAULT_STORE_BUSY, FAULT_IO otherwise.  timeout_ms bounds every wait for
 * another writer.
 */
NODISCARD int store_open(const char *path, enum store_mode mode,
			 int64_t timeout_ms, struct store **ret_store,
			 struct fault *fault);
/* For a process that delivers one message: who is alone at the store when it
 * comes reads SQLite's log from its beginning, so the log is moved into the
 * database early. */
void store_keep_log_short(struct store *store);
void store_close(struct store *store);
AUTO_DEFINE(store, store_close);

/* Copies policy; before the first delivery. */
void store_set_policy(struct store *store, const struct store_policy *policy);

/*
 * What recipients are may be kept as long as the stamp of settings stays the
 * same: it is another one after any change of users, groups, addresses, rules,
 * lists, out of office, rights and folders by whatever process.  Quota in use
 * is none of these.
 */
struct store_stamp;
NODISCARD int store_stamp_open(const char *path, struct store_stamp **ret_stamp,
			       struct fault *fault);
void store_stamp_close(struct store_stamp *stamp);
AUTO_DEFINE(store_stamp, store_stamp_close);
/* Read before the store is asked for what is kept under it.  0: keep nothing,
 * something changes just now or nothing ever did. */
uint64_t store_stamp_read(const struct store_stamp *stamp);

/* A unit of work: 0 commits it, -1 rolls back all it did. */
typedef int store_unit_fn(struct store *store, void *context,
			  struct fault *fault);

/* Runs one unit in a transaction of its own: waits for other writers (fairly,
 * not polling), commits and syncs before it returns 0. */
NODISCARD int store_run(struct store *store, store_unit_fn *unit, void *context,
			struct fault *fault);

/*
 * The committer of a daemon: one connection that puts all units that wait into
 * one transaction, a savepoint each, commits and syncs once, and only then
 * lets each caller go on.  A unit that fails is rolled back alone.
 * Thread-safe.
 */
struct committer;
NODISCARD int committer_new(const char *path, int64_t timeout_ms,
			    const struct store_policy *policy,
			    struct committer **ret_committer,
			    struct fault *fault);
void committer_free(struct committer *committer); /* after the last caller */
AUTO_DEFINE(committer, committer_free);
/* Blocks until the unit is on disk (0) or undone (-1).  The unit runs in the
 * caller's thread or another: it must not wait for anything but the store. */
NODISCARD int committer_run(struct committer *committer, store_unit_fn *unit,
			    void *context, struct fault *fault);
/* The same for a unit that may run more than once before its commit, and does
 * and says the same then: it is spared its savepoint, for which SQLite copies
 * each page that is written.  Where one of a group of them fails, all are
 * undone and run anew, a savepoint each. */
NODISCARD int committer_run_anew(struct committer *committer,
				 store_unit_fn *unit, void *context,
				 struct fault *fault);
/*
 * The same in two steps, between which the caller does other things: start
 * hands the unit over, wait blocks until it is on disk or undone and frees the
 * request.  context lasts until then.  Units that were started one after the
 * other run in that order, and before what is run later.
 */
struct commit_request;
struct commit_request *committer_start(struct committer *committer,
				       store_unit_fn *unit, void *context);
NODISCARD int committer_wait(struct commit_request *request,
			     struct fault *fault);
/* Announces callers (1) that will come soon, and takes that back (-1) when they
 * have come, or will not: so it knows whom to wait for.  Who waits in
 * committer_run() or committer_run_anew() counts as come meanwhile.  Needless,
 * but for larger groups. */
void committer_expect(struct committer *committer, int more);
struct committer_stats {
	uint64_t units;   /* committed */
	uint64_t failed;  /* rolled back */
	uint64_t commits; /* transactions, so syncs */
	uint64_t largest; /* group */
};
void committer_get_stats(struct committer *committer,
			 struct committer_stats *ret_stats);
/* Does work that waits get done?  False when nothing of it was answered for
 * longer than the store may be waited for; to be asked now and then. */
bool committer_is_well(struct committer *committer);

#endif
