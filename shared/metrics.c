/*
 * The registry of figures and its text form (OpenMetrics 1.0).
 */
#include "metrics.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

enum metric_kind {
	METRIC_COUNTER,
	METRIC_GAUGE,
	METRIC_LATENCY,
};

/* Upper bounds in microseconds; the last bucket has none. */
static const struct metric_bound {
	int64_t usec;
	const char *text;
} metric_bounds[] = {
	{500, "0.0005"},    {1000, "0.001"},     {2500, "0.0025"},
	{5000, "0.005"},    {10000, "0.01"},     {25000, "0.025"},
	{50000, "0.05"},    {100000, "0.1"},     {250000, "0.25"},
	{500000, "0.5"},    {1000000, "1.0"},    {2500000, "2.5"},
	{5000000, "5.0"},   {10000000, "10.0"},  {30000000, "30.0"},
	{60000000, "60.0"}, {INT64_MAX, "+Inf"},
};

#define METRIC_BUCKETS G_N_ELEMENTS(metric_bounds)

struct metric {
	char *labels;          /* "" for none */
	_Atomic int64_t value; /* of a latency: the sum, microseconds */
	_Atomic int64_t buckets[METRIC_BUCKETS];
};

struct metric_family {
	char *name;
	char *help;
	enum metric_kind kind;
	GPtrArray *metrics; /* of struct metric, in order of registration */
};

static struct {
	pthread_mutex_t mutex;
	GPtrArray *families; /* of struct metric_family */
	void (*fill)(void *context);
	void *context;
} metrics = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static struct metric_family *
metric_family_get(const char *name, enum metric_kind kind, const char *help)
{
	struct metric_family *family;

	if (!metrics.families)
		metrics.families = g_ptr_array_new();
	for (guint i = 0; i < metrics.families->len; i++) {
		family = metrics.families->pdata[i];
		if (strcmp(family->name, name) == 0) {
			if (family->kind != kind)
				g_error("metric %s has two kinds", name);
			return family;
		}
	}
	family = g_new0(struct metric_family, 1);
	family->name = g_strdup(name);
	family->help = g_strdup(help);
	family->kind = kind;
	family->metrics = g_ptr_array_new();
	g_ptr_array_add(metrics.families, family);
	return family;
}

static struct metric *metric_get(const char *name, enum metric_kind kind,
				 const char *labels, const char *help)
{
	struct metric_family *family;
	struct metric *metric = NULL;

	if (!labels)
		labels = "";
	pthread_mutex_lock(&metrics.mutex);
	family = metric_family_get(name, kind, help);
	for (guint i = 0; i < family->metrics->len && !metric; i++) {
		metric = family->metrics->pdata[i];
		if (strcmp(metric->labels, labels) != 0)
			metric = NULL;
	}
	if (!metric) {
		metric = g_new0(struct metric, 1);
		metric->labels = g_strdup(labels);
		g_ptr_array_add(family->metrics, metric);
	}
	pthread_mutex_unlock(&metrics.mutex);
	return metric;
}

struct metric *metric_counter(const char *name, const char *labels,
			      const char *help)
{
	return metric_get(name, METRIC_COUNTER, labels, help);
}

struct metric *metric_gauge(const char *name, const char *labels,
			    const char *help)
{
	return metric_get(name, METRIC_GAUGE, labels, help);
}

struct metric *metric_latency(const char *name, const char *labels,
			      const char *help)
{
	g_autofree char *family = g_strdup_printf("%s_seconds", name);

	return metric_get(family, METRIC_LATENCY, labels, help);
}

/* Backslash, quote and line feed are escaped; what is not UTF-8 is mended. */
static void metric_escape(GString *out, const char *text, bool quotes)
{
	g_autofree char *valid = g_utf8_make_valid(text, -1);

	for (const char *p = valid; *p; p++) {
		if (*p == '\n')
			g_string_append(out, "\\n");
		else if (*p == '\\' || (quotes && *p == '"'))
			g_string_append_printf(out, "\\%c", *p);
		else
			g_string_append_c(out, *p);
	}
}

char *metric_label(const char *key, const char *value)
{
	GString *label = g_string_new(key);

	g_string_append(label, "=\"");
	metric_escape(label, value, true);
	g_string_append_c(label, '"');
	return g_string_free(label, FALSE);
}

void metric_add(struct metric *metric, int64_t n)
{
	atomic_fetch_add_explicit(&metric->value, n, memory_order_relaxed);
}

void metric_set(struct metric *metric, int64_t value)
{
	atomic_store_explicit(&metric->value, value, memory_order_relaxed);
}

static int64_t metric_value(const struct metric *metric)
{
	return atomic_load_explicit(&metric->value, memory_order_relaxed);
}

void metric_observe(struct metric *metric, int64_t usec)
{
	size_t i = 0;

	while (usec > metric_bounds[i].usec)
		i++;
	atomic_fetch_add_explicit(&metric->buckets[i], 1, memory_order_relaxed);
	metric_add(metric, MAX(usec, 0));
}

/* ---- text ---- */

/* Buckets are cumulative; the count is that of the last, so that the two
 * agree whatever is counted meanwhile. */
static void metric_format_latency(GString *out, const char *name,
				  const struct metric *metric)
{
	const char *comma = *metric->labels ? "," : "";
	const char *open = *metric->labels ? "{" : "";
	const char *close = *metric->labels ? "}" : "";
	int64_t count = 0;
	int64_t sum = metric_value(metric);

	for (size_t i = 0; i < METRIC_BUCKETS; i++) {
		count += atomic_load_explicit(&metric->buckets[i],
					      memory_order_relaxed);
		g_string_append_printf(
			out, "%s_bucket{%s%sle=\"%s\"} %" G_GINT64_FORMAT "\n",
			name, metric->labels, comma, metric_bounds[i].text,
			count);
	}
	g_string_append_printf(out, "%s_count%s%s%s %" G_GINT64_FORMAT "\n",
			       name, open, metric->labels, close, count);
	g_string_append_printf(out,
			       "%s_sum%s%s%s %" G_GINT64_FORMAT
			       ".%06" G_GINT64_FORMAT "\n",
			       name, open, metric->labels, close,
			       sum / USEC_PER_SEC, sum % USEC_PER_SEC);
}

static void metric_format_one(GString *out, const struct metric_family *family,
			      const struct metric *metric)
{
	if (family->kind == METRIC_LATENCY) {
		metric_format_latency(out, family->name, metric);
		return;
	}
	g_string_append_printf(
		out, "%s%s%s%s%s %" G_GINT64_FORMAT "\n", family->name,
		family->kind == METRIC_COUNTER ? "_total" : "",
		*metric->labels ? "{" : "", metric->labels,
		*metric->labels ? "}" : "", metric_value(metric));
}

static void metric_format_family(GString *out,
				 const struct metric_family *family)
{
	static const char *const types[] = {"counter", "gauge", "histogram"};

	g_string_append_printf(out, "# TYPE %s %s\n", family->name,
			       types[family->kind]);
	if (family->kind == METRIC_LATENCY)
		g_string_append_printf(out, "# UNIT %s seconds\n",
				       family->name);
	g_string_append_printf(out, "# HELP %s ", family->name);
	metric_escape(out, family->help, true);
	g_string_append_c(out, '\n');
	for (guint i = 0; i < family->metrics->len; i++)
		metric_format_one(out, family, family->metrics->pdata[i]);
}

void metrics_format(GString *out)
{
	pthread_mutex_lock(&metrics.mutex);
	for (guint i = 0; metrics.families && i < metrics.families->len; i++)
		metric_format_family(out, metrics.families->pdata[i]);
	pthread_mutex_unlock(&metrics.mutex);
	g_string_append(out, "# EOF\n");
}

void metrics_on_scrape(void (*fill)(void *context), void *context)
{
	pthread_mutex_lock(&metrics.mutex);
	metrics.fill = fill;
	metrics.context = context;
	pthread_mutex_unlock(&metrics.mutex);
}

void metrics_fill(void)
{
	void (*fill)(void *context);
	void *context;

	pthread_mutex_lock(&metrics.mutex);
	fill = metrics.fill;
	context = metrics.context;
	pthread_mutex_unlock(&metrics.mutex);
	if (fill)
		fill(context);
}
