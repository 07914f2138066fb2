/*
 * okapi-admin rule test: the plan that rules make, without effect; and
 * rule run: the same carried out on messages that are there already.
 */
#include "convert.h"
#include "convert/helper.h"
#include "eml.h"
#include "mail.h"
#include "print.h"
#include "propset.h"
#include "rule.h"
#include "rules/sieve.h"
#include "store/folders.h"
#include "store/settings.h"

#include <stdio.h>
#include <string.h>

struct rule_set {
	struct admin *admin;
	const struct store_user *user;
	GPtrArray *scripts; /* of struct sieve_script */
	struct print_list list;
	struct sieve_plan *plan; /* of the message at hand */
	const struct store_message *message;
};

static void rule_script_free(gpointer script)
{
	sieve_script_free(script);
}

static int rule_load_file(struct rule_set *set, const char *path,
			  struct fault *fault)
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
	g_ptr_array_add(set->scripts, script);
	return 0;
}

static int rule_load_user(struct rule_set *set, struct fault *fault)
{
	g_autoptr(GPtrArray) rules = NULL;

	if (store_rule_list(set->admin->store, set->user->store, &rules,
			    fault) < 0)
		return -1;
	for (guint i = 0; i < rules->len; i++) {
		const struct store_rule *rule = rules->pdata[i];
		struct sieve_script *script = NULL;

		if (!rule->enabled)
			continue;
		if (rule_compile(set->admin, rule->name, rule->script,
				 strlen(rule->script), &script, fault) < 0)
			return -1;
		g_ptr_array_add(set->scripts, script);
	}
	return 0;
}

static void rule_on_error(void *context, const char *rule,
			  const struct fault *fault)
{
	(void)context;
	fprintf(stderr, "okapi-admin: rule %s: %s\n", rule, fault->text);
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

/* Evaluates the rules on the bytes of a message; owned plan. */
static int rule_plan(struct rule_set *set, GBytes *bytes,
		     struct sieve_plan **ret_plan, struct fault *fault)
{
	AUTO(propset) props = NULL;
	g_autofree char *sender = rule_sender(set->admin, bytes);
	struct sieve_message message = {
		.size = (int64_t)g_bytes_get_size(bytes),
		.envelope_from = sender,
		.envelope_to = set->user->email,
	};

	if (convert_message(set->admin, bytes, CONVERT_ALL, &props, fault) < 0)
		return -1;
	message.set = props;
	*ret_plan = sieve_evaluate(
		(const struct sieve_script *const *)set->scripts->pdata,
		set->scripts->len, &message, rule_on_error, NULL);
	return 0;
}

static const char *rule_action_word(const struct sieve_action *action)
{
	switch (action->kind) {
	case SIEVE_KEEP:
		return "keep";
	case SIEVE_FILEINTO:
		return "fileinto";
	case SIEVE_DISCARD:
		return "discard";
	case SIEVE_REDIRECT:
		return "redirect";
	case SIEVE_REJECT:
		return "reject";
	}
	return "?";
}

static json_t *rule_action_json(const struct sieve_action *action)
{
	json_t *object = json_object();
	json_t *flags = json_array();

	for (guint i = 0; action->flags && i < action->flags->len; i++)
		json_array_append_new(flags,
				      print_json_text(action->flags->pdata[i]));
	json_object_set_new(object, "action",
			    json_string(rule_action_word(action)));
	json_object_set_new(object, "argument",
			    print_json_text(action->argument));
	json_object_set_new(object, "flags", flags);
	json_object_set_new(object, "rule", print_json_text(action->rule));
	json_object_set_new(object, "line", json_integer(action->line));
	return object;
}

static json_t *rule_plan_json(const char *what, const struct sieve_plan *plan)
{
	json_t *object = json_object();
	json_t *actions = json_array();

	for (guint i = 0; i < plan->actions->len; i++)
		json_array_append_new(
			actions, rule_action_json(plan->actions->pdata[i]));
	json_object_set_new(object, "message", print_json_text(what));
	json_object_set_new(object, "actions", actions);
	json_object_set_new(object, "implicit_keep",
			    json_boolean(plan->implicit_keep));
	return object;
}

static void rule_plan_print(const char *what, const struct sieve_plan *plan)
{
	printf("%s:\n", what);
	for (guint i = 0; i < plan->actions->len; i++) {
		const struct sieve_action *a = plan->actions->pdata[i];
		g_autofree char *argument =
			print_clean(a->argument ? a->argument : "");

		printf("    %s%s%s (%s, line %u)\n", rule_action_word(a),
		       *argument ? " " : "", argument, a->rule ? a->rule : "",
		       a->line);
	}
	if (plan->implicit_keep)
		puts("    keep (no rule said otherwise)");
}

static void rule_tell_plan(struct rule_set *set, const char *what,
			   const struct sieve_plan *plan)
{
	if (set->list.json)
		print_list_item(&set->list, rule_plan_json(what, plan));
	else
		rule_plan_print(what, plan);
}

static int rule_test_stored(const struct store_message *message, void *context,
			    struct fault *fault)
{
	struct rule_set *set = context;
	g_autoptr(GBytes) bytes = NULL;
	AUTO(sieve_plan) plan = NULL;
	g_autofree char *what =
		g_strdup_printf("%" G_GINT64_FORMAT, message->id);

	if (store_message_bytes(set->admin->store, message->id, false, &bytes,
				fault) < 0 ||
	    rule_plan(set, bytes, &plan, fault) < 0)
		return -1;
	rule_tell_plan(set, what, plan);
	return 0;
}

static int rule_test_file(struct rule_set *set, const char *path,
			  struct fault *fault)
{
	g_autoptr(GBytes) file = NULL;
	g_autoptr(GBytes) bytes = NULL;
	AUTO(sieve_plan) plan = NULL;

	if (admin_read_file(path, ADMIN_FILE_MAX, &file, fault) < 0)
		return -1;
	bytes = eml_of_file(file);
	if (g_bytes_get_size(bytes) == 0)
		return fault_set(fault, FAULT_NOT_A_MESSAGE,
				 "%s: no message, it is empty", path);
	if (rule_plan(set, bytes, &plan, fault) < 0)
		return -1;
	rule_tell_plan(set, path, plan);
	return 0;
}

/* A number that is no file is the id of a stored message. */
static int rule_test_one(struct rule_set *set, const char *what,
			 struct fault *fault)
{
	AUTO(store_message) message = NULL;
	bool number = *what && strspn(what, "0123456789") == strlen(what);

	if (!number || g_file_test(what, G_FILE_TEST_EXISTS))
		return rule_test_file(set, what, fault);
	if (mail_find(set->admin, set->user, what, &message, fault) < 0)
		return -1;
	return rule_test_stored(message, set, fault);
}

static int rule_load(struct rule_set *set, struct fault *fault)
{
	const char *file = admin_option(set->admin, "rule");

	return file ? rule_load_file(set, file, fault)
		    : rule_load_user(set, fault);
}

int rule_test(struct admin *admin, struct fault *fault)
{
	AUTO(store_user) user = NULL;
	g_autoptr(GPtrArray) scripts =
		g_ptr_array_new_with_free_func(rule_script_free);
	struct rule_set set = {.admin = admin, .scripts = scripts};
	const char *path = admin_option(admin, "folder");
	const char *message = admin_arg(admin, 1);
	int64_t folder = 0;
	int rc;

	if (!path == !message)
		return fault_set(fault, FAULT_USAGE,
				 "rule test takes a MESSAGE or --folder");
	if (admin_user(admin, 0, &user, fault) < 0)
		return -1;
	set.user = user;
	if (path && admin_folder(admin, user, path, &folder, fault) < 0)
		return -1;
	if (rule_load(&set, fault) < 0)
		return -1;
	print_list_begin(&set.list, admin->json);
	rc = path ? store_message_list(admin->store, user->store, folder,
				       rule_test_stored, &set, fault)
		  : rule_test_one(&set, message, fault);
	if (rc == 0)
		print_list_end(&set.list);
	return rc;
}

int rule_run(struct admin *admin, struct fault *fault)
{
	(void)admin;
	return fault_set(fault, FAULT_USAGE,
			 "rule run is not available in this version; rule test "
			 "shows what rules would do");
}
