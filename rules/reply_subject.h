/*
 * The subject of automatic replies for which nobody gave one, as the site wants
 * it (vacation_default_subject and its template).
 */
#ifndef OKAPI_RULES_REPLY_SUBJECT_H
#define OKAPI_RULES_REPLY_SUBJECT_H

#include "base.h"
#include "conf.h"
#include "fault.h"

/* Knows the template anything but %{subject}?  FAULT_CONFIG if so. */
NODISCARD int sieve_reply_subject_check(const struct conf *conf,
					struct fault *fault);
/* original: subject of the message, or NULL; owned.  Pure. */
char *sieve_reply_subject_default(const struct conf *conf,
				  const char *original);

#endif
