/*
 * header and exists, RFC 5228 sections 5.7 and 5.5; :index of RFC 5260.
 */
#include "entries.h"
#include "match.h"
#include "run.h"

static const struct language_tag *const header_tags[] = {
	language_match_tags,
	language_index_tags,
	NULL,
};

static bool feed_field(void *context, const struct header_field *field)
{
	return sieve_matcher_feed(context, field->text);
}

static bool run_header(struct sieve_run *run, const struct ast_node *node)
{
	struct sieve_matcher matcher;

	sieve_matcher_begin(&matcher, run, node);
	for (const struct ast_string *name = node->positional[0]->strings;
	     name && !matcher.matched && !run->failed; name = name->next)
		sieve_run_fields(run, node, sieve_run_string(run, name),
				 feed_field, &matcher);
	return sieve_matcher_end(&matcher);
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
	.tags = header_tags,
	.has_match = true,
	.test = run_header,
};

const struct language_entry test_exists = {
	.kind = LANGUAGE_TEST,
	.name = "exists",
	.signature = "S",
	.first = "header names",
	.test = run_exists,
};
