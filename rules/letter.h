/*
 * What forward and reply have in common: a letter is made of their tags.
 */
#ifndef OKAPI_RULES_LETTER_H
#define OKAPI_RULES_LETTER_H

#include "checker.h"
#include "run.h"

/* :from is an address where it is constant. */
NODISCARD int sieve_letter_check_from(struct checker *checker,
				      const struct ast_node *node);
/* By :subject, :from and :mime, and the text (borrowed; NULL: none); the run
 * fails where :from came out wrong.  Owned. */
struct sieve_letter *sieve_letter_make(struct sieve_run *run,
				       const struct ast_node *node,
				       const char *text);
/* After all of it is known: letters that say the same have one handle. */
void sieve_letter_seal(struct sieve_letter *letter);

#endif
