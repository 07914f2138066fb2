/*
 * reply, Okapi's own (vnd.okapi.reply): OP_REPLY of MS-OXORULE with its
 * template.  Unlike vacation it answers every message; who is answered is up
 * to the delivery, as there.
 */
#include "entries.h"
#include "letter.h"

static const struct language_tag reply_tags[] = {
	{"subject", SLOT_SUBJECT, 0, 's', EXTENSION_NONE},
	{"from", SLOT_FROM, 0, 's', EXTENSION_NONE},
	{"mime", SLOT_MIME, 0, 0, EXTENSION_NONE},
	{0},
};

static const struct language_tag *const tags[] = {reply_tags, NULL};

static int check_reply(struct checker *checker, struct ast_node *node,
		       const struct ast_node *previous)
{
	(void)previous;
	return sieve_letter_check_from(checker, node);
}

static void run_reply(struct sieve_run *run, const struct ast_node *node)
{
	struct sieve_letter *letter = sieve_letter_make(
		run, node, sieve_run_text(run, node->positional[0]));

	sieve_letter_seal(letter);
	if (!run->failed)
		sieve_run_act(run, &(struct run_action){
					   .kind = SIEVE_REPLY,
					   .letter = letter,
					   .copy = true,
				   });
	sieve_letter_unref(letter);
}

const struct language_entry cmd_reply = {
	.kind = LANGUAGE_COMMAND,
	.name = "reply",
	.extension = EXTENSION_REPLY,
	.signature = "s",
	.tags = tags,
	.check = check_reply,
	.run = run_reply,
};
