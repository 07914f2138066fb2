/*
 * Step 5: out of office (RFC 3834, docs/out-of-office.md): whether a reply is
 * due, and what it says.
 */
#ifndef OKAPI_DAGENT_AUTOREPLY_H
#define OKAPI_DAGENT_AUTOREPLY_H

#include "mail.h"

/*
 * Adds the reply to to->plan if one is due; whether the sender had one within
 * the interval is seen when the delivery is saved.  After rules_apply().
 */
NODISCARD int autoreply_prepare(struct mail *mail, struct store *store,
				struct mail_recipient *to, struct fault *fault);

/* After the delivery is on disk: starts the program, if one is set. */
void autoreply_run(const struct mail *mail, const struct mail_recipient *to);

/* The same question with what is known of mail and recipient; more: further
 * addresses that count as the user's (of char *), or NULL.  ret_why is static,
 * NULL where a reply may go. */
NODISCARD int autoreply_ask(struct mail *mail, struct store *store,
			    const struct mail_recipient *to,
			    const GPtrArray *more, const char **ret_why,
			    struct fault *fault);
/* Who is to write for the user; all borrowed. */
struct autoreply_writer {
	const char *what; /* it is written, for the log */
	/* The one of the user's addresses that the mail is addressed to. */
	bool as_addressed;
	/* As a rule asks for, or NULL. */
	const char *from;
	const char *from_address;
};

/*
 * Who writes for the user: who was asked for where the address is the user's
 * (else that is logged), otherwise the one the mail is addressed to where that
 * is wanted, or the user's own.  Owned results.
 */
NODISCARD int autoreply_sender(const struct mail *mail, struct store *store,
			       const struct mail_recipient *to,
			       const struct autoreply_writer *writer,
			       char **ret_address, char **ret_name,
			       struct fault *fault);

/* Why this mail gets no automatic reply, a word for the log; NULL: it may.
 * own: addresses of the user; delimiter: of subaddresses; check_recipient: it
 * must be addressed to one of them.  Pure. */
const char *autoreply_objection(const struct propset *set,
				const char *reverse_path,
				const char *const *own, const char *delimiter,
				bool check_recipient);

/* Which of these addresses To, Cc, Bcc and their Resent- fields name first;
 * NULL: none.  Pure. */
const char *autoreply_addressed(const struct propset *set,
				const char *const *own, const char *delimiter);

/* Is the address, or it without its detail, one of these?  Pure. */
bool autoreply_is_own(const char *address, const char *const *own,
		      const char *delimiter);

#endif
