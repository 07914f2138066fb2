/*
 * In whose name redirected mail goes on: the reverse path of a redirect.
 */
#ifndef OKAPI_DAGENT_REDIRECT_H
#define OKAPI_DAGENT_REDIRECT_H

#include "mail.h"

/* The reverse path as sieve_redirect_envelope_from wants it, "" for <>; a
 * report is never given one (RFC 5321 section 4.5.5).  Owned. */
char *redirect_sender(const struct mail *mail, const struct mail_recipient *to);

#endif
