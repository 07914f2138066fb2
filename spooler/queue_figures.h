/*
 * The queue's depth and age in the metrics.
 */
#ifndef OKAPI_QUEUE_FIGURES_H
#define OKAPI_QUEUE_FIGURES_H

#include "base.h"
#include "conf.h"

/* Once a store is there; until stop, which is called when nobody is answered
 * any more. */
void queue_figures_start(const struct conf *conf);
void queue_figures_stop(void);

#endif
