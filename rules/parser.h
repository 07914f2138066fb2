/*
 * Sieve's generic grammar, RFC 5228 section 8.2: knows no command by name.
 */
#ifndef OKAPI_RULES_PARSER_H
#define OKAPI_RULES_PARSER_H

#include "arena.h"
#include "ast.h"

/*
 * Called for each command as soon as its arguments, its tests and its ';' or
 * '{' were read, before its block is: so errors are found in the order of the
 * text.  previous is the command before it in the same block.
 */
typedef void parser_command_fn(void *context, struct ast_node *command,
			       const struct ast_node *previous);
/* Called for a command whose arguments or tests were wrong. */
typedef void parser_faulty_fn(void *context, struct ast_node *command);
/* Called when the block of a command was closed. */
typedef void parser_block_end_fn(void *context, const struct ast_node *command);
/* What is wrong in the grammar; false ends the parser, otherwise it goes on
 * behind the command that has the error. */
typedef bool parser_error_fn(void *context, const struct sieve_error *error);

struct parser_hooks {
	parser_command_fn *command;
	parser_faulty_fn *faulty;
	parser_block_end_fn *block_end;
	parser_error_fn *error;
	void *context;
};

/* The commands of a script, in the arena; NULL for an empty one.  Of use if no
 * error was told. */
struct ast_node *parser_parse(const char *text, size_t len,
			      struct sieve_arena *arena,
			      const struct parser_hooks *hooks);

#endif
