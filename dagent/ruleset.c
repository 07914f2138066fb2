/*
 * Gathers the scripts of one delivery, and remembers which of them went wrong.
 */
#include "ruleset.h"

#include "log.h"
#include "rule_list.h"
#include "store/settings.h"

#include <string.h>

/* Includes that are followed to see what is needed: beyond that, all. */
#define RULESET_LOOKS_MAX 1024

/* One script of the evaluation. */
struct ruleset_item {
	int64_t rule; /* id; 0: a file of the configuration */
	bool had_error;
	unsigned flags; /* enum sieve_rule_flag */
	struct script *script;
};

struct ruleset {
	struct mail *mail;
	struct store *store;
	struct mail_recipient *to;
	GArray *items;        /* of struct ruleset_item */
	GPtrArray *included;  /* of struct script: what these include */
	char **own;           /* addresses of the user, when they were needed */
	struct fault trouble; /* a script, or what it asked, for now */
};

struct ruleset *ruleset_new(struct mail *mail, struct store *store,
			    struct mail_recipient *to)
{
	struct ruleset *rules = g_new0(struct ruleset, 1);

	rules->mail = mail;
	rules->store = store;
	rules->to = to;
	rules->items = g_array_new(FALSE, FALSE, sizeof(struct ruleset_item));
	rules->included = g_ptr_array_new();
	return rules;
}

void ruleset_free(struct ruleset *rules)
{
	for (guint i = 0; i < rules->items->len; i++)
		script_unref(g_array_index(rules->items, struct ruleset_item, i)
				     .script);
	g_array_unref(rules->items);
	for (guint i = 0; i < rules->included->len; i++)
		script_unref(rules->included->pdata[i]);
	g_ptr_array_unref(rules->included);
	g_strfreev(rules->own);
	g_free(rules);
}

size_t ruleset_count(const struct ruleset *rules)
{
	return rules->items->len;
}

int ruleset_own(struct ruleset *rules, const char *const **ret_own,
		struct fault *fault)
{
	if (!rules->own &&
	    store_user_addresses(rules->store, rules->to->who->user,
				 &rules->own, fault))
		return -1;
	*ret_own = (const char *const *)rules->own;
	return 0;
}

/* ---- what goes wrong ---- */

void ruleset_blame(struct ruleset *rules, const char *name, const char *text)
{
	if (!rules->to->plan->complaint)
		rules->to->plan->complaint = g_strdup(text);
	log_message(LOG_LEVEL_WARNING, "%s: %s: rule '%s' failed: %s",
		    rules->mail->id, rules->to->who->name, name, text);
	for (guint i = 0; i < rules->items->len; i++) {
		const struct ruleset_item *item =
			&g_array_index(rules->items, struct ruleset_item, i);

		if (item->rule && strcmp(item->script->name, name) == 0)
			plan_set_rule_error(rules->to->plan, item->rule, text);
	}
}

void ruleset_on_error(struct ruleset *rules, const char *name,
		      const struct fault *fault)
{
	if (fault_is_temporary(fault))
		ruleset_doubt(rules, fault);
	else
		ruleset_blame(rules, name, fault->text);
}

void ruleset_doubt(struct ruleset *rules, const struct fault *fault)
{
	if (fault_is_temporary(fault))
		rules->trouble = *fault;
}

int ruleset_trouble(const struct ruleset *rules, struct fault *fault)
{
	if (rules->trouble.kind == FAULT_NONE)
		return 0;
	*fault = rules->trouble;
	return -1;
}

void ruleset_absolve(struct ruleset *rules)
{
	for (guint i = 0; i < rules->items->len; i++) {
		const struct ruleset_item *item =
			&g_array_index(rules->items, struct ruleset_item, i);

		if (item->rule && item->had_error && item->script->compiled)
			plan_set_rule_error(rules->to->plan, item->rule, "");
	}
}

/* ---- included scripts ---- */

/* Another rule of the user's, on or off, or NAME.sieve of sieve_global. */
static int ruleset_load(struct ruleset *rules, enum sieve_location location,
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

const struct sieve_script *ruleset_find(struct ruleset *rules,
					enum sieve_location location,
					const char *name, struct fault *fault)
{
	struct script *script = NULL;
	struct fault why = {0};

	if (ruleset_load(rules, location, name, &script, &why)) {
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

/* What a script itself looks at. */
static void ruleset_add_needs(const struct sieve_script *script,
			      struct mail_needs *needs)
{
	static const enum mail_depth depths[] = {
		[SIEVE_NEEDS_FIELDS] = MAIL_SUMMARY,
		[SIEVE_NEEDS_HEADER] = MAIL_HEADERS,
		[SIEVE_NEEDS_PARTS] = MAIL_PARTS,
		[SIEVE_NEEDS_ALL] = MAIL_WHOLE,
	};
	enum sieve_needs wanted = sieve_script_needs(script);
	const char *const *name = sieve_script_fields(script);

	mail_needs_add(needs, depths[wanted]);
	for (; wanted == SIEVE_NEEDS_FIELDS && *name; name++)
		mail_needs_add_field(needs, *name);
}

/* The same, and what it includes is found.  One that cannot be had now may be
 * had when it is wanted, and look at anything in the header. */
static void ruleset_look(struct ruleset *rules,
			 const struct sieve_script *script, unsigned *looks,
			 struct mail_needs *needs)
{
	enum sieve_location location;
	const char *name;

	ruleset_add_needs(script, needs);
	for (size_t i = 0; needs->depth < MAIL_WHOLE &&
			   sieve_script_include(script, i, &location, &name);
	     i++) {
		struct fault why = {0};

		if (++*looks > RULESET_LOOKS_MAX)
			mail_needs_add(needs, MAIL_WHOLE);
		else if (!ruleset_find(rules, location, name, &why))
			mail_needs_add(needs, MAIL_HEADERS);
	}
}

/* What all scripts look at with all they lead to: each once, for they may lead
 * to each other. */
static void ruleset_look_all(struct ruleset *rules, struct mail_needs *needs)
{
	unsigned looks = 0;

	for (guint i = 0; i < rules->items->len; i++) {
		const struct ruleset_item *item =
			&g_array_index(rules->items, struct ruleset_item, i);

		if (item->script->compiled)
			ruleset_look(rules, item->script->compiled, &looks,
				     needs);
	}
	for (guint i = 0; i < rules->included->len; i++) {
		const struct script *script = rules->included->pdata[i];

		if (script->compiled)
			ruleset_look(rules, script->compiled, &looks, needs);
	}
}

/* ---- the list ---- */

int ruleset_add_file(struct ruleset *rules, const char *path,
		     struct fault *fault)
{
	struct ruleset_item item = {.flags = SIEVE_OF_SITE};

	if (!*path)
		return 0;
	if (scripts_of_file(rules->mail->agent->scripts, path, &item.script,
			    fault))
		return -1;
	g_array_append_val(rules->items, item);
	return 0;
}

/* Rules for out of office run while it is on, and within its window. */
static int ruleset_find_away(struct ruleset *rules, bool *ret_away,
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

static void ruleset_add_rule(struct ruleset *rules,
			     const struct rule_list_item *rule)
{
	const struct ruleset_item item = {
		.rule = rule->id,
		.had_error = rule->had_error,
		.flags = rule->flags,
		.script = script_ref(rule->script),
	};

	g_array_append_val(rules->items, item);
}

static int ruleset_add_rules(struct ruleset *rules, struct rule_list *list,
			     struct fault *fault)
{
	bool is_away = false;

	if (list->items->len > 0 && ruleset_find_away(rules, &is_away, fault))
		return -1;
	for (guint i = 0; i < list->items->len; i++) {
		const struct rule_list_item *rule =
			&g_array_index(list->items, struct rule_list_item, i);

		if (rule->is_enabled &&
		    (is_away || !(rule->flags & ST_ONLY_WHEN_OOF)))
			ruleset_add_rule(rules, rule);
	}
	return 0;
}

int ruleset_add_user(struct ruleset *rules, struct fault *fault)
{
	struct agent *agent = rules->mail->agent;
	const struct store_recipient *who = rules->to->who;
	struct rule_list *list = NULL;
	int rc = 0;

	if (who->has_rules) {
		if (rule_list_of(agent, rules->store, who->store, &list, fault))
			return -1;
		rc = ruleset_add_rules(rules, list, fault);
		rule_list_unref(list);
	}
	return rc ? -1
		  : ruleset_add_file(rules, agent->conf->sieve_after, fault);
}

struct sieve_rule *ruleset_list(struct ruleset *rules, size_t *ret_count,
				struct mail_needs *needs)
{
	struct sieve_rule *scripts =
		g_new0(struct sieve_rule, rules->items->len + 1);
	size_t count = 0;

	for (guint i = 0; i < rules->items->len; i++) {
		const struct ruleset_item *item =
			&g_array_index(rules->items, struct ruleset_item, i);

		if (!item->script->compiled) {
			ruleset_blame(rules, item->script->name,
				      item->script->error);
			continue;
		}
		scripts[count++] = (struct sieve_rule){item->script->compiled,
						       item->flags};
	}
	ruleset_look_all(rules, needs);
	*ret_count = count;
	return scripts;
}

void ruleset_foresee(struct mail *mail, struct store *store,
		     struct mail_recipient *to, struct mail_needs *needs)
{
	AUTO(ruleset) rules = ruleset_new(mail, store, to);
	struct fault why = {0};

	/* Where they cannot be had the delivery will say so. */
	if (ruleset_add_file(rules, mail->agent->conf->sieve_before, &why) ||
	    ruleset_add_user(rules, &why))
		return;
	ruleset_look_all(rules, needs);
}
