/*
 * Sorts the arguments of a node into tags and places, and holds them to what
 * its entry of the language says.
 */
#include "checker_parts.h"
#include "match.h"

#include <string.h>

const struct language_tag *checker_find_tag(const struct language_entry *entry,
					    const char *name)
{
	if (!entry->tags)
		return NULL;
	for (size_t i = 0; entry->tags[i]; i++)
		for (const struct language_tag *tag = entry->tags[i]; tag->name;
		     tag++)
			if (strcmp(tag->name, name) == 0)
				return tag;
	return NULL;
}

const char *checker_kind_name(const struct language_entry *entry)
{
	return entry->kind == LANGUAGE_TEST ? "test" : "command";
}

static const char *found_name(const struct ast_argument *argument)
{
	static const char *const names[] = {
		[AST_STRINGS] = "a string",
		[AST_NUMBER] = "a number",
		[AST_TAG] = "a tag",
	};

	return argument->is_list ? "a string list" : names[argument->kind];
}

/* Does argument have the kind a signature asks for?  NULL, or what it asks
 * for in words. */
static const char *misfit(char wanted, const struct ast_argument *argument)
{
	bool is_strings = argument && argument->kind == AST_STRINGS;
	bool is_number = argument && argument->kind == AST_NUMBER;

	switch (wanted) {
	case 's':
	case 'C':
		return is_strings && !argument->is_list ? NULL : "a string";
	case 'S':
		return is_strings ? NULL : "a string list";
	case 'n':
		return is_number ? NULL : "a number";
	case 'v':
		return is_number || (is_strings && !argument->is_list)
			       ? NULL
			       : "a string or a number";
	default:
		return NULL;
	}
}

static int check_tag_parameter(struct checker *checker,
			       const struct language_tag *tag,
			       const struct ast_argument *argument)
{
	const struct ast_argument *parameter = argument->next;
	const char *wanted = misfit(tag->parameter, parameter);

	if (wanted)
		return sieve_error_set(checker->error,
				       parameter ? parameter->place
						 : argument->place,
				       "the tag :%s must be followed by %s",
				       tag->name, wanted);
	if (tag->parameter == 'C' && parameter && parameter->strings &&
	    parameter->strings->is_dynamic)
		return sieve_error_set(checker->error, parameter->place,
				       "no variables are allowed here");
	return 0;
}

/* The match types of property need no require of their own (docs/rules.md);
 * :count is none of them. */
static bool is_brought_along(const struct language_entry *entry,
			     const struct language_tag *tag)
{
	return entry->extension == EXTENSION_PROPERTY &&
	       tag->slot == SLOT_MATCH && tag->choice != MATCH_COUNT;
}

bool checker_was_told(struct checker *checker, const char *name)
{
	for (guint i = 0; i < checker->unknown->len; i++)
		if (strcmp(checker->unknown->pdata[i], name) == 0)
			return true;
	g_ptr_array_add(checker->unknown,
			sieve_arena_copy(checker->arena, name, strlen(name)));
	return false;
}

/* The tags an entry takes, as far as they are enabled; owned. */
static char *list_tags(const struct checker *checker,
		       const struct language_entry *entry)
{
	GString *list = g_string_new(NULL);

	for (size_t i = 0; entry->tags && entry->tags[i]; i++)
		for (const struct language_tag *tag = entry->tags[i]; tag->name;
		     tag++)
			if (checker_enables(checker, tag->extension))
				g_string_append_printf(list, " :%s", tag->name);
	if (!list->len)
		g_string_append(list, " none");
	return g_string_free(list, FALSE);
}

static int unknown_tag(struct checker *checker, const struct ast_node *node,
		       const struct ast_argument *argument)
{
	g_autofree char *known = list_tags(checker, node->entry);

	return sieve_error_set(checker->error, argument->place,
			       "unknown tagged argument ':%.40s' for the %s %s "
			       "(it takes%s)",
			       argument->tag, node->name,
			       checker_kind_name(node->entry), known);
}

static int check_tag(struct checker *checker, struct ast_node *node,
		     const struct ast_argument *argument,
		     const struct language_tag **ret_tag)
{
	const struct language_tag *tag =
		checker_find_tag(node->entry, argument->tag);
	g_autofree char *what = g_strdup_printf("the tag :%s", argument->tag);
	struct ast_tagged *tagged;

	if (!tag) {
		g_autofree char *key =
			g_strdup_printf("%s :%s", node->name, argument->tag);

		return checker_was_told(checker, key)
			       ? -1
			       : unknown_tag(checker, node, argument);
	}
	if (!is_brought_along(node->entry, tag) &&
	    checker_need(checker, tag->extension, argument->place, what) < 0)
		return -1;
	if (language_tagged(node, tag->slot))
		return sieve_error_set(checker->error, argument->place,
				       ":%s after another tag of its kind",
				       tag->name);
	if (check_tag_parameter(checker, tag, argument) < 0)
		return -1;
	tagged = sieve_arena_alloc(checker->arena, sizeof(*tagged));
	tagged->slot = (int)tag->slot;
	tagged->choice = tag->choice;
	tagged->place = argument->place;
	tagged->argument = tag->parameter ? argument->next : NULL;
	tagged->next = node->tagged;
	node->tagged = tagged;
	*ret_tag = tag;
	return 0;
}

static int late_tag(struct checker *checker, const struct ast_node *node,
		    const struct ast_argument *argument)
{
	g_autofree char *key =
		g_strdup_printf("%s :%s", node->name, argument->tag);

	if (!checker_find_tag(node->entry, argument->tag) &&
	    !checker_was_told(checker, key))
		return unknown_tag(checker, node, argument);
	return sieve_error_set(checker->error, argument->place,
			       "unexpected tag ':%.40s' behind the other "
			       "arguments of the %s %s",
			       argument->tag, node->name,
			       checker_kind_name(node->entry));
}

int checker_sort_arguments(struct checker *checker, struct ast_node *node,
			   size_t *ret_count)
{
	size_t count = 0;

	for (const struct ast_argument *argument = node->arguments; argument;
	     argument = argument->next) {
		const struct language_tag *tag = NULL;

		if (argument->kind != AST_TAG) {
			if (count == AST_POSITIONAL_MAX)
				return sieve_error_set(
					checker->error, argument->place,
					"too many arguments for %s",
					node->name);
			node->positional[count++] = argument;
			continue;
		}
		if (count > 0)
			return late_tag(checker, node, argument);
		if (check_tag(checker, node, argument, &tag) < 0 || !tag)
			return -1;
		if (tag->parameter && argument->next)
			argument = argument->next;
	}
	*ret_count = count;
	return 0;
}

/* What stands at place i ought to be, " (key list)"; owned. */
static char *argument_name(const struct language_entry *entry, size_t i,
			   size_t wanted)
{
	const char *name = i == 0 ? entry->first : NULL;

	if (entry->has_match && i + 1 == wanted)
		name = "key list";
	return name ? g_strdup_printf(" (%s)", name) : g_strdup("");
}

static int wrong_argument(struct checker *checker, const struct ast_node *node,
			  size_t i, size_t wanted, const char *kind)
{
	const struct ast_argument *argument = node->positional[i];
	g_autofree char *name = argument_name(node->entry, i, wanted);

	return sieve_error_set(checker->error, argument->place,
			       "the %s %s expects %s as argument %zu%s, but %s "
			       "was found",
			       node->name, checker_kind_name(node->entry), kind,
			       i + 1, name, found_name(argument));
}

const char *checker_signature(const struct ast_node *node, size_t count)
{
	const char *signature = node->entry->find_signature
					? node->entry->find_signature(node)
					: node->entry->signature;

	if (*signature == '?' && count < strlen(++signature))
		signature++;
	return signature;
}

int checker_positional(struct checker *checker, struct ast_node *node,
		       size_t count)
{
	const char *signature = checker_signature(node, count);
	size_t wanted = strlen(signature);

	for (size_t i = 0; i < wanted && i < count; i++) {
		const char *kind = misfit(signature[i], node->positional[i]);

		if (kind)
			return wrong_argument(checker, node, i, wanted, kind);
	}
	if (count < wanted)
		return sieve_error_set(
			checker->error, node->place,
			"the %s %s requires %zu positional argument%s, but %zu "
			"%s specified",
			node->name, checker_kind_name(node->entry), wanted,
			wanted == 1 ? "" : "s", count,
			count == 1 ? "is" : "are");
	if (count > wanted)
		return sieve_error_set(
			checker->error, node->positional[wanted]->place,
			"too many arguments for the %s %s", node->name,
			checker_kind_name(node->entry));
	return 0;
}
