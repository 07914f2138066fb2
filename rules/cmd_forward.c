/*
 * forward, Okapi's own (vnd.okapi.forward): OP_FORWARD of MS-OXORULE.  A new
 * message of the user's with the old one in it, inline or as attachment; what
 * leaves the message as it is, is redirect.
 */
#include "entries.h"
#include "letter.h"

enum forward_form {
	FORWARD_INLINE,
	FORWARD_ATTACHMENT,
};

static const struct language_tag forward_tags[] = {
	{"inline", SLOT_FORM, FORWARD_INLINE, 0, EXTENSION_NONE},
	{"attachment", SLOT_FORM, FORWARD_ATTACHMENT, 0, EXTENSION_NONE},
	{"copy", SLOT_COPY, 0, 0, EXTENSION_COPY},
	{"subject", SLOT_SUBJECT, 0, 's', EXTENSION_NONE},
	{"message", SLOT_TEXT, 0, 's', EXTENSION_NONE},
	{"from", SLOT_FROM, 0, 's', EXTENSION_NONE},
	{0},
};

static const struct language_tag *const tags[] = {forward_tags, NULL};

static int check_forward(struct checker *checker, struct ast_node *node,
			 const struct ast_node *previous)
{
	(void)previous;
	return checker_targets(checker, node->positional[0]) < 0
		       ? -1
		       : sieve_letter_check_from(checker, node);
}

static void add_address(struct sieve_run *run, struct sieve_letter *letter,
			const char *text)
{
	g_autofree char *address = sieve_run_target(run, "forward", text);

	if (!address)
		return;
	for (guint i = 0; i < letter->addresses->len; i++)
		if (g_ascii_strcasecmp(letter->addresses->pdata[i], address) ==
		    0)
			return;
	g_ptr_array_add(letter->addresses, g_steal_pointer(&address));
}

static void run_forward(struct sieve_run *run, const struct ast_node *node)
{
	const struct ast_tagged *text = language_tagged(node, SLOT_TEXT);
	struct sieve_letter *letter = sieve_letter_make(
		run, node, text ? sieve_run_text(run, text->argument) : NULL);
	g_autofree char *list = NULL;

	letter->as_attachment =
		language_choice(node, SLOT_FORM, FORWARD_INLINE) ==
		FORWARD_ATTACHMENT;
	for (const struct ast_string *address = node->positional[0]->strings;
	     address && !run->failed; address = address->next)
		add_address(run, letter, sieve_run_string(run, address));
	sieve_letter_seal(letter);
	if (!run->failed) {
		g_ptr_array_add(letter->addresses, NULL);
		list = g_strjoinv(", ", (char **)letter->addresses->pdata);
		g_ptr_array_set_size(letter->addresses,
				     (gint)letter->addresses->len - 1);
		sieve_run_act(run,
			      &(struct run_action){
				      .kind = SIEVE_FORWARD,
				      .argument = list,
				      .letter = letter,
				      .copy = language_tagged(node, SLOT_COPY),
			      });
	}
	sieve_letter_unref(letter);
}

const struct language_entry cmd_forward = {
	.kind = LANGUAGE_COMMAND,
	.name = "forward",
	.extension = EXTENSION_FORWARD,
	.signature = "S",
	.tags = tags,
	.check = check_forward,
	.run = run_forward,
};
