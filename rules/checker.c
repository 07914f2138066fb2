/*
 * Gives every node its entry of the language and holds it to what that says.
 */
#include "checker.h"

#include "encoded.h"
#include "match.h"
#include "variable.h"

#include <string.h>

void checker_needs(struct checker *checker, enum sieve_needs needs)
{
	checker->needs = MAX(checker->needs, needs);
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

/* ---- arguments ----------------------------------------------------------- */

static const struct language_tag *find_tag(const struct language_entry *entry,
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

static const char *kind_name(const struct language_entry *entry)
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

/* The match types of property need no require of their own, as the contract
 * has it; :count is none of them. */
static bool is_brought_along(const struct language_entry *entry,
			     const struct language_tag *tag)
{
	return entry->extension == EXTENSION_PROPERTY &&
	       tag->slot == SLOT_MATCH && tag->choice != MATCH_COUNT;
}

/* A name that is not known is told where it stands first. */
static bool was_told(struct checker *checker, const char *name)
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
			       kind_name(node->entry), known);
}

static int check_tag(struct checker *checker, struct ast_node *node,
		     const struct ast_argument *argument,
		     const struct language_tag **ret_tag)
{
	const struct language_tag *tag = find_tag(node->entry, argument->tag);
	g_autofree char *what = g_strdup_printf("the tag :%s", argument->tag);
	struct ast_tagged *tagged;

	if (!tag) {
		g_autofree char *key =
			g_strdup_printf("%s :%s", node->name, argument->tag);

		return was_told(checker, key)
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

	if (!find_tag(node->entry, argument->tag) && !was_told(checker, key))
		return unknown_tag(checker, node, argument);
	return sieve_error_set(checker->error, argument->place,
			       "unexpected tag ':%.40s' behind the other "
			       "arguments of the %s %s",
			       argument->tag, node->name,
			       kind_name(node->entry));
}

/* Tags first, then positional arguments (RFC 5228 section 2.6). */
static int sort_arguments(struct checker *checker, struct ast_node *node,
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
			       node->name, kind_name(node->entry), kind, i + 1,
			       name, found_name(argument));
}

/* What a node must have behind its tags. */
static const char *signature_of(const struct ast_node *node, size_t count)
{
	const char *signature = node->entry->find_signature
					? node->entry->find_signature(node)
					: node->entry->signature;

	if (*signature == '?' && count < strlen(++signature))
		signature++;
	return signature;
}

static int check_positional(struct checker *checker, struct ast_node *node,
			    size_t count)
{
	const char *signature = signature_of(node, count);
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
			node->name, kind_name(node->entry), wanted,
			wanted == 1 ? "" : "s", count,
			count == 1 ? "is" : "are");
	if (count > wanted)
		return sieve_error_set(checker->error,
				       node->positional[wanted]->place,
				       "too many arguments for the %s %s",
				       node->name, kind_name(node->entry));
	return 0;
}

/* ---- match types and comparators ----------------------------------------- */

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

static int check_match(struct checker *checker, struct ast_node *node)
{
	if (!node->entry->has_match)
		return 0;
	if (check_comparator(checker, node) < 0 ||
	    check_match_type(checker, node) < 0)
		return -1;
	return check_regexes(checker, node);
}

static int check_index(struct checker *checker, const struct ast_node *node)
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

	if (!is_command && find_tag(node->entry, test->name))
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
			       node->name, kind_name(node->entry),
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
	if (was_told(checker, node->name))
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
	return node->tests && count < strlen(signature_of(node, count)) &&
	       !(node->entry->kind == LANGUAGE_TEST &&
		 find_tag(node->entry, node->tests->name));
}

static int check_arguments(struct checker *checker, struct ast_node *node)
{
	size_t count = 0;

	if (sort_arguments(checker, node, &count) < 0) {
		count = SIZE_MAX;
	} else if (check_positional(checker, node, count) == 0 &&
		   check_match(checker, node) == 0 &&
		   check_index(checker, node) == 0) {
		return 0;
	}
	if (checker->error->text[0])
		checker_note(checker);
	if (node->entry->tests != TESTS_NONE ||
	    (count != SIZE_MAX && is_told_by_arguments(node, count)))
		return -1;
	return check_tests(checker, node) < 0 ? note(checker) : -1;
}

static int check_this(struct checker *checker, struct ast_node *node,
		      const struct ast_node *previous)
{
	check_strings(checker, node);
	if (check_arguments(checker, node) < 0)
		return -1;
	if (check_tests(checker, node) < 0 || check_block(checker, node) < 0)
		return note(checker);
	if (node->entry->check &&
	    node->entry->check(checker, node, previous) < 0)
		return note(checker);
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
