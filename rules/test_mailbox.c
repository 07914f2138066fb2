/*
 * mailboxexists (RFC 5490) and specialuse_exists (RFC 8579): the delivery is
 * asked, for this room knows no store.
 */
#include "checker.h"
#include "entries.h"
#include "run.h"

static bool run_mailboxexists(struct sieve_run *run,
			      const struct ast_node *node)
{
	const struct sieve_message *message = run->message;

	for (const struct ast_string *name = node->positional[0]->strings; name;
	     name = name->next) {
		sieve_run_spend(run, 10000);
		if (run->failed || !message->mailbox_exists ||
		    !message->mailbox_exists(message->mailbox_context,
					     sieve_run_string(run, name), NULL))
			return false;
	}
	return true;
}

static bool run_specialuse(struct sieve_run *run, const struct ast_node *node)
{
	const struct sieve_message *message = run->message;
	const struct ast_argument *uses =
		node->positional[1] ? node->positional[1] : node->positional[0];
	const char *mailbox = node->positional[1]
				      ? sieve_run_text(run, node->positional[0])
				      : NULL;

	for (const struct ast_string *use = uses->strings; use;
	     use = use->next) {
		sieve_run_spend(run, 10000);
		if (run->failed || !message->mailbox_exists ||
		    !message->mailbox_exists(message->mailbox_context, mailbox,
					     sieve_run_string(run, use)))
			return false;
	}
	return true;
}

static int check_specialuse(struct checker *checker, struct ast_node *node,
			    const struct ast_node *previous)
{
	const struct ast_argument *uses =
		node->positional[1] ? node->positional[1] : node->positional[0];

	(void)previous;
	return checker_special_uses(checker, uses);
}

const struct language_entry test_mailboxexists = {
	.kind = LANGUAGE_TEST,
	.name = "mailboxexists",
	.extension = EXTENSION_MAILBOX,
	.signature = "S",
	.look = LOOK_NOT,
	.test = run_mailboxexists,
};

const struct language_entry test_specialuse = {
	.kind = LANGUAGE_TEST,
	.name = "specialuse_exists",
	.extension = EXTENSION_SPECIAL_USE,
	.signature = "?sS",
	.look = LOOK_NOT,
	.check = check_specialuse,
	.test = run_specialuse,
};
