/*
 * Waiting awake: a client on this machine answers within some 50 us, and a
 * processor that went to sleep takes as long to wake up again.
 */
#ifndef OKAPI_BUSY_POLL_H
#define OKAPI_BUSY_POLL_H

#include "base.h"

#include <stdatomic.h>

/* Of one kind of wait on one connection, zeroed; one thread at a time. */
struct busy_poll {
	unsigned missed; /* how often in vain, less what came since */
	unsigned skip;   /* waits that sleep at once */
};

/* Polls fd and wake_fd (-1: none) for at most 0.1 ms, without sleeping, while
 * *awake, the threads that are at work, is 1: the caller alone.  Whether fd or
 * wake_fd is readable then; false says nothing.  Where this was in vain it is
 * done less and less, down to one wait of 64: the client is far away, has
 * nothing to say, or wants the processor. */
bool busy_poll(struct busy_poll *state, int fd, int wake_fd,
	       const atomic_int *awake);

#endif
