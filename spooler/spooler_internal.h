/*
 * What the loop and its workers share.
 */
#ifndef OKAPI_SPOOLER_INTERNAL_H
#define OKAPI_SPOOLER_INTERNAL_H

#include "attempt.h"
#include "metrics.h"
#include "spooler.h"

#include <pthread.h>

/* How far claims have walked through a long queue of what they do not want:
 * none goes through all of it each time.  The settings and routes are compared
 * only, and may be gone. */
struct spooler_walk {
	const struct settings *settings;
	const struct route *only;
	uintptr_t full; /* a hash of the routes that are */
	bool is_long;   /* is worth it */
	struct queue_walk walk;
	int64_t until; /* monotonic: then from the beginning */
};
#define SPOOLER_WALKS 4

struct spooler {
	struct committer *committer;
	struct helper_pool *helpers;
	struct submit *submit;
	struct store *store; /* of the loop's thread */
	int wake_fd;         /* eventfd: the loop has to look again */
	int notify_fd;
	int drop_fd;
	GPtrArray *workers; /* of struct worker; the loop's */
	struct metric *sent;
	struct metric *failed;
	struct metric *deferred;
	struct metric *reports;
	struct metric *sessions;
	struct metric *latency;

	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t work_came;
	struct settings *settings; /* and what its routes learn */
	bool work;                 /* somebody should claim */
	bool stopping;
	bool reclock;  /* times of attempts may be of another policy
			  or clock */
	unsigned idle; /* workers that wait for work */
	/* Monotonic: clocks are set, and nothing may wait for that. */
	int64_t not_before;         /* no claim before: the last was in vain */
	unsigned in_vain;           /* so many in a row */
	struct scheduler_rate rate; /* smtp_rate */
	struct spooler_walk walks[SPOOLER_WALKS];
	unsigned next_walk; /* to be replaced */
};

struct worker;

/* Starts a thread that waits for work. */
NODISCARD int worker_start(struct spooler *spooler, struct worker **ret_worker,
			   struct fault *fault);
/* Cuts its connection. */
void worker_cut(struct worker *worker);
/* After stopping was set: waits for it at most until deadline (monotonic),
 * cuts its connection then, and frees it. */
void worker_end(struct worker *worker, int64_t deadline);

/* Says that there may be work; called with the lock held. */
void spooler_signal_work(struct spooler *spooler);
/* Makes the loop look again. */
void spooler_wake(struct spooler *spooler);

/* Answers one client of the queue's socket ("list", "flush"); fd is moved. */
void queue_door_answer(struct spooler *spooler, int fd);

#endif
