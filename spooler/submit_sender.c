/*
 * Whose a submitted message is, and in whose name it goes: one's own, that of
 * somebody who granted it (--send-as, --send-on-behalf), or no user's.
 */
#include "submit_internal.h"

#include "smtp/smtp_server.h"

#include <string.h>

void submit_sender_clear(struct submit_sender *sender)
{
	if (sender->user)
		store_user_free(sender->user);
	g_free(sender->reverse_path);
	if (sender->rewrites)
		g_ptr_array_unref(sender->rewrites);
	*sender = (struct submit_sender){0};
}

/* What an address is to the user; "" is nobody's. */
static int sender_look(struct submit *submit, const struct store_user *user,
		       const char *address, struct store_sender **ret_sender,
		       struct fault *fault)
{
	int rc;

	pthread_mutex_lock(&submit->lock);
	rc = store_sender_look(submit->store, user->id, address, ret_sender,
			       fault);
	pthread_mutex_unlock(&submit->lock);
	return rc;
}

/* ---- envelope --------------------------------------------------------------
 */

/* Why there is no store for what the caller sends. */
static int sender_fault(const struct submit *submit,
			const struct submit_caller *caller, struct fault *fault)
{
	AUTO(store_user) user = NULL;

	if (*caller->login &&
	    store_user_find(submit->store, caller->login, &user, NULL) == 0)
		return fault_set(fault, FAULT_NOT_ALLOWED,
				 "user %s is inactive: 'okapi-admin user set "
				 "%s --active' would end that",
				 caller->login, caller->login);
	return fault_set(
		fault, FAULT_NOT_ALLOWED,
		"user %s (uid %u) has no store here: create it with "
		"okapi-admin user create, or set submit_default_user%s",
		*caller->login ? caller->login : "?", (unsigned)caller->uid,
		caller->is_trusted ? ", or name a user's address with -f" : "");
}

/* The store of -f if the caller may, else the caller's, else the default. */
static int sender_user(struct submit *submit, const struct conf *conf,
		       const struct submit_caller *caller, const char *sender,
		       struct store_user **ret_user, struct fault *fault)
{
	int found = 1;

	if (sender && caller->is_trusted)
		found = submit_find_owner(submit, sender, ret_user, fault);
	if (found == 1 && caller->unknown)
		return fault_set_errno(fault, FAULT_INTERNAL, caller->unknown,
				       "the user of uid %u",
				       (unsigned)caller->uid);
	if (found == 1)
		found = submit_find_user(submit, caller->login, ret_user,
					 fault);
	if (found == 1 && caller->is_remote)
		return fault_set(fault, FAULT_NOT_ALLOWED,
				 "%s is no user any more", caller->login);
	if (found == 1)
		found = submit_find_user(submit, conf->submit_default_user,
					 ret_user, fault);
	return found == 1 ? sender_fault(submit, caller, fault) : found;
}

/* An envelope sender that is another user's is for those who may send as that
 * user; others get their own, or over the network a refusal (RFC 6409 6.1). */
static int sender_judge_path(struct submit *submit,
			     const struct submit_caller *caller,
			     struct submit_sender *sender, struct fault *fault)
{
	AUTO(store_sender) who = NULL;

	if (caller->is_trusted || !*sender->reverse_path)
		return 0;
	if (sender_look(submit, sender->user, sender->reverse_path, &who,
			fault) != 0)
		return -1;
	switch (who->standing) {
	case SENDER_OWN:
	case SENDER_NOBODYS:
	case SENDER_AS:
		return 0;
	case SENDER_DENIED:
		if (caller->is_remote)
			return fault_set(fault, FAULT_NOT_ALLOWED,
					 "<%s> is not an address of %s",
					 sender->reverse_path,
					 sender->user->name);
		break;
	case SENDER_ON_BEHALF:
		break;
	}
	g_free(sender->reverse_path);
	sender->reverse_path = g_strdup(sender->user->email);
	return 0;
}

int submit_sender_choose(struct submit *submit, const struct conf *conf,
			 const struct submit_caller *caller,
			 const struct envelope *envelope,
			 struct submit_sender *ret_sender, struct fault *fault)
{
	g_autofree char *path = NULL;
	int rc;

	if (envelope->sender)
		path = fixup_qualify(envelope->sender, conf->origin);
	if (path && *path && !smtp_path_check(path, true, true))
		return fault_set(fault, FAULT_BAD_ADDRESS,
				 "<%s> is no sender address", path);
	pthread_mutex_lock(&submit->lock);
	rc = sender_user(submit, conf, caller, path, &ret_sender->user, fault);
	pthread_mutex_unlock(&submit->lock);
	if (rc != 0)
		return -1;
	ret_sender->reverse_path = path ? g_steal_pointer(&path)
					: g_strdup(ret_sender->user->email);
	return sender_judge_path(submit, caller, ret_sender, fault);
}

/* ---- header ----------------------------------------------------------------
 */

/* In whose name the fields say that it goes. */
struct sender_names {
	char *as; /* primary address of whom it is sent as, or NULL */
	bool on_behalf;
	int64_t represented; /* store of the first of either, or 0 */
};

static int sender_judge_address(struct submit *submit,
				const struct store_user *user,
				const char *address, bool is_author,
				struct sender_names *names, struct fault *fault)
{
	AUTO(store_sender) who = NULL;

	if (!*address)
		return 0;
	if (sender_look(submit, user, address, &who, fault) != 0)
		return -1;
	if (is_author && !names->represented &&
	    (who->standing == SENDER_AS || who->standing == SENDER_ON_BEHALF))
		names->represented = who->store;
	switch (who->standing) {
	case SENDER_OWN:
	case SENDER_NOBODYS:
		break;
	case SENDER_AS:
		if (is_author && !names->as)
			names->as = g_strdup(who->email);
		break;
	case SENDER_ON_BEHALF:
		names->on_behalf = names->on_behalf || is_author;
		break;
	case SENDER_DENIED:
		return fault_set(fault, FAULT_NOT_ALLOWED,
				 "%s may not send as <%s>: 'okapi-admin user "
				 "set %s --send-as %s' would allow it",
				 user->name, address, who->name, user->name);
	}
	return 0;
}

/* Who resends a message is named in Resent-From; From is its author's then (RFC
 * 5322 3.6.6). */
static bool sender_is_resent(const struct propset *set)
{
	return propset_find_header(set, "Resent-From") != NULL;
}

/* Calls each for every address of the fields that say who sent it. */
static int sender_each(const struct propset *set,
		       int (*each)(void *context, const char *address,
				   bool is_author, struct fault *fault),
		       void *context, struct fault *fault)
{
	const char *from = sender_is_resent(set) ? "Resent-From" : "From";
	const char *sender = sender_is_resent(set) ? "Resent-Sender" : "Sender";

	for (size_t i = 0; i < propset_header_count(set); i++) {
		const struct header_field *field = propset_header(set, i);
		bool is_author = g_ascii_strcasecmp(field->name, from) == 0;

		if (!field->addresses ||
		    (!is_author && g_ascii_strcasecmp(field->name, sender)))
			continue;
		for (guint a = 0; a < field->addresses->len; a++) {
			const struct header_address *address =
				field->addresses->pdata[a];

			if (each(context, address->address, is_author, fault))
				return -1;
		}
	}
	return 0;
}

struct sender_judge {
	struct submit *submit;
	const struct store_user *user;
	struct sender_names names;
};

static int sender_judge_each(void *context, const char *address, bool is_author,
			     struct fault *fault)
{
	struct sender_judge *judge = context;

	return sender_judge_address(judge->submit, judge->user, address,
				    is_author, &judge->names, fault);
}

/* As somebody: their address in the envelope, and no Sender; on behalf: the
 * sender's own in both. */
static void sender_set_names(struct submit_sender *sender,
			     const struct sender_names *names, bool is_resent)
{
	const char *path = names->on_behalf ? sender->user->email : names->as;

	sender->represented = names->represented;
	if (!path)
		return;
	if (*sender->reverse_path) {
		g_free(sender->reverse_path);
		sender->reverse_path = g_strdup(path);
	}
	if (!is_resent)
		sender->field =
			names->on_behalf ? FIXUP_SENDER_SET : FIXUP_SENDER_DROP;
}

/* ---- rewriting -------------------------------------------------------------
 */

struct sender_rewriting {
	const struct rewrite *rewrite;
	GPtrArray *pairs;
};

static int sender_rewrite_each(void *context, const char *address,
			       bool is_author G_GNUC_UNUSED,
			       struct fault *fault G_GNUC_UNUSED)
{
	struct sender_rewriting *rewriting = context;
	char *new = rewrite_find(rewriting->rewrite, address);

	if (new) {
		g_ptr_array_add(rewriting->pairs, g_strdup(address));
		g_ptr_array_add(rewriting->pairs, new);
	}
	return 0;
}

/* sender_rewrite, for the envelope and what the header says. */
static void sender_rewrite(const struct rewrite *rewrite,
			   const struct propset *set,
			   struct submit_sender *sender)
{
	struct sender_rewriting rewriting = {
		rewrite, g_ptr_array_new_with_free_func(g_free)};
	char *path = rewrite_find(rewrite, sender->reverse_path);

	if (path) {
		g_free(sender->reverse_path);
		sender->reverse_path = path;
	}
	(void)sender_each(set, sender_rewrite_each, &rewriting, NULL);
	if (sender->field == FIXUP_SENDER_SET)
		(void)sender_rewrite_each(&rewriting, sender->user->email,
					  false, NULL);
	g_ptr_array_add(rewriting.pairs, NULL);
	sender->rewrites = rewriting.pairs;
}

int submit_sender_check(struct submit *submit, const struct settings *settings,
			const struct submit_caller *caller,
			const struct propset *set, struct submit_sender *sender,
			bool *ret_changed, struct fault *fault)
{
	struct sender_judge judge = {.submit = submit, .user = sender->user};
	int rc = 0;

	if (!caller->is_trusted)
		rc = sender_each(set, sender_judge_each, &judge, fault);
	if (rc == 0)
		sender_set_names(sender, &judge.names, sender_is_resent(set));
	g_free(judge.names.as);
	if (rc != 0)
		return -1;
	if (settings->rewrite)
		sender_rewrite(settings->rewrite, set, sender);
	*ret_changed = sender->field != FIXUP_SENDER_KEEP ||
		       (sender->rewrites && sender->rewrites->len > 1);
	return 0;
}
