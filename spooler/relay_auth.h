/*
 * Logging in at a relay host: SASL mechanisms, the client's side (RFC 4954).
 * Pure but for SCRAM's nonce: challenges and answers come and go without
 * base64.
 */
#ifndef OKAPI_RELAY_AUTH_H
#define OKAPI_RELAY_AUTH_H

#include "relay.h"

/* Do the mechanisms offered ("PLAIN LOGIN") ask for more than libesmtp has?  It
 * knows no SCRAM-SHA-256, and looks for CRAM-MD5 under another name than Debian
 * installs it. */
bool relay_auth_is_beyond_libesmtp(const char *offered);

struct relay_auth;

/* What ties the login to the TLS session it is made in (RFC 5056). */
struct relay_binding {
	const char *type; /* "tls-exporter"; NULL: there is none, or none that
			     the relay host takes */
	GBytes *data;
};

/* The best mechanism that is offered and fits: OAUTHBEARER (RFC 7628) or
 * XOAUTH2 with a token, SCRAM-SHA-256-PLUS with a channel binding,
 * SCRAM-SHA-256 (RFC 7677), CRAM-MD5, PLAIN or LOGIN with a password.  NULL:
 * there is none.  token: NULL without one.  All text is borrowed, and so is the
 * binding. */
struct relay_auth *relay_auth_new(const char *offered,
				  const struct relay_login *login,
				  const char *token,
				  const struct relay_binding *binding);
void relay_auth_free(struct relay_auth *auth);
AUTO_DEFINE(relay_auth, relay_auth_free);

const char *relay_auth_mechanism(const struct relay_auth *auth);

/* The initial response; NULL: the mechanism has none. */
GString *relay_auth_begin(struct relay_auth *auth);
/* The answer to a challenge, owned; NULL with a fault: it cannot be answered,
 * so the exchange is to be cancelled. */
GString *relay_auth_answer(struct relay_auth *auth, const char *challenge,
			   struct fault *fault);
/* After the relay host accepted us: has it proven itself, where the mechanism
 * makes it do so? */
bool relay_auth_is_mutual(const struct relay_auth *auth);

/*
 * After the relay host refused us: what of the channel binding may be to blame?
 * Its type, if we were refused before a challenge came; what it binds to, where
 * TLS ends before the relay host does.  Nothing, where the login was not bound
 * or the relay host gave another reason (RFC 5802 7).
 */
enum relay_auth_blame {
	RELAY_BLAME_NOTHING,
	RELAY_BLAME_TYPE,
	RELAY_BLAME_BINDING,
};
enum relay_auth_blame relay_auth_blame(const struct relay_auth *auth);

#endif
