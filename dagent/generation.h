/*
 * One generation of the daemon: all that depends on the configuration.  A
 * reload builds the next one beside it, and listening sockets go from one to
 * the next.
 */
#ifndef OKAPI_DAGENT_GENERATION_H
#define OKAPI_DAGENT_GENERATION_H

#include "conf.h"
#include "wishes.h"

struct committer;
struct generation;

/* Everything that may need root: sockets, keys.  conf is moved; old is the one
 * whose listeners are taken over (they stay open there, too), or NULL.  On
 * failure old has lost nothing. */
NODISCARD int generation_new(struct conf *conf, const struct generation *old,
			     struct generation **ret_generation,
			     struct fault *fault);
/* Everything that must not be root's: store, helpers, threads.  wishes:
 * borrowed for as long as it lives. */
NODISCARD int generation_open(struct generation *generation,
			      const struct wishes *wishes, struct fault *fault);
/* Begins to accept. */
void generation_start(struct generation *generation);
/* Closes the listeners that other does not have; those that it has must not
 * lose their socket file. */
void generation_drop_listeners(struct generation *generation,
			       const struct generation *other);

/* Accepts no more; sessions end when their clients pause. */
void generation_retire(struct generation *generation);
/* The same, as soon as no message is under way; also while generation_wait()
 * waits. */
void generation_stop(struct generation *generation);
/* After one of these: waits for its sessions, not for ever. */
void generation_wait(struct generation *generation);
/* After that: frees it.  Sessions that did not end in time still use it: then
 * it stays. */
void generation_end(struct generation *generation);
/* Frees what was never started; listeners that were not dropped are closed. */
void generation_free(struct generation *generation);
AUTO_DEFINE(generation, generation_free);

/* Borrowed. */
const struct conf *generation_conf(const struct generation *generation);
struct committer *generation_committer(const struct generation *generation);

#endif
