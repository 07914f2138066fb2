/*
 * sieve_redirect_envelope_from: where relays ask SPF whether the sender's
 * domain sends from here, a redirect needs a reverse path of our own.
 */
#ifndef OKAPI_RULES_REDIRECT_SENDER_H
#define OKAPI_RULES_REDIRECT_SENDER_H

#include "base.h"
#include "conf.h"
#include "fault.h"

enum sieve_redirect_sender {
	REDIRECT_AS_IT_CAME,
	REDIRECT_RECIPIENT,
	REDIRECT_ORIGINAL, /* recipient */
	REDIRECT_USER,
	REDIRECT_FIXED, /* "<bounces@example.org>" */
	REDIRECT_UNKNOWN,
};

/* Whose name the setting wants; ret_address: of REDIRECT_FIXED, owned. */
enum sieve_redirect_sender sieve_redirect_sender_parse(const char *value,
						       char **ret_address);
/* FAULT_CONFIG where that is unknown. */
NODISCARD int sieve_redirect_sender_check(const struct conf *conf,
					  struct fault *fault);

#endif
