/*
 * What submitting a message and telling why one cannot be share.
 */
#ifndef OKAPI_SUBMIT_INTERNAL_H
#define OKAPI_SUBMIT_INTERNAL_H

#include "submit.h"

#include "store/users.h"

#include <pthread.h>

struct submit {
	struct settings *settings; /* guarded by lock */
	struct committer *committer;
	struct helper_pool *helpers;
	struct throttle *throttle; /* submit_rate */
	struct store *store;       /* for look-ups; guarded by lock */
	pthread_mutex_t lock;
};

/* With the lock held: a user who is active, by login, or by one of their
 * addresses.  0, 1 if there is none, -1. */
int submit_find_user(struct submit *submit, const char *name,
		     struct store_user **ret_user, struct fault *fault);
int submit_find_owner(struct submit *submit, const char *address,
		      struct store_user **ret_user, struct fault *fault);

#endif
