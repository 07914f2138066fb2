/*
 * Wake-ups between processes, without polling: a writer touches a file of the
 * channel after its commit, waiters hold an inotify descriptor on it.  A
 * wake-up carries no data and several may melt into one: the waiter looks
 * into the store.
 */
#ifndef OKAPI_NOTIFY_H
#define OKAPI_NOTIFY_H

#include "base.h"
#include "fault.h"

enum notify_channel {
	NOTIFY_QUEUE,   /* the outgoing queue got work */
	NOTIFY_CHANGES, /* some store's change number moved */
};

/* Who posts keeps its files open: a daemon does so at each commit. */
struct notify_poster;
struct notify_poster *notify_poster_new(const char *store_path);
void notify_poster_free(struct notify_poster *poster);

/* Wakes everybody who waits on the channel of that store.  Never fails: a lost
 * wake-up costs a delay, not a message. */
void notify_post(struct notify_poster *poster, enum notify_channel channel);

/* A descriptor that becomes readable at each wake-up; pollable, non-blocking,
 * close-on-exec; the caller closes it. */
NODISCARD int notify_open(const char *store_path, enum notify_channel channel,
			  int *ret_fd, struct fault *fault);

/* Empties the descriptor; true if there had been a wake-up. */
bool notify_drain(int fd);

#endif
