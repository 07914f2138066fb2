/*
 * Looking recipients up, and the quota that holds for them.
 */
#include "resolve.h"

static unsigned resolve_flags(const struct mail *mail)
{
	const struct wishes *wishes = &mail->wishes;
	unsigned flags = 0;

	if (wishes->strip_domain ||
	    (mail->helo && mail->agent->conf->lmtp_strip_domain))
		flags |= STORE_RESOLVE_STRIP_DOMAIN;
	if (wishes->address_only)
		flags |= STORE_RESOLVE_ADDRESS_ONLY;
	return flags;
}

static int resolve_ask(struct agent *agent, struct store *store,
		       const char *path, unsigned flags,
		       struct store_recipient **ret, struct fault *fault)
{
	struct store *taken = NULL;
	int rc;

	if (!store && agent_take_store(agent, &taken, fault))
		return -1;
	rc = store_resolve(store ? store : taken, path, flags, ret, fault);
	if (taken)
		agent_give_store(agent, taken);
	return rc;
}

int resolve_recipient(const struct mail *mail, struct store *store,
		      const char *path, struct store_recipient **ret,
		      struct fault *fault)
{
	struct agent *agent = mail->agent;
	unsigned flags = resolve_flags(mail);
	uint64_t stamp;
	struct store_recipient *who =
		known_find(agent->known, path, flags, &stamp);

	if (!who) {
		if (resolve_ask(agent, store, path, flags, &who, fault))
			return -1;
		known_keep(agent->known, path, flags, stamp, who);
	}
	*ret = who;
	return 0;
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
