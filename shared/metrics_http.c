/*
 * The scraper's door: as much HTTP/1.1 as GET /metrics takes (RFC 9112), one
 * connection at a time, each with a deadline and a ceiling.
 */
#include "metrics.h"

#include "log.h"
#include "net.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>

#define HTTP_REQUEST_MAX 8192
#define HTTP_TIMEOUT_MS  5000
#define HTTP_PAUSE_MS    250

static struct {
	bool running;
	pthread_t thread;
	int listen_fd;
	int stop_fd;
	char *where;
} metrics_http = {.listen_fd = -1, .stop_fd = -1};

/* Reads up to the empty line; 0, or the status that says what is wrong, or -1
 * if there is nobody to answer. */
static int http_read(int fd, GString *request)
{
	int64_t end = g_get_monotonic_time() / 1000 + HTTP_TIMEOUT_MS;
	char buffer[1024];

	while (!strstr(request->str, "\r\n\r\n")) {
		int64_t left = end - g_get_monotonic_time() / 1000;
		ssize_t n;

		if (net_wait(fd, false, metrics_http.stop_fd, MAX(left, 0)) !=
		    1)
			return -1;
		n = recv(fd, buffer, sizeof(buffer), 0);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n <= 0)
			return -1;
		if (memchr(buffer, '\0', (size_t)n))
			return 400;
		g_string_append_len(request, buffer, n);
		if (request->len > HTTP_REQUEST_MAX)
			return 431;
	}
	return 0;
}

/* The status of a request line; *ret_head: without body. */
static int http_judge(const char *request, bool *ret_head)
{
	g_autofree char *line = g_strndup(request, strcspn(request, "\r\n"));
	g_auto(GStrv) words = g_strsplit(line, " ", 4);

	*ret_head = false;
	if (g_strv_length(words) != 3 || !g_str_has_prefix(words[2], "HTTP/1."))
		return 400;
	*ret_head = strcmp(words[0], "HEAD") == 0;
	if (!*ret_head && strcmp(words[0], "GET") != 0)
		return 405;
	words[1][strcspn(words[1], "?")] = '\0';
	return strcmp(words[1], "/metrics") == 0 ? 200 : 404;
}

static const char *http_reason(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 431:
		return "Request Header Fields Too Large";
	default:
		return "Bad Request";
	}
}

static void http_answer(int fd, int status, bool head)
{
	g_autoptr(GString) body = g_string_new(NULL);
	g_autoptr(GString) answer = g_string_new(NULL);
	struct fault fault = {0};

	if (status == 200) {
		metrics_fill();
		metrics_format(body);
	} else {
		g_string_printf(body, "%d %s: GET /metrics is all there is\n",
				status, http_reason(status));
	}
	g_string_printf(answer,
			"HTTP/1.1 %d %s\r\nContent-Type: %s\r\n"
			"Content-Length: %zu\r\n%sConnection: close\r\n\r\n",
			status, http_reason(status),
			status == 200 ? "application/openmetrics-text; "
					"version=1.0.0; charset=utf-8"
				      : "text/plain; charset=utf-8",
			body->len, status == 405 ? "Allow: GET, HEAD\r\n" : "");
	if (!head)
		g_string_append_len(answer, body->str, (gssize)body->len);
	if (net_send_all(fd, answer->str, answer->len, HTTP_TIMEOUT_MS,
			 &fault) < 0)
		log_message(LOG_LEVEL_DETAIL, "metrics: %s", fault.text);
}

static void http_serve(int fd)
{
	g_autoptr(GString) request = g_string_new(NULL);
	bool head = false;
	char rest[1024];
	int status = http_read(fd, request);

	if (status < 0)
		return;
	if (status == 0)
		status = http_judge(request->str, &head);
	http_answer(fd, status, head);
	/* A close with unread input would cut the answer short. */
	if (shutdown(fd, SHUT_WR) == 0 &&
	    net_wait(fd, false, metrics_http.stop_fd, HTTP_PAUSE_MS) == 1)
		while (recv(fd, rest, sizeof(rest), 0) > 0)
			continue;
}

static void *http_main(void *argument G_GNUC_UNUSED)
{
	while (net_wait(metrics_http.listen_fd, false, metrics_http.stop_fd,
			-1) == 1) {
		AUTOCLOSE int fd = accept4(metrics_http.listen_fd, NULL, NULL,
					   SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0)
			http_serve(fd);
		else if (errno == EMFILE || errno == ENFILE ||
			 errno == ENOBUFS || errno == ENOMEM)
			(void)net_wait(-1, false, metrics_http.stop_fd,
				       HTTP_PAUSE_MS);
	}
	return NULL;
}

int metrics_listen_start(const char *where, struct fault *fault)
{
	const struct net_unix_options mode = {.mode = 0660};
	sigset_t all;
	sigset_t old;
	int rc;

	if (!where || !*where)
		return 0;
	if (net_listen(where, &mode, &metrics_http.listen_fd, fault) < 0) {
		fault_prefix(fault, "metrics_listen");
		return -1;
	}
	metrics_http.stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = metrics_http.stop_fd < 0 ? errno
				      : pthread_create(&metrics_http.thread,
						       NULL, http_main, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc != 0) {
		base_close_fd(&metrics_http.listen_fd);
		base_close_fd(&metrics_http.stop_fd);
		return fault_set_errno(fault, FAULT_CONFIG, rc,
				       "metrics_listen");
	}
	metrics_http.where = g_strdup(where);
	metrics_http.running = true;
	return 0;
}

void metrics_listen_stop(void)
{
	const uint64_t one = 1;

	if (!metrics_http.running)
		return;
	if (write(metrics_http.stop_fd, &one, sizeof(one)) < 0)
		log_message(LOG_LEVEL_ERROR, "eventfd: %s", g_strerror(errno));
	pthread_join(metrics_http.thread, NULL);
	metrics_http.running = false;
	net_unlisten(metrics_http.where);
	g_clear_pointer(&metrics_http.where, g_free);
	base_close_fd(&metrics_http.listen_fd);
	base_close_fd(&metrics_http.stop_fd);
}
