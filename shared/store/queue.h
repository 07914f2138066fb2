/*
 * The outgoing queue: submissions, claims with a lease, results.
 */
#ifndef OKAPI_STORE_QUEUE_H
#define OKAPI_STORE_QUEUE_H

#include "messages.h"
#include "store.h"

enum queue_recipient_state {
	QUEUE_RCPT_WAITING,
	QUEUE_RCPT_SENDING,
	QUEUE_RCPT_SENT,
	QUEUE_RCPT_FAILED,
};
const char *queue_recipient_state_name(enum queue_recipient_state state);

enum queue_state {
	QUEUE_HELD,
	QUEUE_WAITING,
	QUEUE_SENDING
};
const char *queue_state_name(enum queue_state state);

/* Among what was not tried yet, the more urgent goes first (PR_PRIORITY). */
enum queue_priority {
	QUEUE_PRIORITY_LOW = -1,
	QUEUE_PRIORITY_NORMAL = 0,
	QUEUE_PRIORITY_HIGH = 1,
};

struct submission_recipient {
	const char *address;
	unsigned dsn_notify; /* enum smtp_dsn_notify */
	const char *dsn_orcpt;
};

/* A message for the queue. */
struct submission {
	int64_t store;       /* the sender's, whose Outbox gets it; 0: nobody's
				(bounces, redirects: no copy is kept) */
	int64_t represented; /* the store of whom it is sent as, or on behalf
				of: gets a copy once it is sent; 0: nobody's */
	const char *reverse_path; /* "" for <> */
	const struct submission_recipient *recipients;
	size_t recipient_count;
	const struct content *content; /* as it leaves: without Bcc */
	int64_t not_before;            /* deferred send; 0: at once */
	const char *dsn_ret;
	const char *dsn_envid;
	enum queue_priority priority;
	bool is_report; /* no report is made of its failure */
	/* The same when a submitter that got no answer tries again: within the
	 * policy's duplicate window its message is taken once.  NULL: none. */
	const char *token;
};

/* Unit.  Outbox message (if it has a store) and queue rows in one.  One whose
 * token was seen before does nothing and gives the queue id of then.
 * FAULT_MAILBOX_FULL over the user's soft quota ("cannot send"), or if the
 * message does not fit into the hard one.  ret_queue_id may be NULL. */
NODISCARD int store_submit(struct store *store,
			   const struct submission *submission,
			   int64_t *ret_queue_id, struct fault *fault);

struct queue_recipient {
	int64_t id;
	char *address;
	enum queue_recipient_state state;
	int64_t attempts;
	int64_t next_attempt; /* 0: none */
	char *last_reply;     /* "" before the first */
	char *last_status;    /* enhanced code, "" if none */
	unsigned dsn_notify;
	char *dsn_orcpt;
};

struct queue_entry {
	int64_t id;
	int64_t store;   /* 0: nobody's */
	int64_t message; /* in the Outbox; 0 */
	char *owner;     /* login name, "" */
	char *reverse_path;
	char *subject;
	int64_t size;
	int64_t submitted;
	int64_t begins; /* its lifetime: submitted, or when it was due or
			   released first */
	enum queue_state state;
	bool is_report;
	bool delay_warned;
	char *dsn_ret;
	char *dsn_envid;
	GPtrArray *recipients; /* of struct queue_recipient */
	GPtrArray *failed;     /* with a claim: those that failed before */
};
void queue_entry_free(struct queue_entry *entry);
AUTO_DEFINE(queue_entry, queue_entry_free);

/* All, oldest first; owned. */
NODISCARD int store_queue_list(struct store *store, GPtrArray **ret_entries,
			       struct fault *fault);
NODISCARD int store_queue_get(struct store *store, int64_t id,
			      struct queue_entry **ret_entry,
			      struct fault *fault);
/* How many messages are in the queue, by enum queue_state, and when the oldest
 * was submitted (0: none). */
struct queue_depth {
	int64_t messages[3];
	int64_t oldest;
};
NODISCARD int store_queue_depth(struct store *store,
				struct queue_depth *ret_depth,
				struct fault *fault);
/* The bytes to be sent. */
NODISCARD int store_queue_bytes(struct store *store, int64_t id,
				GBytes **ret_bytes, struct fault *fault);

/* Is a message by this reverse path to be claimed?  is_nobodys: it is in no
 * store, so a redirect or a report. */
typedef bool queue_wants_fn(const char *reverse_path, bool is_nobodys,
			    void *context);

/* How far claims that want the same have come: what is due before it they do
 * not want, unless it came back since (given back, released).  All 0: nothing
 * is known. */
struct queue_walk {
	struct queue_walk_mark {
		int64_t time; /* next_attempt, and below the same by queue */
		int64_t queue;
	} from[4];     /* fresh by priority, and what failed before */
	size_t passed; /* recipients that were not wanted, this time */
};

/*
 * Unit.  Claims at most limit messages that are wanted (NULL: any) with a
 * recipient that is due: their due recipients become SENDING under a lease of
 * this process.  Leases of processes that are gone are taken up first.  Entries
 * come with the claimed recipients only.  A fresh message goes before one that
 * failed before.  walk is where it begins, and then where the next one may; it
 * counts only once the unit is committed.
 */
NODISCARD int store_queue_claim(struct store *store, int64_t now, size_t limit,
				queue_wants_fn *wants, void *context,
				struct queue_walk *walk,
				GPtrArray **ret_entries, struct fault *fault);
/* Unit.  Gives a claim back without an attempt (graceful stop). */
NODISCARD int store_queue_unclaim(struct store *store, int64_t id,
				  struct fault *fault);
/* Unit.  Keeps this process's leases alive where nobody can see whether it
 * runs (another pid name space).  Every minute or so. */
NODISCARD int store_queue_heartbeat(struct store *store, struct fault *fault);
/* When the next waiting recipient is due; INT64_MAX if none is. */
NODISCARD int store_queue_next_due(struct store *store, int64_t *ret_time,
				   struct fault *fault);

/*
 * Unit.  The clock was set back, or the longest delay shortened: an attempt
 * that is more than retry_max (microseconds) away was set by other rules and
 * comes after that; what was submitted in the future, and not deferred, is due
 * now.
 */
NODISCARD int store_queue_reclock(struct store *store, int64_t now,
				  int64_t retry_max, struct fault *fault);

struct queue_result {
	int64_t recipient; /* id */
	enum queue_recipient_state state;
	const char *reply; /* the relay's own words, one line */
	const char *status;
	int64_t next_attempt; /* for WAITING */
};

/* What came of one attempt to send a message; all borrowed. */
struct queue_results {
	int64_t id; /* in the queue */
	const struct queue_result *results;
	size_t count;
	const struct content *report; /* or NULL */
	bool delay_warned;            /* the report says that it is late */
};

/*
 * Unit.  Records results, ends the lease; if no recipient waits any more the
 * message leaves the queue: sent (wholly or partly) -> Sent Items, read, and a
 * copy in those of who is represented;
 * wholly failed -> stays in the Outbox with MESSAGE_FAILED.  A report
 * goes into the sender's Inbox in the same unit, whatever the quota; one
 * of failures takes the place of an earlier one that is still unread there.
 * For a message that is nobody's, or where the Inbox cannot have it, it is
 * submitted to the reverse path instead.
 *
 * The record stands whatever becomes of copies and report: what could not be
 * done and never will left_out names (FAULT_NONE: nothing).  A fault: nothing
 * was recorded, for the store is busy or its disk full, or there is no such
 * message any more.
 */
NODISCARD int store_queue_results(struct store *store,
				  const struct queue_results *results,
				  struct fault *left_out, struct fault *fault);

/*
 * Unit.  The sender takes a message back (MAPI's AbortSubmit): what was not
 * sent yet is not sent.  If nothing was, it stays in the Outbox as a draft that
 * was never submitted; if some recipients have it, it moves to Sent Items.
 * FAULT_NOT_FOUND if it is not in the queue, FAULT_STORE_BUSY while it is being
 * sent.  left_out: as with results.
 */
NODISCARD int store_queue_recall(struct store *store, int64_t store_id,
				 int64_t message, struct fault *left_out,
				 struct fault *fault);

/* Units, for the operator. */
NODISCARD int store_queue_hold(struct store *store, int64_t id, bool hold,
			       struct fault *fault);
NODISCARD int store_queue_retry(struct store *store, int64_t id,
				struct fault *fault);
/* The same for all of them but those that are being sent: ret_busy. */
NODISCARD int store_queue_retry_all(struct store *store, int64_t *ret_done,
				    int64_t *ret_busy, struct fault *fault);
NODISCARD int store_queue_delete(struct store *store, int64_t id,
				 struct fault *fault);

#endif
