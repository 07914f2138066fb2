/*
 * In whose name redirected mail goes on: the reverse path of a redirect.
 */
#ifndef OKAPI_DAGENT_REDIRECT_H
#define OKAPI_DAGENT_REDIRECT_H

#include "conf.h"
#include "mail.h"

/* Is sieve_redirect_envelope_from one of its words, or an address in angle
 * brackets?  FAULT_CONFIG. */
NODISCARD int redirect_check(const struct conf *conf, struct fault *fault);

/* The reverse path, "" for <>; a report is never given one (RFC 5321 section
 * 4.5.5).  Owned. */
char *redirect_sender(const struct mail *mail, const struct mail_recipient *to);

#endif
