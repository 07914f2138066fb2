/*
 * The hand-over to a daemon on another machine: LMTP over TLS, by certificate
 * on both sides.
 */
#ifndef OKAPI_DAGENT_REMOTE_H
#define OKAPI_DAGENT_REMOTE_H

#include "conf.h"
#include "handover.h"

/*
 * Hands over to conf->dagent_server.  ret_faults[i] is the verdict of recipient
 * i, as in handover_send().  Whatever goes wrong on the way is temporary; -1
 * with a fault if it did so before the message was sent.
 */
NODISCARD int remote_send(const struct conf *conf,
			  const struct handover *handover,
			  struct fault *ret_faults, struct fault *fault);

#endif
