/*
 * Figures, their text, and the door for scrapers.
 */
#include "metrics.h"

#include "net.h"
#include <criterion/criterion.h>
#include <glib/gstdio.h>
#include <pthread.h>
#include <string.h>

#define WAIT_MS 60000

Test(metrics, text)
{
	struct metric *ok =
		metric_counter("okapi_sent", "result=\"ok\"", "Messages sent");
	struct metric *depth = metric_gauge("okapi_queue", NULL, "a \"q\"\nb");
	struct metric *failed =
		metric_counter("okapi_sent", "result=\"no\"", "Messages sent");
	struct metric *latency =
		metric_latency("okapi_commit", "kind=\"x\"", "Commits");
	g_autoptr(GString) text = g_string_new(NULL);

	metric_add(ok, 2);
	metric_add(ok, 40);
	metric_add(failed, 1);
	metric_set(depth, 7);
	metric_add(depth, -8);
	metric_observe(latency, 0);
	metric_observe(latency, 500);
	metric_observe(latency, 501);
	metric_observe(latency, 3000000);
	metric_observe(latency, 100000000);
	cr_expect_eq(ok, metric_counter("okapi_sent", "result=\"ok\"", "x"));
	metrics_format(text);
	cr_expect_str_eq(
		text->str,
		"# TYPE okapi_sent counter\n"
		"# HELP okapi_sent Messages sent\n"
		"okapi_sent_total{result=\"ok\"} 42\n"
		"okapi_sent_total{result=\"no\"} 1\n"
		"# TYPE okapi_queue gauge\n"
		"# HELP okapi_queue a \\\"q\\\"\\nb\n"
		"okapi_queue -1\n"
		"# TYPE okapi_commit_seconds histogram\n"
		"# UNIT okapi_commit_seconds seconds\n"
		"# HELP okapi_commit_seconds Commits\n"
		"okapi_commit_seconds_bucket{kind=\"x\",le=\"0.0005\"} 2\n"
		"okapi_commit_seconds_bucket{kind=\"x\",le=\"0.001\"} 3\n"
		"okapi_commit_seconds_bucket{kind=\"x\",le=\"0.0025\"} 3\n"
		"okapi_commit_seconds_bucket{kind=\"x\",le=\"0.005\"} 3\n"
		"okapi_commit_seconds_bucket{kind=\"x\",le=\"0.01\"} 3\n"
		"okapi_commit_seconds_bucket{kind=\"x\",le=\"0.025\"} 3\n"
		"okapi_commit_seconds_bucket{kind=\"x\",le=\"0.05\"} 3\n"
		"okapi_commit_seconds_bucket{kind=\"x\",le=\"0.1\"} 3\n"
		"okapi_commit_seconds_bucket{kind=\"x\",le=\"0.25\"} 3\n"
		"okapi_commit_seconds_bucket{kind=\"x\",le=\"0.5\"} 3\n"
		"okapi_commit_seconds_bucket{kind=\"x\",le=\"1.0\"} 3\n"
		"okapi_commit_seconds_bucket{kind=\"x\",le=\"2.5\"} 3\n"
		"okapi_commit_seconds_bucket{kind=\"x\",le=\"5.0\"} 4\n"
		"okapi_commit_seconds_bucket{kind=\"x\",le=\"10.0\"} 4\n"
		"okapi_commit_seconds_bucket{kind=\"x\",le=\"30.0\"} 4\n"
		"okapi_commit_seconds_bucket{kind=\"x\",le=\"60.0\"} 4\n"
		"okapi_commit_seconds_bucket{kind=\"x\",le=\"+Inf\"} 5\n"
		"okapi_commit_seconds_count{kind=\"x\"} 5\n"
		"okapi_commit_seconds_sum{kind=\"x\"} 103.001001\n"
		"# EOF\n");
}

Test(metrics, labels_are_escaped)
{
	g_autofree char *label = metric_label("k", "a\"b\\c\nd\xff");

	cr_expect_str_eq(label, "k=\"a\\\"b\\\\c\\nd\xef\xbf\xbd\"");
}

static void *count_much(void *argument)
{
	(void)argument;
	for (int i = 0; i < 20000; i++) {
		metric_add(metric_counter("okapi_race", NULL, "x"), 1);
		metric_observe(metric_latency("okapi_race", NULL, "x"), i);
	}
	return NULL;
}

Test(metrics, threads)
{
	pthread_t threads[4];
	g_autoptr(GString) text = g_string_new(NULL);

	for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
		cr_assert_eq(
			pthread_create(&threads[i], NULL, count_much, NULL), 0);
	for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
		pthread_join(threads[i], NULL);
	metrics_format(text);
	cr_expect_not_null(strstr(text->str, "okapi_race_total 80000\n"));
	cr_expect_not_null(strstr(text->str, "okapi_race_seconds_count 80000"));
}

/* What comes back for a request; owned. */
static char *ask(const char *where, const char *request, size_t len)
{
	GString *answer = g_string_new(NULL);
	struct fault fault = {0};
	char buffer[4096];
	AUTOCLOSE int fd = -1;
	ssize_t n;

	cr_assert_eq(net_connect(where, WAIT_MS, &fd, &fault), 0, "%s",
		     fault.text);
	cr_assert_eq(net_send_all(fd, request, len, WAIT_MS, &fault), 0, "%s",
		     fault.text);
	while (net_wait(fd, false, -1, WAIT_MS) == 1 &&
	       (n = recv(fd, buffer, sizeof(buffer), 0)) > 0)
		g_string_append_len(answer, buffer, n);
	return g_string_free(answer, FALSE);
}

static void fill(void *context)
{
	metric_set(context, 5);
}

Test(metrics, door)
{
	static const struct {
		const char *name, *request, *status, *body;
	} cases[] = {
		{"GET", "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "200 OK",
		 "\r\n\r\n# TYPE okapi_depth gauge\n# HELP okapi_depth x\n"
		 "okapi_depth 5\n# EOF\n"},
		{"query", "GET /metrics?x=y HTTP/1.0\r\n\r\n", "200 OK",
		 "okapi_depth 5\n# EOF\n"},
		{"HEAD", "HEAD /metrics HTTP/1.1\r\n\r\n", "200 OK",
		 "Connection: close\r\n\r\n"},
		{"elsewhere", "GET / HTTP/1.1\r\n\r\n", "404 Not Found",
		 "all there is\n"},
		{"POST",
		 "POST /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
		 "405 Method Not Allowed", "all there is\n"},
		{"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		 "400 Bad Request", "all there is\n"},
		{"nonsense", "\r\n\r\n", "400 Bad Request", "all there is\n"},
	};
	g_autofree char *dir = g_dir_make_tmp("okapi-metrics-XXXXXX", NULL);
	g_autofree char *where = g_strdup_printf("unix:%s/sock", dir);
	g_autofree char *big = g_strnfill(20000, 'x');
	struct fault fault = {0};

	metrics_on_scrape(fill, metric_gauge("okapi_depth", NULL, "x"));
	cr_assert_eq(metrics_listen_start(where, &fault), 0, "%s", fault.text);
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *answer =
			ask(where, cases[i].request, strlen(cases[i].request));
		g_autofree char *line =
			g_strdup_printf("HTTP/1.1 %s\r\n", cases[i].status);

		cr_expect(g_str_has_prefix(answer, line), "%s: %s",
			  cases[i].name, answer);
		cr_expect(g_str_has_suffix(answer, cases[i].body), "%s: %s",
			  cases[i].name, answer);
	}
	g_autofree char *too_big = ask(where, big, strlen(big));

	cr_expect(g_str_has_prefix(too_big, "HTTP/1.1 431 "), "%s", too_big);
	g_autofree char *nul =
		ask(where, "GET\0 /metrics HTTP/1.1\r\n\r\n", 27);

	cr_expect(g_str_has_prefix(nul, "HTTP/1.1 400 "), "%s", nul);
	metrics_listen_stop();
	cr_expect_not(g_file_test(where + strlen("unix:"), G_FILE_TEST_EXISTS));
	(void)g_rmdir(dir);
}

/* Whoever says nothing, half a request, or reads no answer keeps nobody from
 * being answered, however many there are. */
Test(metrics, stuck_clients_hold_nobody_up)
{
	static const char *const words[] = {"", "GET /met",
					    "GET /metrics HTTP/1.1\r\n\r\n"};
	g_autofree char *dir = g_dir_make_tmp("okapi-metrics-XXXXXX", NULL);
	g_autofree char *where = g_strdup_printf("unix:%s/sock", dir);
	const char *request = "GET /metrics HTTP/1.1\r\n\r\n";
	struct fault fault = {0};
	int64_t began = g_get_monotonic_time();
	int stuck[40];

	cr_assert_eq(metrics_listen_start(where, &fault), 0, "%s", fault.text);
	for (size_t i = 0; i < G_N_ELEMENTS(stuck); i++) {
		const char *word = words[i % G_N_ELEMENTS(words)];

		cr_assert_eq(net_connect(where, WAIT_MS, &stuck[i], &fault), 0,
			     "%s", fault.text);
		cr_assert_eq(net_send_all(stuck[i], word, strlen(word), WAIT_MS,
					  &fault),
			     0);
	}
	for (int i = 0; i < 3; i++) {
		g_autofree char *answer = ask(where, request, strlen(request));

		cr_expect(g_str_has_prefix(answer, "HTTP/1.1 200 "), "%s",
			  answer);
	}
	/* Not forty times the five seconds that each may take. */
	cr_expect_lt(g_get_monotonic_time() - began, 50 * USEC_PER_SEC);
	for (size_t i = 0; i < G_N_ELEMENTS(stuck); i++)
		base_close_fd(&stuck[i]);
	metrics_listen_stop();
	(void)g_rmdir(dir);
}

Test(metrics, door_that_is_not_wanted_or_not_possible)
{
	struct fault fault = {0};

	cr_expect_eq(metrics_listen_start("", &fault), 0);
	cr_expect_eq(metrics_listen_start(NULL, &fault), 0);
	cr_expect_eq(metrics_listen_start("nowhere", &fault), -1);
	cr_expect(g_str_has_prefix(fault.text, "metrics_listen: "), "%s",
		  fault.text);
	metrics_listen_stop();
}
