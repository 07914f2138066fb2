/*
 * Relay hosts as they are written in the configuration.
 */
#ifndef OKAPI_RELAY_NAME_H
#define OKAPI_RELAY_NAME_H

#include "base.h"
#include "fault.h"

struct relay_name {
	char *host; /* without brackets, or the path of a unix socket */
	char *port; /* "" for a unix socket */
	bool implicit_tls;
};

/* "host", "host:port", "[v6]", "[v6]:port" or "unix:/path", after "smtps://"
 * (or with port 465) with TLS from the first octet (RFC 8314 3.3).  Pure; the
 * strings are owned.  FAULT_CONFIG. */
NODISCARD int relay_name_parse(const char *text, int64_t default_port,
			       struct relay_name *ret_name,
			       struct fault *fault);
void relay_name_clear(struct relay_name *name);

#endif
