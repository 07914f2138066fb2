/*
 * What a worker claims of the queue: so much as may go now, of routes that have
 * room; and what it gives back.
 */
#include "log.h"
#include "worker_internal.h"

#include <string.h>

#define WORKER_BATCH_MAX 16 /* messages of one claim */
#define WORKER_VAIN_US   (USEC_PER_SEC / 2)
#define WORKER_WALK_LONG 1000 /* recipients passed: worth to be remembered */
#define WORKER_WALK_US   (5 * USEC_PER_SEC)

/* ---- routes ---- */

/* The sender it goes under, owned; NULL: its own.  What users submit was
 * rewritten as it came; what is nobody's (a redirect) has its own sender, whom
 * reports go to, to the end. */
static char *worker_sender(struct worker *worker, const char *reverse_path,
			   bool is_nobodys)
{
	return is_nobodys
		       ? rewrite_find(worker->settings->rewrite, reverse_path)
		       : NULL;
}

static struct route *worker_route(struct worker *worker,
				  const char *reverse_path, bool is_nobodys)
{
	g_autofree char *sender =
		worker_sender(worker, reverse_path, is_nobodys);

	return routes_find(worker->settings->routes,
			   sender ? sender : reverse_path);
}

struct route *worker_route_of(struct worker *worker,
			      const struct queue_entry *entry)
{
	return worker_route(worker, entry->reverse_path, entry->store == 0);
}

void worker_set_sender(struct worker *worker, struct attempt *attempt)
{
	const struct queue_entry *entry = attempt->entry;

	attempt_set_sender(attempt, worker_sender(worker, entry->reverse_path,
						  entry->store == 0));
}

/* ---- claiming ---- */

struct worker_claim {
	struct worker *worker;
	int64_t now;
	size_t limit;
	const struct route *only; /* of a session under way, or NULL: all */
	GPtrArray *full; /* of struct route: no more of their mail, or NULL */
	GPtrArray *entries;
	struct spooler_walk walk; /* as it was before */
	struct queue_walk walked; /* by this one */
	char *path;               /* the last that was asked about */
	bool path_is_nobodys;
	const struct route *path_route; /* of it */
};

static bool worker_wants(const char *reverse_path, bool is_nobodys,
			 void *context)
{
	struct worker_claim *claim = context;

	/* Much of a long queue is of one sender. */
	if (!claim->path || claim->path_is_nobodys != is_nobodys ||
	    strcmp(claim->path, reverse_path) != 0) {
		g_free(claim->path);
		claim->path = g_strdup(reverse_path);
		claim->path_is_nobodys = is_nobodys;
		claim->path_route =
			worker_route(claim->worker, reverse_path, is_nobodys);
	}
	if (claim->only)
		return claim->path_route == claim->only;
	return !g_ptr_array_find(claim->full, claim->path_route, NULL);
}

/* ---- what claims need not look at again ---- */

static bool worker_walk_is(const struct spooler_walk *walk,
			   const struct worker_claim *claim)
{
	return walk->settings == claim->walk.settings &&
	       walk->only == claim->walk.only && walk->full == claim->walk.full;
}

/* Where others that wanted the same have come to. */
static void worker_find_walk(struct worker_claim *claim)
{
	struct spooler *spooler = claim->worker->spooler;
	int64_t now = g_get_monotonic_time();

	claim->walk.settings = claim->worker->settings;
	claim->walk.only = claim->only;
	for (guint i = 0; claim->full && i < claim->full->len; i++)
		claim->walk.full = claim->walk.full * 31 +
				   (uintptr_t)claim->full->pdata[i];
	claim->walk.until = now + WORKER_WALK_US;
	pthread_mutex_lock(&spooler->lock);
	for (size_t i = 0; i < SPOOLER_WALKS; i++)
		if (worker_walk_is(&spooler->walks[i], claim) &&
		    spooler->walks[i].until > now)
			claim->walk = spooler->walks[i];
	pthread_mutex_unlock(&spooler->lock);
}

/* After a claim that was committed. */
static void worker_keep_walk(struct worker_claim *claim)
{
	struct spooler *spooler = claim->worker->spooler;
	struct spooler_walk *to = NULL;

	if (claim->walked.passed >= WORKER_WALK_LONG)
		claim->walk.is_long = true;
	if (!claim->walk.is_long)
		return;
	claim->walk.walk = claim->walked;
	pthread_mutex_lock(&spooler->lock);
	for (size_t i = 0; i < SPOOLER_WALKS; i++)
		if (worker_walk_is(&spooler->walks[i], claim))
			to = &spooler->walks[i];
	if (!to)
		to = &spooler->walks[spooler->next_walk++ % SPOOLER_WALKS];
	*to = claim->walk;
	pthread_mutex_unlock(&spooler->lock);
}

/* Something that was passed may be due again. */
static void worker_forget_walks(struct worker *worker)
{
	struct spooler *spooler = worker->spooler;

	pthread_mutex_lock(&spooler->lock);
	memset(spooler->walks, 0, sizeof(spooler->walks));
	pthread_mutex_unlock(&spooler->lock);
}

static int worker_claim_unit(struct store *store, void *context,
			     struct fault *fault)
{
	struct worker_claim *claim = context;

	g_clear_pointer(&claim->entries, g_ptr_array_unref); /* of a run
								that was
								undone */
	claim->walked = claim->walk.walk;
	return store_queue_claim(store, claim->now, claim->limit,
				 claim->only || claim->full ? worker_wants
							    : NULL,
				 claim, &claim->walked, &claim->entries, fault);
}

/* How many may be claimed now. */
static size_t worker_allowance(struct worker *worker)
{
	struct spooler *spooler = worker->spooler;
	int64_t now = g_get_monotonic_time();
	const struct scheduler_policy *policy;
	size_t limit = worker->batch_size;

	pthread_mutex_lock(&spooler->lock);
	policy = &spooler->settings->policy;
	if (spooler->stopping || spooler->not_before > now ||
	    scheduler_rate_wait(policy, &spooler->rate, now) > now)
		limit = 0;
	else if (policy->rate) {
		limit = 1;
		/* Given back if there is nothing to send. */
		scheduler_rate_take(policy, &spooler->rate, now);
	}
	pthread_mutex_unlock(&spooler->lock);
	return limit;
}

/* After a claim: in vain, or with more to come.  That there is nothing more for
 * a session says nothing of others. */
static void worker_claimed(struct worker *worker,
			   const struct worker_claim *claim, size_t count)
{
	struct spooler *spooler = worker->spooler;
	int64_t now = g_get_monotonic_time();

	pthread_mutex_lock(&spooler->lock);
	if (!count) {
		if (spooler->settings->policy.rate)
			spooler->rate.next = now;
		/* Those that came in vain together count once. */
		if (!claim->only && spooler->not_before <= now) {
			spooler->not_before = now + WORKER_VAIN_US;
			spooler->in_vain++;
		}
	} else {
		spooler->in_vain = 0;
	}
	if (count && count == claim->limit) {
		spooler_signal_work(spooler);
		worker->batch_size =
			MIN(worker->batch_size * 2, WORKER_BATCH_MAX);
	}
	pthread_mutex_unlock(&spooler->lock);
}

bool worker_has_room(const struct worker *worker, const struct route *route)
{
	return *route->sessions <
	       routes_share(worker->settings->routes,
			    worker->settings->conf->smtp_max_sessions);
}

/* Routes that have all the sessions they may; NULL: none. */
static GPtrArray *worker_full_routes(struct worker *worker)
{
	const GPtrArray *routes = worker->settings->routes;
	GPtrArray *full = NULL;

	pthread_mutex_lock(&worker->spooler->lock);
	for (guint i = 0; i < routes->len && routes->len > 1; i++) {
		struct route *route = routes->pdata[i];

		if (worker_has_room(worker, route))
			continue;
		if (!full)
			full = g_ptr_array_new();
		g_ptr_array_add(full, route);
	}
	pthread_mutex_unlock(&worker->spooler->lock);
	return full;
}

void worker_claim(struct worker *worker, const struct route *own)
{
	g_autoptr(GPtrArray) full = NULL;
	struct worker_claim claim = {.worker = worker,
				     .now = g_get_real_time()};
	struct fault fault = {0};
	size_t count = 0;

	claim.limit = worker_allowance(worker);
	if (!claim.limit)
		return;
	if (own && worker->settings->routes->len > 1)
		claim.only = own;
	else
		full = worker_full_routes(worker);
	claim.full = full;
	worker_find_walk(&claim);
	worker_expect(worker, true);
	if (committer_run_anew(worker->spooler->committer, worker_claim_unit,
			       &claim, &fault) != 0) {
		g_clear_pointer(&claim.entries, g_ptr_array_unref);
		log_message(LOG_LEVEL_ERROR, "cannot claim from the queue: %s",
			    fault.text);
	} else {
		count = claim.entries->len;
		worker_keep_walk(&claim);
	}
	g_free(claim.path);
	worker_expect(worker, false);
	worker_claimed(worker, &claim, count);
	if (!claim.entries)
		return;
	g_ptr_array_set_free_func(claim.entries, NULL);
	for (guint i = 0; i < claim.entries->len; i++)
		g_queue_push_tail(&worker->batch, claim.entries->pdata[i]);
	g_ptr_array_unref(claim.entries);
}

/* ---- giving back ---- */

static int worker_unclaim_unit(struct store *store, void *context,
			       struct fault *fault)
{
	return store_queue_unclaim(store, *(const int64_t *)context, fault);
}

void worker_unclaim(struct worker *worker, int64_t id)
{
	struct fault fault = {0};

	if (committer_run_anew(worker->spooler->committer, worker_unclaim_unit,
			       &id, &fault) == 0)
		worker_forget_walks(worker);
	else
		log_message(LOG_LEVEL_WARNING,
			    "cannot give back message %" G_GINT64_FORMAT ": %s",
			    id, fault.text);
}

void worker_give_back(struct worker *worker, bool same)
{
	struct spooler *spooler = worker->spooler;
	bool any = false;

	for (GList *at = worker->batch.head; at;) {
		GList *next = at->next;
		struct queue_entry *entry = at->data;

		if ((worker_route_of(worker, entry) == worker->route) == same) {
			worker_unclaim(worker, entry->id);
			queue_entry_free(entry);
			g_queue_delete_link(&worker->batch, at);
			any = true;
		}
		at = next;
	}
	if (!any)
		return;
	pthread_mutex_lock(&spooler->lock);
	spooler_signal_work(spooler);
	pthread_mutex_unlock(&spooler->lock);
}
