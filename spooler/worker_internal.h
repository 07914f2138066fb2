/*
 * What the files of a worker share: the thread with its connection (worker.c),
 * what it claims (worker_claim.c), and what comes of an attempt
 * (worker_result.c).
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

/* ---- worker_claim.c ---- */

/* The route of a claimed message, by the sender it goes under; borrowed from
 * the settings that hold for the worker. */
struct route *worker_route_of(struct worker *worker,
			      const struct queue_entry *entry);
/* Gives it the sender it goes under. */
void worker_set_sender(struct worker *worker, struct attempt *attempt);
/* May this route have one more session?  With the spooler's lock held. */
bool worker_has_room(const struct worker *worker, const struct route *route);
/* Appends to the batch what may be claimed now; what fails is logged.  own: the
 * route of the session under way, or NULL.  What goes by others is left to
 * others: it would wait for this relay host. */
void worker_claim(struct worker *worker, const struct route *own);
/* Nothing was tried: it waits again as before.  What fails is logged; the lease
 * ends with the process then. */
void worker_unclaim(struct worker *worker, int64_t id);
/* What was claimed along but goes by another route must not wait for this relay
 * host: others take it up.  Or what goes by the same, if it has no room. */
void worker_give_back(struct worker *worker, bool same);

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
