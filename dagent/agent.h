/*
 * The agent: what one process (or, after a reload, one generation of it) has
 * in common: configuration, store, helpers, compiled scripts, figures.
 */
#ifndef OKAPI_DAGENT_AGENT_H
#define OKAPI_DAGENT_AGENT_H

#include "base.h"
#include "conf.h"
#include "convert/helper.h"
#include "fault.h"
#include "known.h"
#include "rules/sieve.h"
#include "scripts.h"
#include "spam.h"
#include "store/store.h"
#include "wishes.h"

#include <pthread.h>

struct agent {
	const struct conf *conf;     /* borrowed */
	const struct wishes *wishes; /* of the command line; borrowed */
	struct store_policy policy;
	struct sieve_settings sieve;
	struct helper_pool *helpers;
	struct committer *committer; /* NULL: units are run one by one */
	struct scripts *scripts;
	struct spam_marks *spam_marks;
	struct known *known;     /* NULL: not in a daemon */
	GThreadPool *responders; /* external auto-reply programs */
	GQueue idle;             /* of struct store */
	pthread_mutex_t lock;    /* of idle */
};

/* is_daemon: with a committer.  serve: for one message, as for
 * helper_pool_warm(), before the store is opened.  That is done, so that one
 * that cannot be is found at once. */
NODISCARD int agent_new(const struct conf *conf, const struct wishes *wishes,
			bool is_daemon, helper_serve_fn *serve,
			struct agent **ret_agent, struct fault *fault);
/* After its last user; waits for auto-reply programs. */
void agent_free(struct agent *agent);
AUTO_DEFINE(agent, agent_free);

/* A connection for one thread at a time; give it back. */
NODISCARD int agent_take_store(struct agent *agent, struct store **ret_store,
			       struct fault *fault);
void agent_give_store(struct agent *agent, struct store *store);

/* Runs a unit of work: through the committer, where it may run more than once
 * (committer_run_anew()), or on the store itself. */
NODISCARD int agent_run(struct agent *agent, struct store *store,
			store_unit_fn *unit, void *context,
			struct fault *fault);

#endif
