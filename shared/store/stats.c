/*
 * Figures of the whole store.
 */
#include "store_internal.h"

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
		    " WHERE type = 1",
		    "") < 0 ||
	    sql_get(store, fault, &stats.size,
		    "SELECT coalesce(sum(size), 0) FROM hierarchy"
		    " WHERE type = 1",
		    "") < 0 ||
	    sql_get(store, fault, &stats.contents,
		    "SELECT count(*) FROM hierarchy WHERE lob IS NOT NULL",
		    "") < 0 ||
	    sql_get(store, fault, &stats.deleted,
		    "SELECT count(*) FROM hierarchy"
		    " WHERE deleted IS NOT NULL AND type = 3",
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
