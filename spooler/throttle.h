/*
 * How many messages a minute somebody may submit: a bucket a user, which holds
 * a minute's worth and fills evenly.
 */
#ifndef OKAPI_THROTTLE_H
#define OKAPI_THROTTLE_H

#include "base.h"
#include "fault.h"

struct throttle;
struct throttle *throttle_new(void);
void throttle_free(struct throttle *throttle);
AUTO_DEFINE(throttle, throttle_free);

/* Takes one of a user's messages at the time now (monotonic, microseconds);
 * per_minute 0: no limit.  FAULT_TOO_MANY if there is none: it says when there
 * will be.  Thread-safe. */
NODISCARD int throttle_take(struct throttle *throttle, int64_t user,
			    int64_t per_minute, int64_t now,
			    struct fault *fault);

#endif
