/*
 * discard, RFC 5228 section 4.4: cancels the implicit keep and nothing else.
 */
#include "entries.h"
#include "run.h"

static void run_discard(struct sieve_run *run, const struct ast_node *node)
{
	(void)node;
	sieve_run_act(run, &(struct run_action){.kind = SIEVE_DISCARD});
}

const struct language_entry cmd_discard = {
	.kind = LANGUAGE_COMMAND,
	.name = "discard",
	.signature = "",
	.look = LOOK_NOT,
	.run = run_discard,
};
