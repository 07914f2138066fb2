/*
 * The daemon's life.  All that depends on the configuration is one generation
 * (generation.c); SIGHUP builds the next one beside it, and only if that works
 * the old one ends, when its sessions have.
 */
#include "service.h"

#include "conf.h"
#include "daemon.h"
#include "figures.h"
#include "generation.h"
#include "janitor.h"
#include "log.h"
#include "manager.h"
#include "metrics.h"
#include "prompt.h"
#include "store/store.h"

#include <errno.h>
#include <pthread.h>
#include <sysexits.h>
#include <time.h>

/* A generation whose sessions end, and who waits for that. */
struct retiring {
	struct generation *generation; /* under lock; NULL: it has ended */
	bool is_over; /* under lock: the thread does nothing more */
	GThread *thread;
};

/* The process. */
static struct {
	const struct options *options;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool must_stop;
	bool must_reload;
	struct generation *current; /* under lock, for the scraper */
	GPtrArray *retiring;        /* of struct retiring */
} state = {.lock = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER};

/* ---- reload ---- */

static int service_load_conf(const struct options *options,
			     struct conf **ret_conf, struct fault *fault)
{
	return conf_load(options->config,
			 (const char *const *)options->overrides, ret_conf,
			 NULL, fault);
}

static int service_build_next(const struct generation *old,
			      struct generation **ret_next, struct fault *fault)
{
	AUTO(conf) conf = NULL;
	AUTO(generation) next = NULL;

	if (service_load_conf(state.options, &conf, fault) ||
	    generation_new(g_steal_pointer(&conf), old, &next, fault) ||
	    generation_open(next, &state.options->wishes, fault) ||
	    log_open("okapi-dagent", generation_conf(next), fault)) {
		/* Inherited sockets belong to the old one still. */
		if (next)
			generation_drop_listeners(next, old);
		return -1;
	}
	*ret_next = g_steal_pointer(&next);
	return 0;
}

static void service_set_log_level(const struct conf *conf)
{
	int level = (int)conf->log_level + state.options->verbose;

	if (state.options->silent)
		level = MIN(level, LOG_LEVEL_ERROR);
	log_set_level(level);
}

static gpointer service_retire_main(gpointer data)
{
	struct retiring *retiring = data;
	struct generation *old = retiring->generation;

	generation_wait(old);
	pthread_mutex_lock(&state.lock);
	retiring->generation = NULL;
	pthread_mutex_unlock(&state.lock);
	generation_end(old);
	pthread_mutex_lock(&state.lock);
	retiring->is_over = true;
	pthread_mutex_unlock(&state.lock);
	return NULL;
}

/* Waits for a thread that has ended, or will. */
static void service_join(gpointer data)
{
	struct retiring *retiring = data;

	g_thread_join(retiring->thread);
	g_free(retiring);
}

/* Threads that have ended keep their stacks until they are waited for. */
static void service_reap(void)
{
	for (guint i = state.retiring->len; i-- > 0;) {
		const struct retiring *retiring = state.retiring->pdata[i];
		bool is_over;

		pthread_mutex_lock(&state.lock);
		is_over = retiring->is_over;
		pthread_mutex_unlock(&state.lock);
		if (is_over)
			g_ptr_array_remove_index_fast(state.retiring, i);
	}
}

static void service_retire(struct generation *old)
{
	struct retiring *retiring = g_new0(struct retiring, 1);

	service_reap();
	generation_retire(old);
	retiring->generation = old;
	retiring->thread =
		g_thread_new("retire", service_retire_main, retiring);
	g_ptr_array_add(state.retiring, retiring);
}

static void service_reload(void)
{
	struct generation *old = state.current;
	struct generation *next = NULL;
	struct fault fault = {0};

	daemon_reloading();
	if (service_build_next(old, &next, &fault)) {
		daemon_reloaded(&fault);
		return;
	}
	service_set_log_level(generation_conf(next));
	daemon_tell_warnings(generation_conf(next));
	generation_start(next);
	pthread_mutex_lock(&state.lock);
	state.current = next;
	pthread_mutex_unlock(&state.lock);
	generation_drop_listeners(old, next);
	service_retire(old);
	daemon_reloaded(NULL);
}

/* ---- signals and the main loop ---- */

static void service_on_stop(void *context)
{
	(void)context;
	pthread_mutex_lock(&state.lock);
	state.must_stop = true;
	pthread_cond_signal(&state.cond);
	pthread_mutex_unlock(&state.lock);
}

static void service_on_reload(void *context)
{
	(void)context;
	pthread_mutex_lock(&state.lock);
	state.must_reload = true;
	pthread_cond_signal(&state.cond);
	pthread_mutex_unlock(&state.lock);
}

static void service_on_scrape(void *context)
{
	struct committer_stats stats;

	(void)context;
	pthread_mutex_lock(&state.lock);
	if (state.current) {
		committer_get_stats(generation_committer(state.current),
				    &stats);
		figures_set_committer(&stats);
	}
	pthread_mutex_unlock(&state.lock);
}

/* A stop is for the sessions of earlier generations, too. */
static void service_stop_retiring(void)
{
	pthread_mutex_lock(&state.lock);
	for (guint i = 0; i < state.retiring->len; i++) {
		const struct retiring *retiring = state.retiring->pdata[i];

		if (retiring->generation)
			generation_stop(retiring->generation);
	}
	pthread_mutex_unlock(&state.lock);
}

/* For the watchdog: is what is to be committed committed? */
static bool service_is_well(void *context)
{
	bool is_well = true;

	(void)context;
	pthread_mutex_lock(&state.lock);
	if (state.current)
		is_well =
			committer_is_well(generation_committer(state.current));
	pthread_mutex_unlock(&state.lock);
	return is_well;
}

/* Waits for a signal, or until it is time to purge (wall clock seconds). */
static bool service_wait(int64_t purge_at)
{
	const struct timespec until = {.tv_sec = purge_at};

	while (!state.must_stop && !state.must_reload)
		if (pthread_cond_timedwait(&state.cond, &state.lock, &until) ==
		    ETIMEDOUT)
			return true;
	return false;
}

/* Waits for signals; returns when it is time to stop. */
static void service_loop(void)
{
	int64_t purge_at = time(NULL) + JANITOR_FIRST_S;

	for (;;) {
		bool must_stop;
		bool must_reload;
		bool must_purge;

		pthread_mutex_lock(&state.lock);
		must_purge = service_wait(purge_at);
		must_stop = state.must_stop;
		must_reload = state.must_reload;
		state.must_reload = false;
		pthread_mutex_unlock(&state.lock);
		if (must_stop)
			return;
		if (must_reload)
			service_reload();
		if (must_purge) {
			janitor_purge(generation_conf(state.current));
			purge_at = time(NULL) + JANITOR_EVERY_S;
		}
	}
}

static void service_stop(void)
{
	struct generation *last;

	log_message(LOG_LEVEL_INFO, "stopping");
	daemon_stopping();
	pthread_mutex_lock(&state.lock);
	last = state.current;
	state.current = NULL;
	pthread_mutex_unlock(&state.lock);
	metrics_listen_stop();
	generation_stop(last);
	service_stop_retiring();
	generation_wait(last);
	generation_end(last);
	manager_watch_stop();
	g_ptr_array_set_size(state.retiring, 0); /* waits for each */
	daemon_end();
}

/* ---- start ---- */

static int service_begin(struct fault *fault)
{
	AUTO(conf) conf = NULL;
	AUTO(generation) first = NULL;

	if (manager_begin(fault) ||
	    service_load_conf(state.options, &conf, fault) ||
	    log_open("okapi-dagent", conf, fault))
		return -1;
	service_set_log_level(conf);
	daemon_tell_warnings(conf);
	if ((state.options->daemonize && daemon_detach(fault)) ||
	    daemon_signals_start(service_on_stop, service_on_reload, NULL,
				 fault) ||
	    daemon_run_dir(conf, fault) || daemon_pid_file(conf, fault))
		return -1;
	figures_start();
	metrics_on_scrape(service_on_scrape, NULL);
	if (metrics_listen_start(conf->metrics_listen, fault) ||
	    generation_new(g_steal_pointer(&conf), NULL, &first, fault) ||
	    daemon_drop_privileges(generation_conf(first), fault) ||
	    generation_open(first, &state.options->wishes, fault))
		return -1;
	generation_start(first);
	pthread_mutex_lock(&state.lock);
	state.current = g_steal_pointer(&first);
	pthread_mutex_unlock(&state.lock);
	return manager_watch(service_is_well, NULL, fault);
}

int service_main(const struct options *options)
{
	struct fault fault = {0};

	prompt_thread(PROMPT_SERVER); /* before there are others */
	state.options = options;
	state.retiring = g_ptr_array_new_with_free_func(service_join);
	if (service_begin(&fault)) {
		daemon_fail(&fault);
		metrics_listen_stop();
		daemon_end();
		return fault_exit(&fault);
	}
	daemon_ready(NULL);
	service_loop();
	service_stop();
	g_ptr_array_unref(state.retiring);
	log_message(LOG_LEVEL_INFO, "stopped");
	log_close();
	return EX_OK;
}
