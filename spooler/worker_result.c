/*
 * What came of an attempt: recorded, told to the sender, counted and logged.
 */
#include "worker_internal.h"

#include "digest.h"
#include "log.h"

#define WORKER_QUICK_US     5000
#define WORKER_COMMIT_TRIES 5 /* while stopping */

/* What came of an attempt, on its way into the store. */
struct worker_record {
	struct attempt *attempt;
	struct attempt_decision decision;
	struct content content;
	struct propset *set; /* of content */
	const struct content *report;
	struct fault left_out; /* copies or reports that could not be made */
	struct commit_request *request;
};

static void worker_record_free(struct worker_record *record)
{
	if (record->content.rfc822)
		g_bytes_unref(record->content.rfc822);
	propset_free(record->set);
	attempt_decision_clear(&record->decision);
	attempt_free(record->attempt);
	g_free(record);
}

/* It may run twice. */
static int worker_record_unit(struct store *store, void *context,
			      struct fault *fault)
{
	struct worker_record *record = context;

	return store_queue_results(
		store,
		&(struct queue_results){
			.id = record->attempt->entry->id,
			.results = record->decision.results,
			.count = record->decision.count,
			.report = record->report,
			.delay_warned = record->decision.warned,
		},
		&record->left_out, fault);
}

static void worker_record_start(struct worker *worker)
{
	worker->record->request = committer_start(
		worker->spooler->committer, worker_record_unit, worker->record);
}

void worker_expect(struct worker *worker, bool expect)
{
	if (expect == worker->is_expected)
		return;
	worker->is_expected = expect;
	committer_expect(worker->spooler->committer, expect ? 1 : -1);
}

/* What the relay host has taken must be recorded, or it goes twice; false: it
 * is not, and the end has come. */
static bool worker_record_wait(struct worker *worker)
{
	struct worker_record *record = worker->record;
	int64_t id = record->attempt->entry->id;

	for (int tries = 0;; tries++) {
		struct fault fault = {0};

		if (committer_wait(record->request, &fault) == 0) {
			if (record->left_out.kind != FAULT_NONE)
				log_message(LOG_LEVEL_ERROR,
					    "message %" G_GINT64_FORMAT
					    " of the queue is recorded, but "
					    "without %s",
					    id, record->left_out.text);
			return true;
		}
		if (!fault_is_temporary(&fault)) {
			log_message(LOG_LEVEL_WARNING,
				    "message %" G_GINT64_FORMAT
				    " has left the queue meanwhile: %s",
				    id, fault.text);
			return true;
		}
		log_message(LOG_LEVEL_ERROR,
			    "cannot record what became of message "
			    "%" G_GINT64_FORMAT ": %s",
			    id, fault.text);
		if (tries >= WORKER_COMMIT_TRIES &&
		    worker_is_stopping(worker)) {
			/* Nothing more may be taken that is not recorded. */
			worker_cut(worker);
			return false;
		}
		g_usleep(USEC_PER_SEC);
		worker_record_start(worker);
	}
}

static void worker_report(struct worker *worker, struct worker_record *record)
{
	const struct attempt *attempt = record->attempt;
	const struct attempt_decision *decision = &record->decision;
	const struct settings *settings = worker->settings;
	const struct conf *conf = settings->conf;
	struct report report = {
		.hostname = conf->hostname,
		.origin = conf->origin,
		.to = attempt->entry->reverse_path,
		.subject = attempt->entry->subject,
		.envid = attempt->message.dsn_envid,
		.relay = worker->relay ? worker->relay : "",
		.arrived = attempt->entry->submitted,
		.now = g_get_real_time(),
		.retry_until =
			attempt->entry->begins + settings->policy.lifetime,
		.recipients = decision->reported,
		.recipient_count = decision->reported_count,
		.original = attempt->message.octets,
		.original_len = attempt->message.len,
		.headers_only = attempt->message.dsn_ret &&
				*attempt->message.dsn_ret == 'H',
	};
	struct convert_options options = {
		.flags = CONVERT_HEADERS,
		.default_charset = conf->default_charset,
	};
	struct fault fault = {0};
	gsize size;
	const void *octets;

	record->content.rfc822 =
		g_byte_array_free_to_bytes(report_compose(&report));
	if (helper_to_propset(worker->spooler->helpers, record->content.rfc822,
			      -1, &options, &record->set, &fault) != 0)
		log_message(LOG_LEVEL_WARNING,
			    "a report could not be converted: %s", fault.text);
	report_set_class(record->set, report_action(&report));
	octets = g_bytes_get_data(record->content.rfc822, &size);
	digest_sha256(octets, size, record->content.sha256);
	record->content.set = record->set;
	record->report = &record->content;
	metric_add(worker->spooler->reports, 1);
}

static void worker_count(struct worker *worker,
			 const struct attempt_decision *decision)
{
	struct spooler *spooler = worker->spooler;

	for (size_t i = 0; i < decision->count; i++)
		switch (decision->results[i].state) {
		case QUEUE_RCPT_SENT:
			metric_add(spooler->sent, 1);
			break;
		case QUEUE_RCPT_FAILED:
			metric_add(spooler->failed, 1);
			break;
		case QUEUE_RCPT_WAITING:
		case QUEUE_RCPT_SENDING:
			metric_add(spooler->deferred, 1);
			break;
		}
	metric_observe(spooler->latency, decision->took);
}

void worker_finish(struct worker *worker, struct attempt *attempt)
{
	struct worker_record *record = g_new0(struct worker_record, 1);

	worker_settle(worker);
	record->attempt = attempt;
	attempt_decide(attempt, &worker->settings->policy, g_get_real_time(),
		       &record->decision);
	worker->is_quick = record->decision.took < WORKER_QUICK_US;
	if (record->decision.reported_count)
		worker_report(worker, record);
	worker->record = record;
	worker_expect(worker, false);
	worker_record_start(worker);
}

void worker_settle(struct worker *worker)
{
	struct worker_record *record = worker->record;
	bool is_recorded;

	if (!record)
		return;
	is_recorded = worker_record_wait(worker);
	worker->record = NULL;
	if (is_recorded) {
		worker_count(worker, &record->decision);
		attempt_log(record->attempt, &record->decision, worker->relay);
	} else {
		log_message(LOG_LEVEL_ERROR,
			    "message %" G_GINT64_FORMAT
			    " of the queue: what became of it is not recorded, "
			    "and it may be sent again",
			    record->attempt->entry->id);
	}
	worker_record_free(record);
}
