/*
 * The parts of the noun rule.
 */
#ifndef OKAPI_ADMIN_RULE_H
#define OKAPI_ADMIN_RULE_H

#include "base.h"
#include "fault.h"

struct admin;
struct sieve_script;

/* Compiles; an error is printed with its line and a caret (with --json it is
 * left to the fault).  Owned result. */
NODISCARD int rule_compile(struct admin *admin, const char *name,
			   const char *text, size_t len,
			   struct sieve_script **ret_script,
			   struct fault *fault);

int rule_test(struct admin *admin, struct fault *fault);
int rule_run(struct admin *admin, struct fault *fault);

#endif
