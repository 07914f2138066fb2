/*
 * Submissions: into the Outbox and the outgoing queue in one.
 */
#include "digest.h"
#include "lob.h"

#include <string.h>

static int submit_check(const struct submission *submission,
			struct fault *fault)
{
	if (!submission->recipient_count)
		return fault_set(fault, FAULT_BAD_ARGUMENT,
				 "a message for nobody: no recipients");
	for (size_t i = 0; i < submission->recipient_count; i++)
		if (!submission->recipients[i].address ||
		    !submission->recipients[i].address[0])
			return fault_set(fault, FAULT_BAD_ADDRESS,
					 "a recipient without address");
	return 0;
}

static int submit_check_quota(struct store *store, int64_t store_id,
			      int64_t size, struct fault *fault)
{
	struct store_limits limits;
	g_autofree char *owner = NULL;

	if (user_limits(store, store_id, &limits, fault))
		return -1;
	owner = limits.owner;
	if ((limits.soft > 0 && limits.used > limits.soft) ||
	    (limits.hard > 0 && limits.used + size > limits.hard))
		return fault_set(fault, FAULT_MAILBOX_FULL,
				 "%s: mailbox full: cannot send", owner);
	return 0;
}

/* The copy in the Outbox. */
static int submit_outbox(struct store *store,
			 const struct submission *submission, int64_t content,
			 int64_t now, int64_t *ret_message, struct fault *fault)
{
	struct copy_new copy = {
		.store = submission->store,
		.content = content,
		.size = (int64_t)g_bytes_get_size(submission->content->rfc822),
		.flags = MESSAGE_READ | MESSAGE_UNSENT | MESSAGE_SUBMITTED,
		.received = now,
	};

	if (submit_check_quota(store, copy.store, copy.size, fault) ||
	    store_folder_by_role(store, copy.store, FOLDER_OUTBOX, &copy.folder,
				 fault))
		return -1;
	return copy_insert(store, &copy, ret_message, fault);
}

static int submit_recipients(struct store *store, int64_t queue,
			     const struct submission *submission, int64_t due,
			     struct fault *fault)
{
	for (size_t i = 0; i < submission->recipient_count; i++) {
		const struct submission_recipient *r =
			&submission->recipients[i];

		if (sql_run(store, fault,
			    "INSERT INTO outgoingrecipients (queue, address,"
			    " next_attempt, dsn_notify, dsn_orcpt, priority)"
			    " VALUES (?, ?, ?, ?, ?, ?)",
			    "itidtd", queue, r->address, due,
			    (int)r->dsn_notify,
			    r->dsn_orcpt ? r->dsn_orcpt : "",
			    (int)submission->priority))
			return -1;
	}
	return 0;
}

/* ---- once only ---- */

static void submit_key(const struct submission *submission,
		       uint8_t ret_key[DIGEST_SIZE])
{
	static const char kind[] = "submission";
	struct digest *digest = digest_new();
	int64_t store_id = GINT64_TO_LE(submission->store);

	digest_update(digest, kind, sizeof(kind));
	digest_update(digest, &store_id, sizeof(store_id));
	digest_update(digest, submission->token, strlen(submission->token));
	digest_finish(digest, ret_key);
}

/* 1: submitted before, as ret_queue; 0: not, -1. */
static int submit_look(struct store *store, const struct submission *submission,
		       int64_t now, int64_t *ret_queue, struct fault *fault)
{
	int64_t window = store->policy.duplicate_window_s;
	uint8_t key[DIGEST_SIZE];

	if (!submission->token || window <= 0)
		return 0;
	submit_key(submission, key);
	return sql_get(store, fault, ret_queue,
		       "SELECT message FROM duplicates"
		       " WHERE key = ? AND seen > ?",
		       "bi", key, sizeof(key), now - window * USEC_PER_SEC);
}

static int submit_remember(struct store *store,
			   const struct submission *submission, int64_t now,
			   int64_t queue, struct fault *fault)
{
	uint8_t key[DIGEST_SIZE];

	if (!submission->token || store->policy.duplicate_window_s <= 0)
		return 0;
	submit_key(submission, key);
	return sql_run(store, fault,
		       "INSERT OR REPLACE INTO duplicates (key, message, seen)"
		       " VALUES (?, ?, ?)",
		       "bii", key, sizeof(key), queue, now);
}

int store_submit(struct store *store, const struct submission *submission,
		 int64_t *ret_queue_id, struct fault *fault)
{
	int64_t now = g_get_real_time();
	int64_t due = MAX(submission->not_before, now);
	int64_t message = 0;
	int64_t content;
	int64_t queue = 0;
	int seen;

	if (store_need_unit(store, fault) || submit_check(submission, fault))
		return -1;
	seen = submit_look(store, submission, now, &queue, fault);
	if (seen) {
		if (seen > 0 && ret_queue_id)
			*ret_queue_id = queue;
		return seen > 0 ? 0 : -1;
	}
	if (content_ensure(store, submission->content, &content, fault))
		return -1;
	if (submission->store &&
	    submit_outbox(store, submission, content, now, &message, fault))
		return -1;
	if (sql_run(store, fault,
		    "INSERT INTO outgoingqueue (store, message, content,"
		    " reverse_path, submitted, begins, is_report, dsn_ret,"
		    " dsn_envid, represented)"
		    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		    "IIitiidttI", submission->store, message, content,
		    submission->reverse_path ? submission->reverse_path : "",
		    now, due, submission->is_report,
		    submission->dsn_ret ? submission->dsn_ret : "",
		    submission->dsn_envid ? submission->dsn_envid : "",
		    submission->represented))
		return -1;
	queue = sqlite3_last_insert_rowid(store->db);
	if (submit_recipients(store, queue, submission, due, fault) ||
	    submit_remember(store, submission, now, queue, fault))
		return -1;
	store->touched |= STORE_TOUCHED_QUEUE;
	if (ret_queue_id)
		*ret_queue_id = queue;
	return 0;
}
