/*
 * Running Sieve scripts on a mail: what they are told of it, and in which order
 * they and the question of junk are asked.
 */
#include "rules.h"

#include "execute.h"
#include "log.h"
#include "rules/sieve.h"
#include "ruleset.h"
#include "store/junk_look.h"
#include "store/place.h"
#include "store/settings.h"

#include <string.h>

struct rules {
	struct mail *mail;
	struct store *store;
	struct mail_recipient *to;
	struct target *target;
	struct ruleset *scripts;
};

/* ---- what scripts ask ---- */

static bool rules_mailbox_exists(void *context, const char *name,
				 const char *special_use)
{
	struct rules *rules = context;
	const struct store_place_owner owner = {rules->to->who->user,
						rules->to->who->store};
	struct fault fault = {0};
	bool exists = store_place_exists(rules->store, &owner, name,
					 special_use, &fault);

	ruleset_doubt(rules->scripts, &fault);
	return exists;
}

static bool rules_is_own_address(void *context, const char *address)
{
	struct rules *rules = context;
	const char *const *own;
	struct fault fault = {0};

	if (ruleset_own(rules->scripts, &own, &fault)) {
		ruleset_doubt(rules->scripts, &fault);
		return false;
	}
	for (; *own; own++)
		if (g_ascii_strcasecmp(*own, address) == 0)
			return true;
	return false;
}

static bool rules_is_known(void *context, const char *key)
{
	struct rules *rules = context;
	g_autofree char *stored = execute_mark_key(key);
	struct fault fault = {0};
	bool known = false;

	if (store_rule_recall(rules->store, rules->to->who->store, stored,
			      g_get_real_time(), &known, &fault)) {
		ruleset_doubt(rules->scripts, &fault);
		return false;
	}
	return known;
}

static const struct sieve_script *
rules_find_script(void *context, enum sieve_location location, const char *name,
		  struct fault *fault)
{
	struct rules *rules = context;

	return ruleset_find(rules->scripts, location, name, fault);
}

static char *rules_decode(void *context, const char *charset,
			  const char *octets, size_t len, struct fault *fault)
{
	struct rules *rules = context;

	return helper_to_utf8(rules->mail->agent->helpers, charset, octets, len,
			      fault);
}

static void rules_on_error(void *context, const char *name, bool is_undone,
			   const struct fault *fault)
{
	struct rules *rules = context;

	(void)is_undone;
	ruleset_on_error(rules->scripts, name, fault);
}

/* "SUCCESS,FAILURE" as NOTIFY had it; owned, NULL where it said nothing. */
static char *rules_notify_words(unsigned notify)
{
	static const char *const words[] = {"NEVER", "SUCCESS", "FAILURE",
					    "DELAY"};
	GString *out = g_string_new(NULL);

	for (unsigned i = 0; i < G_N_ELEMENTS(words); i++)
		if (notify & (1u << i))
			g_string_append_printf(out, "%s%s", out->len ? "," : "",
					       words[i]);
	return g_string_free(out, notify == 0);
}

/* Evaluates all items as one script; those that do not compile are blamed and
 * left out.  Of a message that could not be read none is asked, and it is
 * kept.  Owned. */
static struct sieve_plan *rules_evaluate(struct rules *rules)
{
	g_autofree char *notify = rules_notify_words(rules->to->dsn_notify);
	struct mail *mail = rules->mail;
	struct sieve_message message;
	struct mail_needs needs = {.depth = MAIL_SUMMARY};
	size_t count;
	g_autofree struct sieve_rule *scripts =
		ruleset_list(rules->scripts, &count, &needs);

	mail_convert_for(mail, &needs);
	mail_needs_clear(&needs);
	message = (struct sieve_message){
		.set = mail->set,
		.size = (int64_t)mail_size(mail),
		.envelope_from = mail->reverse_path,
		.envelope_to = mail_recipient_address(rules->to),
		.envelope_detail = rules->to->detail,
		.dsn_notify = notify,
		.dsn_orcpt = rules->to->dsn_orcpt,
		.dsn_ret = mail->dsn_ret,
		.dsn_envid = mail->dsn_envid,
		.delimiters = mail->agent->policy.recipient_delimiter,
		.hostname = mail->agent->conf->hostname,
		.now = g_get_real_time(),
		.delivered = mail->delivered,
		.mailbox_exists = rules_mailbox_exists,
		.is_own_address = rules_is_own_address,
		.is_known = rules_is_known,
		.find_script = rules_find_script,
		.decode = rules_decode,
		.settings = &mail->agent->sieve,
		.mailbox_context = rules,
	};
	message.raw = g_bytes_get_data(mail->bytes, &message.raw_len);
	if (mail->is_fallback) {
		log_message(LOG_LEVEL_WARNING,
			    "%s: %s: no rule is asked, the message is kept",
			    mail->id, rules->to->who->name);
		count = 0;
	}
	return sieve_evaluate(scripts, count, &message, rules_on_error, rules);
}

/* ---- the step ---- */

/* sieve_before alone: it has the first word, also on junk. */
static int rules_run_before(struct rules *rules, struct sieve_plan **ret_plan,
			    struct fault *fault)
{
	const char *path = rules->mail->agent->conf->sieve_before;

	*ret_plan = NULL;
	if (ruleset_add_file(rules->scripts, path, fault))
		return -1;
	if (ruleset_count(rules->scripts) > 0)
		*ret_plan = rules_evaluate(rules);
	return ruleset_trouble(rules->scripts, fault);
}

static int rules_judge_junk(struct rules *rules, struct fault *fault)
{
	struct mail *mail = rules->mail;
	const struct mail_recipient *to = rules->to;
	struct plan *plan = to->plan;
	struct mail_needs needs = {.depth = MAIL_SUMMARY};
	struct junk_mail question;

	if (rules->target->kind != TARGET_INBOX || rules->mail->wishes.folder)
		return 0;
	if (to->who->has_lists)
		mail_needs_add_field(&needs, JUNK_LOOK_FIELD);
	mail_convert_for(mail, &needs);
	mail_needs_clear(&needs);
	question = (struct junk_mail){
		.set = mail->set,
		.reverse_path = mail->reverse_path,
		.is_told = mail->wishes.junk,
		.mark = mail_spam_mark(mail),
		.scl_limit = mail->agent->conf->spam_scl,
		.store_id = to->who->store,
		.has_lists = to->who->has_lists,
	};
	if (junk_look(rules->store, &question, &plan->is_junk, &plan->junk,
		      fault))
		return -1;
	if (plan->is_junk)
		target_set_junk(rules->to, rules->target);
	return 0;
}

static int rules_carry_out(struct rules *rules, const struct sieve_plan *wanted,
			   struct fault *fault)
{
	return execute_plan(rules->scripts, rules->mail, rules->store,
			    rules->to, rules->target, wanted, fault);
}

/* The implicit keep. */
static void rules_keep(struct rules *rules)
{
	(void)target_keep(rules->target, rules->to->plan);
}

static int rules_run(struct rules *rules, struct fault *fault)
{
	AUTO(sieve_plan) before = NULL;
	AUTO(sieve_plan) all = NULL;

	if (rules_run_before(rules, &before, fault))
		return -1;
	if (before && (!sieve_plan_keeps(before) || before->stopped))
		return rules_carry_out(rules, before, fault);
	if (rules_judge_junk(rules, fault))
		return -1;
	if (rules->target->kind != TARGET_INBOX || rules->mail->wishes.folder) {
		if (before)
			return rules_carry_out(rules, before, fault);
		rules_keep(rules);
		return 0;
	}
	if (ruleset_add_user(rules->scripts, fault))
		return -1;
	if (ruleset_count(rules->scripts) == 0) {
		rules_keep(rules);
		return 0;
	}
	all = rules_evaluate(rules);
	if (ruleset_trouble(rules->scripts, fault))
		return -1;
	if (!rules->mail->is_fallback)
		ruleset_absolve(rules->scripts);
	return rules_carry_out(rules, all, fault);
}

int rules_apply(struct mail *mail, struct store *store,
		struct mail_recipient *to, struct target *target,
		struct fault *fault)
{
	AUTO(ruleset) scripts = ruleset_new(mail, store, to);
	struct rules rules = {mail, store, to, target, scripts};

	return rules_run(&rules, fault);
}

int rules_execute(struct mail *mail, struct store *store,
		  struct mail_recipient *to, struct target *target,
		  const struct sieve_plan *wanted, struct fault *fault)
{
	AUTO(ruleset) scripts = ruleset_new(mail, store, to);

	return execute_plan(scripts, mail, store, to, target, wanted, fault);
}
