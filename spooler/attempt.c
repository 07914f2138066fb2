/*
 * One attempt at a message; see attempt.h.
 */
#include "attempt.h"

#include "charset.h"
#include "field.h"
#include "log.h"
#include "smtp/smtp_server.h"

#include <string.h>

#define ATTEMPT_LOG_MAX 20 /* recipients told one by one in a log line */

/* An address that is no path would be a command of its own on the wire. */
static bool attempt_is_fit(const char *address)
{
	return *address && strlen(address) <= SMTP_PATH_MAX &&
	       smtp_path_check(address, true, false);
}

static void attempt_refuse(struct relay_recipient *to, const char *words)
{
	to->verdict = RELAY_FAILED;
	g_strlcpy(to->status, "5.1.3", sizeof(to->status));
	to->reply = g_strdup(words);
}

/* Those for the relay first, then those that are not fit for it. */
static void attempt_fill(struct attempt *attempt)
{
	const struct queue_entry *entry = attempt->entry;
	bool sender_is_fit =
		!*entry->reverse_path || attempt_is_fit(entry->reverse_path);
	size_t at = 0;

	for (int pass = 0; pass < 2; pass++)
		for (guint i = 0; i < entry->recipients->len; i++) {
			struct queue_recipient *from =
				entry->recipients->pdata[i];
			bool fit =
				sender_is_fit && attempt_is_fit(from->address);
			struct relay_recipient *to = &attempt->recipients[at];

			if (fit != (pass == 0))
				continue;
			to->address = from->address;
			to->dsn_notify = from->dsn_notify;
			to->dsn_orcpt = from->dsn_orcpt && *from->dsn_orcpt
						? from->dsn_orcpt
						: NULL;
			to->user_data = from;
			if (!fit)
				attempt_refuse(to,
					       sender_is_fit
						       ? "this is no address"
						       : "the sender's address "
							 "is none");
			attempt->refused += !fit;
			at++;
		}
}

struct attempt *attempt_new(struct queue_entry *entry, GBytes *bytes)
{
	struct attempt *attempt = g_new0(struct attempt, 1);
	gsize size;

	attempt->entry = entry;
	attempt->bytes = g_bytes_ref(bytes);
	attempt->began = g_get_monotonic_time();
	attempt->recipient_count = entry->recipients->len;
	attempt->recipients =
		g_new0(struct relay_recipient, attempt->recipient_count);
	attempt_fill(attempt);
	attempt->message.octets = g_bytes_get_data(bytes, &size);
	attempt->message.len = size;
	attempt->message.body_8bit =
		!charset_is_seven_bit(attempt->message.octets, size);
	if (!entry->store)
		attempt->list = mailing_list_of(attempt->message.octets, size,
						entry->reverse_path);
	attempt->message.reverse_path = entry->reverse_path;
	attempt->message.dsn_ret =
		entry->dsn_ret && *entry->dsn_ret ? entry->dsn_ret : NULL;
	attempt->message.dsn_envid =
		entry->dsn_envid && *entry->dsn_envid ? entry->dsn_envid : NULL;
	attempt->message.recipients = attempt->recipients;
	attempt->message.recipient_count =
		attempt->recipient_count - attempt->refused;
	attempt->message.user_data = attempt;
	return attempt;
}

void attempt_set_sender(struct attempt *attempt, char *sender)
{
	g_free(attempt->sender);
	attempt->sender = sender;
	attempt->message.reverse_path =
		sender ? sender : attempt->entry->reverse_path;
}

void attempt_free(struct attempt *attempt)
{
	g_free(attempt->sender);
	for (size_t i = 0; i < attempt->recipient_count; i++)
		g_free(attempt->recipients[i].reply);
	g_free(attempt->recipients);
	g_bytes_unref(attempt->bytes);
	queue_entry_free(attempt->entry);
	g_free(attempt);
}

bool attempt_has_work(const struct attempt *attempt)
{
	return attempt->message.recipient_count > 0;
}

void attempt_defer(struct attempt *attempt, const char *status,
		   const char *words)
{
	for (size_t i = 0; i < attempt->recipient_count; i++) {
		struct relay_recipient *to = &attempt->recipients[i];

		if (to->reply)
			continue;
		to->verdict = RELAY_RETRY;
		g_strlcpy(to->status, status, sizeof(to->status));
		to->reply = field_clean(words, 500);
	}
}

/* ---- deciding ---- */

/* May this be told (RFC 3461 4.1)?  Never about a report, nor to all of a list;
 * and of a delay, unless asked for, not where nobody waits for the message. */
static bool attempt_may_tell(const struct attempt *attempt,
			     const struct relay_recipient *to, unsigned flag)
{
	if (attempt->entry->is_report || !*attempt->entry->reverse_path ||
	    attempt->list.is_posted_to)
		return false;
	if (!to->dsn_notify)
		return flag == SMTP_NOTIFY_FAILURE ||
		       (flag == SMTP_NOTIFY_DELAY && !attempt->list.is_bulk);
	return (to->dsn_notify & flag) != 0;
}

static void attempt_tell(struct attempt_decision *decision,
			 const struct relay_recipient *to,
			 enum report_action action)
{
	struct report_recipient *reported =
		&decision->reported[decision->reported_count++];

	reported->action = action;
	reported->address = to->address;
	reported->orcpt = to->dsn_orcpt;
	reported->status = to->status;
	reported->reply = to->reply ? to->reply : "";
	reported->from_relay = to->from_relay;
}

/* "Too many recipients" is no trouble where some of them were taken: the rest
 * goes at once (RFC 5321 4.5.3.1.10). */
static bool attempt_is_surplus(const struct attempt *attempt,
			       const struct relay_recipient *to)
{
	if (!to->from_relay || !g_str_has_prefix(to->reply, "452"))
		return false;
	for (size_t i = 0; i < attempt->recipient_count; i++)
		if (attempt->recipients[i].verdict == RELAY_SENT)
			return true;
	return false;
}

static void attempt_retry(const struct attempt *attempt,
			  const struct relay_recipient *to,
			  const struct scheduler_policy *policy, int64_t now,
			  struct queue_result *result,
			  struct attempt_decision *decision)
{
	const struct queue_entry *entry = attempt->entry;
	const struct queue_recipient *queued = to->user_data;

	if (attempt_is_surplus(attempt, to)) {
		result->state = QUEUE_RCPT_WAITING;
		result->next_attempt = now;
		return;
	}
	if (scheduler_is_expired(policy, entry->begins, now)) {
		result->state = QUEUE_RCPT_FAILED;
		if (attempt_may_tell(attempt, to, SMTP_NOTIFY_FAILURE))
			attempt_tell(decision, to, REPORT_FAILED);
		return;
	}
	result->state = QUEUE_RCPT_WAITING;
	result->next_attempt = scheduler_next_attempt(
		policy, entry->begins, queued->attempts, now, g_random_int());
	if (scheduler_wants_warning(policy, entry->begins, entry->delay_warned,
				    now) &&
	    attempt_may_tell(attempt, to, SMTP_NOTIFY_DELAY)) {
		attempt_tell(decision, to, REPORT_DELAYED);
		decision->warned = true;
	}
}

/* Whoever asked for it hears of success, and whoever was told of a delay that
 * it is over. */
static void attempt_tell_sent(const struct attempt *attempt,
			      const struct relay_recipient *to,
			      struct attempt_decision *decision)
{
	if (!attempt->message.dsn_was_offered &&
	    attempt_may_tell(attempt, to, SMTP_NOTIFY_SUCCESS))
		attempt_tell(decision, to, REPORT_RELAYED);
	else if (attempt->entry->delay_warned &&
		 attempt_may_tell(attempt, to, SMTP_NOTIFY_DELAY))
		attempt_tell(decision, to, REPORT_SENT);
}

/* A report in the Inbox names everybody who failed, also in earlier attempts
 * (it takes the place of the report on those). */
static void attempt_tell_earlier(const struct attempt *attempt,
				 struct attempt_decision *decision)
{
	const GPtrArray *failed = attempt->entry->failed;
	bool any = false;

	for (size_t i = 0; i < decision->reported_count; i++)
		any = any || decision->reported[i].action == REPORT_FAILED;
	if (!any || !attempt->entry->store || !failed)
		return;
	for (guint i = 0; i < failed->len; i++) {
		const struct queue_recipient *queued = failed->pdata[i];
		struct relay_recipient to = {
			.address = queued->address,
			.dsn_notify = queued->dsn_notify,
			.dsn_orcpt = queued->dsn_orcpt && *queued->dsn_orcpt
					     ? queued->dsn_orcpt
					     : NULL,
			.reply = queued->last_reply,
			/* Words of our own never begin with a code. */
			.from_relay = g_ascii_isdigit(queued->last_reply[0]),
		};

		if (!attempt_may_tell(attempt, &to, SMTP_NOTIFY_FAILURE))
			continue;
		attempt_tell(decision, &to, REPORT_FAILED);
		decision->reported[decision->reported_count - 1].status =
			queued->last_status;
	}
}

void attempt_decide(const struct attempt *attempt,
		    const struct scheduler_policy *policy, int64_t now,
		    struct attempt_decision *ret_decision)
{
	struct attempt_decision decision = {
		.results =
			g_new0(struct queue_result, attempt->recipient_count),
		.count = attempt->recipient_count,
		.took = g_get_monotonic_time() - attempt->began,
		.reported =
			g_new0(struct report_recipient,
			       attempt->recipient_count +
				       (attempt->entry->failed
						? attempt->entry->failed->len
						: 0)),
	};

	for (size_t i = 0; i < attempt->recipient_count; i++) {
		const struct relay_recipient *to = &attempt->recipients[i];
		const struct queue_recipient *queued = to->user_data;
		struct queue_result *result = &decision.results[i];

		result->recipient = queued->id;
		result->reply = to->reply ? to->reply : "";
		result->status = to->status;
		switch (to->verdict) {
		case RELAY_SENT:
			result->state = QUEUE_RCPT_SENT;
			attempt_tell_sent(attempt, to, &decision);
			break;
		case RELAY_FAILED:
			result->state = QUEUE_RCPT_FAILED;
			if (attempt_may_tell(attempt, to, SMTP_NOTIFY_FAILURE))
				attempt_tell(&decision, to, REPORT_FAILED);
			break;
		case RELAY_RETRY:
			attempt_retry(attempt, to, policy, now, result,
				      &decision);
			break;
		}
	}
	attempt_tell_earlier(attempt, &decision);
	*ret_decision = decision;
}

void attempt_decision_clear(struct attempt_decision *decision)
{
	g_clear_pointer(&decision->results, g_free);
	g_clear_pointer(&decision->reported, g_free);
}

/* ---- the log ---- */

static const char *attempt_word(enum queue_recipient_state state)
{
	switch (state) {
	case QUEUE_RCPT_SENT:
		return "sent";
	case QUEUE_RCPT_FAILED:
		return "failed";
	case QUEUE_RCPT_WAITING:
	case QUEUE_RCPT_SENDING:
		return "deferred";
	}
	return "deferred";
}

void attempt_log(const struct attempt *attempt,
		 const struct attempt_decision *decision, const char *relay)
{
	struct log_event *event = log_event_new("relay");

	log_event_number(event, "queue", attempt->entry->id);
	log_event_text(event, "user", attempt->entry->owner);
	log_event_text(event, "from", attempt->entry->reverse_path);
	log_event_number(event, "size", attempt->entry->size);
	log_event_text(event, "relay", relay);
	log_event_number(event, "recipients", (int64_t)decision->count);
	for (size_t i = 0; i < MIN(decision->count, ATTEMPT_LOG_MAX); i++) {
		log_event_text(event, "to", attempt->recipients[i].address);
		log_event_text(event, "result",
			       attempt_word(decision->results[i].state));
		log_event_text(event, "status", decision->results[i].status);
		log_event_text(event, "reply", decision->results[i].reply);
	}
	log_event_duration(event, "time", decision->took);
	log_event_emit(event, LOG_LEVEL_INFO);
}
