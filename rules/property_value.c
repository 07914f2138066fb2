/*
 * The values of properties beside keys and beside each other, each compared as
 * what it is.
 */
#include "property.h"

#include "date.h"
#include "explain.h"
#include "html.h"

#include <errno.h>
#include <string.h>

uint32_t property_parse_name(const char *name)
{
	return g_ascii_strcasecmp(name, "Keywords") == 0 ? PROPERTY_KEYWORDS
							 : proptag_parse(name);
}

bool property_parse_number(const char *text, int64_t *ret_number)
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

bool property_is_number(uint32_t tag)
{
	uint32_t type = PROP_TYPE(tag);

	return type == PT_SHORT || type == PT_LONG || type == PT_I8 ||
	       type == PT_MV_LONG;
}

bool property_parse_boolean(const char *text, bool *ret_value)
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

bool property_is_binary(uint32_t tag)
{
	return (PROP_TYPE(tag) == PT_BINARY ||
		PROP_TYPE(tag) == PT_MV_BINARY) &&
	       PROP_ID(tag) != PROP_ID(PR_HTML);
}

bool property_is_typed(const struct ast_node *node)
{
	int type = language_choice(node, SLOT_MATCH, MATCH_IS);

	return node->comparator == COMPARATOR_DEFAULT &&
	       (type == MATCH_IS || type == MATCH_VALUE ||
		(type == MATCH_CONTAINS && property_is_binary(node->tag)));
}

enum property_kind property_kind_of(uint32_t tag)
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

bool property_number(const struct prop *prop, int64_t *ret_number)
{
	if (PROP_TYPE(prop->tag) == PT_BOOLEAN)
		*ret_number = prop->value.boolean;
	else if (property_is_number(prop->tag) ||
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
		if (!property_parse_boolean(key, &boolean))
			return -1;
		*ret_number = boolean;
		return 0;
	}
	return property_parse_number(key, ret_number) ? 0 : -1;
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
	if (is_binary_key(test, ""))
		sieve_explain_octets(test->run, octets, len);
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

	if (!property_is_typed(test->node))
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
	text = sieve_run_decode(test->run,
				sieve_html_charset(test->run->message->set),
				octets, len);
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

bool property_feed(struct property_test *test, const struct prop *prop)
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
		(void)g_ascii_dtostr(real, sizeof(real), prop->value.real);
		if (!property_is_typed(test->node))
			return feed_text(test, real);
		sieve_explain_value(test->run, real);
		return feed_double(test, prop->value.real);
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

int64_t property_size(const struct prop *prop)
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

static int compare_binaries(GBytes *a, GBytes *b)
{
	return a && b ? g_bytes_compare(a, b) : (a != NULL) - (b != NULL);
}

/* One of two that are compared, for people. */
static void explain_prop(const struct property_test *test,
			 const struct prop *prop)
{
	g_autofree char *text = NULL;
	gsize len = 0;
	const guchar *octets;
	int64_t number;

	if (property_number(prop, &number)) {
		text = whole_text(prop->tag, number);
		sieve_explain_value(test->run, text);
	} else if (property_kind_of(prop->tag) == KIND_TEXT) {
		sieve_explain_value(test->run, prop->value.text);
	} else if (prop->value.binary.data) {
		octets = g_bytes_get_data(prop->value.binary.data, &len);
		sieve_explain_octets(test->run, octets, len);
	}
}

bool property_compare(const struct property_test *test, const struct prop *prop,
		      const struct prop *other)
{
	enum property_kind kind = property_kind_of(prop->tag);
	int64_t a = 0;
	int64_t b = 0;
	int order;

	if (property_kind_of(other->tag) != kind || kind == KIND_OTHER)
		return false;
	explain_prop(test, prop);
	explain_prop(test, other);
	if (kind == KIND_TEXT)
		order = comparator_compare(test->matcher.comparator,
					   prop->value.text, other->value.text);
	else if (kind == KIND_BINARY)
		order = compare_binaries(prop->value.binary.data,
					 other->value.binary.data);
	else if (property_number(prop, &a) && property_number(other, &b))
		order = (a > b) - (a < b);
	else
		return false;
	return relation_holds(test->relation, order);
}
