/*
 * The hand-over: a thin LMTP client that gives a message on standard input to
 * the running daemon, in one pipelined write over its private socket.
 */
#ifndef OKAPI_DAGENT_HANDOVER_H
#define OKAPI_DAGENT_HANDOVER_H

#include "base.h"
#include "conf.h"
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

/* run_dir/dagent.sock; owned. */
char *handover_socket(const struct conf *conf);

/*
 * Over a connected socket.  ret_faults[i] is the verdict of recipient i
 * (FAULT_NONE: delivered; no answer is temporary, for the daemon may have got
 * the message).
 */
void handover_send(int fd, const struct handover *handover,
		   struct fault *ret_faults);

/* The commands before the message; pure, for tests.  recipients that are no
 * path are left out and get their verdict at once.  Owned. */
char *handover_format(const struct handover *handover,
		      struct fault *ret_faults);

/* The answers of a session, in the order of the commands; whatever is missing
 * at the end is temporary.  Pure. */
void handover_judge(const char *replies, size_t count,
		    struct fault *ret_faults);

#endif
