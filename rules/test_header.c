/*
 * header and exists, RFC 5228 sections 5.7 and 5.5; :index of RFC 5260.
 */
#include "checker.h"
#include "entries.h"
#include "match.h"
#include "mime.h"

static const struct language_tag *const header_tags[] = {
	language_match_tags,
	language_index_tags,
	language_mime_tags,
	language_mime_options,
	NULL,
};
static const struct language_tag *const exists_tags[] = {
	language_mime_tags,
	NULL,
};

struct header_test {
	struct sieve_run *run;
	const struct ast_node *node;
	struct sieve_matcher matcher;
};

static int check_mime(struct checker *checker, struct ast_node *node,
		      const struct ast_node *previous)
{
	(void)previous;
	return sieve_mime_check(checker, node);
}

static bool feed_value(void *context, const char *value)
{
	return sieve_matcher_feed(context, value);
}

static bool feed_field(void *context, const struct header_field *field)
{
	struct header_test *test = context;

	if (language_tagged(test->node, SLOT_MIME_OPTION))
		return sieve_mime_feed(test->run, test->node, field, feed_value,
				       &test->matcher);
	return sieve_matcher_feed(&test->matcher, field->text);
}

static bool run_header(struct sieve_run *run, const struct ast_node *node)
{
	struct header_test test = {.run = run, .node = node};

	sieve_matcher_begin(&test.matcher, run, node);
	for (const struct ast_string *name = node->positional[0]->strings;
	     name && !test.matcher.matched && !run->failed; name = name->next)
		sieve_run_fields(run, node, sieve_run_string(run, name),
				 feed_field, &test);
	return sieve_matcher_end(&test.matcher);
}

static bool note_field(void *context, const struct header_field *field)
{
	(void)field;
	*(bool *)context = true;
	return true;
}

static bool run_exists(struct sieve_run *run, const struct ast_node *node)
{
	for (const struct ast_string *name = node->positional[0]->strings; name;
	     name = name->next) {
		bool found = false;

		sieve_run_fields(run, node, sieve_run_string(run, name),
				 note_field, &found);
		if (!found)
			return false;
	}
	return true;
}

const struct language_entry test_header = {
	.kind = LANGUAGE_TEST,
	.name = "header",
	.signature = "SS",
	.first = "header names",
	.look = LOOK_FIELDS,
	.tags = header_tags,
	.has_match = true,
	.check = check_mime,
	.test = run_header,
};

const struct language_entry test_exists = {
	.kind = LANGUAGE_TEST,
	.name = "exists",
	.signature = "S",
	.first = "header names",
	.look = LOOK_FIELDS,
	.tags = exists_tags,
	.check = check_mime,
	.test = run_exists,
};
