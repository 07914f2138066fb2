/*
 * Collations of RFC 4790 and 5051, as Sieve's comparators.
 */
#ifndef OKAPI_RULES_COMPARATOR_H
#define OKAPI_RULES_COMPARATOR_H

#include "extension.h"

enum comparator {
	COMPARATOR_DEFAULT, /* not said: i;ascii-casemap, or by property type */
	COMPARATOR_OCTET,
	COMPARATOR_ASCII_CASEMAP,
	COMPARATOR_ASCII_NUMERIC,
	COMPARATOR_UNICODE_CASEMAP,
	COMPARATORS
};

/* By name (octets); COMPARATOR_DEFAULT if there is none. */
enum comparator comparator_find(const char *name);
const char *comparator_name(enum comparator comparator);
/* What must be required to use it; EXTENSION_NONE if nothing. */
enum extension comparator_extension(enum comparator comparator);
/* Can it tell whether a string contains another? */
bool comparator_has_substrings(enum comparator comparator);

/* A form of text in which equal octets are equal; owned. */
char *comparator_fold(enum comparator comparator, const char *text);
/* Is the folded form as long as the text, octet for octet? */
bool comparator_keeps_length(enum comparator comparator);
/* <0, 0 or >0.  With i;ascii-numeric what does not begin with a digit is
 * larger than every number. */
int comparator_compare(enum comparator comparator, const char *a,
		       const char *b);

#endif
