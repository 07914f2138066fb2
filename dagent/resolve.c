/*
 * Looking recipients up, and the quota that holds for them.
 */
#include "resolve.h"

int resolve_recipient(const struct mail *mail, struct store *store,
		      const char *path, struct store_recipient **ret,
		      struct fault *fault)
{
	const struct wishes *wishes = &mail->wishes;
	unsigned flags = 0;

	if (wishes->strip_domain ||
	    (mail->helo && mail->agent->conf->lmtp_strip_domain))
		flags |= STORE_RESOLVE_STRIP_DOMAIN;
	if (wishes->address_only)
		flags |= STORE_RESOLVE_ADDRESS_ONLY;
	return store_resolve(store, path, flags, ret, fault);
}

int quota_check(const struct store_policy *policy,
		const struct store_recipient *who, const char *path,
		int64_t size, struct fault *fault)
{
	if (who->quota_hard <= 0 || who->used + size <= who->quota_hard)
		return 0;
	return fault_set(fault,
			 policy->quota_tempfail ? FAULT_FULL_FOR_NOW
						: FAULT_MAILBOX_FULL,
			 "<%s>: mailbox full", path);
}
