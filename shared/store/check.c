/*
 * store check: does the store hold what it says it holds?
 */
#include "digest.h"
#include "store_internal.h"

#include <string.h>
#include <unistd.h>

struct check {
	struct store *store;
	void (*tell)(const char *what, void *context);
	void *context;
	int64_t wrong;
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

static const char *const check_queries[] = {
	"SELECT 'reference: row ' || rowid || ' of ' || \"table\" ||"
	" ' names a missing row of ' || parent"
	" FROM pragma_foreign_key_check",

	"WITH sums (folder, m, u, s) AS (SELECT parent, count(*),"
	"  sum(flags & 1 = 0), sum(size) FROM hierarchy"
	"  WHERE type = 3 AND deleted IS NULL GROUP BY parent)"
	" SELECT 'folder ' || f.id || ': counts ' || f.messages || ', ' ||"
	"  f.unread || ' unread, ' || f.size || ' octets; has ' ||"
	"  coalesce(m, 0) || ', ' || coalesce(u, 0) || ', ' || coalesce(s, 0)"
	" FROM hierarchy f LEFT JOIN sums ON folder = f.id"
	" WHERE f.type = 2 AND (f.messages <> coalesce(m, 0)"
	"  OR f.unread <> coalesce(u, 0) OR f.size <> coalesce(s, 0))",

	"WITH sums (store, m, u, s) AS (SELECT store, count(*),"
	"  sum(flags & 1 = 0), sum(size) FROM hierarchy"
	"  WHERE type = 3 AND deleted IS NULL GROUP BY store)"
	" SELECT 'store ' || r.id || ': counts ' || r.messages || ', ' ||"
	"  r.unread || ' unread, ' || r.size || ' octets; has ' ||"
	"  coalesce(m, 0) || ', ' || coalesce(u, 0) || ', ' || coalesce(s, 0)"
	" FROM hierarchy r LEFT JOIN sums ON sums.store = r.id"
	" WHERE r.type = 1 AND (r.messages <> coalesce(m, 0)"
	"  OR r.unread <> coalesce(u, 0) OR r.size <> coalesce(s, 0))",

	"SELECT 'message ' || m.id || ': ' || m.size || ' octets, its content ' ||"
	" c.size FROM hierarchy m JOIN hierarchy c ON c.id = m.content"
	" WHERE m.type = 3 AND m.size <> c.size",

	"SELECT 'object ' || h.id || ': change ' || h.change ||"
	" ' is ahead of its store''s ' || s.change"
	" FROM hierarchy h JOIN hierarchy s ON s.id = h.store"
	" WHERE h.change > s.change",

	"SELECT 'object ' || h.id || ': not in the store of its folder'"
	" FROM hierarchy h JOIN hierarchy p ON p.id = h.parent"
	" WHERE h.type IN (2, 3) AND h.store <> coalesce(p.store, p.id)",

	"SELECT 'object ' || h.id || ': lives in a deleted folder'"
	" FROM hierarchy h JOIN hierarchy p ON p.id = h.parent"
	" WHERE h.type IN (2, 3) AND h.deleted IS NULL"
	" AND p.deleted IS NOT NULL",

	"SELECT 'user ' || u.name || ': the store lacks the folder of role ' ||"
	" r.value FROM users u JOIN json_each('[1,2,3,4,5,6,7,8,9,10,11]') r"
	" WHERE u.kind = 1 AND NOT EXISTS (SELECT 1 FROM hierarchy f"
	"  WHERE f.store = u.store AND f.type = 2 AND f.role = r.value"
	"  AND f.role > 0 AND f.deleted IS NULL)",

	"SELECT 'queue: message ' || q.id || ' has no recipient'"
	" FROM outgoingqueue q WHERE NOT EXISTS"
	" (SELECT 1 FROM outgoingrecipients WHERE queue = q.id)",

	"SELECT 'queue: recipient ' || r.id || ' is being sent by nobody'"
	" FROM outgoingrecipients r JOIN outgoingqueue q ON q.id = r.queue"
	" WHERE r.state = 1 AND q.lease_owner IS NULL",
};

/* Every content comes back with the hash it is named by. */
static int check_contents(struct check *check, struct fault *fault)
{
	ROWS rows = {0};
	int rc;

	if (rows_open(check->store, &rows, fault,
		      "SELECT id FROM hierarchy WHERE type = 6", ""))
		return -1;
	while ((rc = rows_next(&rows, fault)) == 1) {
		g_autoptr(GBytes) bytes = NULL;
		struct fault broken = {0};

		if (content_bytes(check->store, rows_int(&rows, 0), &bytes,
				  &broken))
			check_tell(check, "%s", broken.text);
	}
	return rc;
}

int store_check(struct store *store,
		void (*tell)(const char *what, void *context), void *context,
		int64_t *ret_wrong, struct fault *fault)
{
	struct check check = {store, tell, context, 0};
	bool is_own = !store->in_unit;
	int rc;

	/* One view of the store for all questions; writers go on. */
	if (is_own && sql_run(store, fault, "BEGIN", ""))
		return -1;
	rc = check_sqlite(&check, fault);
	for (size_t i = 0; rc == 0 && i < G_N_ELEMENTS(check_queries); i++)
		rc = check_query(&check, check_queries[i], fault);
	if (rc == 0)
		rc = check_contents(&check, fault);
	if (is_own && sql_run(store, fault, "COMMIT", ""))
		return -1;
	if (rc)
		return -1;
	*ret_wrong = check.wrong;
	return 0;
}
