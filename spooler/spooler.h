/*
 * The spooler: wakes up when something is due, and hands it to workers, each
 * of which has one connection to the relay host.
 *
 * It waits on the queue's channel (a submission by any process), on the time
 * when the next recipient is due, on the drop directory, and on signals.
 */
#ifndef OKAPI_SPOOLER_H
#define OKAPI_SPOOLER_H

#include "base.h"
#include "convert/helper.h"
#include "settings.h"
#include "store/store.h"
#include "submit.h"

struct spooler;

/* settings: a reference is taken; the rest is borrowed until
 * spooler_free(). */
NODISCARD int spooler_new(struct settings *settings,
			  struct committer *committer,
			  struct helper_pool *helpers, struct submit *submit,
			  struct spooler **ret_spooler, struct fault *fault);
/* After the loop has ended. */
void spooler_free(struct spooler *spooler);
AUTO_DEFINE(spooler, spooler_free);

/* Sends until spooler_stop().  door_fd: the listener of the queue's socket, or
 * -1. */
void spooler_run(struct spooler *spooler, int door_fd);

/* Sends until nothing is due, or spooler_stop().  0: nothing is left in the
 * queue and the drop directory, 1: something stays; -1 on a fault. */
NODISCARD int spooler_run_once(struct spooler *spooler, struct fault *fault);

/* From any thread. */
void spooler_stop(struct spooler *spooler);
void spooler_set_settings(struct spooler *spooler, struct settings *settings);

#endif
