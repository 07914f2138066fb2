/*
 * reject and ereject, RFC 5429.  Over LMTP both are the same: the reply to
 * this recipient.
 */
#include "entries.h"
#include "run.h"

static void run_reject(struct sieve_run *run, const struct ast_node *node)
{
	sieve_run_act(run, &(struct run_action){
				   .kind = SIEVE_REJECT,
				   .argument = sieve_run_text(
					   run, node->positional[0]),
			   });
}

const struct language_entry cmd_reject = {
	.kind = LANGUAGE_COMMAND,
	.name = "reject",
	.extension = EXTENSION_REJECT,
	.signature = "s",
	.look = LOOK_NOT,
	.run = run_reject,
};

const struct language_entry cmd_ereject = {
	.kind = LANGUAGE_COMMAND,
	.name = "ereject",
	.extension = EXTENSION_EREJECT,
	.signature = "s",
	.look = LOOK_NOT,
	.run = run_reject,
};
