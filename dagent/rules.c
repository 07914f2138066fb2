/*
 * Running Sieve scripts on a mail, and turning what they want into copies,
 * redirects and refusals.
 */
#include "rules.h"

#include "digest.h"
#include "header.h"
#include "junk.h"
#include "log.h"
#include "rules/sieve.h"
#include "store/folders.h"
#include "store/place.h"
#include "store/settings.h"
#include "trace.h"

#include <string.h>

#define RULES_HOPS_MAX 10 /* redirects by Okapi that a mail survives */

/* One script of the evaluation. */
struct rules_item {
	int64_t rule; /* id; 0: a file of the configuration */
	bool had_error;
	unsigned flags; /* enum sieve_rule_flag */
	struct script *script;
};

struct rules {
	struct mail *mail;
	struct store *store;
	struct mail_recipient *to;
	struct target *target;
	GArray *items; /* of struct rules_item */
	char **own;    /* addresses of the user, when they were needed */
	bool wants_keep;
};

static void rules_clear(struct rules *rules)
{
	for (guint i = 0; i < rules->items->len; i++)
		script_unref(g_array_index(rules->items, struct rules_item, i)
				     .script);
	g_array_unref(rules->items);
	g_strfreev(rules->own);
}

/* A rule went wrong: told once, to the log and to the user's list. */
static void rules_blame(struct rules *rules, const char *name, const char *text)
{
	log_message(LOG_LEVEL_WARNING, "%s: %s: rule '%s' failed: %s",
		    rules->mail->id, rules->to->who->name, name, text);
	for (guint i = 0; i < rules->items->len; i++) {
		const struct rules_item *item =
			&g_array_index(rules->items, struct rules_item, i);

		if (item->rule && strcmp(item->script->name, name) == 0)
			plan_set_rule_error(rules->to->plan, item->rule, text);
	}
}

static void rules_on_error(void *context, const char *name,
			   const struct fault *fault)
{
	rules_blame(context, name, fault->text);
}

static int rules_add_file(struct rules *rules, const char *path,
			  struct fault *fault)
{
	struct rules_item item = {.flags = SIEVE_OF_SITE};

	if (!*path)
		return 0;
	if (scripts_of_file(rules->mail->agent->scripts, path, &item.script,
			    fault))
		return -1;
	g_array_append_val(rules->items, item);
	return 0;
}

/* Rules for out of office run while it is on, and within its window. */
static int rules_find_away(struct rules *rules, bool *ret_away,
			   struct fault *fault)
{
	AUTO(store_oof) oof = NULL;

	if (store_oof_get(rules->store, rules->to->who->store, &oof, fault))
		return -1;
	*ret_away = store_oof_is_away(oof, g_get_real_time());
	return 0;
}

static void rules_add_rule(struct rules *rules, const struct store_rule *rule)
{
	const struct rules_item item = {
		.rule = rule->id,
		.had_error = rule->error && *rule->error,
		.flags = rule->flags,
		.script = scripts_of_rule(rules->mail->agent->scripts, rule),
	};

	g_array_append_val(rules->items, item);
}

/* The user's rules, then sieve_after. */
static int rules_add_user(struct rules *rules, struct fault *fault)
{
	struct agent *agent = rules->mail->agent;
	g_autoptr(GPtrArray) list = NULL;
	bool is_away = false;

	if (!rules->to->who->has_rules)
		return rules_add_file(rules, agent->conf->sieve_after, fault);
	if (store_rule_list(rules->store, rules->to->who->store, &list,
			    fault) ||
	    (list->len > 0 && rules_find_away(rules, &is_away, fault)))
		return -1;
	for (guint i = 0; i < list->len; i++) {
		const struct store_rule *rule = list->pdata[i];

		if (rule->enabled &&
		    (is_away || !(rule->flags & ST_ONLY_WHEN_OOF)))
			rules_add_rule(rules, rule);
	}
	return rules_add_file(rules, agent->conf->sieve_after, fault);
}

static struct store_place_owner rules_owner(const struct rules *rules)
{
	return (struct store_place_owner){rules->to->who->user,
					  rules->to->who->store};
}

static bool rules_mailbox_exists(void *context, const char *name,
				 const char *special_use)
{
	struct rules *rules = context;
	const struct store_place_owner owner = rules_owner(rules);

	return store_place_exists(rules->store, &owner, name, special_use);
}

static bool rules_is_own_address(void *context, const char *address)
{
	struct rules *rules = context;
	struct fault fault = {0};

	if (!rules->own &&
	    store_user_addresses(rules->store, rules->to->who->user,
				 &rules->own, &fault))
		return false;
	for (char **own = rules->own; *own; own++)
		if (g_ascii_strcasecmp(*own, address) == 0)
			return true;
	return false;
}

/* Keys of the test duplicate stand beside those of replies. */
static char *rules_mark_key(const char *key)
{
	return g_strconcat("d:", key, NULL);
}

static bool rules_is_known(void *context, const char *key)
{
	struct rules *rules = context;
	g_autofree char *stored = rules_mark_key(key);
	struct fault fault = {0};
	bool known = false;

	if (store_rule_recall(rules->store, rules->to->who->store, stored,
			      g_get_real_time(), &known, &fault))
		return false;
	return known;
}

/* Evaluates all items as one script; those that do not compile are blamed and
 * left out.  Owned. */
static struct sieve_plan *rules_evaluate(struct rules *rules)
{
	g_autofree struct sieve_rule *scripts =
		g_new0(struct sieve_rule, rules->items->len);
	struct mail *mail = rules->mail;
	struct sieve_message message;
	bool needs_bodies = false;
	size_t count = 0;

	for (guint i = 0; i < rules->items->len; i++) {
		const struct rules_item *item =
			&g_array_index(rules->items, struct rules_item, i);

		if (!item->script->compiled) {
			rules_blame(rules, item->script->name,
				    item->script->error);
			continue;
		}
		needs_bodies = needs_bodies || item->script->needs_bodies;
		scripts[count++] = (struct sieve_rule){item->script->compiled,
						       item->flags};
	}
	mail_convert(mail, needs_bodies ? MAIL_WHOLE : MAIL_HEADERS);
	message = (struct sieve_message){
		.set = mail->set,
		.size = (int64_t)mail_size(mail),
		.envelope_from = mail->reverse_path,
		/* A login name says as much as its address. */
		.envelope_to = strchr(rules->to->path, '@')
				       ? rules->to->path
				       : rules->to->who->email,
		.envelope_detail = rules->to->detail,
		.delimiters = mail->agent->policy.recipient_delimiter,
		.hostname = mail->agent->conf->hostname,
		.now = g_get_real_time(),
		.mailbox_exists = rules_mailbox_exists,
		.is_own_address = rules_is_own_address,
		.is_known = rules_is_known,
		.mailbox_context = rules,
	};
	message.raw = g_bytes_get_data(mail->bytes, &message.raw_len);
	return sieve_evaluate(scripts, count, &message, rules_on_error, rules);
}

/* Rules that failed the last time and did not now are well again. */
static void rules_absolve(struct rules *rules)
{
	for (guint i = 0; i < rules->items->len; i++) {
		const struct rules_item *item =
			&g_array_index(rules->items, struct rules_item, i);

		if (item->rule && item->had_error && item->script->compiled)
			plan_set_rule_error(rules->to->plan, item->rule, "");
	}
}

/* ---- actions ---- */

static void rules_keep(struct rules *rules, const GPtrArray *flags)
{
	plan_copy_add_flags(target_keep(rules->target, rules->to->plan), flags);
}

/* Why a fileinto cannot be done: told, and the mail is kept. */
static int rules_keep_instead(struct rules *rules,
			      const struct sieve_action *action,
			      const char *why)
{
	g_autofree char *text = g_strdup_printf(
		"%u: fileinto '%s': %s", action->line, action->argument, why);

	rules_blame(rules, action->rule, text);
	rules_keep(rules, action->flags);
	return 0;
}

/* Is that the user's own Junk E-mail? Then no reply is due. */
static bool rules_is_junk_folder(struct rules *rules, int64_t folder)
{
	struct fault fault = {0};
	int64_t junk = 0;

	return folder &&
	       store_folder_by_role(rules->store, rules->to->who->store,
				    FOLDER_JUNK, &junk, &fault) == 0 &&
	       junk == folder;
}

static int rules_fileinto(struct rules *rules,
			  const struct sieve_action *action,
			  struct fault *fault)
{
	const struct store_place_owner owner = rules_owner(rules);
	struct store_place place;
	struct plan_copy *copy;
	struct fault reason = {0};

	if (store_place_find(rules->store, &owner, action->argument,
			     action->special_use, &place, &reason)) {
		if (!fault_is_temporary(&reason))
			return rules_keep_instead(rules, action, reason.text);
		*fault = reason;
		return -1;
	}
	if (!place.may)
		return rules_keep_instead(rules, action,
					  "no right to put mail there");
	if (!place.folder && !action->create)
		return rules_keep_instead(rules, action,
					  "there is no such folder");
	if (place.store != owner.store &&
	    store_fits(rules->store, place.store,
		       (int64_t)mail_size(rules->mail), &reason)) {
		if (reason.kind == FAULT_MAILBOX_FULL ||
		    reason.kind == FAULT_FULL_FOR_NOW)
			return rules_keep_instead(rules, action, reason.text);
		*fault = reason;
		return -1;
	}
	if (!place.folder && store_folder_path_check(place.below, '/', &reason))
		return rules_keep_instead(rules, action, reason.text);
	if (rules_is_junk_folder(rules, place.folder))
		rules->to->plan->is_junk = true;
	copy = plan_add_copy(rules->to->plan, place.folder, action->argument);
	copy->store = place.store;
	if (!place.folder && !copy->below)
		copy->below = g_strdup(place.below);
	plan_copy_add_flags(copy, action->flags);
	return 0;
}

struct rules_loop {
	const char *const *own;
	size_t hops;
	bool is_loop;
};

static bool rules_loop_each(void *context, const char *name, const char *value)
{
	struct rules_loop *loop = context;

	if (g_ascii_strcasecmp(name, TRACE_REDIRECTED) != 0)
		return true;
	loop->hops++;
	for (size_t i = 0; loop->own[i]; i++)
		if (g_ascii_strcasecmp(loop->own[i], value) == 0)
			loop->is_loop = true;
	return true;
}

bool rules_is_loop(GBytes *message, const char *address, const char *const *own)
{
	struct rules_loop loop = {.own = own};
	size_t size = 0;
	const char *octets = g_bytes_get_data(message, &size);

	for (size_t i = 0; own[i]; i++)
		if (g_ascii_strcasecmp(own[i], address) == 0)
			return true;
	header_scan(octets, size, rules_loop_each, &loop);
	return loop.is_loop || loop.hops >= RULES_HOPS_MAX;
}

/* The message as it goes on: as it came, below the mark that breaks loops and,
 * over LMTP, our Received line. */
static void rules_make_redirected(struct rules *rules)
{
	const struct mail *mail = rules->mail;
	struct plan *plan = rules->to->plan;
	const struct trace trace = {
		.recipient = rules->to->path,
		.helo = mail->helo,
		.peer = mail->peer,
		.hostname = mail->agent->conf->hostname,
		.is_tls = mail->is_tls,
		.id = mail->id,
		.time = g_get_real_time(),
	};
	g_autofree char *received = trace_format_received(&trace);
	g_autofree char *mark = g_strdup_printf(TRACE_REDIRECTED ": %s\r\n",
						rules->to->who->email);
	GByteArray *out = g_byte_array_new();
	size_t size = 0;
	const guint8 *octets = g_bytes_get_data(mail->bytes, &size);

	g_byte_array_append(out, (const guint8 *)received,
			    (guint)strlen(received));
	g_byte_array_append(out, (const guint8 *)mark, (guint)strlen(mark));
	g_byte_array_append(out, octets, (guint)size);
	digest_sha256(out->data, out->len, plan->redirected_sha256);
	plan->redirected = g_byte_array_free_to_bytes(out);
}

static int rules_redirect(struct rules *rules,
			  const struct sieve_action *action,
			  struct fault *fault)
{
	struct plan *plan = rules->to->plan;

	if (!rules->own &&
	    store_user_addresses(rules->store, rules->to->who->user,
				 &rules->own, fault))
		return -1;
	if (rules_is_loop(rules->mail->bytes, action->argument,
			  (const char *const *)rules->own)) {
		log_message(LOG_LEVEL_WARNING,
			    "%s: %s: rule '%s': redirect to %s suppressed, "
			    "mail loop; kept",
			    rules->mail->id, rules->to->who->name, action->rule,
			    action->argument);
		rules->wants_keep = true;
		return 0;
	}
	if (!plan->redirected)
		rules_make_redirected(rules);
	for (guint i = 0; i < plan->redirects->len; i++)
		if (g_ascii_strcasecmp(plan->redirects->pdata[i],
				       action->argument) == 0)
			return 0;
	g_ptr_array_add(plan->redirects, g_strdup(action->argument));
	return 0;
}

static int rules_act(struct rules *rules, const struct sieve_action *action,
		     struct fault *fault)
{
	switch (action->kind) {
	case SIEVE_KEEP:
		rules_keep(rules, action->flags);
		return 0;
	case SIEVE_FILEINTO:
		return rules_fileinto(rules, action, fault);
	case SIEVE_DISCARD:
		return 0;
	case SIEVE_REDIRECT:
		return rules_redirect(rules, action, fault);
	case SIEVE_VACATION:
		if (!rules->to->plan->vacation)
			rules->to->plan->vacation =
				sieve_vacation_ref(action->vacation);
		return 0;
	case SIEVE_REJECT:
		return fault_set(fault, FAULT_REJECTED, "<%s>: %s",
				 rules->to->path,
				 action->argument && *action->argument
					 ? action->argument
					 : "message rejected");
	}
	return 0;
}

/* Turns what the scripts want into the recipient's plan. */
static int rules_carry_out(struct rules *rules, const struct sieve_plan *wanted,
			   struct fault *fault)
{
	struct plan *plan = rules->to->plan;

	if (wanted->rule) {
		g_free(plan->rule);
		plan->rule = g_strdup(wanted->rule);
	}
	for (guint i = 0; i < wanted->marks->len; i++) {
		const struct sieve_mark *mark = wanted->marks->pdata[i];
		g_autofree char *key = rules_mark_key(mark->key);

		plan_add_mark(plan, key, mark->seconds, mark->is_new);
	}
	for (guint i = 0; i < wanted->actions->len; i++)
		if (rules_act(rules, wanted->actions->pdata[i], fault))
			return -1;
	if (wanted->implicit_keep ||
	    (rules->wants_keep && plan->copies->len == 0))
		rules_keep(rules, NULL);
	plan->is_discarded =
		plan->copies->len == 0 && plan->redirects->len == 0;
	return 0;
}

/* ---- the step ---- */

/* sieve_before alone: it has the first word, also on junk. */
static int rules_run_before(struct rules *rules, struct sieve_plan **ret_plan,
			    struct fault *fault)
{
	const char *path = rules->mail->agent->conf->sieve_before;

	*ret_plan = NULL;
	if (rules_add_file(rules, path, fault))
		return -1;
	if (rules->items->len > 0)
		*ret_plan = rules_evaluate(rules);
	return 0;
}

static int rules_judge_junk(struct rules *rules, struct fault *fault)
{
	struct plan *plan = rules->to->plan;

	if (rules->target->kind != TARGET_INBOX || rules->mail->wishes.folder)
		return 0;
	mail_convert(rules->mail, MAIL_SUMMARY);
	if (junk_look(rules->mail, rules->store, rules->to, &plan->is_junk,
		      &plan->junk, fault))
		return -1;
	return plan->is_junk ? target_set_junk(rules->store, rules->to,
					       rules->target, fault)
			     : 0;
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
		rules_keep(rules, NULL);
		return 0;
	}
	if (rules_add_user(rules, fault))
		return -1;
	if (rules->items->len == 0) {
		rules_keep(rules, NULL);
		return 0;
	}
	all = rules_evaluate(rules);
	rules_absolve(rules);
	return rules_carry_out(rules, all, fault);
}

int rules_apply(struct mail *mail, struct store *store,
		struct mail_recipient *to, struct target *target,
		struct fault *fault)
{
	struct rules rules = {
		.mail = mail,
		.store = store,
		.to = to,
		.target = target,
		.items = g_array_new(FALSE, FALSE, sizeof(struct rules_item)),
	};
	int result = rules_run(&rules, fault);

	rules_clear(&rules);
	return result;
}
