/*
 * Delivery reports for senders that asked for one (NOTIFY=SUCCESS, RFC 3461
 * 5.2.3): the MTA leaves that to whoever delivers.
 */
#ifndef OKAPI_DAGENT_RECEIPT_H
#define OKAPI_DAGENT_RECEIPT_H

#include "mail.h"

/* After rules_apply(): adds the report to to->plan where one is due.  What was
 * redirected alone is reported by whom it goes to: NOTIFY went with it. */
void receipt_prepare(const struct mail *mail, struct mail_recipient *to);

#endif
