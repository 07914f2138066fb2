/*
 * The queue's work: claiming what is due, recording what came of it.
 */
#include "store_internal.h"

#include <string.h>

/* Ids of messages that are due, by time; priority is for fresh ones. */
static int claim_find(struct store *store, const char *sql, int priority,
		      int64_t now, size_t limit, GArray *ids,
		      struct fault *fault)
{
	ROWS rows = {0};
	int rc;

	if (ids->len >= limit)
		return 0;
	if (rows_open(store, &rows, fault, sql, "id", now, priority))
		return -1;
	while (ids->len < limit && (rc = rows_next(&rows, fault))) {
		int64_t id;
		bool is_known = false;

		if (rc < 0)
			return -1;
		id = rows_int(&rows, 0);
		for (guint i = 0; i < ids->len; i++)
			is_known |= g_array_index(ids, int64_t, i) == id;
		if (!is_known)
			g_array_append_val(ids, id);
	}
	return 0;
}

/* Fresh ones before those that failed before, the more urgent first. */
static int claim_find_all(struct store *store, int64_t now, size_t limit,
			  GArray *ids, struct fault *fault)
{
	static const char fresh[] =
		"SELECT r.queue FROM outgoingrecipients r"
		" JOIN outgoingqueue q ON q.id = r.queue"
		" WHERE r.state = 0 AND r.attempts = 0 AND r.priority = ?2"
		" AND r.next_attempt <= ?1 AND q.held = 0"
		" AND q.lease_owner IS NULL ORDER BY r.next_attempt";
	static const char again[] =
		"SELECT r.queue FROM outgoingrecipients r"
		" JOIN outgoingqueue q ON q.id = r.queue"
		" WHERE r.state = 0 AND r.attempts > 0 AND ?2 = 0"
		" AND r.next_attempt <= ?1 AND q.held = 0"
		" AND q.lease_owner IS NULL ORDER BY r.next_attempt";

	for (int p = QUEUE_PRIORITY_HIGH; p >= QUEUE_PRIORITY_LOW; p--)
		if (claim_find(store, fresh, p, now, limit, ids, fault))
			return -1;
	return claim_find(store, again, 0, now, limit, ids, fault);
}

static int claim_one(struct store *store, int64_t id, int64_t now,
		     struct fault *fault)
{
	if (sql_run(store, fault,
		    "UPDATE outgoingqueue SET lease_owner = ?,"
		    " lease_expires = ? WHERE id = ?",
		    "tii", lease_owner_of(store),
		    lease_clock() + LEASE_LIFETIME_US, id))
		return -1;
	return sql_run(store, fault,
		       "UPDATE outgoingrecipients SET state = 1"
		       " WHERE queue = ? AND state = 0 AND next_attempt <= ?",
		       "ii", id, now);
}

/* The entry with the recipients that were claimed, and only those; those that
 * failed apart. */
static int claim_load(struct store *store, int64_t id,
		      struct queue_entry **ret_entry, struct fault *fault)
{
	AUTO(queue_entry) entry = NULL;

	if (store_queue_get(store, id, &entry, fault))
		return -1;
	for (guint i = entry->recipients->len; i-- > 0;) {
		struct queue_recipient *r =
			g_ptr_array_index(entry->recipients, i);

		if (r->state == QUEUE_RCPT_FAILED)
			g_ptr_array_insert(
				entry->failed, 0,
				g_ptr_array_steal_index(entry->recipients, i));
		else if (r->state != QUEUE_RCPT_SENDING)
			g_ptr_array_remove_index(entry->recipients, i);
	}
	*ret_entry = g_steal_pointer(&entry);
	return 0;
}

static void claim_free_element(gpointer entry)
{
	queue_entry_free(entry);
}

int store_queue_heartbeat(struct store *store, struct fault *fault)
{
	if (store_need_unit(store, fault))
		return -1;
	return sql_run(store, fault,
		       "UPDATE outgoingqueue SET lease_expires = ?"
		       " WHERE lease_owner = ?",
		       "it", lease_clock() + LEASE_LIFETIME_US,
		       lease_owner_of(store));
}

int store_queue_claim(struct store *store, int64_t now, size_t limit,
		      GPtrArray **ret_entries, struct fault *fault)
{
	g_autoptr(GPtrArray) entries =
		g_ptr_array_new_with_free_func(claim_free_element);
	g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(int64_t));

	if (store_need_unit(store, fault) || lease_reap(store, now, fault) ||
	    claim_find_all(store, now, limit, ids, fault))
		return -1;
	for (guint i = 0; i < ids->len; i++) {
		int64_t id = g_array_index(ids, int64_t, i);
		struct queue_entry *entry;

		if (claim_one(store, id, now, fault) ||
		    claim_load(store, id, &entry, fault))
			return -1;
		g_ptr_array_add(entries, entry);
	}
	*ret_entries = g_steal_pointer(&entries);
	return 0;
}

/* The claim is over: what has no result waits again. */
static int claim_end(struct store *store, int64_t id, struct fault *fault)
{
	if (sql_run(store, fault,
		    "UPDATE outgoingrecipients SET state = 0"
		    " WHERE queue = ? AND state = 1",
		    "i", id))
		return -1;
	if (sqlite3_changes(store->db))
		store->touched |= STORE_TOUCHED_QUEUE;
	return sql_run(store, fault,
		       "UPDATE outgoingqueue SET lease_owner = NULL,"
		       " lease_expires = NULL WHERE id = ?",
		       "i", id);
}

/* A claim must be this process's. */
static int claim_check(struct store *store, int64_t id, struct fault *fault)
{
	int64_t is_ours;
	int rc;

	if (store_need_unit(store, fault))
		return -1;
	rc = sql_get(store, fault, &is_ours,
		     "SELECT lease_owner IS ? FROM outgoingqueue WHERE id = ?",
		     "ti", lease_owner_of(store), id);
	if (rc < 0)
		return -1;
	if (rc == 0)
		return fault_set(fault, FAULT_NOT_FOUND,
				 "no message %" G_GINT64_FORMAT " in the queue",
				 id);
	if (!is_ours)
		return fault_set(fault, FAULT_STORE_BUSY,
				 "message %" G_GINT64_FORMAT
				 " is not claimed by this process",
				 id);
	return 0;
}

int store_queue_unclaim(struct store *store, int64_t id, struct fault *fault)
{
	if (claim_check(store, id, fault))
		return -1;
	return claim_end(store, id, fault);
}

/* Leases whose owner is gone are work that is due now. */
static int claim_next_lease(struct store *store, int64_t *ret_time,
			    struct fault *fault)
{
	ROWS rows = {0};
	int rc;

	if (rows_open(store, &rows, fault,
		      "SELECT lease_owner, max(lease_expires)"
		      " FROM outgoingqueue WHERE lease_owner IS NOT NULL"
		      " GROUP BY lease_owner",
		      ""))
		return -1;
	while ((rc = rows_next(&rows, fault)) == 1) {
		const char *owner = rows_peek(&rows, 0);
		int64_t expires = rows_int(&rows, 1);

		if (strcmp(owner, lease_owner_of(store)) == 0)
			continue;
		if (lease_is_over(owner, expires))
			*ret_time = 0;
		else if (lease_owner_state(owner) == LEASE_UNSEEN)
			*ret_time = MIN(*ret_time, g_get_real_time() + expires -
							   lease_clock());
	}
	return rc;
}

/* The first fresh recipient of a priority, as the index has them. */
static int claim_next_fresh(struct store *store, int64_t *ret_time,
			    struct fault *fault)
{
	for (int p = QUEUE_PRIORITY_LOW; p <= QUEUE_PRIORITY_HIGH; p++) {
		int64_t time = INT64_MAX;

		if (sql_get(store, fault, &time,
			    "SELECT r.next_attempt FROM outgoingrecipients r"
			    " JOIN outgoingqueue q ON q.id = r.queue"
			    " WHERE r.state = 0 AND r.attempts = 0"
			    " AND r.priority = ? AND q.held = 0"
			    " AND q.lease_owner IS NULL"
			    " ORDER BY r.next_attempt LIMIT 1",
			    "d", p) < 0)
			return -1;
		*ret_time = MIN(*ret_time, time);
	}
	return 0;
}

int store_queue_next_due(struct store *store, int64_t *ret_time,
			 struct fault *fault)
{
	int64_t fresh = INT64_MAX;
	int64_t again = INT64_MAX;
	int64_t lease = INT64_MAX;

	if (claim_next_fresh(store, &fresh, fault) ||
	    sql_get(store, fault, &again,
		    "SELECT r.next_attempt FROM outgoingrecipients r"
		    " JOIN outgoingqueue q ON q.id = r.queue"
		    " WHERE r.state = 0 AND r.attempts > 0 AND q.held = 0"
		    " AND q.lease_owner IS NULL"
		    " ORDER BY r.next_attempt LIMIT 1",
		    "") < 0 ||
	    claim_next_lease(store, &lease, fault))
		return -1;
	*ret_time = MIN(MIN(fresh, again), lease);
	return 0;
}

/* ---- the clock on the wall ------------------------------------------------
 */

int store_queue_reclock(struct store *store, int64_t now, int64_t retry_max,
			struct fault *fault)
{
	int changes;

	if (store_need_unit(store, fault) ||
	    sql_run(store, fault,
		    "UPDATE outgoingrecipients SET next_attempt = ?1"
		    " WHERE state = 0 AND attempts > 0 AND next_attempt > ?1",
		    "i", now + retry_max))
		return -1;
	changes = sqlite3_changes(store->db);
	if (sql_run(store, fault,
		    "UPDATE outgoingrecipients SET next_attempt = ?1"
		    " WHERE state = 0 AND attempts = 0 AND next_attempt > ?1"
		    " AND priority IN (-1, 0, 1) AND next_attempt <="
		    " (SELECT submitted FROM outgoingqueue"
		    " WHERE id = queue)",
		    "i", now))
		return -1;
	if (changes + sqlite3_changes(store->db))
		store->touched |= STORE_TOUCHED_QUEUE;
	return 0;
}

/* ---- results -------------------------------------------------------------
 */

static int result_record(struct store *store, int64_t queue,
			 const struct queue_result *result, struct fault *fault)
{
	if (sql_run(store, fault,
		    "UPDATE outgoingrecipients SET state = ?,"
		    " attempts = attempts + 1, next_attempt = ?,"
		    " last_reply = ?, last_status = ?"
		    " WHERE id = ? AND queue = ?",
		    "dittii", (int)result->state, result->next_attempt,
		    result->reply ? result->reply : "",
		    result->status ? result->status : "", result->recipient,
		    queue))
		return -1;
	if (!sqlite3_changes(store->db))
		return fault_set(fault, FAULT_NOT_FOUND,
				 "no recipient %" G_GINT64_FORMAT
				 " in message %" G_GINT64_FORMAT
				 " of the queue",
				 result->recipient, queue);
	return 0;
}

struct queue_row {
	int64_t store;
	int64_t message;
	bool is_report;
	char *reverse_path;
	int64_t waiting;
	int64_t sent;
	int64_t report; /* in the Inbox, or 0 */
	int64_t represented;
};

static void queue_row_clear(struct queue_row *row)
{
	g_free(row->reverse_path);
}
#define QUEUE_ROW __attribute__((cleanup(queue_row_clear))) struct queue_row

static int result_load(struct store *store, int64_t id, struct queue_row *ret,
		       struct fault *fault)
{
	ROWS rows = {0};

	if (rows_open(store, &rows, fault,
		      "SELECT q.store, q.message, q.is_report, q.reverse_path,"
		      " sum(r.state IN (0, 1)), sum(r.state = 2), q.report,"
		      " q.represented"
		      " FROM outgoingqueue q JOIN outgoingrecipients r"
		      " ON r.queue = q.id WHERE q.id = ? GROUP BY q.id",
		      "i", id))
		return -1;
	if (rows_next(&rows, fault) != 1)
		return fault_set(fault, FAULT_INTERNAL,
				 "message %" G_GINT64_FORMAT
				 " of the queue has no recipients",
				 id);
	*ret = (struct queue_row){
		.store = rows_int(&rows, 0),
		.message = rows_int(&rows, 1),
		.is_report = rows_int(&rows, 2) != 0,
		.reverse_path = rows_text(&rows, 3),
		.waiting = rows_int(&rows, 4),
		.sent = rows_int(&rows, 5),
		.report = rows_int(&rows, 6),
		.represented = rows_int(&rows, 7),
	};
	return 0;
}

/* Sent Items of a store; 0 if there are none. */
static int result_sent_items(struct store *store, int64_t of,
			     int64_t *ret_folder, struct fault *fault)
{
	*ret_folder = 0;
	return sql_get(store, fault, ret_folder,
		       "SELECT id FROM hierarchy WHERE store = ? AND role = ?"
		       " AND type = 2 AND role > 0 AND deleted IS NULL",
		       "id", of, (int)FOLDER_SENT) < 0
		       ? -1
		       : 0;
}

/* Whoever is represented has what was sent in their name, whatever the quota;
 * one who is no user any more has nothing. */
static int result_represent(struct store *store, const struct queue_row *queue,
			    const struct copy_row *sent, struct fault *fault)
{
	int64_t folder;
	int64_t message;

	if (!queue->represented)
		return 0;
	if (result_sent_items(store, queue->represented, &folder, fault))
		return -1;
	return folder ? copy_duplicate(store, sent, folder, &message, fault)
		      : 0;
}

/* The Outbox copy of a message that leaves the queue. */
static int result_settle(struct store *store, const struct queue_row *queue,
			 struct fault *fault)
{
	unsigned was = MESSAGE_SUBMITTED | MESSAGE_UNSENT | MESSAGE_FAILED;
	struct copy_row row;
	int64_t sent_items = 0;

	if (!queue->message)
		return 0;
	if (copy_get(store, queue->message, &row, fault))
		return -1;
	if (!queue->sent)
		return copy_set_flags(store, &row,
				      (row.flags & ~was) | MESSAGE_UNSENT |
					      MESSAGE_FAILED,
				      fault);
	if (copy_set_flags(store, &row, (row.flags & ~was) | MESSAGE_READ,
			   fault) ||
	    copy_get(store, queue->message, &row, fault) ||
	    result_represent(store, queue, &row, fault))
		return -1;
	if (row.deleted)
		return 0;
	if (result_sent_items(store, row.store, &sent_items, fault))
		return -1;
	return sent_items ? copy_move(store, &row, sent_items, 0, fault) : 0;
}

int store_queue_recall(struct store *store, int64_t store_id, int64_t message,
		       struct fault *fault)
{
	QUEUE_ROW queue = {0};
	struct copy_row row;
	int64_t id = 0;
	int rc = sql_get(store, fault, &id,
			 "SELECT id FROM outgoingqueue"
			 " WHERE message = ? AND store = ?",
			 "ii", message, store_id);

	if (rc == 0)
		return fault_set(fault, FAULT_NOT_FOUND,
				 "message %" G_GINT64_FORMAT
				 " is not in the queue",
				 message);
	if (rc < 0 || queue_need_idle(store, id, fault) ||
	    result_load(store, id, &queue, fault))
		return -1;
	store->touched |= STORE_TOUCHED_QUEUE;
	if (queue.sent) {
		if (result_settle(store, &queue, fault))
			return -1;
	} else if (copy_get(store, message, &row, fault) ||
		   copy_set_flags(store, &row,
				  (row.flags & ~(unsigned)(MESSAGE_SUBMITTED |
							   MESSAGE_FAILED)) |
					  MESSAGE_UNSENT,
				  fault)) {
		return -1;
	}
	return sql_run(store, fault, "DELETE FROM outgoingqueue WHERE id = ?",
		       "i", id);
}

/* The report of failures in the Inbox is the one that names all of them: an
 * earlier one that nobody has read makes way. */
static int result_replace(struct store *store, int64_t id,
			  const struct queue_row *queue, int64_t message,
			  struct fault *fault)
{
	struct copy_row old;
	int64_t unread = 0;

	if (queue->report &&
	    sql_get(store, fault, &unread,
		    "SELECT 1 FROM hierarchy WHERE id = ? AND deleted IS NULL"
		    " AND flags & ? = 0 AND parent ="
		    " (SELECT parent FROM hierarchy WHERE id = ?)",
		    "idi", queue->report, (int)MESSAGE_READ, message) < 0)
		return -1;
	if (unread &&
	    (copy_get(store, queue->report, &old, fault) ||
	     copy_mark_deleted(store, &old, g_get_real_time(), fault)))
		return -1;
	return sql_run(store, fault,
		       "UPDATE outgoingqueue SET report = ? WHERE id = ?", "ii",
		       message, id);
}

static bool result_is_failure(const struct content *report)
{
	const char *class =
		report->set ? propset_text(report->set, PR_MESSAGE_CLASS)
			    : NULL;

	return class && g_str_has_suffix(class, ".NDR");
}

/* A report goes to the sender: into their Inbox, or by mail. */
static int result_report(struct store *store, int64_t id,
			 const struct queue_row *queue,
			 const struct content *report, struct fault *fault)
{
	struct submission_recipient to = {.address = queue->reverse_path};
	struct submission submission = {
		.reverse_path = "",
		.recipients = &to,
		.recipient_count = 1,
		.content = report,
		.is_report = true,
	};
	struct copy_new copy = {
		.store = queue->store,
		.size = (int64_t)g_bytes_get_size(report->rfc822),
		.received = g_get_real_time(),
	};
	int64_t message;

	if (queue->store) {
		if (store_folder_by_role(store, queue->store, FOLDER_INBOX,
					 &copy.folder, fault) ||
		    content_ensure(store, report, &copy.content, fault))
			return -1;
		if (copy_insert(store, &copy, &message, fault))
			return -1;
		return result_is_failure(report)
			       ? result_replace(store, id, queue, message,
						fault)
			       : 0;
	}
	if (queue->is_report || !queue->reverse_path[0])
		return 0;
	return store_submit(store, &submission, NULL, fault);
}

int store_queue_results(struct store *store, int64_t id,
			const struct queue_result *results, size_t count,
			const struct content *report, bool delay_warned,
			struct fault *fault)
{
	QUEUE_ROW queue = {0};

	if (claim_check(store, id, fault))
		return -1;
	for (size_t i = 0; i < count; i++)
		if (result_record(store, id, &results[i], fault))
			return -1;
	if (claim_end(store, id, fault) ||
	    result_load(store, id, &queue, fault))
		return -1;
	if (delay_warned &&
	    sql_run(store, fault,
		    "UPDATE outgoingqueue SET delay_warned = 1 WHERE id = ?",
		    "i", id))
		return -1;
	if (report && result_report(store, id, &queue, report, fault))
		return -1;
	if (queue.waiting) {
		store->touched |= STORE_TOUCHED_QUEUE;
		return 0;
	}
	if (result_settle(store, &queue, fault))
		return -1;
	return sql_run(store, fault, "DELETE FROM outgoingqueue WHERE id = ?",
		       "i", id);
}
