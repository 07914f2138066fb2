/*
 * Match types: does one of many values match one of many keys?
 *
 *	struct sieve_matcher matcher;
 *	sieve_matcher_begin(&matcher, run, node);
 *	for each value:
 *		if (sieve_matcher_feed(&matcher, value)) break;
 *	return sieve_matcher_end(&matcher);
 */
#ifndef OKAPI_RULES_MATCH_H
#define OKAPI_RULES_MATCH_H

#include "language.h"

enum match_type {
	MATCH_IS,
	MATCH_CONTAINS,
	MATCH_MATCHES,
	MATCH_REGEX,
	MATCH_VALUE,
	MATCH_COUNT,
};

enum relation {
	RELATION_EQ,
	RELATION_NE,
	RELATION_GT,
	RELATION_GE,
	RELATION_LT,
	RELATION_LE,
};

/* "gt" and so on, case-blind; -1 if it is none. */
int relation_find(const char *name);
/* Is an order (<0, 0, >0) what the relation asks for? */
bool relation_holds(enum relation relation, int order);

struct sieve_matcher {
	struct sieve_run *run;
	const struct ast_argument *keys;
	enum match_type type;
	enum relation relation;
	enum comparator comparator;
	int64_t count;
	bool matched;
	bool keeps_matches; /* ${1} and so on stay as they are */
};

/* Match type, comparator and keys (the last positional argument) of a node. */
void sieve_matcher_begin(struct sieve_matcher *matcher, struct sieve_run *run,
			 const struct ast_node *node);
/* Returns true when no more values are needed. */
bool sieve_matcher_feed(struct sieve_matcher *matcher, const char *value);
bool sieve_matcher_end(struct sieve_matcher *matcher);

#define MATCH_REGEX_MAX   1024 /* octets of a pattern */
#define MATCH_REGEXES_MAX 500  /* constant ones of a script */

/* A pattern with its limits built in; owned, or NULL with why (owned). */
GRegex *match_regex_new(const char *pattern, enum comparator comparator,
			char **ret_why);

#endif
