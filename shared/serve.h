/*
 * A service: listeners, a thread a session (bounded), each driving one
 * protocol engine over its socket.  LMTP and submission are both this.
 */
#ifndef OKAPI_SERVE_H
#define OKAPI_SERVE_H

#include "net.h"
#include "smtp/smtp_server.h"
#include "tls.h"

struct serve_session {
	const struct net_peer *peer;
	void *service_context;         /* of the listener */
	struct smtp_server *server;    /* set once open() has returned */
	const struct tls_session *tls; /* NULL: clear text */
	uint64_t number; /* of the session in this process, for the log */
};

/* What a kind of session does with what the engine reports. */
struct serve_kind {
	const struct smtp_options *options;
	const struct smtp_handler *handler;
	/* Makes the context of one session; may refuse the peer (NULL and a
	 * fault: 421/554 and close).  session lives until close(); tls in it
	 * is set when STARTTLS is done. */
	void *(*open)(const struct serve_session *session, struct fault *fault);
	void (*close)(void *context);
	/* TLS comes before the greeting (RFC 8314 3.3); needs a TLS context. */
	bool is_implicit_tls;
};

struct serve_options {
	int64_t max_sessions;    /* of each kind */
	int64_t max_per_peer;    /* of one address; 0: no limit */
	int64_t timeout_ms;      /* of a silent client */
	int64_t message_ms;      /* for the data of one message; 0: no limit */
	struct tls_context *tls; /* NULL: none; borrowed */
};

struct serve;

/* Fails where the process has no descriptors left. */
NODISCARD int serve_new(const struct serve_options *options,
			struct serve **ret_serve, struct fault *fault);
/* Adds a listener (moved fd) whose sessions are of a kind (at most 4), before
 * serve_run(); both borrowed until serve_free().  STARTTLS is offered where the
 * options of the kind say so and there is a TLS context. */
void serve_add(struct serve *serve, int listen_fd,
	       const struct serve_kind *kind, void *service_context);
/* Accepts until serve_stop() or serve_retire(): blocking, in the calling
 * thread.  At max_sessions of a kind it accepts no more of that kind until one
 * ends (clients wait in the backlog). */
void serve_run(struct serve *serve);
/* Async-signal-safe: stop accepting; idle sessions get 421, those with a
 * message under way may finish it within grace. */
void serve_stop(struct serve *serve);
/* Async-signal-safe: stop accepting, because another serve does (a reload);
 * sessions go on and get 421 when the client pauses. */
void serve_retire(struct serve *serve);
/* After serve_run(): waits for the sessions, at most grace_ms, then they get
 * 421 and their connections are cut. */
void serve_wait(struct serve *serve, int64_t grace_ms);
/* After that, or where it never ran.  Sessions that did not end all the same
 * still use it: then it stays. */
void serve_free(struct serve *serve);

#endif
