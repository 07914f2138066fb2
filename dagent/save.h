/*
 * Step 6: the plans of a mail's recipients, carried out in the store.
 */
#ifndef OKAPI_DAGENT_SAVE_H
#define OKAPI_DAGENT_SAVE_H

#include "mail.h"

/*
 * Saves what every recipient that is not done has planned; each commits whole
 * or not at all, and its verdict and result are set.  Several are tried in
 * one transaction first; if one of them fails each has its own.
 */
void save_all(struct mail *mail, struct store *store);
/* One recipient alone, with a new plan: after save_all() said that it was
 * overtaken. */
void save_again(struct mail *mail, struct store *store,
		struct mail_recipient *to);

/* Notes what rules failed where nothing else is saved (a reject). */
void save_rule_errors(struct mail *mail, struct store *store,
		      struct mail_recipient *to);

/* The delivery of a recipient as far as the question "had we this before?"
 * goes; borrows from mail and to. */
struct save_question {
	struct content content;
	struct delivery delivery;
};
void save_ask(const struct mail *mail, const struct mail_recipient *to,
	      struct save_question *ret_question);

#endif
