/*
 * redirect, RFC 5228 section 4.2; :copy of RFC 3894.
 */
#include "checker.h"
#include "entries.h"
#include "run.h"

static const struct language_tag redirect_tags[] = {
	{"copy", SLOT_COPY, 0, 0, EXTENSION_COPY},
	{0},
};

static const struct language_tag *const tags[] = {redirect_tags, NULL};

static int check_redirect(struct checker *checker, struct ast_node *node,
			  const struct ast_node *previous)
{
	(void)previous;
	return checker_targets(checker, node->positional[0]);
}

static void run_redirect(struct sieve_run *run, const struct ast_node *node)
{
	const char *text = sieve_run_text(run, node->positional[0]);
	g_autofree char *address = sieve_run_target(run, "redirect", text);

	if (!address)
		return;
	sieve_run_act(run, &(struct run_action){
				   .kind = SIEVE_REDIRECT,
				   .argument = address,
				   .copy = language_tagged(node, SLOT_COPY),
			   });
}

const struct language_entry cmd_redirect = {
	.kind = LANGUAGE_COMMAND,
	.name = "redirect",
	.signature = "s",
	.first = "address",
	.look = LOOK_NOT,
	.tags = tags,
	.check = check_redirect,
	.run = run_redirect,
};
