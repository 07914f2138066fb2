/*
 * The parts of the noun rule.
 */
#ifndef OKAPI_ADMIN_RULE_H
#define OKAPI_ADMIN_RULE_H

#include "base.h"
#include "fault.h"

struct admin;
struct sieve_plan;
struct sieve_script;
struct store_message;
struct store_user;

/* Compiles; an error is printed with its line and a caret (with --json it is
 * left to the fault).  Owned result. */
NODISCARD int rule_compile(struct admin *admin, const char *name,
			   const char *text, size_t len,
			   struct sieve_script **ret_script,
			   struct fault *fault);

/* The scripts that are tried on messages of a user. */
struct rule_set {
	struct admin *admin;
	const struct store_user *user;
	GPtrArray *scripts; /* of struct sieve_script */
};

/* Those of the user that are switched on, or that of --rule. */
NODISCARD int rule_set_load(struct rule_set *set, struct fault *fault);
void rule_set_clear(struct rule_set *set);
/* What they make of a message; whole has the trace headers on top, bytes has
 * not.  Owned plan. */
NODISCARD int rule_plan(struct rule_set *set, GBytes *whole, GBytes *bytes,
			struct sieve_plan **ret_plan, struct fault *fault);
NODISCARD int rule_plan_stored(struct rule_set *set,
			       const struct store_message *message,
			       struct sieve_plan **ret_plan,
			       struct fault *fault);

int rule_test(struct admin *admin, struct fault *fault);
int rule_run(struct admin *admin, struct fault *fault);

#endif
