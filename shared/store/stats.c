/*
 * Figures of the whole store, and of its users.
 */
#include "lob.h"

#include <sys/stat.h>

static int stats_count_lob(const struct lob_name *name, int64_t mtime_s,
			   void *context, struct fault *fault)
{
	int64_t *count = context;

	(void)name;
	(void)mtime_s;
	(void)fault;
	(*count)++;
	return 0;
}

int store_get_stats(struct store *store, struct store_stats *ret_stats,
		    struct fault *fault)
{
	struct store_stats stats = {0};
	struct stat st;

	if (sql_get(store, fault, &stats.users,
		    "SELECT count(*) FROM users WHERE kind = 1", "") < 0 ||
	    sql_get(store, fault, &stats.messages,
		    "SELECT coalesce(sum(messages), 0) FROM hierarchy"
		    " WHERE type = 1 AND deleted IS NULL",
		    "") < 0 ||
	    sql_get(store, fault, &stats.size,
		    "SELECT coalesce(sum(size), 0) FROM hierarchy"
		    " WHERE type = 1 AND deleted IS NULL",
		    "") < 0 ||
	    sql_get(store, fault, &stats.contents,
		    "SELECT count(*) FROM hierarchy WHERE lob IS NOT NULL",
		    "") < 0 ||
	    sql_get(store, fault, &stats.deleted,
		    "SELECT (SELECT count(*) FROM hierarchy"
		    "  WHERE deleted IS NOT NULL AND type = 3)"
		    " + (SELECT coalesce(sum(messages), 0) FROM hierarchy"
		    "  WHERE deleted IS NOT NULL AND type = 1)",
		    "") < 0 ||
	    sql_get(store, fault, &stats.queue,
		    "SELECT count(*) FROM outgoingqueue", "") < 0 ||
	    sql_get(store, fault, &stats.queue_recipients,
		    "SELECT count(*) FROM outgoingrecipients", "") < 0 ||
	    sql_get(store, fault, &stats.schema_version, "PRAGMA user_version",
		    "") < 0 ||
	    lob_each(store->path, stats_count_lob, &stats.lob_files, fault))
		return -1;
	if (stat(store->path, &st) == 0)
		stats.file_size = st.st_size;
	*ret_stats = stats;
	return 0;
}

void store_user_stats_free(struct store_user_stats *stats)
{
	if (!stats)
		return;
	g_free(stats->name);
	g_free(stats);
}

/* What is marked deleted is looked up by its index, once for all. */
#define STATS_USERS                                                            \
 "WITH gone (store, count, size) AS (SELECT store, count(*), sum(size)"        \
 "  FROM hierarchy WHERE deleted IS NOT NULL AND type = 3 GROUP BY store),"    \
 " sent (store, count) AS (SELECT store, count(*) FROM outgoingqueue"          \
 "  WHERE store IS NOT NULL GROUP BY store)"                                   \
 " SELECT u.name, s.messages, s.unread, s.size, gone.count, gone.size,"        \
 "  sent.count FROM users u JOIN hierarchy s ON s.id = u.store"                \
 "  LEFT JOIN gone ON gone.store = u.store"                                    \
 "  LEFT JOIN sent ON sent.store = u.store WHERE u.kind = 1"

int store_list_user_stats(struct store *store, const char *name,
			  GPtrArray **ret_stats, struct fault *fault)
{
	g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(
		(GDestroyNotify)store_user_stats_free);
	int64_t id = 0;
	ROWS rows = {0};
	int rc;

	if (name && user_id_by_name(store, name, USER_PERSON, &id, fault))
		return -1;
	rc = name ? rows_open(store, &rows, fault, STATS_USERS " AND u.id = ?",
			      "i", id)
		  : rows_open(store, &rows, fault,
			      STATS_USERS " ORDER BY u.name_key", "");
	while (rc == 0 && (rc = rows_next(&rows, fault)) == 1) {
		struct store_user_stats *user =
			g_new0(struct store_user_stats, 1);

		user->name = rows_text(&rows, 0);
		user->messages = rows_int(&rows, 1);
		user->unread = rows_int(&rows, 2);
		user->size = rows_int(&rows, 3);
		user->deleted = rows_int(&rows, 4);
		user->deleted_size = rows_int(&rows, 5);
		user->queue = rows_int(&rows, 6);
		g_ptr_array_add(all, user);
		rc = 0;
	}
	if (rc)
		return -1;
	*ret_stats = g_steal_pointer(&all);
	return 0;
}
