/*
 * setflag, addflag, removeflag and the test hasflag, RFC 5232.
 */
#include "checker.h"
#include "entries.h"
#include "flags.h"
#include "match.h"
#include "variable.h"

#include <string.h>

/* What making a list of flags is worth: each is compared with all others. */
#define LOAD_STEPS (UINT64_C(4) * RUN_FLAGS_MAX * RUN_FLAGS_MAX)

/* The variable's name, where one is given before the flags. */
static int check_flag(struct checker *checker, struct ast_node *node,
		      const struct ast_node *previous)
{
	const struct ast_string *name;

	(void)previous;
	if (!node->positional[1])
		return 0;
	if (checker_need(checker, EXTENSION_VARIABLES,
			 node->positional[0]->place,
			 "a variable for flags") < 0)
		return -1;
	for (name = node->positional[0]->strings; name; name = name->next)
		if (name->is_dynamic ||
		    !sieve_variable_name_is_valid(name->text))
			return sieve_error_set(
				checker->error, name->place,
				"\"%.40s\" is no name of a variable",
				name->text);
	return 0;
}

/* RFC 5232 section 2: "a b" is a list of two. */
static void split_keys(struct checker *checker, struct ast_argument *keys)
{
	struct ast_string *key = keys->strings;

	for (; key; key = key->next) {
		g_auto(GStrv) flags = NULL;

		if (key->is_dynamic || !strchr(key->text, ' '))
			continue;
		flags = g_strsplit(key->text, " ", -1);
		for (char **flag = flags; *flag; flag++) {
			struct ast_string *more;

			if (!**flag)
				continue;
			if (flag == flags) {
				key->text = sieve_arena_copy(
					checker->arena, *flag, strlen(*flag));
				continue;
			}
			more = sieve_arena_alloc(checker->arena, sizeof(*more));
			*more = *key;
			more->text = sieve_arena_copy(checker->arena, *flag,
						      strlen(*flag));
			key->next = more;
			key = more;
		}
	}
}

static int check_hasflag(struct checker *checker, struct ast_node *node,
			 const struct ast_node *previous)
{
	int type = language_choice(node, SLOT_MATCH, MATCH_IS);
	struct ast_argument *last = node->arguments;

	if (check_flag(checker, node, previous) < 0)
		return -1;
	while (last && last->next)
		last = last->next;
	if (last && (type == MATCH_IS || type == MATCH_CONTAINS))
		split_keys(checker, last);
	return 0;
}

/* The flags a command works on, owned. */
static GPtrArray *load(struct sieve_run *run, const char *variable)
{
	GPtrArray *flags = sieve_flags_new();

	sieve_run_spend(run, LOAD_STEPS);

	if (variable)
		sieve_flags_add(flags, sieve_variable_get(run, variable));
	else
		for (guint i = 0; i < run->flags->len; i++)
			sieve_flags_add(flags, run->flags->pdata[i]);
	return flags;
}

/* Moves flags. */
static void save(struct sieve_run *run, const char *variable, GPtrArray *flags)
{
	if (variable) {
		g_autofree char *text = sieve_flags_format(flags);

		sieve_variable_set(run, variable, text);
		g_ptr_array_unref(flags);
		return;
	}
	run->acted = run->place.line; /* the implicit keep has them, too */
	g_ptr_array_unref(run->flags);
	run->flags = flags;
}

static void change(struct sieve_run *run, const struct ast_node *node,
		   GPtrArray *flags,
		   void (*each)(GPtrArray *flags, const char *text))
{
	const struct ast_argument *list =
		node->positional[1] ? node->positional[1] : node->positional[0];

	for (const struct ast_string *string = list->strings; string;
	     string = string->next) {
		const char *text = sieve_run_string(run, string);

		sieve_run_spend(run, strlen(text) + flags->len);
		each(flags, text);
	}
}

static const char *variable_of(const struct ast_node *node)
{
	return node->positional[1] ? node->positional[0]->strings->text : NULL;
}

static void run_setflag(struct sieve_run *run, const struct ast_node *node)
{
	GPtrArray *flags = sieve_flags_new();

	change(run, node, flags, sieve_flags_add);
	save(run, variable_of(node), flags);
}

static void run_addflag(struct sieve_run *run, const struct ast_node *node)
{
	GPtrArray *flags = load(run, variable_of(node));

	change(run, node, flags, sieve_flags_add);
	save(run, variable_of(node), flags);
}

static void run_removeflag(struct sieve_run *run, const struct ast_node *node)
{
	GPtrArray *flags = load(run, variable_of(node));

	change(run, node, flags, sieve_flags_remove);
	save(run, variable_of(node), flags);
}

static bool feed_flags(struct sieve_run *run, struct sieve_matcher *matcher,
		       const char *variable)
{
	g_autoptr(GPtrArray) flags = load(run, variable);

	for (guint i = 0; i < flags->len; i++)
		if (sieve_matcher_feed(matcher, flags->pdata[i]))
			return true;
	return false;
}

static bool run_hasflag(struct sieve_run *run, const struct ast_node *node)
{
	const struct ast_string *name;
	struct sieve_matcher matcher;

	sieve_matcher_begin(&matcher, run, node);
	if (!node->positional[1])
		(void)feed_flags(run, &matcher, NULL);
	else
		for (name = node->positional[0]->strings; name;
		     name = name->next)
			if (feed_flags(run, &matcher, name->text))
				break;
	return sieve_matcher_end(&matcher);
}

const struct language_entry cmd_setflag = {
	.kind = LANGUAGE_COMMAND,
	.name = "setflag",
	.extension = EXTENSION_IMAP4FLAGS,
	.signature = "?sS",
	.look = LOOK_NOT,
	.check = check_flag,
	.run = run_setflag,
};

const struct language_entry cmd_addflag = {
	.kind = LANGUAGE_COMMAND,
	.name = "addflag",
	.extension = EXTENSION_IMAP4FLAGS,
	.signature = "?sS",
	.look = LOOK_NOT,
	.check = check_flag,
	.run = run_addflag,
};

const struct language_entry cmd_removeflag = {
	.kind = LANGUAGE_COMMAND,
	.name = "removeflag",
	.extension = EXTENSION_IMAP4FLAGS,
	.signature = "?sS",
	.look = LOOK_NOT,
	.check = check_flag,
	.run = run_removeflag,
};

const struct language_entry test_hasflag = {
	.kind = LANGUAGE_TEST,
	.name = "hasflag",
	.extension = EXTENSION_IMAP4FLAGS,
	.signature = "?SS",
	.look = LOOK_NOT,
	.tags = language_match,
	.has_match = true,
	.check = check_hasflag,
	.test = run_hasflag,
};
