/*
 * One attempt at a message of the queue: from what was claimed to what the
 * relay is given, and from the relay's verdicts to what the queue records and
 * the sender is told.
 */
#ifndef OKAPI_ATTEMPT_H
#define OKAPI_ATTEMPT_H

#include "base.h"
#include "mailing_list.h"
#include "relay.h"
#include "report.h"
#include "scheduler.h"
#include "store/queue.h"

struct attempt {
	struct queue_entry *entry; /* owned; its claimed recipients */
	GBytes *bytes;
	struct relay_message message;       /* what can be relayed */
	struct relay_recipient *recipients; /* one for each of the entry's */
	size_t recipient_count;
	size_t refused; /* the last so many are not fit for SMTP */
	char *sender;   /* instead of the entry's reverse path, or NULL */
	/* Of what is nobody's, whose reports are mailed; else nothing. */
	struct mailing_list list;
	int64_t began; /* monotonic */
};

/* entry is moved, bytes are referenced.  Recipients whose address cannot
 * stand in a command have their verdict at once. */
struct attempt *attempt_new(struct queue_entry *entry, GBytes *bytes);
void attempt_free(struct attempt *attempt);
AUTO_DEFINE(attempt, attempt_free);

/* The relay host is given another reverse path; NULL: the entry's.  Moved. */
void attempt_set_sender(struct attempt *attempt, char *sender);

/* Is there anything for the relay to do? */
bool attempt_has_work(const struct attempt *attempt);

/* Gives every recipient that has none the outcome RETRY with these words. */
void attempt_defer(struct attempt *attempt, const char *status,
		   const char *words);

/* What follows of the outcomes. */
struct attempt_decision {
	struct queue_result *results; /* one a recipient */
	size_t count;
	struct report_recipient *reported;
	size_t reported_count;
	bool warned;  /* the report has the delay notice */
	int64_t took; /* microseconds the attempt lasted */
};
/* Pure: what is to be recorded of each recipient (the next attempt by policy;
 * now in microseconds of the clock on the wall) and what the sender is told.
 * ret_decision borrows of the attempt; attempt_decision_clear(). */
void attempt_decide(const struct attempt *attempt,
		    const struct scheduler_policy *policy, int64_t now,
		    struct attempt_decision *ret_decision);
void attempt_decision_clear(struct attempt_decision *decision);

/* The attempt's line in the log. */
void attempt_log(const struct attempt *attempt,
		 const struct attempt_decision *decision, const char *relay);

#endif
