/*
 * What the store knows of who logs in; see submit.h.
 */
#include "submit_internal.h"

#include "log.h"
#include "scram.h"

/* The id by login or address; 0, 1 if there is none, -1. */
static int submit_resolve_login(struct submit *submit, const char *user,
				int64_t *ret_id, char **ret_name,
				struct fault *fault)
{
	AUTO(store_recipient) who = NULL;
	struct fault why = {0};

	if (store_resolve(submit->store, user, 0, &who, &why) == 0) {
		*ret_id = who->user;
		*ret_name = g_strdup(who->name);
		return 0;
	}
	if (why.kind == FAULT_NO_RECIPIENT)
		return 1;
	*fault = why;
	return -1;
}

int submit_find_login(struct submit *submit, const char *user, char **ret_name,
		      struct store_secrets **ret_secrets, struct fault *fault)
{
	g_autofree char *name = NULL;
	int64_t id = 0;
	int rc;

	pthread_mutex_lock(&submit->lock);
	rc = submit_resolve_login(submit, user, &id, &name, fault);
	if (rc == 0)
		rc = store_secrets_get(submit->store, id, ret_secrets, fault);
	pthread_mutex_unlock(&submit->lock);
	if (rc == 0)
		*ret_name = g_steal_pointer(&name);
	return rc < 0 ? -1 : 0;
}

bool submit_has_scram(struct submit *submit)
{
	struct fault fault = {0};
	bool complete = false;
	int rc;

	pthread_mutex_lock(&submit->lock);
	rc = store_scram_is_complete(submit->store, &complete, &fault);
	pthread_mutex_unlock(&submit->lock);
	if (rc != 0)
		log_message(LOG_LEVEL_WARNING, "SCRAM is not offered: %s",
			    fault.text);
	return rc == 0 && complete;
}

struct submit_scram {
	const char *name;
	const char *keys;
};

static int submit_scram_unit(struct store *store, void *context,
			     struct fault *fault)
{
	const struct submit_scram *scram = context;
	AUTO(store_user) user = NULL;

	if (store_user_find(store, scram->name, &user, fault) != 0)
		return -1;
	return store_scram_set(store, user->id, scram->keys, fault);
}

void submit_set_scram(struct submit *submit, const char *name,
		      const char *password)
{
	g_autofree char *keys = scram_keys_make(password);
	struct submit_scram scram = {name, keys};
	struct fault fault = {0};

	if (committer_run(submit->committer, submit_scram_unit, &scram,
			  &fault) != 0)
		log_message(LOG_LEVEL_WARNING,
			    "the keys of SCRAM of %s cannot be kept: %s", name,
			    fault.text);
}
