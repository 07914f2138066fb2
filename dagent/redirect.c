/*
 * The reverse path that a redirect goes on with.
 */
#include "redirect.h"

#include "agent.h"
#include "rules/redirect_sender.h"

#include "smtp/smtp_server.h"

char *redirect_sender(const struct mail *mail, const struct mail_recipient *to)
{
	const char *recipient = mail_recipient_address(to);
	char *address = NULL;

	if (!*mail->reverse_path)
		return g_strdup("");
	switch (sieve_redirect_sender_parse(
		mail->agent->conf->sieve_redirect_envelope_from, &address)) {
	case REDIRECT_RECIPIENT:
		return g_strdup(recipient);
	case REDIRECT_ORIGINAL:
		/* What a client wrote may be no path, to which no report
		 * could go. */
		return g_strdup(to->original && smtp_path_check(to->original,
								true, true)
					? to->original
					: recipient);
	case REDIRECT_USER:
		return g_strdup(to->who->email);
	case REDIRECT_FIXED:
		return address;
	case REDIRECT_AS_IT_CAME:
	case REDIRECT_UNKNOWN:
		break;
	}
	return g_strdup(mail->reverse_path);
}
