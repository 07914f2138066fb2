/*
 * okapi-admin rule test: the plan that rules make, without effect.
 */
#include "eml.h"
#include "mail.h"
#include "print.h"
#include "rule.h"
#include "rules/sieve.h"

#include <stdio.h>
#include <string.h>

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
	case SIEVE_VACATION:
		return "vacation";
	case SIEVE_FORWARD:
		return "forward";
	case SIEVE_REPLY:
		return "reply";
	}
	return "?";
}

/* Why the message would be kept instead; owned, NULL. */
static char *rule_problem(struct rule_set *set,
			  const struct sieve_action *action)
{
	struct store_place place;
	char *problem = NULL;
	struct fault fault = {0};

	if (action->kind != SIEVE_FILEINTO)
		return NULL;
	if (rule_place(set, action, &place, &problem, &fault) < 0)
		return g_strdup(fault.text);
	return problem;
}

static json_t *rule_action_json(struct rule_set *set,
				const struct sieve_action *action)
{
	g_autofree char *problem = rule_problem(set, action);
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
	json_object_set_new(object, "problem",
			    problem ? print_json_text(problem) : json_null());
	return object;
}

static json_t *rule_plan_json(struct rule_set *set, const char *what,
			      const struct sieve_plan *plan)
{
	json_t *object = json_object();
	json_t *actions = json_array();

	for (guint i = 0; i < plan->actions->len; i++)
		json_array_append_new(
			actions,
			rule_action_json(set, plan->actions->pdata[i]));
	json_object_set_new(object, "message", print_json_text(what));
	json_object_set_new(object, "actions", actions);
	json_object_set_new(object, "implicit_keep",
			    json_boolean(plan->implicit_keep));
	return object;
}

static void rule_plan_print(struct rule_set *set, const char *what,
			    const struct sieve_plan *plan)
{
	printf("%s:\n", what);
	for (guint i = 0; i < plan->actions->len; i++) {
		const struct sieve_action *a = plan->actions->pdata[i];
		g_autofree char *argument =
			print_clean(a->argument ? a->argument : "");
		g_autofree char *problem = rule_problem(set, a);

		printf("    %s%s%s (%s, line %u)%s%s\n", rule_action_word(a),
		       *argument ? " " : "", argument, a->rule ? a->rule : "",
		       a->line, problem ? ": kept instead, " : "",
		       problem ? problem : "");
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
		print_list_item(&test->list,
				rule_plan_json(&test->set, what, plan));
	else
		rule_plan_print(&test->set, what, plan);
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
