/*
 * One run of the scripts over one message: what commands and tests work on.
 */
#ifndef OKAPI_RULES_RUN_H
#define OKAPI_RULES_RUN_H

#include "arena.h"
#include "language.h"

/* Work, in steps of a nanosecond or two: of one script, of all of them; and
 * for each octet of the message as much again as bodies need. */
#define RUN_STEPS_MAX       UINT64_C(100000000)
#define RUN_SCRIPTS_WORTH   4 /* what all may do, in what one may */
#define RUN_STEPS_PER_OCTET 64
#define RUN_DECODE_STEPS    50000       /* of asking who decodes charsets */
#define RUN_STRING_MAX      (64 * 1024) /* octets, variables put in */
#define RUN_VARIABLE_MAX    8192        /* octets; longer ones are cut */
#define RUN_VARIABLES_MAX   255
#define RUN_VARIABLE_NAME   64 /* octets */
#define RUN_FLAGS_MAX       128
#define RUN_HEADER_MAX      2048 /* octets of a field that is added */
#define RUN_EDITS_MAX       128  /* changes of the header */
#define RUN_LOOPS_MAX       4    /* foreverypart in foreverypart */
#define RUN_INCLUDES_MAX    255
#define RUN_INCLUDE_DEPTH   10
#define RUN_MATCHES         33 /* ${0} to ${32} */

struct sieve_script {
	char *name;
	struct sieve_arena *arena;
	struct ast_node *commands;
	uint64_t enabled; /* extensions */
	enum sieve_needs needs;
	GPtrArray *fields; /* of the arena's char *, NULL at the end */
	struct sieve_include *includes; /* in the order of the text */
};

struct sieve_run {
	const struct sieve_message *message;
	struct sieve_plan *plan;
	/* Name to value.  All rules share them; an included script has its own
	 * and shares the global ones (RFC 6609 section 3.4), of which globals
	 * names those that its owner declared. */
	GHashTable *variables;
	GHashTable *globals;
	GHashTable *declared; /* set of names */
	GPtrArray *flags;     /* imap4flags' internal variable */
	/* What setproperty has set so far; NULL: nothing. */
	struct propset *properties;
	GPtrArray *categories;   /* of char *: the same of Keywords */
	struct sieve_edit *edit; /* the header now; NULL: as it came */
	unsigned edits;
	GPtrArray *including; /* scripts around, the main one first */
	GHashTable *included; /* set of scripts that were, ever */
	unsigned includes;
	uint64_t steps_total;

	/* Of the script that is running. */
	const struct sieve_script *script;
	struct sieve_arena *arena;
	struct sieve_place place; /* of the command that is running */
	GPtrArray *pending;       /* actions, put into the plan at its end */
	GPtrArray *marks;         /* put into the plan at its end, too */
	bool cancels_keep;
	unsigned acted; /* line of what acted last; 0: nothing did */
	/* The recipient or attachment that anyrecipient or anyattachment is at;
	 * NULL: the message. */
	const struct propset *row;
	char *matches[RUN_MATCHES];
	uint64_t steps;
	int64_t part;   /* of foreverypart; -1: outside of it */
	unsigned loops; /* around */
	const struct ast_node *breaking; /* the loop that is to end */
	bool returned;                   /* from the script that is running */
	bool stopped;
	bool failed;
	bool keeps;         /* it went on behind an error (sieve_run_blame()) */
	struct fault fault; /* of both */
};

/* The commands of a block. */
void sieve_run_block(struct sieve_run *run, const struct ast_node *commands);
/* false as well when the run failed. */
bool sieve_run_test(struct sieve_run *run, const struct ast_node *test);

/* Ends this script: its actions are forgotten and the mail is kept.  The
 * first failure stays. */
void sieve_run_fail(struct sieve_run *run, const char *format, ...)
	PRINTF_LIKE(2, 3);
/* The same for what came from outside: a fault that is temporary stays so. */
void sieve_run_fail_for(struct sieve_run *run, const struct fault *why,
			const char *format, ...) PRINTF_LIKE(3, 4);
/* Something is wrong that one test can be false for: the script goes on, but
 * the mail is kept whatever it does, and what would refuse or discard the mail
 * is left out.  The first one is told, unless it fails later. */
void sieve_run_blame(struct sieve_run *run, const char *format, ...)
	PRINTF_LIKE(2, 3);
/* Counts work; fails the run when there was too much of it. */
void sieve_run_spend(struct sieve_run *run, uint64_t steps);

/* A string with its variables put in; borrowed until the script's end. */
const char *sieve_run_string(struct sieve_run *run,
			     const struct ast_string *string);
/* The first (or only) string of an argument. */
const char *sieve_run_text(struct sieve_run *run,
			   const struct ast_argument *argument);

/* What a successful :matches or :regex stands for: moves count strings in. */
void sieve_run_set_matches(struct sieve_run *run, char **matches, size_t count);

/* Actions.  argument, special_use: copied; NULL if none.  flags: borrowed
 * array of char *, copied; NULL: the internal variable. */
struct run_action {
	enum sieve_action_kind kind;
	const char *argument;
	const char *special_use;
	const GPtrArray *flags;
	struct sieve_vacation *vacation; /* referenced; NULL if it is none */
	struct sieve_letter *letter;     /* likewise */
	bool create;
	bool copy; /* leaves the implicit keep alone */
};
void sieve_run_act(struct sieve_run *run, const struct run_action *wanted);
/* Gives a copy what setproperty has set so far. */
void sieve_run_set(const struct sieve_run *run, struct sieve_action *action);

/* Takes out what the running script has decided so far, as if it ended here;
 * owned.  It goes on with nothing decided. */
struct sieve_plan *sieve_run_take_plan(struct sieve_run *run);
/* The address of a mailbox that mail is to go to; owned.  NULL: there is none,
 * and the run failed.  command: for that. */
char *sieve_run_target(struct sieve_run *run, const char *command,
		       const char *mailbox);
/* Octets of a charset as UTF-8; what does not convert is replaced.  Owned.
 * Fails the run where nobody can be asked for now. */
char *sieve_run_decode(struct sieve_run *run, const char *charset,
		       const char *octets, size_t len);
/* Header fields as the script sees them: with what it changed. */
size_t sieve_run_header_count(const struct sieve_run *run);
const struct header_field *sieve_run_header(const struct sieve_run *run,
					    size_t i);
/* Header fields of a name, with :index and :last of the node; calls each until
 * it returns true. */
typedef bool run_field_fn(void *context, const struct header_field *field);
void sieve_run_fields(struct sieve_run *run, const struct ast_node *node,
		      const char *name, run_field_fn *each, void *context);

#endif
