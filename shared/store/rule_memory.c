/*
 * What rules remember of the mail before: who had a vacation reply, which
 * messages were seen.
 */
#include "store_internal.h"

int store_rule_recall(struct store *store, int64_t store_id, const char *key,
		      int64_t now, bool *ret_known, struct fault *fault)
{
	int64_t until = 0;
	int rc = sql_get(store, fault, &until,
			 "SELECT until FROM rule_memory"
			 " WHERE store = ? AND key = ?",
			 "it", store_id, key);

	if (rc < 0)
		return -1;
	*ret_known = rc == 1 && until > now;
	return 0;
}

int store_rule_remember(struct store *store, int64_t store_id, const char *key,
			int64_t now, int64_t until, struct fault *fault)
{
	if (store_need_unit(store, fault) ||
	    sql_run(store, fault, "DELETE FROM rule_memory WHERE until <= ?",
		    "i", now))
		return -1;
	return sql_run(store, fault,
		       "INSERT OR REPLACE INTO rule_memory (store, key, until)"
		       " VALUES (?, ?, ?)",
		       "iti", store_id, key, until);
}

/* NOLINTNEXTLINE(readability-function-size): as agreed in settings.h */
int store_vacation_claim(struct store *store, int64_t store_id,
			 const char *handle, const char *sender, int64_t now,
			 int64_t interval_s, bool *ret_may, struct fault *fault)
{
	g_autofree char *address = address_key(sender);
	g_autofree char *key = g_strdup_printf("v:%s:%s", handle, address);
	bool known = false;

	if (store_rule_recall(store, store_id, key, now, &known, fault))
		return -1;
	*ret_may = !known;
	return known ? 0
		     : store_rule_remember(store, store_id, key, now,
					   now + interval_s * USEC_PER_SEC,
					   fault);
}
