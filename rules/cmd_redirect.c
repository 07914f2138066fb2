/*
 * redirect, RFC 5228 section 4.2; :copy of RFC 3894.
 */
#include "address.h"
#include "checker.h"
#include "entries.h"
#include "run.h"

static const struct language_tag redirect_tags[] = {
	{"copy", SLOT_COPY, 0, 0, EXTENSION_COPY},
	{0},
};

static const struct language_tag *const tags[] = {redirect_tags, NULL};

static int check_redirect(struct checker *checker, struct ast_node *node,
			  const struct ast_node *previous)
{
	const struct ast_string *address = node->positional[0]->strings;
	g_autofree char *parsed = NULL;

	(void)previous;
	if (address->is_dynamic)
		return 0;
	parsed = sieve_address_of(address->text);
	if (parsed)
		return 0;
	return sieve_error_set(checker->error, address->place,
			       "\"%.80s\" is no mail address", address->text);
}

static void run_redirect(struct sieve_run *run, const struct ast_node *node)
{
	const char *text = sieve_run_text(run, node->positional[0]);
	g_autofree char *address = sieve_address_of(text);

	if (!address) {
		sieve_run_fail(run, "redirect: \"%.80s\" is no mail address",
			       text);
		return;
	}
	sieve_run_act(run, &(struct run_action){
				   .kind = SIEVE_REDIRECT,
				   .argument = address,
				   .copy = language_tagged(node, SLOT_COPY),
			   });
}

const struct language_entry cmd_redirect = {
	.kind = LANGUAGE_COMMAND,
	.name = "redirect",
	.signature = "s",
	.first = "address",
	.look = LOOK_NOT,
	.tags = tags,
	.check = check_redirect,
	.run = run_redirect,
};
