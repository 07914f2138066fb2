/*
 * include, return and global, RFC 6609.  An included script is found when it
 * is run: it may be put after the one that includes it.
 */
#include "checker.h"
#include "entries.h"
#include "include.h"
#include "run.h"
#include "variable.h"

#include <string.h>

static const struct language_tag include_tags[] = {
	{"personal", SLOT_LOCATION, SIEVE_PERSONAL, 0, EXTENSION_NONE},
	{"global", SLOT_LOCATION, SIEVE_GLOBAL, 0, EXTENSION_NONE},
	{"once", SLOT_ONCE, 0, 0, EXTENSION_NONE},
	{"optional", SLOT_OPTIONAL, 0, 0, EXTENSION_NONE},
	{0},
};

static const struct language_tag *const tags[] = {include_tags, NULL};

/* RFC 6609 section 3.1: no control characters, no separators; and no '/'. */
static bool is_script_name(const char *name)
{
	if (!*name || strlen(name) > 255 || !g_utf8_validate(name, -1, NULL))
		return false;
	for (; *name; name = g_utf8_next_char(name)) {
		gunichar c = g_utf8_get_char(name);

		if (c < 0x20 || (c >= 0x7f && c < 0xa0) || c == '/' ||
		    c == 0x2028 || c == 0x2029)
			return false;
	}
	return true;
}

static unsigned includes_max(const struct sieve_settings *settings)
{
	return settings && settings->includes_max ? settings->includes_max
						  : RUN_INCLUDES_MAX;
}

static unsigned depth_max(const struct sieve_settings *settings)
{
	return settings && settings->include_depth_max
		       ? settings->include_depth_max
		       : RUN_INCLUDE_DEPTH;
}

static bool is_around(const struct sieve_includer *includer,
		      enum sieve_location location, const char *name)
{
	for (; includer; includer = includer->above)
		if (includer->location == location &&
		    strcmp(includer->name, name) == 0)
			return true;
	return false;
}

/* Compiles what is included, for what is wrong with it. */
static int check_text(struct checker *checker, const struct ast_node *node,
		      const struct sieve_include *include, const char *text,
		      size_t len)
{
	const struct sieve_includer *above = checker->options->includer;
	const struct sieve_includer here = {
		.above = above,
		.location = include->location,
		.name = include->name,
		.depth = above ? above->depth + 1 : 1,
		.count = checker->include_count,
	};
	struct sieve_compile_options options = *checker->options;
	struct sieve_script *script;

	options.includer = &here;
	script = sieve_compile_all(include->name, text, len, &options,
				   checker->errors);
	if (!script)
		return sieve_error_set(checker->error, node->place,
				       "the script \"%.60s\" is faulty",
				       include->name);
	checker_needs(checker, script->needs);
	for (const char *const *name = sieve_script_fields(script); *name;
	     name++)
		checker_looks_at(checker, *name);
	sieve_script_free(script);
	return 0;
}

static int check_included(struct checker *checker, const struct ast_node *node,
			  const struct sieve_include *include)
{
	const struct sieve_compile_options *options = checker->options;
	const struct sieve_includer *above = options->includer;
	bool once = language_tagged(node, SLOT_ONCE);
	g_autofree char *text = NULL;
	size_t len = 0;

	if (is_around(above, include->location, include->name))
		return once ? 0
			    : sieve_error_set(checker->error, node->place,
					      "the script \"%.60s\" includes "
					      "itself",
					      include->name);
	text = options->find_text(options->find_context, include->location,
				  include->name, &len);
	if (!text && language_tagged(node, SLOT_OPTIONAL))
		return 0;
	if (!text)
		return sieve_error_set(checker->error, node->place,
				       "there is no script \"%.80s\"",
				       include->name);
	if (above && above->depth >= depth_max(options->settings))
		return sieve_error_set(checker->error, node->place,
				       "scripts are included deeper than %u",
				       depth_max(options->settings));
	if (++*checker->include_count > includes_max(options->settings))
		return sieve_error_set(checker->error, node->place,
				       "more than %u scripts are included",
				       includes_max(options->settings));
	return check_text(checker, node, include, text, len);
}

static struct sieve_include *add_include(struct checker *checker,
					 const struct ast_node *node)
{
	struct sieve_include *include =
		sieve_arena_alloc(checker->arena, sizeof(*include));

	include->location = (enum sieve_location)language_choice(
		node, SLOT_LOCATION, SIEVE_PERSONAL);
	include->name = node->positional[0]->strings->text;
	*checker->includes_tail = include;
	checker->includes_tail = &include->next;
	return include;
}

static int check_include(struct checker *checker, struct ast_node *node,
			 const struct ast_node *previous)
{
	const struct ast_string *name = node->positional[0]->strings;
	const struct sieve_include *include;

	(void)previous;
	if (name->is_dynamic)
		return sieve_error_set(checker->error, name->place,
				       "no variables are allowed in the name "
				       "of an included script");
	if (!is_script_name(name->text))
		return sieve_error_set(checker->error, name->place,
				       "\"%.60s\" is no name of a script",
				       name->text);
	include = add_include(checker, node);
	if (!checker->options || !checker->options->find_text)
		return 0;
	return check_included(checker, node, include);
}

/* What there is to say of a script that was not found. */
static void find_fail(struct sieve_run *run, const struct ast_node *node,
		      const char *name, const struct fault *fault)
{
	if (fault->kind != FAULT_NONE)
		sieve_run_fail_for(run, fault, "include \"%.80s\": %.120s",
				   name, fault->text);
	else if (!language_tagged(node, SLOT_OPTIONAL))
		sieve_run_fail(run, "include: there is no script \"%.80s\"",
			       name);
}

/* The script, or NULL: it is not to be run, or the run failed. */
static const struct sieve_script *
find(struct sieve_run *run, const struct ast_node *node, struct fault *fault)
{
	const struct sieve_message *message = run->message;
	const char *name = node->positional[0]->strings->text;
	const struct sieve_script *script = NULL;

	if (message->find_script)
		script = message->find_script(
			message->mailbox_context,
			(enum sieve_location)language_choice(
				node, SLOT_LOCATION, SIEVE_PERSONAL),
			name, fault);
	if (!script)
		find_fail(run, node, name, fault);
	return script;
}

static bool may_run(struct sieve_run *run, const struct ast_node *node,
		    const struct sieve_script *script)
{
	const struct sieve_settings *settings = run->message->settings;
	gpointer key = (gpointer)(uintptr_t)script;

	if (language_tagged(node, SLOT_ONCE) &&
	    g_hash_table_contains(run->included, key))
		return false;
	if (g_ptr_array_find(run->including, key, NULL))
		sieve_run_fail(run, "include: \"%s\" includes itself",
			       script->name);
	else if (run->including->len > depth_max(settings))
		sieve_run_fail(run, "scripts are included deeper than %u",
			       depth_max(settings));
	else if (++run->includes > includes_max(settings))
		sieve_run_fail(run, "more than %u scripts are included",
			       includes_max(settings));
	return !run->failed;
}

static void run_include(struct sieve_run *run, const struct ast_node *node)
{
	const struct sieve_script *around = run->script;
	struct sieve_place place = run->place;
	GHashTable *variables = run->variables;
	GHashTable *declared = run->declared;
	const struct sieve_script *script;
	struct fault fault = {0};

	sieve_run_spend(run, 10000); /* it is looked for */
	script = run->failed ? NULL : find(run, node, &fault);
	if (!script || !may_run(run, node, script))
		return;
	g_ptr_array_add(run->including, (gpointer)(uintptr_t)script);
	(void)g_hash_table_add(run->included, (gpointer)(uintptr_t)script);
	run->variables = sieve_variables_new();
	run->declared = sieve_names_new();
	run->script = script;
	sieve_run_block(run, script->commands);
	g_hash_table_unref(run->variables);
	g_hash_table_unref(run->declared);
	run->variables = variables;
	run->declared = declared;
	run->returned = false;
	if (run->failed || run->stopped)
		return; /* the place that decided is in there */
	g_ptr_array_set_size(run->including, (gint)run->including->len - 1);
	run->script = around;
	run->place = place;
}

/* Out of an included script; elsewhere it is a stop (section 3.3). */
static void run_return(struct sieve_run *run, const struct ast_node *node)
{
	(void)node;
	if (run->including->len > 1)
		run->returned = true;
	else
		run->stopped = true;
}

static int check_global(struct checker *checker, struct ast_node *node,
			const struct ast_node *previous)
{
	const struct ast_string *name = node->positional[0]->strings;

	(void)previous;
	if (checker_need(checker, EXTENSION_VARIABLES, node->place,
			 "the command global") < 0)
		return -1;
	for (; name; name = name->next) {
		g_autofree char *key = g_ascii_strdown(name->text, -1);

		if (name->is_dynamic || strchr(name->text, '.') ||
		    !sieve_variable_name_is_valid(name->text))
			return sieve_error_set(checker->error, name->place,
					       "\"%.40s\" is no name of a "
					       "variable",
					       name->text);
		if (g_hash_table_contains(checker->locals, key))
			return sieve_error_set(checker->error, name->place,
					       "the variable %.40s is in use "
					       "already, and local",
					       name->text);
		(void)g_hash_table_add(checker->globals, g_steal_pointer(&key));
	}
	return 0;
}

static void run_global(struct sieve_run *run, const struct ast_node *node)
{
	const struct ast_string *name = node->positional[0]->strings;

	for (; name; name = name->next)
		(void)g_hash_table_add(run->declared,
				       g_ascii_strdown(name->text, -1));
	if (g_hash_table_size(run->declared) > RUN_VARIABLES_MAX)
		sieve_run_fail(run, "more than %d variables",
			       RUN_VARIABLES_MAX);
}

const struct language_entry cmd_include = {
	.kind = LANGUAGE_COMMAND,
	.name = "include",
	.extension = EXTENSION_INCLUDE,
	.signature = "s",
	.look = LOOK_NOT,
	.tags = tags,
	.check = check_include,
	.run = run_include,
};

const struct language_entry cmd_return = {
	.kind = LANGUAGE_COMMAND,
	.name = "return",
	.extension = EXTENSION_INCLUDE,
	.signature = "",
	.look = LOOK_NOT,
	.run = run_return,
};

const struct language_entry cmd_global = {
	.kind = LANGUAGE_COMMAND,
	.name = "global",
	.extension = EXTENSION_INCLUDE,
	.signature = "S",
	.look = LOOK_NOT,
	.check = check_global,
	.run = run_global,
};
