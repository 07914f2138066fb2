/*
 * Groups of users, for folder rights.  Everyone has no member rows: all users
 * are in it.  A group may be a member of another, as long as none is, by
 * whatever way, a member of itself.
 */
#include "store_internal.h"

static int group_insert(struct store *store, const char *name,
			struct fault *fault)
{
	g_autofree char *key = address_key(name);

	return sql_run(store, fault,
		       "INSERT INTO users (kind, name, name_key)"
		       " VALUES (2, ?, ?)",
		       "tt", name, key);
}

static bool group_is_everyone(const char *name)
{
	return g_ascii_strcasecmp(name, GROUP_EVERYONE) == 0;
}

int store_group_create(struct store *store, const char *name,
		       struct fault *fault)
{
	g_autofree char *key = address_key(name);
	int64_t id;
	int rc;

	if (store_need_unit(store, fault) ||
	    user_name_check(name, USER_GROUP, fault))
		return -1;
	rc = sql_get(store, fault, &id,
		     "SELECT id FROM users WHERE name_key = ?1"
		     " UNION ALL SELECT user FROM addresses"
		     " WHERE address_key = ?1",
		     "t", key);
	if (rc == 1)
		return fault_set(fault, FAULT_EXISTS, "%s exists already",
				 name);
	return rc < 0 ? -1 : group_insert(store, name, fault);
}

int store_group_delete(struct store *store, const char *name,
		       struct fault *fault)
{
	int64_t id;

	if (store_need_unit(store, fault) ||
	    user_id_by_name(store, name, USER_GROUP, &id, fault))
		return -1;
	if (group_is_everyone(name))
		return fault_set(fault, FAULT_NOT_ALLOWED,
				 "the group Everyone stays");
	return sql_run(store, fault, "DELETE FROM users WHERE id = ?", "i", id);
}

static int group_pair(struct store *store, const char *group,
		      const char *member, int64_t *ret_group,
		      int64_t *ret_member, struct fault *fault)
{
	if (store_need_unit(store, fault) ||
	    user_id_by_name(store, group, USER_GROUP, ret_group, fault) ||
	    user_id_by_name(store, member, 0, ret_member, fault))
		return -1;
	if (group_is_everyone(group))
		return fault_set(fault, FAULT_NOT_ALLOWED,
				 "every user is in Everyone");
	return 0;
}

/* Is group, by whatever way, in member?  1, 0, -1. */
static int group_is_within(struct store *store, int64_t group, int64_t member,
			   struct fault *fault)
{
	int64_t found;

	return sql_get(store, fault, &found,
		       "WITH RECURSIVE up (id) AS (SELECT ?1"
		       " UNION SELECT g.usergroup FROM up"
		       "  JOIN usergroup_acl g ON g.member = up.id)"
		       " SELECT 1 FROM up WHERE id = ?2",
		       "ii", group, member);
}

int store_group_add(struct store *store, const char *group, const char *member,
		    struct fault *fault)
{
	int64_t group_id;
	int64_t member_id;
	int rc;

	if (group_pair(store, group, member, &group_id, &member_id, fault))
		return -1;
	rc = group_is_within(store, group_id, member_id, fault);
	if (rc < 0)
		return -1;
	if (rc == 1)
		return fault_set(fault, FAULT_BAD_ARGUMENT,
				 "%s would be a member of itself", group);
	return sql_run(store, fault,
		       "INSERT OR IGNORE INTO usergroup_acl"
		       " (usergroup, member) VALUES (?, ?)",
		       "ii", group_id, member_id);
}

int store_group_remove(struct store *store, const char *group,
		       const char *member, struct fault *fault)
{
	int64_t group_id;
	int64_t member_id;

	if (group_pair(store, group, member, &group_id, &member_id, fault) ||
	    sql_run(store, fault,
		    "DELETE FROM usergroup_acl"
		    " WHERE usergroup = ? AND member = ?",
		    "ii", group_id, member_id))
		return -1;
	if (!sqlite3_changes(store->db))
		return fault_set(fault, FAULT_NOT_FOUND, "%s is not in %s",
				 member, group);
	return 0;
}

static void group_free_element(gpointer data)
{
	struct store_group *group = data;

	g_free(group->name);
	g_strfreev(group->members);
	g_free(group);
}

static int group_members(struct store *store, int64_t group, bool is_everyone,
			 char ***ret_members, struct fault *fault)
{
	return sql_texts(
		store, ret_members, fault,
		"SELECT name FROM users WHERE (?1 AND kind = 1) OR id IN"
		" (SELECT member FROM usergroup_acl"
		" WHERE usergroup = ?2) ORDER BY name_key",
		"di", is_everyone, group);
}

int store_group_of(struct store *store, int64_t user, char ***ret_groups,
		   struct fault *fault)
{
	return sql_texts(store, ret_groups, fault,
			 "WITH RECURSIVE up (id) AS ("
			 " SELECT id FROM users WHERE name_key = 'everyone'"
			 " UNION SELECT usergroup FROM usergroup_acl"
			 "  WHERE member = ?1"
			 " UNION SELECT g.usergroup FROM up"
			 "  JOIN usergroup_acl g ON g.member = up.id)"
			 " SELECT u.name FROM users u WHERE u.id IN"
			 " (SELECT id FROM up) ORDER BY u.name_key",
			 "i", user);
}

int store_group_list(struct store *store, GPtrArray **ret_groups,
		     struct fault *fault)
{
	g_autoptr(GPtrArray) groups =
		g_ptr_array_new_with_free_func(group_free_element);
	ROWS rows = {0};
	int rc;

	if (rows_open(store, &rows, fault,
		      "SELECT id, name FROM users WHERE kind = 2"
		      " ORDER BY name_key",
		      ""))
		return -1;
	while ((rc = rows_next(&rows, fault)) == 1) {
		struct store_group *group = g_new0(struct store_group, 1);

		group->name = rows_text(&rows, 1);
		g_ptr_array_add(groups, group);
		if (group_members(store, rows_int(&rows, 0),
				  group_is_everyone(group->name),
				  &group->members, fault))
			return -1;
	}
	if (rc)
		return -1;
	*ret_groups = g_steal_pointer(&groups);
	return 0;
}
