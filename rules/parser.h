/*
 * Sieve's generic grammar, RFC 5228 section 8.2: knows no command by name.
 */
#ifndef OKAPI_RULES_PARSER_H
#define OKAPI_RULES_PARSER_H

#include "arena.h"
#include "ast.h"

/*
 * Called for each command as soon as its arguments, its tests and its ';' or
 * '{' were read, before its block is: so the first error in the text is the
 * first one found.  previous is the command before it in the same block.
 * Returns 0, or -1 with the error set.
 */
typedef int parser_command_fn(void *context, struct ast_node *command,
			      const struct ast_node *previous,
			      struct sieve_error *error);
/* Called when the block of a command was closed. */
typedef void parser_block_end_fn(void *context, const struct ast_node *command);

struct parser_hooks {
	parser_command_fn *command;
	parser_block_end_fn *block_end;
	void *context;
};

/* The commands of a script, in the arena; ret_commands may be NULL for an
 * empty script. */
NODISCARD int parser_parse(const char *text, size_t len,
			   struct sieve_arena *arena,
			   const struct parser_hooks *hooks,
			   struct ast_node **ret_commands,
			   struct sieve_error *error);

#endif
