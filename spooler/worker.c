/*
 * A worker: claims messages, sends them over one connection to the relay host,
 * and records each outcome before the content of the next message goes.
 */
#include "log.h"
#include "worker_internal.h"

#include <string.h>

#define WORKER_BATCH_MAX   16  /* messages of one claim */
#define WORKER_SESSION_MAX 100 /* messages over one connection */
#define WORKER_DOWN_MAX    (5 * USEC_PER_SEC)
#define WORKER_VAIN_US     (USEC_PER_SEC / 2)
#define WORKER_WALK_LONG   1000 /* recipients passed: worth to be remembered */
#define WORKER_WALK_US     (5 * USEC_PER_SEC)

bool worker_is_stopping(struct worker *worker)
{
	struct spooler *spooler = worker->spooler;
	bool stopping;

	pthread_mutex_lock(&spooler->lock);
	stopping = spooler->stopping;
	pthread_mutex_unlock(&spooler->lock);
	return stopping;
}

/* Takes up the settings that hold now. */
static void worker_renew(struct worker *worker)
{
	struct spooler *spooler = worker->spooler;
	struct settings *old = NULL;

	pthread_mutex_lock(&spooler->lock);
	if (worker->settings != spooler->settings) {
		old = worker->settings;
		worker->settings = settings_ref(spooler->settings);
	}
	pthread_mutex_unlock(&spooler->lock);
	if (old)
		settings_unref(old);
}

static bool worker_is_outdated(struct worker *worker)
{
	struct spooler *spooler = worker->spooler;
	bool is_outdated;

	pthread_mutex_lock(&spooler->lock);
	is_outdated = worker->settings != spooler->settings;
	pthread_mutex_unlock(&spooler->lock);
	return is_outdated;
}

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

static struct route *worker_route_of(struct worker *worker,
				     const struct queue_entry *entry)
{
	return worker_route(worker, entry->reverse_path, entry->store == 0);
}

/* Gives it the sender it goes under. */
static void worker_set_sender(struct worker *worker, struct attempt *attempt)
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

/* May this route have one more session?  With the spooler's lock held. */
static bool worker_has_room(const struct worker *worker,
			    const struct route *route)
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

/* own: the route of the session under way, or NULL.  What goes by others is
 * left to others: it would wait for this relay host. */
static void worker_claim(struct worker *worker, const struct route *own)
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

static int worker_unclaim_unit(struct store *store, void *context,
			       struct fault *fault)
{
	return store_queue_unclaim(store, *(const int64_t *)context, fault);
}

static void worker_unclaim(struct worker *worker, int64_t id)
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

/* ---- the next message ---- */

static int worker_bytes(struct worker *worker, int64_t id, GBytes **ret_bytes,
			struct fault *fault)
{
	const struct conf *conf = worker->settings->conf;

	if (!worker->store &&
	    store_open(conf->store_path, STORE_READ, conf->store_timeout * 1000,
		       &worker->store, fault) != 0)
		return -1;
	return store_queue_bytes(worker->store, id, ret_bytes, fault);
}

/* entry is moved; NULL if there is nothing to relay (then it is settled). */
static struct attempt *worker_prepare(struct worker *worker,
				      struct queue_entry *entry)
{
	g_autoptr(GBytes) bytes = NULL;
	struct fault fault = {0};
	struct attempt *attempt;

	if (worker_bytes(worker, entry->id, &bytes, &fault) != 0) {
		log_message(LOG_LEVEL_ERROR,
			    "cannot read message %" G_GINT64_FORMAT
			    " of the queue: %s",
			    entry->id, fault.text);
		bytes = g_bytes_new(NULL, 0);
		attempt = attempt_new(entry, bytes);
		attempt_defer(attempt, "4.3.0", fault.text);
		worker_finish(worker, attempt);
		return NULL;
	}
	attempt = attempt_new(entry, bytes);
	if (attempt_has_work(attempt))
		return attempt;
	worker_finish(worker, attempt);
	return NULL;
}

/* What was claimed along but goes by another route must not wait for this relay
 * host: others take it up.  Or what goes by the same, if it has no room. */
static void worker_give_back(struct worker *worker, bool same)
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

/* The next message, by this route (NULL: any), which is that of the batch. */
static struct attempt *worker_take(struct worker *worker,
				   const struct route *route)
{
	for (;;) {
		struct queue_entry *entry;
		struct attempt *attempt;

		if (worker_is_stopping(worker))
			return NULL;
		if (!route && !g_queue_is_empty(&worker->again))
			return g_queue_pop_head(&worker->again);
		if (g_queue_is_empty(&worker->batch))
			worker_claim(worker, route);
		entry = g_queue_pop_head(&worker->batch);
		if (!entry)
			return NULL;
		attempt = worker_prepare(worker, entry);
		if (attempt)
			return attempt;
	}
}

/* ---- the connection ---- */

/* May the session have so many messages more? */
static bool worker_may_go_on(struct worker *worker, size_t more)
{
	return worker->session_count + more < WORKER_SESSION_MAX &&
	       !worker_is_outdated(worker) && !worker_is_stopping(worker);
}

static struct relay_message *worker_next(void *context)
{
	struct worker *worker = context;
	struct attempt *attempt = NULL;

	worker->session_count++;
	if (worker_may_go_on(worker, 0)) {
		attempt = g_steal_pointer(&worker->ahead);
		if (!attempt)
			attempt = worker_take(worker, worker->route);
	}
	if (!attempt) {
		worker_settle(worker);
		return NULL;
	}
	worker_set_sender(worker, attempt);
	return &attempt->message;
}

/* Did we end the connection before the relay host had a word on anybody?  That
 * is no attempt, but the next one may be the second that is taken. */
static bool worker_cut_it_off(struct worker *worker,
			      const struct relay_message *message)
{
	if (!relay_control_was_cut(worker->control))
		return false;
	for (size_t i = 0; i < message->recipient_count; i++)
		if (message->recipients[i].from_relay)
			return false;
	return true;
}

/* What the session needs next is claimed and read while the outcome of the
 * message before is being committed. */
static void worker_ready(void *context)
{
	struct worker *worker = context;

	if (worker->record && !worker->ahead && worker_may_go_on(worker, 1))
		worker->ahead = worker_take(worker, worker->route);
	worker_settle(worker);
	worker_expect(worker, worker->is_quick);
}

static void worker_done(void *context, struct relay_message *message)
{
	struct worker *worker = context;
	struct attempt *attempt = message->user_data;

	if (!message->untouched && worker_cut_it_off(worker, message)) {
		log_message(LOG_LEVEL_WARNING,
			    "message %" G_GINT64_FORMAT
			    " waits again: stopped while %s had it",
			    attempt->entry->id, worker->relay);
		worker_expect(worker, false);
		worker_unclaim(worker, attempt->entry->id);
		attempt_free(attempt);
		return;
	}
	if (!message->untouched) {
		worker_finish(worker, message->user_data);
		return;
	}
	message->untouched = false;
	worker_expect(worker, false);
	g_queue_push_tail(&worker->again, message->user_data);
}

/* The words of a relay host that does not answer; NULL if it may. */
static char *worker_down_words(struct worker *worker)
{
	struct spooler *spooler = worker->spooler;
	char *words = NULL;

	pthread_mutex_lock(&spooler->lock);
	if (worker->route->down_until > g_get_monotonic_time())
		words = g_strdup(worker->route->down_words);
	pthread_mutex_unlock(&spooler->lock);
	return words;
}

static void worker_set_down(struct worker *worker, const struct fault *fault)
{
	struct spooler *spooler = worker->spooler;
	struct route *route = worker->route;
	int64_t pause =
		MIN(worker->settings->policy.retry_min / 2, WORKER_DOWN_MAX);

	pthread_mutex_lock(&spooler->lock);
	route->down_until = g_get_monotonic_time() + pause;
	g_strlcpy(route->down_words, fault->text, sizeof(route->down_words));
	pthread_mutex_unlock(&spooler->lock);
}

/* Begins a session of its route; false: there is no room. */
static bool worker_enter(struct worker *worker)
{
	bool has_room;

	pthread_mutex_lock(&worker->spooler->lock);
	has_room = worker->settings->routes->len == 1 ||
		   worker_has_room(worker, worker->route);
	*worker->route->sessions += has_room;
	pthread_mutex_unlock(&worker->spooler->lock);
	if (has_room)
		metric_add(worker->spooler->sessions, 1);
	return has_room;
}

static void worker_leave(struct worker *worker)
{
	pthread_mutex_lock(&worker->spooler->lock);
	--*worker->route->sessions;
	pthread_mutex_unlock(&worker->spooler->lock);
}

/* What is said of attempts names it from now on. */
static void worker_set_relay(struct worker *worker,
			     const struct relay_place *place)
{
	g_free(worker->relay);
	worker->relay = relay_place_format(place);
}

/* Tries the relay hosts in turn; first is moved if that worked.  If none did,
 * the words are those of the first. */
static int worker_relay(struct worker *worker, struct attempt *first,
			struct fault *fault)
{
	static const struct relay_source calls = {worker_next, worker_done,
						  worker_ready, NULL};
	struct relay_source source = calls;
	struct route *route = worker->route;

	source.context = worker;
	for (size_t i = 0; i < route->place_count; i++) {
		struct fault why = {0};

		worker_set_relay(worker, &route->places[i]);
		worker->session_count = 0;
		if (relay_run(&route->places[i], &route->options,
			      worker->control, &first->message, &source,
			      &why) == 0)
			return 0;
		if (worker_is_stopping(worker))
			return fault_set(fault, FAULT_SHUTDOWN, "stopping");
		log_message(LOG_LEVEL_WARNING, "relay host %s: %s",
			    worker->relay, why.text);
		if (i == 0)
			*fault = why;
	}
	worker_set_relay(worker, &route->places[0]);
	return -1;
}

static void worker_deliver(struct worker *worker, struct attempt *first)
{
	g_autofree char *words = NULL;
	struct fault fault = {0};

	worker->route = worker_route_of(worker, first->entry);
	worker_set_relay(worker, &worker->route->places[0]);
	worker_set_sender(worker, first);
	words = worker_down_words(worker);
	if (!words && !worker_enter(worker)) {
		worker_give_back(worker, true);
		worker_unclaim(worker, first->entry->id);
		attempt_free(first);
		return;
	}
	worker_give_back(worker, false);
	if (!words) {
		bool is_done = worker_relay(worker, first, &fault) == 0;

		worker_leave(worker);
		if (is_done)
			return;
		if (fault.kind == FAULT_SHUTDOWN) {
			worker_unclaim(worker, first->entry->id);
			attempt_free(first);
			return;
		}
		worker_set_down(worker, &fault);
		words = g_strdup(fault.text);
	}
	attempt_defer(first, "4.4.1", words);
	worker_finish(worker, first);
}

static void worker_session(struct worker *worker, struct attempt *first)
{
	worker_settle(worker); /* of what could not be read */
	worker_deliver(worker, first);
	worker_expect(worker, false);
	worker_settle(worker);
	if (worker->ahead)
		g_queue_push_tail(&worker->again,
				  g_steal_pointer(&worker->ahead));
}

/* ---- the thread ---- */

/* False when it is time to end. */
static bool worker_wait(struct worker *worker)
{
	struct spooler *spooler = worker->spooler;
	bool go_on;

	pthread_mutex_lock(&spooler->lock);
	spooler->idle++;
	spooler_wake(spooler); /* what is due next may have changed */
	while (!spooler->work && !spooler->stopping)
		pthread_cond_wait(&spooler->work_came, &spooler->lock);
	spooler->idle--;
	spooler->work = false;
	go_on = !spooler->stopping;
	if (go_on)
		worker->settings = settings_ref(spooler->settings);
	pthread_mutex_unlock(&spooler->lock);
	return go_on;
}

static void *worker_main(void *context)
{
	struct worker *worker = context;
	struct spooler *spooler = worker->spooler;
	struct queue_entry *entry;

	while (worker_wait(worker)) {
		struct attempt *attempt;

		worker->batch_size = 1;
		while ((attempt = worker_take(worker, NULL))) {
			worker_renew(worker);
			worker_session(worker, attempt);
		}
		worker_settle(worker); /* of what could not be read */
		while ((attempt = g_queue_pop_head(&worker->again))) {
			worker_unclaim(worker, attempt->entry->id);
			attempt_free(attempt);
		}
		while ((entry = g_queue_pop_head(&worker->batch))) {
			worker_unclaim(worker, entry->id);
			queue_entry_free(entry);
		}
		settings_unref(worker->settings);
		worker->settings = NULL;
	}
	pthread_mutex_lock(&spooler->lock);
	worker->has_ended = true;
	pthread_cond_broadcast(&spooler->work_came);
	pthread_mutex_unlock(&spooler->lock);
	return NULL;
}

int worker_start(struct spooler *spooler, struct worker **ret_worker,
		 struct fault *fault)
{
	struct worker *worker = g_new0(struct worker, 1);
	int err;

	worker->spooler = spooler;
	worker->control = relay_control_new();
	g_queue_init(&worker->batch);
	g_queue_init(&worker->again);
	err = pthread_create(&worker->thread, NULL, worker_main, worker);
	if (err) {
		relay_control_free(worker->control);
		g_free(worker);
		return fault_set_errno(fault, FAULT_TOO_MANY, err,
				       "cannot start a thread");
	}
	*ret_worker = worker;
	return 0;
}

void worker_cut(struct worker *worker)
{
	relay_control_cut(worker->control);
}

void worker_end(struct worker *worker, int64_t deadline)
{
	struct spooler *spooler = worker->spooler;
	const struct timespec until = {
		.tv_sec = deadline / USEC_PER_SEC,
		.tv_nsec = (deadline % USEC_PER_SEC) * 1000,
	};

	pthread_mutex_lock(&spooler->lock);
	while (!worker->has_ended &&
	       pthread_cond_clockwait(&spooler->work_came, &spooler->lock,
				      CLOCK_MONOTONIC, &until) == 0)
		continue;
	pthread_mutex_unlock(&spooler->lock);
	worker_cut(worker);
	(void)pthread_join(worker->thread, NULL);
	if (worker->store)
		store_close(worker->store);
	relay_control_free(worker->control);
	g_free(worker->relay);
	g_free(worker);
}
