/*
 * One LMTP session: what the protocol engine reports becomes a mail.
 */
#ifndef OKAPI_DAGENT_SESSION_H
#define OKAPI_DAGENT_SESSION_H

#include "agent.h"
#include "serve.h"

/* What the sessions of one listener share. */
struct session_door {
	struct agent *agent;
	bool is_private; /* run_dir/dagent.sock: the peer's uid decides */
	/* Of a client with a trusted certificate; NULL: no such thing here. */
	const struct smtp_options *certified;
	const uid_t *trusted; /* users that may deliver to anybody */
	size_t trusted_count;
	gint *sessions; /* how many there are; atomic */
};

/* For struct serve_kind; the service context is a struct session_door. */
extern const struct smtp_handler session_handler;
void *session_open(const struct serve_session *session, struct fault *fault);
void session_close(void *context);

#endif
