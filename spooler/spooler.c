/*
 * The loop of the spooler; see spooler.h.
 */
#include "drop.h"
#include "log.h"
#include "notify.h"
#include "spooler_internal.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#define SPOOLER_GRACE_US     (10 * USEC_PER_SEC)
#define SPOOLER_HEARTBEAT_US (30 * USEC_PER_SEC)
#define SPOOLER_LOOK_US                                                        \
 (30 * USEC_PER_SEC)          /* nobody wakes us when a                        \
				  spooler beside us dies */
#define SPOOLER_VAIN_MAX    5 /* with --once */
#define SPOOLER_DROP_US     (30 * USEC_PER_SEC)
#define SPOOLER_AGAIN_US    USEC_PER_SEC
#define SPOOLER_SET_BACK_US USEC_PER_SEC

int spooler_new(struct settings *settings, struct committer *committer,
		struct helper_pool *helpers, struct submit *submit,
		struct spooler **ret_spooler, struct fault *fault)
{
	const struct conf *conf = settings->conf;
	struct spooler *spooler = g_new0(struct spooler, 1);

	spooler->committer = committer;
	spooler->helpers = helpers;
	spooler->submit = submit;
	spooler->settings = settings_ref(settings);
	spooler->workers = g_ptr_array_new();
	spooler->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	spooler->notify_fd = -1;
	spooler->drop_fd = -1;
	spooler->reclock = true;
	pthread_mutex_init(&spooler->lock, NULL);
	pthread_cond_init(&spooler->work_came, NULL);
	spooler->sent =
		metric_counter("okapi_relay_recipients", "result=\"sent\"",
			       "Recipients by outcome of an attempt");
	spooler->failed =
		metric_counter("okapi_relay_recipients", "result=\"failed\"",
			       "Recipients by outcome of an attempt");
	spooler->deferred =
		metric_counter("okapi_relay_recipients", "result=\"deferred\"",
			       "Recipients by outcome of an attempt");
	spooler->reports = metric_counter("okapi_relay_reports", NULL,
					  "Reports made for senders");
	spooler->sessions = metric_counter("okapi_relay_sessions", NULL,
					   "Connections to the relay host");
	spooler->latency = metric_latency("okapi_relay_attempt", NULL,
					  "Time spent on a message");
	if (store_open(conf->store_path, STORE_READ, conf->store_timeout * 1000,
		       &spooler->store, fault) != 0 ||
	    notify_open(conf->store_path, NOTIFY_QUEUE, &spooler->notify_fd,
			fault) != 0 ||
	    drop_watch(conf, &spooler->drop_fd, fault) != 0) {
		spooler_free(spooler);
		return -1;
	}
	*ret_spooler = spooler;
	return 0;
}

void spooler_free(struct spooler *spooler)
{
	int64_t deadline = g_get_monotonic_time() + SPOOLER_GRACE_US;

	spooler_stop(spooler);
	for (guint i = 0; i < spooler->workers->len; i++)
		worker_end(spooler->workers->pdata[i], deadline);
	g_ptr_array_unref(spooler->workers);
	if (spooler->store)
		store_close(spooler->store);
	base_close_fd(&spooler->wake_fd);
	base_close_fd(&spooler->notify_fd);
	base_close_fd(&spooler->drop_fd);
	settings_unref(spooler->settings);
	pthread_cond_destroy(&spooler->work_came);
	pthread_mutex_destroy(&spooler->lock);
	g_free(spooler);
}

void spooler_wake(struct spooler *spooler)
{
	uint64_t one = 1;

	if (write(spooler->wake_fd, &one, sizeof(one)) < 0)
		return; /* it is awake already */
}

void spooler_stop(struct spooler *spooler)
{
	pthread_mutex_lock(&spooler->lock);
	spooler->stopping = true;
	pthread_cond_broadcast(&spooler->work_came);
	pthread_mutex_unlock(&spooler->lock);
	spooler_wake(spooler);
}

void spooler_set_settings(struct spooler *spooler, struct settings *settings)
{
	pthread_mutex_lock(&spooler->lock);
	routes_succeed(settings->routes, spooler->settings->routes);
	settings_unref(spooler->settings);
	spooler->settings = settings_ref(settings);
	memset(spooler->walks, 0, sizeof(spooler->walks));
	spooler->reclock = true;
	pthread_mutex_unlock(&spooler->lock);
	spooler_wake(spooler);
}

void spooler_signal_work(struct spooler *spooler)
{
	spooler->work = true;
	pthread_cond_signal(&spooler->work_came);
	/* The loop starts another worker if nobody waits. */
	if (!spooler->idle)
		spooler_wake(spooler);
}

/* ---- dispatching ---- */

/* What the loop knows at one turn. */
struct spooler_turn {
	bool stopping;
	bool all_idle;
	bool work_waits;    /* signalled, not taken up yet */
	int64_t due;        /* when the next recipient is */
	int64_t look_at;    /* when that may be claimed, monotonic */
	unsigned in_vain;   /* claims in a row that gave nothing */
	int64_t heartbeat;  /* next one */
	int64_t drop_at;    /* next look into the drop directory; 0: none */
	int64_t reclock_at; /* another try at what failed; 0: none */
	int64_t wall;       /* how far the clock on the wall is ahead of the
			       monotonic one */
};

static void spooler_add_worker(struct spooler *spooler)
{
	struct fault fault = {0};
	struct worker *worker;

	if (worker_start(spooler, &worker, &fault) != 0) {
		log_message(LOG_LEVEL_ERROR, "%s", fault.text);
		return;
	}
	g_ptr_array_add(spooler->workers, worker);
}

/* When to claim what is due (by the clock on the wall) then, on the monotonic
 * clock; with the lock held. */
static int64_t spooler_look_at(const struct spooler *spooler, int64_t due,
			       int64_t now)
{
	int64_t at;

	if (due == INT64_MAX)
		return INT64_MAX;
	at = now + MAX(due - g_get_real_time(), 0);
	at = MAX(at, spooler->not_before);
	return scheduler_rate_wait(&spooler->settings->policy, &spooler->rate,
				   at);
}

static bool spooler_is_idle(struct spooler *spooler)
{
	bool is_idle;

	pthread_mutex_lock(&spooler->lock);
	is_idle = spooler->idle == spooler->workers->len;
	pthread_mutex_unlock(&spooler->lock);
	return is_idle;
}

/* Sets work going if it is time; the turn says what comes next. */
static void spooler_dispatch(struct spooler *spooler, struct spooler_turn *turn)
{
	struct fault fault = {0};
	int64_t due = INT64_MAX;
	int64_t now;
	bool want_worker;
	/* Who gives something back after the look is not idle before it. */
	bool was_idle = spooler_is_idle(spooler);

	if (store_queue_next_due(spooler->store, &due, &fault) != 0) {
		log_message(LOG_LEVEL_ERROR, "cannot look into the queue: %s",
			    fault.text);
		due = g_get_real_time() + USEC_PER_SEC;
	}
	now = g_get_monotonic_time();
	pthread_mutex_lock(&spooler->lock);
	turn->stopping = spooler->stopping;
	turn->in_vain = spooler->in_vain;
	turn->due = due;
	turn->look_at = spooler_look_at(spooler, due, now);
	if (turn->look_at <= now && !spooler->work)
		spooler_signal_work(spooler);
	turn->work_waits = spooler->work;
	want_worker = spooler->work && !spooler->idle && !spooler->stopping &&
		      (int64_t)spooler->workers->len <
			      spooler->settings->conf->smtp_max_sessions;
	turn->all_idle = was_idle && spooler->idle == spooler->workers->len;
	pthread_mutex_unlock(&spooler->lock);
	if (want_worker)
		spooler_add_worker(spooler);
}

static int spooler_heartbeat_unit(struct store *store, void *context,
				  struct fault *fault)
{
	(void)context;
	return store_queue_heartbeat(store, fault);
}

/* While somebody sends, our leases must not look forgotten. */
static void spooler_heartbeat(struct spooler *spooler,
			      struct spooler_turn *turn)
{
	int64_t now = g_get_monotonic_time();
	struct fault fault = {0};

	if (turn->all_idle || now < turn->heartbeat)
		return;
	turn->heartbeat = now + SPOOLER_HEARTBEAT_US;
	if (committer_run(spooler->committer, spooler_heartbeat_unit, NULL,
			  &fault) != 0)
		log_message(LOG_LEVEL_WARNING, "cannot renew leases: %s",
			    fault.text);
}

static int spooler_reclock_unit(struct store *store, void *context,
				struct fault *fault)
{
	return store_queue_reclock(store, g_get_real_time(),
				   *(const int64_t *)context, fault);
}

/* Where the clock was set back, or the policy is another, no attempt may be
 * further away than the policy says. */
static void spooler_reclock(struct spooler *spooler, struct spooler_turn *turn)
{
	int64_t now = g_get_monotonic_time();
	int64_t wall = g_get_real_time() - now;
	bool was_set_back = turn->wall - wall > SPOOLER_SET_BACK_US;
	struct fault fault = {0};
	int64_t retry_max;
	bool is_wanted;

	pthread_mutex_lock(&spooler->lock);
	is_wanted = was_set_back || spooler->reclock ||
		    (turn->reclock_at && turn->reclock_at <= now);
	spooler->reclock = false;
	retry_max = spooler->settings->policy.retry_max;
	pthread_mutex_unlock(&spooler->lock);
	if (was_set_back && turn->wall)
		log_message(LOG_LEVEL_WARNING,
			    "the clock was set back by %" G_GINT64_FORMAT " s",
			    (turn->wall - wall) / USEC_PER_SEC);
	turn->wall = wall;
	if (!is_wanted)
		return;
	turn->reclock_at = 0;
	if (committer_run(spooler->committer, spooler_reclock_unit, &retry_max,
			  &fault) == 0)
		return;
	log_message(LOG_LEVEL_WARNING, "cannot look at the queue's times: %s",
		    fault.text);
	turn->reclock_at = g_get_monotonic_time() + SPOOLER_AGAIN_US;
}

static void spooler_look_into_drop(struct spooler *spooler,
				   struct spooler_turn *turn)
{
	struct settings *settings;
	size_t later;

	pthread_mutex_lock(&spooler->lock);
	settings = settings_ref(spooler->settings);
	pthread_mutex_unlock(&spooler->lock);
	later = drop_take(settings->conf, spooler->submit);
	settings_unref(settings);
	turn->drop_at = later ? g_get_monotonic_time() + SPOOLER_DROP_US : 0;
}

static int spooler_timeout_ms(const struct spooler_turn *turn)
{
	int64_t wait = SPOOLER_LOOK_US;

	/* What is due already waits for a worker, who wakes us. */
	if (turn->look_at != INT64_MAX && !turn->work_waits)
		wait = MIN(wait, turn->look_at - g_get_monotonic_time());
	if (turn->drop_at)
		wait = MIN(wait, turn->drop_at - g_get_monotonic_time());
	if (turn->reclock_at)
		wait = MIN(wait, turn->reclock_at - g_get_monotonic_time());
	return (int)(MAX(wait, 0) / 1000 + 1);
}

static void spooler_drain(int fd)
{
	char waste[512];

	while (read(fd, waste, sizeof(waste)) > 0)
		continue;
}

/* There is something new: that the last claim was in vain says nothing. */
static void spooler_expect_work(struct spooler *spooler)
{
	pthread_mutex_lock(&spooler->lock);
	spooler->not_before = 0;
	spooler->in_vain = 0;
	pthread_mutex_unlock(&spooler->lock);
}

static void spooler_wait(struct spooler *spooler, int door_fd,
			 struct spooler_turn *turn)
{
	struct pollfd sources[] = {
		{.fd = spooler->wake_fd, .events = POLLIN},
		{.fd = spooler->notify_fd, .events = POLLIN},
		{.fd = spooler->drop_fd, .events = POLLIN},
		{.fd = door_fd, .events = POLLIN},
	};

	if (poll(sources, G_N_ELEMENTS(sources), spooler_timeout_ms(turn)) <
		    0 &&
	    errno != EINTR)
		log_message(LOG_LEVEL_ERROR, "poll: %s", g_strerror(errno));
	if (sources[0].revents)
		spooler_drain(spooler->wake_fd);
	if (sources[1].revents) {
		(void)notify_drain(spooler->notify_fd);
		spooler_expect_work(spooler);
	}
	if (sources[2].revents) {
		drop_watch_drain(spooler->drop_fd);
		spooler_look_into_drop(spooler, turn);
	} else if (turn->drop_at && turn->drop_at <= g_get_monotonic_time()) {
		spooler_look_into_drop(spooler, turn);
	}
	if (sources[3].revents) {
		int fd = accept4(door_fd, NULL, NULL, SOCK_CLOEXEC);

		if (fd >= 0)
			queue_door_answer(spooler, fd);
	}
}

void spooler_run(struct spooler *spooler, int door_fd)
{
	struct spooler_turn turn = {0};

	spooler_look_into_drop(spooler, &turn);
	for (;;) {
		spooler_reclock(spooler, &turn);
		spooler_dispatch(spooler, &turn);
		if (turn.stopping)
			return;
		spooler_heartbeat(spooler, &turn);
		spooler_wait(spooler, door_fd, &turn);
	}
}

int spooler_run_once(struct spooler *spooler, struct fault *fault)
{
	struct spooler_turn turn = {0};
	g_autoptr(GPtrArray) left = NULL;
	bool looked_again = false;
	bool is_empty;

	spooler_look_into_drop(spooler, &turn);
	for (;;) {
		spooler_reclock(spooler, &turn);
		spooler_dispatch(spooler, &turn);
		/* In vain: what is due belongs to another spooler.  While a
		 * worker is at it, it may as well be ours. */
		if (turn.stopping || (turn.all_idle && !turn.work_waits &&
				      (turn.in_vain > SPOOLER_VAIN_MAX ||
				       turn.due > g_get_real_time()))) {
			/* What waits in the drop directory may be ours now. */
			if (turn.stopping || !turn.drop_at || looked_again)
				break;
			spooler_look_into_drop(spooler, &turn);
			spooler_expect_work(spooler);
			looked_again = true;
			continue;
		}
		spooler_heartbeat(spooler, &turn);
		spooler_wait(spooler, -1, &turn);
	}
	if (store_queue_list(spooler->store, &left, fault) != 0)
		return -1;
	pthread_mutex_lock(&spooler->lock);
	is_empty = drop_is_empty(spooler->settings->conf);
	pthread_mutex_unlock(&spooler->lock);
	return left->len || !is_empty ? 1 : 0;
}
