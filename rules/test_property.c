/*
 * property, Okapi's own (vnd.okapi.property): the MAPI restrictions
 * RES_CONTENT, RES_PROPERTY, RES_COMPAREPROPS, RES_EXIST, RES_BITMASK,
 * RES_SIZE and, for one condition, RES_SUBRESTRICTION (MS-OXCDATA 2.12) in
 * Sieve.
 */
#include "checker.h"
#include "date.h"
#include "derived.h"
#include "entries.h"
#include "explain.h"
#include "html.h"
#include "match.h"
#include "run.h"

#include <errno.h>
#include <string.h>

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

/* What two properties are compared as, numbers and times apart. */
enum property_kind {
	KIND_OTHER,
	KIND_NUMBER,
	KIND_TIME,
	KIND_TEXT,
	KIND_BINARY,
};

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

/* ---- checking ------------------------------------------------------------ */

static const char *property_signature(const struct ast_node *node)
{
	int mode = language_choice(node, SLOT_MODE, 0);

	if (mode == MODE_EXISTS)
		return "s";
	if (mode == MODE_COMPARE)
		return "ss";
	return mode ? "sv" : "sS";
}

/* A number as rules write it: decimal or 0x...; sign allowed. */
static bool parse_number(const char *text, int64_t *ret_number)
{
	const char *digits = *text == '-' || *text == '+' ? text + 1 : text;
	guint base = g_ascii_strncasecmp(digits, "0x", 2) == 0 ? 16 : 10;
	char *end = NULL;
	int64_t number;

	if (!g_ascii_isdigit(*digits))
		return false;
	errno = 0;
	number = g_ascii_strtoll(text, &end, base);
	if (errno || *end)
		return false;
	*ret_number = number;
	return true;
}

static bool is_number_type(uint32_t tag)
{
	uint32_t type = PROP_TYPE(tag);

	return type == PT_SHORT || type == PT_LONG || type == PT_I8 ||
	       type == PT_MV_LONG;
}

static bool parse_boolean(const char *text, bool *ret_value)
{
	if (g_ascii_strcasecmp(text, "true") == 0 || strcmp(text, "1") == 0)
		*ret_value = true;
	else if (g_ascii_strcasecmp(text, "false") == 0 ||
		 strcmp(text, "0") == 0)
		*ret_value = false;
	else
		return false;
	return true;
}

static bool is_binary_type(uint32_t tag)
{
	return (PROP_TYPE(tag) == PT_BINARY ||
		PROP_TYPE(tag) == PT_MV_BINARY) &&
	       PROP_ID(tag) != PROP_ID(PR_HTML);
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

	if (is_number_type(tag) && !parse_number(key, &number))
		return "a number";
	if (PROP_TYPE(tag) == PT_SYSTIME && !sieve_date_parse_iso(key, &number))
		return "a time as in 2026-11-23T05:58:00Z";
	if (PROP_TYPE(tag) == PT_BOOLEAN && !parse_boolean(key, &boolean))
		return "true or false";
	if (is_binary_type(tag) && !is_base64(key))
		return "base64";
	return NULL;
}

/* Are keys compared as what the property is, and not as text? */
static bool is_typed(const struct ast_node *node)
{
	int type = language_choice(node, SLOT_MATCH, MATCH_IS);

	return node->comparator == COMPARATOR_DEFAULT &&
	       (type == MATCH_IS || type == MATCH_VALUE ||
		(type == MATCH_CONTAINS && is_binary_type(node->tag)));
}

static int check_keys(struct checker *checker, const struct ast_node *node)
{
	if (!node->tag || !is_typed(node))
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
	    parse_number(argument->strings->text, &number))
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
	*ret_tag = proptag_parse(name->text);
	if (!PROP_ID(*ret_tag))
		return sieve_error_set(checker->error, name->place,
				       "unknown property \"%.60s\"",
				       name->text);
	for (size_t i = 0; i < G_N_ELEMENTS(of_bodies); i++)
		if (PROP_ID(*ret_tag) == PROP_ID(of_bodies[i]))
			checker_needs(checker, SIEVE_NEEDS_ALL);
	return 0;
}

/* What a property is compared as. */
static enum property_kind kind_of(uint32_t tag)
{
	switch ((enum proptype)PROP_TYPE(tag)) {
	case PT_SHORT:
	case PT_LONG:
	case PT_I8:
	case PT_BOOLEAN:
		return KIND_NUMBER;
	case PT_SYSTIME:
		return KIND_TIME;
	case PT_UNICODE:
	case PT_CLSID:
		return KIND_TEXT;
	case PT_BINARY:
		return KIND_BINARY;
	case PT_DOUBLE:
	case PT_MV_LONG:
	case PT_MV_UNICODE:
	case PT_MV_BINARY:
	case PT_OBJECT:
		break;
	}
	return KIND_OTHER;
}

/* RES_COMPAREPROPS: both of one kind, one that has an order. */
static int check_compare(struct checker *checker, const struct ast_node *node)
{
	const struct ast_string *other = node->positional[1]->strings;
	uint32_t tag;

	if (check_name(checker, other, &tag) < 0)
		return -1;
	if (!node->tag || !tag ||
	    (kind_of(tag) == kind_of(node->tag) && kind_of(tag) != KIND_OTHER))
		return 0;
	return sieve_error_set(checker->error, other->place,
			       "%.60s and %.60s cannot be compared",
			       node->positional[0]->strings->text, other->text);
}

static int check_property(struct checker *checker, struct ast_node *node,
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

/* ---- values -------------------------------------------------------------- */

/* A whole number of any type; false if it is none. */
static bool value_number(const struct prop *prop, int64_t *ret_number)
{
	if (PROP_TYPE(prop->tag) == PT_BOOLEAN)
		*ret_number = prop->value.boolean;
	else if (is_number_type(prop->tag) ||
		 PROP_TYPE(prop->tag) == PT_SYSTIME)
		*ret_number = prop->value.number;
	else
		return false;
	return true;
}

/* -1 if the key is not of the kind of the property. */
static int typed_key(uint32_t tag, const char *key, int64_t *ret_number)
{
	bool boolean;

	if (PROP_TYPE(tag) == PT_SYSTIME)
		return sieve_date_parse_iso(key, ret_number) ? 0 : -1;
	if (PROP_TYPE(tag) == PT_BOOLEAN) {
		if (!parse_boolean(key, &boolean))
			return -1;
		*ret_number = boolean;
		return 0;
	}
	return parse_number(key, ret_number) ? 0 : -1;
}

static bool feed_number(struct property_test *test, uint32_t tag, int64_t value)
{
	struct sieve_matcher *matcher = &test->matcher;
	enum relation relation =
		matcher->type == MATCH_VALUE ? matcher->relation : RELATION_EQ;

	for (const struct ast_string *key = matcher->keys->strings;
	     key && !test->run->failed; key = key->next) {
		const char *text = sieve_run_string(test->run, key);
		int64_t wanted;

		sieve_run_spend(test->run, 32);
		if (typed_key(tag, text, &wanted) < 0)
			continue;
		if (relation_holds(relation,
				   (value > wanted) - (value < wanted)))
			matcher->matched = true;
	}
	return matcher->matched;
}

static bool feed_double(struct property_test *test, double value)
{
	struct sieve_matcher *matcher = &test->matcher;
	enum relation relation =
		matcher->type == MATCH_VALUE ? matcher->relation : RELATION_EQ;

	for (const struct ast_string *key = matcher->keys->strings;
	     key && !test->run->failed; key = key->next) {
		double wanted =
			g_ascii_strtod(sieve_run_string(test->run, key), NULL);

		sieve_run_spend(test->run, 32);

		if (relation_holds(relation,
				   (value > wanted) - (value < wanted)))
			matcher->matched = true;
	}
	return matcher->matched;
}

static bool feed_text(struct property_test *test, const char *text)
{
	return sieve_matcher_feed(&test->matcher, text);
}

/* Does the value hold what the key says in base64: as a whole, within it, or
 * (a key that ends in '*') at its beginning? */
static bool binary_holds(const struct sieve_matcher *matcher, const char *key,
			 const guchar *octets, size_t len)
{
	bool is_prefix = g_str_has_suffix(key, "*");
	g_autofree char *text =
		g_strndup(key, strlen(key) - (is_prefix ? 1 : 0));
	gsize size = 0;
	g_autofree guchar *wanted = g_base64_decode(text, &size);
	size_t shared = MIN(size, len);
	int order = shared ? memcmp(octets, wanted, shared) : 0;

	if (matcher->type == MATCH_CONTAINS)
		return size == 0 || memmem(octets, len, wanted, size);
	if (matcher->type == MATCH_MATCHES)
		return len >= size && order == 0;
	if (order == 0)
		order = (len > size) - (len < size);
	return relation_holds(matcher->type == MATCH_VALUE ? matcher->relation
							   : RELATION_EQ,
			      order);
}

/* Is it octets that this key asks for, and not their base64 as text? */
static bool is_binary_key(const struct property_test *test, const char *key)
{
	size_t len = strlen(key);

	if (test->node->comparator != COMPARATOR_DEFAULT)
		return false;
	if (test->matcher.type == MATCH_MATCHES)
		return len > 0 && strcspn(key, "*?\\") == len - 1 &&
		       key[len - 1] == '*' && (len - 1) % 4 == 0;
	return test->matcher.type == MATCH_IS ||
	       test->matcher.type == MATCH_CONTAINS ||
	       test->matcher.type == MATCH_VALUE;
}

static bool feed_binary(struct property_test *test, GBytes *data)
{
	struct sieve_matcher *matcher = &test->matcher;
	g_autofree char *text = NULL;
	gsize len = 0;
	const guchar *octets = data ? g_bytes_get_data(data, &len) : NULL;

	if (!data)
		return false;
	for (const struct ast_string *key = matcher->keys->strings;
	     key && !test->run->failed; key = key->next) {
		const char *wanted = sieve_run_string(test->run, key);

		if (!is_binary_key(test, wanted))
			continue;
		sieve_run_spend(test->run, 32 + len / 16 + strlen(wanted));
		matcher->matched = matcher->matched ||
				   binary_holds(matcher, wanted, octets, len);
	}
	if (matcher->matched || is_binary_key(test, ""))
		return matcher->matched || test->run->failed;
	text = g_base64_encode(octets, len);
	return feed_text(test, text);
}

/* For the match types that want text, and for people; owned. */
static char *whole_text(uint32_t tag, int64_t number)
{
	if (PROP_TYPE(tag) == PT_SYSTIME)
		return sieve_date_format_iso(number);
	if (PROP_TYPE(tag) == PT_BOOLEAN)
		return g_strdup(number ? "true" : "false");
	return g_strdup_printf("%" G_GINT64_FORMAT, number);
}

static bool feed_whole(struct property_test *test, uint32_t tag, int64_t number)
{
	g_autofree char *text = whole_text(tag, number);

	if (!is_typed(test->node))
		return feed_text(test, text);
	sieve_explain_value(test->run, text);
	return feed_number(test, tag, number);
}

static bool feed_html(struct property_test *test, GBytes *data)
{
	gsize len = 0;
	const char *octets = data ? g_bytes_get_data(data, &len) : NULL;
	g_autofree char *text = NULL;

	if (!data)
		return false;
	text = sieve_html_to_utf8(test->run->message->set, octets, len);
	return feed_text(test, text);
}

static bool feed_many(struct property_test *test, const struct prop *prop)
{
	if (PROP_TYPE(prop->tag) == PT_MV_UNICODE) {
		for (char **text = prop->value.texts; text && *text; text++)
			if (feed_text(test, *text))
				return true;
	} else if (PROP_TYPE(prop->tag) == PT_MV_LONG) {
		for (guint i = 0; i < prop->value.longs->len; i++)
			if (feed_whole(test, prop->tag,
				       g_array_index(prop->value.longs, int64_t,
						     i)))
				return true;
	} else if (PROP_TYPE(prop->tag) == PT_MV_BINARY) {
		for (guint i = 0; i < prop->value.binaries->len; i++)
			if (feed_binary(test, prop->value.binaries->pdata[i]))
				return true;
	}
	return false;
}

static bool feed_prop(struct property_test *test, const struct prop *prop)
{
	char real[G_ASCII_DTOSTR_BUF_SIZE];

	switch ((enum proptype)PROP_TYPE(prop->tag)) {
	case PT_UNICODE:
	case PT_CLSID:
		return prop->value.text && feed_text(test, prop->value.text);
	case PT_SHORT:
	case PT_LONG:
	case PT_I8:
	case PT_SYSTIME:
		return feed_whole(test, prop->tag, prop->value.number);
	case PT_BOOLEAN:
		return feed_whole(test, prop->tag, prop->value.boolean);
	case PT_DOUBLE:
		if (is_typed(test->node))
			return feed_double(test, prop->value.real);
		return feed_text(test, g_ascii_dtostr(real, sizeof(real),
						      prop->value.real));
	case PT_BINARY:
		if (prop->tag == PR_HTML)
			return feed_html(test, prop->value.binary.data);
		return feed_binary(test, prop->value.binary.data);
	case PT_MV_LONG:
	case PT_MV_UNICODE:
	case PT_MV_BINARY:
		return feed_many(test, prop);
	case PT_OBJECT:
		break;
	}
	return false;
}

/* Octets, as RES_SIZE counts them: text in UTF-16 would be another number, so
 * text counts its UTF-8. */
static int64_t prop_size(const struct prop *prop)
{
	int64_t size = 0;

	switch ((enum proptype)PROP_TYPE(prop->tag)) {
	case PT_UNICODE:
	case PT_CLSID:
		return prop->value.text ? (int64_t)strlen(prop->value.text) : 0;
	case PT_BINARY:
		return (int64_t)prop->value.binary.size;
	case PT_MV_UNICODE:
		for (char **text = prop->value.texts; text && *text; text++)
			size += (int64_t)strlen(*text);
		return size;
	case PT_MV_LONG:
		return 4 * (int64_t)prop->value.longs->len;
	case PT_MV_BINARY:
		for (guint i = 0; i < prop->value.binaries->len; i++)
			size += (int64_t)g_bytes_get_size(
				prop->value.binaries->pdata[i]);
		return size;
	case PT_SHORT:
	case PT_BOOLEAN:
		return 2;
	case PT_LONG:
		return 4;
	case PT_DOUBLE:
	case PT_I8:
	case PT_SYSTIME:
		return 8;
	case PT_OBJECT:
		break;
	}
	return 0;
}

/* ---- running ------------------------------------------------------------- */

/* By tag; else by id, for a script may give another type (0x0037001e). */
static const struct prop *find_prop(const struct propset *set, uint32_t tag)
{
	const struct prop *prop = propset_find(set, tag);

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

	if (!value_number(prop, &value))
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
	const struct prop *prop = find_prop(set, tag);

	sieve_run_spend(test->run, 1 + propset_count(set) / 8);
	if (!prop && set == test->run->message->set &&
	    sieve_derived_prop(test->run->message, tag, derived))
		return derived;
	return prop;
}

static int compare_binaries(GBytes *a, GBytes *b)
{
	return a && b ? g_bytes_compare(a, b) : (a != NULL) - (b != NULL);
}

/* RES_COMPAREPROPS: false where one is not there or of another kind. */
static bool compare_holds(struct property_test *test, const struct propset *set,
			  const struct prop *prop)
{
	struct prop derived;
	const struct prop *other = load_prop(test, set, test->other, &derived);
	enum property_kind kind = kind_of(prop->tag);
	int64_t a = 0;
	int64_t b = 0;
	int order;

	if (!other || kind_of(other->tag) != kind || kind == KIND_OTHER)
		return false;
	if (kind == KIND_TEXT)
		order = comparator_compare(test->matcher.comparator,
					   prop->value.text, other->value.text);
	else if (kind == KIND_BINARY)
		order = compare_binaries(prop->value.binary.data,
					 other->value.binary.data);
	else if (value_number(prop, &a) && value_number(other, &b))
		order = (a > b) - (a < b);
	else
		return false;
	return relation_holds(test->relation, order);
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
		sieve_explain_number(test->run, prop_size(prop));
		return relation_holds(test->relation,
				      (prop_size(prop) > test->mask) -
					      (prop_size(prop) < test->mask));
	case MODE_COMPARE:
		return compare_holds(test, set, prop);
	default:
		return feed_prop(test, prop);
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

	*ret_tag = proptag_parse(name);
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
	if (parse_number(text, &test->mask))
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
	.check = check_property,
	.test = run_property,
};
