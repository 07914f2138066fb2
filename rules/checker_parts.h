/*
 * What the files of the checker ask of each other.
 */
#ifndef OKAPI_RULES_CHECKER_PARTS_H
#define OKAPI_RULES_CHECKER_PARTS_H

#include "checker.h"

/* Sorts into node->tagged and node->positional: tags first, then positional
 * arguments (RFC 5228 section 2.6).  Fails with or without an error set: what
 * was told before is not told again. */
NODISCARD int checker_sort_arguments(struct checker *checker,
				     struct ast_node *node, size_t *ret_count);
/* Are the count positional arguments those that the signature asks for? */
NODISCARD int checker_positional(struct checker *checker, struct ast_node *node,
				 size_t count);
/* What a node must have behind its tags, where count stand there: a letter
 * each, as language_entry.signature. */
const char *checker_signature(const struct ast_node *node, size_t count);
/* NULL if the entry takes no tag of that name, without its colon. */
const struct language_tag *checker_find_tag(const struct language_entry *entry,
					    const char *name);

/* Comparator, match type and regular expressions of a test that has_match. */
NODISCARD int checker_match(struct checker *checker, struct ast_node *node);
/* RFC 5260 section 6. */
NODISCARD int checker_index(struct checker *checker,
			    const struct ast_node *node);

/* "test" or "command". */
const char *checker_kind_name(const struct language_entry *entry);
/* A name that is not known is told where it stands first: was it? */
bool checker_was_told(struct checker *checker, const char *name);

#endif
