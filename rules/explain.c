/*
 * Steps of an evaluation, written down.
 */
#include "explain.h"

#include "field.h"
#include "run.h"

#include <string.h>

static void free_step(void *data)
{
	struct sieve_step *step = data;

	g_free(step->rule);
	g_free(step->text);
	g_ptr_array_unref(step->values);
	g_free(step);
}

struct sieve_explanation *sieve_explanation_new(void)
{
	struct sieve_explanation *explanation =
		g_new0(struct sieve_explanation, 1);

	explanation->steps = g_ptr_array_new_with_free_func(free_step);
	return explanation;
}

void sieve_explanation_free(struct sieve_explanation *explanation)
{
	if (!explanation)
		return;
	g_ptr_array_unref(explanation->steps);
	g_free(explanation);
}

void sieve_explanation_reset(struct sieve_explanation *explanation)
{
	g_ptr_array_set_size(explanation->steps, 0);
	explanation->open = NULL;
	explanation->depth = 0;
	explanation->is_cut = false;
}

/* ---- text of a node ------------------------------------------------------ */

static void put_argument(GString *out, const struct ast_argument *argument)
{
	const struct ast_string *string = argument->strings;

	switch (argument->kind) {
	case AST_TAG:
		g_string_append_printf(out, " :%s", argument->tag);
		return;
	case AST_NUMBER:
		g_string_append_printf(out, " %" G_GINT64_FORMAT,
				       argument->number);
		return;
	case AST_STRINGS:
		break;
	}
	g_string_append(out, argument->is_list ? " [" : " ");
	for (; string; string = string->next) {
		field_append_quoted(out, string->text);
		if (string->next)
			g_string_append(out, ", ");
	}
	g_string_append(out, argument->is_list ? "]" : "");
}

/* At most limit octets on one line; owned. */
static char *cut(const char *text, size_t limit)
{
	g_autofree char *valid = g_utf8_make_valid(text, -1);
	size_t len = strlen(valid);

	for (char *c = valid; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = ' ';
	if (len <= limit)
		return g_steal_pointer(&valid);
	*g_utf8_find_prev_char(valid, valid + limit) = '\0';
	return g_strconcat(valid, "...", NULL);
}

static char *node_text(const struct ast_node *node)
{
	g_autoptr(GString) out = g_string_new(node->name);
	const struct ast_argument *argument = node->arguments;

	for (; argument; argument = argument->next)
		put_argument(out, argument);
	return cut(out->str, 4 * EXPLAIN_VALUE_MAX);
}

/* ---- steps --------------------------------------------------------------- */

static struct sieve_step *add_step(struct sieve_run *run,
				   const struct ast_node *node)
{
	struct sieve_explanation *explanation = run->message->explanation;
	struct sieve_step *step;

	if (explanation->steps->len >= EXPLAIN_STEPS_MAX) {
		explanation->is_cut = true;
		return NULL;
	}
	step = g_new0(struct sieve_step, 1);
	step->rule = g_strdup(run->script->name);
	step->line = node->place.line;
	step->depth = explanation->depth;
	step->text = node_text(node);
	step->values = g_ptr_array_new_with_free_func(g_free);
	g_ptr_array_add(explanation->steps, step);
	return step;
}

struct sieve_step *sieve_explain_begin(struct sieve_run *run,
				       const struct ast_node *test)
{
	struct sieve_explanation *explanation = run->message->explanation;
	struct sieve_step *around;

	if (!explanation)
		return NULL;
	around = explanation->open;
	explanation->open = add_step(run, test);
	if (explanation->open) {
		explanation->open->is_test = true;
		explanation->open->compares = test->entry->has_match;
	}
	explanation->depth++;
	return around;
}

void sieve_explain_end(struct sieve_run *run, struct sieve_step *around,
		       bool result)
{
	struct sieve_explanation *explanation = run->message->explanation;

	if (!explanation)
		return;
	if (explanation->open)
		explanation->open->result = result;
	explanation->open = around;
	explanation->depth--;
}

void sieve_explain_action(struct sieve_run *run, const struct ast_node *node)
{
	if (run->message->explanation && node->entry->tests == TESTS_NONE &&
	    !node->entry->has_block && strcmp(node->name, "require") != 0)
		(void)add_step(run, node);
}

void sieve_explain_value(struct sieve_run *run, const char *value)
{
	struct sieve_explanation *explanation = run->message->explanation;
	struct sieve_step *open = explanation ? explanation->open : NULL;
	g_autofree char *shown = NULL;

	if (!open || open->values->len >= EXPLAIN_VALUES_MAX)
		return;
	shown = cut(value, EXPLAIN_VALUE_MAX);
	for (guint i = 0; i < open->values->len; i++)
		if (strcmp(open->values->pdata[i], shown) == 0)
			return;
	g_ptr_array_add(open->values, g_steal_pointer(&shown));
}

void sieve_explain_octets(struct sieve_run *run, const unsigned char *octets,
			  size_t len)
{
	g_autofree char *text = NULL;

	if (!run->message->explanation)
		return;
	text = g_base64_encode(octets, MIN(len, EXPLAIN_VALUE_MAX));
	sieve_explain_value(run, text);
}

void sieve_explain_number(struct sieve_run *run, int64_t value)
{
	char text[24];

	(void)g_snprintf(text, sizeof(text), "%" G_GINT64_FORMAT, value);
	sieve_explain_value(run, text);
}
