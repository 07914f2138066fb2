/*
 * Users, changed: names, addresses, passwords, quotas; user_read.c reads them.
 */
#include "scram.h"
#include "store_internal.h"

#include <string.h>

#define NAME_MAX_OCTETS 255

static bool user_text_is_clean(const char *text, bool allow_blank)
{
	if (!g_utf8_validate(text, -1, NULL))
		return false;
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f ||
		    (*text == ' ' && !allow_blank))
			return false;
	return true;
}

/* "Public" owns the public folders in the view mail, "." and ".." are
 * directories, "@domain" is whatever else is addressed there. */
static bool user_word_is_reserved(const char *word)
{
	return word[0] == '@' || strcmp(word, ".") == 0 ||
	       strcmp(word, "..") == 0 ||
	       g_ascii_strcasecmp(word, "Public") == 0;
}

int user_name_check(const char *name, int kind, struct fault *fault)
{
	bool is_group = kind == USER_GROUP;
	size_t len = strlen(name);

	if (user_word_is_reserved(name))
		return fault_set(fault, FAULT_BAD_ARGUMENT,
				 "'%s' is no name: it stands for %s", name,
				 name[0] == '@'   ? "all of a domain"
				 : name[0] == '.' ? "a directory"
						  : "the public store");
	if (len == 0 || len > NAME_MAX_OCTETS || name[0] == '-' ||
	    name[0] == ' ' || name[len - 1] == ' ' ||
	    strpbrk(name, "/\\:<>\"") || !user_text_is_clean(name, is_group))
		return fault_set(
			fault, FAULT_BAD_ARGUMENT,
			"'%s' is no name: 1 to 255 octets of UTF-8 without blanks%s and / \\ : < > \", not beginning with -",
			name, is_group ? " at its ends" : "");
	return 0;
}

/* Blanks, quotes and more than one @ stand in a quoted local part only
 * (RFC 5321 section 4.1.2): otherwise nobody could name the address. */
static bool user_address_is_whole(const char *address, const char *at)
{
	bool is_quoted =
		*address == '"' && at && at > address + 1 && at[-1] == '"';
	const char *rest = is_quoted ? at + 1 : address;

	return !strpbrk(rest, " \t\"") &&
	       (is_quoted || strchr(address, '@') == at);
}

static int user_address_check(const char *address, bool is_primary,
			      struct fault *fault)
{
	const char *at = strrchr(address, '@');
	size_t len = strlen(address);

	/* "@domain" is whatever else is addressed there (resolve.c). */
	if (len == 0 || len > 320 || (at == address && is_primary) ||
	    (at && (!at[1] || strspn(at, "@.") == strlen(at))) ||
	    (!at && user_word_is_reserved(address)) ||
	    strpbrk(address, "<>,;") || !user_text_is_clean(address, true) ||
	    !user_address_is_whole(address, at))
		return fault_set(fault, FAULT_BAD_ADDRESS, "'%s' is no address",
				 address);
	return 0;
}

/* ---- changing ------------------------------------------------------------
 */

/* Is a key free, or this user's own?  As an address and as a login name. */
static int user_key_is_free(struct store *store, int64_t user, const char *key,
			    const char *shown, struct fault *fault)
{
	g_autofree char *taker = NULL;
	ROWS rows = {0};
	int rc;

	if (rows_open(store, &rows, fault,
		      "SELECT u.name FROM addresses a"
		      " JOIN users u ON u.id = a.user"
		      " WHERE a.address_key = ?1 AND u.id <> ?2"
		      " UNION ALL SELECT name FROM users"
		      " WHERE name_key = ?1 AND id <> ?2 LIMIT 1",
		      "ti", key, user))
		return -1;
	rc = rows_next(&rows, fault);
	if (rc <= 0)
		return rc;
	taker = rows_text(&rows, 0);
	return fault_set(fault, FAULT_EXISTS, "%s is taken by %s", shown,
			 taker);
}

static int user_add_address(struct store *store, int64_t user,
			    const char *address, bool is_primary,
			    struct fault *fault)
{
	g_autofree char *key = NULL;

	if (user_address_check(address, is_primary, fault))
		return -1;
	key = address_key(address);
	if (user_key_is_free(store, user, key, address, fault))
		return -1;
	/* An alias that is the primary address already adds nothing. */
	return sql_run(store, fault,
		       is_primary ? "INSERT INTO addresses"
				    " (address_key, user, address, is_primary)"
				    " VALUES (?, ?, ?, 1)"
				    " ON CONFLICT (address_key) DO UPDATE"
				    " SET address = excluded.address,"
				    " is_primary = 1"
				  : "INSERT INTO addresses"
				    " (address_key, user, address, is_primary)"
				    " VALUES (?, ?, ?, 0)"
				    " ON CONFLICT (address_key) DO NOTHING",
		       "tit", key, user, address);
}

static int user_drop_alias(struct store *store, int64_t user, const char *alias,
			   struct fault *fault)
{
	g_autofree char *key = address_key(alias);

	if (user_address_check(alias, false, fault) ||
	    sql_run(store, fault,
		    "DELETE FROM addresses WHERE address_key = ? AND user = ?"
		    " AND is_primary = 0",
		    "ti", key, user))
		return -1;
	if (!sqlite3_changes(store->db))
		return fault_set(fault, FAULT_NOT_FOUND,
				 "%s is none of the user's aliases", alias);
	return 0;
}

static int user_add_aliases(struct store *store, int64_t user,
			    const char *const *aliases, struct fault *fault)
{
	for (size_t i = 0; aliases && aliases[i]; i++)
		if (user_add_address(store, user, aliases[i], false, fault))
			return -1;
	return 0;
}

static int user_set_addresses(struct store *store, int64_t user,
			      const struct store_user_change *change,
			      struct fault *fault)
{
	if (change->email) {
		if (sql_run(store, fault,
			    "DELETE FROM addresses WHERE user = ?"
			    " AND is_primary = 1",
			    "i", user))
			return -1;
		if (change->email[0] &&
		    user_add_address(store, user, change->email, true, fault))
			return -1;
	}
	if (change->aliases &&
	    (sql_run(store, fault,
		     "DELETE FROM addresses WHERE user = ? AND is_primary = 0",
		     "i", user) ||
	     user_add_aliases(store, user, change->aliases, fault)))
		return -1;
	for (size_t i = 0; change->drop_aliases && change->drop_aliases[i]; i++)
		if (user_drop_alias(store, user, change->drop_aliases[i],
				    fault))
			return -1;
	return user_add_aliases(store, user, change->add_aliases, fault);
}

static int user_set_quota(struct store *store, int64_t user, const char *sql,
			  int64_t value, struct fault *fault)
{
	if (value == QUOTA_KEEP)
		return 0;
	if (value < QUOTA_SERVER)
		return fault_set(fault, FAULT_BAD_ARGUMENT,
				 "a quota is not negative");
	return sql_run(store, fault, sql, "ii", value, user);
}

static int user_set_password(struct store *store, int64_t user,
			     const char *password, struct fault *fault)
{
	g_autofree char *hash = NULL;
	g_autofree char *scram = NULL;

	if (!password[0])
		hash = g_strdup("");
	else if (password_hash(password, &hash, fault))
		return -1;
	scram = *password ? scram_keys_make(password) : g_strdup("");
	return sql_run(store, fault,
		       "UPDATE users SET password = ?, scram = ? WHERE id = ?",
		       "tti", hash, scram, user);
}

static int user_apply(struct store *store, int64_t user,
		      const struct store_user_change *change,
		      struct fault *fault)
{
	if (user_set_addresses(store, user, change, fault))
		return -1;
	if (change->fullname) {
		if (!user_text_is_clean(change->fullname, true))
			return fault_set(fault, FAULT_BAD_ARGUMENT,
					 "the full name is not clean UTF-8");
		if (sql_run(store, fault,
			    "UPDATE users SET fullname = ? WHERE id = ?", "ti",
			    change->fullname, user))
			return -1;
	}
	if (change->password &&
	    user_set_password(store, user, change->password, fault))
		return -1;
	if (change->admin &&
	    sql_run(store, fault, "UPDATE users SET admin = ? WHERE id = ?",
		    "di", *change->admin, user))
		return -1;
	if (change->active &&
	    sql_run(store, fault, "UPDATE users SET active = ? WHERE id = ?",
		    "di", *change->active, user))
		return -1;
	if (user_set_quota(store, user,
			   "UPDATE users SET quota_warn = ? WHERE id = ?",
			   change->quota_warn, fault) ||
	    user_set_quota(store, user,
			   "UPDATE users SET quota_soft = ? WHERE id = ?",
			   change->quota_soft, fault))
		return -1;
	return user_set_quota(store, user,
			      "UPDATE users SET quota_hard = ? WHERE id = ?",
			      change->quota_hard, fault);
}

/* The store of a new user: one without owner, or a new one. */
static int user_store(struct store *store, const char *name, int64_t orphan,
		      int64_t *ret_store, struct fault *fault)
{
	if (!orphan || orphan == USER_STORE_NEW)
		return folder_make_store(store, name, true, ret_store, fault);
	*ret_store = orphan;
	return orphan_take(store, orphan, name, fault);
}

int store_user_create(struct store *store, const char *name,
		      const struct store_user_change *change, int64_t *ret_id,
		      struct fault *fault)
{
	g_autofree char *key = address_key(name);
	int64_t store_id;
	int64_t id;

	if (store_need_unit(store, fault) ||
	    user_name_check(name, USER_PERSON, fault) ||
	    user_key_is_free(store, 0, key, name, fault) ||
	    user_store(store, name, change->store, &store_id, fault) ||
	    sql_run(store, fault,
		    "INSERT INTO users (kind, name, name_key, store)"
		    " VALUES (1, ?, ?, ?)",
		    "tti", name, key, store_id))
		return -1;
	id = sqlite3_last_insert_rowid(store->db);
	if (user_apply(store, id, change, fault))
		return -1;
	if (ret_id)
		*ret_id = id;
	return 0;
}

/* Another store, and the one there was is kept. */
static int user_change_store(struct store *store, int64_t user, int64_t wanted,
			     struct fault *fault)
{
	int64_t old = 0;
	int64_t store_id;
	g_autofree char *name = NULL;
	ROWS rows = {0};

	if (rows_open(store, &rows, fault,
		      "SELECT name, store FROM users WHERE id = ?", "i",
		      user) ||
	    rows_first(&rows, "user", user, fault))
		return -1;
	name = rows_text(&rows, 0);
	old = rows_int(&rows, 1);
	rows_end(&rows);
	if (orphan_leave(store, old, fault) ||
	    user_store(store, name, wanted, &store_id, fault))
		return -1;
	return sql_run(store, fault, "UPDATE users SET store = ? WHERE id = ?",
		       "ii", store_id, user);
}

int store_user_set(struct store *store, const char *name,
		   const struct store_user_change *change, struct fault *fault)
{
	int64_t id;

	if (store_need_unit(store, fault) ||
	    user_id_by_name(store, name, USER_PERSON, &id, fault) ||
	    (change->store &&
	     user_change_store(store, id, change->store, fault)))
		return -1;
	return user_apply(store, id, change, fault);
}

int store_user_rename(struct store *store, const char *name,
		      const char *new_name, struct fault *fault)
{
	g_autofree char *key = address_key(new_name);
	int64_t id;

	if (store_need_unit(store, fault) ||
	    user_name_check(new_name, USER_PERSON, fault) ||
	    user_id_by_name(store, name, USER_PERSON, &id, fault) ||
	    user_key_is_free(store, id, key, new_name, fault) ||
	    sql_run(store, fault,
		    "UPDATE users SET name = ?, name_key = ? WHERE id = ?",
		    "tti", new_name, key, id))
		return -1;
	return sql_run(store, fault,
		       "UPDATE hierarchy SET name = ? WHERE id ="
		       " (SELECT store FROM users WHERE id = ?)",
		       "ti", new_name, id);
}

int store_user_delete(struct store *store, const char *name, bool keep_store,
		      struct fault *fault)
{
	int64_t store_id = 0;
	int64_t id;

	if (store_need_unit(store, fault) ||
	    user_id_by_name(store, name, USER_PERSON, &id, fault) ||
	    sql_get(store, fault, &store_id,
		    "SELECT store FROM users WHERE id = ?", "i", id) < 0 ||
	    sql_run(store, fault, "DELETE FROM users WHERE id = ?", "i", id))
		return -1;
	if (keep_store)
		return orphan_leave(store, store_id, fault);
	return orphan_delete(store, store_id, fault);
}
