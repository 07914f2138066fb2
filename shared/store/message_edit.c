/*
 * Changing messages: flags, moving, copying, deleting, restoring.
 */
#include "store_internal.h"

/* A copy that is not deleted, within a unit. */
static int message_living(struct store *store, int64_t message,
			  struct copy_row *ret_row, struct fault *fault)
{
	if (store_need_unit(store, fault) ||
	    copy_get(store, message, ret_row, fault))
		return -1;
	if (ret_row->deleted)
		return fault_set(fault, FAULT_NOT_FOUND,
				 "message %" G_GINT64_FORMAT " is deleted",
				 message);
	return 0;
}

int store_message_set_flags(struct store *store, int64_t message, unsigned set,
			    unsigned clear, struct fault *fault)
{
	struct copy_row row;

	if (message_living(store, message, &row, fault))
		return -1;
	return copy_set_flags(store, &row, (row.flags & ~clear) | set, fault);
}

int store_message_move(struct store *store, int64_t message, int64_t folder,
		       struct fault *fault)
{
	struct copy_row row;

	if (message_living(store, message, &row, fault))
		return -1;
	if (row.folder == folder)
		return 0;
	return copy_move(store, &row, folder, row.folder, fault);
}

int store_message_copy(struct store *store, int64_t message, int64_t folder,
		       int64_t *ret_message, struct fault *fault)
{
	struct copy_row row;

	if (message_living(store, message, &row, fault))
		return -1;
	return copy_duplicate(store, &row, folder, ret_message, fault);
}

/* A message that waits to be sent is not sent once it is deleted; one that is
 * being sent cannot be stopped any more. */
static int message_unqueue(struct store *store, int64_t message,
			   struct fault *fault)
{
	int64_t queue;
	int rc = sql_get(store, fault, &queue,
			 "SELECT id FROM outgoingqueue WHERE message = ?", "i",
			 message);

	if (rc <= 0)
		return rc;
	store->touched |= STORE_TOUCHED_QUEUE;
	return sql_run(store, fault,
		       "DELETE FROM outgoingqueue"
		       " WHERE id = ? AND lease_owner IS NULL",
		       "i", queue);
}

int store_message_delete(struct store *store, int64_t message, bool permanently,
			 struct fault *fault)
{
	struct copy_row row;
	int64_t wastebasket = 0;
	int rc;

	if (message_living(store, message, &row, fault) ||
	    message_unqueue(store, message, fault))
		return -1;
	if (permanently)
		return copy_mark_deleted(store, &row, g_get_real_time(), fault);
	rc = folder_with_role(store, row.store, FOLDER_DELETED, &wastebasket,
			      fault);
	if (rc < 0)
		return -1;
	if (rc == 1) {
		rc = folder_is_below(store, row.folder, wastebasket, fault);
		if (rc < 0)
			return -1;
		if (rc == 0)
			return copy_move(store, &row, wastebasket, row.folder,
					 fault);
	}
	return copy_mark_deleted(store, &row, g_get_real_time(), fault);
}

/* The folder a message goes back to: the one it was deleted from, which comes
 * back if it is marked deleted itself; the Inbox if it is gone. */
static int message_home(struct store *store, const struct copy_row *row,
			int64_t *ret_folder, struct fault *fault)
{
	int64_t want = row->deleted ? row->folder : row->origin;
	int rc;

	if (folder_undelete(store, want, fault))
		return -1;
	rc = sql_get(store, fault, ret_folder,
		     "SELECT id FROM hierarchy WHERE id = ? AND store = ?"
		     " AND type = 2 AND deleted IS NULL",
		     "ii", want, row->store);

	if (rc < 0)
		return -1;
	if (rc == 1)
		return 0;
	return store_folder_by_role(store, row->store, FOLDER_INBOX, ret_folder,
				    fault);
}

int store_message_restore(struct store *store, int64_t message,
			  struct fault *fault)
{
	struct counter_change on;
	struct copy_row row;
	int64_t folder;
	int64_t change;

	if (store_need_unit(store, fault) ||
	    copy_get(store, message, &row, fault) ||
	    message_home(store, &row, &folder, fault))
		return -1;
	if (!row.deleted)
		return row.folder == folder || !row.origin
			       ? 0
			       : copy_move(store, &row, folder, 0, fault);
	on = (struct counter_change){1, !(row.flags & MESSAGE_READ), row.size};
	if (folder_count(store, row.store, folder, &on, &change, fault))
		return -1;
	return sql_run(store, fault,
		       "UPDATE hierarchy SET deleted = NULL, parent = ?,"
		       " change = ? WHERE id = ?",
		       "iii", folder, change, message);
}

int store_message_list_deleted(struct store *store, int64_t store_id,
			       int64_t folder, int64_t since, GArray **ret_ids,
			       struct fault *fault)
{
	g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(int64_t));

	if (sql_ids(store, ids, fault,
		    "SELECT id FROM hierarchy WHERE type = 3"
		    " AND deleted IS NOT NULL AND deleted >= ? AND store = ?"
		    " AND (? = 0 OR parent = ?) ORDER BY deleted, id",
		    "iiii", since, store_id, folder, folder))
		return -1;
	*ret_ids = g_steal_pointer(&ids);
	return 0;
}

/* A folder that is deleted itself goes back to where it came from; that may
 * have come to be below it, so the way up has an end. */
static const char deleted_query[] =
	"SELECT * FROM (SELECT m.id,"
	" coalesce((WITH RECURSIVE up (parent, path, depth) AS ("
	"  SELECT coalesce(CASE WHEN f.deleted IS NOT NULL"
	"   THEN f.origin END, f.parent), replace(f.name, '/', '\\/'), 0 FROM hierarchy f"
	"   WHERE f.id = m.home AND f.type = 2"
	"  UNION ALL"
	"  SELECT coalesce(CASE WHEN f.deleted IS NOT NULL"
	"   THEN f.origin END, f.parent), replace(f.name, '/', '\\/') || '/' || up.path,"
	"   up.depth + 1 FROM up JOIN hierarchy f ON f.id = up.parent"
	"   WHERE f.type = 2 AND up.depth < 100)"
	"  SELECT path FROM up ORDER BY depth DESC LIMIT 1), '') AS path,"
	/* PR_SUBJECT, PR_SENT_REPRESENTING_EMAIL_ADDRESS */
	" coalesce((SELECT value FROM properties"
	"  WHERE object = m.content AND tag = 0x0037001f), ''),"
	" coalesce((SELECT value FROM properties"
	"  WHERE object = m.content AND tag = 0x0065001f), ''),"
	" m.received AS received, coalesce(m.deleted, 0), m.size"
	" FROM (SELECT *, CASE WHEN deleted IS NULL THEN origin ELSE parent END"
	"  AS home FROM hierarchy WHERE store = ?1 AND type = 3"
	"  AND ((deleted IS NOT NULL AND deleted >= ?3)"
	"   OR (deleted IS NULL AND origin IS NOT NULL AND ?3 = 0))) m"
	" WHERE ?2 = 0 OR m.home = ?2) ORDER BY path, received, 1";

int store_message_each_deleted(struct store *store, int64_t store_id,
			       int64_t folder, int64_t since,
			       int (*each)(const struct store_deleted *message,
					   void *context, struct fault *fault),
			       void *context, struct fault *fault)
{
	ROWS rows = {0};
	int rc;

	if (rows_open(store, &rows, fault, deleted_query, "iii", store_id,
		      folder, since))
		return -1;
	while ((rc = rows_next(&rows, fault)) == 1) {
		g_autofree char *home = rows_text(&rows, 1);
		g_autofree char *subject = rows_text(&rows, 2);
		g_autofree char *sender = rows_text(&rows, 3);
		struct store_deleted message = {
			.id = rows_int(&rows, 0),
			.home = home,
			.subject = subject,
			.sender = sender,
			.received = rows_int(&rows, 4),
			.deleted = rows_int(&rows, 5),
			.size = rows_int(&rows, 6),
		};

		if (each(&message, context, fault))
			return -1;
	}
	return rc;
}

/* The lines of keywords, with more of them; owned, NULL: nothing is new. */
static char *keywords_join(const char *lines, const char *const *more)
{
	g_auto(GStrv) old = g_strsplit(lines, "\n", -1);
	g_autoptr(GString) out = g_string_new(lines);
	bool is_new = false;

	for (size_t i = 0; more[i]; i++) {
		g_autofree char *line = g_strdup(more[i]);
		bool has = false;

		g_strdelimit(line, "\r\n", ' ');
		for (char **k = old; *k; k++)
			has = has || g_ascii_strcasecmp(*k, line) == 0;
		if (has)
			continue;
		g_string_append_printf(out, "%s%s", out->len ? "\n" : "", line);
		is_new = true;
	}
	return is_new ? g_strdup(out->str) : NULL;
}

static int keywords_load(struct store *store, int64_t message, char **ret_lines,
			 struct fault *fault)
{
	ROWS rows = {0};

	if (rows_open(store, &rows, fault,
		      "SELECT keywords FROM hierarchy WHERE id = ?", "i",
		      message) ||
	    rows_next(&rows, fault) < 0)
		return -1;
	*ret_lines = rows_text(&rows, 0);
	return 0;
}

int store_message_add_keywords(struct store *store, int64_t message,
			       const char *const *keywords, struct fault *fault)
{
	struct counter_change none = {0};
	g_autofree char *lines = NULL;
	g_autofree char *joined = NULL;
	struct copy_row row;
	int64_t change;

	if (message_living(store, message, &row, fault) ||
	    keywords_load(store, message, &lines, fault))
		return -1;
	joined = keywords_join(lines, keywords);
	if (!joined)
		return 0;
	if (folder_count(store, row.store, row.folder, &none, &change, fault))
		return -1;
	return sql_run(store, fault,
		       "UPDATE hierarchy SET keywords = ?, change = ?"
		       " WHERE id = ?",
		       "tii", joined, change, message);
}

int store_message_set_property(struct store *store, int64_t message,
			       const struct prop *prop, struct fault *fault)
{
	struct counter_change none = {0};
	struct copy_row row;
	int64_t change;

	if (PROP_ID(prop->tag) >= PROP_ID_NAMED)
		return fault_set(fault, FAULT_BAD_ARGUMENT,
				 "a named property cannot be set at a copy");
	if (message_living(store, message, &row, fault) ||
	    property_put(store, message, prop, fault) ||
	    folder_count(store, row.store, row.folder, &none, &change, fault))
		return -1;
	return sql_run(store, fault,
		       "UPDATE hierarchy SET change = ? WHERE id = ?", "ii",
		       change, message);
}
