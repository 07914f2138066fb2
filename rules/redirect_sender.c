/*
 * The words of sieve_redirect_envelope_from.
 */
#include "redirect_sender.h"

#include "address.h"

#include <string.h>

enum sieve_redirect_sender sieve_redirect_sender_parse(const char *value,
						       char **ret_address)
{
	static const char *const words[] = {"sender", "recipient",
					    "orig_recipient", "user_email"};
	g_autofree char *text = g_strstrip(g_strdup(value));
	size_t len = strlen(text);

	for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
		if (strcmp(text, words[i]) == 0)
			return (enum sieve_redirect_sender)i;
	if (len < 2 || text[0] != '<' || text[len - 1] != '>')
		return REDIRECT_UNKNOWN;
	text[len - 1] = '\0';
	if (text[1] && !sieve_address_is_valid(text + 1))
		return REDIRECT_UNKNOWN;
	*ret_address = g_strdup(text + 1);
	return REDIRECT_FIXED;
}

int sieve_redirect_sender_check(const struct conf *conf, struct fault *fault)
{
	g_autofree char *address = NULL;

	if (sieve_redirect_sender_parse(conf->sieve_redirect_envelope_from,
					&address) != REDIRECT_UNKNOWN)
		return 0;
	return fault_set(fault, FAULT_CONFIG,
			 "sieve_redirect_envelope_from: \"%s\" is none of "
			 "sender, recipient, orig_recipient, user_email, "
			 "<address>",
			 conf->sieve_redirect_envelope_from);
}
