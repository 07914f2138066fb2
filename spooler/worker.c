/*
 * A worker: sends what it has claimed over one connection to the relay host,
 * and records each outcome before the content of the next message goes.
 */
#include "log.h"
#include "worker_internal.h"

#define WORKER_SESSION_MAX 100 /* messages over one connection */
#define WORKER_DOWN_MAX    (5 * USEC_PER_SEC)

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
