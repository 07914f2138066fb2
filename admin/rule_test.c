/*
 * okapi-admin rule test: the plan that rules make, without effect.
 */
#include "conf.h"
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

static bool rule_mailbox_exists(void *context, const char *name,
				const char *special_use)
{
	struct rule_set *set = context;
	struct store *store = set->admin->store;
	struct fault fault = {0};
	int64_t by_name = 0;
	int64_t by_role = 0;

	if (special_use && store_folder_by_role(store, set->user->store,
						folder_role_parse(special_use),
						&by_role, &fault) < 0)
		return false;
	if (name && store_folder_find(store, set->user->store, name, '/',
				      &by_name, &fault) < 0)
		return false;
	return !name || !special_use || by_name == by_role;
}

int rule_plan(struct rule_set *set, GBytes *whole, GBytes *bytes,
	      struct sieve_plan **ret_plan, struct fault *fault)
{
	AUTO(propset) props = NULL;
	const struct conf *conf = set->admin->conf;
	g_autofree char *sender = rule_sender(set->admin, whole);
	struct sieve_message message = {
		.envelope_from = sender,
		.envelope_to = set->user->email,
		.delimiters = conf->recipient_delimiter,
		.hostname = conf->hostname,
		.mailbox_exists = rule_mailbox_exists,
		.mailbox_context = set,
	};

	if (convert_message(set->admin, bytes, CONVERT_ALL, &props, fault) < 0)
		return -1;
	message.set = props;
	message.raw = g_bytes_get_data(bytes, &message.raw_len);
	message.size = (int64_t)message.raw_len;
	*ret_plan = sieve_evaluate(
		(const struct sieve_script *const *)set->scripts->pdata,
		set->scripts->len, &message, rule_on_error, NULL);
	return 0;
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
	return rule_plan(set, whole, bytes, ret_plan, fault);
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

struct rule_test {
	struct rule_set set;
	struct print_list list;
};

static void rule_tell_plan(struct rule_test *test, const char *what,
			   const struct sieve_plan *plan)
{
	if (test->list.json)
		print_list_item(&test->list, rule_plan_json(what, plan));
	else
		rule_plan_print(what, plan);
}

static int rule_test_stored(const struct store_message *message, void *context,
			    struct fault *fault)
{
	struct rule_test *test = context;
	AUTO(sieve_plan) plan = NULL;
	g_autofree char *what =
		g_strdup_printf("%" G_GINT64_FORMAT, message->id);

	if (rule_plan_stored(&test->set, message, &plan, fault) < 0)
		return -1;
	rule_tell_plan(test, what, plan);
	return 0;
}

static int rule_test_file(struct rule_test *test, const char *path,
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
	if (rule_plan(&test->set, bytes, bytes, &plan, fault) < 0)
		return -1;
	rule_tell_plan(test, path, plan);
	return 0;
}

/* A number that is no file is the id of a stored message. */
static int rule_test_one(struct rule_test *test, const char *what,
			 struct fault *fault)
{
	AUTO(store_message) message = NULL;
	bool number = *what && strspn(what, "0123456789") == strlen(what);

	if (!number || g_file_test(what, G_FILE_TEST_EXISTS))
		return rule_test_file(test, what, fault);
	if (mail_find(test->set.admin, test->set.user, what, &message, fault) <
	    0)
		return -1;
	return rule_test_stored(message, test, fault);
}

int rule_set_load(struct rule_set *set, struct fault *fault)
{
	const char *file = admin_option(set->admin, "rule");

	set->scripts = g_ptr_array_new_with_free_func(rule_script_free);
	return file ? rule_load_file(set, file, fault)
		    : rule_load_user(set, fault);
}

void rule_set_clear(struct rule_set *set)
{
	g_clear_pointer(&set->scripts, g_ptr_array_unref);
}

static int rule_test_run(struct rule_test *test, struct fault *fault)
{
	struct admin *admin = test->set.admin;
	const struct store_user *user = test->set.user;
	const char *path = admin_option(admin, "folder");
	int64_t store = 0;
	int64_t folder = 0;
	int rc;

	if (admin_folder_in(admin, user, path, &store, &folder, fault) < 0)
		return -1;
	if (rule_set_load(&test->set, fault) < 0)
		return -1;
	print_list_begin(&test->list, admin->json);
	rc = path ? store_message_list(admin->store, store, folder,
				       rule_test_stored, test, fault)
		  : rule_test_one(test, admin_arg(admin, 1), fault);
	if (rc == 0)
		print_list_end(&test->list);
	return rc;
}

int rule_test(struct admin *admin, struct fault *fault)
{
	AUTO(store_user) user = NULL;
	struct rule_test test = {.set.admin = admin};
	int rc;

	if (!admin_has(admin, "folder") == !admin_arg(admin, 1))
		return fault_set(fault, FAULT_USAGE,
				 "rule test takes a MESSAGE or --folder");
	if (admin_user(admin, 0, &user, fault) < 0)
		return -1;
	test.set.user = user;
	rc = rule_test_run(&test, fault);
	rule_set_clear(&test.set);
	return rc;
}
