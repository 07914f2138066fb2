/*
 * Figures of a process: counters, gauges and latencies, printed as
 * OpenMetrics text.  Registered by name once, then counted without a lock.
 *
 *	struct metric *sent = metric_counter("okapi_sent", "result=\"ok\"",
 *					     "Messages sent");
 *	metric_add(sent, 1);
 *
 * Names are families: a counter's sample gets "_total", a latency "_seconds"
 * in its family and "_bucket", "_sum", "_count" in its samples.
 */
#ifndef OKAPI_METRICS_H
#define OKAPI_METRICS_H

#include "base.h"
#include "fault.h"

struct metric;

/* The same name and labels give the same metric, from any thread; it lives as
 * long as the process.  labels: "key=\"value\",...", NULL for none (see
 * metric_label()); help: one line. */
struct metric *metric_counter(const char *name, const char *labels,
			      const char *help);
struct metric *metric_gauge(const char *name, const char *labels,
			    const char *help);
/* name without "_seconds"; buckets from 0.5 ms to 60 s. */
struct metric *metric_latency(const char *name, const char *labels,
			      const char *help);

/* key="value" with the value escaped; owned. */
char *metric_label(const char *key, const char *value);

/* Counters (n >= 0) and gauges. */
void metric_add(struct metric *metric, int64_t n);
/* Gauges; a counter that is kept elsewhere (the store) may be set, too. */
void metric_set(struct metric *metric, int64_t value);
/* Latencies. */
void metric_observe(struct metric *metric, int64_t usec);

/* Appends all of them, "# EOF" at the end. */
void metrics_format(GString *out);

/* Called before each answer to a scraper, in its thread: sets gauges that are
 * looked up rather than counted.  NULL: none. */
void metrics_on_scrape(void (*fill)(void *context), void *context);
/* What a scraper's door calls first. */
void metrics_fill(void);

/* A thread that answers GET /metrics over HTTP/1.1 on where ("host:port",
 * "unix:/path"); where "" or NULL: nothing happens. */
NODISCARD int metrics_listen_start(const char *where, struct fault *fault);
void metrics_listen_stop(void);

#endif
