/*
 * What the parser makes of a script: commands, tests and arguments as the
 * generic grammar of RFC 5228 section 8.2 has them.  The checker then adds
 * what they mean.  Everything lives in the arena of the script.
 */
#ifndef OKAPI_RULES_AST_H
#define OKAPI_RULES_AST_H

#include "sieve.h"

/* Counted from 1; columns in characters. */
struct sieve_place {
	unsigned line;
	unsigned column;
};

struct ast_string {
	struct ast_string *next;
	const char *text; /* UTF-8 unless encoded-character made it not so */
	struct sieve_place place;
	bool is_dynamic; /* has variables to be put in (RFC 5229) */
	bool is_faulty;  /* was told as wrong; then it is dynamic, too */
	GRegex *regex;   /* of a constant key of :regex */
};

enum ast_kind {
	AST_STRINGS, /* a string, or a list of them */
	AST_NUMBER,
	AST_TAG,
};

struct ast_argument {
	struct ast_argument *next;
	enum ast_kind kind;
	struct sieve_place place;
	int64_t number;
	const char *tag; /* lower case, without its colon */
	struct ast_string *strings;
	bool is_list; /* stood in brackets */
};

/* A tagged argument after checking. */
struct ast_tagged {
	struct ast_tagged *next;
	int slot; /* enum language_slot */
	int choice;
	struct sieve_place place;
	const struct ast_argument *argument; /* of the tag, or NULL */
};

#define AST_POSITIONAL_MAX 4

/* A command or a test: the grammar gives them one shape. */
struct ast_node {
	struct ast_node *next; /* in its block or test list */
	const char *name;      /* lower case */
	struct sieve_place place;
	struct ast_argument *arguments;
	struct ast_node *tests;
	bool is_test_list; /* tests stood in parentheses */
	struct ast_node *block;
	bool has_block;

	/* From the checker. */
	const struct language_entry *entry;
	struct ast_tagged *tagged;
	const struct ast_argument *positional[AST_POSITIONAL_MAX];
	const struct ast_node *loop; /* break: the one it ends */
	int comparator;              /* enum comparator */
	int relation;                /* enum relation, for :value and :count */
	uint32_t tag;                /* property: 0 if its name is dynamic */
	const char *deferred_error;  /* ihave (RFC 5463): fails if it is run */
};

/* Sets error, "first error wins" is up to the caller; returns -1. */
int sieve_error_set(struct sieve_error *error, struct sieve_place place,
		    const char *format, ...) PRINTF_LIKE(3, 4);

/* Makes one line of valid UTF-8 of it, in place: strings of a script may be
 * quoted in it, and cut. */
void sieve_clean_text(char *text);

#endif
