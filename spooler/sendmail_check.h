/*
 * What okapi-sendmail can tell of a message before anybody else sees it: what
 * would be refused for certain is refused while the caller still listens.
 */
#ifndef OKAPI_SENDMAIL_CHECK_H
#define OKAPI_SENDMAIL_CHECK_H

#include "base.h"
#include "conf.h"
#include "dropfile.h"
#include "fault.h"

/* More Received fields than this are a loop (RFC 5321 6.3). */
#define SENDMAIL_HOPS_MAX 100

/* FAULT_BAD_ADDRESS, FAULT_NOT_A_MESSAGE (empty, or nobody named),
 * FAULT_TOO_BIG, FAULT_TOO_MANY_RCPTS, FAULT_LOOP.  Pure.  What only the store
 * knows (quota, rights) is left to the spooler. */
NODISCARD int sendmail_check(const struct conf *conf,
			     const struct envelope *envelope,
			     const char *message, size_t len,
			     struct fault *fault);

#endif
