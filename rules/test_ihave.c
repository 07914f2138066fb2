/*
 * ihave and error, RFC 5463.
 */
#include "checker.h"
#include "entries.h"
#include "run.h"

#include <string.h>

/* What is done to strings while the script is read cannot depend on a test
 * (RFC 5463 section 4). */
static bool may_ask(const char *name)
{
	enum extension extension = extension_find(name);

	return extension != EXTENSION_NONE &&
	       extension != EXTENSION_VARIABLES &&
	       extension != EXTENSION_ENCODED_CHARACTER;
}

static bool has_all(const struct ast_node *node)
{
	for (const struct ast_string *name = node->positional[0]->strings; name;
	     name = name->next)
		if (!may_ask(name->text))
			return false;
	return true;
}

/* What it asks for is enabled from here on, if there is all of it. */
static int check_ihave(struct checker *checker, struct ast_node *node,
		       const struct ast_node *previous)
{
	(void)previous;
	checker->saw_ihave = true;
	if (!has_all(node))
		return 0;
	for (const struct ast_string *name = node->positional[0]->strings; name;
	     name = name->next)
		checker->enabled |= extension_bits(extension_find(name->text));
	return 0;
}

static bool run_ihave(struct sieve_run *run, const struct ast_node *node)
{
	(void)run;
	return has_all(node);
}

static void run_error(struct sieve_run *run, const struct ast_node *node)
{
	sieve_run_fail(run, "%s", sieve_run_text(run, node->positional[0]));
}

const struct language_entry test_ihave = {
	.kind = LANGUAGE_TEST,
	.name = "ihave",
	.extension = EXTENSION_IHAVE,
	.signature = "S",
	.look = LOOK_NOT,
	.check = check_ihave,
	.test = run_ihave,
};

const struct language_entry cmd_error = {
	.kind = LANGUAGE_COMMAND,
	.name = "error",
	.extension = EXTENSION_IHAVE,
	.signature = "s",
	.look = LOOK_NOT,
	.run = run_error,
};
