/*
 * What include needs in more than one place: its limits, and names of scripts.
 */
#ifndef OKAPI_RULES_INCLUDE_H
#define OKAPI_RULES_INCLUDE_H

#include "sieve.h"

/* A script that is included. */
struct sieve_include {
	struct sieve_include *next;
	enum sieve_location location;
	const char *name;
};

/* While scripts are compiled: the one around, and how many there are. */
struct sieve_includer {
	const struct sieve_includer *above;
	enum sieve_location location;
	const char *name; /* of the script that is compiled now */
	unsigned depth;
	unsigned *count;
};

/* RFC 6609 section 3.1: no control characters, no separators; and no '/'. */
bool sieve_include_name_is_valid(const char *name);
unsigned sieve_include_max(const struct sieve_settings *settings);
unsigned sieve_include_depth_max(const struct sieve_settings *settings);

#endif
