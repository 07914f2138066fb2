/*
 * Step 3: is it junk?  -j, the marks of a spam filter, the user's lists.
 */
#ifndef OKAPI_DAGENT_JUNK_H
#define OKAPI_DAGENT_JUNK_H

#include "mail.h"

/*
 * The allow list wins over everything.
 *
 * ret_why: for the log, owned: what made it junk ("option -j", "header MARK",
 * "scl 7", "blocked ENTRY"), or what kept it from being junk ("allowed ENTRY,
 * although header MARK"); NULL where there is nothing to tell.
 */
NODISCARD int junk_look(struct mail *mail, struct store *store,
			const struct mail_recipient *to, bool *ret_is_junk,
			char **ret_why, struct fault *fault);

#endif
