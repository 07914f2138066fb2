/*
 * Modifiers of what variables are set to (RFC 5229 section 4.1).
 */
#ifndef OKAPI_RULES_MODIFIER_H
#define OKAPI_RULES_MODIFIER_H

#include "run.h"

extern const struct language_tag language_modifier_tags[];

/* What the modifiers of a node make of text, in their order; owned. */
char *sieve_modify(const struct sieve_run *run, const struct ast_node *node,
		   const char *text);

/* A constant name that may be set here: counts it as in use.  Fails for one
 * that is none. */
NODISCARD int sieve_variable_declare(struct checker *checker,
				     const struct ast_string *name);

#endif
