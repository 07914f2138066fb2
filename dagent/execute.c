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

/* Is that copy on its way to the same folder, which is not there yet?  It may
 * be written otherwise: "INBOX.Lists", "Inbox/lists". */
static bool execute_is_same_place(const struct plan_copy *copy,
				  const struct store_place *place)
{
	return !copy->folder && copy->below && copy->store == place->store &&
	       store_folder_is_same(copy->below, copy->separator, place->below,
				    place->separator);
}

static struct plan_copy *execute_add_copy(struct execute *run,
					  const struct sieve_action *action,
					  const struct store_place *place)
{
	struct plan *plan = run->to->plan;

	for (guint i = 0; !place->folder && i < plan->copies->len; i++)
		if (execute_is_same_place(plan->copies->pdata[i], place))
			return plan->copies->pdata[i];
	return plan_add_copy(plan, place->folder, action->argument);
}

static int execute_fileinto(struct execute *run,
			    const struct sieve_action *action,
			    struct fault *fault)
{
	const struct store_recipient *who = run->to->who;
	const struct store_place_owner owner = {who->user, who->store};
	struct store_place place;
	struct plan_copy *copy;
	g_autofree char *problem = NULL;
	struct fault reason = {0};

	if (execute_find_place(run, action, &place, &reason)) {
		if (!fault_is_temporary(&reason))
			return execute_keep_instead(run, action, reason.text);
		*fault = reason;
		return -1;
	}
	if (store_place_problem(run->store, &owner, &place, action->create,
				(int64_t)mail_size(run->mail), &problem, fault))
		return -1;
	if (problem)
		return execute_keep_instead(run, action, problem);
	/* To the user's own junk no reply is due. */
	if (place.folder && place.folder == who->junk)
		run->to->plan->is_junk = true;
	copy = execute_add_copy(run, action, &place);
	copy->store = place.store;
	if (!copy->content)
		copy->content = execute_edited(run, action->edit);
	if (!place.folder && !copy->below) {
		copy->below = g_strdup(place.below);
		copy->separator = place.separator;
	}
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
