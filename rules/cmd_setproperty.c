/*
 * setproperty, Okapi's own (vnd.okapi.setproperty): OP_TAG of MS-OXORULE.
 * What it sets holds, as flags do, for every action that comes after it.
 * Keywords (PidNameKeywords, MS-OXCMSG 2.2.1.17) are the categories: each value
 * is one more, whole, where the words of addflag end at a blank.
 */
#include "checker.h"
#include "date.h"
#include "entries.h"
#include "flags.h"
#include "property.h"
#include "run.h"

#include <errno.h>
#include <string.h>

#define SETPROPERTY_MAX 16
#define CATEGORY_MAX    255 /* octets, as Outlook has it */

/* What is wrong with a category, or NULL: a comma divides them in the field
 * Keywords. */
static const char *check_category(const char *text)
{
	if (!*text || strlen(text) > CATEGORY_MAX || *text == '\\')
		return "not the name of a category";
	for (const char *at = text; *at; at++)
		if (*at == ',' || (unsigned char)*at < 0x20 || *at == 0x7f)
			return "not the name of a category";
	if (g_ascii_isspace(*text) || g_ascii_isspace(text[strlen(text) - 1]))
		return "not the name of a category";
	return NULL;
}

/* What belongs to the message, its place or the store, and is not for rules to
 * say. */
static bool is_fixed(uint32_t tag)
{
	static const uint32_t fixed[] = {
		PR_MESSAGE_FLAGS, PR_MESSAGE_SIZE,
		PR_SUBJECT,       PR_NORMALIZED_SUBJECT,
		PR_BODY,          PR_INTERNET_MESSAGE_ID,
		PR_MESSAGE_CLASS, PR_TRANSPORT_MESSAGE_HEADERS,
		PR_HASATTACH,     PR_MESSAGE_DELIVERY_TIME,
		PR_CREATION_TIME, PR_LAST_MODIFICATION_TIME,
	};

	for (size_t i = 0; i < G_N_ELEMENTS(fixed); i++)
		if (PROP_ID(fixed[i]) == PROP_ID(tag))
			return true;
	return PROP_ID(tag) >= PROP_ID_NAMED;
}

static bool parse_long(const char *text, int64_t *ret_number)
{
	char *end = NULL;
	int64_t number;

	errno = 0;
	number = g_ascii_strtoll(text, &end, 0);
	if (errno || end == text || *end)
		return false;
	*ret_number = number;
	return true;
}

static bool fits(uint32_t tag, int64_t number)
{
	if (PROP_TYPE(tag) == PT_SHORT)
		return number >= INT16_MIN && number <= INT16_MAX;
	if (PROP_TYPE(tag) == PT_LONG)
		return number >= INT32_MIN && number <= INT32_MAX;
	return true;
}

/* Sets text as a value of the tag's type; what is wrong with it, or NULL. */
static const char *set_value(struct propset *set, uint32_t tag,
			     const char *text)
{
	int64_t number = 0;

	switch ((enum proptype)PROP_TYPE(tag)) {
	case PT_SHORT:
	case PT_LONG:
	case PT_I8:
		if (!parse_long(text, &number) || !fits(tag, number))
			return "not a number that fits";
		propset_set_number(set, tag, number);
		return NULL;
	case PT_SYSTIME:
		if (!sieve_date_parse_iso(text, &number))
			return "not a time as in 2026-11-23T05:58:00Z";
		propset_set_number(set, tag, number);
		return NULL;
	case PT_BOOLEAN:
		if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
			return "not true or false";
		propset_set_bool(set, tag, strcmp(text, "true") == 0);
		return NULL;
	case PT_UNICODE:
		propset_set_text(set, tag, text);
		return NULL;
	case PT_CLSID:
	case PT_DOUBLE:
	case PT_BINARY:
	case PT_MV_LONG:
	case PT_MV_UNICODE:
	case PT_MV_BINARY:
	case PT_OBJECT:
		break;
	}
	return "of no type that a rule can set";
}

static const char *check_tag(uint32_t tag)
{
	if (!PROP_ID(tag))
		return "unknown";
	return is_fixed(tag) ? "not for rules to set" : NULL;
}

static int check_categories(struct checker *checker,
			    const struct ast_string *value)
{
	for (; value; value = value->next) {
		const char *why =
			value->is_dynamic ? NULL : check_category(value->text);

		if (why)
			return sieve_error_set(checker->error, value->place,
					       "\"%.60s\" is %s", value->text,
					       why);
	}
	return 0;
}

static int check_setproperty(struct checker *checker, struct ast_node *node,
			     const struct ast_node *previous)
{
	const struct ast_string *name = node->positional[0]->strings;
	const struct ast_string *value = node->positional[1]->strings;
	AUTO(propset) set = propset_new();
	const char *why;

	(void)previous;
	if (name->is_dynamic)
		return 0;
	if (property_parse_name(name->text) == PROPERTY_KEYWORDS)
		return check_categories(checker, value);
	if (value->next)
		return sieve_error_set(checker->error, value->next->place,
				       "\"%.60s\" takes one value", name->text);
	node->tag = proptag_parse(name->text);
	why = check_tag(node->tag);
	if (why)
		return sieve_error_set(checker->error, name->place,
				       "the property \"%.60s\" is %s",
				       name->text, why);
	why = value->is_dynamic ? NULL : set_value(set, node->tag, value->text);
	if (why)
		return sieve_error_set(checker->error, value->place,
				       "\"%.60s\" is %s, as %s wants it",
				       value->text, why, name->text);
	return 0;
}

static const char *set_one(struct sieve_run *run, const struct ast_node *node,
			   const char *name, const char *value)
{
	uint32_t tag = node->tag ? node->tag : proptag_parse(name);
	const char *why = check_tag(tag);

	if (why)
		return why;
	if (!run->properties)
		run->properties = propset_new();
	return set_value(run->properties, tag, value);
}

static const char *add_category(struct sieve_run *run, const char *text)
{
	const char *why = check_category(text);

	if (!why)
		sieve_flags_put(run->categories, text);
	return why;
}

static void run_setproperty(struct sieve_run *run, const struct ast_node *node)
{
	const char *name = sieve_run_text(run, node->positional[0]);
	bool are_categories = property_parse_name(name) == PROPERTY_KEYWORDS;
	const struct ast_string *string = node->positional[1]->strings;

	if (!are_categories && string->next)
		sieve_run_fail(run, "setproperty: %.60s takes one value", name);
	for (; string && !run->failed; string = string->next) {
		const char *value = sieve_run_string(run, string);
		const char *why = are_categories
					  ? add_category(run, value)
					  : set_one(run, node, name, value);

		sieve_run_spend(run, 64 + strlen(value));
		if (why)
			sieve_run_fail(run, "setproperty: %.60s, \"%.60s\": %s",
				       name, value, why);
	}
	if (run->categories->len +
		    (run->properties ? propset_count(run->properties) : 0) >
	    SETPROPERTY_MAX)
		sieve_run_fail(run, "more than %d properties set",
			       SETPROPERTY_MAX);
	run->acted = run->place.line; /* the implicit keep has them, too */
}

const struct language_entry cmd_setproperty = {
	.kind = LANGUAGE_COMMAND,
	.name = "setproperty",
	.extension = EXTENSION_SETPROPERTY,
	.signature = "sS",
	.check = check_setproperty,
	.run = run_setproperty,
};
