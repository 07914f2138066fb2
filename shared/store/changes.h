/*
 * What changed in a store, by change number: a client that remembers the last
 * number it saw asks for the rest.
 */
#ifndef OKAPI_STORE_CHANGES_H
#define OKAPI_STORE_CHANGES_H

#include "store.h"

/* The last state of one object; an object that changed twice is told once. */
struct store_change {
	int64_t change;   /* of its last change */
	const char *kind; /* "folder" or "message" */
	int64_t object;   /* its id */
	int64_t folder;   /* that it is in, 0 if it is not known any more */
	bool deleted;
};

/* The number of the last change of a store. */
NODISCARD int store_changes_last(struct store *store, int64_t store_id,
				 int64_t *ret_last, struct fault *fault);
/* As above; FAULT_RESYNC "resync" if what happened after since is not known
 * whole any more (it is older than the purge horizon, or from the future). */
NODISCARD int store_changes_check(struct store *store, int64_t store_id,
				  int64_t since, int64_t *ret_last,
				  struct fault *fault);
/* Calls each for every change after since, in order; -1 from each ends it. */
NODISCARD int store_changes(struct store *store, int64_t store_id,
			    int64_t since,
			    int (*each)(const struct store_change *change,
					void *context, struct fault *fault),
			    void *context, struct fault *fault);

#endif
