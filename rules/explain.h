/*
 * Why an evaluation came out as it did: every test with the values it saw, and
 * every action, in the order they ran.  For people; deliveries do without.
 */
#ifndef OKAPI_RULES_EXPLAIN_H
#define OKAPI_RULES_EXPLAIN_H

#include "sieve.h"

#define EXPLAIN_STEPS_MAX  1000
#define EXPLAIN_VALUES_MAX 8   /* of a step */
#define EXPLAIN_VALUE_MAX  120 /* octets; longer ones end in "..." */

struct sieve_step {
	char *rule;
	unsigned line;
	unsigned depth; /* of tests in tests */
	char *text;     /* as the script has it: header :contains "a" "b" */
	bool is_test;
	bool compares;     /* a test of values: it saw these, or none */
	bool result;       /* of a test */
	GPtrArray *values; /* of char *: what it was compared with */
};

struct sieve_explanation {
	GPtrArray *steps;        /* of struct sieve_step * */
	struct sieve_step *open; /* the test that is running */
	unsigned depth;
	bool is_cut; /* there were more steps */
};
struct sieve_explanation *sieve_explanation_new(void);
void sieve_explanation_free(struct sieve_explanation *explanation);
AUTO_DEFINE(sieve_explanation, sieve_explanation_free);
/* Forgets all steps. */
void sieve_explanation_reset(struct sieve_explanation *explanation);

/* For rules/ itself; each does nothing where nobody asked. */
struct sieve_run;
struct ast_node;
/* A test begins; returned is what to end it with. */
struct sieve_step *sieve_explain_begin(struct sieve_run *run,
				       const struct ast_node *test);
void sieve_explain_end(struct sieve_run *run, struct sieve_step *around,
		       bool result);
void sieve_explain_action(struct sieve_run *run, const struct ast_node *node);
/* The test that is running saw this value. */
void sieve_explain_value(struct sieve_run *run, const char *value);
/* The same, in base64. */
void sieve_explain_octets(struct sieve_run *run, const unsigned char *octets,
			  size_t len);
void sieve_explain_number(struct sieve_run *run, int64_t value);

#endif
