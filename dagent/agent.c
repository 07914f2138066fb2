/*
 * Setting up what a delivering process needs, and a pool of connections.
 */
#include "agent.h"

#include "responder.h"
#include "rules/redirect_sender.h"
#include "rules/reply_subject.h"
#include "rules/settings.h"

#define AGENT_IDLE_MAX       16
#define AGENT_CONVERT_MS     INT64_C(30000)
#define AGENT_RESPONDERS_MAX 8

int agent_new(const struct conf *conf, const struct wishes *wishes,
	      bool is_daemon, helper_serve_fn *serve, struct agent **ret_agent,
	      struct fault *fault)
{
	AUTO(agent) agent = g_new0(struct agent, 1);
	struct store *store = NULL;

	agent->conf = conf;
	agent->wishes = wishes;
	g_queue_init(&agent->idle);
	pthread_mutex_init(&agent->lock, NULL);
	store_policy_of_conf(conf, &agent->policy);
	agent->scripts = scripts_new();
	if (sieve_settings_of_conf(conf, &agent->sieve, fault) ||
	    sieve_redirect_sender_check(conf, fault) ||
	    sieve_reply_subject_check(conf, fault) ||
	    spam_marks_new(conf, &agent->spam_marks, fault) ||
	    helper_pool_new(is_daemon ? 0 : 1, AGENT_CONVERT_MS,
			    &agent->helpers, fault))
		return -1;
	/* For one message: helper and store get ready side by side. */
	if (!is_daemon)
		helper_pool_warm(agent->helpers, serve);
	/* Not before: GLib may start a thread for it. */
	agent->responders = g_thread_pool_new(
		responder_run_job, NULL, AGENT_RESPONDERS_MAX, FALSE, NULL);
	if (agent_take_store(agent, &store, fault))
		return -1;
	agent_give_store(agent, store);
	if (is_daemon &&
	    committer_new(conf->store_path, conf->store_timeout * 1000,
			  &agent->policy, &agent->committer, fault))
		return -1;
	if (is_daemon)
		agent->known = known_new(conf->store_path);
	*ret_agent = g_steal_pointer(&agent);
	return 0;
}

void agent_free(struct agent *agent)
{
	struct store *store;

	if (agent->responders)
		g_thread_pool_free(agent->responders, FALSE, TRUE);
	if (agent->committer)
		committer_free(agent->committer);
	if (agent->helpers)
		helper_pool_free(agent->helpers);
	while ((store = g_queue_pop_head(&agent->idle)))
		store_close(store);
	known_free(agent->known);
	scripts_free(agent->scripts);
	spam_marks_free(agent->spam_marks);
	sieve_settings_clear(&agent->sieve);
	pthread_mutex_destroy(&agent->lock);
	g_free(agent);
}

int agent_take_store(struct agent *agent, struct store **ret_store,
		     struct fault *fault)
{
	struct store *store;

	pthread_mutex_lock(&agent->lock);
	store = g_queue_pop_head(&agent->idle);
	pthread_mutex_unlock(&agent->lock);
	if (!store) {
		if (store_open(agent->conf->store_path, STORE_WRITE,
			       agent->conf->store_timeout * 1000, &store,
			       fault))
			return -1;
		store_set_policy(store, &agent->policy);
	}
	*ret_store = store;
	return 0;
}

void agent_give_store(struct agent *agent, struct store *store)
{
	bool is_kept;

	pthread_mutex_lock(&agent->lock);
	is_kept = agent->idle.length < AGENT_IDLE_MAX;
	if (is_kept)
		g_queue_push_head(&agent->idle, store);
	pthread_mutex_unlock(&agent->lock);
	if (!is_kept)
		store_close(store);
}

int agent_run(struct agent *agent, struct store *store, store_unit_fn *unit,
	      void *context, struct fault *fault)
{
	if (agent->committer)
		return committer_run_anew(agent->committer, unit, context,
					  fault);
	return store_run(store, unit, context, fault);
}
