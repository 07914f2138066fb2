/*
 * What both transports decide in the same way: what a reply means for a
 * recipient, and where nobody logs in; see relay_transport.h.
 */
#include "field.h"
#include "relay_transport.h"

#include <stdio.h>
#include <string.h>

/* What the recipient had is forgotten. */
static void relay_outcome_set(struct relay_recipient *recipient,
			      enum relay_verdict verdict, const char *status,
			      const char *reply, bool from_relay)
{
	recipient->verdict = verdict;
	g_strlcpy(recipient->status, status, sizeof(recipient->status));
	g_free(recipient->reply);
	recipient->reply = g_strdup(reply);
	recipient->from_relay = from_relay;
}

void relay_outcome_lost(struct relay_recipient *recipient, const char *words)
{
	relay_outcome_set(recipient, RELAY_RETRY, "4.4.2", words, false);
}

/* Replies that speak of the session, not of the message: wanting AUTH or TLS is
 * our configuration, and may be mended. */
static bool outcome_is_ours(int code)
{
	return code == 530 || code == 534 || code == 535 || code == 538;
}

/* The enhanced code at the beginning of the text, or one that says no more than
 * the class does. */
static void outcome_status(int code, const char *text, char *ret_status,
			   size_t size)
{
	int class = 0;
	int subject = 0;
	int detail = 0;

	if (sscanf(text, "%1d.%3d.%3d", &class, &subject, &detail) != 3 ||
	    class != code / 100) {
		class = code / 100;
		subject = detail = 0;
	}
	(void)g_snprintf(ret_status, (gulong)size, "%d.%d.%d", class,
			 CLAMP(subject, 0, 999), CLAMP(detail, 0, 999));
}

void relay_outcome_reply(struct relay_recipient *recipient, int code,
			 const char *text)
{
	g_autofree char *clean = field_clean(text, RELAY_TEXT_MAX);
	g_autofree char *reply = g_strdup_printf("%d %s", code, clean);
	enum relay_verdict verdict = RELAY_RETRY;
	char status[16];

	outcome_status(code, clean, status, sizeof(status));
	if (code / 100 == 2)
		verdict = RELAY_SENT;
	else if (code / 100 == 5 && !outcome_is_ours(code))
		verdict = RELAY_FAILED;
	if (verdict == RELAY_RETRY && status[0] == '5')
		status[0] = '4';
	relay_outcome_set(recipient, verdict, status, g_strchomp(reply), true);
}

bool relay_may_log_in(const struct relay_options *options, bool is_loopback,
		      bool has_tls, bool is_verified)
{
	return is_loopback || is_verified || options->login.unverified ||
	       (!has_tls && options->tls == CONF_TLS_NONE);
}
