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

int orphan_take(struct store *store, int64_t orphan, const char *name,
		struct fault *fault)
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
