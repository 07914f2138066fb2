/*
 * Turns what scripts decided into copies, redirects and refusals.
 */
#include "execute.h"

#include "rules/sieve.h"
#include "send.h"
#include "store/folders.h"
#include "store/place.h"

#include <string.h>

struct execute {
	struct ruleset *rules;
	struct mail *mail;
	struct store *store;
	struct mail_recipient *to;
	struct target *target;
	bool wants_keep;
};

/* The mail with the header a rule gave it; NULL: as it came. */
static struct plan_content *execute_edited(struct execute *run,
					   struct sieve_edit *edit)
{
	struct plan *plan = run->to->plan;
	struct plan_content *content;

	if (!edit)
		return NULL;
	for (guint i = 0; i < plan->contents->len; i++) {
		content = plan->contents->pdata[i];
		if (content->edit == edit && !content->is_redirect)
			return content;
	}
	content = plan_add_content(plan,
				   sieve_edit_apply(edit, run->mail->bytes));
	content->edit = sieve_edit_ref(edit);
	content->set = mail_sketch(run->mail, content->bytes);
	return content;
}

/* As a rule made it or as it came. */
static void execute_keep(struct execute *run, const struct sieve_action *action,
			 bool as_it_came)
{
	struct plan_copy *copy = target_keep(run->target, run->to->plan);

	plan_copy_add_flags(copy, action->flags);
	plan_copy_add_properties(copy, action->properties);
	if (!copy->content && !as_it_came)
		copy->content = execute_edited(run, action->edit);
}

/* Why a fileinto cannot be done: told, and the mail is kept. */
static int execute_keep_instead(struct execute *run,
				const struct sieve_action *action,
				const char *why)
{
	g_autofree char *text =
		g_strdup_printf("%u: failed to store into mailbox '%s': %s",
				action->line, action->argument, why);

	ruleset_blame(run->rules, action->rule, text);
	execute_keep(run, action, true);
	return 0;
}

/* Where that is, from what is known or the store. */
static int execute_find_place(struct execute *run,
			      const struct sieve_action *action,
			      struct store_place *ret_place,
			      struct fault *fault)
{
	const struct store_place_owner owner = {run->to->who->user,
						run->to->who->store};
	const struct known_place question = {&owner, action->argument,
					     action->special_use};
	struct known *known = run->mail->agent->known;
	uint64_t stamp;

	if (known_find_place(known, &question, ret_place, &stamp))
		return 0;
	if (store_place_find(run->store, &owner, action->argument,
			     action->special_use, ret_place, fault))
		return -1;
	known_keep_place(known, &question, stamp, ret_place);
	return 0;
}

/* The copy that goes there already, by whatever name; NULL: none does. */
static struct plan_copy *execute_find_copy(const struct plan *plan,
					   const struct store_place *place)
{
	for (guint i = 0; i < plan->copies->len; i++) {
		struct plan_copy *copy = plan->copies->pdata[i];
		const struct store_place other = {
			.folder = copy->folder,
			.parent = copy->parent,
			.missing = copy->missing,
			.separator = copy->separator,
		};

		if ((other.folder || other.missing) &&
		    store_place_is_same(&other, place))
			return copy;
	}
	return NULL;
}

static int64_t execute_size_of(const struct execute *run,
			       const struct plan_content *content)
{
	return content ? (int64_t)g_bytes_get_size(content->bytes)
		       : (int64_t)mail_size(run->mail);
}

/* Octets that are on their way into a store. */
static int64_t execute_size_in(const struct execute *run, int64_t store)
{
	const GPtrArray *copies = run->to->plan->copies;
	int64_t size = 0;

	for (guint i = 0; i < copies->len; i++) {
		const struct plan_copy *copy = copies->pdata[i];

		if (copy->store == store)
			size += execute_size_of(run, copy->content);
	}
	return size;
}

static struct plan_copy *execute_add_copy(struct execute *run,
					  const struct sieve_action *action,
					  const struct store_place *place,
					  struct plan_content *content)
{
	struct plan_copy *copy =
		plan_add_copy(run->to->plan, place->folder, action->argument);

	copy->store = place->store;
	copy->content = content;
	if (place->folder)
		return copy;
	copy->below = g_strdup(place->below);
	copy->separator = place->separator;
	copy->parent = place->parent;
	copy->missing = copy->below + (place->missing - place->below);
	return copy;
}

/* The copy for a place that is found; NULL with the problem (owned) if none
 * can go there. */
static int execute_copy(struct execute *run, const struct sieve_action *action,
			const struct store_place *place,
			struct plan_copy **ret_copy, char **ret_problem,
			struct fault *fault)
{
	const struct store_place_owner owner = {run->to->who->user,
						run->to->who->store};
	struct plan_copy *copy = execute_find_copy(run->to->plan, place);
	struct plan_content *content = execute_edited(run, action->edit);
	int64_t size = execute_size_of(run, content);

	if (copy && !copy->content)
		copy->content = content;
	if (!copy &&
	    store_place_problem(run->store, &owner, place, action->create,
				size + execute_size_in(run, place->store),
				ret_problem, fault))
		return -1;
	if (!copy && !*ret_problem)
		copy = execute_add_copy(run, action, place, content);
	*ret_copy = copy;
	return 0;
}

static int execute_fileinto(struct execute *run,
			    const struct sieve_action *action,
			    struct fault *fault)
{
	struct store_place place;
	struct plan_copy *copy = NULL;
	g_autofree char *problem = NULL;
	struct fault reason = {0};

	if (execute_find_place(run, action, &place, &reason)) {
		if (!fault_is_temporary(&reason))
			return execute_keep_instead(run, action, reason.text);
		*fault = reason;
		return -1;
	}
	if (execute_copy(run, action, &place, &copy, &problem, fault))
		return -1;
	if (!copy)
		return execute_keep_instead(run, action, problem);
	/* To the user's own junk no reply is due. */
	if (place.folder && place.folder == run->to->who->junk)
		run->to->plan->is_junk = true;
	plan_copy_add_flags(copy, action->flags);
	plan_copy_add_properties(copy, action->properties);
	return 0;
}

/* What sends has the user's addresses, and the message as edit (NULL: nobody)
 * made it. */
static int execute_begin_send(struct execute *run, struct sieve_edit *edit,
			      struct send *ret_send, struct fault *fault)
{
	const char *const *own;

	if (ruleset_own(run->rules, &own, fault))
		return -1;
	*ret_send = (struct send){
		.mail = run->mail,
		.store = run->store,
		.to = run->to,
		.own = own,
		.edited = execute_edited(run, edit),
	};
	return 0;
}

static int execute_redirect(struct execute *run,
			    const struct sieve_action *action,
			    struct fault *fault)
{
	struct send send;

	if (execute_begin_send(run, action->edit, &send, fault))
		return -1;
	if (!send_redirect(&send, action))
		run->wants_keep = true;
	return 0;
}

static int execute_forward(struct execute *run,
			   const struct sieve_action *action,
			   struct fault *fault)
{
	struct send send;
	bool sent;

	if (execute_begin_send(run, action->edit, &send, fault) ||
	    send_forward(&send, action, &sent, fault))
		return -1;
	if (!sent)
		run->wants_keep = true;
	return 0;
}

/* Replies come last: none is due to what another rule calls junk. */
static int execute_reply(struct execute *run, const struct sieve_plan *wanted,
			 struct fault *fault)
{
	struct send send;

	for (guint i = 0; i < wanted->actions->len; i++) {
		const struct sieve_action *action = wanted->actions->pdata[i];

		if (action->kind != SIEVE_REPLY || run->to->plan->is_junk)
			continue;
		if (execute_begin_send(run, NULL, &send, fault) ||
		    send_reply(&send, action, fault))
			return -1;
	}
	return 0;
}

static int execute_act(struct execute *run, const struct sieve_action *action,
		       struct fault *fault)
{
	switch (action->kind) {
	case SIEVE_KEEP:
		execute_keep(run, action, false);
		return 0;
	case SIEVE_FILEINTO:
		return execute_fileinto(run, action, fault);
	case SIEVE_DISCARD:
		return 0;
	case SIEVE_REDIRECT:
		return execute_redirect(run, action, fault);
	case SIEVE_FORWARD:
		return execute_forward(run, action, fault);
	case SIEVE_REPLY:
		return 0; /* execute_reply() */
	case SIEVE_VACATION:
		if (!run->to->plan->vacation)
			run->to->plan->vacation =
				sieve_vacation_ref(action->vacation);
		return 0;
	case SIEVE_REJECT:
		return fault_set(fault, FAULT_REJECTED, "<%s>: %s",
				 run->to->path,
				 action->argument && *action->argument
					 ? action->argument
					 : "message rejected");
	}
	return 0;
}

char *execute_mark_key(const char *key)
{
	return g_strconcat("d:", key, NULL);
}

int execute_plan(struct ruleset *rules, struct mail *mail, struct store *store,
		 struct mail_recipient *to, struct target *target,
		 const struct sieve_plan *wanted, struct fault *fault)
{
	struct execute run = {
		.rules = rules,
		.mail = mail,
		.store = store,
		.to = to,
		.target = target,
	};
	struct plan *plan = to->plan;

	if (wanted->rule) {
		g_free(plan->rule);
		plan->rule = g_strdup(wanted->rule);
		plan->line = wanted->line;
	}
	for (guint i = 0; i < wanted->marks->len; i++) {
		const struct sieve_mark *mark = wanted->marks->pdata[i];
		g_autofree char *key = execute_mark_key(mark->key);

		plan_add_mark(plan, key, mark->seconds, mark->is_new);
	}
	for (guint i = 0; i < wanted->actions->len; i++)
		if (execute_act(&run, wanted->actions->pdata[i], fault))
			return -1;
	if (execute_reply(&run, wanted, fault))
		return -1;
	if (wanted->implicit_keep || (run.wants_keep && plan->copies->len == 0))
		(void)target_keep(target, plan);
	plan->is_discarded = plan->copies->len == 0 && plan->outgoing->len == 0;
	return 0;
}
