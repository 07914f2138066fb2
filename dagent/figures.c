/*
 * Counting deliveries.
 */
#include "figures.h"

#include "metrics.h"
#include "store/store.h"

static const char *const figures_names[FIGURES_RESULTS] = {
	[FIGURES_DELIVERED] = "delivered", [FIGURES_DUPLICATE] = "duplicate",
	[FIGURES_DISCARDED] = "discarded", [FIGURES_REFUSED] = "refused",
	[FIGURES_DEFERRED] = "deferred",
};

static struct {
	bool is_started;
	struct metric *results[FIGURES_RESULTS];
	struct metric *octets;
	struct metric *latency;
	struct metric *sessions;
	struct metric *fallbacks;
	struct metric *units;
	struct metric *units_failed;
	struct metric *commits;
	struct metric *largest;
} figures;

const char *figures_result_name(enum figures_result result)
{
	return figures_names[result];
}

void figures_start(void)
{
	for (size_t i = 0; i < FIGURES_RESULTS; i++) {
		g_autofree char *label =
			metric_label("result", figures_names[i]);

		figures.results[i] =
			metric_counter("okapi_dagent_deliveries", label,
				       "Recipients answered, by result.");
	}
	figures.octets = metric_counter("okapi_dagent_octets", NULL,
					"Octets of delivered messages.");
	figures.latency =
		metric_latency("okapi_dagent_delivery", NULL,
			       "Time from the end of a message to its answer.");
	figures.sessions = metric_counter("okapi_dagent_sessions", NULL,
					  "Sessions accepted.");
	figures.fallbacks = metric_counter(
		"okapi_dagent_fallbacks", NULL,
		"Messages kept whole because conversion failed.");
	figures.units = metric_counter("okapi_dagent_units", NULL,
				       "Units of work committed.");
	figures.units_failed = metric_counter("okapi_dagent_units_failed", NULL,
					      "Units of work rolled back.");
	figures.commits = metric_counter("okapi_dagent_commits", NULL,
					 "Transactions, each with one sync.");
	figures.largest = metric_gauge("okapi_dagent_largest_group", NULL,
				       "Most units in one transaction.");
	figures.is_started = true;
}

void figures_count(enum figures_result result, int64_t size, int64_t usec)
{
	if (!figures.is_started)
		return;
	metric_add(figures.results[result], 1);
	metric_observe(figures.latency, usec);
	if (result == FIGURES_DELIVERED)
		metric_add(figures.octets, size);
}

void figures_count_early(enum figures_result result)
{
	if (figures.is_started)
		metric_add(figures.results[result], 1);
}

void figures_session(void)
{
	if (figures.is_started)
		metric_add(figures.sessions, 1);
}

void figures_fallback(void)
{
	if (figures.is_started)
		metric_add(figures.fallbacks, 1);
}

void figures_set_committer(const struct committer_stats *stats)
{
	metric_set(figures.units, (int64_t)stats->units);
	metric_set(figures.units_failed, (int64_t)stats->failed);
	metric_set(figures.commits, (int64_t)stats->commits);
	metric_set(figures.largest, (int64_t)stats->largest);
}
