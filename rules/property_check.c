/*
 * What a script may ask of a property: known names, tags that go together, keys
 * of the property's type.
 */
#include "property.h"

#include "checker.h"
#include "date.h"

#include <string.h>

const char *property_signature(const struct ast_node *node)
{
	int mode = language_choice(node, SLOT_MODE, 0);

	if (mode == MODE_EXISTS)
		return "s";
	if (mode == MODE_COMPARE)
		return "ss";
	return mode ? "sv" : "sS";
}

static bool is_base64(const char *text)
{
	size_t len = strlen(text);
	size_t digits = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/");

	return len % 4 == 0 && len - digits <= 2 &&
	       strspn(text + digits, "=") == len - digits;
}

/* Why a key cannot be compared with a value of the tag's type; NULL if it
 * can. */
static const char *key_misfit(uint32_t tag, const char *key)
{
	int64_t number;
	bool boolean;

	if (property_is_number(tag) && !property_parse_number(key, &number))
		return "a number";
	if (PROP_TYPE(tag) == PT_SYSTIME && !sieve_date_parse_iso(key, &number))
		return "a time as in 2026-11-23T05:58:00Z";
	if (PROP_TYPE(tag) == PT_BOOLEAN &&
	    !property_parse_boolean(key, &boolean))
		return "true or false";
	if (property_is_binary(tag) && !is_base64(key))
		return "base64";
	return NULL;
}

static int check_keys(struct checker *checker, const struct ast_node *node)
{
	if (!node->tag || !property_is_typed(node))
		return 0;
	for (const struct ast_string *key = node->positional[1]->strings; key;
	     key = key->next) {
		const char *wanted = key_misfit(node->tag, key->text);

		if (!key->is_dynamic && wanted)
			return sieve_error_set(
				checker->error, key->place,
				"\"%.60s\" is not %s, as %s is", key->text,
				wanted, node->positional[0]->strings->text);
	}
	return 0;
}

static int check_number(struct checker *checker, const struct ast_node *node)
{
	const struct ast_argument *argument = node->positional[1];
	int64_t number;

	if (argument->kind == AST_NUMBER || argument->strings->is_dynamic ||
	    property_parse_number(argument->strings->text, &number))
		return 0;
	return sieve_error_set(checker->error, argument->place,
			       "\"%.60s\" is not a number",
			       argument->strings->text);
}

/* Tags that go with one mode only. */
static int check_mode(struct checker *checker, const struct ast_node *node)
{
	int mode = language_choice(node, SLOT_MODE, 0);
	const struct ast_tagged *match = language_tagged(node, SLOT_MATCH);
	const struct ast_tagged *limit = language_tagged(node, SLOT_LIMIT);
	const struct ast_tagged *zero = language_tagged(node, SLOT_ZERO);
	const struct ast_tagged *comparator =
		language_tagged(node, SLOT_COMPARATOR);

	if (zero && mode != MODE_BITMASK)
		return sieve_error_set(checker->error, zero->place,
				       ":zero goes with :bitmask");
	if (limit && (mode != MODE_SIZE || match))
		return sieve_error_set(checker->error, limit->place,
				       ":over and :under go with :size alone");
	if (mode && mode != MODE_COMPARE && comparator)
		return sieve_error_set(checker->error, comparator->place,
				       ":comparator goes with keys");
	if (mode && match &&
	    ((mode != MODE_SIZE && mode != MODE_COMPARE) ||
	     match->choice != MATCH_VALUE))
		return sieve_error_set(checker->error, match->place,
				       "a match type goes with keys");
	if (mode == MODE_SIZE && !match && !limit)
		return sieve_error_set(checker->error, node->place,
				       ":size takes :over, :under or :value");
	return 0;
}

/* The tag of a constant name; 0 where it is dynamic. */
static int check_name(struct checker *checker, const struct ast_string *name,
		      uint32_t *ret_tag)
{
	static const uint32_t of_bodies[] = {PR_BODY, PR_HTML, PR_INTERNET_CPID,
					     PR_ATTACH_SIZE,
					     PR_ATTACH_DATA_BIN};

	*ret_tag = 0;
	if (name->is_dynamic) {
		checker_needs(checker, SIEVE_NEEDS_ALL);
		return 0;
	}
	*ret_tag = property_parse_name(name->text);
	if (!PROP_ID(*ret_tag))
		return sieve_error_set(checker->error, name->place,
				       "unknown property \"%.60s\"",
				       name->text);
	for (size_t i = 0; i < G_N_ELEMENTS(of_bodies); i++)
		if (PROP_ID(*ret_tag) == PROP_ID(of_bodies[i]))
			checker_needs(checker, SIEVE_NEEDS_ALL);
	return 0;
}

/* RES_COMPAREPROPS: both of one kind, one that has an order. */
static int check_compare(struct checker *checker, const struct ast_node *node)
{
	const struct ast_string *other = node->positional[1]->strings;
	uint32_t tag;

	if (check_name(checker, other, &tag) < 0)
		return -1;
	if (!node->tag || !tag ||
	    (property_kind_of(tag) == property_kind_of(node->tag) &&
	     property_kind_of(tag) != KIND_OTHER))
		return 0;
	return sieve_error_set(checker->error, other->place,
			       "%.60s and %.60s cannot be compared",
			       node->positional[0]->strings->text, other->text);
}

int property_check(struct checker *checker, struct ast_node *node,
		   const struct ast_node *previous)
{
	int mode = language_choice(node, SLOT_MODE, 0);

	(void)previous;
	if (check_name(checker, node->positional[0]->strings, &node->tag) < 0 ||
	    check_mode(checker, node) < 0)
		return -1;
	if (!mode)
		return check_keys(checker, node);
	if (mode == MODE_COMPARE)
		return check_compare(checker, node);
	return mode == MODE_EXISTS ? 0 : check_number(checker, node);
}
