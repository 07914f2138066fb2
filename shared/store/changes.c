/*
 * What changed since a number.  Every object of a store carries the number of
 * its last change; deleted ones stay as tombstones until they are purged, and
 * the store remembers the highest number that was purged: its horizon.
 */
#include "changes.h"

#include "store_internal.h"

static int changes_read(struct store *store, int64_t store_id,
			int64_t *ret_last, int64_t *ret_horizon,
			struct fault *fault)
{
	ROWS rows = {0};

	if (rows_open(store, &rows, fault,
		      "SELECT change, horizon FROM hierarchy"
		      " WHERE id = ? AND type = 1",
		      "i", store_id))
		return -1;
	if (rows_first(&rows, "store", store_id, fault))
		return -1;
	*ret_last = rows_int(&rows, 0);
	*ret_horizon = rows_int(&rows, 1);
	return 0;
}

/* Who begins at 0 knows nothing yet and misses no deletion. */
static int changes_resync(int64_t since, int64_t horizon, struct fault *fault)
{
	if (since == 0 || since >= horizon)
		return 0;
	return fault_set(fault, FAULT_RESYNC,
			 "resync: deletions up to change %" G_GINT64_FORMAT
			 " have been purged",
			 horizon);
}

int store_changes_last(struct store *store, int64_t store_id, int64_t *ret_last,
		       struct fault *fault)
{
	int64_t horizon = 0;

	return changes_read(store, store_id, ret_last, &horizon, fault);
}

int store_changes_check(struct store *store, int64_t store_id, int64_t since,
			int64_t *ret_last, struct fault *fault)
{
	int64_t last = 0;
	int64_t horizon = 0;

	if (changes_read(store, store_id, &last, &horizon, fault) ||
	    changes_resync(since, horizon, fault))
		return -1;
	if (since > last)
		return fault_set(fault, FAULT_RESYNC,
				 "resync: the last change is %" G_GINT64_FORMAT,
				 last);
	*ret_last = last;
	return 0;
}

int store_changes(struct store *store, int64_t store_id, int64_t since,
		  int (*each)(const struct store_change *change, void *context,
			      struct fault *fault),
		  void *context, struct fault *fault)
{
	ROWS rows = {0};
	int rc;

	/* The horizon is read with each row: one statement sees one state. */
	if (rows_open(store, &rows, fault,
		      "SELECT h.change, h.type, h.id, h.parent,"
		      " h.deleted IS NOT NULL, s.horizon"
		      " FROM hierarchy h JOIN hierarchy s ON s.id = h.store"
		      " WHERE h.store = ? AND h.change > ? AND h.type IN (2, 3)"
		      " ORDER BY h.change, h.id",
		      "ii", store_id, since))
		return -1;
	while ((rc = rows_next(&rows, fault)) == 1) {
		struct store_change change = {
			.change = rows_int(&rows, 0),
			.kind = rows_int(&rows, 1) == OBJECT_FOLDER ? "folder"
								    : "message",
			.object = rows_int(&rows, 2),
			.folder = rows_int(&rows, 3),
			.deleted = rows_int(&rows, 4) != 0,
		};

		if (changes_resync(since, rows_int(&rows, 5), fault) ||
		    each(&change, context, fault))
			return -1;
	}
	return rc;
}
