/*
 * What rules send: the message to somebody else (redirect), in a new one of
 * the user's (forward), an answer to it (reply).  Everything goes into the
 * plan, and with the delivery into the queue.
 */
#ifndef OKAPI_DAGENT_SEND_H
#define OKAPI_DAGENT_SEND_H

#include "mail.h"

struct sieve_action;

/* Hops of redirects and forwards by Okapi that a mail survives. */
#define SEND_HOPS_MAX 10

struct send {
	struct mail *mail;
	struct store *store;
	struct mail_recipient *to;
	const char *const *own; /* addresses of the user */
	/* The message as the rule made it; NULL: as it came. */
	const struct plan_content *edited;
};

/* Would it be a loop to send the message to address: does it say that it came
 * from a rule for one of the user's addresses, or through too many rules, or
 * is the address the user's own?  Pure. */
bool send_is_loop(GBytes *message, const char *address, const char *const *own);

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
