/*
 * if, elsif, else, RFC 5228 section 3.1.
 */
#include "checker.h"
#include "entries.h"
#include "run.h"

#include <string.h>

/* Runs the first branch of the chain whose test holds. */
static void run_if(struct sieve_run *run, const struct ast_node *node)
{
	const struct ast_node *branch = node;

	for (;;) {
		run->place = branch->place;
		if (branch->deferred_error)
			sieve_run_fail(run, "%s", branch->deferred_error);
		if (run->failed)
			return;
		if (!branch->tests || sieve_run_test(run, branch->tests)) {
			if (!run->failed)
				sieve_run_block(run, branch->block);
			return;
		}
		branch = branch->next;
		if (!branch ||
		    (branch->entry != &cmd_elsif && branch->entry != &cmd_else))
			return;
	}
}

/* Was looked at by the if it belongs to. */
static void run_branch(struct sieve_run *run, const struct ast_node *node)
{
	(void)run;
	(void)node;
}

static int check_branch(struct checker *checker, struct ast_node *node,
			const struct ast_node *previous)
{
	if (previous && (strcmp(previous->name, "if") == 0 ||
			 strcmp(previous->name, "elsif") == 0))
		return 0;
	return sieve_error_set(checker->error, node->place,
			       "%s must follow an if or elsif", node->name);
}

const struct language_entry cmd_if = {
	.kind = LANGUAGE_COMMAND,
	.name = "if",
	.signature = "",
	.look = LOOK_NOT,
	.tests = TESTS_ONE,
	.has_block = true,
	.run = run_if,
};

const struct language_entry cmd_elsif = {
	.kind = LANGUAGE_COMMAND,
	.name = "elsif",
	.signature = "",
	.look = LOOK_NOT,
	.tests = TESTS_ONE,
	.has_block = true,
	.check = check_branch,
	.run = run_branch,
};

const struct language_entry cmd_else = {
	.kind = LANGUAGE_COMMAND,
	.name = "else",
	.signature = "",
	.look = LOOK_NOT,
	.has_block = true,
	.check = check_branch,
	.run = run_branch,
};
