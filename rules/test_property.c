/*
 * property, Okapi's own (vnd.okapi.property): the MAPI restrictions
 * RES_CONTENT, RES_PROPERTY, RES_COMPAREPROPS, RES_EXIST, RES_BITMASK,
 * RES_SIZE and, for one condition, RES_SUBRESTRICTION (MS-OXCDATA 2.12) in
 * Sieve.
 */
#include "derived.h"
#include "entries.h"
#include "explain.h"
#include "property.h"

#include <string.h>

static const struct language_tag property_tags[] = {
	{"message", SLOT_SCOPE, SCOPE_MESSAGE, 0, EXTENSION_NONE},
	{"recipient", SLOT_SCOPE, SCOPE_RECIPIENT, 0, EXTENSION_NONE},
	{"attachment", SLOT_SCOPE, SCOPE_ATTACHMENT, 0, EXTENSION_NONE},
	{"exists", SLOT_MODE, MODE_EXISTS, 0, EXTENSION_NONE},
	{"bitmask", SLOT_MODE, MODE_BITMASK, 0, EXTENSION_NONE},
	{"size", SLOT_MODE, MODE_SIZE, 0, EXTENSION_NONE},
	{"compare", SLOT_MODE, MODE_COMPARE, 0, EXTENSION_NONE},
	{"zero", SLOT_ZERO, 0, 0, EXTENSION_NONE},
	{"over", SLOT_LIMIT, RELATION_GT, 0, EXTENSION_NONE},
	{"under", SLOT_LIMIT, RELATION_LT, 0, EXTENSION_NONE},
	{0},
};

static const struct language_tag *const tags[] = {
	property_tags,
	language_match_tags,
	NULL,
};

static bool is_keywords(const struct propset *set, uint32_t tag)
{
	const struct prop_name *name = PROP_ID(tag) >= PROP_ID_NAMED
					       ? propset_name_of(set, tag)
					       : NULL;

	return name && name->name && strcmp(name->name, "Keywords") == 0 &&
	       strcmp(name->guid, "PS_PUBLIC_STRINGS") == 0;
}

static const struct prop *find_keywords(const struct propset *set)
{
	for (size_t i = 0; i < propset_count(set); i++)
		if (is_keywords(set, propset_at(set, i)->tag))
			return propset_at(set, i);
	return NULL;
}

/* By tag; else by id, for a script may give another type (0x0037001e). */
static const struct prop *find_prop(const struct propset *set, uint32_t tag)
{
	const struct prop *prop = propset_find(set, tag);

	if (tag == PROPERTY_KEYWORDS)
		return find_keywords(set);
	for (size_t i = 0; !prop && i < propset_count(set); i++)
		if (PROP_ID(propset_at(set, i)->tag) == PROP_ID(tag))
			prop = propset_at(set, i);
	return prop;
}

static bool bitmask_holds(const struct property_test *test,
			  const struct prop *prop)
{
	bool wants_zero = language_tagged(test->node, SLOT_ZERO);
	int64_t value;

	if (!property_number(prop, &value))
		return false;
	sieve_explain_number(test->run, value);
	return ((value & test->mask) == 0) == wants_zero;
}

/* The property, or what follows from message and recipient: then in derived.
 * NULL if there is none. */
static const struct prop *load_prop(struct property_test *test,
				    const struct propset *set, uint32_t tag,
				    struct prop *derived)
{
	sieve_run_spend(test->run, 1 + propset_count(set) / 8);
	if (set == test->run->message->set &&
	    sieve_derived_prop(test->run->message, tag, derived))
		return derived;
	return find_prop(set, tag);
}

/* RES_COMPAREPROPS: false where one is not there or of another kind. */
static bool compare_holds(struct property_test *test, const struct propset *set,
			  const struct prop *prop)
{
	struct prop derived;
	const struct prop *other = load_prop(test, set, test->other, &derived);

	return other && property_compare(test, prop, other);
}

static bool test_set(struct property_test *test, const struct propset *set)
{
	struct prop derived;
	const struct prop *prop = load_prop(test, set, test->tag, &derived);

	if (!prop)
		return false;
	switch (test->mode) {
	case MODE_EXISTS:
		return true;
	case MODE_BITMASK:
		return bitmask_holds(test, prop);
	case MODE_SIZE:
		sieve_explain_number(test->run, property_size(prop));
		return relation_holds(
			test->relation,
			(property_size(prop) > test->mask) -
				(property_size(prop) < test->mask));
	case MODE_COMPARE:
		return compare_holds(test, set, prop);
	default:
		return property_feed(test, prop);
	}
}

static bool test_scope(struct property_test *test)
{
	const struct propset *set = test->run->message->set;
	const struct ast_tagged *scope =
		language_tagged(test->node, SLOT_SCOPE);
	size_t count;

	if (!scope && test->run->row)
		return test_set(test, test->run->row);
	if (!scope || scope->choice == SCOPE_MESSAGE)
		return test_set(test, set);
	count = scope->choice == SCOPE_RECIPIENT
			? propset_recipient_count(set)
			: propset_attachment_count(set);
	for (size_t i = 0; i < count && !test->run->failed; i++) {
		const struct propset *child =
			scope->choice == SCOPE_RECIPIENT
				? propset_recipient(set, i)
				: propset_attachment(set, i);

		if (test_set(test, child))
			return true;
	}
	return false;
}

static int load_tag(struct property_test *test, size_t argument,
		    uint32_t *ret_tag)
{
	const char *name =
		sieve_run_text(test->run, test->node->positional[argument]);

	*ret_tag = property_parse_name(name);
	if (PROP_ID(*ret_tag))
		return 0;
	sieve_run_fail(test->run, "property: unknown property \"%.60s\"", name);
	return -1;
}

static int load_number(struct property_test *test)
{
	const struct ast_argument *argument = test->node->positional[1];
	const char *text;

	if (argument->kind == AST_NUMBER) {
		test->mask = argument->number;
		return 0;
	}
	text = sieve_run_text(test->run, argument);
	if (property_parse_number(text, &test->mask))
		return 0;
	sieve_run_fail(test->run, "property: \"%.60s\" is not a number", text);
	return -1;
}

static enum comparator default_comparator(uint32_t tag)
{
	return PROP_TYPE(tag) == PT_BINARY || PROP_TYPE(tag) == PT_MV_BINARY
		       ? (tag == PR_HTML ? COMPARATOR_UNICODE_CASEMAP
					 : COMPARATOR_OCTET)
		       : COMPARATOR_UNICODE_CASEMAP;
}

static bool run_property(struct sieve_run *run, const struct ast_node *node)
{
	struct property_test test = {
		.run = run,
		.node = node,
		.tag = node->tag,
		.mode = language_choice(node, SLOT_MODE, 0),
		.relation = (enum relation)language_choice(node, SLOT_LIMIT,
							   node->relation),
	};
	bool found;

	if (!test.tag && load_tag(&test, 0, &test.tag) < 0)
		return false;
	if (test.mode == MODE_COMPARE && load_tag(&test, 1, &test.other) < 0)
		return false;
	if ((test.mode == MODE_BITMASK || test.mode == MODE_SIZE) &&
	    load_number(&test) < 0)
		return false;
	sieve_matcher_begin(&test.matcher, run, node);
	if (test.matcher.comparator == COMPARATOR_DEFAULT)
		test.matcher.comparator = default_comparator(test.tag);
	found = test_scope(&test);
	return test.mode ? found : sieve_matcher_end(&test.matcher);
}

const struct language_entry test_property = {
	.kind = LANGUAGE_TEST,
	.name = "property",
	.extension = EXTENSION_PROPERTY,
	.signature = "sS",
	.tags = tags,
	.has_match = true,
	.find_signature = property_signature,
	.check = property_check,
	.test = run_property,
};
