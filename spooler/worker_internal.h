/*
 * What the two files of a worker share: the thread with its connection
 * (worker.c), and what comes of an attempt (worker_result.c).
 */
#ifndef OKAPI_WORKER_INTERNAL_H
#define OKAPI_WORKER_INTERNAL_H

#include "spooler_internal.h"

struct worker {
	struct spooler *spooler;
	struct relay_control *control;
	struct store *store; /* opened when it is first needed */
	pthread_t thread;
	GQueue batch;              /* of struct queue_entry, claimed */
	size_t batch_size;         /* of the next claim: a few messages go to
				      several workers, many cost few claims */
	struct settings *settings; /* of the session under way */
	struct route *route;       /* of it; borrowed from settings */
	struct attempt *ahead;     /* the next of the session, or NULL */
	GQueue again;              /* of struct attempt: their connection ended
				      before their turn */
	char *relay;               /* "host:port" of it */
	size_t session_count;
	struct worker_record *record; /* of the message before the one that is
					 under way, or NULL */
	bool is_quick;    /* the relay host took its last message at once */
	bool is_expected; /* by the committer, with the result */
	bool has_ended;   /* guarded by the spooler's lock */
};

bool worker_is_stopping(struct worker *worker);

/* ---- worker_result.c ---- */

/* Results of several sessions cost one sync if they come together: so the
 * committer hears of those that are sure to come soon. */
void worker_expect(struct worker *worker, bool expect);
/* Every recipient has an outcome, which is handed to the committer; attempt is
 * moved. */
void worker_finish(struct worker *worker, struct attempt *attempt);
/* Returns once it is recorded; then it is told and logged, too.  While stopping
 * a store that cannot be written to is given up, and the connection cut. */
void worker_settle(struct worker *worker);

#endif
