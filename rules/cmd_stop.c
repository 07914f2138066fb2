/*
 * stop, RFC 5228 section 3.3: ends all scripts.
 */
#include "entries.h"
#include "run.h"

static void run_stop(struct sieve_run *run, const struct ast_node *node)
{
	(void)node;
	run->stopped = true;
	run->acted = run->place.line;
}

const struct language_entry cmd_stop = {
	.kind = LANGUAGE_COMMAND,
	.name = "stop",
	.signature = "",
	.look = LOOK_NOT,
	.run = run_stop,
};
