/*
 * What accepting (serve.c) and the sessions it starts (serve_session.c) share.
 */
#ifndef OKAPI_SERVE_INTERNAL_H
#define OKAPI_SERVE_INTERNAL_H

#include "busy_poll.h"
#include "serve.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

#define SERVE_BUFFER (64 * 1024)
#define SERVE_KINDS  4

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
	/* When it began to wait for a client to take replies or to shake
	 * hands: microseconds, 0: it does not.  Nothing wakes it. */
	atomic_llong stuck_since;
	struct busy_poll idle_poll; /* between messages */
	struct busy_poll data_poll;
	char buffer[SERVE_BUFFER]; /* the last one: never zeroed */
};

/* The whole of a session, from its first octet to its last; the descriptor
 * stays open. */
void session_run(struct session *session);

#endif
