/*
 * One message from standard input without a daemon here: what is read before,
 * and what is said afterwards.
 */
#ifndef OKAPI_DAGENT_DIRECT_H
#define OKAPI_DAGENT_DIRECT_H

#include "conf.h"
#include "options.h"

/* What is to be delivered; borrowed. */
struct direct_letter {
	const struct options *options;
	const struct conf *conf;
	GBytes *bytes;
	const char *sender;
	const char *original; /* $ORIGINAL_RECIPIENT, or NULL */
};

/*
 * Brings it where it belongs.  ret_faults[i] is the verdict of recipient i; -1
 * with a fault that is all recipients'.
 */
typedef int direct_send_fn(const struct direct_letter *letter,
			   struct fault *ret_faults, struct fault *fault);

/* Reads the message, sends it and reports; the exit code. */
int direct_main(struct options *options, direct_send_fn *send);

#endif
