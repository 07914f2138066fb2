/*
 * Listeners, and a thread for each session (serve_session.c).  A few threads
 * whose session is over wait for the next one.
 */
#include "serve_internal.h"

#include "log.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>

#define SERVE_STACK    (1024 * 1024) /* touched pages count only */
#define SERVE_SPARE    8    /* threads that wait for the next session */
#define SERVE_PAUSE_MS 250  /* after accept(2) ran out of something */
#define SERVE_CUT_MS   1500 /* for a session that was cut off to end */
#define SERVE_STUCK_MS 1000 /* for a client to read, once we stop */

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

/* A client that takes no replies, or does not shake hands, would make us wait
 * for all of the grace. */
static void serve_cut_stuck(struct serve *serve)
{
	int64_t until = g_get_monotonic_time() - SERVE_STUCK_MS * 1000;
	GHashTableIter iter;
	gpointer key;

	g_hash_table_iter_init(&iter, serve->sessions);
	while (g_hash_table_iter_next(&iter, &key, NULL)) {
		struct session *session = key;
		int64_t since = atomic_load(&session->stuck_since);

		if (since && since < until)
			(void)shutdown(session->fd, SHUT_RDWR);
	}
}

/* Lets the sessions end by themselves; false: not all have. */
static bool serve_wait_grace(struct serve *serve, int64_t grace_ms)
{
	int64_t left = grace_ms;

	while (!serve_wait_sessions(serve, MIN(left, SERVE_STUCK_MS))) {
		left -= SERVE_STUCK_MS;
		if (left <= 0)
			return false;
		if (atomic_load(&serve->ending) >= SERVE_STOPS)
			serve_cut_stuck(serve);
	}
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

void serve_wait(struct serve *serve, int64_t grace_ms)
{
	pthread_mutex_lock(&serve->mutex);
	if (!serve_wait_grace(serve, grace_ms)) {
		atomic_store(&serve->ending, SERVE_CUTS);
		if (!serve_cut_off(serve, SHUT_RD))
			(void)serve_cut_off(serve, SHUT_RDWR);
	}
	pthread_mutex_unlock(&serve->mutex);
}

void serve_free(struct serve *serve)
{
	bool is_over;

	if (!serve)
		return;
	pthread_mutex_lock(&serve->mutex);
	is_over = g_hash_table_size(serve->sessions) == 0;
	if (is_over)
		serve_end_threads(serve);
	pthread_mutex_unlock(&serve->mutex);
	if (!is_over) {
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
