/*
 * Rules: named Sieve texts of a store, in order.
 */
#include "nearest.h"
#include "store_internal.h"

#include <string.h>

void store_rule_free(struct store_rule *rule)
{
	if (!rule)
		return;
	g_free(rule->name);
	g_free(rule->script);
	g_free(rule->error);
	g_free(rule);
}

static void rule_free_element(gpointer rule)
{
	store_rule_free(rule);
}

#define RULE_COLUMNS                                                           \
 "SELECT id, name, sequence, enabled, script, error, version, flags"           \
 " FROM rules WHERE store = ?"

static struct store_rule *rule_read(const struct rows *rows)
{
	struct store_rule *rule = g_new0(struct store_rule, 1);

	rule->id = rows_int(rows, 0);
	rule->name = rows_text(rows, 1);
	rule->sequence = rows_int(rows, 2);
	rule->enabled = rows_int(rows, 3) != 0;
	rule->script = rows_text(rows, 4);
	rule->error = rows_text(rows, 5);
	rule->version = rows_int(rows, 6);
	rule->flags = (unsigned)rows_int(rows, 7);
	return rule;
}

int store_rule_list(struct store *store, int64_t store_id,
		    GPtrArray **ret_rules, struct fault *fault)
{
	g_autoptr(GPtrArray) rules =
		g_ptr_array_new_with_free_func(rule_free_element);
	ROWS rows = {0};
	int rc;

	if (rows_open(store, &rows, fault,
		      RULE_COLUMNS " ORDER BY sequence, name", "i", store_id))
		return -1;
	while ((rc = rows_next(&rows, fault)) == 1)
		g_ptr_array_add(rules, rule_read(&rows));
	if (rc)
		return -1;
	*ret_rules = g_steal_pointer(&rules);
	return 0;
}

static int rule_none(struct store *store, int64_t store_id, const char *name,
		     struct fault *fault)
{
	g_auto(GStrv) names = NULL;
	g_autofree char *hint = NULL;

	if (sql_texts(store, &names, fault,
		      "SELECT name FROM rules WHERE store = ?", "i", store_id))
		return -1;
	hint = nearest_hint(name, (const char *const *)names);
	return fault_set(fault, FAULT_NOT_FOUND, "no rule %s%s", name, hint);
}

int store_rule_get(struct store *store, int64_t store_id, const char *name,
		   struct store_rule **ret_rule, struct fault *fault)
{
	ROWS rows = {0};
	int rc;

	if (rows_open(store, &rows, fault, RULE_COLUMNS " AND name = ?", "it",
		      store_id, name))
		return -1;
	rc = rows_next(&rows, fault);
	if (rc == 0)
		return rule_none(store, store_id, name, fault);
	if (rc < 0)
		return -1;
	*ret_rule = rule_read(&rows);
	return 0;
}

int store_rule_put(struct store *store, int64_t store_id, const char *name,
		   const char *script, int64_t sequence, bool enabled,
		   struct fault *fault)
{
	int64_t last = 0;
	int64_t change;

	if (store_need_unit(store, fault))
		return -1;
	if (!name[0] || strlen(name) > 255 || !g_utf8_validate(name, -1, NULL))
		return fault_set(fault, FAULT_BAD_ARGUMENT,
				 "'%s' is no name of a rule", name);
	if (store_bump(store, store_id, &change, fault) ||
	    sql_get(store, fault, &last,
		    "SELECT coalesce(max(sequence), 0) FROM rules"
		    " WHERE store = ?",
		    "i", store_id) < 0)
		return -1;
	return sql_run(store, fault,
		       "INSERT INTO rules (store, name, sequence, enabled,"
		       " script, version) VALUES (?1, ?2, iif(?3 > 0, ?3, ?4),"
		       " ?5, ?6, ?7) ON CONFLICT (store, name) DO UPDATE SET"
		       " sequence = iif(?3 > 0, ?3, sequence), enabled = ?5,"
		       " script = ?6, version = ?7, error = ''",
		       "itiidti", store_id, name, sequence, last + 1, enabled,
		       script, change);
}

int store_rule_set_flags(struct store *store, int64_t store_id,
			 const char *name, unsigned flags, struct fault *fault)
{
	int64_t change;

	if (store_need_unit(store, fault) ||
	    store_bump(store, store_id, &change, fault) ||
	    sql_run(store, fault,
		    "UPDATE rules SET flags = ?, version = ?"
		    " WHERE store = ? AND name = ?",
		    "iiit", (int64_t)flags, change, store_id, name))
		return -1;
	return sqlite3_changes(store->db)
		       ? 0
		       : rule_none(store, store_id, name, fault);
}

int store_rule_enable(struct store *store, int64_t store_id, const char *name,
		      bool enabled, struct fault *fault)
{
	int64_t change;

	if (store_need_unit(store, fault) ||
	    store_bump(store, store_id, &change, fault) ||
	    sql_run(store, fault,
		    "UPDATE rules SET enabled = ?, version = ?"
		    " WHERE store = ? AND name = ?",
		    "diit", enabled, change, store_id, name))
		return -1;
	return sqlite3_changes(store->db)
		       ? 0
		       : rule_none(store, store_id, name, fault);
}

int store_rule_remove(struct store *store, int64_t store_id, const char *name,
		      struct fault *fault)
{
	int64_t change;

	if (store_need_unit(store, fault) ||
	    store_bump(store, store_id, &change, fault) ||
	    sql_run(store, fault,
		    "DELETE FROM rules WHERE store = ? AND name = ?", "it",
		    store_id, name))
		return -1;
	return sqlite3_changes(store->db)
		       ? 0
		       : rule_none(store, store_id, name, fault);
}

int store_rule_set_error(struct store *store, int64_t rule, const char *error,
			 struct fault *fault)
{
	if (store_need_unit(store, fault))
		return -1;
	return sql_run(store, fault,
		       "UPDATE rules SET error = ?1"
		       " WHERE id = ?2 AND error <> ?1",
		       "ti", error, rule);
}
