/*
 * extracttext, RFC 5703 section 7: the text of the part at hand as a variable.
 */
#include "checker.h"
#include "entries.h"
#include "mime.h"
#include "modifier.h"
#include "variable.h"

static const struct language_tag first_tags[] = {
	{"first", SLOT_LIMIT, 0, 'n', EXTENSION_NONE},
	{0},
};

static const struct language_tag *const tags[] = {
	language_modifier_tags,
	first_tags,
	NULL,
};

static int check_extracttext(struct checker *checker, struct ast_node *node,
			     const struct ast_node *previous)
{
	(void)previous;
	if (checker_need(checker, EXTENSION_VARIABLES, node->place,
			 "extracttext") < 0)
		return -1;
	if (checker->loops->len == 0)
		return sieve_error_set(checker->error, node->place,
				       "extracttext is outside of a loop");
	return sieve_variable_declare(checker, node->positional[0]->strings);
}

static void run_extracttext(struct sieve_run *run, const struct ast_node *node)
{
	const struct ast_tagged *first = language_tagged(node, SLOT_LIMIT);
	const struct mime_part *part =
		propset_part(run->message->set, (size_t)run->part);
	g_autofree char *text = sieve_mime_text(
		run, part, first ? first->argument->number : INT64_MAX);
	g_autofree char *value = sieve_modify(run, node, text);

	if (!run->failed)
		sieve_variable_set(run, node->positional[0]->strings->text,
				   value);
}

const struct language_entry cmd_extracttext = {
	.kind = LANGUAGE_COMMAND,
	.name = "extracttext",
	.extension = EXTENSION_EXTRACTTEXT,
	.signature = "s",
	.first = "name of a variable",
	.tags = tags,
	.check = check_extracttext,
	.run = run_extracttext,
};
