/*
 * Comparators, match types and :index of the tests that have them; regular
 * expressions are compiled here.
 */
#include "checker_parts.h"
#include "match.h"

static int check_comparator(struct checker *checker, struct ast_node *node)
{
	const struct ast_tagged *tagged =
		language_tagged(node, SLOT_COMPARATOR);
	g_autofree char *what = NULL;
	const char *name;
	enum comparator comparator;

	if (!tagged) {
		if (node->entry->extension != EXTENSION_PROPERTY)
			node->comparator = COMPARATOR_ASCII_CASEMAP;
		return 0;
	}
	name = tagged->argument->strings->text;
	comparator = comparator_find(name);
	if (comparator == COMPARATOR_DEFAULT)
		return sieve_error_set(checker->error, tagged->argument->place,
				       "unknown comparator \"%.60s\"", name);
	what = g_strdup_printf("the comparator \"%s\"", name);
	node->comparator = (int)comparator;
	return checker_need(checker, comparator_extension(comparator),
			    tagged->argument->place, what);
}

static int check_match_type(struct checker *checker, struct ast_node *node)
{
	const struct ast_tagged *tagged = language_tagged(node, SLOT_MATCH);
	int type = tagged ? tagged->choice : MATCH_IS;

	if (type == MATCH_VALUE || type == MATCH_COUNT) {
		const struct ast_argument *argument = tagged->argument;

		node->relation = relation_find(argument->strings->text);
		if (node->relation < 0)
			return sieve_error_set(checker->error, argument->place,
					       "\"%.40s\" is none of gt, ge, "
					       "lt, le, eq, ne",
					       argument->strings->text);
	}
	if ((type == MATCH_CONTAINS || type == MATCH_MATCHES ||
	     type == MATCH_REGEX) &&
	    !comparator_has_substrings((enum comparator)node->comparator))
		return sieve_error_set(
			checker->error, tagged->place,
			"comparator \"%s\" knows no substrings",
			comparator_name((enum comparator)node->comparator));
	return 0;
}

static void free_regex(void *regex)
{
	g_regex_unref(regex);
}

static int check_regexes(struct checker *checker, struct ast_node *node)
{
	const struct ast_argument *keys = NULL;

	if (language_choice(node, SLOT_MATCH, MATCH_IS) != MATCH_REGEX)
		return 0;
	for (int i = 0; i < AST_POSITIONAL_MAX && node->positional[i]; i++)
		keys = node->positional[i];
	for (struct ast_string *key = keys ? keys->strings : NULL; key;
	     key = key->next) {
		g_autofree char *why = NULL;

		if (key->is_dynamic || key->regex)
			continue;
		if (++checker->regexes > MATCH_REGEXES_MAX)
			return sieve_error_set(
				checker->error, key->place,
				"more than %d regular expressions",
				MATCH_REGEXES_MAX);
		key->regex = match_regex_new(
			key->text, (enum comparator)node->comparator, &why);
		if (!key->regex)
			return sieve_error_set(checker->error, key->place,
					       "regular expression: %.120s",
					       why);
		(void)sieve_arena_own(checker->arena, key->regex, free_regex);
	}
	return 0;
}

int checker_match(struct checker *checker, struct ast_node *node)
{
	if (!node->entry->has_match)
		return 0;
	if (check_comparator(checker, node) < 0 ||
	    check_match_type(checker, node) < 0)
		return -1;
	return check_regexes(checker, node);
}

int checker_index(struct checker *checker, const struct ast_node *node)
{
	const struct ast_tagged *index = language_tagged(node, SLOT_INDEX);
	const struct ast_tagged *last = language_tagged(node, SLOT_LAST);

	if (last && !index)
		return sieve_error_set(checker->error, last->place,
				       "the :last tag cannot be specified "
				       "without the :index tag");
	if (index && index->argument->number < 1)
		return sieve_error_set(checker->error, index->argument->place,
				       ":index counts from 1");
	return 0;
}
