/*
 * The pipeline: a mail through all steps, for each of its recipients.
 */
#ifndef OKAPI_DAGENT_DELIVER_H
#define OKAPI_DAGENT_DELIVER_H

#include "mail.h"

/*
 * Delivers to all recipients of the mail; afterwards verdict of each says how
 * it went (FAULT_NONE with a text: on disk, or disposed of as a rule asked).
 * A recipient that is named twice gets one copy.  One line in the log for
 * each.
 */
void deliver_all(struct mail *mail, struct store *store);

#endif
