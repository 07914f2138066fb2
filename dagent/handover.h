/*
 * The hand-over of a message to the daemon of another machine: the LMTP
 * commands that say it, and what their replies mean (remote.c).
 */
#ifndef OKAPI_DAGENT_HANDOVER_H
#define OKAPI_DAGENT_HANDOVER_H

#include "base.h"
#include "fault.h"
#include "wishes.h"

struct handover {
	const char *sender;      /* "" for <> */
	char *const *recipients; /* NULL-terminated, at least one */
	const char *original;    /* address of ORCPT for all; NULL: none */
	GBytes *message;
	const struct wishes *wishes;
	int64_t timeout_ms; /* of a daemon that says nothing */
};

/* The commands before the message; pure, for tests.  recipients that are no
 * path are left out and get their verdict at once.  Owned. */
char *handover_format(const struct handover *handover,
		      struct fault *ret_faults);

/* The answers of a session, in the order of the commands, from the greeting
 * on.  ret_faults[i] is the verdict of recipient i (FAULT_NONE: delivered);
 * whatever is missing at the end is temporary, for the daemon may have got the
 * message.  Pure. */
void handover_judge(const char *replies, size_t count,
		    struct fault *ret_faults);

#endif
