/*
 * One helper of the pool, for who has a request: what helper.c needs of the
 * processes (helper_pool.c).
 */
#ifndef OKAPI_CONVERT_HELPER_POOL_H
#define OKAPI_CONVERT_HELPER_POOL_H

#include "helper.h"

#include <sys/types.h>

struct helper {
	pid_t pid; /* 0: not started */
	int fd;    /* the stream of requests and answers; does not block */
	bool busy; /* the pool's */
};

/* A free one, waited for; rather one that runs.  Borrowed until it is given
 * back. */
struct helper *helper_take(struct helper_pool *pool);
void helper_give_back(struct helper_pool *pool, struct helper *helper);
/* A free helper says nothing: if it does, or hung up, it is of no use. */
bool helper_is_well(const struct helper *helper);
/* Ends what runs, and starts another.  Temporary if that cannot be. */
NODISCARD int helper_renew(struct helper_pool *pool, struct helper *helper,
			   struct fault *fault);
/* Ends it and waits for that; the next request starts another. */
void helper_kill(struct helper *helper);
/* What bounds one conversion; milliseconds. */
int64_t helper_pool_timeout(const struct helper_pool *pool);

#endif
