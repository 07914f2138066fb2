/*
 * Step 1 and 2 of a delivery: who a recipient is, and whether there is room.
 */
#ifndef OKAPI_DAGENT_RESOLVE_H
#define OKAPI_DAGENT_RESOLVE_H

#include "mail.h"

/* FAULT_NO_RECIPIENT, or whatever keeps the store from answering (then
 * temporary).  Owned result.  A daemon asks for what is not known (known.h);
 * store: the connection to ask, NULL: one of the agent's. */
NODISCARD int resolve_recipient(const struct mail *mail, struct store *store,
				const char *path, struct store_recipient **ret,
				struct fault *fault);

/* Would size more octets be over the hard quota?  FAULT_MAILBOX_FULL or, with
 * quota_tempfail, FAULT_FULL_FOR_NOW.  Pure. */
NODISCARD int quota_check(const struct store_policy *policy,
			  const struct store_recipient *who, const char *path,
			  int64_t size, struct fault *fault);

#endif
