/*
 * Pages of a message that lies in a mapped file, and of what was made of it on
 * the way: who has read them lets them go, so that input and output of a large
 * message need not be in memory side by side.
 */
#ifndef OKAPI_PAGES_H
#define OKAPI_PAGES_H

#include "base.h"

/* From now on these octets, a private read-only mapping of a file, are the
 * message (borrowed); NULL: no longer.  One at a time in a process. */
void pages_map(const void *data, size_t len);
/* So many octets are worth a call. */
#define PAGES_PIECE (1 << 20)

/* These octets were read.  Where they are of the mapping, their pages leave
 * memory, together with those of others that were read just before, and come
 * back from the file if they are read once more; other octets are left alone,
 * so any may be given. */
void pages_done(const void *data, size_t len);
/* The same for who reads from *done on and is at at: now and then. */
static inline void pages_passed(const char **done, const char *at)
{
	if (at - *done < PAGES_PIECE)
		return;
	pages_done(*done, (size_t)(at - *done));
	*done = at;
}
/* memcpy(3), and from is done with. */
void pages_copy(void *to, const void *from, size_t len);

/* These octets, in memory of the caller's own, are not read once more: whole
 * pages among them leave memory, and what they said is lost. */
void pages_spend(void *data, size_t len);

#endif
