/*
 * The thread that purges; see janitor.h.
 */
#include "janitor.h"

#include "conf.h"
#include "log.h"
#include "store/upkeep.h"

struct janitor {
	char *path;
	int64_t timeout_ms;
	struct store_policy policy;
};

static int janitor_run(const struct janitor *janitor, int64_t *ret_messages,
		       struct fault *fault)
{
	AUTO(store) store = NULL;

	if (store_open(janitor->path, STORE_WRITE, janitor->timeout_ms, &store,
		       fault))
		return -1;
	store_set_policy(store, &janitor->policy);
	return store_purge(store, g_get_real_time(), false, ret_messages,
			   fault);
}

static gpointer janitor_thread(gpointer data)
{
	struct janitor *janitor = data;
	int64_t began = g_get_monotonic_time();
	int64_t messages = 0;
	struct fault fault = {0};

	if (janitor_run(janitor, &messages, &fault)) {
		log_message(LOG_LEVEL_WARNING, "purge: %s", fault.text);
	} else {
		struct log_event *event = log_event_new("purge");

		log_event_number(event, "messages", messages);
		log_event_duration(event, "time",
				   g_get_monotonic_time() - began);
		log_event_emit(event, LOG_LEVEL_INFO);
	}
	g_free(janitor->path);
	g_free(janitor);
	return NULL;
}

void janitor_purge(const struct conf *conf)
{
	struct janitor *janitor = g_new0(struct janitor, 1);
	GThread *thread;

	janitor->path = g_strdup(conf->store_path);
	janitor->timeout_ms = conf->store_timeout * 1000;
	store_policy_of_conf(conf, &janitor->policy);
	thread = g_thread_try_new("purge", janitor_thread, janitor, NULL);
	if (thread) {
		g_thread_unref(thread);
		return;
	}
	log_message(LOG_LEVEL_WARNING, "purge: no thread for it");
	g_free(janitor->path);
	g_free(janitor);
}
