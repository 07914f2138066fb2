/*
 * Copies: the small rows of messages in folders, and what keeps counters true
 * when they come, go, move and change.
 */
#include "store_internal.h"

#include <string.h>

static bool copy_is_unread(unsigned flags)
{
	return !(flags & MESSAGE_READ);
}

int copy_insert(struct store *store, const struct copy_new *copy,
		int64_t *ret_message, struct fault *fault)
{
	struct counter_change by = {1, copy_is_unread(copy->flags), copy->size};
	int64_t change = copy->change;
	int rc = change ? folder_count_as(store, copy->store, copy->folder, &by,
					  change, fault)
			: folder_count(store, copy->store, copy->folder, &by,
				       &change, fault);

	if (rc || sql_run(store, fault,
			  "INSERT INTO hierarchy (type, parent, store, content,"
			  " change, flags, size, received, trace, keywords)"
			  " VALUES (3, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
			  "iiiidiitt", copy->folder, copy->store, copy->content,
			  change, (int)copy->flags, copy->size, copy->received,
			  copy->trace && copy->trace[0] ? copy->trace : NULL,
			  copy->keywords && copy->keywords[0] ? copy->keywords
							      : NULL))
		return -1;
	*ret_message = sqlite3_last_insert_rowid(store->db);
	return 0;
}

int copy_get(struct store *store, int64_t message, struct copy_row *ret_row,
	     struct fault *fault)
{
	ROWS rows = {0};

	if (rows_open(store, &rows, fault,
		      "SELECT store, parent, content, size, deleted, origin,"
		      " flags FROM hierarchy WHERE id = ? AND type = 3",
		      "i", message))
		return -1;
	if (rows_first(&rows, "message", message, fault))
		return -1;
	*ret_row = (struct copy_row){
		.id = message,
		.store = rows_int(&rows, 0),
		.folder = rows_int(&rows, 1),
		.content = rows_int(&rows, 2),
		.size = rows_int(&rows, 3),
		.deleted = rows_int(&rows, 4),
		.origin = rows_int(&rows, 5),
		.flags = (unsigned)rows_int(&rows, 6),
	};
	return 0;
}

/* What a copy weighs in the counters. */
static struct counter_change copy_weight(const struct copy_row *row, int sign)
{
	return (struct counter_change){
		.messages = sign,
		.unread = copy_is_unread(row->flags) ? sign : 0,
		.size = sign * row->size,
	};
}

/* The store of a folder that is to get a copy. */
static int copy_target(struct store *store, int64_t folder, int64_t *ret_store,
		       struct fault *fault)
{
	if (folder_store(store, folder, ret_store, fault))
		return -1;
	return *ret_store == folder ? fault_set(fault, FAULT_BAD_ARGUMENT,
						"messages live in folders")
				    : 0;
}

int copy_duplicate(struct store *store, const struct copy_row *row,
		   int64_t folder, int64_t *ret_message, struct fault *fault)
{
	struct counter_change on = copy_weight(row, 1);
	int64_t target;
	int64_t change;
	int64_t id;

	if (copy_target(store, folder, &target, fault) ||
	    folder_count(store, target, folder, &on, &change, fault) ||
	    sql_run(store, fault,
		    "INSERT INTO hierarchy (type, parent, store, content,"
		    " change, flags, size, received, trace, keywords)"
		    " SELECT 3, ?, ?, content, ?, ?, size, received,"
		    " trace, keywords FROM hierarchy WHERE id = ?",
		    "iiidi", folder, target, change, (int)row->flags, row->id))
		return -1;
	id = sqlite3_last_insert_rowid(store->db);
	*ret_message = id;
	return sql_run(store, fault,
		       "INSERT INTO properties (object, tag, value)"
		       " SELECT ?, tag, value FROM properties WHERE object = ?",
		       "ii", id, row->id);
}

int copy_move_within(struct store *store, const struct copy_row *row,
		     int64_t folder, int64_t origin, unsigned flags,
		     struct fault *fault)
{
	struct copy_row moved = *row;
	struct counter_change off = copy_weight(row, -1);
	struct counter_change on;
	int64_t change;

	moved.flags = flags;
	on = copy_weight(&moved, 1);
	if (folder_count_move(store, row->store, row->folder, &off, folder, &on,
			      &change, fault))
		return -1;
	return sql_run(store, fault,
		       "UPDATE hierarchy SET parent = ?, change = ?,"
		       " origin = ?, flags = ? WHERE id = ?",
		       "iiIdi", folder, change, origin, (int)flags, row->id);
}

int copy_move(struct store *store, const struct copy_row *row, int64_t folder,
	      int64_t origin, struct fault *fault)
{
	int64_t target;
	int64_t copy;

	if (copy_target(store, folder, &target, fault))
		return -1;
	if (target == row->store)
		return copy_move_within(store, row, folder, origin, row->flags,
					fault);
	/* Clients of the old store see it deleted. */
	if (copy_duplicate(store, row, folder, &copy, fault))
		return -1;
	return copy_mark_deleted(store, row, g_get_real_time(), fault);
}

int copy_set_flags(struct store *store, const struct copy_row *row,
		   unsigned flags, struct fault *fault)
{
	struct counter_change by = {0};
	int64_t change;

	if (flags == row->flags)
		return 0;
	if (!row->deleted)
		by.unread = (int64_t)copy_is_unread(flags) -
			    (int64_t)copy_is_unread(row->flags);
	if (folder_count(store, row->store, row->folder, &by, &change, fault))
		return -1;
	return sql_run(store, fault,
		       "UPDATE hierarchy SET flags = ?, change = ?"
		       " WHERE id = ?",
		       "dii", (int)flags, change, row->id);
}

int copy_mark_deleted(struct store *store, const struct copy_row *row,
		      int64_t now, struct fault *fault)
{
	struct counter_change off = copy_weight(row, -1);
	int64_t change;

	if (folder_count(store, row->store, row->folder, &off, &change, fault))
		return -1;
	return sql_run(store, fault,
		       "UPDATE hierarchy SET deleted = ?, change = ?"
		       " WHERE id = ?",
		       "iii", now, change, row->id);
}
