/*
 * Conversion in a helper, as several nouns need it.
 */
#ifndef OKAPI_ADMIN_CONVERT_H
#define OKAPI_ADMIN_CONVERT_H

#include "base.h"
#include "fault.h"

struct admin;
struct propset;

/* Converts a message with convert_flags; needs admin->conf.  One that cannot
 * be converted is told on stderr and gets the fallback set; -1 only if there
 * is no helper at all.  Owned result. */
NODISCARD int convert_message(struct admin *admin, GBytes *rfc822,
			      unsigned flags, struct propset **ret_set,
			      struct fault *fault);

#endif
