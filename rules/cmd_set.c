/*
 * set and the test string, RFC 5229 sections 4 and 5.
 */
#include "checker.h"
#include "entries.h"
#include "match.h"
#include "modifier.h"
#include "variable.h"

#include <string.h>

enum set_case {
	CASE_LOWER,
	CASE_UPPER
};

const struct language_tag language_modifier_tags[] = {
	{"lower", SLOT_CASE, CASE_LOWER, 0, EXTENSION_NONE},
	{"upper", SLOT_CASE, CASE_UPPER, 0, EXTENSION_NONE},
	{"lowerfirst", SLOT_CASE_FIRST, CASE_LOWER, 0, EXTENSION_NONE},
	{"upperfirst", SLOT_CASE_FIRST, CASE_UPPER, 0, EXTENSION_NONE},
	{"quotewildcard", SLOT_QUOTE, 0, 0, EXTENSION_NONE},
	{"quoteregex", SLOT_QUOTE, 1, 0, EXTENSION_REGEX},
	{"length", SLOT_LENGTH, 0, 0, EXTENSION_NONE},
	{0},
};

static const struct language_tag *const tags[] = {
	language_modifier_tags,
	NULL,
};

int sieve_variable_declare(struct checker *checker,
			   const struct ast_string *name)
{
	if (!name->is_dynamic && sieve_variable_name_is_valid(name->text) &&
	    (!strchr(name->text, '.') ||
	     checker_enables(checker, EXTENSION_INCLUDE))) {
		g_autofree char *key = g_ascii_strdown(name->text, -1);

		if (g_hash_table_contains(checker->globals, key) ||
		    !g_hash_table_add(checker->locals, g_steal_pointer(&key)))
			return 0;
		/* Told at the first one too many. */
		return g_hash_table_size(checker->locals) ==
				       RUN_VARIABLES_MAX + 1
			       ? sieve_error_set(checker->error, name->place,
						 "more than %d variables",
						 RUN_VARIABLES_MAX)
			       : 0;
	}
	return sieve_error_set(checker->error, name->place,
			       "\"%.40s\" is no name of a variable",
			       name->text);
}

static int check_set(struct checker *checker, struct ast_node *node,
		     const struct ast_node *previous)
{
	(void)previous;
	return sieve_variable_declare(checker, node->positional[0]->strings);
}

static char *apply_case(const char *text, int choice)
{
	return choice == CASE_LOWER ? g_utf8_strdown(text, -1)
				    : g_utf8_strup(text, -1);
}

static char *apply_case_first(const char *text, int choice)
{
	const char *rest = *text ? g_utf8_next_char(text) : text;
	g_autofree char *first = g_strndup(text, (gsize)(rest - text));
	g_autofree char *changed = apply_case(first, choice);

	return g_strconcat(changed, rest, NULL);
}

static char *apply_quote(const char *text, int is_regex)
{
	GString *quoted = g_string_new(NULL);

	for (; *text; text++) {
		if (strchr(is_regex ? "\\.^$*+?()[]{}|" : "\\*?", *text))
			g_string_append_c(quoted, '\\');
		g_string_append_c(quoted, *text);
	}
	return g_string_free(quoted, FALSE);
}

/* A value that is too long is not cut between a backslash and what it quotes
 * (RFC 5229 section 4.1.1). */
static void cut_quoted(const struct sieve_run *run, char *value)
{
	size_t max = sieve_variable_max(run);
	size_t slashes = 0;

	if (strlen(value) <= max)
		return;
	while (slashes < max && value[max - 1 - slashes] == '\\')
		slashes++;
	value[max - slashes % 2] = '\0';
}

/* Replaces *value by what modifier makes of it. */
static void modify(char **value, char *(*modifier)(const char *, int),
		   const struct ast_tagged *tagged)
{
	char *changed;

	if (!tagged)
		return;
	changed = modifier(*value, tagged->choice);
	g_free(*value);
	*value = changed;
}

/* In the order of precedence of RFC 5229 section 4.1. */
char *sieve_modify(const struct sieve_run *run, const struct ast_node *node,
		   const char *text)
{
	char *value =
		node->tagged ? g_utf8_make_valid(text, -1) : g_strdup(text);

	modify(&value, apply_case, language_tagged(node, SLOT_CASE));
	modify(&value, apply_case_first,
	       language_tagged(node, SLOT_CASE_FIRST));
	modify(&value, apply_quote, language_tagged(node, SLOT_QUOTE));
	if (language_tagged(node, SLOT_LENGTH)) {
		long length = g_utf8_strlen(value, -1);

		g_free(value);
		value = g_strdup_printf("%ld", length);
	}
	if (language_tagged(node, SLOT_QUOTE))
		cut_quoted(run, value);
	return value;
}

static void run_set(struct sieve_run *run, const struct ast_node *node)
{
	const char *text = sieve_run_text(run, node->positional[1]);
	g_autofree char *value = sieve_modify(run, node, text);

	if (!run->failed)
		sieve_variable_set(run, node->positional[0]->strings->text,
				   value);
}

static bool run_string_test(struct sieve_run *run, const struct ast_node *node)
{
	struct sieve_matcher matcher;

	sieve_matcher_begin(&matcher, run, node);
	for (const struct ast_string *source = node->positional[0]->strings;
	     source; source = source->next) {
		const char *value = sieve_run_string(run, source);

		/* An empty one does not count (RFC 5229 section 5). */
		if (matcher.type == MATCH_COUNT && !*value)
			continue;
		if (sieve_matcher_feed(&matcher, value))
			break;
	}
	return sieve_matcher_end(&matcher);
}

const struct language_entry cmd_set = {
	.kind = LANGUAGE_COMMAND,
	.name = "set",
	.extension = EXTENSION_VARIABLES,
	.signature = "ss",
	.look = LOOK_NOT,
	.tags = tags,
	.check = check_set,
	.run = run_set,
};

const struct language_entry test_string = {
	.kind = LANGUAGE_TEST,
	.name = "string",
	.extension = EXTENSION_VARIABLES,
	.signature = "SS",
	.look = LOOK_NOT,
	.tags = language_match,
	.has_match = true,
	.test = run_string_test,
};
