/*
 * How soon a thread runs once it is woken.
 */
#ifndef OKAPI_PROMPT_H
#define OKAPI_PROMPT_H

#include "base.h"

enum prompt {
	PROMPT_SERVER,    /* clients wait for it */
	PROMPT_COMMITTER, /* all sessions wait for it */
};

/* Of the calling thread, and of all threads and processes it starts from then
 * on.  Where the kernel knows nothing of the kind, and where somebody chose
 * another policy, nothing is done; never fails. */
void prompt_thread(enum prompt how);

#endif
