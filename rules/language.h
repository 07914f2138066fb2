/*
 * The language: every command and test with its syntax, what it needs, and
 * how it is checked and run.  One file each (cmd_..., test_...) says what it
 * is; language.c lists them.
 */
#ifndef OKAPI_RULES_LANGUAGE_H
#define OKAPI_RULES_LANGUAGE_H

#include "ast.h"
#include "comparator.h"
#include "extension.h"

struct checker;
struct sieve_run;

/* What a tagged argument decides; of each at most one may be given. */
enum language_slot {
	SLOT_NONE,
	SLOT_MATCH, /* choice: enum match_type */
	SLOT_COMPARATOR,
	SLOT_ADDRESS_PART, /* choice: enum address_part */
	SLOT_COPY,
	SLOT_CREATE,
	SLOT_SPECIAL_USE,
	SLOT_FLAGS,
	SLOT_LIMIT, /* size: choice < 0 under, > 0 over */
	SLOT_INDEX,
	SLOT_LAST,
	SLOT_ZONE,
	SLOT_BODY,  /* choice: enum body_transform */
	SLOT_SCOPE, /* property: choice: enum property_scope */
	SLOT_MODE,  /* property: choice: enum property_mode */
	SLOT_ZERO,
	SLOT_LENGTH,
	SLOT_CASE,
	SLOT_CASE_FIRST,
	SLOT_QUOTE,
	SLOT_PERIOD, /* vacation: choice: enum vacation_unit */
	SLOT_SUBJECT,
	SLOT_FROM,
	SLOT_ADDRESSES,
	SLOT_MIME,
	SLOT_HANDLE,
	SLOT_FCC,
	SLOT_UNIQUE, /* duplicate: choice: enum duplicate_id */
	SLOT_RENEW,
	SLOT_LOCATION, /* include: choice: enum sieve_location */
	SLOT_ONCE,
	SLOT_OPTIONAL,
	SLOT_PERCENT,
	SLOT_AT_END,
	SLOT_ANYCHILD,
	SLOT_MIME_OPTION, /* choice: enum mime_option */
	SLOT_FORM,        /* forward: choice: enum forward_form */
	SLOT_TEXT,
};

struct language_tag {
	const char *name;
	enum language_slot slot;
	int choice;
	char parameter; /* 0, 's' string, 'S' string list, 'n' number; upper
			   case 'C': a string that must be constant */
	enum extension extension;
};

enum language_kind {
	LANGUAGE_COMMAND,
	LANGUAGE_TEST
};
enum language_tests {
	TESTS_NONE,
	TESTS_ONE,
	TESTS_LIST
};

/* What of the header it looks at when it runs, besides what its check says. */
enum language_look {
	LOOK_WHOLE,
	LOOK_FIELDS, /* those its first positional argument names */
	LOOK_NOT,
};

struct language_entry {
	enum language_kind kind;
	const char *name;
	enum extension extension;
	/* Positional arguments: 's' string, 'S' string list, 'n' number, 'v'
	 * string or number; a leading '?' makes the first one optional. */
	const char *signature;
	/* What the first one is, for error texts ("header names"); may be
	 * NULL.  Keys are called that. */
	const char *first;
	enum language_tests tests;
	enum language_look look;
	bool has_block;
	bool has_match; /* keys are the last positional argument */
	/* Tables of tags, each ended by a NULL name. */
	const struct language_tag *const *tags;
	/* Where the signature depends on the tags (NULL: it does not). */
	const char *(*find_signature)(const struct ast_node *node);
	/* After the generic checks; previous: the command before it. */
	int (*check)(struct checker *checker, struct ast_node *node,
		     const struct ast_node *previous);
	void (*run)(struct sieve_run *run, const struct ast_node *node);
	bool (*test)(struct sieve_run *run, const struct ast_node *node);
};

/* By name in lower case; NULL. */
const struct language_entry *language_find(enum language_kind kind,
					   const char *name);

/* Tags that several share: match types (base, relational, regex), comparator,
 * address parts (base, subaddress), :index and :last. */
extern const struct language_tag language_match_tags[];
extern const struct language_tag language_address_tags[];
extern const struct language_tag language_index_tags[];

/* Lists of tables for those that have nothing else. */
extern const struct language_tag *const language_match[];
extern const struct language_tag *const language_address_match[];

/* What was said for a slot, or NULL. */
const struct ast_tagged *language_tagged(const struct ast_node *node,
					 enum language_slot slot);
/* Its choice, or otherwise. */
int language_choice(const struct ast_node *node, enum language_slot slot,
		    int otherwise);

#endif
