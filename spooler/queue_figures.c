/*
 * What the metrics say of the queue: looked up when somebody asks, so that it
 * is what the store holds, whoever put it there.
 */
#include "queue_figures.h"

#include "log.h"
#include "metrics.h"
#include "store/queue.h"

static struct {
	char *path; /* of the store */
	int64_t timeout_ms;
	struct metric *messages[3]; /* by enum queue_state */
	struct metric *age;
} figures;

static void figures_fill(void *context)
{
	AUTO(store) store = NULL;
	struct queue_depth depth;
	struct fault fault = {0};

	(void)context;
	if (store_open(figures.path, STORE_READ, figures.timeout_ms, &store,
		       &fault) != 0 ||
	    store_queue_depth(store, &depth, &fault) != 0) {
		log_message(LOG_LEVEL_WARNING, "cannot count the queue: %s",
			    fault.text);
		return;
	}
	for (size_t i = 0; i < G_N_ELEMENTS(depth.messages); i++)
		metric_set(figures.messages[i], depth.messages[i]);
	metric_set(figures.age, depth.oldest
					? MAX(g_get_real_time() - depth.oldest,
					      0) / USEC_PER_SEC
					: 0);
}

void queue_figures_start(const struct conf *conf)
{
	figures.path = g_strdup(conf->store_path);
	figures.timeout_ms = conf->store_timeout * 1000;
	for (int i = 0; i < (int)G_N_ELEMENTS(figures.messages); i++) {
		g_autofree char *label = metric_label(
			"state", queue_state_name((enum queue_state)i));

		figures.messages[i] = metric_gauge(
			"okapi_queue_messages", label, "Messages in the queue");
	}
	figures.age = metric_gauge("okapi_queue_oldest_age_seconds", NULL,
				   "Time since the oldest was submitted");
	metrics_on_scrape(figures_fill, NULL);
}

void queue_figures_stop(void)
{
	metrics_on_scrape(NULL, NULL);
	g_clear_pointer(&figures.path, g_free);
}
