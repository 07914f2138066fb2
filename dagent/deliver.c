/*
 * Delivery in the order of okapi-dagent(8): quota, sieve_before, junk, rules,
 * auto-reply, save.
 */
#include "deliver.h"

#include "autoreply.h"
#include "figures.h"
#include "log.h"
#include "receipt.h"
#include "resolve.h"
#include "rules.h"
#include "ruleset.h"
#include "save.h"
#include "store/junk_look.h"
#include "target.h"

#include <string.h>

#define DELIVER_TRIES 3 /* plans, where others come first */

/* Was it here before?  A repetition is answered as the first time, whatever
 * quota and rules would say by now; what they let in is asked by the unit that
 * saves it. */
static int deliver_ask_duplicate(const struct mail *mail, struct store *store,
				 struct mail_recipient *to, struct fault *fault)
{
	struct save_question question;

	save_ask(mail, to, &question);
	if (store_is_duplicate(store, &question.delivery, &to->result, fault))
		return -1;
	if (to->result.is_duplicate) {
		fault_clear(&to->verdict);
		to->is_done = true;
	}
	return 0;
}

static int deliver_plan(struct mail *mail, struct store *store,
			struct mail_recipient *to, struct fault *fault)
{
	struct target target = {0};
	int result;

	if (!mail->wishes.in_public &&
	    quota_check(&mail->agent->policy, to->who, to->path,
			(int64_t)mail_size(mail), fault))
		return -1;
	if (target_find(mail, store, to, &target, fault))
		return -1;
	result = rules_apply(mail, store, to, &target, fault);
	target_clear(&target);
	if (result)
		return -1;
	mail_convert(mail, MAIL_SUMMARY);
	receipt_prepare(mail, to);
	return autoreply_prepare(mail, store, to, fault);
}

void deliver_soften(struct fault *verdict)
{
	switch ((int)verdict->kind) {
	case FAULT_NO_RECIPIENT:
	case FAULT_NO_USER:
	case FAULT_MAILBOX_FULL:
	case FAULT_TOO_BIG:
	case FAULT_LOOP:
	case FAULT_NOT_A_MESSAGE:
	case FAULT_REJECTED:
		return;
	default:
		if (fault_class(verdict) == FAULT_CLASS_PERMANENT)
			verdict->kind = FAULT_INTERNAL;
	}
}

static void deliver_prepare(struct mail *mail, struct store *store,
			    struct mail_recipient *to)
{
	struct fault fault = {0};
	struct fault why = {0};

	to->started = g_get_monotonic_time();
	to->plan = plan_new();
	if (deliver_plan(mail, store, to, &fault) == 0)
		return;
	if (deliver_ask_duplicate(mail, store, to, &why))
		fault = why;
	if (to->is_done)
		return;
	to->verdict = fault;
	to->is_done = true;
	save_rule_errors(mail, store, to);
}

/* The recipient before it that is the same one, or NULL. */
static struct mail_recipient *deliver_find_twin(struct mail *mail, guint index)
{
	const struct mail_recipient *to = mail->recipients->pdata[index];

	for (guint i = 0; i < index; i++) {
		struct mail_recipient *other = mail->recipients->pdata[i];

		if (other->who->store == to->who->store &&
		    g_strcmp0(other->detail, to->detail) == 0)
			return other;
	}
	return NULL;
}

static enum figures_result deliver_failure(const struct fault *fault)
{
	return fault_is_temporary(fault) ? FIGURES_DEFERRED : FIGURES_REFUSED;
}

static enum figures_result deliver_result(const struct mail_recipient *to)
{
	if (to->verdict.kind != FAULT_NONE)
		return deliver_failure(&to->verdict);
	if (to->result.is_duplicate)
		return FIGURES_DUPLICATE;
	return to->plan && to->plan->is_discarded ? FIGURES_DISCARDED
						  : FIGURES_DELIVERED;
}

/* "4711" where there is a message, else the id of the transaction; owned. */
static char *deliver_id(const struct mail *mail,
			const struct mail_recipient *to)
{
	if (to->result.message > 0)
		return g_strdup_printf("%" G_GINT64_FORMAT, to->result.message);
	return g_strdup(mail->id);
}

/* "duplicate of 4711"; of one that stored nothing the time is known.  Owned. */
static char *deliver_twice(const struct delivery_result *result)
{
	g_autoptr(GDateTime) seen =
		g_date_time_new_from_unix_utc(result->seen / USEC_PER_SEC);
	g_autofree char *time = NULL;

	if (result->message > 0)
		return g_strdup_printf(
			"duplicate of %" G_GINT64_FORMAT "%s", result->message,
			result->by_message_id ? " by Message-ID" : "");
	time = seen ? g_date_time_format(seen, "%Y-%m-%dT%H:%M:%SZ") : NULL;
	return g_strdup_printf("duplicate of the delivery at %s",
			       time ? time : "?");
}

/* What conversion left out or cut. */
static void deliver_log_notes(struct log_event *event,
			      const struct propset *set)
{
	const struct prop *notes =
		set ? propset_find(set, PR_OKAPI_NOTES) : NULL;
	g_autofree char *line = NULL;

	if (!notes)
		return;
	line = g_strjoinv("; ", notes->value.texts);
	log_event_text(event, "notes", line);
}

/* What decided: "header X-Spam-Flag:YES", "blocked example.org"; a rule that
 * files into the junk folder has no such words. */
static void deliver_log_junk(struct log_event *event, const struct plan *plan)
{
	if (plan && plan->is_junk)
		log_event_text(event, "junk", plan->junk ? plan->junk : "rule");
	else if (plan && plan->junk)
		log_event_text(event, "not_junk", plan->junk);
}

static void deliver_log_outgoing(struct log_event *event,
				 const struct plan *plan)
{
	for (guint i = 0; i < plan->outgoing->len; i++) {
		const struct plan_outgoing *outgoing = plan->outgoing->pdata[i];
		const GPtrArray *addresses = outgoing->addresses;

		for (guint k = 0; k < addresses->len; k++)
			log_event_text(event, outgoing->word,
				       addresses->pdata[k]);
	}
}

static struct log_event *deliver_log_new(const struct mail *mail,
					 const char *id, const char *path)
{
	struct log_event *event = log_event_new("delivery");

	log_event_text(event, "id", id);
	log_event_text(event, "transaction", mail->id);
	log_event_text(event, "from", mail->reverse_path);
	log_event_text(event, "to", path);
	return event;
}

void deliver_log_refusal(const struct mail *mail, const char *path,
			 int64_t size, int64_t started,
			 const struct fault *fault)
{
	struct log_event *event = deliver_log_new(mail, mail->id, path);
	enum figures_result result = deliver_failure(fault);

	figures_count_early(result);
	if (size >= 0)
		log_event_number(event, "size", size);
	log_event_text(event, "result", figures_result_name(result));
	log_event_fault(event, fault);
	log_event_duration(event, "time", g_get_monotonic_time() - started);
	log_event_emit(event, LOG_LEVEL_INFO);
}

/* "Inbox,Lists"; of the public store as its folders are called elsewhere, too.
 * Owned. */
static char *deliver_folders(const struct mail *mail,
			     const struct mail_recipient *to)
{
	g_autofree char *folders = plan_folders(to->plan);
	const struct plan_copy *copy =
		to->plan->copies->len ? to->plan->copies->pdata[0] : NULL;

	/* Without that folder it went to the Inbox. */
	if (!mail->wishes.in_public || !copy || copy->store == to->who->store)
		return g_steal_pointer(&folders);
	return g_strconcat("Public/", folders, NULL);
}

static void deliver_log(const struct mail *mail,
			const struct mail_recipient *to)
{
	enum figures_result result = deliver_result(to);
	const struct plan *plan = to->plan;
	struct log_event *event;
	int64_t usec = g_get_monotonic_time() - to->started;
	g_autofree char *id = deliver_id(mail, to);
	g_autofree char *folders = plan ? deliver_folders(mail, to) : NULL;
	g_autofree char *twice =
		result == FIGURES_DUPLICATE ? deliver_twice(&to->result) : NULL;
	bool is_failed = to->verdict.kind != FAULT_NONE;

	event = deliver_log_new(mail, is_failed ? mail->id : id, to->path);
	log_event_text(event, "user", to->who->name);
	if (result == FIGURES_DELIVERED && *folders)
		log_event_text(event, "folder", folders);
	log_event_number(event, "size", (int64_t)mail_size(mail));
	if (plan)
		log_event_text(event, "rule", plan->rule);
	if (plan && plan->rule)
		log_event_number(event, "rule_line", plan->line);
	if (plan)
		deliver_log_outgoing(event, plan);
	deliver_log_junk(event, plan);
	if (!is_failed && plan && plan->reply && plan->reply->is_claimed)
		log_event_text(event, "reply", plan->reply->to);
	deliver_log_notes(event, mail->set);
	log_event_text(event, "result",
		       twice ? twice : figures_result_name(result));
	if (is_failed)
		log_event_fault(event, &to->verdict);
	log_event_duration(event, "time", usec);
	log_event_emit(event, LOG_LEVEL_INFO);
	figures_count(result, (int64_t)mail_size(mail), usec);
}

/* What stands behind "250 2.1.5 ": the same for a repetition. */
static void deliver_answer(const struct mail *mail, struct mail_recipient *to)
{
	g_autofree char *id = deliver_id(mail, to);

	if (to->verdict.kind != FAULT_NONE)
		return;
	(void)g_snprintf(to->verdict.text, sizeof(to->verdict.text),
			 "<%.256s> delivered, id %s", to->path, id);
}

void deliver_foresee(struct mail *mail, struct store *store,
		     struct mail_needs *needs)
{
	const struct conf *conf = mail->agent->conf;

	mail_needs_add(needs, MAIL_SUMMARY);
	for (guint i = 0; i < mail->recipients->len; i++) {
		struct mail_recipient *to = mail->recipients->pdata[i];

		if (to->who->has_oof)
			mail_needs_add(needs, MAIL_HEADERS);
		if (to->who->has_lists)
			mail_needs_add_field(needs, JUNK_LOOK_FIELD);
		if (to->who->has_rules || *conf->sieve_before ||
		    *conf->sieve_after)
			ruleset_foresee(mail, store, to, needs);
	}
}

void deliver_decide(struct mail *mail, struct store *store)
{
	for (guint i = 0; i < mail->recipients->len; i++) {
		struct mail_recipient *to = mail->recipients->pdata[i];

		to->twin = deliver_find_twin(mail, i);
		if (to->twin)
			to->is_done = true;
		else
			deliver_prepare(mail, store, to);
	}
}

/* Plans anew what was overtaken: by a copy that came first, or by what filled
 * the mailbox of another user. */
static void deliver_again(struct mail *mail, struct mail_recipient *to)
{
	for (int i = 0;
	     i < DELIVER_TRIES && to->verdict.kind == FAULT_OVERTAKEN; i++) {
		struct store *store = NULL;

		if (agent_take_store(mail->agent, &store, &to->verdict))
			return;
		plan_free(to->plan);
		deliver_prepare(mail, store, to);
		if (!to->is_done)
			save_again(mail, store, to);
		agent_give_store(mail->agent, store);
	}
}

void deliver_save(struct mail *mail, struct store *store)
{
	save_all(mail, store);
	for (guint i = 0; i < mail->recipients->len; i++)
		deliver_again(mail, mail->recipients->pdata[i]);
	log_hold();
	for (guint i = 0; i < mail->recipients->len; i++) {
		struct mail_recipient *to = mail->recipients->pdata[i];

		if (to->twin) {
			to->verdict = to->twin->verdict;
			to->result = to->twin->result;
			continue;
		}
		deliver_soften(&to->verdict);
		deliver_log(mail, to);
		deliver_answer(mail, to);
		autoreply_run(mail, to);
	}
	log_release();
}
