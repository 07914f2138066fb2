/*
 * The pipeline: a mail through all steps, for each of its recipients.
 */
#ifndef OKAPI_DAGENT_DELIVER_H
#define OKAPI_DAGENT_DELIVER_H

#include "mail.h"

/* What the standing orders of the recipients will look at, as far as it can be
 * told before they are carried out. */
void deliver_foresee(struct mail *mail, struct store *store,
		     struct mail_needs *needs);

/* First half: what is to be done for each recipient.  Reads the store only. A
 * recipient that is named twice gets one copy. */
void deliver_decide(struct mail *mail, struct store *store);

/*
 * Second half: does it; afterwards verdict of each says how it went (FAULT_NONE
 * with a text: on disk, or disposed of as a rule asked).  One line in the log
 * for each.  store may be NULL where the agent has a committer.
 */
void deliver_save(struct mail *mail, struct store *store);

/* The line of a recipient that was refused before there was a message, or whose
 * message is not looked at for it: size in octets as it was announced or is
 * (-1: nobody said), started by g_get_monotonic_time(). */
void deliver_log_refusal(const struct mail *mail, const char *path,
			 int64_t size, int64_t started,
			 const struct fault *fault);

/* Only what is known to be final bounces: a permanent fault that says nothing
 * about the recipient, the message or the user's wish is one of ours. */
void deliver_soften(struct fault *verdict);

#endif
