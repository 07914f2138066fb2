/*
 * Lists of IMAP flags (RFC 5232): each once, compared case-blind.
 */
#ifndef OKAPI_RULES_FLAGS_H
#define OKAPI_RULES_FLAGS_H

#include "base.h"

/* An empty list; of owned char *. */
GPtrArray *sieve_flags_new(void);
/* text may hold several flags divided by blanks; what is no flag (RFC 3501) is
 * left out. */
void sieve_flags_add(GPtrArray *flags, const char *text);
/* One that may have blanks (a category), whole. */
void sieve_flags_put(GPtrArray *flags, const char *flag);
void sieve_flags_remove(GPtrArray *flags, const char *text);
/* Divided by blanks; owned. */
char *sieve_flags_format(const GPtrArray *flags);

#endif
