/*
 * size, RFC 5228 section 5.9.
 */
#include "checker.h"
#include "edit.h"
#include "entries.h"
#include "explain.h"
#include "run.h"

static const struct language_tag size_tags[] = {
	{"over", SLOT_LIMIT, 1, 0, EXTENSION_NONE},
	{"under", SLOT_LIMIT, -1, 0, EXTENSION_NONE},
	{0},
};

static const struct language_tag *const tags[] = {size_tags, NULL};

static int check_size(struct checker *checker, struct ast_node *node,
		      const struct ast_node *previous)
{
	(void)previous;
	if (language_tagged(node, SLOT_LIMIT))
		return 0;
	return sieve_error_set(checker->error, node->place,
			       "size takes :over or :under");
}

static bool run_size(struct sieve_run *run, const struct ast_node *node)
{
	int64_t limit = node->positional[0]->number;
	int64_t size = run->message->size +
		       (run->edit ? sieve_edit_growth(run->edit) : 0);

	sieve_explain_number(run, size);
	if (language_choice(node, SLOT_LIMIT, 0) > 0)
		return size > limit;
	return size < limit;
}

const struct language_entry test_size = {
	.kind = LANGUAGE_TEST,
	.name = "size",
	.signature = "n",
	.look = LOOK_NOT,
	.tags = tags,
	.check = check_size,
	.test = run_size,
};
