/*
 * What including a script leaves behind, in the script and while it is
 * compiled.
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

#endif
