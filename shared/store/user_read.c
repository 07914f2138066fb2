/*
 * Users as they are: rows of users with their addresses, quotas and what they
 * use.
 */
#include "store_internal.h"

void store_user_free(struct store_user *user)
{
	if (!user)
		return;
	g_free(user->name);
	g_free(user->email);
	g_strfreev(user->aliases);
	g_free(user->fullname);
	g_free(user);
}

static int user_load_aliases(struct store *store, int64_t user,
			     char ***ret_aliases, struct fault *fault)
{
	return sql_texts(store, ret_aliases, fault,
			 "SELECT address FROM addresses"
			 " WHERE user = ? AND is_primary = 0"
			 " ORDER BY address_key",
			 "i", user);
}

#define USER_COLUMNS                                                           \
 "SELECT u.id, u.name, coalesce(a.address, ''), u.fullname, u.admin,"          \
 " u.active, u.quota_warn, u.quota_soft, u.quota_hard, u.store, s.size,"       \
 " s.messages FROM users u JOIN hierarchy s ON s.id = u.store"                 \
 " LEFT JOIN addresses a ON a.user = u.id AND a.is_primary = 1"

static int user_read(struct store *store, const struct rows *rows,
		     struct store_user **ret_user, struct fault *fault)
{
	AUTO(store_user) user = g_new0(struct store_user, 1);

	user->id = rows_int(rows, 0);
	user->name = rows_text(rows, 1);
	user->email = rows_text(rows, 2);
	user->fullname = rows_text(rows, 3);
	user->admin = rows_int(rows, 4) != 0;
	user->active = rows_int(rows, 5) != 0;
	user->quota_warn = rows_int(rows, 6);
	user->quota_soft = rows_int(rows, 7);
	user->quota_hard = rows_int(rows, 8);
	user->store = rows_int(rows, 9);
	user->size = rows_int(rows, 10);
	user->messages = rows_int(rows, 11);
	if (user_load_aliases(store, user->id, &user->aliases, fault))
		return -1;
	*ret_user = g_steal_pointer(&user);
	return 0;
}

int store_user_find(struct store *store, const char *name,
		    struct store_user **ret_user, struct fault *fault)
{
	g_autofree char *key = address_key(name);
	ROWS rows = {0};
	int rc;

	if (rows_open(store, &rows, fault,
		      USER_COLUMNS " WHERE u.name_key = ? AND u.kind = 1", "t",
		      key))
		return -1;
	rc = rows_next(&rows, fault);
	if (rc == 0)
		return fault_set(fault, FAULT_NO_USER, "no such user: %s",
				 name);
	return rc < 0 ? -1 : user_read(store, &rows, ret_user, fault);
}

static void user_free_element(gpointer user)
{
	store_user_free(user);
}

int store_user_list(struct store *store, GPtrArray **ret_users,
		    struct fault *fault)
{
	g_autoptr(GPtrArray) users =
		g_ptr_array_new_with_free_func(user_free_element);
	ROWS rows = {0};
	int rc;

	if (rows_open(store, &rows, fault,
		      USER_COLUMNS " WHERE u.kind = 1 ORDER BY u.name_key", ""))
		return -1;
	while ((rc = rows_next(&rows, fault)) == 1) {
		struct store_user *user;

		if (user_read(store, &rows, &user, fault))
			return -1;
		g_ptr_array_add(users, user);
	}
	if (rc)
		return -1;
	*ret_users = g_steal_pointer(&users);
	return 0;
}

int store_user_addresses(struct store *store, int64_t user,
			 char ***ret_addresses, struct fault *fault)
{
	return sql_texts(store, ret_addresses, fault,
			 "SELECT address FROM addresses WHERE user = ?"
			 " AND address_key NOT LIKE '@%'"
			 " ORDER BY is_primary DESC, address_key",
			 "i", user);
}

int user_limits(struct store *store, int64_t store_id,
		struct store_limits *ret_limits, struct fault *fault)
{
	struct store_limits limits = {0};
	ROWS rows = {0};

	if (rows_open(store, &rows, fault,
		      "SELECT s.size, u.quota_soft, u.quota_hard, u.name"
		      " FROM hierarchy s LEFT JOIN users u ON u.store = s.id"
		      " WHERE s.id = ? AND s.type = 1",
		      "i", store_id))
		return -1;
	if (rows_first(&rows, "store", store_id, fault))
		return -1;
	limits.used = rows_int(&rows, 0);
	if (rows_peek(&rows, 3)) {
		limits.soft = rows_int(&rows, 1);
		limits.hard = rows_int(&rows, 2);
		limits.owner = rows_text(&rows, 3);
		if (limits.soft == QUOTA_SERVER)
			limits.soft = store->policy.quota_soft;
		if (limits.hard == QUOTA_SERVER)
			limits.hard = store->policy.quota_hard;
	}
	*ret_limits = limits;
	return 0;
}
