/*
 * Out of office: what it says, from when to when, and who had a reply.
 */
#include "store_internal.h"

#include <string.h>

/* A text that need not be there. */
#define OOF_TEXT(text) ((text) ? (text) : "")

void store_oof_free(struct store_oof *oof)
{
	if (!oof)
		return;
	g_free(oof->subject);
	g_free(oof->message);
	g_free(oof->html);
	g_free(oof->external_message);
	g_free(oof->external_html);
	g_free(oof);
}

/* A column of the row that is there, else ""; owned. */
static char *oof_text(struct rows *rows, int rc, int column)
{
	return rc == 1 ? rows_text(rows, column) : g_strdup("");
}

int store_oof_get(struct store *store, int64_t store_id,
		  struct store_oof **ret_oof, struct fault *fault)
{
	struct store_oof *oof;
	ROWS rows = {0};
	int rc;

	if (rows_open(store, &rows, fault,
		      "SELECT is_on, subject, message, since, until, html,"
		      " external, external_message, external_html FROM oof"
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
		oof->external = (enum oof_external)rows_int(&rows, 6);
	}
	oof->subject = oof_text(&rows, rc, 1);
	oof->message = oof_text(&rows, rc, 2);
	oof->html = oof_text(&rows, rc, 5);
	oof->external_message = oof_text(&rows, rc, 7);
	oof->external_html = oof_text(&rows, rc, 8);
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
		       " message, since, until, html, external,"
		       " external_message, external_html)"
		       " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		       "idttiitdtt", store_id, oof->on, OOF_TEXT(oof->subject),
		       OOF_TEXT(oof->message), oof->from, oof->until,
		       OOF_TEXT(oof->html), (int)oof->external,
		       OOF_TEXT(oof->external_message),
		       OOF_TEXT(oof->external_html));
}

int store_contact_find(struct store *store, int64_t store_id,
		       const char *address, bool *ret_found,
		       struct fault *fault)
{
	g_autofree char *key = address_key(address);
	bool found = false;
	ROWS rows = {0};
	int rc;

	/* PR_SENT_REPRESENTING_EMAIL_ADDRESS of the items. */
	if (rows_open(store, &rows, fault,
		      "SELECT p.value FROM hierarchy f"
		      " JOIN hierarchy m ON m.parent = f.id AND m.type = 3"
		      "  AND m.deleted IS NULL"
		      " JOIN properties p ON p.object = m.content"
		      "  AND p.tag = 0x0065001f"
		      " WHERE f.store = ?1 AND f.role = ?2 AND f.type = 2"
		      " UNION ALL SELECT pattern FROM junk"
		      " WHERE store = ?1 AND pattern = ?3 AND verdict = ?4",
		      "idtd", store_id, (int)FOLDER_CONTACTS, key,
		      (int)JUNK_ALLOW))
		return -1;
	while (!found && (rc = rows_next(&rows, fault)) == 1) {
		g_autofree char *value = rows_text(&rows, 0);
		g_autofree char *of_value = address_key(value);

		found = strcmp(key, of_value) == 0;
	}
	if (!found && rc < 0)
		return -1;
	*ret_found = found;
	return 0;
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
