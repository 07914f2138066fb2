/*
 * The front of the room: compiling scripts, showing errors, evaluating.
 */
#include "sieve.h"

#include "checker.h"
#include "flags.h"
#include "include.h"
#include "parser.h"
#include "plan.h"
#include "run.h"
#include "variable.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Of a line that is shown: characters at most, and before the fault. */
#define SHOWN_MAX    120
#define SHOWN_BEFORE 80
#define SHOWN_CUT    "..."

void sieve_clean_text(char *text)
{
	const char *invalid = NULL;

	while (!g_utf8_validate(text, -1, &invalid))
		text[invalid - text] = '?';
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = ' ';
}

int sieve_error_set(struct sieve_error *error, struct sieve_place place,
		    const char *format, ...)
{
	va_list args;

	error->line = place.line;
	error->column = place.column;
	va_start(args, format);
	(void)vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	sieve_clean_text(error->text);
	return -1;
}

/* ---- compiling ----------------------------------------------------------- */

static void hook_command(void *context, struct ast_node *command,
			 const struct ast_node *previous)
{
	checker_command(context, command, previous);
}

static void hook_faulty(void *context, struct ast_node *command)
{
	checker_faulty(context, command);
}

static bool hook_error(void *context, const struct sieve_error *error)
{
	struct checker *checker = context;

	*checker->error = *error;
	checker_note(checker);
	return checker->errors->len < SIEVE_ERRORS_MAX;
}

static void hook_block_end(void *context, const struct ast_node *command)
{
	checker_block_end(context, command);
}

static void compile(struct sieve_script *script, const char *text, size_t len,
		    struct checker *checker)
{
	const struct parser_hooks hooks = {
		.command = hook_command,
		.faulty = hook_faulty,
		.block_end = hook_block_end,
		.error = hook_error,
		.context = checker,
	};

	if (len > SIEVE_SCRIPT_MAX) {
		(void)sieve_error_set(checker->error,
				      (struct sieve_place){1, 1},
				      "the script is longer than %d octets",
				      SIEVE_SCRIPT_MAX);
		checker_note(checker);
		return;
	}
	script->commands = parser_parse(text, len, script->arena, &hooks);
	script->enabled = checker->enabled;
	script->needs = checker->needs;
	g_ptr_array_add(script->fields, NULL);
	script->includes = checker->includes;
}

struct sieve_script *
sieve_compile_all(const char *name, const char *text, size_t len,
		  const struct sieve_compile_options *options,
		  GArray *ret_errors)
{
	struct sieve_script *script = g_new0(struct sieve_script, 1);
	g_autoptr(GPtrArray) unknown = g_ptr_array_new();
	g_autoptr(GPtrArray) loops = g_ptr_array_new();
	g_autoptr(GHashTable) locals = sieve_names_new();
	g_autoptr(GHashTable) globals = sieve_names_new();
	struct sieve_error error = {0};
	guint before = ret_errors->len;
	struct checker checker = {
		.error = &error,
		.errors = ret_errors,
		.unknown = unknown,
		.options = options,
		.name = name,
		.loops = loops,
		.locals = locals,
		.globals = globals,
	};
	unsigned includes = 0;

	script->name = g_strdup(name);
	script->arena = checker.arena = sieve_arena_new();
	script->fields = checker.fields = g_ptr_array_new();
	checker.includes_tail = &checker.includes;
	checker.include_count = options && options->includer
					? options->includer->count
					: &includes;
	compile(script, text, len, &checker);
	if (ret_errors->len == before)
		return script;
	sieve_script_free(script);
	return NULL;
}

struct sieve_script *sieve_compile(const char *name, const char *text,
				   size_t len, struct sieve_error *ret_error,
				   struct fault *fault)
{
	g_autoptr(GArray) errors =
		g_array_new(FALSE, FALSE, sizeof(struct sieve_error));
	struct sieve_script *script =
		sieve_compile_all(name, text, len, NULL, errors);
	const struct sieve_error *first;

	if (script)
		return script;
	first = &g_array_index(errors, struct sieve_error, 0);
	if (ret_error)
		*ret_error = *first;
	(void)fault_set(fault, FAULT_REFUSED_INPUT, "%u:%u: %s", first->line,
			first->column, first->text);
	return NULL;
}

void sieve_script_free(struct sieve_script *script)
{
	if (!script)
		return;
	sieve_arena_free(script->arena);
	g_ptr_array_unref(script->fields);
	g_free(script->name);
	g_free(script);
}

size_t sieve_script_size(const struct sieve_script *script)
{
	return sizeof(*script) + sieve_arena_size(script->arena);
}

bool sieve_script_include(const struct sieve_script *script, size_t i,
			  enum sieve_location *ret_location,
			  const char **ret_name)
{
	const struct sieve_include *include = script->includes;

	while (include && i-- > 0)
		include = include->next;
	if (!include)
		return false;
	*ret_location = include->location;
	*ret_name = include->name;
	return true;
}

enum sieve_needs sieve_script_needs(const struct sieve_script *script)
{
	return script->needs;
}

const char *const *sieve_script_fields(const struct sieve_script *script)
{
	return (const char *const *)script->fields->pdata;
}

/* What a terminal might take for a command. */
static bool is_control(char octet)
{
	return ((unsigned char)octet < 0x20 && octet != '\t') || octet == 0x7f;
}

static bool is_first_octet(char octet)
{
	return ((unsigned char)octet & 0xc0u) != 0x80u;
}

/* The line of a text, without its line end. */
static const char *find_line(const char *text, const char *end, unsigned number,
			     const char **ret_end)
{
	const char *line_end;

	for (unsigned line = 1; line < number; line++) {
		const char *next = memchr(text, '\n', (size_t)(end - text));

		if (!next)
			break;
		text = next + 1;
	}
	if (end - text >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		text += 3;
	line_end = memchr(text, '\n', (size_t)(end - text));
	if (!line_end)
		line_end = end;
	if (line_end > text && line_end[-1] == '\r')
		line_end--;
	*ret_end = line_end;
	return text;
}

/* Behind so many characters. */
static const char *skip_characters(const char *text, const char *end,
				   unsigned count)
{
	while (text < end && count > 0)
		for (text++, count--; text < end && !is_first_octet(*text);)
			text++;
	return text;
}

char *sieve_error_show(const char *text, size_t len,
		       const struct sieve_error *error)
{
	const char *end;
	const char *line = find_line(text, text + len, error->line, &end);
	unsigned skipped =
		error->column > SHOWN_BEFORE ? error->column - SHOWN_BEFORE : 0;
	const char *start = skip_characters(line, end, skipped);
	const char *stop = skip_characters(start, end, SHOWN_MAX);
	GString *shown = g_string_new(skipped ? SHOWN_CUT : NULL);
	const char *at;

	for (at = start; at < stop; at++)
		g_string_append_c(shown, is_control(*at) ? '?' : *at);
	g_string_append(shown, stop < end ? SHOWN_CUT "\n" : "\n");
	/* The blanks before the caret are as wide as what stands above. */
	if (skipped)
		g_string_append(shown, "   ");
	for (at = start; ++skipped < error->column && at < stop;) {
		g_string_append_c(shown, *at == '\t' ? '\t' : ' ');
		at = skip_characters(at, stop, 1);
	}
	g_string_append(shown, "^\n");
	return g_string_free(shown, FALSE);
}

/* ---- evaluating ---------------------------------------------------------- */

/* What a script decided behind an error must not be the mail's end. */
static void drop_refusals(struct sieve_run *run)
{
	for (guint i = run->pending->len; i-- > 0;) {
		struct sieve_action *action = run->pending->pdata[i];

		if (action->kind == SIEVE_REJECT ||
		    action->kind == SIEVE_DISCARD) {
			sieve_action_free(action);
			(void)g_ptr_array_remove_index(run->pending, i);
		}
	}
}

/* Puts what a script decided into the plan. */
static void commit(struct sieve_run *run)
{
	struct sieve_plan *plan = run->plan;

	if (run->keeps)
		drop_refusals(run);
	for (guint i = 0; i < run->pending->len; i++) {
		struct sieve_action *action = run->pending->pdata[i];
		struct sieve_action *same =
			sieve_action_find_same(plan->actions, action);

		if (same) {
			sieve_action_merge(same, action);
			sieve_action_free(action);
		} else {
			g_ptr_array_add(plan->actions, action);
		}
	}
	g_ptr_array_set_size(run->pending, 0);
	for (guint i = 0; i < run->marks->len; i++)
		g_ptr_array_add(plan->marks, run->marks->pdata[i]);
	g_ptr_array_set_size(run->marks, 0);
	if (run->cancels_keep)
		plan->implicit_keep = false;
	plan->stopped = run->stopped;
	if (run->acted) {
		plan->rule = run->script->name;
		plan->line = run->acted;
	}
}

static void roll_back(struct sieve_run *run, GPtrArray *flags_before,
		      guint categories_before,
		      const struct propset *properties_before,
		      struct sieve_edit *edit_before)
{
	for (guint i = 0; i < run->pending->len; i++)
		sieve_action_free(run->pending->pdata[i]);
	g_ptr_array_set_size(run->pending, 0);
	for (guint i = 0; i < run->marks->len; i++)
		sieve_mark_free(run->marks->pdata[i]);
	g_ptr_array_set_size(run->marks, 0);
	g_ptr_array_unref(run->flags);
	run->flags = g_ptr_array_ref(flags_before);
	g_ptr_array_set_size(run->categories, (gint)categories_before);
	g_clear_pointer(&run->properties, propset_free);
	sieve_properties_merge(&run->properties, properties_before);
	g_clear_pointer(&run->edit, sieve_edit_unref);
	if (edit_before)
		run->edit = sieve_edit_ref(edit_before);
	run->stopped = false;
}

static void *copy_flag(const void *flag, void *context)
{
	(void)context;
	return g_strdup(flag);
}

static void run_script(struct sieve_run *run, const struct sieve_script *script)
{
	g_autoptr(GPtrArray) flags_before = run->flags; /* moved here */
	guint categories_before = run->categories->len;
	struct propset *properties_before = NULL;
	struct sieve_edit *edit_before =
		run->edit ? sieve_edit_ref(run->edit) : NULL;

	sieve_properties_merge(&properties_before, run->properties);
	run->flags = g_ptr_array_copy(flags_before, copy_flag, NULL);
	run->script = script;
	run->returned = false;
	run->part = -1;
	run->loops = 0;
	run->breaking = NULL;
	g_ptr_array_add(run->including, (gpointer)(uintptr_t)script);
	run->arena = sieve_arena_new();
	run->place = (struct sieve_place){1, 1};
	run->cancels_keep = false;
	run->acted = 0;
	run->failed = false;
	run->keeps = false;
	run->steps = 0;
	sieve_run_block(run, script->commands);
	if (run->failed)
		roll_back(run, flags_before, categories_before,
			  properties_before, edit_before);
	else
		commit(run);
	sieve_run_set_matches(run, NULL, 0);
	sieve_arena_free(run->arena);
	g_ptr_array_set_size(run->including, 0);
	propset_free(properties_before);
	if (edit_before)
		sieve_edit_unref(edit_before);
}

/* A keep that has flags to set is one of the actions. */
static void add_keep(struct sieve_run *run, bool any_failed)
{
	struct sieve_plan *plan = run->plan;
	struct sieve_action *keep;

	if (any_failed && sieve_action_count(plan->actions, SIEVE_REJECT) == 0)
		plan->implicit_keep = true;
	if (!plan->implicit_keep)
		return;
	keep = sieve_action_new(SIEVE_KEEP);
	if (sieve_action_find_same(plan->actions, keep)) {
		plan->implicit_keep = false; /* it is kept already */
	} else if (run->flags->len > 0 || run->categories->len > 0 ||
		   run->edit || run->properties) {
		for (guint i = 0; i < run->flags->len; i++)
			g_ptr_array_add(keep->flags,
					g_strdup(run->flags->pdata[i]));
		sieve_run_set(run, keep);
		if (run->edit)
			keep->edit = sieve_edit_ref(run->edit);
		keep->rule = plan->rule;
		keep->line = plan->line;
		g_ptr_array_add(plan->actions, g_steal_pointer(&keep));
		plan->implicit_keep = false;
	}
	sieve_action_free(keep);
}

struct sieve_plan *sieve_run_take_plan(struct sieve_run *run)
{
	struct sieve_plan *around = run->plan;
	struct sieve_plan *taken = sieve_plan_new();

	run->plan = taken;
	commit(run);
	add_keep(run, false);
	run->plan = around;
	run->cancels_keep = false;
	return taken;
}

/* Which rules still run (MS-OXORULE 3.2.1.2, ST_EXIT_LEVEL). */
enum run_level {
	LEVEL_ALL,
	LEVEL_OOF,
	LEVEL_SITE,
};

static bool is_level(unsigned flags, enum run_level level)
{
	return level == LEVEL_ALL || (flags & SIEVE_OF_SITE) ||
	       (level == LEVEL_OOF && (flags & SIEVE_ONLY_WHEN_OOF));
}

static enum run_level lower_level(unsigned flags, enum run_level level)
{
	if (!(flags & SIEVE_EXIT_LEVEL))
		return level;
	return flags & SIEVE_ONLY_WHEN_OOF ? LEVEL_SITE : MAX(level, LEVEL_OOF);
}

struct sieve_plan *sieve_evaluate(const struct sieve_rule *rules, size_t count,
				  const struct sieve_message *message,
				  sieve_error_fn *on_error, void *context)
{
	struct sieve_run run = {
		.message = message,
		.plan = sieve_plan_new(),
		.variables = sieve_variables_new(),
		.globals = sieve_variables_new(),
		.declared = sieve_names_new(),
		.including = g_ptr_array_new(),
		.included = g_hash_table_new(NULL, NULL),
		.flags = sieve_flags_new(),
		.categories = sieve_flags_new(),
		.pending = g_ptr_array_new(),
		.marks = g_ptr_array_new(),
	};
	enum run_level level = LEVEL_ALL;
	bool any_failed = false;

	for (size_t i = 0; i < count && !run.stopped; i++) {
		if (!is_level(rules[i].flags, level))
			continue;
		run_script(&run, rules[i].script);
		if (!run.failed && run.acted)
			level = lower_level(rules[i].flags, level);
		if (!run.failed && !run.keeps)
			continue;
		any_failed = true;
		run.plan->is_partial = run.plan->is_partial || run.failed;
		if (on_error)
			on_error(context, rules[i].script->name, run.failed,
				 &run.fault);
	}
	add_keep(&run, any_failed);
	g_hash_table_unref(run.variables);
	g_hash_table_unref(run.globals);
	g_hash_table_unref(run.declared);
	g_hash_table_unref(run.included);
	g_ptr_array_unref(run.including);
	if (run.edit)
		sieve_edit_unref(run.edit);
	propset_free(run.properties);
	g_ptr_array_unref(run.flags);
	g_ptr_array_unref(run.categories);
	g_ptr_array_unref(run.pending);
	g_ptr_array_unref(run.marks);
	return run.plan;
}
