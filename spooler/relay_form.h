/*
 * What of a message a relay host can be given, by what it offers: SMTPUTF8
 * (RFC 6531), and quoted-printable where it lacks 8BITMIME.  Pure.
 */
#ifndef OKAPI_RELAY_FORM_H
#define OKAPI_RELAY_FORM_H

#include "relay.h"

/* What the reply to EHLO offered. */
struct relay_offer {
	bool eightbit;
	bool dsn;
	bool utf8;
	bool pipelining;
	bool size;
	bool starttls;
	bool chunking;
	char *auth; /* mechanisms, or NULL; owned */
};

void relay_offer_clear(struct relay_offer *offer);

/* Takes in a line of that reply, without its code. */
void relay_offer_add(struct relay_offer *offer, const char *line);

/*
 * Extensions we do not want libesmtp to see.  CHUNKING: it pipelines BDAT and
 * keeps only the last of the replies, so that a 452 would read as the 503 that
 * follows; our own transport speaks it.  XUSR: sendmail's own.  NTLM: broken.
 * The word's last octet is changed in the buffer before libesmtp parses it.
 */
bool relay_offer_is_unwanted(const char *word, size_t len);

/* Has the recipient an outcome already? */
static inline bool
relay_recipient_is_settled(const struct relay_recipient *recipient)
{
	return recipient->reply != NULL;
}

/* Recipients without an outcome. */
size_t relay_form_open(const struct relay_message *message);

/* Must SMTPUTF8 be asked for: an address or the header is not ASCII? */
bool relay_form_wants_utf8(const struct relay_message *message);

/*
 * Gives recipients that cannot be reached through this relay host the outcome
 * RELAY_FAILED (5.6.7: an address would need SMTPUTF8; 5.6.3: 8-bit content
 * that cannot be recoded).  ret_recoded: what is to be sent instead of the
 * message's octets, owned, or NULL.  Returns how many were given an outcome.
 */
size_t relay_form_fit(struct relay_message *message,
		      const struct relay_offer *offer,
		      GByteArray **ret_recoded);

#endif
