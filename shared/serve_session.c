/*
 * One session: reads, feeds the engine, sends what it says.  Pipelined commands
 * are answered in one write: output goes out when the input is drained or the
 * output has grown.
 */
#include "serve_internal.h"

#include "log.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#define SERVE_OUTPUT_MAX   (32 * 1024)
#define SERVE_DRAIN_MS     1000 /* for the client to see the last reply */
#define SERVE_HANDSHAKE_MS 60000
#define SERVE_RETIRE_MS    3000 /* silence that ends a retired session */

/* What a read gave. */
enum session_input {
	SESSION_OCTETS,
	SESSION_END,
	SESSION_WAIT, /* nothing there now */
};

static enum session_input session_read(struct session *session, size_t *ret_len)
{
	ssize_t n;

	if (session->tls) {
		n = tls_read(session->tls, session->buffer, SERVE_BUFFER, -1, 0,
			     NULL);
		if (n == -3)
			return SESSION_WAIT;
	} else {
		n = recv(session->fd, session->buffer, SERVE_BUFFER, 0);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return SESSION_WAIT;
	}
	if (n <= 0)
		return SESSION_END;
	*ret_len = (size_t)n;
	return SESSION_OCTETS;
}

static void session_set_stuck(struct session *session, bool is_stuck)
{
	atomic_store(&session->stuck_since,
		     is_stuck ? g_get_monotonic_time() : 0);
}

static int session_flush(struct session *session)
{
	GString *output = smtp_server_output(session->shown.server);
	int64_t timeout = session->serve->options.timeout_ms;
	struct fault fault = {0};
	int rc;

	if (output->len == 0)
		return 0;
	session_set_stuck(session, true);
	rc = session->tls ? tls_write_all(session->tls, output->str,
					  output->len, timeout, &fault)
			  : net_send_all(session->fd, output->str, output->len,
					 timeout, &fault);
	session_set_stuck(session, false);
	g_string_truncate(output, 0);
	if (rc < 0)
		log_message(LOG_LEVEL_DETAIL,
			    "session %" G_GUINT64_FORMAT ": %s",
			    session->shown.number, fault.text);
	return rc;
}

static void session_end_by_us(struct session *session, enum fault_kind kind,
			      const char *text)
{
	struct fault fault = {0};

	fault_set(&fault, kind, "%s", text);
	smtp_server_end(session->shown.server, &fault);
}

/* How long to wait for the client: as long as it may be silent, and not beyond
 * the time its message has. */
static int64_t session_patience(struct session *session, bool idle)
{
	const struct serve_options *options = &session->serve->options;
	int64_t now = g_get_monotonic_time();
	int64_t left;

	if (idle)
		session->data_since = 0;
	else if (!session->data_since)
		session->data_since = now;
	if (idle || options->message_ms <= 0)
		return options->timeout_ms;
	left = options->message_ms - (now - session->data_since) / 1000;
	return CLAMP(left, 0, options->timeout_ms);
}

/* As net_wait(), and a moment awake before. */
static int session_sleep(struct session *session, bool idle, int wake_fd,
			 int64_t timeout)
{
	atomic_int *awake = &session->serve->awake;
	int rc;

	(void)busy_poll(idle ? &session->idle_poll : &session->data_poll,
			session->fd, wake_fd, awake);
	atomic_fetch_sub(awake, 1);
	rc = net_wait(session->fd, false, wake_fd, timeout);
	atomic_fetch_add(awake, 1);
	return rc;
}

/* Sends what is to be sent and waits for more; false: the session is over. */
static bool session_wait(struct session *session)
{
	struct smtp_server *server = session->shown.server;
	struct serve *serve = session->serve;
	int64_t timeout;
	int ending;
	bool idle;
	int rc;

	smtp_server_drained(server);
	if (session_flush(session) < 0)
		return false;
	idle = smtp_server_is_idle(server);
	timeout = session_patience(session, idle);
	ending = atomic_load(&serve->ending);
	if (ending == SERVE_RETIRES && idle)
		timeout = MIN(timeout, SERVE_RETIRE_MS);
	/* Woken once, it knows; what is under way goes on. */
	rc = ending >= SERVE_STOPS && idle
		     ? 0
		     : session_sleep(session, idle,
				     ending == SERVE_GOES_ON ? serve->stop_fd
							     : -1,
				     timeout);
	if (rc > 0)
		return true;
	if (rc == 0 && ending != SERVE_GOES_ON && idle)
		session_end_by_us(session, FAULT_SHUTDOWN, "is shutting down");
	else if (rc == 0)
		session_end_by_us(session, FAULT_NETWORK,
				  "waited too long for you");
	return false;
}

/* The handshake; what fails is the peer's affair, and logged. */
static int session_handshake(struct session *session)
{
	const struct serve_options *options = &session->serve->options;
	struct fault fault = {0};
	int rc;

	session_set_stuck(session, true);
	rc = tls_accept(options->tls, session->fd,
			MIN(options->timeout_ms, SERVE_HANDSHAKE_MS),
			&session->tls, &fault);
	session_set_stuck(session, false);
	if (rc < 0) {
		log_message(LOG_LEVEL_INFO,
			    "session %" G_GUINT64_FORMAT " of %s: %s",
			    session->shown.number, session->peer.name,
			    fault.text);
		return -1;
	}
	session->shown.tls = session->tls;
	session->more = true;
	return 0;
}

static int session_starttls(struct session *session)
{
	if (session_flush(session) < 0 || session_handshake(session) < 0)
		return -1;
	smtp_server_tls_started(session->shown.server);
	return 0;
}

/* Reads and feeds once; false: the session is over. */
static bool session_step(struct session *session)
{
	struct smtp_server *server = session->shown.server;
	size_t len = 0;

	switch (session_read(session, &len)) {
	case SESSION_END:
		if (atomic_load(&session->serve->ending) == SERVE_CUTS)
			session_end_by_us(session, FAULT_SHUTDOWN,
					  "is shutting down");
		return false;
	case SESSION_WAIT:
		session->more = false;
		return true;
	case SESSION_OCTETS:
		break;
	}
	/* What filled less than the buffer was all there was. */
	session->more = session->tls || len == SERVE_BUFFER;
	switch (smtp_server_feed(server, session->buffer, len)) {
	case SMTP_NEXT_CLOSE:
		return false;
	case SMTP_NEXT_STARTTLS:
		return session_starttls(session) == 0;
	case SMTP_NEXT_READ:
		break;
	}
	if (smtp_server_output(server)->len > SERVE_OUTPUT_MAX)
		return session_flush(session) == 0;
	return true;
}

/* Did the client say that nothing comes any more, and nothing did? */
static bool session_is_drained(const struct session *session)
{
	char octet;

	return session->has_quit &&
	       recv(session->fd, &octet, 1, MSG_PEEK) < 0 && errno == EAGAIN;
}

/* Half-closes and reads on for a while: a close with unread input would make
 * the kernel reset the connection, and the last reply would be lost. */
static void session_drain(struct session *session)
{
	int64_t end = g_get_monotonic_time() / 1000 + SERVE_DRAIN_MS;
	int64_t left = SERVE_DRAIN_MS;

	if (session_is_drained(session) || shutdown(session->fd, SHUT_WR) < 0)
		return;
	while (left > 0 && net_wait(session->fd, false, -1, left) == 1) {
		ssize_t n = recv(session->fd, session->buffer, SERVE_BUFFER, 0);

		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			return;
		left = end - g_get_monotonic_time() / 1000;
	}
}

static void session_talk(struct session *session)
{
	if (session->context)
		smtp_server_greet(session->shown.server);
	while (session->context && (session->more || session_wait(session)))
		if (!session_step(session))
			break;
	(void)session_flush(session);
}

/* Asks for one more session of the peer; false with a fault: it has enough. */
static int session_check_peer(struct session *session, struct fault *fault)
{
	struct serve *serve = session->serve;
	int64_t count = 0;
	GHashTableIter iter;
	gpointer key;

	if (serve->options.max_per_peer <= 0 || session->peer.is_unix)
		return 0;
	pthread_mutex_lock(&serve->mutex);
	session->is_counted = true;
	g_hash_table_iter_init(&iter, serve->sessions);
	while (g_hash_table_iter_next(&iter, &key, NULL)) {
		const struct session *other = key;

		count += other->is_counted &&
			 strcmp(other->peer.name, session->peer.name) == 0;
	}
	session->is_counted = count <= serve->options.max_per_peer;
	pthread_mutex_unlock(&serve->mutex);
	if (session->is_counted)
		return 0;
	log_message(LOG_LEVEL_WARNING,
		    "session %" G_GUINT64_FORMAT
		    " refused: %s has %" G_GINT64_FORMAT
		    " already (lmtp_max_sessions_per_peer)",
		    session->shown.number, session->peer.name, count - 1);
	return fault_set(fault, FAULT_TOO_MANY, "Too many sessions of %s",
			 session->peer.name);
}

/* The session as the engine has it, from open() to close(). */
static void session_serve(struct session *session)
{
	const struct serve_kind *kind = session->listener->kind;
	struct fault fault = {0};

	if (session_check_peer(session, &fault) == 0)
		session->context = kind->open(&session->shown, &fault);
	session->shown.server = smtp_server_new(
		&session->listener->smtp, kind->handler, session->context);
	if (session->tls)
		smtp_server_tls_started(session->shown.server);
	if (!session->context)
		smtp_server_refuse(session->shown.server, &fault);
	session_talk(session);
	session->has_quit =
		!session->tls && smtp_server_has_quit(session->shown.server);
	smtp_server_free(session->shown.server);
	session->shown.server = NULL;
	if (session->context && kind->close)
		kind->close(session->context);
}

void session_run(struct session *session)
{
	const int on = 1;

	net_peer_of(session->fd, &session->peer);
	/* Programs here say all at once, and greeting and replies go out
	 * together. */
	session->more = session->peer.is_unix;
	if (!session->peer.is_unix)
		(void)setsockopt(session->fd, IPPROTO_TCP, TCP_NODELAY, &on,
				 sizeof(on));
	if (!session->listener->kind->is_implicit_tls ||
	    session_handshake(session) == 0)
		session_serve(session);
	session->shown.tls = NULL;
	tls_session_free(session->tls);
	session->tls = NULL;
	session_drain(session);
}
