/*
 * The schema: what is in the file, and how an older file becomes a current
 * one.  Steps are only ever added at the end; PRAGMA user_version counts them.
 * docs/store.md explains tables and columns.
 */
#include "store_internal.h"

#include <string.h>

/* Random, once for the whole file; a copy of it has the same. */
#define SCHEMA_KEY                                                             \
 "INSERT INTO properties (object, tag, value)"                                 \
 " SELECT id, 0x0ffa0102, randomblob(16) FROM hierarchy"                       \
 " WHERE type = 1 ORDER BY id LIMIT 1"

/* clang-format off */
/* What the view mail shows of a message m, its content c and the content's lob
 * l; and the view since step 4; class: what goes before that of the content.
 * Steps share the text: it never changes. */
#define SCHEMA_MAIL_COLUMNS(class) \
	/* PR_SENT_REPRESENTING_EMAIL_ADDRESS, _NAME, PR_SUBJECT, \
	 * PR_DISPLAY_TO, _CC */ \
	"  coalesce((SELECT value FROM properties" \
	"   WHERE object = m.content AND tag = 0x0065001f), '') AS sender," \
	"  coalesce((SELECT value FROM properties" \
	"   WHERE object = m.content AND tag = 0x0042001f), '')" \
	"   AS sender_name," \
	"  coalesce((SELECT value FROM properties" \
	"   WHERE object = m.content AND tag = 0x0037001f), '') AS subject," \
	"  coalesce((SELECT value FROM properties" \
	"   WHERE object = m.content AND tag = 0x0e04001f), '') AS \"to\"," \
	"  coalesce((SELECT value FROM properties" \
	"   WHERE object = m.content AND tag = 0x0e03001f), '') AS cc," \
	"  m.size AS size, m.flags & 1 AS read, m.flags AS flags," \
	"  coalesce(m.keywords, '') AS keywords," \
	/* PR_MESSAGE_CLASS, PR_INTERNET_MESSAGE_ID */ \
	"  coalesce(" class "(SELECT value FROM properties" \
	"   WHERE object = m.content AND tag = 0x001a001f), 'IPM.Note')" \
	"   AS message_class," \
	"  coalesce((SELECT value FROM properties" \
	"   WHERE object = m.content AND tag = 0x1035001f), '')" \
	"   AS message_id," \
	"  c.attachments AS attachments," \
	/* PR_CLIENT_SUBMIT_TIME */ \
	"  (SELECT strftime('%Y-%m-%dT%H:%M:%SZ', value / 1000000," \
	"   'unixepoch') FROM properties" \
	"   WHERE object = m.content AND tag = 0x00390040) AS date," \
	"  lower(hex(l.hash)) AS sha256, m.change AS change"
#define SCHEMA_MAIL(class) \
	"CREATE VIEW mail AS" \
	" SELECT s.name AS owner," \
	"  (WITH RECURSIVE up (parent, path, depth) AS (" \
	"   SELECT f.parent, replace(f.name, '/', '\\/'), 0 FROM hierarchy f" \
	"    WHERE f.id = m.parent AND f.type = 2" \
	"   UNION ALL" \
	"   SELECT f.parent, replace(f.name, '/', '\\/') || '/' || up.path," \
	"    up.depth + 1 FROM up JOIN hierarchy f ON f.id = up.parent" \
	"    WHERE f.type = 2)" \
	"   SELECT path FROM up ORDER BY depth DESC LIMIT 1) AS folder," \
	"  m.id AS id," \
	"  strftime('%Y-%m-%dT%H:%M:%SZ', m.received / 1000000, 'unixepoch')" \
	"   AS received," \
	SCHEMA_MAIL_COLUMNS(class) \
	" FROM hierarchy m" \
	"  JOIN hierarchy s ON s.id = m.store AND s.type = 1" \
	"  JOIN hierarchy c ON c.id = m.content" \
	"  JOIN lob l ON l.id = c.lob" \
	" WHERE m.type = 3 AND m.deleted IS NULL"

static const char *const schema_steps[] = {
	/* 1: everything a mail store has from the start. */
	"CREATE TABLE lob ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),"
	" size INTEGER NOT NULL CHECK (size >= 0),"
	" data BLOB CHECK (data IS NULL OR length(data) = size)"
	") STRICT;"

	"CREATE TABLE hierarchy ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" type INTEGER NOT NULL CHECK (type BETWEEN 1 AND 6),"
	" parent INTEGER REFERENCES hierarchy (id),"
	" store INTEGER REFERENCES hierarchy (id),"
	" content INTEGER REFERENCES hierarchy (id),"
	" lob INTEGER REFERENCES lob (id),"
	" change INTEGER NOT NULL DEFAULT 0,"
	" flags INTEGER NOT NULL DEFAULT 0,"
	" size INTEGER NOT NULL DEFAULT 0 CHECK (size >= 0),"
	" received INTEGER,"
	" deleted INTEGER,"
	" origin INTEGER,"
	" trace TEXT,"
	" keywords TEXT,"
	" attachments INTEGER,"
	" messages INTEGER CHECK (messages >= 0),"
	" unread INTEGER CHECK (unread BETWEEN 0 AND messages),"
	" role INTEGER CHECK (role BETWEEN 0 AND 11),"
	" name TEXT,"
	" name_key TEXT,"
	" horizon INTEGER,"
	" CHECK (CASE type"
	"  WHEN 1 THEN parent IS NULL AND store IS NULL AND horizon IS NOT NULL"
	"   AND messages IS NOT NULL AND unread IS NOT NULL"
	"  WHEN 2 THEN parent IS NOT NULL AND store IS NOT NULL"
	"   AND role IS NOT NULL AND name_key IS NOT NULL"
	"   AND length(CAST(name AS BLOB)) BETWEEN 1 AND 255"
	"   AND messages IS NOT NULL AND unread IS NOT NULL"
	"  WHEN 3 THEN parent IS NOT NULL AND store IS NOT NULL"
	"   AND content IS NOT NULL AND received IS NOT NULL"
	"  WHEN 6 THEN parent IS NULL AND store IS NULL AND lob IS NOT NULL"
	"   AND attachments IS NOT NULL"
	"  ELSE parent IS NOT NULL END)"
	") STRICT;"
	"CREATE INDEX hierarchy_parent ON hierarchy (parent, received)"
	" WHERE parent IS NOT NULL;"
	"CREATE INDEX hierarchy_change ON hierarchy (store, change)"
	" WHERE store IS NOT NULL;"
	"CREATE INDEX hierarchy_content ON hierarchy (content)"
	" WHERE content IS NOT NULL;"
	"CREATE UNIQUE INDEX hierarchy_lob ON hierarchy (lob)"
	" WHERE lob IS NOT NULL;"
	"CREATE INDEX hierarchy_deleted ON hierarchy (deleted)"
	" WHERE deleted IS NOT NULL;"
	"CREATE UNIQUE INDEX hierarchy_name ON hierarchy (parent, name_key)"
	" WHERE type = 2 AND deleted IS NULL;"
	"CREATE UNIQUE INDEX hierarchy_role ON hierarchy (store, role)"
	" WHERE type = 2 AND role > 0 AND deleted IS NULL;"

	"CREATE TABLE properties ("
	" object INTEGER NOT NULL REFERENCES hierarchy (id) ON DELETE CASCADE,"
	" tag INTEGER NOT NULL,"
	" value ANY NOT NULL,"
	" PRIMARY KEY (object, tag)"
	") STRICT, WITHOUT ROWID;"

	"CREATE TABLE users ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" kind INTEGER NOT NULL CHECK (kind IN (1, 2)),"
	" name TEXT NOT NULL CHECK (length(name) > 0),"
	" name_key TEXT NOT NULL UNIQUE,"
	" fullname TEXT NOT NULL DEFAULT '',"
	" password TEXT NOT NULL DEFAULT '',"
	" admin INTEGER NOT NULL DEFAULT 0 CHECK (admin IN (0, 1)),"
	" active INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1)),"
	" quota_warn INTEGER NOT NULL DEFAULT -1 CHECK (quota_warn >= -1),"
	" quota_soft INTEGER NOT NULL DEFAULT -1 CHECK (quota_soft >= -1),"
	" quota_hard INTEGER NOT NULL DEFAULT -1 CHECK (quota_hard >= -1),"
	" store INTEGER UNIQUE REFERENCES hierarchy (id),"
	" CHECK ((kind = 1) = (store IS NOT NULL))"
	") STRICT;"
	"CREATE TABLE addresses ("
	" address_key TEXT NOT NULL PRIMARY KEY,"
	" user INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,"
	" address TEXT NOT NULL,"
	" is_primary INTEGER NOT NULL CHECK (is_primary IN (0, 1))"
	") STRICT, WITHOUT ROWID;"
	"CREATE INDEX addresses_user ON addresses (user);"
	"CREATE UNIQUE INDEX addresses_primary ON addresses (user)"
	" WHERE is_primary = 1;"

	"CREATE TABLE usergroup_acl ("
	" usergroup INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,"
	" member INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,"
	" PRIMARY KEY (usergroup, member),"
	" CHECK (usergroup <> member)"
	") STRICT, WITHOUT ROWID;"
	"CREATE INDEX usergroup_acl_member ON usergroup_acl (member);"

	"CREATE TABLE acl ("
	" folder INTEGER NOT NULL REFERENCES hierarchy (id) ON DELETE CASCADE,"
	" who INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,"
	" rights INTEGER NOT NULL CHECK (rights BETWEEN 0 AND 2047),"
	" PRIMARY KEY (folder, who)"
	") STRICT, WITHOUT ROWID;"
	"CREATE INDEX acl_who ON acl (who);"

	"CREATE TABLE outgoingqueue ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" store INTEGER REFERENCES hierarchy (id) ON DELETE SET NULL,"
	" message INTEGER UNIQUE REFERENCES hierarchy (id) ON DELETE SET NULL,"
	" content INTEGER NOT NULL REFERENCES hierarchy (id),"
	" reverse_path TEXT NOT NULL,"
	" submitted INTEGER NOT NULL,"
	" held INTEGER NOT NULL DEFAULT 0 CHECK (held IN (0, 1)),"
	" is_report INTEGER NOT NULL CHECK (is_report IN (0, 1)),"
	" delay_warned INTEGER NOT NULL DEFAULT 0"
	"  CHECK (delay_warned IN (0, 1)),"
	" dsn_ret TEXT NOT NULL,"
	" dsn_envid TEXT NOT NULL,"
	" lease_owner TEXT,"
	" lease_expires INTEGER,"
	" CHECK ((lease_owner IS NULL) = (lease_expires IS NULL))"
	") STRICT;"
	"CREATE INDEX outgoingqueue_store ON outgoingqueue (store);"
	"CREATE INDEX outgoingqueue_content ON outgoingqueue (content);"
	"CREATE INDEX outgoingqueue_lease ON outgoingqueue (lease_owner)"
	" WHERE lease_owner IS NOT NULL;"
	"CREATE TABLE outgoingrecipients ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" queue INTEGER NOT NULL REFERENCES outgoingqueue (id)"
	"  ON DELETE CASCADE,"
	" address TEXT NOT NULL,"
	" state INTEGER NOT NULL DEFAULT 0 CHECK (state BETWEEN 0 AND 3),"
	" attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),"
	" next_attempt INTEGER NOT NULL,"
	" last_reply TEXT NOT NULL DEFAULT '',"
	" last_status TEXT NOT NULL DEFAULT '',"
	" dsn_notify INTEGER NOT NULL DEFAULT 0,"
	" dsn_orcpt TEXT NOT NULL DEFAULT ''"
	") STRICT;"
	"CREATE INDEX outgoingrecipients_queue ON outgoingrecipients (queue);"
	"CREATE INDEX outgoingrecipients_fresh"
	" ON outgoingrecipients (next_attempt, queue)"
	" WHERE state = 0 AND attempts = 0;"
	"CREATE INDEX outgoingrecipients_again"
	" ON outgoingrecipients (next_attempt, queue)"
	" WHERE state = 0 AND attempts > 0;"

	"CREATE TABLE duplicates ("
	" key BLOB NOT NULL PRIMARY KEY CHECK (length(key) = 32),"
	" message INTEGER NOT NULL,"
	" seen INTEGER NOT NULL"
	") STRICT, WITHOUT ROWID;"

	"CREATE TABLE rules ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" store INTEGER NOT NULL REFERENCES hierarchy (id) ON DELETE CASCADE,"
	" name TEXT NOT NULL CHECK (length(name) > 0),"
	" sequence INTEGER NOT NULL CHECK (sequence > 0),"
	" enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),"
	" script TEXT NOT NULL,"
	" error TEXT NOT NULL DEFAULT '',"
	" version INTEGER NOT NULL,"
	" UNIQUE (store, name)"
	") STRICT;"
	"CREATE TABLE junk ("
	" store INTEGER NOT NULL REFERENCES hierarchy (id) ON DELETE CASCADE,"
	" pattern TEXT NOT NULL CHECK (length(pattern) > 0),"
	" verdict INTEGER NOT NULL CHECK (verdict IN (1, 2)),"
	" PRIMARY KEY (store, pattern)"
	") STRICT, WITHOUT ROWID;"
	"CREATE TABLE oof ("
	" store INTEGER PRIMARY KEY REFERENCES hierarchy (id)"
	"  ON DELETE CASCADE,"
	" is_on INTEGER NOT NULL CHECK (is_on IN (0, 1)),"
	" subject TEXT NOT NULL,"
	" message TEXT NOT NULL,"
	" since INTEGER NOT NULL,"
	" until INTEGER NOT NULL"
	") STRICT;"
	"CREATE TABLE oof_replied ("
	" store INTEGER NOT NULL REFERENCES hierarchy (id) ON DELETE CASCADE,"
	" sender TEXT NOT NULL,"
	" at INTEGER NOT NULL,"
	" PRIMARY KEY (store, sender)"
	") STRICT, WITHOUT ROWID;"

	"CREATE VIEW mail AS"
	" WITH RECURSIVE place (id, store, path) AS ("
	"  SELECT id, store, replace(name, '/', '\\/') FROM hierarchy"
	"   WHERE type = 2 AND parent = store"
	"  UNION ALL"
	"  SELECT h.id, h.store, p.path || '/' || replace(h.name, '/', '\\/')"
	"   FROM place p JOIN hierarchy h ON h.parent = p.id AND h.type = 2)"
	" SELECT coalesce(u.name, s.name) AS owner, p.path AS folder,"
	"  m.id AS id,"
	"  strftime('%Y-%m-%dT%H:%M:%SZ', m.received / 1000000, 'unixepoch')"
	"   AS received,"
	SCHEMA_MAIL_COLUMNS("")
	" FROM place p JOIN hierarchy m ON m.parent = p.id AND m.type = 3"
	"  JOIN hierarchy s ON s.id = m.store"
	"  JOIN hierarchy c ON c.id = m.content"
	"  JOIN lob l ON l.id = c.lob"
	"  LEFT JOIN users u ON u.store = m.store"
	" WHERE m.deleted IS NULL;",

	/* 2: what rules remember */
	"CREATE TABLE rule_memory ("
	" store INTEGER NOT NULL REFERENCES hierarchy (id) ON DELETE CASCADE,"
	" key TEXT NOT NULL,"
	" until INTEGER NOT NULL,"
	" PRIMARY KEY (store, key)"
	") STRICT, WITHOUT ROWID;"
	"CREATE INDEX rule_memory_until ON rule_memory (until);",
	/* 3: when a message's time in the queue begins, which a deferred send
	 * or a hold moves on; the report on it that lies in the Inbox. */
	"ALTER TABLE outgoingqueue"
	" ADD COLUMN begins INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE outgoingqueue ADD COLUMN report INTEGER;",

	/* 4: the mail of one owner costs what that owner has.  A store bears
	 * its owner's name; the path is looked up for the rows that are asked
	 * for, not made for every folder there is. */
	"UPDATE hierarchy SET name = (SELECT u.name FROM users u"
	"  WHERE u.store = hierarchy.id) WHERE type = 1 AND EXISTS"
	"  (SELECT 1 FROM users u WHERE u.store = hierarchy.id);"
	"CREATE INDEX hierarchy_owner ON hierarchy (name) WHERE type = 1;"
	"DROP VIEW mail;"
	SCHEMA_MAIL("") ";",

	/* 5: PR_RULE_STATE beyond on and off. */
	"ALTER TABLE rules ADD COLUMN flags INTEGER NOT NULL DEFAULT 0"
	" CHECK (flags & ~20 = 0);",

	/* 6: submission.  What SCRAM keeps of a password (RFC 5803), who may
	 * send in whose name, and what goes first. */
	"ALTER TABLE users ADD COLUMN scram TEXT NOT NULL DEFAULT '';"
	"CREATE TABLE senders ("
	" user INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,"
	" who INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,"
	" kind INTEGER NOT NULL CHECK (kind IN (1, 2)),"
	" PRIMARY KEY (user, who, kind),"
	" CHECK (user <> who)"
	") STRICT, WITHOUT ROWID;"
	"CREATE INDEX senders_who ON senders (who);"
	"ALTER TABLE outgoingrecipients ADD COLUMN priority INTEGER NOT NULL"
	" DEFAULT 0 CHECK (priority BETWEEN -1 AND 1);"
	"DROP INDEX outgoingrecipients_fresh;"
	"CREATE INDEX outgoingrecipients_fresh"
	" ON outgoingrecipients (priority, next_attempt, queue)"
	" WHERE state = 0 AND attempts = 0;",

	/* 7: what senders outside are told, and whether in HTML. */
	"ALTER TABLE oof ADD COLUMN html TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE oof ADD COLUMN external INTEGER NOT NULL DEFAULT 0"
	" CHECK (external BETWEEN 0 AND 2);"
	"ALTER TABLE oof ADD COLUMN external_message TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE oof ADD COLUMN external_html TEXT NOT NULL DEFAULT '';",

	/* 8: attachments once, the rest compressed (kept.h).  What is there
	 * stays as it is (form 0) until the vacuum packs it. */
	"ALTER TABLE lob ADD COLUMN form INTEGER NOT NULL DEFAULT 0"
	" CHECK (form BETWEEN 0 AND 2);"
	"ALTER TABLE lob ADD COLUMN packed BLOB"
	" CHECK (packed IS NULL OR (form = 2 AND data IS NULL));"
	"CREATE INDEX lob_earlier ON lob (id) WHERE form = 0;"
	"CREATE TABLE lob_parts ("
	" lob INTEGER NOT NULL REFERENCES lob (id) ON DELETE CASCADE,"
	" position INTEGER NOT NULL CHECK (position >= 0),"
	" part INTEGER NOT NULL REFERENCES lob (id),"
	" PRIMARY KEY (lob, position),"
	" CHECK (part <> lob)"
	") STRICT, WITHOUT ROWID;"
	"CREATE INDEX lob_parts_part ON lob_parts (part);",

	/* 9: what tells this store from others: PR_STORE_RECORD_KEY of its
	 * first row. */
	SCHEMA_KEY,

	/* 10: the store of whom a message is sent as, or on behalf of. */
	"ALTER TABLE outgoingqueue ADD COLUMN represented INTEGER;",

	/* 11: a store that is marked deleted has no mail to show; its messages
	 * are not marked one by one. */
	"DROP VIEW mail;"
	SCHEMA_MAIL("") " AND s.deleted IS NULL;",

	/* 12: the class that was set at a copy goes before that of what it
	 * says, which others may have, too. */
	"DROP VIEW mail;"
	SCHEMA_MAIL("(SELECT value FROM properties"
		    " WHERE object = m.id AND tag = 0x001a001f), ")
	" AND s.deleted IS NULL;",

	/* 13: keys of duplicates begin with their content.  Until when there
	 * are others: what they say holds for as long as it would have. */
	"INSERT INTO properties (object, tag, value)"
	" SELECT id, 0x67fa0014, (SELECT max(seen) FROM duplicates)"
	" FROM hierarchy WHERE type = 1 AND EXISTS (SELECT 1 FROM duplicates)"
	" ORDER BY id LIMIT 1",
};
/* clang-format on */

int64_t store_schema(void)
{
	return G_N_ELEMENTS(schema_steps);
}

static int schema_pragma(struct store *store, const char *pragma,
			 int64_t *ret_value, struct fault *fault)
{
	int rc = sql_get(store, fault, ret_value, pragma, "");

	if (rc == 0)
		return fault_set(fault, FAULT_INTERNAL, "%s: no answer",
				 pragma);
	return rc < 0 ? -1 : 0;
}

static int schema_not_a_store(struct store *store, struct fault *fault)
{
	return fault_set(fault, FAULT_CONFIG,
			 "%s is not an Okapi store: check store_path",
			 store->path);
}

int schema_check(struct store *store, bool allow_older, int64_t *ret_version,
		 struct fault *fault)
{
	int64_t application = 0;
	int64_t version = 0;
	int64_t tables = 0;

	if (schema_pragma(store, "PRAGMA application_id", &application,
			  fault) ||
	    schema_pragma(store, "PRAGMA user_version", &version, fault) ||
	    schema_pragma(store, "SELECT count(*) FROM sqlite_schema", &tables,
			  fault)) {
		if ((sqlite3_errcode(store->db) & 0xff) == SQLITE_NOTADB)
			return schema_not_a_store(store, fault);
		return -1;
	}
	if (application != STORE_APPLICATION_ID && (tables || application))
		return schema_not_a_store(store, fault);
	if (version > store_schema())
		return fault_set(
			fault, FAULT_CONFIG,
			"store %s was made by a newer version of Okapi (schema %" G_GINT64_FORMAT
			", this program knows %" G_GINT64_FORMAT
			"): install that version, or restore a backup made by this one",
			store->path, version, store_schema());
	if (!allow_older && version == 0)
		return fault_set(
			fault, FAULT_CONFIG,
			"store %s is empty: 'okapi-admin init' fills it",
			store->path);
	if (!allow_older && version < store_schema())
		return fault_set(
			fault, FAULT_CONFIG,
			"store %s was made by an older version of Okapi: 'okapi-admin init' brings it up to date",
			store->path);
	*ret_version = version;
	return 0;
}

static int schema_fill(struct store *store, struct fault *fault)
{
	int64_t public_store;

	if (sql_script(store, "PRAGMA application_id = 0x4f6b4170", fault) ||
	    sql_script(store,
		       "INSERT INTO users (kind, name, name_key) VALUES"
		       " (2, '" GROUP_EVERYONE "', lower('" GROUP_EVERYONE
		       "'))",
		       fault) ||
	    folder_make_store(store, "Public", false, &public_store, fault) ||
	    sql_script(store, SCHEMA_KEY, fault))
		return -1;
	/* What Everyone may do with public folders. */
	return store_acl_set(
		store, public_store, GROUP_EVERYONE,
		"read,create,edit-own,delete-own,create-folder,visible", fault);
}

int schema_earlier_keys(struct store *store, int64_t *ret_until,
			struct fault *fault)
{
	int64_t until = 0;

	if (store->earlier_keys < 0) {
		if (sql_get(store, fault, &until,
			    "SELECT value FROM properties"
			    " WHERE tag = 0x67fa0014 AND object ="
			    "  (SELECT id FROM hierarchy WHERE type = 1"
			    "   ORDER BY id LIMIT 1)",
			    "") < 0)
			return -1;
		store->earlier_keys = until;
	}
	*ret_until = store->earlier_keys;
	return 0;
}

int schema_make(sqlite3 *db)
{
	int rc = SQLITE_OK;

	for (int64_t i = 0; rc == SQLITE_OK && i < store_schema(); i++)
		rc = sqlite3_exec(db, schema_steps[i], NULL, NULL, NULL);
	return rc;
}

int schema_migrate(struct store *store, int64_t version, int64_t target,
		   struct fault *fault)
{
	g_autofree char *set = NULL;

	target = MIN(target, store_schema());
	for (int64_t i = version; i < target; i++)
		if (sql_script(store, schema_steps[i], fault))
			return fault_prefix(fault, "schema step %d",
					    (int)i + 1);
	if (version == 0 && schema_fill(store, fault))
		return -1;
	set = g_strdup_printf("PRAGMA user_version = %d", (int)target);
	return sql_script(store, set, fault);
}
