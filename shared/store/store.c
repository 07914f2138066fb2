/*
 * The connection: creating, opening, units of work.
 */
#include "conf.h"
#include "notify.h"
#include "store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* Pages of the log from which on it is copied into the database: SQLite's own
 * choice, and ten messages (measured between 64 and 1000). */
#define LOG_PAGES       1000
#define LOG_PAGES_SHORT 128

void store_close(struct store *store)
{
	if (!store)
		return;
	if (store->in_unit)
		store_rollback(store);
	if (store->statements)
		g_hash_table_destroy(store->statements);
	if (store->writers)
		g_hash_table_destroy(store->writers);
	(void)sqlite3_close_v2(store->db);
	lock_close(store->lock);
	notify_poster_free(store->poster);
	g_free(store->lease_owner);
	g_free(store->path);
	g_free(store);
}

static void store_finalize(gpointer stmt)
{
	(void)sqlite3_finalize(stmt);
}

/* SQLite's own count of what it allocates would take one lock for all threads
 * at each allocation. */
static gpointer store_configure_sqlite(gpointer data)
{
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	return data;
}

/* A path that is wrong, or what may go away: too many files, a disk. */
static int store_cannot_open(const char *path, int err, struct fault *fault)
{
	bool may_go = err && fault_of_path(err) == FAULT_IO;

	return fault_set_errno(fault, may_go ? FAULT_IO : FAULT_CONFIG, err,
			       "cannot open store %s", path);
}

/*
 * After a commit: copies a long log into the database and, if nobody reads it
 * and nobody writes, empties it.  SQLite would begin it anew by itself, but not
 * for who comes alone: that one reads the log from its beginning and does not
 * know what was copied.
 */
static int store_shorten_log(void *context, sqlite3 *db, const char *name,
			     int pages)
{
	const struct store *store = context;
	int in_log = 0;
	int copied = 0;

	if (pages < store->log_pages ||
	    sqlite3_wal_checkpoint_v2(db, name, SQLITE_CHECKPOINT_PASSIVE,
				      &in_log, &copied) != SQLITE_OK ||
	    copied < in_log)
		return SQLITE_OK;
	(void)sqlite3_busy_timeout(db, 0);
	(void)sqlite3_wal_checkpoint_v2(db, name, SQLITE_CHECKPOINT_TRUNCATE,
					NULL, NULL);
	(void)sqlite3_busy_timeout(db,
				   (int)CLAMP(store->timeout_ms, 0, INT_MAX));
	return SQLITE_OK;
}

/* A connection whose schema nobody looked at yet. */
static int store_connect(const char *path, enum store_mode mode,
			 int64_t timeout_ms, struct store **ret_store,
			 struct fault *fault)
{
	AUTO(store) store = g_new0(struct store, 1);
	int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE |
		    (mode == STORE_READ ? SQLITE_OPEN_READONLY
					: SQLITE_OPEN_READWRITE);

	static GOnce once = G_ONCE_INIT;

	(void)g_once(&once, store_configure_sqlite, NULL);
	store->path = g_strdup(path);
	store->mode = mode;
	store->timeout_ms = timeout_ms;
	store->earlier_keys = -1;
	g_strlcpy(store->policy.recipient_delimiter, "+",
		  sizeof(store->policy.recipient_delimiter));
	store->statements = g_hash_table_new_full(g_direct_hash, g_direct_equal,
						  NULL, store_finalize);
	if (sqlite3_open_v2(path, &store->db, flags, store_vfs()) != SQLITE_OK)
		return store_cannot_open(path, sqlite3_system_errno(store->db),
					 fault);
	store->writers = g_hash_table_new(NULL, NULL);
	if (mode == STORE_WRITE) {
		(void)sqlite3_set_authorizer(store->db, sql_see_writer, store);
		store->log_pages = LOG_PAGES;
		(void)sqlite3_wal_hook(store->db, store_shorten_log, store);
	}
	(void)sqlite3_extended_result_codes(store->db, 1);
	(void)sqlite3_busy_timeout(store->db,
				   (int)CLAMP(timeout_ms, 0, INT_MAX));
	(void)sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1,
				NULL);
	(void)sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	*ret_store = g_steal_pointer(&store);
	return 0;
}

/* Settings that live with the connection, not with the file. */
static int store_configure(struct store *store, struct fault *fault)
{
	if (sql_script(store,
		       "PRAGMA foreign_keys = ON;"
		       "PRAGMA synchronous = FULL;"
		       "PRAGMA temp_store = MEMORY;"
		       "PRAGMA journal_size_limit = 67108864",
		       fault))
		return -1;
	/* Readers are many (a session each), writers are few. */
	return sql_script(store,
			  store->mode == STORE_READ
				  ? "PRAGMA cache_size = -2000"
				  : "PRAGMA cache_size = -8000",
			  fault);
}

static int store_must_exist(const char *path, struct fault *fault)
{
	struct stat st;

	if (stat(path, &st) == 0) {
		if (S_ISREG(st.st_mode))
			return 0;
		return fault_set(
			fault, FAULT_CONFIG,
			"%s is not an Okapi store (not a file): check store_path",
			path);
	}
	if (errno == ENOENT)
		return fault_set(
			fault, FAULT_CONFIG,
			"there is no store %s: 'okapi-admin init' creates it",
			path);
	return store_cannot_open(path, errno, fault);
}

int store_open(const char *path, enum store_mode mode, int64_t timeout_ms,
	       struct store **ret_store, struct fault *fault)
{
	AUTO(store) store = NULL;
	int64_t version;

	if (store_must_exist(path, fault) ||
	    store_connect(path, mode, timeout_ms, &store, fault) ||
	    schema_check(store, false, &version, fault) ||
	    store_configure(store, fault))
		return -1;
	if (mode == STORE_WRITE && lock_open(path, &store->lock, fault))
		return -1;
	*ret_store = g_steal_pointer(&store);
	return 0;
}

/* The file and its directory; an existing file is not touched (closing a
 * descriptor of it would drop SQLite's locks of this process). */
static int store_make_file(const char *path, bool *ret_made,
			   struct fault *fault)
{
	g_autofree char *directory = g_path_get_dirname(path);
	AUTOCLOSE int fd = -1;
	struct stat st;

	if (mkdir(directory, 0750) && errno != EEXIST)
		return fault_set_errno(fault, FAULT_CONFIG, errno,
				       "cannot make directory %s", directory);
	fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0640);
	if (fd < 0 && errno != EEXIST)
		return fault_set_errno(fault, FAULT_CONFIG, errno,
				       "cannot create store %s", path);
	/* Root makes it for whoever the directory was made for. */
	if (fd >= 0 && geteuid() == 0 && stat(directory, &st) == 0 &&
	    fchown(fd, st.st_uid, st.st_gid))
		return fault_set_errno(
			fault, FAULT_CONFIG, errno,
			"cannot give %s to its directory's owner", path);
	*ret_made = fd >= 0;
	return 0;
}

/* The copy of an older store, before anything is changed.  Its large values
 * are shared with it where the file system lets them. */
static int store_back_up(struct store *store, struct store_upgrade *upgrade,
			 struct fault *fault)
{
	struct store_backup_options options = {.may_share = true};
	g_autofree char *beside = g_strdup_printf("%s.schema-%d", store->path,
						  (int)upgrade->from);
	const char *dir = upgrade->backup_dir ? upgrade->backup_dir : beside;

	if (upgrade->no_backup)
		return 0;
	if (store_backup(store, dir, &options, NULL, fault))
		return fault_prefix(
			fault,
			"the backup before the store is brought up to date ('okapi-admin init --backup DIR' makes it elsewhere)");
	upgrade->backup = g_strdup(dir);
	return 0;
}

static int store_migrate(struct store *store, struct store_upgrade *upgrade,
			 struct fault *fault)
{
	int64_t version;

	if (schema_check(store, true, &version, fault))
		return -1;
	upgrade->from = version;
	if (version == store_schema())
		return 0;
	/* Before the first table, outside of a transaction. */
	if (version == 0 && sql_script(store,
				       "PRAGMA auto_vacuum = INCREMENTAL;"
				       "PRAGMA journal_mode = WAL",
				       fault))
		return -1;
	if ((version > 0 && store_back_up(store, upgrade, fault)) ||
	    store_configure(store, fault) ||
	    sql_script(store, "BEGIN IMMEDIATE", fault))
		return -1;
	store->in_unit = true;
	if (schema_migrate(store, version, STORE_SCHEMA_CURRENT, fault) ||
	    store_commit(store, fault)) {
		store_rollback(store);
		return -1;
	}
	return 0;
}

void store_keep_log_short(struct store *store)
{
	store->log_pages = LOG_PAGES_SHORT;
}

void store_settle(struct store *store)
{
	(void)sqlite3_busy_timeout(store->db, 1000);
	(void)sqlite3_wal_checkpoint_v2(store->db, NULL,
					SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
}

int store_upgrade(const char *path, int64_t timeout_ms,
		  struct store_upgrade *upgrade, struct fault *fault)
{
	AUTO(store_lock) lock = NULL;
	AUTO(store) store = NULL;
	bool is_made;
	int rc;

	if (store_make_file(path, &is_made, fault) ||
	    store_must_exist(path, fault) || lock_open(path, &lock, fault) ||
	    lock_take(lock, timeout_ms, fault))
		return -1;
	rc = store_connect(path, STORE_WRITE, timeout_ms, &store, fault);
	if (rc == 0)
		rc = store_migrate(store, upgrade, fault);
	if (rc == 0 && upgrade->from == 0)
		store_settle(store);
	lock_drop(lock);
	return rc;
}

int store_create(const char *path, int64_t timeout_ms, bool *ret_created,
		 struct fault *fault)
{
	struct store_upgrade upgrade = {0};
	int rc = store_upgrade(path, timeout_ms, &upgrade, fault);

	g_free(upgrade.backup);
	if (rc == 0 && ret_created)
		*ret_created = upgrade.from == 0;
	return rc;
}

void store_policy_of_conf(const struct conf *conf,
			  struct store_policy *ret_policy)
{
	*ret_policy = (struct store_policy){
		.quota_warn = conf->quota_warn,
		.quota_soft = conf->quota_soft,
		.quota_hard = conf->quota_hard,
		.quota_tempfail = conf->quota_tempfail,
		.duplicate_window_s = conf->duplicate_window,
		.message_id_window_s = conf->message_id_window,
		.softdelete_lifetime_s = conf->softdelete_lifetime,
	};
	g_strlcpy(ret_policy->recipient_delimiter, conf->recipient_delimiter,
		  sizeof(ret_policy->recipient_delimiter));
}

void store_set_policy(struct store *store, const struct store_policy *policy)
{
	store->policy = *policy;
}

void store_set_progress(struct store *store, store_progress_fn *progress,
			void *context)
{
	store->progress = progress;
	store->progress_context = context;
}

void store_tell(const struct store *store, const char *what, int64_t done,
		int64_t of)
{
	if (store->progress)
		store->progress(what, done, of, store->progress_context);
}

int store_need_unit(const struct store *store, struct fault *fault)
{
	if (store->in_unit)
		return 0;
	return fault_set(fault, FAULT_INTERNAL,
			 "store: a change outside of a unit");
}

bool store_is_moved(struct store *store)
{
	int is_moved = 0;

	return sqlite3_file_control(store->db, "main", SQLITE_FCNTL_HAS_MOVED,
				    &is_moved) == SQLITE_OK &&
	       is_moved;
}

int store_begin(struct store *store, struct fault *fault)
{
	int64_t start = g_get_monotonic_time();
	int64_t left;
	int rc;

	if (store->in_unit)
		return fault_set(fault, FAULT_INTERNAL,
				 "store: a unit within a unit");
	if (!store->lock)
		return fault_set(fault, FAULT_INTERNAL,
				 "store %s is open for reading only",
				 store->path);
	if (lock_take(store->lock, store->timeout_ms, fault))
		return -1;
	/* What is written into a file that has no name is lost. */
	if (store_is_moved(store)) {
		lock_drop(store->lock);
		return fault_set(
			fault, FAULT_STORE_BUSY,
			"store %s was moved or replaced while it was in use",
			store->path);
	}
	/* Others than Okapi may hold SQLite's own lock. */
	left = store->timeout_ms - (g_get_monotonic_time() - start) / 1000;
	(void)sqlite3_busy_timeout(store->db, (int)CLAMP(left, 1, INT_MAX));
	rc = sql_run(store, fault, "BEGIN IMMEDIATE", "");
	(void)sqlite3_busy_timeout(store->db,
				   (int)CLAMP(store->timeout_ms, 0, INT_MAX));
	if (rc) {
		lock_drop(store->lock);
		return -1;
	}
	store->in_unit = true;
	store->touched = 0;
	store->settings_touched = false;
	return 0;
}

/* Nobody keeps what the commit changes beyond it. */
static int store_commit_stamped(struct store *store, struct fault *fault)
{
	bool is_stamped = store->settings_touched && store->lock;
	int rc;

	if (is_stamped && stamp_begin(lock_fd(store->lock), fault))
		return -1;
	rc = sql_run(store, fault, "COMMIT", "");
	if (is_stamped)
		stamp_end(lock_fd(store->lock));
	return rc;
}

int store_commit(struct store *store, struct fault *fault)
{
	/* A unit that went on after SQLite undid its transaction. */
	if (sqlite3_get_autocommit(store->db)) {
		store_rollback(store);
		return fault_set(fault, FAULT_IO,
				 "store %s: the transaction was rolled back",
				 store->path);
	}
	if (store_commit_stamped(store, fault)) {
		store_rollback(store);
		return -1;
	}
	store->in_unit = false;
	if (store->lock)
		lock_drop(store->lock);
	return 0;
}

void store_rollback(struct store *store)
{
	if (!sqlite3_get_autocommit(store->db))
		(void)sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
	store->in_unit = false;
	store->touched = 0;
	if (store->lock)
		lock_drop(store->lock);
}

void store_wake(struct store *store)
{
	if (store->touched && !store->poster)
		store->poster = notify_poster_new(store->path);
	if (store->touched & STORE_TOUCHED_CHANGES)
		notify_post(store->poster, NOTIFY_CHANGES);
	if (store->touched & STORE_TOUCHED_QUEUE)
		notify_post(store->poster, NOTIFY_QUEUE);
	store->touched = 0;
}

int store_finish(struct store *store, store_unit_fn *unit, void *context,
		 struct fault *fault)
{
	if (unit(store, context, fault)) {
		store_rollback(store);
		return -1;
	}
	if (store_commit(store, fault))
		return -1;
	store_wake(store);
	return 0;
}

int store_run(struct store *store, store_unit_fn *unit, void *context,
	      struct fault *fault)
{
	if (store_begin(store, fault))
		return -1;
	return store_finish(store, unit, context, fault);
}

int store_bump(struct store *store, int64_t store_id, int64_t *ret_change,
	       struct fault *fault)
{
	int rc = sql_get(store, fault, ret_change,
			 "UPDATE hierarchy SET change = change + 1"
			 " WHERE id = ? AND type = 1 RETURNING change",
			 "i", store_id);

	if (rc == 0)
		return fault_set(fault, FAULT_NOT_FOUND,
				 "no store %" G_GINT64_FORMAT, store_id);
	store->touched |= STORE_TOUCHED_CHANGES;
	return rc < 0 ? -1 : 0;
}
