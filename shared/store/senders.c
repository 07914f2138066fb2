/*
 * Who may send in whose name, and what is kept of passwords.
 */
#include "senders.h"

#include "store_internal.h"

#include <string.h>

void store_sender_free(struct store_sender *sender)
{
	if (!sender)
		return;
	g_free(sender->name);
	g_free(sender->email);
	g_free(sender);
}

void store_secrets_free(struct store_secrets *secrets)
{
	if (!secrets)
		return;
	g_free(secrets->password);
	g_free(secrets->scram);
	g_free(secrets);
}

/* ---- grants ----------------------------------------------------------------
 */

static int sender_pair(struct store *store, const char *user, const char *who,
		       int64_t *ret_user, int64_t *ret_who, struct fault *fault)
{
	if (store_need_unit(store, fault) ||
	    user_id_by_name(store, user, USER_PERSON, ret_user, fault))
		return -1;
	return user_id_by_name(store, who, 0, ret_who, fault);
}

int store_sender_grant(struct store *store, const char *user, const char *who,
		       enum sender_grant grant, struct fault *fault)
{
	int64_t user_id;
	int64_t who_id;

	if (sender_pair(store, user, who, &user_id, &who_id, fault))
		return -1;
	if (user_id == who_id)
		return fault_set(fault, FAULT_BAD_ARGUMENT,
				 "%s may do so anyway", who);
	return sql_run(store, fault,
		       "INSERT OR IGNORE INTO senders (user, who, kind)"
		       " VALUES (?, ?, ?)",
		       "iid", user_id, who_id, (int)grant);
}

int store_sender_revoke(struct store *store, const char *user, const char *who,
			enum sender_grant grant, struct fault *fault)
{
	int64_t user_id;
	int64_t who_id;

	if (sender_pair(store, user, who, &user_id, &who_id, fault) ||
	    sql_run(store, fault,
		    "DELETE FROM senders WHERE user = ? AND who = ?"
		    " AND kind = ?",
		    "iid", user_id, who_id, (int)grant))
		return -1;
	if (!sqlite3_changes(store->db))
		return fault_set(
			fault, FAULT_NOT_FOUND, "%s may not send %s %s", who,
			grant == SENDER_GRANT_AS ? "as" : "on behalf of", user);
	return 0;
}

int store_sender_list(struct store *store, int64_t user,
		      enum sender_grant grant, char ***ret_who,
		      struct fault *fault)
{
	return sql_texts(
		store, ret_who, fault,
		"SELECT u.name FROM senders s JOIN users u ON u.id = s.who"
		" WHERE s.user = ? AND s.kind = ? ORDER BY u.name_key",
		"id", user, (int)grant);
}

/* ---- looking ---------------------------------------------------------------
 */

/* The user an address belongs to, active or not; 1, 0, -1. */
static int sender_owner(struct store *store, const char *address,
			int64_t *ret_user, struct fault *fault)
{
	g_autofree char *key = address_key(address);
	AUTO(store_recipient) recipient = NULL;
	struct fault why = {0};
	int rc = sql_get(store, fault, ret_user,
			 "SELECT user FROM addresses WHERE address_key = ?",
			 "t", key);

	if (rc)
		return rc;
	if (store_resolve(store, address, STORE_RESOLVE_ADDRESS_ONLY,
			  &recipient, &why) == 0) {
		*ret_user = recipient->user;
		return 1;
	}
	if (why.kind == FAULT_NO_RECIPIENT)
		return 0;
	*fault = why;
	return -1;
}

/* The grant that holds, by itself or by a group, the milder one first. */
static int sender_granted(struct store *store, int64_t user, int64_t owner,
			  enum sender_standing *ret_standing,
			  struct fault *fault)
{
	int64_t kind = 0;

	if (sql_get(store, fault, &kind,
		    "WITH RECURSIVE me (id) AS (SELECT id FROM users"
		    "  WHERE id = ?1 OR name_key = 'everyone'"
		    "  UNION SELECT g.usergroup FROM me"
		    "  JOIN usergroup_acl g ON g.member = me.id)"
		    " SELECT max(kind) FROM senders"
		    " WHERE user = ?2 AND who IN (SELECT id FROM me)",
		    "ii", user, owner) < 0)
		return -1;
	switch (kind) {
	case SENDER_GRANT_AS:
		*ret_standing = SENDER_AS;
		break;
	case SENDER_GRANT_ON_BEHALF:
		*ret_standing = SENDER_ON_BEHALF;
		break;
	default:
		*ret_standing = SENDER_DENIED;
	}
	return 0;
}

static int sender_fill(struct store *store, int64_t owner,
		       struct store_sender *sender, struct fault *fault)
{
	ROWS rows = {0};
	int rc;

	if (rows_open(store, &rows, fault,
		      "SELECT u.name, coalesce(a.address, ''), u.store"
		      " FROM users u"
		      " LEFT JOIN addresses a ON a.user = u.id"
		      "  AND a.is_primary = 1 WHERE u.id = ?",
		      "i", owner))
		return -1;
	rc = rows_next(&rows, fault);
	sender->name = rc == 1 ? rows_text(&rows, 0) : g_strdup("");
	sender->email = rc == 1 ? rows_text(&rows, 1) : g_strdup("");
	sender->store = rc == 1 ? rows_int(&rows, 2) : 0;
	return rc < 0 ? -1 : 0;
}

int store_sender_look(struct store *store, int64_t user, const char *address,
		      struct store_sender **ret_sender, struct fault *fault)
{
	AUTO(store_sender) sender = g_new0(struct store_sender, 1);
	int64_t owner = 0;
	int rc = sender_owner(store, address, &owner, fault);

	if (rc < 0 || sender_fill(store, owner, sender, fault))
		return -1;
	if (rc == 0)
		sender->standing = SENDER_NOBODYS;
	else if (owner == user)
		sender->standing = SENDER_OWN;
	else if (sender_granted(store, user, owner, &sender->standing, fault))
		return -1;
	*ret_sender = g_steal_pointer(&sender);
	return 0;
}

/* ---- secrets ---------------------------------------------------------------
 */

int store_secrets_get(struct store *store, int64_t user,
		      struct store_secrets **ret_secrets, struct fault *fault)
{
	struct store_secrets *secrets;
	ROWS rows = {0};
	int rc;

	if (rows_open(store, &rows, fault,
		      "SELECT password, scram FROM users WHERE id = ?", "i",
		      user))
		return -1;
	rc = rows_next(&rows, fault);
	if (rc == 0)
		return fault_set(fault, FAULT_NO_USER, "no such user");
	if (rc < 0)
		return -1;
	secrets = g_new0(struct store_secrets, 1);
	secrets->password = rows_text(&rows, 0);
	secrets->scram = rows_text(&rows, 1);
	*ret_secrets = secrets;
	return 0;
}

int store_scram_is_complete(struct store *store, bool *ret_complete,
			    struct fault *fault)
{
	int64_t found;
	int rc = sql_get(store, fault, &found,
			 "SELECT 1 FROM users WHERE password <> ''"
			 " AND scram = '' AND active = 1 LIMIT 1",
			 "");

	if (rc < 0)
		return -1;
	*ret_complete = rc == 0;
	return 0;
}

int store_scram_set(struct store *store, int64_t user, const char *keys,
		    struct fault *fault)
{
	if (store_need_unit(store, fault))
		return -1;
	return sql_run(store, fault, "UPDATE users SET scram = ? WHERE id = ?",
		       "ti", keys, user);
}
