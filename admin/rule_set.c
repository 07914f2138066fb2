/*
 * The rules of a user as a delivery would have them, and what they make of a
 * message: for rule test and rule run.
 */
#include "conf.h"
#include "convert.h"
#include "convert/helper.h"
#include "eml.h"
#include "mail.h"
#include "propset.h"
#include "rule.h"
#include "rules/explain.h"
#include "rules/sieve.h"
#include "spam.h"
#include "store/junk_look.h"
#include "store/settings.h"

#include <stdio.h>
#include <string.h>

static void rule_script_free(gpointer script)
{
	sieve_script_free(script);
}

static void rule_add(struct rule_set *set, struct sieve_script *script,
		     unsigned flags)
{
	const struct sieve_rule rule = {script, flags};

	g_ptr_array_add(set->scripts, script);
	g_array_append_val(set->rules, rule);
}

static int rule_load_file(struct rule_set *set, const char *path,
			  unsigned flags, struct fault *fault)
{
	g_autoptr(GBytes) bytes = NULL;
	struct sieve_script *script = NULL;
	gsize size = 0;
	const char *data;

	if (admin_read_file(path, SIEVE_SCRIPT_MAX, &bytes, fault) < 0)
		return -1;
	data = g_bytes_get_data(bytes, &size);
	if (rule_compile(set->admin, path, size ? data : "", size, &script,
			 fault) < 0)
		return -1;
	rule_add(set, script, flags);
	return 0;
}

/* A rule that cannot be compiled is left out, as in a delivery. */
static int rule_load_user(struct rule_set *set, struct fault *fault)
{
	g_autoptr(GPtrArray) rules = NULL;
	AUTO(store_oof) oof = NULL;
	bool is_away;

	if (store_rule_list(set->admin->store, set->user->store, &rules,
			    fault) < 0 ||
	    store_oof_get(set->admin->store, set->user->store, &oof, fault) < 0)
		return -1;
	is_away = store_oof_is_away(oof, g_get_real_time());
	for (guint i = 0; i < rules->len; i++) {
		const struct store_rule *rule = rules->pdata[i];
		struct sieve_script *script = NULL;
		struct fault reason = {0};

		if (!rule->enabled ||
		    (!is_away && (rule->flags & ST_ONLY_WHEN_OOF)))
			continue;
		if (rule_compile(set->admin, rule->name, rule->script,
				 strlen(rule->script), &script, &reason) < 0)
			fprintf(stderr, "okapi-admin: rule %s is left out\n",
				rule->name);
		else
			rule_add(set, script, rule->flags);
	}
	return 0;
}

char *rule_find_text(struct admin *admin, const struct store_user *user,
		     enum sieve_location location, const char *name,
		     size_t *ret_len)
{
	AUTO(store_rule) rule = NULL;
	g_autofree char *path = NULL;
	char *text = NULL;
	struct fault fault = {0};

	if (location == SIEVE_PERSONAL) {
		if (store_rule_get(admin->store, user->store, name, &rule,
				   &fault) < 0)
			return NULL;
		*ret_len = strlen(rule->script);
		return g_steal_pointer(&rule->script);
	}
	if (!*admin->conf->sieve_global)
		return NULL;
	path = g_strdup_printf("%s/%s.sieve", admin->conf->sieve_global, name);
	return g_file_get_contents(path, &text, ret_len, NULL) ? text : NULL;
}

static const struct sieve_script *rule_find_script(void *context,
						   enum sieve_location location,
						   const char *name,
						   struct fault *fault)
{
	struct rule_set *set = context;
	g_autofree char *key = g_strdup_printf("%d:%s", location, name);
	struct sieve_script *script = g_hash_table_lookup(set->included, key);
	g_autofree char *text = NULL;
	size_t len = 0;

	if (script)
		return script;
	text = rule_find_text(set->admin, set->user, location, name, &len);
	if (!text)
		return NULL;
	script = sieve_compile(name, text, len, NULL, fault);
	if (script)
		(void)g_hash_table_insert(set->included, g_steal_pointer(&key),
					  script);
	return script;
}

int rule_set_load(struct rule_set *set, struct fault *fault)
{
	const struct conf *conf = set->admin->conf;
	const char *file = admin_option(set->admin, "rule");

	set->scripts = g_ptr_array_new_with_free_func(rule_script_free);
	set->failures = g_ptr_array_new_with_free_func(g_free);
	set->rules = g_array_new(FALSE, FALSE, sizeof(struct sieve_rule));
	set->included = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
					      rule_script_free);
	if (sieve_settings_of_conf(conf, &set->settings, fault) < 0 ||
	    store_user_addresses(set->admin->store, set->user->id, &set->own,
				 fault) < 0)
		return -1;
	set->has_before = *conf->sieve_before;
	if (set->has_before &&
	    rule_load_file(set, conf->sieve_before, SIEVE_OF_SITE, fault) < 0)
		return -1;
	if (file ? rule_load_file(set, file, 0, fault) < 0
		 : rule_load_user(set, fault) < 0)
		return -1;
	return *conf->sieve_after ? rule_load_file(set, conf->sieve_after,
						   SIEVE_OF_SITE, fault)
				  : 0;
}

void rule_set_clear(struct rule_set *set)
{
	g_clear_pointer(&set->scripts, g_ptr_array_unref);
	g_clear_pointer(&set->failures, g_ptr_array_unref);
	g_clear_pointer(&set->rules, g_array_unref);
	g_clear_pointer(&set->included, g_hash_table_unref);
	sieve_settings_clear(&set->settings);
	g_clear_pointer(&set->own, g_strfreev);
	g_clear_pointer(&set->message, g_bytes_unref);
	g_clear_pointer(&set->explanation, sieve_explanation_free);
	g_clear_pointer(&set->marks, spam_marks_free);
	g_clear_pointer(&set->junk, g_free);
}

/* ---- the envelope ---- */

static void rule_on_error(void *context, const char *rule, bool is_undone,
			  const struct fault *fault)
{
	struct rule_set *set = context;

	if (fault_is_temporary(fault))
		set->trouble = *fault;
	g_ptr_array_add(set->failures,
			g_strdup_printf("%s:%s: %s", rule, fault->text,
					is_undone ? "what the rule decided is "
						    "undone"
						  : "the test is false, and "
						    "the mail is kept"));
}

/* The envelope sender: --from, or the Return-Path on top. */
static char *rule_sender(const struct admin *admin, GBytes *bytes)
{
	const char *given = admin_option(admin, "from");
	gsize size = 0;
	const char *data = g_bytes_get_data(bytes, &size);
	char *path;

	if (given)
		return g_strdup(given);
	path = eml_header(data, size, "Return-Path");
	if (!path)
		return g_strdup("");
	g_strdelimit(path, "<>", ' ');
	return g_strstrip(path);
}

/* Who it was for: --to, or the Delivered-To on top where that is the user's.
 * Never NULL; owned. */
static int rule_recipient(const struct rule_set *set, GBytes *bytes,
			  struct store_recipient **ret_who, char **ret_path,
			  struct fault *fault)
{
	const char *given = admin_option(set->admin, "to");
	g_autofree char *path = g_strdup(given);
	struct fault reason = {0};
	AUTO(store_recipient) who = NULL;
	gsize size = 0;
	const char *data = g_bytes_get_data(bytes, &size);

	if (!path)
		path = eml_header(data, size, "Delivered-To");
	if (path && *path &&
	    store_resolve(set->admin->store, g_strstrip(path), 0, &who,
			  &reason) < 0 &&
	    (given || fault_is_temporary(&reason))) {
		*fault = reason;
		return -1;
	}
	if (given && who && who->user != set->user->id)
		return fault_set(fault, FAULT_USAGE,
				 "--to: %s is not an address of %s", given,
				 set->user->name);
	if (!who || who->user != set->user->id || !strchr(path, '@')) {
		g_free(path);
		path = g_strdup(set->user->email);
	}
	if (who && who->user == set->user->id)
		*ret_who = g_steal_pointer(&who);
	*ret_path = g_steal_pointer(&path);
	return 0;
}

static bool rule_mailbox_exists(void *context, const char *name,
				const char *special_use)
{
	struct rule_set *set = context;
	const struct store_place_owner owner = {set->user->id,
						set->user->store};
	struct fault fault = {0};
	bool exists = store_place_exists(set->admin->store, &owner, name,
					 special_use, &fault);

	if (fault.kind != FAULT_NONE)
		set->trouble = fault;
	return exists;
}

static bool rule_is_own_address(void *context, const char *address)
{
	const struct rule_set *set = context;

	for (char **own = set->own; *own; own++)
		if (g_ascii_strcasecmp(*own, address) == 0)
			return true;
	return false;
}

/* ---- the plan ---- */

/* What is junk by marks and lists; asked where set->marks are there. */
static int rule_judge_junk(struct rule_set *set,
			   const struct sieve_message *message,
			   struct fault *fault)
{
	struct junk_mail question = {
		.set = message->set,
		.reverse_path = message->envelope_from,
		.scl_limit = set->admin->conf->spam_scl,
		.store_id = set->user->store,
		.has_lists = true,
	};

	set->is_junk = false;
	g_clear_pointer(&set->junk, g_free);
	if (!set->marks)
		return 0;
	question.mark =
		spam_marks_find(set->marks, message->raw, message->raw_len);
	return junk_look(set->admin->store, &question, &set->is_junk,
			 &set->junk, fault);
}

/* The first count of the rules; what is told of them is told anew.  A plan
 * that is there makes room.  Fails for now only. */
static int rule_ask(struct rule_set *set, size_t count,
		    const struct sieve_message *message,
		    struct sieve_plan **plan, struct fault *fault)
{
	g_ptr_array_set_size(set->failures, 0);
	if (set->explanation)
		sieve_explanation_reset(set->explanation);
	g_clear_pointer(plan, sieve_plan_free);
	*plan = sieve_evaluate((const struct sieve_rule *)set->rules->data,
			       count, message, rule_on_error, set);
	if (set->trouble.kind == FAULT_NONE)
		return 0;
	*fault = set->trouble;
	return -1;
}

/* sieve_before alone decides where it keeps nothing or stops, and what is junk
 * meets no further rule (docs/architecture.md). */
static int rule_evaluate(struct rule_set *set,
			 const struct sieve_message *message,
			 struct sieve_plan **ret_plan, struct fault *fault)
{
	AUTO(sieve_plan) plan = NULL;
	bool is_decided;

	if (rule_ask(set, set->has_before ? 1 : 0, message, &plan, fault) < 0)
		return -1;
	is_decided = !sieve_plan_keeps(plan) || plan->stopped;
	if (!is_decided && rule_judge_junk(set, message, fault) < 0)
		return -1;
	if (!is_decided && !set->is_junk &&
	    rule_ask(set, set->rules->len, message, &plan, fault) < 0)
		return -1;
	*ret_plan = g_steal_pointer(&plan);
	return 0;
}

/* That of a delivery without -n. */
static int64_t rule_delivery_time(const struct propset *set, int64_t now)
{
	int64_t time = propset_number(set, PR_MESSAGE_DELIVERY_TIME, now);

	return time > now || time <= 0 ? now : time;
}

static char *rule_decode(void *context, const char *charset, const char *octets,
			 size_t len, struct fault *fault)
{
	const struct rule_set *set = context;

	return helper_to_utf8(set->admin->pool, charset, octets, len, fault);
}

int rule_plan(struct rule_set *set, GBytes *whole, GBytes *bytes,
	      int64_t delivered, struct sieve_plan **ret_plan,
	      struct fault *fault)
{
	AUTO(propset) props = NULL;
	AUTO(store_recipient) who = NULL;
	const struct conf *conf = set->admin->conf;
	g_autofree char *sender = rule_sender(set->admin, whole);
	g_autofree char *recipient = NULL;
	struct sieve_message message = {
		.envelope_from = sender,
		.delimiters = conf->recipient_delimiter,
		.hostname = conf->hostname,
		.now = g_get_real_time(),
		.mailbox_exists = rule_mailbox_exists,
		.is_own_address = rule_is_own_address,
		.find_script = rule_find_script,
		.decode = rule_decode,
		.settings = &set->settings,
		.explanation = set->explanation,
		.mailbox_context = set,
	};

	if (rule_recipient(set, whole, &who, &recipient, fault) < 0 ||
	    convert_message(set->admin, bytes, CONVERT_ALL | CONVERT_PARTS,
			    &props, fault) < 0)
		return -1;
	g_clear_pointer(&set->message, g_bytes_unref);
	set->message = g_bytes_ref(bytes);
	message.envelope_to = recipient;
	message.envelope_detail = who ? who->detail : NULL;
	message.set = props;
	message.delivered =
		delivered ? delivered : rule_delivery_time(props, message.now);
	message.raw = g_bytes_get_data(bytes, &message.raw_len);
	message.size = (int64_t)message.raw_len;
	return rule_evaluate(set, &message, ret_plan, fault);
}

int rule_plan_stored(struct rule_set *set, const struct store_message *message,
		     struct sieve_plan **ret_plan, struct fault *fault)
{
	struct store *store = set->admin->store;
	g_autoptr(GBytes) whole = NULL;
	g_autoptr(GBytes) bytes = NULL;

	if (store_message_bytes(store, message->id, false, &whole, fault) < 0 ||
	    store_message_bytes(store, message->id, true, &bytes, fault) < 0)
		return -1;
	return rule_plan(set, whole, bytes, message->received, ret_plan, fault);
}

static int rule_find_place(struct admin *admin, const struct store_user *user,
			   const struct rule_folder *folder,
			   struct store_place *ret_place, char **ret_problem,
			   struct fault *fault)
{
	const struct store_place_owner owner = {user->id, user->store};
	struct fault reason = {0};

	*ret_problem = NULL;
	if (store_place_find(admin->store, &owner, folder->name,
			     folder->special_use, ret_place, &reason) < 0) {
		if (fault_is_temporary(&reason)) {
			*fault = reason;
			return -1;
		}
		*ret_problem = g_strdup(reason.text);
	}
	return 0;
}

static int rule_ask_place(struct admin *admin, const struct store_user *user,
			  const struct rule_folder *folder,
			  const struct store_place *place, char **ret_problem,
			  struct fault *fault)
{
	const struct store_place_owner owner = {user->id, user->store};

	return store_place_problem(admin->store, &owner, place,
				   folder->may_create, folder->size,
				   ret_problem, fault);
}

int rule_place_of(struct admin *admin, const struct store_user *user,
		  const struct rule_folder *folder,
		  struct store_place *ret_place, char **ret_problem,
		  struct fault *fault)
{
	if (rule_find_place(admin, user, folder, ret_place, ret_problem,
			    fault) < 0)
		return -1;
	return *ret_problem ? 0
			    : rule_ask_place(admin, user, folder, ret_place,
					     ret_problem, fault);
}

/* One more copy of so many octets; *ret_known: there is one already. */
static int64_t rule_size_in(const GArray *places,
			    const struct store_place *place, int64_t size,
			    bool *ret_known)
{
	int64_t sum = size;

	*ret_known = false;
	for (guint i = 0; i < places->len; i++) {
		const struct store_place *other =
			&g_array_index(places, struct store_place, i);

		if (other->store == place->store)
			sum += size;
		if (store_place_is_same(other, place))
			*ret_known = true;
	}
	return sum;
}

int rule_place(struct rule_set *set, const struct sieve_action *action,
	       int64_t size, GArray *places, struct store_place *ret_place,
	       char **ret_problem, struct fault *fault)
{
	struct rule_folder folder = {action->argument, action->special_use,
				     action->create, size};
	bool is_known = false;

	if (rule_find_place(set->admin, set->user, &folder, ret_place,
			    ret_problem, fault) < 0)
		return -1;
	if (!*ret_problem)
		folder.size = rule_size_in(places, ret_place, size, &is_known);
	if (*ret_problem || is_known)
		return 0;
	if (rule_ask_place(set->admin, set->user, &folder, ret_place,
			   ret_problem, fault) < 0)
		return -1;
	if (!*ret_problem)
		g_array_append_val(places, *ret_place);
	return 0;
}

bool rule_discards(const struct sieve_plan *plan)
{
	bool discards = false;

	if (plan->implicit_keep)
		return false;
	for (guint i = 0; i < plan->actions->len; i++) {
		const struct sieve_action *a = plan->actions->pdata[i];

		if (a->kind == SIEVE_DISCARD)
			discards = true;
		else if (a->kind != SIEVE_VACATION && a->kind != SIEVE_REPLY)
			return false;
	}
	return discards;
}
