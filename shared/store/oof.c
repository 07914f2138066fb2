/*
 * Out of office: what it says, from when to when, and who had a reply.
 */
#include "store_internal.h"

void store_oof_free(struct store_oof *oof)
{
	if (!oof)
		return;
	g_free(oof->subject);
	g_free(oof->message);
	g_free(oof);
}

int store_oof_get(struct store *store, int64_t store_id,
		  struct store_oof **ret_oof, struct fault *fault)
{
	struct store_oof *oof;
	ROWS rows = {0};
	int rc;

	if (rows_open(store, &rows, fault,
		      "SELECT is_on, subject, message, since, until FROM oof"
		      " WHERE store = ?",
		      "i", store_id))
		return -1;
	rc = rows_next(&rows, fault);
	if (rc < 0)
		return -1;
	oof = g_new0(struct store_oof, 1);
	if (rc == 1) {
		oof->on = rows_int(&rows, 0) != 0;
		oof->from = rows_int(&rows, 3);
		oof->until = rows_int(&rows, 4);
	}
	oof->subject = rc == 1 ? rows_text(&rows, 1) : g_strdup("");
	oof->message = rc == 1 ? rows_text(&rows, 2) : g_strdup("");
	*ret_oof = oof;
	return 0;
}

bool store_oof_is_away(const struct store_oof *oof, int64_t now)
{
	return oof->on && (oof->from == 0 || now >= oof->from) &&
	       (oof->until == 0 || now < oof->until);
}

int store_oof_set(struct store *store, int64_t store_id,
		  const struct store_oof *oof, struct fault *fault)
{
	int64_t change;

	if (store_need_unit(store, fault) ||
	    store_bump(store, store_id, &change, fault))
		return -1;
	if (oof->on &&
	    sql_run(store, fault, "DELETE FROM oof_replied WHERE store = ?",
		    "i", store_id))
		return -1;
	return sql_run(store, fault,
		       "INSERT OR REPLACE INTO oof (store, is_on, subject,"
		       " message, since, until) VALUES (?, ?, ?, ?, ?, ?)",
		       "idttii", store_id, oof->on,
		       oof->subject ? oof->subject : "",
		       oof->message ? oof->message : "", oof->from, oof->until);
}

int store_oof_claim(struct store *store, int64_t store_id, const char *sender,
		    int64_t now, int64_t interval_s, bool *ret_may,
		    struct fault *fault)
{
	g_autofree char *key = address_key(sender);
	int64_t at = 0;
	int rc;

	if (store_need_unit(store, fault))
		return -1;
	rc = sql_get(store, fault, &at,
		     "SELECT at FROM oof_replied"
		     " WHERE store = ? AND sender = ?",
		     "it", store_id, key);
	if (rc < 0)
		return -1;
	if (rc == 1 && at + interval_s * USEC_PER_SEC > now) {
		*ret_may = false;
		return 0;
	}
	if (sql_run(store, fault,
		    "INSERT OR REPLACE INTO oof_replied (store, sender, at)"
		    " VALUES (?, ?, ?)",
		    "iti", store_id, key, now))
		return -1;
	*ret_may = true;
	return 0;
}
