/*
 * okapi-admin rule test: the plan that rules make, without effect, and why; for
 * a folder, what rule run would change.
 */
#include "eml.h"
#include "json_out.h"
#include "mail.h"
#include "print.h"
#include "rule.h"
#include "rules/explain.h"
#include "rules/loop.h"
#include "rules/sieve.h"
#include "spam.h"

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

/* Where an action of a plan leads. */
struct rule_end {
	int64_t folder; /* of a fileinto; 0: none yet */
	bool is_again;  /* of a fileinto: as one before it */
	char *problem;  /* why the message would be kept instead, or NULL */
};

static void rule_end_clear(void *end)
{
	g_free(((struct rule_end *)end)->problem);
}

/* Would no address of a redirect or forward be sent to? */
static bool rule_only_loops(const struct rule_set *set,
			    const struct sieve_action *action)
{
	const char *const *own = (const char *const *)set->own;
	const GPtrArray *to = action->letter ? action->letter->addresses : NULL;

	if (action->kind == SIEVE_REDIRECT)
		return sieve_is_loop(set->message, action->argument, own);
	if (action->kind != SIEVE_FORWARD)
		return false;
	for (guint i = 0; i < to->len; i++)
		if (!sieve_is_loop(set->message, to->pdata[i], own))
			return false;
	return true;
}

/* Looks for the ends of all actions, in their order; owned. */
static int rule_find_ends(struct rule_set *set, const struct sieve_plan *plan,
			  int64_t size, GArray **ret_ends, struct fault *fault)
{
	g_autoptr(GArray) ends =
		g_array_new(FALSE, TRUE, sizeof(struct rule_end));
	g_autoptr(GArray) places =
		g_array_new(FALSE, FALSE, sizeof(struct store_place));

	g_array_set_clear_func(ends, rule_end_clear);
	for (guint i = 0; i < plan->actions->len; i++) {
		const struct sieve_action *action = plan->actions->pdata[i];
		struct store_place place = {0};
		struct rule_end end = {0};
		guint known = places->len;

		if (action->kind == SIEVE_FILEINTO &&
		    rule_place(set, action, size, places, &place, &end.problem,
			       fault) < 0)
			return -1;
		end.is_again = !end.problem && places->len == known;
		if (rule_only_loops(set, action))
			end.problem = g_strdup("mail loop");
		end.folder = place.folder;
		g_array_append_val(ends, end);
	}
	*ret_ends = g_steal_pointer(&ends);
	return 0;
}

static const struct rule_end *rule_end_at(const GArray *ends, guint i)
{
	return &g_array_index(ends, struct rule_end, i);
}

/* What rules set at the copy, by name; owned. */
static json_t *rule_properties_json(const struct sieve_action *action)
{
	json_t *object;

	if (!action->properties)
		return json_object();
	object = propset_to_json(action->properties, false);
	(void)json_object_del(object, "recipients");
	(void)json_object_del(object, "attachments");
	return object;
}

/* ", +Work, PR_IMPORTANCE 2", for people; owned. */
static char *rule_marks_text(const struct sieve_action *action)
{
	json_t *properties = rule_properties_json(action);
	g_autoptr(GString) out = g_string_new(NULL);
	const char *name;
	json_t *value;

	for (guint i = 0; i < action->flags->len; i++)
		g_string_append_printf(out, ", +%s",
				       (const char *)action->flags->pdata[i]);
	json_object_foreach(properties, name, value)
	{
		char *text = json_dumps(value, JSON_ENCODE_ANY);

		g_string_append_printf(out, ", %s %s", name, text ? text : "");
		free(text);
	}
	json_decref(properties);
	return print_clean(out->str);
}

static json_t *rule_action_json(const struct sieve_action *action,
				const char *problem)
{
	json_t *object = json_object();
	json_t *flags = json_array();

	for (guint i = 0; i < action->flags->len; i++)
		json_array_append_new(flags,
				      print_json_text(action->flags->pdata[i]));
	json_object_set_new(object, "action",
			    json_string(rule_action_word(action)));
	json_object_set_new(object, "argument",
			    print_json_text(action->argument));
	json_object_set_new(object, "flags", flags);
	json_object_set_new(object, "properties", rule_properties_json(action));
	json_object_set_new(object, "rule", print_json_text(action->rule));
	json_object_set_new(object, "line", json_integer(action->line));
	json_object_set_new(object, "problem",
			    problem ? print_json_text(problem) : json_null());
	return object;
}

static json_t *rule_strings(const GPtrArray *list)
{
	json_t *array = json_array();

	for (guint i = 0; i < list->len; i++)
		json_array_append_new(array, print_json_text(list->pdata[i]));
	return array;
}

static json_t *rule_plan_json(struct rule_set *set, const char *what,
			      const struct sieve_plan *plan, const GArray *ends)
{
	json_t *object = json_object();
	json_t *actions = json_array();

	for (guint i = 0; i < plan->actions->len; i++)
		json_array_append_new(
			actions,
			rule_action_json(plan->actions->pdata[i],
					 rule_end_at(ends, i)->problem));
	json_object_set_new(object, "message", print_json_text(what));
	json_object_set_new(object, "rule", print_json_text(plan->rule));
	json_object_set_new(object, "line",
			    plan->rule ? json_integer(plan->line)
				       : json_null());
	json_object_set_new(object, "junk", json_boolean(set->is_junk));
	json_object_set_new(object, "junk_reason", print_json_text(set->junk));
	json_object_set_new(object, "actions", actions);
	json_object_set_new(object, "errors", rule_strings(set->failures));
	json_object_set_new(object, "implicit_keep",
			    json_boolean(plan->implicit_keep));
	if (set->explanation)
		json_object_set_new(object, "steps", rule_explain_json(set));
	return object;
}

static void rule_plan_print(struct rule_set *set, const char *what,
			    const struct sieve_plan *plan, const GArray *ends)
{
	printf("%s:\n", what);
	if (set->explanation)
		rule_explain_print(set);
	for (guint i = 0; i < plan->actions->len; i++) {
		const struct sieve_action *a = plan->actions->pdata[i];
		g_autofree char *argument =
			print_clean(a->argument ? a->argument : "");
		g_autofree char *marks = rule_marks_text(a);
		const char *problem = rule_end_at(ends, i)->problem;

		printf("    => %s%s%s%s%s (%s, line %u)%s%s\n",
		       rule_action_word(a), *argument ? " " : "", argument,
		       a->letter && a->letter->as_attachment ? " as attachment"
							     : "",
		       marks, a->rule ? a->rule : "", a->line,
		       problem ? ": kept instead, " : "",
		       problem ? problem : "");
	}
	for (guint i = 0; i < set->failures->len; i++) {
		g_autofree char *text = print_clean(set->failures->pdata[i]);

		printf("    => %s\n", text);
	}
	if (set->is_junk)
		puts("    => Junk E-mail: no rule is asked");
	else if (plan->implicit_keep)
		printf("    => keep (%s)\n",
		       set->failures->len > 0 ? "a rule failed"
					      : "no rule said otherwise");
}

struct rule_test {
	struct rule_set set;
	struct print_list list;
	size_t looked_at;
	size_t changes;
};

static int rule_tell_plan(struct rule_test *test, const char *what,
			  const struct sieve_plan *plan, int64_t size,
			  struct fault *fault)
{
	g_autoptr(GArray) ends = NULL;

	if (rule_find_ends(&test->set, plan, size, &ends, fault) < 0)
		return -1;
	if (test->list.json)
		print_list_item(&test->list,
				rule_plan_json(&test->set, what, plan, ends));
	else
		rule_plan_print(&test->set, what, plan, ends);
	return 0;
}

/* ---- a folder: what would change ---- */

/* What rule run would make of a message. */
struct rule_change {
	GPtrArray *to;    /* of char *: folders that get it, this one too */
	GPtrArray *flags; /* of char *: that it has not yet */
	bool stays;
	bool discarded;
};

static bool rule_has_flag(const struct store_message *message, const char *name)
{
	unsigned flag = message_flag_parse(name);

	if (flag)
		return (message->flags & flag) != 0;
	for (char **word = message->keywords; word && *word; word++)
		if (g_ascii_strcasecmp(*word, name) == 0)
			return true;
	return false;
}

static void rule_add_action(struct rule_change *change,
			    const struct store_message *message,
			    const struct sieve_action *action,
			    const struct rule_end *end)
{
	const struct propset *properties = action->properties;

	if (action->kind == SIEVE_DISCARD || action->kind == SIEVE_VACATION ||
	    action->kind == SIEVE_REPLY)
		return;
	if (action->kind != SIEVE_FILEINTO || end->problem ||
	    end->folder == message->folder)
		change->stays = true;
	else if (!end->is_again)
		g_ptr_array_add(change->to, g_strdup(action->argument));
	for (guint i = 0; i < action->flags->len; i++)
		if (!rule_has_flag(message, action->flags->pdata[i]))
			g_ptr_array_add(change->flags,
					g_strdup(action->flags->pdata[i]));
	for (size_t i = 0; properties && i < propset_count(properties); i++)
		g_ptr_array_add(
			change->flags,
			propset_print_name(properties,
					   propset_at(properties, i)->tag));
}

static void rule_change_fill(struct rule_change *change,
			     const struct store_message *message,
			     const struct sieve_plan *plan, const GArray *ends)
{
	change->to = g_ptr_array_new_with_free_func(g_free);
	change->flags = g_ptr_array_new_with_free_func(g_free);
	change->discarded = rule_discards(plan);
	for (guint i = 0; i < plan->actions->len; i++)
		rule_add_action(change, message, plan->actions->pdata[i],
				rule_end_at(ends, i));
	change->stays = change->stays || plan->implicit_keep ||
			(!change->discarded && change->to->len == 0);
}

static bool rule_changes(const struct rule_change *change)
{
	return change->discarded || change->to->len > 0 ||
	       change->flags->len > 0;
}

static char *rule_join(GPtrArray *list, const char *separator)
{
	GString *out = g_string_new(NULL);

	for (guint i = 0; i < list->len; i++)
		g_string_append_printf(out, "%s%s", i ? separator : "",
				       (const char *)list->pdata[i]);
	return g_string_free(out, FALSE);
}

/* "17: Inbox -> Lists, +\\Seen (lists, line 3): Subject" */
static void rule_change_print(const struct rule_change *change,
			      const struct store_message *message,
			      const struct sieve_plan *plan)
{
	g_autofree char *to = rule_join(change->to, ", ");
	g_autofree char *flags = rule_join(change->flags, " +");
	g_autofree char *subject =
		print_clean(message->subject ? message->subject : "");
	g_autofree char *folder = print_clean(message->folder_path);
	g_autofree char *clean_to = print_clean(to);
	g_autofree char *clean_flags = print_clean(flags);

	printf("%" G_GINT64_FORMAT ": %s %s%s%s%s%s (%s, line %u): %s\n",
	       message->id, folder,
	       change->discarded ? "-> nowhere, discarded"
	       : change->stays   ? "stays"
				 : "-> ",
	       change->stays && *clean_to ? ", copied to " : "", clean_to,
	       *clean_flags ? ", +" : "", clean_flags,
	       plan->rule ? plan->rule : "", plan->line, subject);
}

static int rule_tell_change(struct rule_test *test,
			    const struct store_message *message,
			    const struct sieve_plan *plan, struct fault *fault)
{
	g_autoptr(GArray) ends = NULL;
	g_autofree char *what =
		g_strdup_printf("%" G_GINT64_FORMAT, message->id);
	struct rule_change change = {0};
	json_t *object;

	if (rule_find_ends(&test->set, plan, message->size, &ends, fault) < 0)
		return -1;
	rule_change_fill(&change, message, plan, ends);
	test->looked_at++;
	test->changes += rule_changes(&change);
	if (test->list.json) {
		object = rule_plan_json(&test->set, what, plan, ends);
		json_object_set_new(object, "from",
				    print_json_text(message->folder_path));
		json_object_set_new(object, "to", rule_strings(change.to));
		json_object_set_new(object, "stays",
				    json_boolean(change.stays));
		json_object_set_new(object, "discarded",
				    json_boolean(change.discarded));
		json_object_set_new(object, "adds", rule_strings(change.flags));
		json_object_set_new(object, "changes",
				    json_boolean(rule_changes(&change)));
		print_list_item(&test->list, object);
	} else if (rule_changes(&change)) {
		rule_change_print(&change, message, plan);
	}
	if (!test->list.json && test->set.explanation)
		rule_plan_print(&test->set, what, plan, ends);
	g_ptr_array_unref(change.to);
	g_ptr_array_unref(change.flags);
	return 0;
}

static int rule_test_each(const struct store_message *message, void *context,
			  struct fault *fault)
{
	struct rule_test *test = context;
	AUTO(sieve_plan) plan = NULL;

	if (rule_plan_stored(&test->set, message, &plan, fault) < 0)
		return -1;
	return rule_tell_change(test, message, plan, fault);
}

/* ---- one message: what would happen to it, and why ---- */

static int rule_test_stored(const struct store_message *message,
			    struct rule_test *test, struct fault *fault)
{
	AUTO(sieve_plan) plan = NULL;
	g_autofree char *what =
		g_strdup_printf("%" G_GINT64_FORMAT, message->id);

	if (rule_plan_stored(&test->set, message, &plan, fault) < 0)
		return -1;
	return rule_tell_plan(test, what, plan, message->size, fault);
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
	if (rule_plan(&test->set, bytes, bytes, 0, &plan, fault) < 0)
		return -1;
	return rule_tell_plan(test, path, plan,
			      (int64_t)g_bytes_get_size(bytes), fault);
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
	/* A delivery asks what is junk, rule run does not. */
	if (!path && spam_marks_new(admin->conf, &test->set.marks, fault) < 0)
		return -1;
	if (!path || admin_has(admin, "explain"))
		test->set.explanation = sieve_explanation_new();
	print_list_begin(&test->list, admin->json);
	rc = path ? store_message_list(admin->store, store, folder,
				       rule_test_each, test, fault)
		  : rule_test_one(test, admin_arg(admin, 1), fault);
	if (rc == 0)
		print_list_end(&test->list);
	if (rc == 0 && path && !admin->json)
		printf("looked at: %zu, would change: %zu\n", test->looked_at,
		       test->changes);
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
