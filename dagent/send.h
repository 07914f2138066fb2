/*
 * What rules send: the message to somebody else (redirect), in a new one of
 * the user's (forward), an answer to it (reply).  Everything goes into the
 * plan, and with the delivery into the queue.
 */
#ifndef OKAPI_DAGENT_SEND_H
#define OKAPI_DAGENT_SEND_H

#include "mail.h"

struct sieve_action;

struct send {
	struct mail *mail;
	struct store *store;
	struct mail_recipient *to;
	const char *const *own; /* addresses of the user */
	/* The message as the rule made it; NULL: as it came. */
	const struct plan_content *edited;
};

/* Both: false where nobody is left to send to because of loops, which is
 * logged; the mail is to be kept then. */
bool send_redirect(const struct send *send, const struct sieve_action *action);
NODISCARD int send_forward(const struct send *send,
			   const struct sieve_action *action, bool *ret_sent,
			   struct fault *fault);
/* To the envelope sender, once a minute; not where an automatic reply has no
 * business (autoreply_objection()). */
NODISCARD int send_reply(const struct send *send,
			 const struct sieve_action *action,
			 struct fault *fault);

#endif
