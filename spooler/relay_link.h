/*
 * A connection to a relay host, reply by reply: sockets or TLS, deadlines,
 * ceilings.  Knows how SMTP is framed, not what it says.
 */
#ifndef OKAPI_RELAY_LINK_H
#define OKAPI_RELAY_LINK_H

#include "relay.h"

struct relay_link;

/* Connects as relay_control_connect() does.  Owned. */
NODISCARD int relay_link_open(const struct relay_place *place,
			      struct relay_control *control, int64_t timeout_ms,
			      struct relay_link **ret_link,
			      struct fault *fault);
void relay_link_free(struct relay_link *link);
AUTO_DEFINE(relay_link, relay_link_free);

/* From any thread: whoever reads or writes fails. */
void relay_link_cut(void *link);

/* The handshake, by place's TLS context; from then on all goes under TLS.  What
 * was read ahead in clear text is a fault (RFC 3207 4.2). */
NODISCARD int relay_link_start_tls(struct relay_link *link,
				   const struct relay_place *place,
				   int64_t timeout_ms, struct fault *fault);
bool relay_link_has_tls(const struct relay_link *link);
/* Under TLS, and the certificate names whom we meant? */
bool relay_link_is_verified(const struct relay_link *link);
/* As tls_session_binding(); NULL without TLS. */
GBytes *relay_link_binding(const struct relay_link *link, const char *type);
/* Does it stay on this machine? */
bool relay_link_is_loopback(const struct relay_link *link);

/* What goes out with the next flush; to be appended to.  Borrowed. */
GByteArray *relay_link_output(struct relay_link *link);
/* Appends, as printf(3). */
void relay_link_put(struct relay_link *link, const char *format, ...)
	PRINTF_LIKE(2, 3);
/* block_ms: for each piece of 64 KB. */
NODISCARD int relay_link_flush(struct relay_link *link, int64_t block_ms,
			       struct fault *fault);

/* A complete reply. */
struct relay_reply {
	int code;
	GString *text;    /* its lines after the code, joined by blanks, cut at
			     RELAY_TEXT_MAX octets */
	GPtrArray *lines; /* the first of them one by one */
};

/* An empty one, for relay_link_reply() to fill, again and again. */
struct relay_reply *relay_reply_new(void);
void relay_reply_free(struct relay_reply *reply);
AUTO_DEFINE(relay_reply, relay_reply_free);

/* Waits for a whole reply; timeout_ms holds for all of it.  A fault: the
 * connection broke, the time is over, or this is no SMTP. */
NODISCARD int relay_link_reply(struct relay_link *link, int64_t timeout_ms,
			       struct relay_reply *reply, struct fault *fault);

/* Is there something to read, or will nothing come any more?  Does not wait. */
bool relay_link_has_input(struct relay_link *link);

#endif
