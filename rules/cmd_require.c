/*
 * require, RFC 5228 section 3.2.
 */
#include "checker.h"
#include "entries.h"
#include "run.h"

#include <string.h>

static bool is_host(const struct checker *checker,
		    const struct ast_string *string)
{
	return checker->options && checker->options->host_extension &&
	       strcmp(checker->options->host_extension, string->text) == 0;
}

static int check_require(struct checker *checker, struct ast_node *node,
			 const struct ast_node *previous)
{
	(void)previous;
	if (checker->past_requires)
		return sieve_error_set(
			checker->error, node->place,
			"require must stand before all other commands");
	for (const struct ast_string *string = node->positional[0]->strings;
	     string; string = string->next) {
		enum extension extension = extension_find(string->text);

		if (extension == EXTENSION_NONE && is_host(checker, string))
			extension = EXTENSION_HOST;
		if (extension == EXTENSION_NONE) {
			(void)sieve_error_set(checker->error, string->place,
					      "unknown extension \"%.80s\"",
					      string->text);
			checker_note(checker);
			continue;
		}
		checker->enabled |= extension_bits(extension);
	}
	return 0;
}

static void run_require(struct sieve_run *run, const struct ast_node *node)
{
	(void)run;
	(void)node;
}

const struct language_entry cmd_require = {
	.kind = LANGUAGE_COMMAND,
	.name = "require",
	.signature = "S",
	.look = LOOK_NOT,
	.check = check_require,
	.run = run_require,
};
