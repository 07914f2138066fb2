/*
 * MIME parts, for all that looks at them: which one is at hand, its text, and
 * what header fields say of it (RFC 5703, RFC 5173).
 */
#ifndef OKAPI_RULES_MIME_H
#define OKAPI_RULES_MIME_H

#include "run.h"

enum mime_option {
	MIME_TYPE,
	MIME_SUBTYPE,
	MIME_CONTENTTYPE,
	MIME_PARAM,
};

/* ":mime" and ":anychild"; and what ":mime" may ask of a field. */
extern const struct language_tag language_mime_tags[];
extern const struct language_tag language_mime_options[];

/* All but ":mime" is of use with it only; notes what the set must have. */
NODISCARD int sieve_mime_check(struct checker *checker,
			       const struct ast_node *node);

/* The fields of the part at hand, with ":anychild" also of those within it, in
 * order; of const struct header_field *, borrowed.  Owned array. */
GPtrArray *sieve_mime_fields(struct sieve_run *run,
			     const struct ast_node *node);

/* Feeds what the option of the node picks out of a field; nothing if it is not
 * Content-Type or Content-Disposition.  True: enough. */
bool sieve_mime_feed(struct sieve_run *run, const struct ast_node *node,
		     const struct header_field *field,
		     bool (*feed)(void *context, const char *value),
		     void *context);

/* What a reader sees of a part that is text, "" of another; at most max
 * characters.  Owned. */
char *sieve_mime_text(struct sieve_run *run, const struct mime_part *part,
		      int64_t max);

#endif
