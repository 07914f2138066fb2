/*
 * Step 5: out of office (RFC 3834, CONTRACT 6): whether a reply is due, and
 * what it says.
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

/* Why this mail gets no automatic reply, a word for the log; NULL: it may.
 * own: addresses of the user; delimiter: of subaddresses.  Pure. */
const char *autoreply_objection(const struct propset *set,
				const char *reverse_path,
				const char *const *own, const char *delimiter);

/* Is the address, or it without its detail, one of these?  Pure. */
bool autoreply_is_own(const char *address, const char *const *own,
		      const char *delimiter);

struct autoreply_text {
	const char *from; /* address */
	const char *from_name;
	const char *to;
	const char *subject;
	const char *body;       /* UTF-8 */
	const char *html;       /* the same as HTML; NULL, "": none */
	bool is_mime;           /* the body is a MIME entity, its head first */
	const char *message_id; /* of the reply, without brackets */
	const char *in_reply_to;
	const char *references;
	int64_t time;
};
/* The reply as RFC 5322 text with CRLF; owned.  Pure. */
char *autoreply_compose(const struct autoreply_text *text);

#endif
