/*
 * Our own SMTP client, for what libesmtp cannot: TLS from the first octet,
 * SCRAM-SHA-256, OAuth, and one round trip a message.
 */
#ifndef OKAPI_RELAY_DIRECT_H
#define OKAPI_RELAY_DIRECT_H

#include "relay_form.h"
#include "relay_link.h"
#include "relay_transport.h"

struct relay_direct {
	struct relay_place *place;
	const struct relay_options *options;
	const struct relay_source *source;
	struct relay_link *link;
	struct relay_reply *reply; /* the last one */
	struct relay_offer offer;
	bool tls_failed; /* in the handshake, or STARTTLS was refused */
	bool has_more;   /* there was a message behind the first */
	bool has_proven; /* a message was taken, so DATA may go with the rest */
	bool has_refused; /* a BDAT, the last one */
	bool is_over;     /* the connection is of no further use */
	struct fault fault;
};

/* From the greeting to where MAIL may follow (RFC 5321 3.1, 3.2; RFC 3207,
 * RFC 4954); without_tls: no STARTTLS even if it is offered. */
NODISCARD int relay_direct_open(struct relay_direct *direct, bool without_tls,
				struct fault *fault);

#endif
