/*
 * The tree of folders: listing with paths and counters, deleting.
 */
#include "store_internal.h"

#include <string.h>

void store_folder_free(struct store_folder *folder)
{
	if (!folder)
		return;
	g_free(folder->path);
	g_free(folder);
}

static void folder_free_element(gpointer folder)
{
	store_folder_free(folder);
}

/* In the order of a tree: role folders first, then by name, each followed by
 * what is below it.  place holds one sortable piece per level. */
int store_folder_list(struct store *store, int64_t store_id,
		      GPtrArray **ret_folders, struct fault *fault)
{
	g_autoptr(GPtrArray) folders =
		g_ptr_array_new_with_free_func(folder_free_element);
	ROWS rows = {0};
	int rc;

	if (rows_open(store, &rows, fault,
		      "WITH RECURSIVE tree (id, role, path, place, messages,"
		      " unread, size) AS ("
		      " SELECT id, role, replace(name, '/', '\\/'),"
		      "  printf('%02d', iif(role, role, 99)) || name_key"
		      "   || char(1),"
		      "  messages, unread, size FROM hierarchy"
		      "  WHERE parent = ?1 AND type = 2 AND deleted IS NULL"
		      " UNION ALL"
		      " SELECT h.id, h.role,"
		      "  t.path || '/' || replace(h.name, '/', '\\/'),"
		      "  t.place || h.name_key || char(1),"
		      "  h.messages, h.unread, h.size"
		      "  FROM tree t JOIN hierarchy h ON h.parent = t.id"
		      "  WHERE h.type = 2 AND h.deleted IS NULL)"
		      " SELECT id, role, path, messages, unread, size FROM tree"
		      " ORDER BY place",
		      "i", store_id))
		return -1;
	while ((rc = rows_next(&rows, fault)) == 1) {
		struct store_folder *folder = g_new0(struct store_folder, 1);

		folder->id = rows_int(&rows, 0);
		folder->role = (enum folder_role)rows_int(&rows, 1);
		folder->path = rows_text(&rows, 2);
		folder->messages = rows_int(&rows, 3);
		folder->unread = rows_int(&rows, 4);
		folder->size = rows_int(&rows, 5);
		g_ptr_array_add(folders, folder);
	}
	if (rc)
		return -1;
	*ret_folders = g_steal_pointer(&folders);
	return 0;
}

int store_folder_get(struct store *store, int64_t folder,
		     struct store_folder **ret_folder, struct fault *fault)
{
	g_autoptr(GString) path = g_string_new(NULL);
	struct store_folder *found = NULL;
	ROWS rows = {0};
	int rc;

	/* From the top down. */
	if (rows_open(store, &rows, fault,
		      "WITH RECURSIVE up (id, parent, depth) AS ("
		      " SELECT id, parent, 0 FROM hierarchy WHERE id = ?1"
		      "  AND type = 2 AND deleted IS NULL"
		      " UNION ALL SELECT h.id, h.parent, up.depth + 1"
		      "  FROM up JOIN hierarchy h ON h.id = up.parent)"
		      " SELECT h.id, h.name, h.role, h.messages, h.unread,"
		      "  h.size FROM up JOIN hierarchy h ON h.id = up.id"
		      "  WHERE h.type = 2 ORDER BY up.depth DESC",
		      "i", folder))
		return -1;
	while ((rc = rows_next(&rows, fault)) == 1) {
		if (path->len)
			g_string_append_c(path, '/');
		folder_append_name(path, rows_peek(&rows, 1));
		if (rows_int(&rows, 0) != folder)
			continue;
		found = g_new0(struct store_folder, 1);
		found->id = folder;
		found->role = (enum folder_role)rows_int(&rows, 2);
		found->messages = rows_int(&rows, 3);
		found->unread = rows_int(&rows, 4);
		found->size = rows_int(&rows, 5);
		found->path = g_strdup(path->str);
	}
	if (rc < 0) {
		store_folder_free(found);
		return -1;
	}
	if (!found)
		return fault_set(fault, FAULT_NOT_FOUND,
				 "no folder %" G_GINT64_FORMAT, folder);
	*ret_folder = found;
	return 0;
}

void folder_row_clear(struct folder_row *row)
{
	g_free(row->name);
}

int folder_row_get(struct store *store, int64_t folder,
		   struct folder_row *ret_row, struct fault *fault)
{
	ROWS rows = {0};

	if (rows_open(store, &rows, fault,
		      "SELECT store, parent, role, name FROM hierarchy"
		      " WHERE id = ? AND type = 2 AND deleted IS NULL",
		      "i", folder))
		return -1;
	if (rows_first(&rows, "folder", folder, fault))
		return -1;
	ret_row->id = folder;
	ret_row->store = rows_int(&rows, 0);
	ret_row->parent = rows_int(&rows, 1);
	ret_row->role = (enum folder_role)rows_int(&rows, 2);
	ret_row->name = rows_text(&rows, 3);
	return 0;
}

/* A folder that may be deleted. */
static int folder_get_plain(struct store *store, int64_t folder,
			    struct folder_row *ret_row, struct fault *fault)
{
	if (folder_row_get(store, folder, ret_row, fault))
		return -1;
	if (ret_row->role != FOLDER_PLAIN)
		return fault_set(fault, FAULT_NOT_ALLOWED,
				 "the folder %s belongs to the store: it stays",
				 ret_row->name);
	return 0;
}

/* The folder, all below it and all messages in these are marked deleted. */
static int folder_mark_deleted(struct store *store,
			       const struct folder_row *row,
			       struct fault *fault)
{
	int64_t now = g_get_real_time();
	int64_t change;

	store->settings_touched = true;
	if (store_bump(store, row->store, &change, fault) ||
	    sql_run(store, fault,
		    "WITH RECURSIVE tree (id) AS (SELECT ?1 UNION ALL"
		    " SELECT h.id FROM tree t JOIN hierarchy h"
		    "  ON h.parent = t.id AND h.type IN (2, 3))"
		    " UPDATE hierarchy SET deleted = ?2, change = ?3"
		    " WHERE id IN (SELECT id FROM tree) AND deleted IS NULL",
		    "iii", row->id, now, change))
		return -1;
	/* Counters: the folders' go to the store's. */
	if (sql_run(store, fault,
		    "WITH RECURSIVE tree (id) AS (SELECT ?1 UNION ALL"
		    " SELECT h.id FROM tree t JOIN hierarchy h"
		    "  ON h.parent = t.id AND h.type = 2),"
		    " sums (m, u, s) AS (SELECT sum(messages), sum(unread),"
		    "  sum(size) FROM hierarchy"
		    "  WHERE id IN (SELECT id FROM tree))"
		    " UPDATE hierarchy SET messages = messages - sums.m,"
		    "  unread = unread - sums.u, size = hierarchy.size - sums.s"
		    " FROM sums WHERE hierarchy.id = ?2",
		    "ii", row->id, row->store))
		return -1;
	return sql_run(store, fault,
		       "WITH RECURSIVE tree (id) AS (SELECT ?1 UNION ALL"
		       " SELECT h.id FROM tree t JOIN hierarchy h"
		       "  ON h.parent = t.id AND h.type = 2)"
		       " UPDATE hierarchy SET messages = 0, unread = 0,"
		       " size = 0 WHERE id IN (SELECT id FROM tree)",
		       "i", row->id);
}

static int folder_move(struct store *store, const struct folder_row *row,
		       int64_t parent, struct fault *fault)
{
	g_autofree char *name = NULL;
	g_autofree char *key = NULL;
	int64_t change;

	if (folder_free_name(store, parent, row->name, &name, fault) ||
	    store_bump(store, row->store, &change, fault))
		return -1;
	key = address_fold(name);
	return sql_run(store, fault,
		       "UPDATE hierarchy SET origin = parent, parent = ?,"
		       " name = ?, name_key = ?, change = ? WHERE id = ?",
		       "ittii", parent, name, key, change, row->id);
}

int store_folder_delete(struct store *store, int64_t folder,
			struct fault *fault)
{
	FOLDER_ROW row = {0};
	int64_t wastebasket = 0;
	int below = 1;
	int rc;

	if (store_need_unit(store, fault) ||
	    folder_get_plain(store, folder, &row, fault))
		return -1;
	rc = folder_with_role(store, row.store, FOLDER_DELETED, &wastebasket,
			      fault);
	if (rc < 0)
		return -1;
	if (rc == 1)
		below = folder_is_below(store, folder, wastebasket, fault);
	if (below < 0)
		return -1;
	if (below == 0)
		return folder_move(store, &row, wastebasket, fault);
	/* In Deleted Items already, or in a store without one (the public). */
	return folder_mark_deleted(store, &row, fault);
}
