/*
 * What came of an attempt: recorded, told to the sender, counted and logged.
 */
#include "worker_internal.h"

#include "digest.h"
#include "log.h"

#define WORKER_QUICK_US     5000
#define WORKER_COMMIT_TRIES 5 /* while stopping */

struct worker_results {
	int64_t id;
	const struct attempt_decision *decision;
	struct content content;
	const struct content *report;
	struct fault left_out; /* copies or reports that could not be made */
};

static int worker_results_unit(struct store *store, void *context,
			       struct fault *fault)
{
	struct worker_results *results = context;

	return store_queue_results(
		store,
		&(struct queue_results){
			.id = results->id,
			.results = results->decision->results,
			.count = results->decision->count,
			.report = results->report,
			.delay_warned = results->decision->warned,
		},
		&results->left_out, fault);
}

void worker_expect(struct worker *worker, bool expect)
{
	if (expect == worker->is_expected)
		return;
	worker->is_expected = expect;
	committer_expect(worker->spooler->committer, expect ? 1 : -1);
}

/* What the relay host has taken must be recorded, or it goes twice. */
static void worker_commit(struct worker *worker, struct worker_results *results)
{
	for (int tries = 0;; tries++) {
		struct fault fault = {0};

		if (committer_run(worker->spooler->committer,
				  worker_results_unit, results, &fault) == 0) {
			if (results->left_out.kind != FAULT_NONE)
				log_message(LOG_LEVEL_ERROR,
					    "message %" G_GINT64_FORMAT
					    " of the queue is recorded, but "
					    "without %s",
					    results->id,
					    results->left_out.text);
			return;
		}
		if (!fault_is_temporary(&fault)) {
			log_message(LOG_LEVEL_WARNING,
				    "message %" G_GINT64_FORMAT
				    " has left the queue meanwhile: %s",
				    results->id, fault.text);
			return;
		}
		log_message(LOG_LEVEL_ERROR,
			    "cannot record what became of message "
			    "%" G_GINT64_FORMAT ": %s",
			    results->id, fault.text);
		if (tries >= WORKER_COMMIT_TRIES && worker_is_stopping(worker))
			return;
		g_usleep(USEC_PER_SEC);
	}
}

static void worker_report(struct worker *worker, const struct attempt *attempt,
			  const struct attempt_decision *decision,
			  const struct settings *settings,
			  struct worker_results *results,
			  struct propset **ret_set)
{
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

	results->content.rfc822 =
		g_byte_array_free_to_bytes(report_compose(&report));
	if (helper_to_propset(worker->spooler->helpers, results->content.rfc822,
			      -1, &options, ret_set, &fault) != 0)
		log_message(LOG_LEVEL_WARNING,
			    "a report could not be converted: %s", fault.text);
	report_set_class(*ret_set, report_action(&report));
	octets = g_bytes_get_data(results->content.rfc822, &size);
	digest_sha256(octets, size, results->content.sha256);
	results->content.set = *ret_set;
	results->report = &results->content;
	metric_add(worker->spooler->reports, 1);
}

static void worker_count(struct worker *worker, const struct attempt *attempt,
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
	metric_observe(spooler->latency,
		       g_get_monotonic_time() - attempt->began);
}

void worker_finish(struct worker *worker, struct attempt *attempt)
{
	struct attempt_decision decision;
	struct worker_results results = {.id = attempt->entry->id};
	AUTO(propset) set = NULL;

	attempt_decide(attempt, &worker->settings->policy, g_get_real_time(),
		       &decision);
	results.decision = &decision;
	if (decision.reported_count)
		worker_report(worker, attempt, &decision, worker->settings,
			      &results, &set);
	worker_commit(worker, &results);
	worker_expect(worker, false);
	worker->is_quick =
		g_get_monotonic_time() - attempt->began < WORKER_QUICK_US;
	worker_count(worker, attempt, &decision);
	attempt_log(attempt, &decision, worker->relay);
	if (results.content.rfc822)
		g_bytes_unref(results.content.rfc822);
	attempt_decision_clear(&decision);
	attempt_free(attempt);
}
