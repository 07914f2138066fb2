/*
 * The queue's work: recording what came of an attempt, with the copies and the
 * report that go with it; and taking a message back.
 */
#include "lob.h"
#include "queue_internal.h"

#include <string.h>

struct queue_row {
	int64_t store;
	int64_t message;
	bool is_report;
	char *reverse_path;
	int64_t waiting;
	int64_t sent;
	int64_t report; /* in the Inbox, or 0 */
	int64_t represented;
	bool is_others; /* claimed by another process */
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
		      "SELECT store, message, is_report, reverse_path, report,"
		      " represented, lease_owner IS NOT NULL"
		      " AND lease_owner <> ? FROM outgoingqueue WHERE id = ?",
		      "ti", lease_owner_of(store), id) ||
	    rows_first(&rows, "message of the queue", id, fault))
		return -1;
	*ret = (struct queue_row){
		.store = rows_int(&rows, 0),
		.message = rows_int(&rows, 1),
		.is_report = rows_int(&rows, 2) != 0,
		.reverse_path = rows_text(&rows, 3),
		.report = rows_int(&rows, 4),
		.represented = rows_int(&rows, 5),
		.is_others = rows_int(&rows, 6) != 0,
	};
	return 0;
}

/* Begins at at, behind the one found before: both are in much the same order,
 * and may be a thousand. */
static const struct queue_result *
result_find(const struct queue_results *results, int64_t recipient, size_t *at)
{
	for (size_t i = 0; i < results->count; i++) {
		size_t k = (*at + i) % results->count;

		if (results->results[k].recipient == recipient) {
			*at = k + 1;
			return &results->results[k];
		}
	}
	return NULL;
}

static bool result_is_final(enum queue_recipient_state state)
{
	return state == QUEUE_RCPT_SENT || state == QUEUE_RCPT_FAILED;
}

/* Of how many recipients who waits, and who has it, once the results are
 * recorded.  What another process has recorded stands. */
static int result_tally(struct store *store,
			const struct queue_results *results,
			struct queue_row *row, struct fault *fault)
{
	ROWS rows = {0};
	size_t known = 0;
	size_t at = 0;
	int rc;

	if (rows_open(store, &rows, fault,
		      "SELECT id, state FROM outgoingrecipients"
		      " WHERE queue = ?",
		      "i", results->id))
		return -1;
	while ((rc = rows_next(&rows, fault)) == 1) {
		const struct queue_result *result =
			result_find(results, rows_int(&rows, 0), &at);
		enum queue_recipient_state state =
			(enum queue_recipient_state)rows_int(&rows, 1);

		known += result != NULL;
		if (result && !result_is_final(state))
			state = result->state;
		row->waiting += !result_is_final(state);
		row->sent += state == QUEUE_RCPT_SENT;
	}
	if (rc)
		return -1;
	if (known < results->count)
		return fault_set(fault, FAULT_NOT_FOUND,
				 "message %" G_GINT64_FORMAT
				 " of the queue has other recipients",
				 results->id);
	return 0;
}

static int result_record(struct store *store, int64_t queue,
			 const struct queue_result *result, struct fault *fault)
{
	return sql_run(store, fault,
		       "UPDATE outgoingrecipients SET state = ?,"
		       " attempts = attempts + 1, next_attempt = ?,"
		       " last_reply = ?, last_status = ?"
		       " WHERE id = ? AND queue = ? AND state IN (0, 1)",
		       "dittii", (int)result->state, result->next_attempt,
		       result->reply ? result->reply : "",
		       result->status ? result->status : "", result->recipient,
		       queue);
}

/* Of a message that stays in the queue. */
static int result_record_all(struct store *store,
			     const struct queue_results *results,
			     struct fault *fault)
{
	for (size_t i = 0; i < results->count; i++)
		if (result_record(store, results->id, &results->results[i],
				  fault))
			return -1;
	if (results->delay_warned &&
	    sql_run(store, fault,
		    "UPDATE outgoingqueue SET delay_warned = 1 WHERE id = ?",
		    "i", results->id))
		return -1;
	return claim_end(store, results->id, fault);
}

/* Sent Items of a store; 0 if there are none. */
static int result_sent_items(struct store *store, int64_t of,
			     int64_t *ret_folder, struct fault *fault)
{
	*ret_folder = 0;
	return folder_with_role(store, of, FOLDER_SENT, ret_folder, fault) < 0
		       ? -1
		       : 0;
}

/* ---- beside the record ----
 * What the relay host has taken is recorded whatever becomes of reports and
 * copies, or it would be sent again. */

struct beside {
	const struct queue_row *queue;
	int64_t id;
	const struct content *report;
};

typedef int beside_fn(struct store *store, const struct beside *beside,
		      struct fault *fault);

/* Will the record itself fail of this?  Then both are tried again. */
static bool beside_is_of_the_store(struct store *store,
				   const struct fault *fault)
{
	return sqlite3_get_autocommit(store->db) ||
	       fault->kind == FAULT_STORE_BUSY ||
	       fault->kind == FAULT_DISK_FULL || fault->kind == FAULT_IO;
}

/* Runs it in a savepoint.  What fails there is undone alone, and left_out says
 * what and why. */
static int beside_run(struct store *store, beside_fn *run, const char *what,
		      const struct beside *beside, struct fault *left_out,
		      struct fault *fault)
{
	struct fault why = {0};

	if (sql_run(store, fault, "SAVEPOINT beside", ""))
		return -1;
	if (run(store, beside, &why)) {
		if (beside_is_of_the_store(store, &why)) {
			*fault = why;
			return -1;
		}
		if (sql_run(store, fault, "ROLLBACK TO beside", ""))
			return -1;
		if (left_out->kind == FAULT_NONE) {
			*left_out = why;
			(void)fault_prefix(left_out, "%s", what);
		}
	}
	return sql_run(store, fault, "RELEASE beside", "");
}

/* Whoever is represented has what was sent in their name, whatever the quota;
 * one who is no user any more has nothing. */
static int result_represent(struct store *store, const struct beside *beside,
			    struct fault *fault)
{
	struct copy_row sent;
	int64_t folder;
	int64_t message;

	if (result_sent_items(store, beside->queue->represented, &folder,
			      fault))
		return -1;
	if (!folder)
		return 0;
	return copy_get(store, beside->queue->message, &sent, fault) ||
			       copy_duplicate(store, &sent, folder, &message,
					      fault)
		       ? -1
		       : 0;
}

/* The flags of the copy of a message that leaves the queue. */
static unsigned result_flags(const struct beside *beside, unsigned flags)
{
	flags &= ~(unsigned)(MESSAGE_SUBMITTED | MESSAGE_UNSENT |
			     MESSAGE_FAILED);
	return flags | (beside->queue->sent ? MESSAGE_READ
					    : MESSAGE_UNSENT | MESSAGE_FAILED);
}

static int result_flag(struct store *store, const struct beside *beside,
		       struct fault *fault)
{
	struct copy_row row;

	if (copy_get(store, beside->queue->message, &row, fault) ||
	    (!beside->queue->sent &&
	     queue_remember(store, beside->id, row.id, fault)))
		return -1;
	return copy_set_flags(store, &row, result_flags(beside, row.flags),
			      fault);
}

static int result_move(struct store *store, const struct beside *beside,
		       struct fault *fault)
{
	struct copy_row row;
	int64_t folder = 0;

	if (copy_get(store, beside->queue->message, &row, fault) ||
	    (!row.deleted &&
	     result_sent_items(store, row.store, &folder, fault)))
		return -1;
	if (!folder)
		return copy_set_flags(store, &row,
				      result_flags(beside, row.flags), fault);
	return copy_move_within(store, &row, folder, 0,
				result_flags(beside, row.flags), fault);
}

/* The copies of a message that leaves the queue. */
static int result_settle(struct store *store, const struct beside *beside,
			 struct fault *left_out, struct fault *fault)
{
	const struct queue_row *queue = beside->queue;

	struct fault moved = {0};

	if (!queue->message)
		return 0;
	if (queue->sent &&
	    beside_run(store, result_move, "its copy in Sent Items", beside,
		       &moved, fault))
		return -1;
	if (moved.kind != FAULT_NONE && left_out->kind == FAULT_NONE)
		*left_out = moved;
	if ((!queue->sent || moved.kind != FAULT_NONE) &&
	    beside_run(store, result_flag, "its copy in the Outbox", beside,
		       left_out, fault))
		return -1;
	if (!queue->sent || !queue->represented)
		return 0;
	return beside_run(store, result_represent,
			  "the copy for who is represented", beside, left_out,
			  fault);
}

int store_queue_recall(struct store *store, int64_t store_id, int64_t message,
		       struct fault *left_out, struct fault *fault)
{
	QUEUE_ROW queue = {0};
	struct beside beside = {.queue = &queue};
	struct copy_row row;
	int64_t id = 0;
	int rc = sql_get(store, fault, &id,
			 "SELECT id FROM outgoingqueue"
			 " WHERE message = ? AND store = ?",
			 "ii", message, store_id);

	*left_out = (struct fault){0};
	if (rc == 0)
		return fault_set(fault, FAULT_NOT_FOUND,
				 "message %" G_GINT64_FORMAT
				 " is not in the queue",
				 message);
	if (rc < 0 || queue_need_idle(store, id, fault) ||
	    result_load(store, id, &queue, fault) ||
	    result_tally(store, &(struct queue_results){.id = id}, &queue,
			 fault))
		return -1;
	store->touched |= STORE_TOUCHED_QUEUE;
	if (queue.sent) {
		if (result_settle(store, &beside, left_out, fault))
			return -1;
	} else if (copy_get(store, message, &row, fault) ||
		   queue_remember(store, id, message, fault) ||
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

static int result_report_here(struct store *store, const struct beside *beside,
			      struct fault *fault)
{
	struct copy_new copy = {
		.store = beside->queue->store,
		.size = (int64_t)g_bytes_get_size(beside->report->rfc822),
		.received = g_get_real_time(),
	};
	int64_t message;

	if (store_folder_by_role(store, copy.store, FOLDER_INBOX, &copy.folder,
				 fault) ||
	    content_ensure(store, beside->report, &copy.content, fault) ||
	    copy_insert(store, &copy, &message, fault))
		return -1;
	return result_is_failure(beside->report)
		       ? result_replace(store, beside->id, beside->queue,
					message, fault)
		       : 0;
}

static int result_report_by_mail(struct store *store,
				 const struct beside *beside,
				 struct fault *fault)
{
	struct submission_recipient to = {.address =
						  beside->queue->reverse_path};
	struct submission submission = {
		.reverse_path = "",
		.recipients = &to,
		.recipient_count = 1,
		.content = beside->report,
		.is_report = true,
	};

	if (beside->queue->is_report || !*to.address)
		return 0;
	return store_submit(store, &submission, NULL, fault);
}

/* A report goes to the sender: into their Inbox, or by mail; by mail also where
 * the Inbox cannot have it. */
static int result_report(struct store *store, const struct beside *beside,
			 struct fault *left_out, struct fault *fault)
{
	struct fault here = {0};
	struct fault mailed = {0};

	if (beside->queue->store) {
		if (beside_run(store, result_report_here,
			       "its report in the Inbox", beside, &here, fault))
			return -1;
		if (here.kind == FAULT_NONE)
			return 0;
	}
	if (beside_run(store, result_report_by_mail, "its report by mail",
		       beside, &mailed, fault))
		return -1;
	if (mailed.kind == FAULT_NONE)
		*left_out = here; /* it goes by mail instead */
	else
		*left_out = mailed;
	if (here.kind != FAULT_NONE && mailed.kind != FAULT_NONE)
		(void)fault_prefix(left_out, "%s; and", here.text);
	return 0;
}

int store_queue_results(struct store *store,
			const struct queue_results *results,
			struct fault *left_out, struct fault *fault)
{
	QUEUE_ROW queue = {0};
	struct beside beside = {
		.queue = &queue, .id = results->id, .report = results->report};
	int64_t id = results->id;

	*left_out = (struct fault){0};
	if (store_need_unit(store, fault) ||
	    result_load(store, id, &queue, fault))
		return -1;
	if (queue.is_others)
		return claim_refuse(id, fault);
	if (result_tally(store, results, &queue, fault) ||
	    (queue.waiting && result_record_all(store, results, fault)))
		return -1;
	if (results->report && result_report(store, &beside, left_out, fault))
		return -1;
	if (queue.waiting) {
		store->touched |= STORE_TOUCHED_QUEUE;
		return 0;
	}
	if (result_settle(store, &beside, left_out, fault))
		return -1;
	return sql_run(store, fault, "DELETE FROM outgoingqueue WHERE id = ?",
		       "i", id);
}
