/*
 * The header as a script has changed it (RFC 5293): an immutable list of
 * pieces, shared by whoever decided something while it looked like that.
 */
#ifndef OKAPI_RULES_EDIT_H
#define OKAPI_RULES_EDIT_H

#include "sieve.h"

struct sieve_edit;

/* The header as it came; NULL where the fields of the set are not those of
 * raw, so that none of them can be told from the others.  Owned. */
struct sieve_edit *sieve_edit_begin(const struct propset *set, const char *raw,
				    size_t raw_len);

/* Each returns a new list, owned, and lets go of the one it was given.
 * value: UTF-8. */
struct sieve_edit *sieve_edit_add(struct sieve_edit *edit, const char *name,
				  const char *value, bool last);
/* Without the fields i for which drop(context, i) is true. */
struct sieve_edit *sieve_edit_drop(struct sieve_edit *edit,
				   bool (*drop)(void *context, size_t i),
				   void *context);

size_t sieve_edit_count(const struct sieve_edit *edit);
/* By how many octets the message is longer now (shorter: negative). */
int64_t sieve_edit_growth(const struct sieve_edit *edit);
/* Borrowed from the list (or the property set it began with). */
const struct header_field *sieve_edit_field(const struct sieve_edit *edit,
					    size_t i);

#endif
