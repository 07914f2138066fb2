/*
 * anyrecipient and anyattachment, Okapi's own (vnd.okapi.property):
 * RES_SUBRESTRICTION (MS-OXCDATA 2.12.9) with more than one condition.  Within
 * them `property` without a scope asks the recipient or attachment at hand.
 */
#include "entries.h"
#include "run.h"

static bool
run_rows(struct sieve_run *run, const struct ast_node *node, size_t count,
	 struct propset *(*row)(const struct propset *set, size_t i))
{
	const struct propset *around = run->row;
	bool found = false;

	for (size_t i = 0; i < count && !found && !run->failed; i++) {
		run->row = row(run->message->set, i);
		found = sieve_run_test(run, node->tests);
	}
	run->row = around;
	return found;
}

static bool run_anyrecipient(struct sieve_run *run, const struct ast_node *node)
{
	return run_rows(run, node, propset_recipient_count(run->message->set),
			propset_recipient);
}

static bool run_anyattachment(struct sieve_run *run,
			      const struct ast_node *node)
{
	return run_rows(run, node, propset_attachment_count(run->message->set),
			propset_attachment);
}

const struct language_entry test_anyrecipient = {
	.kind = LANGUAGE_TEST,
	.name = "anyrecipient",
	.extension = EXTENSION_PROPERTY,
	.signature = "",
	.tests = TESTS_ONE,
	.test = run_anyrecipient,
};

const struct language_entry test_anyattachment = {
	.kind = LANGUAGE_TEST,
	.name = "anyattachment",
	.extension = EXTENSION_PROPERTY,
	.signature = "",
	.tests = TESTS_ONE,
	.test = run_anyattachment,
};
