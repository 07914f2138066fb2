/*
 * Which limit of a quota a user has been told of: a property of their store,
 * so that each crossing is told once, whoever looks and after any crash.
 */
#include "store_internal.h"

#include "propset.h"

/* In the range of our own tags; never on a message. */
#define QUOTA_TOLD PROP_TAG(PT_LONG, 0x67f8)

enum quota_level store_quota_level(const struct store *store,
				   const struct store_user *user)
{
	const struct store_policy *policy = &store->policy;
	const struct {
		int64_t own;
		int64_t server;
		enum quota_level level;
	} limits[] = {
		{user->quota_hard, policy->quota_hard, QUOTA_HARD},
		{user->quota_soft, policy->quota_soft, QUOTA_SOFT},
		{user->quota_warn, policy->quota_warn, QUOTA_WARN},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(limits); i++) {
		int64_t limit = limits[i].own == QUOTA_SERVER ? limits[i].server
							      : limits[i].own;

		if (limit > 0 && user->size >= limit)
			return limits[i].level;
	}
	return QUOTA_BELOW;
}

int store_quota_told(struct store *store, int64_t store_id,
		     enum quota_level *ret_level, struct fault *fault)
{
	int64_t level = QUOTA_BELOW;

	if (sql_get(store, fault, &level,
		    "SELECT value FROM properties WHERE object = ?"
		    " AND tag = ?",
		    "ii", store_id, (int64_t)QUOTA_TOLD) < 0)
		return -1;
	*ret_level = (enum quota_level)CLAMP(level, QUOTA_BELOW, QUOTA_HARD);
	return 0;
}

int store_quota_tell(struct store *store, int64_t store_id,
		     enum quota_level level, struct fault *fault)
{
	if (store_need_unit(store, fault))
		return -1;
	if (level == QUOTA_BELOW)
		return sql_run(store, fault,
			       "DELETE FROM properties WHERE object = ?"
			       " AND tag = ?",
			       "ii", store_id, (int64_t)QUOTA_TOLD);
	return sql_run(store, fault,
		       "INSERT OR REPLACE INTO properties (object, tag, value)"
		       " VALUES (?, ?, ?)",
		       "iii", store_id, (int64_t)QUOTA_TOLD, (int64_t)level);
}
