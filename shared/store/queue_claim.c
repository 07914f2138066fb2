/*
 * The queue's work: claiming what is due; leases and clocks.
 */
#include "queue_internal.h"

#include <string.h>

/* What is due at the moment of a claim may be on its way from a clock that is
 * a little behind. */
#define CLAIM_MARGIN_US USEC_PER_SEC

/* What to claim. */
struct claim {
	int64_t now;
	size_t limit;
	queue_wants_fn *wants;
	void *context;
	struct queue_walk *walk;
};

static bool claim_is_wanted(const struct claim *claim, const struct rows *rows)
{
	if (!claim->wants ||
	    claim->wants(rows_peek(rows, 1), rows_int(rows, 2) != 0,
			 claim->context))
		return true;
	claim->walk->passed++;
	return false;
}

/* Ids of messages that are due, by time, from where the last walk ended;
 * priority is for fresh ones. */
static int claim_find(struct store *store, const char *sql, int priority,
		      const struct claim *claim, struct queue_walk_mark *from,
		      GArray *ids, struct fault *fault)
{
	ROWS rows = {0};
	int rc = 0;

	if (ids->len >= claim->limit)
		return 0;
	if (rows_open(store, &rows, fault, sql, "idii", claim->now, priority,
		      from->time, from->queue))
		return -1;
	while (ids->len < claim->limit && (rc = rows_next(&rows, fault))) {
		int64_t id;
		bool is_known = false;

		if (rc < 0)
			return -1;
		if (!claim_is_wanted(claim, &rows))
			continue;
		id = rows_int(&rows, 0);
		for (guint i = 0; i < ids->len; i++)
			is_known |= g_array_index(ids, int64_t, i) == id;
		if (!is_known)
			g_array_append_val(ids, id);
		*from = (struct queue_walk_mark){rows_int(&rows, 3), id};
	}
	if (ids->len < claim->limit) /* that was all */
		*from = (struct queue_walk_mark){
			MAX(from->time, claim->now - CLAIM_MARGIN_US), 0};
	return 0;
}

/* Fresh ones before those that failed before, the more urgent first. */
static int claim_find_all(struct store *store, const struct claim *claim,
			  GArray *ids, struct fault *fault)
{
	static const char fresh[] =
		"SELECT r.queue, q.reverse_path, q.store IS NULL,"
		" r.next_attempt FROM outgoingrecipients r"
		" JOIN outgoingqueue q ON q.id = r.queue"
		" WHERE r.state = 0 AND r.attempts = 0 AND r.priority = ?2"
		" AND (r.next_attempt, r.queue) > (?3, ?4)"
		" AND r.next_attempt <= ?1 AND q.held = 0"
		" AND q.lease_owner IS NULL"
		" ORDER BY r.next_attempt, r.queue";
	static const char again[] =
		"SELECT r.queue, q.reverse_path, q.store IS NULL,"
		" r.next_attempt FROM outgoingrecipients r"
		" JOIN outgoingqueue q ON q.id = r.queue"
		" WHERE r.state = 0 AND r.attempts > 0 AND ?2 = 0"
		" AND (r.next_attempt, r.queue) > (?3, ?4)"
		" AND r.next_attempt <= ?1 AND q.held = 0"
		" AND q.lease_owner IS NULL"
		" ORDER BY r.next_attempt, r.queue";
	struct queue_walk_mark *from = claim->walk->from;

	for (int p = QUEUE_PRIORITY_HIGH; p >= QUEUE_PRIORITY_LOW; p--)
		if (claim_find(store, fresh, p, claim, from++, ids, fault))
			return -1;
	return claim_find(store, again, 0, claim, from, ids, fault);
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
		      queue_wants_fn *wants, void *context,
		      struct queue_walk *walk, GPtrArray **ret_entries,
		      struct fault *fault)
{
	const struct claim claim = {now, limit, wants, context, walk};
	g_autoptr(GPtrArray) entries =
		g_ptr_array_new_with_free_func(claim_free_element);
	g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(int64_t));

	walk->passed = 0;
	if (store_need_unit(store, fault) || lease_reap(store, now, fault) ||
	    claim_find_all(store, &claim, ids, fault))
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

int claim_end(struct store *store, int64_t id, struct fault *fault)
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

int claim_refuse(int64_t id, struct fault *fault)
{
	return fault_set(fault, FAULT_STORE_BUSY,
			 "message %" G_GINT64_FORMAT
			 " is claimed by another process",
			 id);
}

/* A claim must be this process's; or nobody's, where it was taken for dead and
 * whoever took its place is done: what it knows is still true.
 * FAULT_STORE_BUSY, FAULT_NOT_FOUND. */
static int claim_check(struct store *store, int64_t id, struct fault *fault)
{
	int64_t is_ours;
	int rc;

	if (store_need_unit(store, fault))
		return -1;
	rc = sql_get(store, fault, &is_ours,
		     "SELECT lease_owner IS NULL OR lease_owner = ?"
		     " FROM outgoingqueue WHERE id = ?",
		     "ti", lease_owner_of(store), id);
	if (rc < 0)
		return -1;
	if (rc == 0)
		return fault_set(fault, FAULT_NOT_FOUND,
				 "no message %" G_GINT64_FORMAT " in the queue",
				 id);
	return is_ours ? 0 : claim_refuse(id, fault);
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
	g_autoptr(GArray) leases = NULL;

	if (lease_others(store, &leases, fault))
		return -1;
	for (guint i = 0; i < leases->len; i++) {
		const struct lease *lease =
			&g_array_index(leases, struct lease, i);

		if (lease_is_over(lease->owner, lease->expires))
			*ret_time = 0;
		else if (lease_owner_state(lease->owner) == LEASE_UNSEEN)
			*ret_time = MIN(*ret_time, g_get_real_time() +
							   lease->expires -
							   lease_clock());
	}
	return 0;
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
