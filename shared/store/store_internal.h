/*
 * What the files of this room share: the connection, statements, errors.
 *
 * The only header that knows sqlite3.h; it is included by shared/store/ *.c
 * and its tests alone.
 */
#ifndef OKAPI_STORE_INTERNAL_H
#define OKAPI_STORE_INTERNAL_H

#include "folders.h"
#include "messages.h"
#include "queue.h"
#include "settings.h"
#include "store.h"
#include "upkeep.h"
#include "users.h"

#include <sqlite3.h>

#define STORE_APPLICATION_ID 0x4f6b4170 /* "OkAp" */

/* Rows of hierarchy. */
enum object_type {
	OBJECT_STORE = 1,
	OBJECT_FOLDER = 2,
	OBJECT_MESSAGE = 3,
	OBJECT_RECIPIENT = 4,
	OBJECT_ATTACHMENT = 5,
	OBJECT_CONTENT = 6,
};

/* Rows of users. */
enum user_kind {
	USER_PERSON = 1,
	USER_GROUP = 2,
};

#define GROUP_EVERYONE "Everyone"

/* What a unit touched: who is woken after it. */
enum store_touched {
	STORE_TOUCHED_CHANGES = 1 << 0,
	STORE_TOUCHED_QUEUE = 1 << 1,
};

struct lob_name; /* lob.h */
struct store_lock;

struct store {
	sqlite3 *db;
	char *path;
	enum store_mode mode;
	int log_pages; /* from which on the log is copied and emptied */
	int64_t timeout_ms;
	struct store_policy policy;
	GHashTable *statements; /* SQL literal (by address) -> sqlite3_stmt */
	GHashTable *writers;    /* set: those of them that write settings */
	struct store_lock *lock;
	char *lease_owner; /* of this process; made at the first claim */
	bool in_unit;
	unsigned touched;
	struct notify_poster *poster; /* made at the first wake-up */
	store_progress_fn *progress;  /* of upkeep; or NULL */
	void *progress_context;
	bool settings_prepared; /* a statement that writes them was, just now */
	bool settings_touched;  /* by the unit that runs */
	int64_t earlier_keys;   /* schema_earlier_keys(); -1: not asked yet */
};

/* ---- sql.c: statements ---------------------------------------------------
 * types names the values that follow, one letter each:
 *   i int64_t    I int64_t, 0 is NULL    d int or bool    r double
 *   t const char *, NULL is NULL         b const void *, size_t (a blob)
 * SQL is a literal: its address is the key of the statement cache. */

/* A running statement; ends when it leaves scope. */
struct rows {
	struct store *store;
	sqlite3_stmt *stmt;
	bool is_cached;
};
#define ROWS __attribute__((cleanup(rows_end))) struct rows

NODISCARD int rows_open(struct store *store, struct rows *ret_rows,
			struct fault *fault, const char *sql, const char *types,
			...);
/* 1: a row, 0: no more, -1: fault. */
NODISCARD int rows_next(struct rows *rows, struct fault *fault);
/* The first row, which has to be there: otherwise FAULT_NOT_FOUND, "no what
 * id". */
NODISCARD int rows_first(struct rows *rows, const char *what, int64_t id,
			 struct fault *fault);
void rows_end(struct rows *rows);
int64_t rows_int(const struct rows *rows, int column); /* NULL: 0 */
char *rows_text(const struct rows *rows, int column);  /* owned; NULL: "" */
const char *rows_peek(const struct rows *rows, int column); /* borrowed */

/* Runs a statement to its end. */
NODISCARD int sql_run(struct store *store, struct fault *fault, const char *sql,
		      const char *types, ...);
/* First column of the first row: 1 found, 0 no row (ret unchanged), -1. */
NODISCARD int sql_get(struct store *store, struct fault *fault,
		      int64_t *ret_value, const char *sql, const char *types,
		      ...);
/* First column of all rows: appended, int64_t; */
NODISCARD int sql_ids(struct store *store, GArray *ids, struct fault *fault,
		      const char *sql, const char *types, ...);
/* or as texts, NULL behind the last; owned (g_strfreev). */
NODISCARD int sql_texts(struct store *store, char ***ret_texts,
			struct fault *fault, const char *sql, const char *types,
			...);
/* Several statements in one text, without values. */
NODISCARD int sql_script(struct store *store, const char *script,
			 struct fault *fault);
/* To be set as authorizer: sees which statements write settings. */
int sql_see_writer(void *store, int action, const char *table,
		   const char *second, const char *database,
		   const char *trigger);
/* The fault of the last SQLite error; returns -1. */
int sql_fault(struct store *store, const char *doing, struct fault *fault);

/* ---- store.c --------------------------------------------------------------
 */
/* -1 with FAULT_INTERNAL if no unit runs: what changes something must. */
NODISCARD int store_need_unit(const struct store *store, struct fault *fault);
/* Does the file at the store's path differ from the one that is open? */
bool store_is_moved(struct store *store);
NODISCARD int store_begin(struct store *store, struct fault *fault);
/* What store_run() does after it: the unit, its commit, the wake-ups. */
NODISCARD int store_finish(struct store *store, store_unit_fn *unit,
			   void *context, struct fault *fault);
NODISCARD int store_commit(struct store *store, struct fault *fault);
void store_rollback(struct store *store);
/* Wakes whom the last committed work concerns. */
void store_wake(struct store *store);
/* Moves what is in the log into the database, as far as readers let it: who
 * stops leaves one file behind. */
void store_settle(struct store *store);
/* Tells whoever asked how far long work is. */
void store_tell(const struct store *store, const char *what, int64_t done,
		int64_t of);
/* Next change number of a store, in its row. */
NODISCARD int store_bump(struct store *store, int64_t store_id,
			 int64_t *ret_change, struct fault *fault);

/* ---- stamp.c: whether settings changed; fd: of the lock file --------------
 */
/* Before and after a commit, under the lock. */
NODISCARD int stamp_begin(int fd, struct fault *fault);
void stamp_end(int fd);

/* ---- vfs.c ----------------------------------------------------------------
 */
/* Name of the VFS that writes the log in one piece a commit and calls a read
 * that fails an error of the disk.  Only for connections with synchronous =
 * FULL. */
const char *store_vfs(void);

/* ---- checkpointer.c -------------------------------------------------------
 */
struct checkpointer;
/* From its thread, when a checkpoint is over. */
typedef void checkpointer_done_fn(void *context);
/* A thread that takes the signals its maker takes. */
struct checkpointer *
checkpointer_new(const char *path, checkpointer_done_fn *done, void *context);
void checkpointer_start(struct checkpointer *checkpointer);
void checkpointer_free(struct checkpointer *checkpointer); /* waits for it */

/* ---- schema.c -------------------------------------------------------------
 */
#define STORE_SCHEMA_CURRENT INT64_MAX
/* FAULT_CONFIG unless the file is a store of store_schema(); ret_version is
 * 0 for an empty file, which is a fault unless allow_older. */
NODISCARD int schema_check(struct store *store, bool allow_older,
			   int64_t *ret_version, struct fault *fault);
/* All tables, indexes and views in an empty database; SQLite's code. */
NODISCARD int schema_make(sqlite3 *db);
/* Within a transaction: takes version to target. */
NODISCARD int schema_migrate(struct store *store, int64_t version,
			     int64_t target, struct fault *fault);
/* When a delivery left a key of the form before schema 13 for the last time
 * (microseconds since 1970, UTC; 0: never). */
NODISCARD int schema_earlier_keys(struct store *store, int64_t *ret_until,
				  struct fault *fault);

/* ---- check_schema.c -------------------------------------------------------
 */
/* Tells each table, index, view or trigger that is missing, another one or not
 * Okapi's; ret_readable: the tables are as they are to be. */
typedef void schema_tell_fn(const char *what, void *context);
NODISCARD int check_schema(struct store *store, schema_tell_fn *tell,
			   void *context, bool *ret_readable,
			   struct fault *fault);
/* Makes indexes and views that are missing or others, each in a unit of its
 * own, and tells those.  One that the rows do not allow stays as it is. */
NODISCARD int check_fix_schema(struct store *store, schema_tell_fn *tell,
			       void *context, struct fault *fault);

/* ---- lock.c: writers queue in order ---------------------------------------
 */
NODISCARD int lock_open(const char *store_path, struct store_lock **ret_lock,
			struct fault *fault);
void lock_close(struct store_lock *lock);
AUTO_DEFINE(store_lock, lock_close);
/* Waits at most timeout_ms: FAULT_STORE_BUSY. */
NODISCARD int lock_take(struct store_lock *lock, int64_t timeout_ms,
			struct fault *fault);
void lock_drop(struct store_lock *lock);
int lock_fd(const struct store_lock *lock); /* borrowed; of who has it */
/* Gives a file that root made beside the store to the store's owner. */
void lock_give_to_owner(const char *store_path, int fd);

/* ---- address.c ------------------------------------------------------------
 */
/* Case-folded NFC: the key of names. Owned. */
char *address_fold(const char *text);
/* The key of an address or login name: folded, quotes of the local part
 * removed, domain as A-label.  Owned. */
char *address_key(const char *address);

/* ---- password.c -----------------------------------------------------------
 */
/* "$scrypt$ln=..,r=..,p=..$salt$hash"; owned. */
NODISCARD int password_hash(const char *password, char **ret_hash,
			    struct fault *fault);

/* ---- orphans.c ------------------------------------------------------------
 */
/* A store without owner is that of a user called name; FAULT_NOT_FOUND if it
 * is none. */
NODISCARD int orphan_take(struct store *store, int64_t orphan, const char *name,
			  struct fault *fault);
/* The user is gone, and the store says so in its name. */
NODISCARD int orphan_leave(struct store *store, int64_t store_id,
			   struct fault *fault);
/* One that is nobody's is marked deleted, with all that is in it. */
NODISCARD int orphan_delete(struct store *store, int64_t store_id,
			    struct fault *fault);

/* ---- users.c, user_read.c, user_find.c ------------------------------------
 */
/* May one of that kind be called so?  Pure; FAULT_BAD_ARGUMENT. */
NODISCARD int user_name_check(const char *name, int kind, struct fault *fault);
/* Id by name; FAULT_NO_USER. kind 0: either. */
NODISCARD int user_id_by_name(struct store *store, const char *name, int kind,
			      int64_t *ret_id, struct fault *fault);
/* What holds for the owner of a store; 0: none. */
struct store_limits {
	int64_t used;
	int64_t soft;
	int64_t hard;
	char *owner; /* login name; owned; NULL if nobody's */
};
NODISCARD int user_limits(struct store *store, int64_t store_id,
			  struct store_limits *ret_limits, struct fault *fault);

/* ---- folders.c ------------------------------------------------------------
 */
/* A store with, if wanted, its default folders. */
NODISCARD int folder_make_store(struct store *store, const char *name,
				bool with_folders, int64_t *ret_store,
				struct fault *fault);
NODISCARD int folder_insert(struct store *store, int64_t store_id,
			    int64_t parent, enum folder_role role,
			    const char *name, int64_t *ret_folder,
			    struct fault *fault);
/* The parts of a path, owned strings. */
GPtrArray *folder_split(const char *path, char separator);
/* A folder that is marked deleted comes back, with those it is in, where it
 * was deleted from; without its messages. */
NODISCARD int folder_undelete(struct store *store, int64_t folder,
			      struct fault *fault);
/* The folder of a role: 1, 0, -1. */
NODISCARD int folder_with_role(struct store *store, int64_t store_id,
			       enum folder_role role, int64_t *ret_folder,
			       struct fault *fault);
/* A child by name: 1, 0, -1. */
NODISCARD int folder_child(struct store *store, int64_t parent,
			   const char *name, int64_t *ret_folder,
			   struct fault *fault);
NODISCARD int folder_name_check(const char *name, struct fault *fault);
/* A folder's row: where it stands, what it is, what it is called. */
struct folder_row {
	int64_t id;
	int64_t store;
	int64_t parent;
	enum folder_role role;
	char *name; /* owned */
};
void folder_row_clear(struct folder_row *row);
#define FOLDER_ROW __attribute__((cleanup(folder_row_clear))) struct folder_row
/* FAULT_NOT_FOUND if there is none or it is marked deleted. */
NODISCARD int folder_row_get(struct store *store, int64_t folder,
			     struct folder_row *ret_row, struct fault *fault);

/* A name that is free below parent: name, "name (2)" ...; owned. */
NODISCARD int folder_free_name(struct store *store, int64_t parent,
			       const char *name, char **ret_name,
			       struct fault *fault);
/* The store a folder (or a store itself) is in; FAULT_NOT_FOUND if there is
 * no such folder or it is deleted. */
NODISCARD int folder_store(struct store *store, int64_t folder,
			   int64_t *ret_store, struct fault *fault);
/* Is folder ancestor, or below it?  1, 0, -1. */
NODISCARD int folder_is_below(struct store *store, int64_t folder,
			      int64_t ancestor, struct fault *fault);
/* Adds to the counters of a folder and its store and takes the next change
 * number of the store. */
struct counter_change {
	int64_t messages;
	int64_t unread;
	int64_t size;
};
NODISCARD int folder_count(struct store *store, int64_t store_id,
			   int64_t folder, const struct counter_change *by,
			   int64_t *ret_change, struct fault *fault);
/* The same where that number is known. */
NODISCARD int folder_count_as(struct store *store, int64_t store_id,
			      int64_t folder, const struct counter_change *by,
			      int64_t change, struct fault *fault);
/* What leaves one folder of a store for another, with one change number; off is
 * what comes to the first, so less than nothing. */
NODISCARD int folder_count_move(struct store *store, int64_t store_id,
				int64_t from, const struct counter_change *off,
				int64_t to, const struct counter_change *on,
				int64_t *ret_change, struct fault *fault);
/* "a\/b": a name as a part of a path. Appends. */
void folder_append_name(GString *path, const char *name);

/* ---- property.c -----------------------------------------------------------
 */
/* Rows of properties of an object: one that is not there yet, one that may be.
 */
NODISCARD int property_add(struct store *store, int64_t object,
			   const struct prop *prop, struct fault *fault);
NODISCARD int property_put(struct store *store, int64_t object,
			   const struct prop *prop, struct fault *fault);
NODISCARD int property_load(struct store *store, int64_t object,
			    struct propset *set, struct fault *fault);

/* ---- copies.c -------------------------------------------------------------
 */
struct copy_new {
	int64_t store;
	int64_t folder;
	int64_t content;
	int64_t size;
	unsigned flags;
	int64_t received;
	const char *trace;
	const char *keywords; /* one a line, or NULL */
	int64_t change;       /* the store's next one; 0: to be looked up */
};
NODISCARD int copy_insert(struct store *store, const struct copy_new *copy,
			  int64_t *ret_message, struct fault *fault);
/* A row of a copy that is there, deleted or not. */
struct copy_row {
	int64_t id;
	int64_t store;
	int64_t folder;
	int64_t content;
	int64_t size;
	int64_t deleted; /* time, 0: not */
	int64_t origin;
	unsigned flags;
};
NODISCARD int copy_get(struct store *store, int64_t message,
		       struct copy_row *ret_row, struct fault *fault);
/* A second copy, in any folder. */
NODISCARD int copy_duplicate(struct store *store, const struct copy_row *row,
			     int64_t folder, int64_t *ret_message,
			     struct fault *fault);
/* Moves a copy that is not deleted; to another store it gets a new id there
 * and is marked deleted here. */
NODISCARD int copy_move(struct store *store, const struct copy_row *row,
			int64_t folder, int64_t origin, struct fault *fault);
/* Within its store, to another folder of that; it has these flags there. */
NODISCARD int copy_move_within(struct store *store, const struct copy_row *row,
			       int64_t folder, int64_t origin, unsigned flags,
			       struct fault *fault);
NODISCARD int copy_set_flags(struct store *store, const struct copy_row *row,
			     unsigned flags, struct fault *fault);
/* Marks a copy deleted at a time. */
NODISCARD int copy_mark_deleted(struct store *store, const struct copy_row *row,
				int64_t now, struct fault *fault);

/* ---- purge.c --------------------------------------------------------------
 */
/* Of rows l of lob: no message's bytes, no part of any. */
#define LOB_UNUSED                                                             \
 " NOT EXISTS (SELECT 1 FROM hierarchy c WHERE c.lob = l.id)"                  \
 " AND NOT EXISTS (SELECT 1 FROM lob_parts p WHERE p.part = l.id)"
/* Unit: removes those of the rows of lob (GArray of int64_t, which grows) that
 * are unused, and then their parts; appends the files that are left over to an
 * array of struct lob_name. */
NODISCARD int purge_lobs(struct store *store, GArray *lobs, GArray *files,
			 struct fault *fault);
/* Removes files that no row names; units of its own. */
NODISCARD int purge_files(struct store *store, GArray *files,
			  struct fault *fault);
/* Calls each for every file that no row names and that has been there for
 * long enough that none will. */
NODISCARD int purge_each_orphan(struct store *store, int64_t now,
				int (*each)(const struct lob_name *name,
					    void *context, struct fault *fault),
				void *context, struct fault *fault);
/* Removes them. */
NODISCARD int purge_orphans(struct store *store, int64_t now,
			    struct fault *fault);

#endif
