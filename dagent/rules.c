/*
 * Running Sieve scripts on a mail, and turning what they want into copies,
 * redirects and refusals.
 */
#include "rules.h"

#include "log.h"
#include "rules/sieve.h"
#include "send.h"
#include "store/folders.h"
#include "store/junk_look.h"
#include "store/place.h"
#include "store/settings.h"

#include <string.h>

#define RULES_INCLUDE_DEPTH 10 /* that bodies are looked for */

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
	GArray *items;        /* of struct rules_item */
	GPtrArray *included;  /* of struct script: what these include */
	char **own;           /* addresses of the user, when they were needed */
	struct fault trouble; /* a script could not be had for now */
	bool wants_keep;
};

static void rules_clear(struct rules *rules)
{
	for (guint i = 0; i < rules->items->len; i++)
		script_unref(g_array_index(rules->items, struct rules_item, i)
				     .script);
	g_array_unref(rules->items);
	for (guint i = 0; i < rules->included->len; i++)
		script_unref(rules->included->pdata[i]);
	g_ptr_array_unref(rules->included);
	g_strfreev(rules->own);
}

/* A rule went wrong: told once, to the log and to the user's list. */
static void rules_blame(struct rules *rules, const char *name, const char *text)
{
	if (!rules->to->plan->complaint)
		rules->to->plan->complaint = g_strdup(text);
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
	struct rules *rules = context;

	if (fault_is_temporary(fault))
		rules->trouble = *fault;
	else
		rules_blame(rules, name, fault->text);
}

/* ---- included scripts ---- */

/* Another rule of the user's, on or off, or NAME.sieve of sieve_global. */
static int rules_load(struct rules *rules, enum sieve_location location,
		      const char *name, struct script **ret_script,
		      struct fault *fault)
{
	struct agent *agent = rules->mail->agent;
	AUTO(store_rule) rule = NULL;
	g_autofree char *path = NULL;

	if (location == SIEVE_PERSONAL) {
		if (store_rule_get(rules->store, rules->to->who->store, name,
				   &rule, fault))
			return -1;
		*ret_script = scripts_of_rule(agent->scripts, rule);
		return 0;
	}
	if (!*agent->conf->sieve_global)
		return fault_set(fault, FAULT_NOT_FOUND,
				 "sieve_global is not set");
	path = g_strdup_printf("%s/%s.sieve", agent->conf->sieve_global, name);
	if (!g_file_test(path, G_FILE_TEST_EXISTS) &&
	    g_file_test(agent->conf->sieve_global, G_FILE_TEST_IS_DIR))
		return fault_set(fault, FAULT_NOT_FOUND, "no file %s", path);
	return scripts_of_file(agent->scripts, path, ret_script, fault);
}

static const struct sieve_script *
rules_find_script(void *context, enum sieve_location location, const char *name,
		  struct fault *fault)
{
	struct rules *rules = context;
	struct script *script = NULL;
	struct fault why = {0};

	if (rules_load(rules, location, name, &script, &why)) {
		if (why.kind != FAULT_NOT_FOUND)
			*fault = why;
		return NULL;
	}
	if (g_ptr_array_find(rules->included, script, NULL))
		script_unref(script);
	else
		g_ptr_array_add(rules->included, script);
	if (!script->compiled)
		(void)fault_set(fault, FAULT_REFUSED_INPUT, "%s",
				script->error);
	return script->compiled;
}

/* What this script and those it leads to look at. */
static enum sieve_needs
rules_needs(struct rules *rules, const struct sieve_script *script, int depth)
{
	enum sieve_location location;
	const char *name;
	enum sieve_needs needs = sieve_script_needs(script);

	for (size_t i = 0;
	     needs < SIEVE_NEEDS_ALL && depth < RULES_INCLUDE_DEPTH &&
	     sieve_script_include(script, i, &location, &name);
	     i++) {
		struct fault ignored = {0};
		const struct sieve_script *included =
			rules_find_script(rules, location, name, &ignored);

		if (included)
			needs = MAX(needs,
				    rules_needs(rules, included, depth + 1));
	}
	return needs;
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

	*ret_away = false;
	if (!rules->to->who->has_oof)
		return 0;
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
 * left out.  Owned. */
static struct sieve_plan *rules_evaluate(struct rules *rules)
{
	static const enum mail_depth depths[] = {
		[SIEVE_NEEDS_HEADER] = MAIL_HEADERS,
		[SIEVE_NEEDS_PARTS] = MAIL_PARTS,
		[SIEVE_NEEDS_ALL] = MAIL_WHOLE,
	};
	g_autofree struct sieve_rule *scripts =
		g_new0(struct sieve_rule, rules->items->len);
	g_autofree char *notify = rules_notify_words(rules->to->dsn_notify);
	struct mail *mail = rules->mail;
	struct sieve_message message;
	enum sieve_needs needs = SIEVE_NEEDS_HEADER;
	size_t count = 0;

	for (guint i = 0; i < rules->items->len; i++) {
		const struct rules_item *item =
			&g_array_index(rules->items, struct rules_item, i);

		if (!item->script->compiled) {
			rules_blame(rules, item->script->name,
				    item->script->error);
			continue;
		}
		needs = MAX(needs,
			    rules_needs(rules, item->script->compiled, 0));
		scripts[count++] = (struct sieve_rule){item->script->compiled,
						       item->flags};
	}
	mail_convert(mail, depths[needs]);
	message = (struct sieve_message){
		.set = mail->set,
		.size = (int64_t)mail_size(mail),
		.envelope_from = mail->reverse_path,
		/* A login name says as much as its address. */
		.envelope_to = strchr(rules->to->path, '@')
				       ? rules->to->path
				       : rules->to->who->email,
		.envelope_detail = rules->to->detail,
		.dsn_notify = notify,
		.dsn_orcpt = rules->to->dsn_orcpt,
		.dsn_ret = mail->dsn_ret,
		.dsn_envid = mail->dsn_envid,
		.delimiters = mail->agent->policy.recipient_delimiter,
		.hostname = mail->agent->conf->hostname,
		.now = g_get_real_time(),
		.mailbox_exists = rules_mailbox_exists,
		.is_own_address = rules_is_own_address,
		.is_known = rules_is_known,
		.find_script = rules_find_script,
		.settings = &mail->agent->sieve,
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

/* The mail with the header a rule gave it; NULL: as it came. */
static struct plan_content *rules_edited(struct rules *rules,
					 struct sieve_edit *edit)
{
	struct plan *plan = rules->to->plan;
	struct plan_content *content;

	if (!edit)
		return NULL;
	for (guint i = 0; i < plan->contents->len; i++) {
		content = plan->contents->pdata[i];
		if (content->edit == edit && !content->is_redirect)
			return content;
	}
	content = plan_add_content(plan,
				   sieve_edit_apply(edit, rules->mail->bytes));
	content->edit = sieve_edit_ref(edit);
	content->set = mail_sketch(rules->mail, content->bytes);
	return content;
}

/* By an action (NULL: the implicit keep), as a rule made it or as it came. */
static void rules_keep(struct rules *rules, const struct sieve_action *action,
		       bool as_it_came)
{
	struct plan_copy *copy = target_keep(rules->target, rules->to->plan);

	if (!action)
		return;
	plan_copy_add_flags(copy, action->flags);
	plan_copy_add_properties(copy, action->properties);
	if (!copy->content && !as_it_came)
		copy->content = rules_edited(rules, action->edit);
}

/* Why a fileinto cannot be done: told, and the mail is kept. */
static int rules_keep_instead(struct rules *rules,
			      const struct sieve_action *action,
			      const char *why)
{
	g_autofree char *text =
		g_strdup_printf("%u: failed to store into mailbox '%s': %s",
				action->line, action->argument, why);

	rules_blame(rules, action->rule, text);
	rules_keep(rules, action, true);
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
					  "the folder does not exist");
	if (place.store != owner.store &&
	    store_fits(rules->store, place.store,
		       (int64_t)mail_size(rules->mail), &reason)) {
		if (reason.kind == FAULT_MAILBOX_FULL ||
		    reason.kind == FAULT_FULL_FOR_NOW)
			return rules_keep_instead(rules, action, reason.text);
		*fault = reason;
		return -1;
	}
	if (!place.folder && strstr(action->argument, "//"))
		return rules_keep_instead(rules, action,
					  "a part of the name is empty");
	if (!place.folder && store_folder_path_check(place.below, '/', &reason))
		return rules_keep_instead(rules, action, reason.text);
	if (rules_is_junk_folder(rules, place.folder))
		rules->to->plan->is_junk = true;
	copy = plan_add_copy(rules->to->plan, place.folder, action->argument);
	copy->store = place.store;
	if (!copy->content)
		copy->content = rules_edited(rules, action->edit);
	if (!place.folder && !copy->below)
		copy->below = g_strdup(place.below);
	plan_copy_add_flags(copy, action->flags);
	plan_copy_add_properties(copy, action->properties);
	return 0;
}

/* What sends has the user's addresses and the message as the rule made it. */
static int rules_begin_send(struct rules *rules,
			    const struct sieve_action *action,
			    struct send *ret_send, struct fault *fault)
{
	if (!rules->own &&
	    store_user_addresses(rules->store, rules->to->who->user,
				 &rules->own, fault))
		return -1;
	*ret_send = (struct send){
		.mail = rules->mail,
		.store = rules->store,
		.to = rules->to,
		.own = (const char *const *)rules->own,
		.edited = rules_edited(rules, action->edit),
	};
	return 0;
}

static int rules_redirect(struct rules *rules,
			  const struct sieve_action *action,
			  struct fault *fault)
{
	struct send send;

	if (rules_begin_send(rules, action, &send, fault))
		return -1;
	if (!send_redirect(&send, action))
		rules->wants_keep = true;
	return 0;
}

static int rules_forward(struct rules *rules, const struct sieve_action *action,
			 struct fault *fault)
{
	struct send send;
	bool sent;

	if (rules_begin_send(rules, action, &send, fault) ||
	    send_forward(&send, action, &sent, fault))
		return -1;
	if (!sent)
		rules->wants_keep = true;
	return 0;
}

/* Replies come last: none is due to what another rule calls junk. */
static int rules_reply(struct rules *rules, const struct sieve_plan *wanted,
		       struct fault *fault)
{
	struct send send;

	for (guint i = 0; i < wanted->actions->len; i++) {
		const struct sieve_action *action = wanted->actions->pdata[i];

		if (action->kind != SIEVE_REPLY || rules->to->plan->is_junk)
			continue;
		if (rules_begin_send(rules, action, &send, fault) ||
		    send_reply(&send, action, fault))
			return -1;
	}
	return 0;
}

static int rules_act(struct rules *rules, const struct sieve_action *action,
		     struct fault *fault)
{
	switch (action->kind) {
	case SIEVE_KEEP:
		rules_keep(rules, action, false);
		return 0;
	case SIEVE_FILEINTO:
		return rules_fileinto(rules, action, fault);
	case SIEVE_DISCARD:
		return 0;
	case SIEVE_REDIRECT:
		return rules_redirect(rules, action, fault);
	case SIEVE_FORWARD:
		return rules_forward(rules, action, fault);
	case SIEVE_REPLY:
		return 0; /* rules_reply() */
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
		plan->line = wanted->line;
	}
	for (guint i = 0; i < wanted->marks->len; i++) {
		const struct sieve_mark *mark = wanted->marks->pdata[i];
		g_autofree char *key = rules_mark_key(mark->key);

		plan_add_mark(plan, key, mark->seconds, mark->is_new);
	}
	for (guint i = 0; i < wanted->actions->len; i++)
		if (rules_act(rules, wanted->actions->pdata[i], fault))
			return -1;
	if (rules_reply(rules, wanted, fault))
		return -1;
	if (wanted->implicit_keep ||
	    (rules->wants_keep && plan->copies->len == 0))
		rules_keep(rules, NULL, true);
	plan->is_discarded = plan->copies->len == 0 && plan->outgoing->len == 0;
	return 0;
}

/* ---- the step ---- */

static int rules_trouble(const struct rules *rules, struct fault *fault)
{
	if (rules->trouble.kind == FAULT_NONE)
		return 0;
	*fault = rules->trouble;
	return -1;
}

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
	return rules_trouble(rules, fault);
}

static int rules_judge_junk(struct rules *rules, struct fault *fault)
{
	struct mail *mail = rules->mail;
	const struct mail_recipient *to = rules->to;
	struct plan *plan = to->plan;
	struct junk_mail question;

	if (rules->target->kind != TARGET_INBOX || rules->mail->wishes.folder)
		return 0;
	mail_convert(mail, to->who->has_lists ? MAIL_HEADERS : MAIL_SUMMARY);
	question = (struct junk_mail){
		.set = mail->set,
		.reverse_path = mail->reverse_path,
		.is_told = mail->wishes.junk,
		.marks = mail->agent->spam_marks,
		.scl_limit = mail->agent->conf->spam_scl,
		.store_id = to->who->store,
		.has_lists = to->who->has_lists,
	};
	question.octets = g_bytes_get_data(mail->bytes, &question.size);
	if (junk_look(rules->store, &question, &plan->is_junk, &plan->junk,
		      fault))
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
		rules_keep(rules, NULL, true);
		return 0;
	}
	if (rules_add_user(rules, fault))
		return -1;
	if (rules->items->len == 0) {
		rules_keep(rules, NULL, true);
		return 0;
	}
	all = rules_evaluate(rules);
	if (rules_trouble(rules, fault))
		return -1;
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
		.included = g_ptr_array_new(),
	};
	int result = rules_run(&rules, fault);

	rules_clear(&rules);
	return result;
}

int rules_execute(struct mail *mail, struct store *store,
		  struct mail_recipient *to, struct target *target,
		  const struct sieve_plan *wanted, struct fault *fault)
{
	struct rules rules = {
		.mail = mail,
		.store = store,
		.to = to,
		.target = target,
		.items = g_array_new(FALSE, FALSE, sizeof(struct rules_item)),
		.included = g_ptr_array_new(),
	};
	int result = rules_carry_out(&rules, wanted, fault);

	rules_clear(&rules);
	return result;
}
