/*
 * store check: does the store hold what it says it holds?  And what of it can
 * be derived again from the rest, is, if asked for.
 */
#include "lob.h"

#include <string.h>
#include <unistd.h>

struct check {
	struct store *store;
	void (*tell)(const char *what, void *context);
	void *context;
	int64_t wrong;
	bool is_readable; /* tables are as they are to be */
};

static void check_tell(struct check *check, const char *format, ...)
	PRINTF_LIKE(2, 3);

static void check_tell(struct check *check, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	check->wrong++;
	if (check->tell)
		check->tell(text, check->context);
}

/* Each row of a query is one thing that is wrong, in words. */
static int check_query(struct check *check, const char *sql,
		       struct fault *fault)
{
	ROWS rows = {0};
	int rc;

	if (rows_open(check->store, &rows, fault, sql, ""))
		return -1;
	while ((rc = rows_next(&rows, fault)) == 1)
		check_tell(check, "%s", rows_peek(&rows, 0));
	return rc;
}

static void check_tell_schema(const char *what, void *context)
{
	check_tell(context, "%s", what);
}

static int check_find_schema(struct check *check, struct fault *fault)
{
	return check_schema(check->store, check_tell_schema, check,
			    &check->is_readable, fault);
}

static int check_sqlite(struct check *check, struct fault *fault)
{
	ROWS rows = {0};
	int rc;

	if (rows_open(check->store, &rows, fault, "PRAGMA integrity_check", ""))
		return -1;
	while ((rc = rows_next(&rows, fault)) == 1)
		if (g_strcmp0(rows_peek(&rows, 0), "ok") != 0)
			check_tell(check, "database: %s", rows_peek(&rows, 0));
	return rc;
}

/* ---- what is wrong, and what makes it right ------------------------------
 */

struct check_step {
	const char *find; /* each row is one thing that is wrong, in words */
	const char *fix;  /* SQL; NULL: see fix_with */
	int (*fix_with)(struct store *store, struct fault *fault);
	int (*find_with)(struct check *check, struct fault *fault);
};

static int check_find(struct check *check, const struct check_step *step,
		      struct fault *fault)
{
	return step->find_with ? step->find_with(check, fault)
			       : check_query(check, step->find, fault);
}

/* The folders every user has: made anew, empty. */
static int check_fix_roles(struct store *store, struct fault *fault)
{
	ROWS rows = {0};
	int rc;

	if (rows_open(store, &rows, fault,
		      "SELECT u.store, r.value FROM users u"
		      " JOIN json_each('[1,2,3,4,5,6,7,8,9,10,11]') r"
		      " WHERE u.kind = 1 AND NOT EXISTS ("
		      "  SELECT 1 FROM hierarchy f WHERE f.store = u.store"
		      "  AND f.type = 2 AND f.role = r.value AND f.role > 0"
		      "  AND f.deleted IS NULL)",
		      ""))
		return -1;
	while ((rc = rows_next(&rows, fault)) == 1) {
		int64_t store_id = rows_int(&rows, 0);
		enum folder_role role = (enum folder_role)rows_int(&rows, 1);
		g_autofree char *name = NULL;
		int64_t folder;

		if (folder_free_name(store, store_id, folder_role_name(role),
				     &name, fault) ||
		    folder_insert(store, store_id, store_id, role, name,
				  &folder, fault))
			return -1;
	}
	return rc;
}

/* Files of theirs are found as such, a day later. */
static int check_fix_values(struct store *store, struct fault *fault)
{
	g_autoptr(GArray) lobs = g_array_new(FALSE, FALSE, sizeof(int64_t));
	g_autoptr(GArray) files =
		g_array_new(FALSE, FALSE, sizeof(struct lob_name));

	if (sql_ids(store, lobs, fault, "SELECT id FROM lob l WHERE" LOB_UNUSED,
		    ""))
		return -1;
	return purge_lobs(store, lobs, files, fault);
}

/* In a store that is deleted all is. */
#define CHECK_HIDDEN                                                           \
 " FROM hierarchy h JOIN hierarchy p ON p.id = h.parent"                       \
 " JOIN hierarchy s ON s.id = h.store"                                         \
 " WHERE h.type IN (2, 3) AND h.deleted IS NULL AND p.deleted IS NOT NULL"     \
 " AND s.deleted IS NULL"

/* In this order: what others build on comes first, counters last. */
static const struct check_step check_steps[] = {
	{.find_with = check_sqlite, .fix = "REINDEX"},

	{"SELECT 'reference: ' || coalesce('row ' || rowid, 'a row') ||"
	 " ' of ' || \"table\" || ' names a missing row of ' || parent"
	 " FROM pragma_foreign_key_check",
	 "DELETE FROM properties WHERE object NOT IN"
	 " (SELECT id FROM hierarchy);"
	 "DELETE FROM acl WHERE folder NOT IN (SELECT id FROM hierarchy)"
	 " OR who NOT IN (SELECT id FROM users);"
	 "DELETE FROM usergroup_acl WHERE usergroup NOT IN"
	 " (SELECT id FROM users) OR member NOT IN (SELECT id FROM users);"
	 "DELETE FROM addresses WHERE user NOT IN (SELECT id FROM users);"
	 "DELETE FROM outgoingrecipients WHERE queue NOT IN"
	 " (SELECT id FROM outgoingqueue);"
	 "DELETE FROM lob_parts WHERE lob NOT IN (SELECT id FROM lob);"
	 "UPDATE outgoingqueue SET message = NULL WHERE message IS NOT NULL"
	 " AND message NOT IN (SELECT id FROM hierarchy);"
	 "UPDATE outgoingqueue SET store = NULL WHERE store IS NOT NULL"
	 " AND store NOT IN (SELECT id FROM hierarchy)",
	 NULL, NULL},

	{"SELECT 'content ' || c.id || ': ' || c.size || ' octets, kept are ' ||"
	 " l.size FROM hierarchy c JOIN lob l ON l.id = c.lob"
	 " WHERE c.type = 6 AND c.size <> l.size",
	 "UPDATE hierarchy SET size = l.size FROM lob l"
	 " WHERE l.id = hierarchy.lob AND type = 6 AND hierarchy.size <> l.size",
	 NULL, NULL},

	{"SELECT 'message ' || m.id || ': ' || m.size ||"
	 " ' octets, its content ' || c.size"
	 " FROM hierarchy m JOIN hierarchy c ON c.id = m.content"
	 " WHERE m.type = 3 AND m.size <> c.size",
	 "UPDATE hierarchy SET size = c.size FROM hierarchy c"
	 " WHERE c.id = hierarchy.content AND hierarchy.type = 3"
	 " AND hierarchy.size <> c.size",
	 NULL, NULL},

	{"SELECT 'value ' || l.id || ': no message has it' FROM lob l"
	 " WHERE" LOB_UNUSED,
	 NULL, check_fix_values, NULL},

	{"SELECT 'object ' || h.id || ': not in the store of its folder'"
	 " FROM hierarchy h JOIN hierarchy p ON p.id = h.parent"
	 " WHERE h.type IN (2, 3) AND h.store <> coalesce(p.store, p.id)",
	 "WITH RECURSIVE place (id, root) AS ("
	 " SELECT id, id FROM hierarchy WHERE type = 1"
	 " UNION ALL SELECT h.id, place.root FROM place"
	 "  JOIN hierarchy h ON h.parent = place.id AND h.type IN (2, 3))"
	 " UPDATE hierarchy SET store = place.root FROM place"
	 " WHERE place.id = hierarchy.id AND hierarchy.store <> place.root",
	 NULL, NULL},

	{"SELECT 'object ' || h.id || ': lives in a deleted folder'" CHECK_HIDDEN,
	 /* The folder comes back under a name that is free; clients read the
	  * store anew. */
	 "UPDATE hierarchy SET change = change + 1, horizon = change + 1"
	 " WHERE id IN (SELECT h.store" CHECK_HIDDEN ");"
	 "WITH RECURSIVE up (id, parent) AS ("
	 " SELECT p.id, p.parent" CHECK_HIDDEN
	 " UNION SELECT p.id, p.parent FROM up"
	 "  JOIN hierarchy p ON p.id = up.parent"
	 "  WHERE p.deleted IS NOT NULL)"
	 " UPDATE hierarchy SET deleted = NULL,"
	 "  role = iif(type = 2, 0, role),"
	 "  name = iif(type = 2, name || ' (' || id || ')', name),"
	 "  name_key = iif(type = 2, name_key || ' (' || id || ')', name_key)"
	 " WHERE id IN (SELECT id FROM up)",
	 NULL, NULL},

	{"SELECT 'user ' || u.name || ': the store lacks the folder of role ' ||"
	 " r.value FROM users u JOIN json_each('[1,2,3,4,5,6,7,8,9,10,11]') r"
	 " WHERE u.kind = 1 AND NOT EXISTS (SELECT 1 FROM hierarchy f"
	 "  WHERE f.store = u.store AND f.type = 2 AND f.role = r.value"
	 "  AND f.role > 0 AND f.deleted IS NULL)",
	 NULL, check_fix_roles, NULL},

	{"SELECT 'queue: message ' || q.id || ' has no recipient'"
	 " FROM outgoingqueue q WHERE NOT EXISTS"
	 " (SELECT 1 FROM outgoingrecipients WHERE queue = q.id)",
	 /* It stays in the Outbox, flagged failed, to be sent again. */
	 "UPDATE hierarchy SET flags = (flags | 64) & ~32 WHERE id IN"
	 " (SELECT message FROM outgoingqueue q WHERE NOT EXISTS"
	 "  (SELECT 1 FROM outgoingrecipients WHERE queue = q.id));"
	 "DELETE FROM outgoingqueue WHERE NOT EXISTS"
	 " (SELECT 1 FROM outgoingrecipients WHERE queue = outgoingqueue.id)",
	 NULL, NULL},

	{"SELECT 'queue: recipient ' || r.id || ' is being sent by nobody'"
	 " FROM outgoingrecipients r JOIN outgoingqueue q ON q.id = r.queue"
	 " WHERE r.state = 1 AND q.lease_owner IS NULL",
	 "UPDATE outgoingrecipients SET state = 0 WHERE state = 1 AND queue IN"
	 " (SELECT id FROM outgoingqueue WHERE lease_owner IS NULL)",
	 NULL, NULL},

	{"SELECT 'object ' || h.id || ': change ' || h.change ||"
	 " ' is ahead of its store''s ' || s.change"
	 " FROM hierarchy h JOIN hierarchy s ON s.id = h.store"
	 " WHERE h.change > s.change",
	 "UPDATE hierarchy SET change = max(change, (SELECT"
	 "  coalesce(max(h.change), 0) FROM hierarchy h"
	 "  WHERE h.store = hierarchy.id)) WHERE type = 1",
	 NULL, NULL},

	{"SELECT 'store ' || id || ': horizon ' || horizon ||"
	 " ' is ahead of its change ' || change"
	 " FROM hierarchy WHERE type = 1 AND horizon > change",
	 "UPDATE hierarchy SET change = horizon"
	 " WHERE type = 1 AND horizon > change",
	 NULL, NULL},

	{"WITH sums (folder, m, u, s) AS (SELECT parent, count(*),"
	 "  sum(flags & 1 = 0), sum(size) FROM hierarchy"
	 "  WHERE type = 3 AND deleted IS NULL GROUP BY parent)"
	 " SELECT 'folder ' || f.id || ': counts ' || f.messages || ', ' ||"
	 "  f.unread || ' unread, ' || f.size || ' octets; has ' ||"
	 "  coalesce(m, 0) || ', ' || coalesce(u, 0) || ', ' || coalesce(s, 0)"
	 " FROM hierarchy f LEFT JOIN sums ON folder = f.id"
	 " WHERE f.type = 2 AND (f.messages <> coalesce(m, 0)"
	 "  OR f.unread <> coalesce(u, 0) OR f.size <> coalesce(s, 0))",
	 "WITH sums (folder, m, u, s) AS (SELECT f.id, count(h.id),"
	 "  coalesce(sum(h.flags & 1 = 0), 0), coalesce(sum(h.size), 0)"
	 "  FROM hierarchy f LEFT JOIN hierarchy h ON h.parent = f.id"
	 "   AND h.type = 3 AND h.deleted IS NULL"
	 "  WHERE f.type = 2 GROUP BY f.id)"
	 " UPDATE hierarchy SET messages = m, unread = u, size = s FROM sums"
	 " WHERE id = folder AND type = 2"
	 "  AND (messages <> m OR unread <> u OR size <> s)",
	 NULL, NULL},

	{"WITH sums (store, m, u, s) AS (SELECT store, count(*),"
	 "  sum(flags & 1 = 0), sum(size) FROM hierarchy"
	 "  WHERE type = 3 AND deleted IS NULL GROUP BY store)"
	 " SELECT 'store ' || r.id || ': counts ' || r.messages || ', ' ||"
	 "  r.unread || ' unread, ' || r.size || ' octets; has ' ||"
	 "  coalesce(m, 0) || ', ' || coalesce(u, 0) || ', ' || coalesce(s, 0)"
	 " FROM hierarchy r LEFT JOIN sums ON sums.store = r.id"
	 " WHERE r.type = 1 AND (r.messages <> coalesce(m, 0)"
	 "  OR r.unread <> coalesce(u, 0) OR r.size <> coalesce(s, 0))",
	 "WITH sums (root, m, u, s) AS (SELECT r.id, count(h.id),"
	 "  coalesce(sum(h.flags & 1 = 0), 0), coalesce(sum(h.size), 0)"
	 "  FROM hierarchy r LEFT JOIN hierarchy h ON h.store = r.id"
	 "   AND h.type = 3 AND h.deleted IS NULL"
	 "  WHERE r.type = 1 GROUP BY r.id)"
	 " UPDATE hierarchy SET messages = m, unread = u, size = s FROM sums"
	 " WHERE id = root AND type = 1"
	 "  AND (messages <> m OR unread <> u OR size <> s)",
	 NULL, NULL},
};

static int check_orphan(const struct lob_name *name, void *context,
			struct fault *fault)
{
	struct check *check = context;
	g_autofree char *file = lob_file(check->store->path, name);

	(void)fault;
	check_tell(check, "file %s: no message has it", file);
	return 0;
}

/* Tells what is wrong with a content, and whose messages have it. */
static int check_tell_content(struct check *check, int64_t content,
			      const struct fault *broken, struct fault *fault)
{
	g_auto(GStrv) messages = NULL;
	g_autofree char *list = NULL;

	if (sql_texts(check->store, &messages, fault,
		      "SELECT 'message ' || m.id || ' of ' || s.name ||"
		      " CASE WHEN m.deleted THEN ', deleted' ELSE '' END"
		      " FROM hierarchy m JOIN hierarchy s ON s.id = m.store"
		      " WHERE m.content = ? AND m.type = 3 LIMIT 10",
		      "i", content))
		return -1;
	list = g_strjoinv("; ", messages);
	check_tell(check, "%s (%s)", broken->text,
		   *list ? list : "no message has it");
	return 0;
}

/* Every content comes back with the hash it is named by. */
static int check_contents(struct check *check, struct fault *fault)
{
	ROWS rows = {0};
	int64_t done = 0;
	int64_t all = 0;
	int rc;

	if (sql_get(check->store, fault, &all,
		    "SELECT count(*) FROM hierarchy WHERE lob IS NOT NULL",
		    "") < 0 ||
	    rows_open(check->store, &rows, fault,
		      "SELECT id FROM hierarchy WHERE type = 6", ""))
		return -1;
	while ((rc = rows_next(&rows, fault)) == 1) {
		g_autoptr(GBytes) bytes = NULL;
		struct fault broken = {0};

		if (content_bytes(check->store, rows_int(&rows, 0), &bytes,
				  &broken) &&
		    check_tell_content(check, rows_int(&rows, 0), &broken,
				       fault))
			return -1;
		store_tell(check->store, "messages", ++done, all);
	}
	return rc;
}

static int check_all(struct check *check, struct fault *fault)
{
	for (size_t i = 0; i < G_N_ELEMENTS(check_steps); i++)
		if (check_find(check, &check_steps[i], fault))
			return -1;
	if (check_contents(check, fault))
		return -1;
	return purge_each_orphan(check->store, g_get_real_time(), check_orphan,
				 check, fault);
}

int store_check(struct store *store,
		void (*tell)(const char *what, void *context), void *context,
		int64_t *ret_wrong, struct fault *fault)
{
	struct check check = {store, tell, context, 0, true};
	bool is_own = !store->in_unit;
	int rc;

	/* One view of the store for all questions; writers go on. */
	if (is_own && sql_run(store, fault, "BEGIN", ""))
		return -1;
	rc = check_find_schema(&check, fault);
	/* Of tables that are not ours nothing else can be asked. */
	if (rc == 0 && check.is_readable)
		rc = check_all(&check, fault);
	if (is_own && sql_run(store, fault, "COMMIT", ""))
		return -1;
	if (rc)
		return -1;
	*ret_wrong = check.wrong;
	return 0;
}

/* ---- repair --------------------------------------------------------------
 */

struct repair {
	struct check *check;
	const struct check_step *step;
};

/* One step in one unit. */
static int repair_unit(struct store *store, void *context, struct fault *fault)
{
	struct repair *repair = context;
	const struct check_step *step = repair->step;

	if (check_find(repair->check, step, fault))
		return -1;
	if (repair->check->wrong == 0)
		return 0;
	store->settings_touched = true;
	return step->fix_with ? step->fix_with(store, fault)
			      : sql_script(store, step->fix, fault);
}

static void repair_note(const char *what, void *context)
{
	g_ptr_array_add(context, g_strdup(what));
}

/* Told once it is on disk.  One that cannot be made right does not keep the
 * others from it: the check afterwards tells what is left. */
static int repair_step(struct store *store, const struct check_step *step,
		       struct check *told, struct fault *fault)
{
	g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GPtrArray) left = g_ptr_array_new_with_free_func(g_free);
	struct check before = {store, NULL, NULL, 0, true};
	struct check check = {store, repair_note, found, 0, true};
	struct check after = {store, repair_note, left, 0, true};
	struct repair repair = {&check, step};
	struct fault why = {0};

	/* Writers wait for what is wrong alone, not for the search. */
	if (check_find(&before, step, &why) ||
	    (before.wrong && store_run(store, repair_unit, &repair, &why))) {
		if (why.kind == FAULT_INTERNAL || why.kind == FAULT_EXISTS)
			return 0;
		if (fault)
			*fault = why;
		return -1;
	}
	if (found->len && check_find(&after, step, fault))
		return -1;
	for (guint i = 0; i < found->len; i++)
		if (!g_ptr_array_find_with_equal_func(left, found->pdata[i],
						      g_str_equal, NULL))
			check_tell(told, "%s", (const char *)found->pdata[i]);
	return 0;
}

int store_repair(struct store *store,
		 void (*tell)(const char *what, void *context), void *context,
		 int64_t *ret_repaired, struct fault *fault)
{
	struct check told = {store, tell, context, 0, true};
	struct check schema = {store, NULL, NULL, 0, true};
	int64_t now = g_get_real_time();

	*ret_repaired = 0;
	if (check_find_schema(&schema, fault))
		return -1;
	if (!schema.is_readable)
		return 0;
	if (check_fix_schema(store, check_tell_schema, &told, fault))
		return -1;
	for (size_t i = 0; i < G_N_ELEMENTS(check_steps); i++)
		if (repair_step(store, &check_steps[i], &told, fault))
			return -1;
	if (purge_each_orphan(store, now, check_orphan, &told, fault) ||
	    purge_orphans(store, now, fault))
		return -1;
	*ret_repaired = told.wrong;
	return 0;
}
