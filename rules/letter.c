/*
 * Letters of rules, as far as forward and reply make them alike.
 */
#include "letter.h"

#include "address.h"
#include "plan.h"

#include <string.h>

int sieve_letter_check_from(struct checker *checker,
			    const struct ast_node *node)
{
	const struct ast_tagged *from = language_tagged(node, SLOT_FROM);
	const struct ast_string *text = from ? from->argument->strings : NULL;
	g_autofree char *address = NULL;

	if (!text || text->is_dynamic)
		return 0;
	address = sieve_address_of(text->text);
	return address ? 0
		       : sieve_error_set(checker->error, text->place,
					 "\"%.80s\" is no mail address",
					 text->text);
}

static const char *tag_text(struct sieve_run *run, const struct ast_node *node,
			    enum language_slot slot)
{
	const struct ast_tagged *tagged = language_tagged(node, slot);

	return tagged ? sieve_run_text(run, tagged->argument) : NULL;
}

struct sieve_letter *sieve_letter_make(struct sieve_run *run,
				       const struct ast_node *node,
				       const char *text)
{
	struct sieve_letter *letter = sieve_letter_new();
	const char *from = tag_text(run, node, SLOT_FROM);

	letter->text = g_strdup(text);
	letter->subject = g_strdup(tag_text(run, node, SLOT_SUBJECT));
	letter->from = g_strdup(from);
	letter->from_address = from ? sieve_address_of(from) : NULL;
	letter->is_mime = language_tagged(node, SLOT_MIME);
	if (from && !letter->from_address)
		sieve_run_fail(run, "%s: \"%.80s\" is no mail address",
			       node->name, from);
	return letter;
}

static void seal_part(GChecksum *sum, const char *part)
{
	part = part ? part : "";
	g_checksum_update(sum, (const guchar *)part, (gssize)strlen(part) + 1);
}

void sieve_letter_seal(struct sieve_letter *letter)
{
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);

	seal_part(sum, letter->text);
	seal_part(sum, letter->subject);
	seal_part(sum, letter->from);
	seal_part(sum, letter->is_mime ? "mime" : "");
	for (guint i = 0; i < letter->addresses->len; i++)
		seal_part(sum, letter->addresses->pdata[i]);
	letter->handle = g_strdup(g_checksum_get_string(sum));
}
