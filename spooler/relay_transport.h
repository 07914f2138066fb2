/*
 * What the two transports of relay.h share: libesmtp (relay_esmtp.h), and our
 * own for what libesmtp cannot (relay_direct.c).  Which of them a connection
 * takes, relay_run() says.
 */
#ifndef OKAPI_RELAY_TRANSPORT_H
#define OKAPI_RELAY_TRANSPORT_H

#include "relay.h"

/* Octets of a reply that are kept. */
#define RELAY_TEXT_MAX 900

/* Of the address type in an ORCPT. */
#define RELAY_TYPE_CHARS                                                       \
 "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"

/* A round trip that is worth saving. */
#define RELAY_FAR_US 5000

/*
 * May a password or a token be used?  Over loopback; where TLS has verified the
 * relay host; without TLS where smtp_tls = none wants it so; with
 * smtp_auth_unverified.
 */
bool relay_may_log_in(const struct relay_options *options, bool is_loopback,
		      bool has_tls, bool is_verified);
#define RELAY_UNVERIFIED_WORDS                                                 \
 "nothing vouches for the relay host, so nobody logs in there (smtp_tls, "     \
 "smtp_auth_unverified)"

/* Under a control there is one connection at a time; cut_fn NULL: none. */
typedef void relay_cut_fn(void *target);
void relay_control_set(struct relay_control *control, relay_cut_fn *cut_fn,
		       void *target);

/* A run tries the addresses of a place in turn: begin forgets those of the run
 * before, next goes on to another (false: that was the last), connect connects
 * to the one it is at, or the first behind it that can be reached.  A cut ends
 * the connecting, too. */
void relay_control_begin(struct relay_control *control);
bool relay_control_next(struct relay_control *control);
size_t relay_control_at(const struct relay_control *control);
NODISCARD int relay_control_connect(struct relay_control *control,
				    const struct relay_place *place,
				    int64_t timeout_ms, int *ret_fd,
				    struct fault *fault);

/*
 * The outcome that a complete reply to MAIL, RCPT, DATA or the message means:
 * 2xx sent, 5xx failed but for those that speak of the session (530, 534, 535,
 * 538: RFC 4954 6, RFC 3207 4), everything else temporary.  text: with its
 * enhanced code, if it has one.
 */
void relay_outcome_reply(struct relay_recipient *recipient, int code,
			 const char *text);

/* No complete reply came. */
void relay_outcome_lost(struct relay_recipient *recipient, const char *words);

/* Is our own transport to be taken, by what is known of the place? */
bool relay_is_direct(struct relay_place *place,
		     const struct relay_options *options);

/* libesmtp, to one address; as relay_run(). */
NODISCARD int
relay_esmtp_run(struct relay_place *place, const struct relay_options *options,
		struct relay_control *control, struct relay_message *first,
		const struct relay_source *source, struct fault *fault);

/* Our own transport, to one address; as relay_run(). */
NODISCARD int
relay_direct_run(struct relay_place *place, const struct relay_options *options,
		 struct relay_control *control, struct relay_message *first,
		 const struct relay_source *source, struct fault *fault);

#endif
