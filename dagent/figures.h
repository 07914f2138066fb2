/*
 * Figures of the deliveries of this process, for metrics_listen.
 */
#ifndef OKAPI_DAGENT_FIGURES_H
#define OKAPI_DAGENT_FIGURES_H

#include "base.h"

struct committer_stats;

enum figures_result {
	FIGURES_DELIVERED,
	FIGURES_DUPLICATE,
	FIGURES_DISCARDED,
	FIGURES_REFUSED,  /* permanently */
	FIGURES_DEFERRED, /* temporarily */
	FIGURES_RESULTS
};

/* "delivered" ... */
const char *figures_result_name(enum figures_result result);

/* Registers all, so that what did not happen yet shows as 0. */
void figures_start(void);
/* One recipient's delivery: its octets, microseconds from the end of the data
 * to the answer. */
void figures_count(enum figures_result result, int64_t size, int64_t usec);
/* One recipient that was refused before there was a message. */
void figures_count_early(enum figures_result result);
void figures_session(void);
/* A message whose conversion failed. */
void figures_fallback(void);
/* What the committer counted. */
void figures_set_committer(const struct committer_stats *stats);

#endif
