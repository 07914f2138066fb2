/*
 * sieve_redirect_envelope_from: where relays ask SPF whether the sender's
 * domain sends from here, a redirect needs a reverse path of our own.
 */
#include "redirect.h"

#include "agent.h"
#include "rules/address.h"

#include "smtp/smtp_server.h"

#include <string.h>

enum sender {
	SENDER_AS_IT_CAME,
	SENDER_RECIPIENT,
	SENDER_ORIGINAL, /* recipient */
	SENDER_USER,
	SENDER_FIXED, /* "<bounces@example.org>" */
	SENDER_UNKNOWN,
};

/* ret_address: of SENDER_FIXED, owned. */
static enum sender parse(const char *value, char **ret_address)
{
	static const char *const words[] = {"sender", "recipient",
					    "orig_recipient", "user_email"};
	g_autofree char *text = g_strstrip(g_strdup(value));
	size_t len = strlen(text);

	for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
		if (strcmp(text, words[i]) == 0)
			return (enum sender)i;
	if (len < 2 || text[0] != '<' || text[len - 1] != '>')
		return SENDER_UNKNOWN;
	text[len - 1] = '\0';
	if (text[1] && !sieve_address_is_valid(text + 1))
		return SENDER_UNKNOWN;
	*ret_address = g_strdup(text + 1);
	return SENDER_FIXED;
}

int redirect_check(const struct conf *conf, struct fault *fault)
{
	g_autofree char *address = NULL;

	if (parse(conf->sieve_redirect_envelope_from, &address) !=
	    SENDER_UNKNOWN)
		return 0;
	return fault_set(fault, FAULT_CONFIG,
			 "sieve_redirect_envelope_from: \"%s\" is none of "
			 "sender, recipient, orig_recipient, user_email, "
			 "<address>",
			 conf->sieve_redirect_envelope_from);
}

char *redirect_sender(const struct mail *mail, const struct mail_recipient *to)
{
	const char *recipient = mail_recipient_address(to);
	char *address = NULL;

	if (!*mail->reverse_path)
		return g_strdup("");
	switch (parse(mail->agent->conf->sieve_redirect_envelope_from,
		      &address)) {
	case SENDER_RECIPIENT:
		return g_strdup(recipient);
	case SENDER_ORIGINAL:
		/* What a client wrote may be no path, to which no report
		 * could go. */
		return g_strdup(to->original && smtp_path_check(to->original,
								true, true)
					? to->original
					: recipient);
	case SENDER_USER:
		return g_strdup(to->who->email);
	case SENDER_FIXED:
		return address;
	case SENDER_AS_IT_CAME:
	case SENDER_UNKNOWN:
		break;
	}
	return g_strdup(mail->reverse_path);
}
