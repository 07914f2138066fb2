/*
 * The meaning of a script: known commands, right arguments, everything
 * required that is used.
 */
#ifndef OKAPI_RULES_CHECKER_H
#define OKAPI_RULES_CHECKER_H

#include "arena.h"
#include "language.h"

struct checker {
	struct sieve_arena *arena;
	struct sieve_error *error; /* what is wrong now */
	GArray *errors;     /* of struct sieve_error: all of the script */
	GPtrArray *unknown; /* names that were told as unknown */
	const struct sieve_compile_options *options;
	uint64_t enabled;   /* EXTENSION_BIT() of what was required */
	bool past_requires; /* a command other than require was seen */
	enum sieve_needs needs;
	GPtrArray *fields; /* that are looked at: of the arena's char * */
	unsigned regexes;  /* that were compiled */
	unsigned ihave;    /* blocks around that depend on ihave */
	bool saw_ihave;    /* in the tests of this command */
	struct sieve_include *includes; /* in the order of the text */
	struct sieve_include **includes_tail;
	unsigned *include_count; /* of the main script */
	GPtrArray *loops;    /* of struct ast_node: around, outermost first */
	const char *name;    /* of the script */
	GHashTable *locals;  /* variables that were set here */
	GHashTable *globals; /* and those that are declared global */
};

/* A command and its tests, in the order of the text (parser_command_fn); what
 * is wrong is added to errors. */
void checker_command(struct checker *checker, struct ast_node *command,
		     const struct ast_node *previous);
/* A command whose arguments the grammar does not have: is its name, at least,
 * one that there is? */
void checker_faulty(struct checker *checker, struct ast_node *command);
/* Adds what was set last to errors, for those who find several. */
void checker_note(struct checker *checker);
void checker_block_end(struct checker *checker, const struct ast_node *command);

/* The script looks at that. */
void checker_needs(struct checker *checker, enum sieve_needs needs);
/* The script looks at the header field of that name. */
void checker_looks_at(struct checker *checker, const char *name);
/* Likewise, each of an argument: one with variables may be any. */
void checker_looks_at_all(struct checker *checker,
			  const struct ast_argument *names);
bool checker_enables(const struct checker *checker, enum extension extension);
/* Fails unless the extension is enabled; what is "the tag :copy" or such. */
NODISCARD int checker_need(struct checker *checker, enum extension extension,
			   struct sieve_place place, const char *what);

/* Constant strings only; each fails at the first string that is not right and
 * passes over dynamic ones. */
NODISCARD int checker_header_names(struct checker *checker,
				   const struct ast_argument *argument);
/* Each is a mailbox that mail can go to. */
NODISCARD int checker_targets(struct checker *checker,
			      const struct ast_argument *argument);
/* RFC 8579: each begins with a backslash. */
NODISCARD int checker_special_uses(struct checker *checker,
				   const struct ast_argument *argument);

#endif
