/*
 * Stores without an owner: kept when their users went, until a new user takes
 * one.
 */
#include "store_internal.h"

/* The first store is the public one. */
#define ORPHANS                                                                \
 " FROM hierarchy s WHERE s.type = 1 AND s.deleted IS NULL"                    \
 " AND s.id > (SELECT min(id) FROM hierarchy WHERE type = 1)"                  \
 " AND NOT EXISTS (SELECT 1 FROM users u WHERE u.store = s.id)"

static int orphan_need(struct store *store, int64_t orphan, struct fault *fault)
{
	int64_t count;

	if (sql_get(store, fault, &count,
		    "SELECT count(*)" ORPHANS " AND s.id = ?", "i", orphan) < 0)
		return -1;
	if (count == 0)
		return fault_set(fault, FAULT_NOT_FOUND,
				 "%" G_GINT64_FORMAT " is no store without an "
				 "owner ('okapi-admin store orphans' lists "
				 "them)",
				 orphan);
	return 0;
}

int orphan_take(struct store *store, int64_t orphan, const char *name,
		struct fault *fault)
{
	if (orphan_need(store, orphan, fault))
		return -1;
	return sql_run(store, fault,
		       "UPDATE hierarchy SET name = ? WHERE id = ?", "ti", name,
		       orphan);
}

int orphan_leave(struct store *store, int64_t store_id, struct fault *fault)
{
	return sql_run(store, fault,
		       "UPDATE hierarchy SET name = name ||"
		       " ' (without owner)' WHERE id = ?",
		       "i", store_id);
}

/* The store and its folders are marked deleted, so that nothing is put there
 * or shown any more; messages are what the purge finds there, however many. */
int orphan_delete(struct store *store, int64_t store_id, struct fault *fault)
{
	int64_t now = g_get_real_time();
	int64_t change;

	if (store_bump(store, store_id, &change, fault) ||
	    sql_run(store, fault,
		    "WITH RECURSIVE tree (id) AS (SELECT ?1 UNION ALL"
		    " SELECT h.id FROM tree t JOIN hierarchy h"
		    "  ON h.parent = t.id AND h.type = 2"
		    "  AND h.deleted IS NULL)"
		    " UPDATE hierarchy SET deleted = ?2, change = ?3"
		    " WHERE id IN (SELECT id FROM tree)",
		    "iii", store_id, now, change))
		return -1;
	/* What waits in the queue is sent, but nobody's now. */
	return sql_run(store, fault,
		       "UPDATE outgoingqueue SET store = NULL, message = NULL"
		       " WHERE store = ?",
		       "i", store_id);
}

int store_orphan_remove(struct store *store, int64_t orphan,
			struct fault *fault)
{
	if (store_need_unit(store, fault) || orphan_need(store, orphan, fault))
		return -1;
	return orphan_delete(store, orphan, fault);
}

static void orphan_free(gpointer data)
{
	struct store_orphan *orphan = data;

	g_free(orphan->name);
	g_free(orphan);
}

int store_orphan_list(struct store *store, GPtrArray **ret_orphans,
		      struct fault *fault)
{
	g_autoptr(GPtrArray) orphans =
		g_ptr_array_new_with_free_func(orphan_free);
	ROWS rows = {0};
	int rc;

	if (rows_open(store, &rows, fault,
		      "SELECT s.id, s.name, s.messages, s.size" ORPHANS
		      " ORDER BY s.id",
		      ""))
		return -1;
	while ((rc = rows_next(&rows, fault)) == 1) {
		struct store_orphan *orphan = g_new0(struct store_orphan, 1);

		orphan->id = rows_int(&rows, 0);
		orphan->name = rows_text(&rows, 1);
		orphan->messages = rows_int(&rows, 2);
		orphan->size = rows_int(&rows, 3);
		g_ptr_array_add(orphans, orphan);
	}
	if (rc < 0)
		return -1;
	*ret_orphans = g_steal_pointer(&orphans);
	return 0;
}
