/*
 * The scraper's door: as much HTTP/1.1 as GET /metrics takes (RFC 9112), by one
 * thread for all connections, each with a deadline and a ceiling.
 */
#include "metrics.h"

#include "log.h"
#include "net.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>

#define HTTP_REQUEST_MAX 8192
#define HTTP_TIMEOUT_MS  5000
#define HTTP_PAUSE_MS    250
#define HTTP_CLIENTS_MAX 16 /* then the oldest has to go */

/* A connection: asks, is answered, and closes. */
struct http_client {
	int fd;
	int64_t end; /* monotonic milliseconds */
	GString *request;
	GString *answer; /* NULL: not asked yet */
	size_t sent;
};

static struct {
	bool running;
	pthread_t thread;
	int listen_fd;
	int stop_fd;
	char *where;
} metrics_http = {.listen_fd = -1, .stop_fd = -1};

/* Once the empty line is there 0, or the status that says what is wrong; -1:
 * not yet. */
static int http_add(GString *request, const char *octets, size_t len)
{
	if (memchr(octets, '\0', len))
		return 400;
	g_string_append_len(request, octets, (gssize)len);
	if (request->len > HTTP_REQUEST_MAX)
		return 431;
	return strstr(request->str, "\r\n\r\n") ? 0 : -1;
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

static GString *http_answer(int status, bool head)
{
	g_autoptr(GString) body = g_string_new(NULL);
	GString *answer = g_string_new(NULL);

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
	return answer;
}

/* ---- connections ---- */

static int64_t http_now(void)
{
	return g_get_monotonic_time() / 1000;
}

static void client_free(gpointer data)
{
	struct http_client *client = data;

	base_close_fd(&client->fd);
	g_string_free(client->request, TRUE);
	if (client->answer)
		g_string_free(client->answer, TRUE);
	g_free(client);
}

static bool client_is_answered(const struct http_client *client)
{
	return client->answer && client->sent == client->answer->len;
}

/* A failed system call that may be tried again later. */
static bool client_may_wait(ssize_t n)
{
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

/* false: it is over.  What comes behind the request is read, too: a close with
 * unread input would cut the answer short. */
static bool client_read(struct http_client *client)
{
	char buffer[1024];
	ssize_t n = recv(client->fd, buffer, sizeof(buffer), 0);
	bool head = false;
	int status;

	if (n <= 0)
		return client_may_wait(n);
	if (client->answer)
		return true;
	status = http_add(client->request, buffer, (size_t)n);
	if (status < 0)
		return true;
	if (status == 0)
		status = http_judge(client->request->str, &head);
	client->answer = http_answer(status, head);
	return true;
}

/* false: it is over. */
static bool client_write(struct http_client *client)
{
	ssize_t n = send(client->fd, client->answer->str + client->sent,
			 client->answer->len - client->sent, MSG_NOSIGNAL);

	if (n < 0)
		return client_may_wait(n);
	client->sent += (size_t)n;
	if (!client_is_answered(client))
		return true;
	client->end = http_now() + HTTP_PAUSE_MS;
	return shutdown(client->fd, SHUT_WR) == 0;
}

static void clients_accept(GPtrArray *clients)
{
	int fd = accept4(metrics_http.listen_fd, NULL, NULL,
			 SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct http_client *client;

	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
		    errno == ENOMEM)
			(void)net_wait(-1, false, metrics_http.stop_fd,
				       HTTP_PAUSE_MS);
		return;
	}
	if (clients->len == HTTP_CLIENTS_MAX)
		g_ptr_array_remove_index(clients, 0);
	client = g_new0(struct http_client, 1);
	client->fd = fd;
	client->end = http_now() + HTTP_TIMEOUT_MS;
	client->request = g_string_new(NULL);
	g_ptr_array_add(clients, client);
}

/* Those of whom poll(2) says something, in the order of fds, go on; who is
 * done or too slow goes. */
static void clients_serve(GPtrArray *clients, const struct pollfd *fds)
{
	guint kept = 0;

	for (guint i = 0, count = clients->len; i < count; i++) {
		struct http_client *client = clients->pdata[kept];
		bool goes_on = http_now() < client->end;

		if (goes_on && fds[i].revents)
			goes_on = fds[i].events == POLLOUT
					  ? client_write(client)
					  : client_read(client);
		if (goes_on)
			kept++;
		else
			g_ptr_array_remove_index(clients, kept);
	}
}

/* Milliseconds until the first of them has to go; -1: there is none. */
static int clients_patience(const GPtrArray *clients)
{
	int64_t now = http_now();
	int64_t left = -1;

	for (guint i = 0; i < clients->len; i++) {
		const struct http_client *client = clients->pdata[i];
		int64_t more = MAX(client->end - now, 0);

		left = left < 0 ? more : MIN(left, more);
	}
	return (int)left;
}

static void *http_main(void *argument G_GNUC_UNUSED)
{
	g_autoptr(GPtrArray) clients =
		g_ptr_array_new_with_free_func(client_free);
	struct pollfd fds[HTTP_CLIENTS_MAX + 2] = {
		{.fd = metrics_http.stop_fd, .events = POLLIN},
		{.fd = metrics_http.listen_fd, .events = POLLIN},
	};

	for (;;) {
		for (guint i = 0; i < clients->len; i++) {
			const struct http_client *client = clients->pdata[i];
			bool writes =
				client->answer && !client_is_answered(client);

			fds[i + 2] = (struct pollfd){.fd = client->fd,
						     .events = writes ? POLLOUT
								      : POLLIN};
		}
		if (poll(fds, clients->len + 2, clients_patience(clients)) <
		    0) {
			(void)net_wait(-1, false, metrics_http.stop_fd,
				       HTTP_PAUSE_MS);
			continue;
		}
		if (fds[0].revents)
			return NULL;
		clients_serve(clients, fds + 2);
		if (fds[1].revents)
			clients_accept(clients);
	}
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
