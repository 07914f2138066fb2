/*
 * Variables, RFC 5229.
 */
#ifndef OKAPI_RULES_VARIABLE_H
#define OKAPI_RULES_VARIABLE_H

#include "run.h"

/*
 * Looks for "${name}" and "${1}" in text: returns 1 if there is one, 0 if not,
 * -1 with why (static) if one is of a kind we have not.  has_globals: there is
 * the namespace global (RFC 6609 section 3.4.2).
 */
int sieve_variables_check(const char *text, bool has_globals,
			  const char **ret_why);
bool sieve_variable_name_is_valid(const char *name);
/* Owned. */
GHashTable *sieve_variables_new(void);
GHashTable *sieve_names_new(void);

/* Octets of the longest value. */
size_t sieve_variable_max(const struct sieve_run *run);
/* Puts variables in; too long a result fails the run.  Owned. */
char *sieve_variables_expand(struct sieve_run *run, const char *text);

/* "" for one that was not set; borrowed until it is set again. */
const char *sieve_variable_get(const struct sieve_run *run, const char *name);
/* Copies; a value that is too long is cut at a character. */
void sieve_variable_set(struct sieve_run *run, const char *name,
			const char *value);

#endif
