/*
 * The commands and tests of vnd.dovecot.testsuite.
 */
#include "suite.h"

#include "rules/match.h"
#include "rules/plan.h"

#include <stdio.h>
#include <string.h>

static const char *text_of(struct sieve_run *run, const struct ast_node *node,
			   int i)
{
	return sieve_run_text(run, node->positional[i]);
}

static void forget_edits(struct sieve_run *run)
{
	g_clear_pointer(&run->edit, sieve_edit_unref);
}

/* ---- test, test_fail
 * --------------------------------------------------------- */

static void run_test(struct sieve_run *run, const struct ast_node *node)
{
	struct suite *suite = suite_of(run);

	suite->test = g_strdup(text_of(run, node, 0));
	suite->is_failed = false;
	sieve_run_block(run, node->block);
	run->stopped = false;
	if (run->failed) {
		printf("FAIL %s: %s\n", suite->test, run->fault.text);
		run->failed = false;
		run->fault = (struct fault){0};
		suite->is_failed = true;
	}
	if (suite->is_failed)
		suite->failed++;
	else
		suite->passed++;
	g_clear_pointer(&suite->test, g_free);
}

static void run_fail(struct sieve_run *run, const struct ast_node *node)
{
	suite_fail(run, text_of(run, node, 0));
}

/* ---- environment
 * ---------------------------------------------------------------- */

static void run_set(struct sieve_run *run, const struct ast_node *node)
{
	const char *name = text_of(run, node, 0);

	if (strcmp(name, "message") == 0)
		forget_edits(run);
	if (!suite_set(suite_of(run), name, text_of(run, node, 1)))
		sieve_run_fail(run, "test_set: there is no %s here", name);
}

static void run_config_set(struct sieve_run *run, const struct ast_node *node)
{
	suite_configure(suite_of(run), text_of(run, node, 0),
			text_of(run, node, 1));
}

static void run_config_unset(struct sieve_run *run, const struct ast_node *node)
{
	suite_configure(suite_of(run), text_of(run, node, 0), NULL);
}

static void run_nothing(struct sieve_run *run, const struct ast_node *node)
{
	(void)run;
	(void)node;
}

static void run_mailbox_create(struct sieve_run *run,
			       const struct ast_node *node)
{
	if (!suite_make_folder(suite_of(run), text_of(run, node, 0)))
		sieve_run_fail(run, "test_mailbox_create \"%s\"",
			       text_of(run, node, 0));
}

/* ---- scripts and results
 * ----------------------------------------------------------- */

static bool test_compile(struct sieve_run *run, const struct ast_node *node)
{
	struct suite *suite = suite_of(run);

	suite->script = suite_compile(suite, text_of(run, node, 0));
	return suite->script != NULL;
}

static void take_error(void *context, const char *rule, bool is_undone,
		       const struct fault *fault)
{
	(void)is_undone;
	(void)rule;
	suite_error(context, fault->text);
}

static void replace_plan(struct suite *suite, struct sieve_plan *plan)
{
	if (suite->plan)
		sieve_plan_free(suite->plan);
	suite->plan = plan;
	suite->is_executed = false;
}

/* Is that done by a delivery before this one?  A keep stands for the fileinto
 * of the Inbox. */
static bool is_done(const GPtrArray *former, const struct sieve_action *action)
{
	for (guint i = 0; i < former->len; i++) {
		const struct sieve_plan *plan = former->pdata[i];
		struct sieve_action *same =
			sieve_action_find_same(plan->actions, action);

		if (same && action->kind == SIEVE_KEEP)
			same->kind = SIEVE_KEEP;
		if (same || (action->kind == SIEVE_REJECT &&
			     sieve_action_count(plan->actions, SIEVE_REJECT)))
			return true;
	}
	return false;
}

/* The plan that was carried out stays, and what is wanted again is dropped. */
static void append_plan(struct suite *suite, struct sieve_plan *plan)
{
	GPtrArray *actions = plan->actions;

	g_ptr_array_add(suite->former, g_steal_pointer(&suite->plan));
	for (guint i = actions->len; i-- > 0;)
		if (is_done(suite->former, actions->pdata[i]))
			(void)g_ptr_array_remove_index(actions, i);
	replace_plan(suite, plan);
}

static bool run_scripts(struct suite *suite, const struct sieve_rule *rules,
			size_t count, bool appends)
{
	struct sieve_plan *plan;

	g_ptr_array_set_size(suite->errors, 0);
	plan = sieve_evaluate(rules, count, &suite->env, take_error, suite);
	if (appends) {
		append_plan(suite, plan);
	} else {
		g_ptr_array_set_size(suite->former, 0);
		replace_plan(suite, plan);
	}
	return !plan->is_partial;
}

static bool test_run(struct sieve_run *run, const struct ast_node *node)
{
	struct suite *suite = suite_of(run);
	const struct sieve_rule rule = {.script = suite->script};
	bool appends = language_tagged(node, SLOT_COPY) != NULL;

	if (appends && !suite->is_executed) {
		sieve_run_fail(run, ":append_result: the result before was not "
				    "executed");
		return false;
	}
	if (!suite->script) {
		sieve_run_fail(run, "test_script_run: nothing was compiled");
		return false;
	}
	return run_scripts(suite, &rule, 1, appends);
}

static bool test_multiscript(struct sieve_run *run, const struct ast_node *node)
{
	struct suite *suite = suite_of(run);
	g_autoptr(GArray) rules =
		g_array_new(FALSE, FALSE, sizeof(struct sieve_rule));
	const struct ast_string *name = node->positional[0]->strings;

	for (; name; name = name->next) {
		struct sieve_rule rule = {
			.script = suite_compile(suite,
						sieve_run_string(run, name))};

		if (!rule.script)
			return false;
		g_array_append_val(rules, rule);
	}
	return run_scripts(suite, (const struct sieve_rule *)rules->data,
			   rules->len, false) &&
	       suite_execute(suite, suite->plan);
}

/* What scripts or, without them, the test file itself decided. */
static struct sieve_plan *plan_of(struct sieve_run *run)
{
	struct suite *suite = suite_of(run);

	if (!suite->plan || run->pending->len > 0)
		replace_plan(suite, sieve_run_take_plan(run));
	return suite->plan;
}

static bool test_execute(struct sieve_run *run, const struct ast_node *node)
{
	struct suite *suite = suite_of(run);
	const struct sieve_plan *plan = plan_of(run);

	(void)node;
	g_ptr_array_set_size(suite->errors, 0);
	suite->is_executed = true;
	/* Nothing is left where others did it already. */
	return (suite->former->len > 0 && plan->actions->len == 0) ||
	       suite_execute(suite, plan);
}

static void run_reset(struct sieve_run *run, const struct ast_node *node)
{
	(void)node;
	replace_plan(suite_of(run), NULL);
	g_ptr_array_set_size(suite_of(run)->former, 0);
	sieve_plan_free(sieve_run_take_plan(run));
	g_ptr_array_set_size(run->flags, 0);
	forget_edits(run);
	suite_forget_sent(suite_of(run));
}

/* ---- questions
 * ----------------------------------------------------------------------- */

static const char *action_name(const struct sieve_action *action)
{
	static const char *const names[] = {
		[SIEVE_KEEP] = "keep",       [SIEVE_FILEINTO] = "store",
		[SIEVE_DISCARD] = "discard", [SIEVE_REDIRECT] = "redirect",
		[SIEVE_REJECT] = "reject",   [SIEVE_VACATION] = "vacation",
	};

	return (size_t)action->kind < G_N_ELEMENTS(names) ? names[action->kind]
							  : "vnd.okapi";
}

static void add_names(GPtrArray *list, const struct sieve_plan *plan)
{
	for (guint i = 0; i < plan->actions->len; i++)
		g_ptr_array_add(list, (gpointer)(uintptr_t)action_name(
					      plan->actions->pdata[i]));
}

static bool match_list(struct sieve_run *run, const struct ast_node *node,
		       const char *const *list)
{
	const struct ast_tagged *index = language_tagged(node, SLOT_INDEX);
	struct sieve_matcher matcher;

	sieve_matcher_begin(&matcher, run, node);
	for (int64_t i = 1; *list; list++, i++)
		if ((!index || index->argument->number == i) &&
		    sieve_matcher_feed(&matcher, *list))
			break;
	return sieve_matcher_end(&matcher);
}

static bool test_error(struct sieve_run *run, const struct ast_node *node)
{
	const GPtrArray *errors = suite_of(run)->errors;
	g_autofree const char **list = g_new0(const char *, errors->len + 1);

	for (guint i = 0; i < errors->len; i++)
		list[i] = errors->pdata[i];
	return match_list(run, node, list);
}

static bool test_result_action(struct sieve_run *run,
			       const struct ast_node *node)
{
	const struct sieve_plan *plan = plan_of(run);
	const GPtrArray *former = suite_of(run)->former;
	g_autoptr(GPtrArray) list = g_ptr_array_new();

	for (guint i = 0; i < former->len; i++)
		add_names(list, former->pdata[i]);
	add_names(list, plan);
	if (plan->implicit_keep)
		g_ptr_array_add(list, (gpointer)(uintptr_t) "keep");
	g_ptr_array_add(list, NULL);
	return match_list(run, node, (const char *const *)list->pdata);
}

static bool test_message(struct sieve_run *run, const struct ast_node *node)
{
	struct suite *suite = suite_of(run);
	const struct ast_tagged *where = language_tagged(node, SLOT_LOCATION);
	size_t number = (size_t)node->positional[0]->number;
	bool found;

	forget_edits(run);
	found = where && where->argument
			? suite_take_stored(
				  suite, sieve_run_text(run, where->argument),
				  number)
			: suite_take_sent(suite, number);
	if (found && where && where->argument) {
		g_ptr_array_set_size(run->flags, 0);
		for (guint i = 0; i < suite->flags->len; i++)
			g_ptr_array_add(run->flags,
					g_strdup(suite->flags->pdata[i]));
	}
	return found;
}

static void run_message(struct sieve_run *run, const struct ast_node *node)
{
	if (!test_message(run, node))
		suite_fail(run, "test_message: there is no such message");
}

/* ---- the table
 * ------------------------------------------------------------------------- */

static const struct language_tag message_tags[] = {
	{"smtp", SLOT_LOCATION, 0, 0, EXTENSION_NONE},
	{"folder", SLOT_LOCATION, 1, 's', EXTENSION_NONE},
	{0},
};
static const struct language_tag index_tags[] = {
	{"index", SLOT_INDEX, 0, 'n', EXTENSION_NONE},
	{0},
};
static const struct language_tag reload_tags[] = {
	{"extension", SLOT_HANDLE, 0, 's', EXTENSION_NONE},
	{0},
};
static const struct language_tag run_tags[] = {
	{"append_result", SLOT_COPY, 0, 0, EXTENSION_NONE},
	{0},
};
static const struct language_tag *const message_list[] = {message_tags, NULL};
static const struct language_tag *const reload_list[] = {reload_tags, NULL};
static const struct language_tag *const run_list[] = {run_tags, NULL};
static const struct language_tag *const match_tags[] = {
	index_tags, language_match_tags, NULL};

#define COMMAND(NAME, SIGNATURE, RUN, ...)                                     \
 &(const struct language_entry)                                                \
 {                                                                             \
  .kind = LANGUAGE_COMMAND, .name = NAME, .signature = SIGNATURE, .run = RUN,  \
  .extension = EXTENSION_HOST, __VA_ARGS__                                     \
 }
#define TEST(NAME, SIGNATURE, TEST_FN, ...)                                    \
 &(const struct language_entry)                                                \
 {                                                                             \
  .kind = LANGUAGE_TEST, .name = NAME, .signature = SIGNATURE,                 \
  .test = TEST_FN, .extension = EXTENSION_HOST, __VA_ARGS__                    \
 }

const struct language_entry *const suite_entries[] = {
	COMMAND("test", "s", run_test, .has_block = true),
	COMMAND("test_fail", "s", run_fail, ),
	COMMAND("test_set", "ss", run_set, ),
	COMMAND("test_config_set", "ss", run_config_set, ),
	COMMAND("test_config_unset", "s", run_config_unset, ),
	COMMAND("test_config_reload", "", run_nothing, .tags = reload_list),
	COMMAND("test_binary_save", "s", run_nothing, ),
	COMMAND("test_binary_load", "s", run_nothing, ),
	COMMAND("test_mailbox_create", "s", run_mailbox_create, ),
	COMMAND("test_result_reset", "", run_reset, ),
	COMMAND("test_result_print", "", run_nothing, ),
	COMMAND("test_message_print", "", run_nothing, ),
	COMMAND("test_message", "n", run_message, .tags = message_list),
	TEST("test_message", "n", test_message, .tags = message_list),
	TEST("test_script_compile", "s", test_compile, ),
	TEST("test_script_run", "", test_run, .tags = run_list),
	TEST("test_multiscript", "S", test_multiscript, ),
	TEST("test_result_execute", "", test_execute, ),
	TEST("test_error", "S", test_error, .tags = match_tags,
	     .has_match = true),
	TEST("test_result_action", "S", test_result_action, .tags = match_tags,
	     .has_match = true),
	NULL,
};
