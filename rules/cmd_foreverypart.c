/*
 * foreverypart and break, RFC 5703 section 3: one part after the other, the
 * message itself first; within a loop, the parts of the part at hand.
 */
#include "checker.h"
#include "entries.h"
#include "run.h"

#include <string.h>

static const struct language_tag name_tags[] = {
	{"name", SLOT_HANDLE, 0, 'C', EXTENSION_NONE},
	{0},
};

static const struct language_tag *const tags[] = {name_tags, NULL};

/* NULL: it has none. */
static const char *name_of(const struct ast_node *node)
{
	const struct ast_tagged *tagged = language_tagged(node, SLOT_HANDLE);

	return tagged ? tagged->argument->strings->text : NULL;
}

static int check_foreverypart(struct checker *checker, struct ast_node *node,
			      const struct ast_node *previous)
{
	(void)previous;
	if (checker->loops->len >= RUN_LOOPS_MAX)
		return sieve_error_set(checker->error, node->place,
				       "loops are nested deeper than %d",
				       RUN_LOOPS_MAX);
	g_ptr_array_add(checker->loops, node);
	checker_needs(checker, SIEVE_NEEDS_PARTS);
	return 0;
}

static void run_foreverypart(struct sieve_run *run, const struct ast_node *node)
{
	const struct propset *set = run->message->set;
	int64_t around = run->part;
	size_t at = (size_t)(around + 1);
	unsigned depth =
		around < 0 ? 0 : propset_part(set, (size_t)around)->depth;

	if (++run->loops > RUN_LOOPS_MAX)
		sieve_run_fail(run, "loops are nested deeper than %d",
			       RUN_LOOPS_MAX);
	for (; !run->failed && at < propset_part_count(set) &&
	       (around < 0 || propset_part(set, at)->depth > depth);
	     at++) {
		run->part = (int64_t)at;
		sieve_run_spend(run, 16);
		sieve_run_block(run, node->block);
		if (run->stopped || run->returned || run->breaking)
			break;
	}
	if (run->breaking == node)
		run->breaking = NULL;
	run->loops--;
	run->part = around;
}

static int check_break(struct checker *checker, struct ast_node *node,
		       const struct ast_node *previous)
{
	const char *name = name_of(node);

	(void)previous;
	for (guint i = checker->loops->len; i > 0 && !node->loop; i--) {
		const struct ast_node *loop = checker->loops->pdata[i - 1];

		if (!name || g_strcmp0(name, name_of(loop)) == 0)
			node->loop = loop;
	}
	if (node->loop)
		return 0;
	return name ? sieve_error_set(checker->error, node->place,
				      "there is no loop \"%.60s\" around this "
				      "break",
				      name)
		    : sieve_error_set(checker->error, node->place,
				      "break is outside of a loop");
}

static void run_break(struct sieve_run *run, const struct ast_node *node)
{
	run->breaking = node->loop;
}

const struct language_entry cmd_foreverypart = {
	.kind = LANGUAGE_COMMAND,
	.name = "foreverypart",
	.extension = EXTENSION_FOREVERYPART,
	.signature = "",
	.tags = tags,
	.has_block = true,
	.check = check_foreverypart,
	.run = run_foreverypart,
};

const struct language_entry cmd_break = {
	.kind = LANGUAGE_COMMAND,
	.name = "break",
	.extension = EXTENSION_FOREVERYPART,
	.signature = "",
	.tags = tags,
	.check = check_break,
	.run = run_break,
};
