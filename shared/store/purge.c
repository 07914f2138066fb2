/*
 * Purge: what was marked deleted long enough ago goes, with content nobody
 * refers to any more, files nobody names, and old keys of duplicates; in small
 * transactions, so that deliveries go on meanwhile.
 */
#include "lob.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum {
	PURGE_BATCH = 200,
	PURGE_KEYS = 2000,
	PURGE_PAGES = 1000, /* free pages given back at a time */
	/* A file is written well before the row that names it. */
	PURGE_ORPHAN_S = 86400,
};

/* ---- objects marked deleted ----------------------------------------------
 */

struct purge_row {
	int64_t id;
	int64_t store;
	int64_t change;
	int64_t type;
};

struct purge_objects {
	int64_t before; /* deletions up to then go */
	int64_t store;  /* all of this one */
	int64_t messages;
	bool is_done;
};

/* Up to PURGE_BATCH rows of a query with one number and the limit. */
static int purge_rows(struct store *store, GArray *found, struct fault *fault,
		      const char *sql, int64_t number)
{
	ROWS rows = {0};
	int rc;

	if (rows_open(store, &rows, fault, sql, "id", number, (int)PURGE_BATCH))
		return -1;
	while ((rc = rows_next(&rows, fault)) == 1) {
		struct purge_row row = {
			.id = rows_int(&rows, 0),
			.store = rows_int(&rows, 1),
			.change = rows_int(&rows, 2),
			.type = rows_int(&rows, 3),
		};

		g_array_append_val(found, row);
	}
	return rc;
}

/* Folders and stores once nothing is in them. */
static int purge_find(struct store *store, int64_t before, GArray *found,
		      struct fault *fault)
{
	return purge_rows(
		store, found, fault,
		"SELECT h.id, h.store, h.change, h.type FROM hierarchy h"
		" WHERE h.deleted IS NOT NULL AND h.deleted <= ?"
		" AND NOT EXISTS (SELECT 1 FROM hierarchy c"
		"  WHERE c.parent = h.id)"
		" AND (h.type <> 1 OR NOT EXISTS"
		"  (SELECT 1 FROM hierarchy c WHERE c.store = h.id))"
		" LIMIT ?",
		before);
}

/* In a store that is deleted as a whole messages need not be marked. */
static int purge_find_in(struct store *store, int64_t store_id, GArray *found,
			 struct fault *fault)
{
	return purge_rows(store, found, fault,
			  "SELECT id, store, change, type FROM hierarchy"
			  " WHERE store = ? AND type = 3 LIMIT ?",
			  store_id);
}

static int purge_row(struct store *store, const struct purge_row *row,
		     struct fault *fault)
{
	/* Who synced before this change cannot learn of it now. */
	if (row->store &&
	    sql_run(store, fault,
		    "UPDATE hierarchy SET horizon = max(horizon, ?)"
		    " WHERE id = ?",
		    "ii", row->change, row->store))
		return -1;
	return sql_run(store, fault, "DELETE FROM hierarchy WHERE id = ?", "i",
		       row->id);
}

static int purge_objects_unit(struct store *store, void *context,
			      struct fault *fault)
{
	struct purge_objects *purge = context;
	g_autoptr(GArray) found =
		g_array_new(FALSE, FALSE, sizeof(struct purge_row));
	int64_t messages = 0;

	if (purge_find(store, purge->before, found, fault))
		return -1;
	for (guint i = 0; i < found->len; i++) {
		const struct purge_row *row =
			&g_array_index(found, struct purge_row, i);

		if (purge_row(store, row, fault))
			return -1;
		messages += row->type == OBJECT_MESSAGE;
	}
	purge->messages += messages;
	purge->is_done = found->len == 0;
	return 0;
}

/* What was not marked deleted is counted until it goes. */
static int purge_store_unit(struct store *store, void *context,
			    struct fault *fault)
{
	struct purge_objects *purge = context;
	g_autoptr(GArray) found =
		g_array_new(FALSE, FALSE, sizeof(struct purge_row));

	if (purge_find_in(store, purge->store, found, fault))
		return -1;
	for (guint i = 0; i < found->len; i++) {
		const struct purge_row *row =
			&g_array_index(found, struct purge_row, i);

		if (sql_run(store, fault,
			    "UPDATE hierarchy SET messages = messages - 1,"
			    " unread = hierarchy.unread - m.unread,"
			    " size = hierarchy.size - m.size"
			    " FROM (SELECT parent, store, size,"
			    "  flags & 1 = 0 AS unread FROM hierarchy"
			    "  WHERE id = ? AND deleted IS NULL) m"
			    " WHERE hierarchy.id IN (m.parent, m.store)",
			    "i", row->id) ||
		    purge_row(store, row, fault))
			return -1;
	}
	purge->messages += found->len;
	purge->is_done = found->len == 0;
	return 0;
}

static int purge_run(struct store *store, store_unit_fn *unit,
		     struct purge_objects *purge, struct fault *fault)
{
	while (!purge->is_done) {
		if (store_run(store, unit, purge, fault))
			return -1;
		store_tell(store, "messages", purge->messages, 0);
	}
	return 0;
}

static int purge_objects(struct store *store, struct purge_objects *purge,
			 struct fault *fault)
{
	g_autoptr(GArray) stores = g_array_new(FALSE, FALSE, sizeof(int64_t));

	if (sql_ids(store, stores, fault,
		    "SELECT id FROM hierarchy WHERE type = 1"
		    " AND deleted IS NOT NULL AND deleted <= ?",
		    "i", purge->before))
		return -1;
	for (guint i = 0; i < stores->len; i++) {
		purge->store = g_array_index(stores, int64_t, i);
		purge->is_done = false;
		if (purge_run(store, purge_store_unit, purge, fault))
			return -1;
	}
	purge->is_done = false;
	return purge_run(store, purge_objects_unit, purge, fault);
}

/* ---- contents ------------------------------------------------------------
 */

#define PURGE_UNUSED                                                           \
 " NOT EXISTS (SELECT 1 FROM hierarchy m WHERE m.content = c.id)"              \
 " AND NOT EXISTS (SELECT 1 FROM outgoingqueue q WHERE q.content = c.id)"

struct purge_contents {
	const int64_t *ids;
	size_t count;
	GArray *files; /* of struct lob_name: to be removed after it */
};

/* A row of lob that nothing refers to goes; its parts may be next. */
static int purge_lob(struct store *store, int64_t lob, GArray *lobs,
		     GArray *files, struct fault *fault)
{
	struct lob_name name;
	bool is_file;
	ROWS rows = {0};
	int rc;

	if (rows_open(store, &rows, fault,
		      "SELECT hash, form, data IS NULL AND packed IS NULL"
		      " FROM lob l WHERE id = ? AND" LOB_UNUSED,
		      "i", lob))
		return -1;
	rc = rows_next(&rows, fault);
	if (rc <= 0)
		return rc;
	name = lob_name_of(sqlite3_column_blob(rows.stmt, 0),
			   (enum lob_form)rows_int(&rows, 1));
	is_file = rows_int(&rows, 2) != 0;
	rows_end(&rows);
	if (sql_ids(store, lobs, fault,
		    "SELECT DISTINCT part FROM lob_parts WHERE lob = ?", "i",
		    lob) ||
	    sql_run(store, fault, "DELETE FROM lob WHERE id = ?", "i", lob))
		return -1;
	if (is_file)
		g_array_append_val(files, name);
	return 0;
}

int purge_lobs(struct store *store, GArray *lobs, GArray *files,
	       struct fault *fault)
{
	/* It grows while it is gone through. */
	for (guint i = 0; i < lobs->len; i++)
		if (purge_lob(store, g_array_index(lobs, int64_t, i), lobs,
			      files, fault))
			return -1;
	return 0;
}

static int purge_content(struct store *store, int64_t content, GArray *files,
			 struct fault *fault)
{
	g_autoptr(GArray) lobs = g_array_new(FALSE, FALSE, sizeof(int64_t));
	int64_t lob;
	/* It may have come into use since it was found. */
	int rc = sql_get(store, fault, &lob,
			 "DELETE FROM hierarchy AS c WHERE id = ?"
			 " AND lob IS NOT NULL AND" PURGE_UNUSED
			 " RETURNING lob",
			 "i", content);

	if (rc <= 0)
		return rc;
	g_array_append_val(lobs, lob);
	return purge_lobs(store, lobs, files, fault);
}

static int purge_contents_unit(struct store *store, void *context,
			       struct fault *fault)
{
	struct purge_contents *batch = context;

	for (size_t i = 0; i < batch->count; i++)
		if (purge_content(store, batch->ids[i], batch->files, fault))
			return -1;
	return 0;
}

/* 1: a row has that file, 0: none, -1. */
static int purge_is_named(struct store *store, const struct lob_name *name,
			  struct fault *fault)
{
	int64_t id;

	return sql_get(store, fault, &id,
		       "SELECT id FROM lob WHERE hash = ? AND data IS NULL"
		       " AND packed IS NULL AND (form = 2) = ?",
		       "bd", name->hash, sizeof(name->hash),
		       (int)name->is_packed);
}

/* Removes a file that no row names; with the store locked, so that no
 * delivery begins to name it meanwhile. */
static int purge_file_unit(struct store *store, void *context,
			   struct fault *fault)
{
	const struct lob_name *name = context;
	g_autofree char *file = lob_file(store->path, name);
	int rc = purge_is_named(store, name, fault);

	if (rc)
		return rc < 0 ? -1 : 0;
	if (unlink(file) && errno != ENOENT)
		return fault_set_errno(fault, FAULT_IO, errno,
				       "cannot remove %s", file);
	return 0;
}

int purge_files(struct store *store, GArray *files, struct fault *fault)
{
	for (guint i = 0; i < files->len; i++)
		if (store_run(store, purge_file_unit,
			      &g_array_index(files, struct lob_name, i), fault))
			return -1;
	return 0;
}

static int purge_contents(struct store *store, struct fault *fault)
{
	g_autoptr(GArray) unused = g_array_new(FALSE, FALSE, sizeof(int64_t));
	g_autoptr(GArray) files =
		g_array_new(FALSE, FALSE, sizeof(struct lob_name));
	/* Found by reading, so that nobody waits for the search. */
	int rc = sql_ids(store, unused, fault,
			 "SELECT c.id FROM hierarchy c WHERE c.lob IS NOT NULL"
			 " AND" PURGE_UNUSED,
			 "");

	for (guint at = 0; rc == 0 && at < unused->len; at += PURGE_BATCH) {
		struct purge_contents batch = {
			.ids = &g_array_index(unused, int64_t, at),
			.count = MIN(PURGE_BATCH, unused->len - at),
			.files = files,
		};

		store_tell(store, "contents", at, unused->len);
		rc = store_run(store, purge_contents_unit, &batch, fault);
	}
	return rc ? -1 : purge_files(store, files, fault);
}

/* ---- files without a row -------------------------------------------------
 */

struct purge_orphans {
	struct store *store;
	int64_t before_s;
	int (*each)(const struct lob_name *name, void *context,
		    struct fault *fault);
	void *context;
};

static int purge_look_at_file(const struct lob_name *name, int64_t mtime_s,
			      void *context, struct fault *fault)
{
	struct purge_orphans *orphans = context;
	int rc;

	if (mtime_s > orphans->before_s)
		return 0;
	rc = purge_is_named(orphans->store, name, fault);
	if (rc)
		return rc < 0 ? -1 : 0;
	return orphans->each(name, orphans->context, fault);
}

int purge_each_orphan(struct store *store, int64_t now,
		      int (*each)(const struct lob_name *name, void *context,
				  struct fault *fault),
		      void *context, struct fault *fault)
{
	struct purge_orphans orphans = {
		.store = store,
		.before_s = now / USEC_PER_SEC - PURGE_ORPHAN_S,
		.each = each,
		.context = context,
	};

	return lob_each(store->path, purge_look_at_file, &orphans, fault);
}

static int purge_note_orphan(const struct lob_name *name, void *context,
			     struct fault *fault)
{
	(void)fault;
	g_array_append_vals(context, name, 1);
	return 0;
}

int purge_orphans(struct store *store, int64_t now, struct fault *fault)
{
	g_autoptr(GArray) files =
		g_array_new(FALSE, FALSE, sizeof(struct lob_name));

	if (purge_each_orphan(store, now, purge_note_orphan, files, fault))
		return -1;
	lob_sweep(store->path, now / USEC_PER_SEC - PURGE_ORPHAN_S);
	return purge_files(store, files, fault);
}

/* ---- keys of duplicates --------------------------------------------------
 */

struct purge_keys {
	int64_t before;
	GBytes *at; /* keys up to this one are done */
	bool is_done;
};

static int purge_keys_unit(struct store *store, void *context,
			   struct fault *fault)
{
	struct purge_keys *keys = context;
	g_autoptr(GBytes) end = NULL;
	size_t len;
	const void *at = g_bytes_get_data(keys->at, &len);
	ROWS rows = {0};
	int rc;

	if (rows_open(store, &rows, fault,
		      "SELECT max(key) FROM (SELECT key FROM duplicates"
		      " WHERE key > ? ORDER BY key LIMIT ?)",
		      "bd", at, len, (int)PURGE_KEYS))
		return -1;
	rc = rows_next(&rows, fault);
	if (rc < 0)
		return -1;
	keys->is_done = !sqlite3_column_bytes(rows.stmt, 0);
	if (keys->is_done)
		return 0;
	end = g_bytes_new(sqlite3_column_blob(rows.stmt, 0),
			  (gsize)sqlite3_column_bytes(rows.stmt, 0));
	if (sql_run(store, fault,
		    "DELETE FROM duplicates WHERE key > ? AND key <= ?"
		    " AND seen < ?",
		    "bbi", at, len, g_bytes_get_data(end, NULL),
		    g_bytes_get_size(end), keys->before))
		return -1;
	g_bytes_unref(keys->at);
	keys->at = g_steal_pointer(&end);
	return 0;
}

static int purge_keys(struct store *store, int64_t now, struct fault *fault)
{
	int64_t window = MAX(store->policy.duplicate_window_s,
			     store->policy.message_id_window_s);
	struct purge_keys keys = {
		.before = now - window * USEC_PER_SEC,
		.at = g_bytes_new_static("", 0),
	};
	int rc = 0;

	while (window > 0 && rc == 0 && !keys.is_done)
		rc = store_run(store, purge_keys_unit, &keys, fault);
	g_bytes_unref(keys.at);
	return rc;
}

/* ---- space ---------------------------------------------------------------
 */

static int purge_space_unit(struct store *store, void *context,
			    struct fault *fault)
{
	bool *is_done = context;
	int64_t pages = 0;

	if (sql_get(store, fault, &pages, "PRAGMA freelist_count", "") < 0)
		return -1;
	/* Some stay for the next messages. */
	*is_done = pages < 2 * PURGE_PAGES;
	if (*is_done)
		return 0;
	return sql_run(store, fault, "PRAGMA incremental_vacuum(1000)", "");
}

int store_purge(struct store *store, int64_t now, bool all,
		int64_t *ret_messages, struct fault *fault)
{
	int64_t lifetime = store->policy.softdelete_lifetime_s;
	struct purge_objects objects = {
		.before = all ? INT64_MAX : now - lifetime * USEC_PER_SEC,
	};
	bool has_space = false;

	if ((all || lifetime > 0) && purge_objects(store, &objects, fault))
		return -1;
	if (purge_contents(store, fault) || purge_orphans(store, now, fault) ||
	    purge_keys(store, now, fault))
		return -1;
	while (!has_space)
		if (store_run(store, purge_space_unit, &has_space, fault))
			return -1;
	*ret_messages = objects.messages;
	return 0;
}
