/*
 * Gives every node its entry of the language and holds it to what that says.
 */
#include "checker.h"

#include "address.h"
#include "checker_parts.h"
#include "encoded.h"
#include "entries.h"
#include "variable.h"

#include <string.h>

/* Names of header fields: beyond that a script may as well have them all. */
#define CHECKER_FIELDS_MAX 64

void checker_needs(struct checker *checker, enum sieve_needs needs)
{
	checker->needs = MAX(checker->needs, needs);
}

void checker_looks_at(struct checker *checker, const char *name)
{
	g_autofree char *lower = g_ascii_strdown(name, -1);

	for (guint i = 0; i < checker->fields->len; i++)
		if (strcmp(checker->fields->pdata[i], lower) == 0)
			return;
	if (checker->fields->len == CHECKER_FIELDS_MAX)
		checker_needs(checker, SIEVE_NEEDS_HEADER);
	else
		g_ptr_array_add(
			checker->fields,
			sieve_arena_copy(checker->arena, lower, strlen(lower)));
}

void checker_looks_at_all(struct checker *checker,
			  const struct ast_argument *names)
{
	for (const struct ast_string *name = names->strings; name;
	     name = name->next) {
		if (name->is_dynamic)
			checker_needs(checker, SIEVE_NEEDS_HEADER);
		else
			checker_looks_at(checker, name->text);
	}
}

bool checker_enables(const struct checker *checker, enum extension extension)
{
	return extension == EXTENSION_NONE ||
	       (checker->enabled & EXTENSION_BIT(extension));
}

int checker_need(struct checker *checker, enum extension extension,
		 struct sieve_place place, const char *what)
{
	if (checker_enables(checker, extension))
		return 0;
	return sieve_error_set(checker->error, place, "%s needs require \"%s\"",
			       what, extension_name(extension));
}

/* ---- strings ------------------------------------------------------------- */

/* Told, and from then on nobody looks into it. */
static void fault_string(struct checker *checker, struct ast_string *string,
			 const char *what, const char *why)
{
	(void)sieve_error_set(checker->error, string->place, "%s%s", what, why);
	checker_note(checker);
	string->is_faulty = string->is_dynamic = true;
}

static void check_string(struct checker *checker, struct ast_string *string)
{
	const char *why = NULL;
	int found;

	if (checker_enables(checker, EXTENSION_ENCODED_CHARACTER) &&
	    strstr(string->text, "${")) {
		g_autofree char *decoded =
			sieve_encoded_decode(string->text, &why);

		if (!decoded) {
			fault_string(checker, string,
				     "encoded character: ", why);
			return;
		}
		string->text = sieve_arena_copy(checker->arena, decoded,
						strlen(decoded));
	}
	if (!checker_enables(checker, EXTENSION_VARIABLES))
		return;
	found = sieve_variables_check(
		string->text, checker_enables(checker, EXTENSION_INCLUDE),
		&why);
	if (found < 0)
		fault_string(checker, string, "", why);
	else
		string->is_dynamic = found > 0;
}

static void check_strings(struct checker *checker, struct ast_node *node)
{
	for (struct ast_argument *argument = node->arguments; argument;
	     argument = argument->next)
		for (struct ast_string *string = argument->strings; string;
		     string = string->next)
			check_string(checker, string);
}

/* ---- nodes --------------------------------------------------------------- */

/* The caller's own first, where they were required. */
static const struct language_entry *find_known(const struct checker *checker,
					       enum language_kind kind,
					       const char *name)
{
	const struct language_entry *const *host =
		checker->options ? checker->options->host_entries : NULL;

	if (host && checker_enables(checker, EXTENSION_HOST))
		for (; *host; host++)
			if ((*host)->kind == kind &&
			    strcmp((*host)->name, name) == 0)
				return *host;
	return language_find(kind, name);
}

static int needless_test(struct checker *checker, const struct ast_node *node)
{
	const struct ast_node *test = node->tests;
	bool is_command = node->entry->kind == LANGUAGE_COMMAND;

	if (!is_command && checker_find_tag(node->entry, test->name))
		return sieve_error_set(checker->error, test->place,
				       "missing colon (':') before the %s tag "
				       "of the %s test",
				       test->name, node->name);
	if (strcmp(node->name, "else") == 0 && strcmp(test->name, "if") == 0)
		return sieve_error_set(checker->error, test->place,
				       "\"else if\" is written elsif");
	if (is_command && !node->is_test_list &&
	    !find_known(checker, LANGUAGE_TEST, test->name))
		return sieve_error_set(checker->error, test->place,
				       "missing semicolon (';') after the %s "
				       "command",
				       node->name);
	return sieve_error_set(checker->error, test->place,
			       "the %s %s accepts no sub-tests, but %s "
			       "specified",
			       node->name, checker_kind_name(node->entry),
			       test->next ? "some are" : "one is");
}

static int check_tests(struct checker *checker, const struct ast_node *node)
{
	const struct language_entry *entry = node->entry;

	if (entry->tests == TESTS_NONE && node->tests)
		return needless_test(checker, node);
	if (entry->tests == TESTS_ONE && (!node->tests || node->is_test_list))
		return sieve_error_set(checker->error, node->place,
				       "%s takes one test, not in parentheses",
				       node->name);
	if (entry->tests == TESTS_LIST && !node->is_test_list)
		return sieve_error_set(checker->error, node->place,
				       "%s takes a list of tests in "
				       "parentheses",
				       node->name);
	return 0;
}

static int check_block(struct checker *checker, const struct ast_node *node)
{
	const struct language_entry *entry = node->entry;

	if (entry->has_block && !node->has_block)
		return sieve_error_set(checker->error, node->place,
				       "%s lacks its block in braces",
				       node->name);
	if (!entry->has_block && node->has_block)
		return sieve_error_set(checker->error, node->place,
				       "%s takes no block", node->name);
	return 0;
}

static int find_entry(struct checker *checker, struct ast_node *node,
		      enum language_kind kind)
{
	bool is_test = kind == LANGUAGE_TEST;

	node->entry = find_known(checker, kind, node->name);
	if (node->entry)
		return checker_need(checker, node->entry->extension,
				    node->place, node->name);
	if (language_find(is_test ? LANGUAGE_COMMAND : LANGUAGE_TEST,
			  node->name))
		return sieve_error_set(checker->error, node->place,
				       is_test ? "cannot use command '%s' as a "
						 "test"
					       : "cannot use test '%s' as a "
						 "command",
				       node->name);
	if (checker_was_told(checker, node->name))
		return -1;
	return sieve_error_set(checker->error, node->place,
			       is_test ? "unknown test \"%.60s\""
				       : "unknown command \"%.60s\"",
			       node->name);
}

void checker_note(struct checker *checker)
{
	if (checker->errors->len < SIEVE_ERRORS_MAX)
		g_array_append_val(checker->errors, *checker->error);
	*checker->error = (struct sieve_error){0};
}

static int note(struct checker *checker)
{
	checker_note(checker);
	return -1;
}

/* Where a test stands in the place of an argument, it is not told, too; but a
 * tag may have lost its colon. */
static bool is_told_by_arguments(const struct ast_node *node, size_t count)
{
	return node->tests && count < strlen(checker_signature(node, count)) &&
	       !(node->entry->kind == LANGUAGE_TEST &&
		 checker_find_tag(node->entry, node->tests->name));
}

static int check_arguments(struct checker *checker, struct ast_node *node)
{
	size_t count = 0;

	if (checker_sort_arguments(checker, node, &count) < 0) {
		count = SIZE_MAX;
	} else if (checker_positional(checker, node, count) == 0 &&
		   checker_match(checker, node) == 0 &&
		   checker_index(checker, node) == 0) {
		return 0;
	}
	if (checker->error->text[0])
		checker_note(checker);
	if (node->entry->tests != TESTS_NONE ||
	    (count != SIZE_MAX && is_told_by_arguments(node, count)))
		return -1;
	return check_tests(checker, node) < 0 ? note(checker) : -1;
}

/* What nobody says looks at everything. */
static void note_look(struct checker *checker, const struct ast_node *node)
{
	switch (node->entry->look) {
	case LOOK_WHOLE:
		checker_needs(checker, SIEVE_NEEDS_HEADER);
		return;
	case LOOK_FIELDS:
		checker_looks_at_all(checker, node->positional[0]);
		return;
	case LOOK_NOT:
		return;
	}
}

/* What a faulty require asks for is meant: one error, not many. */
static void take_required(struct checker *checker, struct ast_node *node,
			  const struct ast_node *previous)
{
	guint told = checker->errors->len;

	(void)node->entry->check(checker, node, previous);
	g_array_set_size(checker->errors, told);
	*checker->error = (struct sieve_error){0};
}

static int check_this(struct checker *checker, struct ast_node *node,
		      const struct ast_node *previous)
{
	check_strings(checker, node);
	if (check_arguments(checker, node) < 0)
		return -1;
	if (check_tests(checker, node) < 0 || check_block(checker, node) < 0) {
		checker_note(checker);
		if (node->entry == &cmd_require)
			take_required(checker, node, previous);
		return -1;
	}
	if (node->entry->check &&
	    node->entry->check(checker, node, previous) < 0)
		return note(checker);
	note_look(checker, node);
	return 0;
}

static void check_node(struct checker *checker, struct ast_node *node,
		       enum language_kind kind, const struct ast_node *previous)
{
	if (find_entry(checker, node, kind) < 0) {
		if (checker->error->text[0])
			checker_note(checker);
		return;
	}
	(void)check_this(checker, node, previous);
	if (node->entry->tests != TESTS_NONE)
		for (struct ast_node *test = node->tests; test;
		     test = test->next)
			check_node(checker, test, LANGUAGE_TEST, NULL);
}

void checker_faulty(struct checker *checker, struct ast_node *command)
{
	if (find_entry(checker, command, LANGUAGE_COMMAND) < 0 &&
	    !command->entry && checker->error->text[0])
		checker_note(checker);
	*checker->error = (struct sieve_error){0};
}

/* What was required is known. */
static void end_requires(struct checker *checker,
			 const struct ast_node *command)
{
	checker->past_requires = true;
	/* RFC 5703 section 7. */
	if (checker_enables(checker, EXTENSION_EXTRACTTEXT) &&
	    checker_need(checker, EXTENSION_FOREVERYPART, command->place,
			 "extracttext") < 0)
		checker_note(checker);
}

void checker_command(struct checker *checker, struct ast_node *command,
		     const struct ast_node *previous)
{
	guint before = checker->errors->len;
	bool has_error;

	checker->saw_ihave = false;
	check_node(checker, command, LANGUAGE_COMMAND, previous);
	if (strcmp(command->name, "require") != 0 && !checker->past_requires)
		end_requires(checker, command);
	has_error = checker->errors->len > before;
	if (has_error && checker->ihave > 0) {
		/* It may stand in a branch that is not for us. */
		const struct sieve_error *first = &g_array_index(
			checker->errors, struct sieve_error, before);

		command->deferred_error = sieve_arena_copy(
			checker->arena, first->text, strlen(first->text));
		g_array_set_size(checker->errors, before);
		has_error = false;
	}
	if (!has_error && command->has_block &&
	    (checker->ihave > 0 || checker->saw_ihave))
		checker->ihave++;
}

void checker_block_end(struct checker *checker, const struct ast_node *command)
{
	GPtrArray *loops = checker->loops;

	if (loops->len > 0 && loops->pdata[loops->len - 1] == command)
		g_ptr_array_set_size(loops, (gint)loops->len - 1);
	if (checker->ihave > 0)
		checker->ihave--;
}

int checker_header_names(struct checker *checker,
			 const struct ast_argument *argument)
{
	for (const struct ast_string *name = argument->strings; name;
	     name = name->next) {
		const char *c = name->text;

		while (*c > 0x20 && *c < 0x7f && *c != ':')
			c++;
		if (!name->is_dynamic && (*c || c == name->text))
			return sieve_error_set(
				checker->error, name->place,
				"\"%.60s\" is no name of a header field",
				name->text);
	}
	return 0;
}

int checker_special_uses(struct checker *checker,
			 const struct ast_argument *argument)
{
	for (const struct ast_string *use = argument->strings; use;
	     use = use->next)
		if (!use->is_dynamic && use->text[0] != '\\')
			return sieve_error_set(checker->error, use->place,
					       "a special use begins with a "
					       "backslash: \"\\\\%.40s\"",
					       use->text);
	return 0;
}

int checker_targets(struct checker *checker,
		    const struct ast_argument *argument)
{
	const struct sieve_settings *settings =
		checker->options ? checker->options->settings : NULL;

	for (const struct ast_string *target = argument->strings; target;
	     target = target->next) {
		const char *problem = NULL;
		g_autofree char *address =
			target->is_dynamic
				? NULL
				: sieve_address_of_target(
					  target->text,
					  settings && settings->ascii_addresses,
					  &problem);

		if (problem)
			return sieve_error_set(checker->error, target->place,
					       "\"%.80s\" %s", target->text,
					       problem);
	}
	return 0;
}
