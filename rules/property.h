/*
 * What the files of the test property share: what it asks, and the values of
 * properties by their types.
 */
#ifndef OKAPI_RULES_PROPERTY_H
#define OKAPI_RULES_PROPERTY_H

#include "match.h"
#include "run.h"

enum property_scope {
	SCOPE_MESSAGE,
	SCOPE_RECIPIENT,
	SCOPE_ATTACHMENT,
};

/* What is asked, where it is not keys. */
enum property_mode {
	MODE_EXISTS = 1,
	MODE_BITMASK,
	MODE_SIZE,
	MODE_COMPARE,
};

/* What two properties are compared as, numbers and times apart. */
enum property_kind {
	KIND_OTHER,
	KIND_NUMBER,
	KIND_TIME,
	KIND_TEXT,
	KIND_BINARY,
};

/* Stands for the categories (PidNameKeywords), whose tag is another one in each
 * property set: asked by the name "Keywords". */
#define PROPERTY_KEYWORDS PROP_TAG(PT_MV_UNICODE, 0xffff)

/* One evaluation. */
struct property_test {
	struct sieve_run *run;
	const struct ast_node *node;
	struct sieve_matcher matcher;
	uint32_t tag;
	uint32_t other; /* of :compare */
	int mode;       /* 0: keys */
	int64_t mask;   /* or size */
	enum relation relation;
};

/* ---- checking ---- */

struct checker;
/* language_entry.check and find_signature of the test. */
NODISCARD int property_check(struct checker *checker, struct ast_node *node,
			     const struct ast_node *previous);
const char *property_signature(const struct ast_node *node);

/* ---- values ---- */

/* The tag of a property as rules name it; 0 for an unknown name. */
uint32_t property_parse_name(const char *name);
/* A number as rules write it: decimal or 0x...; sign allowed. */
bool property_parse_number(const char *text, int64_t *ret_number);
/* true, false, 1 or 0. */
bool property_parse_boolean(const char *text, bool *ret_value);

bool property_is_number(uint32_t tag);
/* Octets; HTML is text. */
bool property_is_binary(uint32_t tag);
enum property_kind property_kind_of(uint32_t tag);
/* Are keys compared as what the property is, and not as text? */
bool property_is_typed(const struct ast_node *node);

/* A whole number of any type; false if it is none. */
bool property_number(const struct prop *prop, int64_t *ret_number);
/* Octets, as RES_SIZE counts them: text in UTF-16 would be another number, so
 * text counts its UTF-8. */
int64_t property_size(const struct prop *prop);
/* Offers the value to the test's keys: does one match, now or before? */
bool property_feed(struct property_test *test, const struct prop *prop);
/* RES_COMPAREPROPS: false where they are of different kinds. */
bool property_compare(const struct property_test *test, const struct prop *prop,
		      const struct prop *other);

#endif
