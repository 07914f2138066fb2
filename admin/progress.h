/*
 * How far a long command is, on the terminal that stderr is; nothing where it
 * is none.
 */
#ifndef OKAPI_ADMIN_PROGRESS_H
#define OKAPI_ADMIN_PROGRESS_H

#include "base.h"

struct progress {
	const char *what; /* "messages" */
	int64_t told;     /* when the line was last written */
	bool on;          /* is there a terminal? */
};

/* what is borrowed. */
void progress_begin(struct progress *progress, const char *what);
/* So many are done, of a total (0: nobody knows).  Writes a few lines a second
 * at most, each over the one before. */
void progress_tell(struct progress *progress, int64_t done, int64_t total);
/* Takes the line away, so that what follows stands alone. */
void progress_end(struct progress *progress);

#endif
