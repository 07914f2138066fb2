/*
 * Reading the outgoing queue, and what operators do to it.
 */
#include "lob.h"
#include "queue_internal.h"

#include <string.h>

const char *queue_recipient_state_name(enum queue_recipient_state state)
{
	static const char *const names[] = {"waiting", "sending", "sent",
					    "failed"};

	return names[state];
}

const char *queue_state_name(enum queue_state state)
{
	static const char *const names[] = {"held", "waiting", "sending"};

	return names[state];
}

static void queue_recipient_free(gpointer data)
{
	struct queue_recipient *recipient = data;

	g_free(recipient->address);
	g_free(recipient->last_reply);
	g_free(recipient->last_status);
	g_free(recipient->dsn_orcpt);
	g_free(recipient);
}

void queue_entry_free(struct queue_entry *entry)
{
	if (!entry)
		return;
	g_free(entry->owner);
	g_free(entry->reverse_path);
	g_free(entry->subject);
	g_free(entry->dsn_ret);
	g_free(entry->dsn_envid);
	if (entry->recipients)
		g_ptr_array_unref(entry->recipients);
	if (entry->failed)
		g_ptr_array_unref(entry->failed);
	g_free(entry);
}

static int queue_load_recipients(struct store *store, int64_t queue,
				 GPtrArray **ret_recipients,
				 struct fault *fault)
{
	g_autoptr(GPtrArray) recipients =
		g_ptr_array_new_with_free_func(queue_recipient_free);
	ROWS rows = {0};
	int rc;

	if (rows_open(store, &rows, fault,
		      "SELECT id, address, state, attempts, next_attempt,"
		      " last_reply, last_status, dsn_notify, dsn_orcpt"
		      " FROM outgoingrecipients WHERE queue = ? ORDER BY id",
		      "i", queue))
		return -1;
	while ((rc = rows_next(&rows, fault)) == 1) {
		struct queue_recipient *r = g_new0(struct queue_recipient, 1);

		r->id = rows_int(&rows, 0);
		r->address = rows_text(&rows, 1);
		r->state = (enum queue_recipient_state)rows_int(&rows, 2);
		r->attempts = rows_int(&rows, 3);
		if (r->state == QUEUE_RCPT_WAITING)
			r->next_attempt = rows_int(&rows, 4);
		r->last_reply = rows_text(&rows, 5);
		r->last_status = rows_text(&rows, 6);
		r->dsn_notify = (unsigned)rows_int(&rows, 7);
		r->dsn_orcpt = rows_text(&rows, 8);
		g_ptr_array_add(recipients, r);
	}
	if (rc)
		return -1;
	*ret_recipients = g_steal_pointer(&recipients);
	return 0;
}

#define QUEUE_COLUMNS                                                          \
 "SELECT q.id, q.store, q.message, coalesce(u.name, ''), q.reverse_path,"      \
 " coalesce((SELECT value FROM properties WHERE object = q.content"            \
 "  AND tag = 0x0037001f), ''), c.size, q.submitted,"                          \
 " iif(q.held, 0, iif(q.lease_owner IS NULL, 1, 2)), q.is_report,"             \
 " q.delay_warned, q.dsn_ret, q.dsn_envid, max(q.begins, q.submitted)"         \
 " FROM outgoingqueue q"                                                       \
 " JOIN hierarchy c ON c.id = q.content"                                       \
 " LEFT JOIN users u ON u.store = q.store"

static int queue_read(struct store *store, const struct rows *rows,
		      struct queue_entry **ret_entry, struct fault *fault)
{
	AUTO(queue_entry) entry = g_new0(struct queue_entry, 1);

	entry->id = rows_int(rows, 0);
	entry->store = rows_int(rows, 1);
	entry->message = rows_int(rows, 2);
	entry->owner = rows_text(rows, 3);
	entry->reverse_path = rows_text(rows, 4);
	entry->subject = rows_text(rows, 5);
	entry->size = rows_int(rows, 6);
	entry->submitted = rows_int(rows, 7);
	entry->state = (enum queue_state)rows_int(rows, 8);
	entry->is_report = rows_int(rows, 9) != 0;
	entry->delay_warned = rows_int(rows, 10) != 0;
	entry->dsn_ret = rows_text(rows, 11);
	entry->dsn_envid = rows_text(rows, 12);
	entry->begins = rows_int(rows, 13);
	entry->failed = g_ptr_array_new_with_free_func(queue_recipient_free);
	if (queue_load_recipients(store, entry->id, &entry->recipients, fault))
		return -1;
	*ret_entry = g_steal_pointer(&entry);
	return 0;
}

static void queue_free_element(gpointer entry)
{
	queue_entry_free(entry);
}

int store_queue_list(struct store *store, GPtrArray **ret_entries,
		     struct fault *fault)
{
	g_autoptr(GPtrArray) entries =
		g_ptr_array_new_with_free_func(queue_free_element);
	ROWS rows = {0};
	int rc;

	if (rows_open(store, &rows, fault, QUEUE_COLUMNS " ORDER BY q.id", ""))
		return -1;
	while ((rc = rows_next(&rows, fault)) == 1) {
		struct queue_entry *entry;

		if (queue_read(store, &rows, &entry, fault))
			return -1;
		g_ptr_array_add(entries, entry);
	}
	if (rc)
		return -1;
	*ret_entries = g_steal_pointer(&entries);
	return 0;
}

static int queue_none(int64_t id, struct fault *fault)
{
	return fault_set(fault, FAULT_NOT_FOUND,
			 "no message %" G_GINT64_FORMAT " in the queue", id);
}

int store_queue_get(struct store *store, int64_t id,
		    struct queue_entry **ret_entry, struct fault *fault)
{
	ROWS rows = {0};
	int rc;

	if (rows_open(store, &rows, fault, QUEUE_COLUMNS " WHERE q.id = ?", "i",
		      id))
		return -1;
	rc = rows_next(&rows, fault);
	if (rc == 0)
		return queue_none(id, fault);
	return rc < 0 ? -1 : queue_read(store, &rows, ret_entry, fault);
}

int store_queue_depth(struct store *store, struct queue_depth *ret_depth,
		      struct fault *fault)
{
	struct queue_depth depth = {0};
	ROWS rows = {0};
	int rc;

	if (rows_open(store, &rows, fault,
		      "SELECT iif(held, 0, iif(lease_owner IS NULL, 1, 2)),"
		      " count(*), min(submitted) FROM outgoingqueue GROUP BY 1",
		      ""))
		return -1;
	while ((rc = rows_next(&rows, fault)) == 1) {
		int64_t oldest = rows_int(&rows, 2);

		depth.messages[rows_int(&rows, 0)] = rows_int(&rows, 1);
		if (!depth.oldest || oldest < depth.oldest)
			depth.oldest = oldest;
	}
	if (rc)
		return -1;
	*ret_depth = depth;
	return 0;
}

int store_queue_bytes(struct store *store, int64_t id, GBytes **ret_bytes,
		      struct fault *fault)
{
	int64_t content;
	int rc = sql_get(store, fault, &content,
			 "SELECT content FROM outgoingqueue WHERE id = ?", "i",
			 id);

	if (rc == 0)
		return queue_none(id, fault);
	return rc < 0 ? -1 : content_bytes(store, content, ret_bytes, fault);
}

/* ---- the operator --------------------------------------------------------
 */

int queue_need_idle(struct store *store, int64_t id, struct fault *fault)
{
	int64_t leased;
	int rc;

	if (store_need_unit(store, fault) ||
	    lease_reap(store, g_get_real_time(), fault))
		return -1;
	rc = sql_get(store, fault, &leased,
		     "SELECT lease_owner IS NOT NULL FROM outgoingqueue"
		     " WHERE id = ?",
		     "i", id);
	if (rc == 0)
		return queue_none(id, fault);
	if (rc == 1 && leased)
		return fault_set(fault, FAULT_STORE_BUSY,
				 "message %" G_GINT64_FORMAT
				 " is being sent at the moment",
				 id);
	return rc < 0 ? -1 : 0;
}

int store_queue_hold(struct store *store, int64_t id, bool hold,
		     struct fault *fault)
{
	if (store_need_unit(store, fault) ||
	    sql_run(store, fault,
		    "UPDATE outgoingqueue SET"
		    " begins = iif(held AND NOT ?1, ?2, begins), held = ?1"
		    " WHERE id = ?3",
		    "dii", hold, g_get_real_time(), id))
		return -1;
	if (!sqlite3_changes(store->db))
		return queue_none(id, fault);
	store->touched |= STORE_TOUCHED_QUEUE;
	return 0;
}

int store_queue_retry(struct store *store, int64_t id, struct fault *fault)
{
	if (queue_need_idle(store, id, fault))
		return -1;
	store->touched |= STORE_TOUCHED_QUEUE;
	return sql_run(store, fault,
		       "UPDATE outgoingrecipients SET next_attempt = ?"
		       " WHERE queue = ? AND state = 0",
		       "ii", g_get_real_time(), id);
}

int store_queue_retry_all(struct store *store, int64_t *ret_done,
			  int64_t *ret_busy, struct fault *fault)
{
	int64_t now = g_get_real_time();
	ROWS rows = {0};

	if (store_need_unit(store, fault) || lease_reap(store, now, fault) ||
	    sql_run(store, fault,
		    "UPDATE outgoingrecipients SET next_attempt = ?"
		    " WHERE state = 0 AND (SELECT lease_owner"
		    " FROM outgoingqueue WHERE id = queue) IS NULL",
		    "i", now) ||
	    rows_open(store, &rows, fault,
		      "SELECT count(*), count(lease_owner) FROM outgoingqueue",
		      "") ||
	    rows_next(&rows, fault) < 0)
		return -1;
	*ret_busy = rows_int(&rows, 1);
	*ret_done = rows_int(&rows, 0) - *ret_busy;
	store->touched |= STORE_TOUCHED_QUEUE;
	return 0;
}

int queue_remember(struct store *store, int64_t id, int64_t message,
		   struct fault *fault)
{
	g_autoptr(GPtrArray) recipients = NULL;
	g_autoptr(GPtrArray) unsent = g_ptr_array_new();
	struct prop prop = {.tag = PR_OKAPI_UNSENT_TO};

	if (queue_load_recipients(store, id, &recipients, fault))
		return -1;
	for (guint i = 0; i < recipients->len; i++) {
		const struct queue_recipient *r = recipients->pdata[i];

		if (r->state != QUEUE_RCPT_SENT)
			g_ptr_array_add(unsent, r->address);
	}
	g_ptr_array_add(unsent, NULL);
	prop.value.texts = (char **)unsent->pdata;
	return property_put(store, message, &prop, fault);
}

int store_queue_delete(struct store *store, int64_t id, struct fault *fault)
{
	int64_t message = 0;
	struct copy_row row;

	if (queue_need_idle(store, id, fault) ||
	    sql_get(store, fault, &message,
		    "SELECT message FROM outgoingqueue WHERE id = ?", "i",
		    id) < 0 ||
	    (message && queue_remember(store, id, message, fault)) ||
	    sql_run(store, fault, "DELETE FROM outgoingqueue WHERE id = ?", "i",
		    id))
		return -1;
	store->touched |= STORE_TOUCHED_QUEUE;
	if (!message)
		return 0;
	/* The message stays in the Outbox, to be looked at or sent again. */
	if (copy_get(store, message, &row, fault))
		return -1;
	return copy_set_flags(store, &row,
			      (row.flags & ~(unsigned)MESSAGE_SUBMITTED) |
				      MESSAGE_UNSENT | MESSAGE_FAILED,
			      fault);
}
