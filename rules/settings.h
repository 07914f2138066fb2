/*
 * What the configuration says of the language.
 */
#ifndef OKAPI_RULES_SETTINGS_H
#define OKAPI_RULES_SETTINGS_H

#include "sieve.h"

struct conf;

/* Borrows from conf, which outlives it; FAULT_CONFIG names the key that is
 * wrong.  Owned parts: sieve_settings_clear(), also after a failure. */
NODISCARD int sieve_settings_of_conf(const struct conf *conf,
				     struct sieve_settings *ret_settings,
				     struct fault *fault);
void sieve_settings_clear(struct sieve_settings *settings);

/* "score", "length" or "text"; false for anything else. */
bool sieve_score_parse_type(struct sieve_score *score, const char *name);

#endif
