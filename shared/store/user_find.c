/*
 * Users by name, and who was perhaps meant.
 */
#include "nearest.h"
#include "store_internal.h"

static char *user_hint(struct store *store, const char *name, int kind)
{
	g_auto(GStrv) names = NULL;

	if (sql_texts(store, &names, NULL,
		      "SELECT name FROM users WHERE ?1 IN (0, kind)", "d",
		      kind))
		return g_strdup("");
	return nearest_hint(name, (const char *const *)names);
}

char *store_user_hint(struct store *store, const char *name)
{
	return user_hint(store, name, USER_PERSON);
}

int user_id_by_name(struct store *store, const char *name, int kind,
		    int64_t *ret_id, struct fault *fault)
{
	g_autofree char *key = address_key(name);
	int rc = sql_get(store, fault, ret_id,
			 "SELECT id FROM users WHERE name_key = ?1"
			 " AND (?2 = 0 OR kind = ?2)",
			 "td", key, kind);

	if (rc == 0) {
		g_autofree char *hint = user_hint(store, name, kind);

		return fault_set(fault, FAULT_NO_USER, "no such %s: %s%s",
				 kind == USER_GROUP ? "group" : "user", name,
				 hint);
	}
	return rc < 0 ? -1 : 0;
}
