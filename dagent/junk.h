/*
 * Step 3: is it junk?  -j, the spam header, the user's lists.
 */
#ifndef OKAPI_DAGENT_JUNK_H
#define OKAPI_DAGENT_JUNK_H

#include "mail.h"

/* After mail_convert().  The allow list wins over everything. */
NODISCARD int junk_look(const struct mail *mail, struct store *store,
			const struct mail_recipient *to, bool *ret_is_junk,
			struct fault *fault);

#endif
