/*
 * Listeners, and a thread for each session: reads, feeds the engine, sends
 * what it says.  Pipelined commands are answered in one write: output goes out
 * when the input is drained or the output has grown.  A few threads whose
 * session is over wait for the next one.
 */
#include "serve.h"

#include "busy_poll.h"
#include "log.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>

#define SERVE_STACK        (1024 * 1024) /* touched pages count only */
#define SERVE_BUFFER       (64 * 1024)
#define SERVE_OUTPUT_MAX   (32 * 1024)
#define SERVE_KINDS        4
#define SERVE_SPARE        8    /* threads that wait for the next session */
#define SERVE_PAUSE_MS     250  /* after accept(2) ran out of something */
#define SERVE_DRAIN_MS     1000 /* for the client to see the last reply */
#define SERVE_CUT_MS       1500 /* for a session that was cut off to end */
#define SERVE_HANDSHAKE_MS 60000
#define SERVE_RETIRE_MS    3000 /* silence that ends a retired session */

/* What sessions are to do; only grows. */
enum serve_ending {
	SERVE_GOES_ON,
	SERVE_RETIRES, /* end when the client pauses */
	SERVE_STOPS,   /* end as soon as no message is under way */
	SERVE_CUTS,    /* end: nothing more can be read */
};

/* The sessions of one kind: those of another do not take their room. */
struct serve_room {
	const struct serve_kind *kind;
	int64_t count; /* under mutex of serve */
};

struct serve_listener {
	int fd;
	const struct serve_kind *kind;
	struct serve_room *room;
	struct smtp_options smtp; /* those of kind, STARTTLS only with TLS */
	void *service_context;
};

struct serve {
	struct serve_options options;
	struct serve_listener *listeners; /* all are there before serve_run() */
	nfds_t listener_count;
	struct serve_room rooms[SERVE_KINDS];
	atomic_int ending; /* enum serve_ending */
	int stop_fd;       /* readable once it ends, for everybody */
	int room_fd;       /* a session ended where there was no room */
	atomic_int awake;  /* sessions that do not sleep */
	uint64_t next_number;

	pthread_mutex_t mutex; /* of all below */
	pthread_cond_t ended;
	GHashTable *sessions; /* set of struct session */
	pthread_cond_t given; /* a session to a spare thread, or is_closing */
	GQueue handed;        /* of struct session, for spare threads */
	guint spare;          /* threads that wait for one */
	guint threads;
	bool is_closing; /* no session comes any more */
};

struct session {
	struct serve_session shown; /* to the service */
	struct serve *serve;
	const struct serve_listener *listener;
	struct net_peer peer;
	int fd;
	struct tls_session *tls;
	void *context;
	bool is_counted;    /* peer is known; under mutex of serve */
	bool more;          /* input may be waiting */
	bool has_quit;      /* the client, in clear text */
	int64_t data_since; /* when the data of a message began, 0: none */
	struct busy_poll idle_poll; /* between messages */
	struct busy_poll data_poll;
	char buffer[SERVE_BUFFER]; /* the last one: never zeroed */
};

/* ---- a session ---- */

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

static int session_flush(struct session *session)
{
	GString *output = smtp_server_output(session->shown.server);
	int64_t timeout = session->serve->options.timeout_ms;
	struct fault fault = {0};
	int rc;

	if (output->len == 0)
		return 0;
	rc = session->tls ? tls_write_all(session->tls, output->str,
					  output->len, timeout, &fault)
			  : net_send_all(session->fd, output->str, output->len,
					 timeout, &fault);
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

	if (tls_accept(options->tls, session->fd,
		       MIN(options->timeout_ms, SERVE_HANDSHAKE_MS),
		       &session->tls, &fault) < 0) {
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

static void session_run(struct session *session)
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

/* ---- threads ---- */

/* The session is over; who waits for room is told. */
static void serve_end_session(struct serve *serve, struct session *session)
{
	const uint64_t one = 1;
	bool was_full =
		session->listener->room->count-- >= serve->options.max_sessions;

	g_hash_table_remove(serve->sessions, session);
	(void)close(session->fd);
	if (was_full && write(serve->room_fd, &one, sizeof(one)) < 0)
		log_message(LOG_LEVEL_ERROR, "eventfd: %s", g_strerror(errno));
	pthread_cond_broadcast(&serve->ended);
}

/* The next session of a thread, or NULL: it is to end. */
static struct session *serve_next_session(struct serve *serve)
{
	struct session *next = NULL;

	if (serve->spare < SERVE_SPARE) {
		serve->spare++;
		while (!serve->is_closing &&
		       !(next = g_queue_pop_head(&serve->handed)))
			pthread_cond_wait(&serve->given, &serve->mutex);
		serve->spare--;
	}
	return next;
}

static void *serve_thread_main(void *argument)
{
	struct session *session = argument;
	struct serve *serve = session->serve;

	while (session) {
		atomic_fetch_add(&serve->awake, 1);
		session_run(session);
		atomic_fetch_sub(&serve->awake, 1);
		tls_thread_end();
		pthread_mutex_lock(&serve->mutex);
		serve_end_session(serve, session);
		g_free(session);
		session = serve_next_session(serve);
		if (!session) {
			serve->threads--;
			pthread_cond_broadcast(&serve->ended);
		}
		pthread_mutex_unlock(&serve->mutex);
	}
	return NULL;
}

/* ---- accepting ---- */

int serve_new(const struct serve_options *options, struct serve **ret_serve,
	      struct fault *fault)
{
	AUTOCLOSE int stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	AUTOCLOSE int room_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct serve *serve;
	pthread_condattr_t attr;

	if (stop_fd < 0 || room_fd < 0)
		return fault_set_errno(fault, FAULT_TOO_MANY, errno, "eventfd");
	serve = g_new0(struct serve, 1);
	serve->options = *options;
	serve->stop_fd = base_take_fd(&stop_fd);
	serve->room_fd = base_take_fd(&room_fd);
	pthread_mutex_init(&serve->mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&serve->ended, &attr);
	pthread_cond_init(&serve->given, NULL);
	g_queue_init(&serve->handed);
	pthread_condattr_destroy(&attr);
	serve->sessions = g_hash_table_new(NULL, NULL);
	*ret_serve = serve;
	return 0;
}

static struct serve_room *serve_room_of(struct serve *serve,
					const struct serve_kind *kind)
{
	struct serve_room *room = serve->rooms;

	while (room->kind && room->kind != kind)
		if (++room == serve->rooms + SERVE_KINDS)
			g_error("more than %d kinds of sessions", SERVE_KINDS);
	room->kind = kind;
	return room;
}

void serve_add(struct serve *serve, int listen_fd,
	       const struct serve_kind *kind, void *service_context)
{
	struct serve_listener *listener;

	serve->listeners = g_renew(struct serve_listener, serve->listeners,
				   serve->listener_count + 1);
	listener = &serve->listeners[serve->listener_count++];
	listener->fd = listen_fd;
	listener->kind = kind;
	listener->room = serve_room_of(serve, kind);
	listener->smtp = *kind->options;
	listener->smtp.offer_starttls &= serve->options.tls != NULL;
	listener->service_context = service_context;
}

/* A detached thread that takes no signals. */
static int serve_thread(struct session *session)
{
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t all;
	sigset_t old;
	int rc;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, SERVE_STACK);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&thread, &attr, serve_thread_main, session);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return rc;
}

/* Gives it to a spare thread; false: there is none. */
static bool serve_hand_over(struct serve *serve, struct session *session)
{
	bool is_given;

	pthread_mutex_lock(&serve->mutex);
	g_hash_table_add(serve->sessions, session);
	session->listener->room->count++;
	is_given = serve->handed.length < serve->spare;
	if (is_given)
		g_queue_push_tail(&serve->handed, session);
	else
		serve->threads++;
	pthread_mutex_unlock(&serve->mutex);
	if (is_given)
		pthread_cond_signal(&serve->given);
	return is_given;
}

static void serve_start_session(struct serve *serve,
				const struct serve_listener *listener, int fd)
{
	static const char busy[] = "421 4.3.2 No room for a session now\r\n";
	struct session *session = g_new(struct session, 1);
	int rc;

	memset(session, 0, offsetof(struct session, buffer));
	session->serve = serve;
	session->listener = listener;
	session->fd = fd;
	session->shown.peer = &session->peer;
	session->shown.service_context = listener->service_context;
	session->shown.number = ++serve->next_number;
	if (serve_hand_over(serve, session))
		return;
	rc = serve_thread(session);
	if (rc == 0)
		return;
	log_message(LOG_LEVEL_ERROR, "cannot start a session: %s",
		    g_strerror(rc));
	(void)send(fd, busy, sizeof(busy) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	pthread_mutex_lock(&serve->mutex);
	g_hash_table_remove(serve->sessions, session);
	session->listener->room->count--;
	serve->threads--;
	pthread_mutex_unlock(&serve->mutex);
	(void)close(fd);
	g_free(session);
}

/* Accepts one connection; a shortage is logged and waited out, for poll(2)
 * would report the same connection at once again. */
static void serve_accept(struct serve *serve,
			 const struct serve_listener *listener)
{
	int fd =
		accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0) {
		serve_start_session(serve, listener, fd);
		return;
	}
	if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED ||
	    errno == EPROTO)
		return;
	log_message(LOG_LEVEL_ERROR, "cannot accept a connection: %s%s",
		    g_strerror(errno),
		    errno == EMFILE ? " (raise LimitNOFILE)" : "");
	(void)net_wait(-1, false, serve->stop_fd, SERVE_PAUSE_MS);
}

static bool serve_has_room(struct serve *serve,
			   const struct serve_listener *listener)
{
	int64_t count;

	pthread_mutex_lock(&serve->mutex);
	count = listener->room->count;
	pthread_mutex_unlock(&serve->mutex);
	return count < serve->options.max_sessions;
}

void serve_run(struct serve *serve)
{
	nfds_t count = serve->listener_count;
	g_autofree struct pollfd *fds = g_new0(struct pollfd, count + 2);
	uint64_t ended;

	for (nfds_t i = 0; i < count; i++)
		fds[i] = (struct pollfd){.events = POLLIN};
	fds[count] = (struct pollfd){.fd = serve->stop_fd, .events = POLLIN};
	fds[count + 1] =
		(struct pollfd){.fd = serve->room_fd, .events = POLLIN};
	while (!fds[count].revents) {
		for (nfds_t i = 0; i < count; i++) {
			const struct serve_listener *one = &serve->listeners[i];

			fds[i].fd = serve_has_room(serve, one) ? one->fd : -1;
		}
		if (poll(fds, count + 2, -1) < 0)
			continue;
		if (fds[count + 1].revents &&
		    read(serve->room_fd, &ended, sizeof(ended)) < 0)
			continue;
		for (nfds_t i = 0; i < count && !fds[count].revents; i++)
			if (fds[i].revents &&
			    serve_has_room(serve, &serve->listeners[i]))
				serve_accept(serve, &serve->listeners[i]);
	}
	for (nfds_t i = 0; i < count; i++)
		base_close_fd(&serve->listeners[i].fd);
}

static void serve_wake(struct serve *serve)
{
	const uint64_t one = 1;
	int saved = errno;

	if (write(serve->stop_fd, &one, sizeof(one)) < 0)
		errno = saved; /* it is readable already */
	errno = saved;
}

/* A second signal takes nothing back of what the first one began. */
static void serve_end(struct serve *serve, enum serve_ending ending)
{
	int is = atomic_load(&serve->ending);

	while (is < (int)ending &&
	       !atomic_compare_exchange_weak(&serve->ending, &is, (int)ending))
		;
	serve_wake(serve);
}

void serve_stop(struct serve *serve)
{
	serve_end(serve, SERVE_STOPS);
}

void serve_retire(struct serve *serve)
{
	serve_end(serve, SERVE_RETIRES);
}

/* Waits until no session is left; false at the end of wait_ms. */
static bool serve_wait_sessions(struct serve *serve, int64_t wait_ms)
{
	struct timespec until;
	int64_t end_us = g_get_monotonic_time() + MAX(wait_ms, 0) * 1000;

	until.tv_sec = end_us / USEC_PER_SEC;
	until.tv_nsec = (end_us % USEC_PER_SEC) * 1000;
	while (g_hash_table_size(serve->sessions) > 0)
		if (pthread_cond_timedwait(&serve->ended, &serve->mutex,
					   &until) == ETIMEDOUT)
			return g_hash_table_size(serve->sessions) == 0;
	return true;
}

/* Ends the connections of the sessions that did not end by themselves: with
 * SHUT_RD they can still say so. */
static bool serve_cut_off(struct serve *serve, int how)
{
	GHashTableIter iter;
	gpointer key;

	g_hash_table_iter_init(&iter, serve->sessions);
	while (g_hash_table_iter_next(&iter, &key, NULL))
		(void)shutdown(((struct session *)key)->fd, how);
	return serve_wait_sessions(serve, SERVE_CUT_MS);
}

/* No session is left: nothing keeps a thread. */
static void serve_end_threads(struct serve *serve)
{
	serve->is_closing = true;
	pthread_cond_broadcast(&serve->given);
	while (serve->threads > 0)
		pthread_cond_wait(&serve->ended, &serve->mutex);
}

void serve_free(struct serve *serve, int64_t grace_ms)
{
	bool done;

	if (!serve)
		return;
	pthread_mutex_lock(&serve->mutex);
	done = serve_wait_sessions(serve, grace_ms);
	if (!done) {
		atomic_store(&serve->ending, SERVE_CUTS);
		done = serve_cut_off(serve, SHUT_RD) ||
		       serve_cut_off(serve, SHUT_RDWR);
	}
	if (done)
		serve_end_threads(serve);
	pthread_mutex_unlock(&serve->mutex);
	if (!done) {
		/* Their threads still use it; the process is about to end. */
		log_message(LOG_LEVEL_WARNING,
			    "sessions are still at work: not waiting longer");
		return;
	}
	for (nfds_t i = 0; i < serve->listener_count; i++)
		base_close_fd(&serve->listeners[i].fd);
	g_free(serve->listeners);
	g_hash_table_unref(serve->sessions);
	pthread_cond_destroy(&serve->ended);
	pthread_cond_destroy(&serve->given);
	pthread_mutex_destroy(&serve->mutex);
	base_close_fd(&serve->stop_fd);
	base_close_fd(&serve->room_fd);
	g_free(serve);
}
