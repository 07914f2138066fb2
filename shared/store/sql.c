/*
 * Statements: one cache a connection, values bound by a type string, SQLite's
 * errors as faults.
 */
#include "store_internal.h"

#include <string.h>

static enum fault_kind sql_fault_kind(int code)
{
	switch (code & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL:
		return FAULT_STORE_BUSY;
	case SQLITE_FULL:
		return FAULT_DISK_FULL;
	case SQLITE_IOERR:
		return FAULT_IO;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_CANTOPEN:
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return FAULT_CONFIG;
	default:
		return FAULT_INTERNAL;
	}
}

int sql_fault(struct store *store, const char *doing, struct fault *fault)
{
	int code = sqlite3_extended_errcode(store->db);

	if ((code & 0xff) == SQLITE_NOMEM)
		g_error("out of memory in SQLite");
	if ((code & 0xff) == SQLITE_CORRUPT)
		return fault_set(fault, FAULT_CONFIG,
				 "store %s is damaged: %s (%d): restore a "
				 "backup, as 'store backup' in okapi-admin(8) "
				 "tells",
				 store->path, sqlite3_errmsg(store->db), code);
	return fault_set(fault, sql_fault_kind(code), "store %s: %s%s%s (%d)",
			 store->path, doing, doing[0] ? ": " : "",
			 sqlite3_errmsg(store->db), code);
}

/* What makes a recipient what it is, and says what is where and whose. */
static bool sql_is_setting(const char *table)
{
	static const char *const tables[] = {
		"users", "addresses", "rules",        "junk",
		"oof",   "acl",       "usergroup_acl"};

	for (size_t i = 0; i < G_N_ELEMENTS(tables); i++)
		if (strcmp(table, tables[i]) == 0)
			return true;
	return false;
}

int sql_see_writer(void *context, int action, const char *table,
		   const char *second, const char *database,
		   const char *trigger)
{
	struct store *store = context;

	(void)database;
	(void)trigger;
	if ((action == SQLITE_INSERT || action == SQLITE_UPDATE ||
	     action == SQLITE_DELETE) &&
	    sql_is_setting(table))
		store->settings_prepared = true;
	/* Folders alone have it; new ones and those that go are seen to where
	 * that is done. */
	if (action == SQLITE_UPDATE && strcmp(table, "hierarchy") == 0 &&
	    g_strcmp0(second, "name_key") == 0)
		store->settings_prepared = true;
	return SQLITE_OK;
}

static int sql_prepare(struct store *store, const char *sql,
		       struct rows *ret_rows, struct fault *fault)
{
	sqlite3_stmt *stmt = g_hash_table_lookup(store->statements, sql);
	bool is_busy = stmt && sqlite3_stmt_busy(stmt);

	if (!stmt || is_busy) {
		stmt = NULL;
		store->settings_prepared = false;
		if (sqlite3_prepare_v3(store->db, sql, -1,
				       is_busy ? 0 : SQLITE_PREPARE_PERSISTENT,
				       &stmt, NULL) != SQLITE_OK)
			return sql_fault(store, "preparing", fault);
		if (!is_busy)
			g_hash_table_insert(store->statements,
					    GSIZE_TO_POINTER((gsize)sql), stmt);
		if (store->settings_prepared)
			g_hash_table_add(store->writers,
					 GSIZE_TO_POINTER((gsize)sql));
	}
	if (g_hash_table_contains(store->writers, sql))
		store->settings_touched = true;
	*ret_rows = (struct rows){store, stmt, !is_busy};
	return 0;
}

static int sql_bind_one(sqlite3_stmt *stmt, int at, char type, va_list *args,
			sqlite3_destructor_type keep)
{
	switch (type) {
	case 'i':
		return sqlite3_bind_int64(stmt, at, va_arg(*args, int64_t));
	case 'I': {
		int64_t id = va_arg(*args, int64_t);

		return id ? sqlite3_bind_int64(stmt, at, id)
			  : sqlite3_bind_null(stmt, at);
	}
	case 'd':
		return sqlite3_bind_int(stmt, at, va_arg(*args, int));
	case 'r':
		return sqlite3_bind_double(stmt, at, va_arg(*args, double));
	case 't':
		return sqlite3_bind_text(stmt, at, va_arg(*args, const char *),
					 -1, keep);
	case 'b': {
		const void *data = va_arg(*args, const void *);
		size_t len = va_arg(*args, size_t);

		if (!len)
			return sqlite3_bind_zeroblob(stmt, at, 0);
		return sqlite3_bind_blob64(stmt, at, data, len, keep);
	}
	default:
		g_error("type '%c' of a value is none", type);
	}
}

static int sql_bind(struct rows *rows, const char *types, va_list *args,
		    sqlite3_destructor_type keep, struct fault *fault)
{
	g_assert((int)strlen(types) ==
		 sqlite3_bind_parameter_count(rows->stmt));
	for (int i = 0; types[i]; i++)
		if (sql_bind_one(rows->stmt, i + 1, types[i], args, keep) !=
		    SQLITE_OK)
			return sql_fault(rows->store, "binding", fault);
	return 0;
}

/* Prepares and binds; keep says whether texts outlive the statement. */
static int sql_open(struct store *store, struct rows *ret_rows,
		    struct fault *fault, const char *sql, const char *types,
		    va_list *args, sqlite3_destructor_type keep)
{
	*ret_rows = (struct rows){0};
	if (sql_prepare(store, sql, ret_rows, fault))
		return -1;
	return sql_bind(ret_rows, types, args, keep, fault);
}

int rows_open(struct store *store, struct rows *ret_rows, struct fault *fault,
	      const char *sql, const char *types, ...)
{
	va_list args;
	int rc;

	va_start(args, types);
	rc = sql_open(store, ret_rows, fault, sql, types, &args,
		      SQLITE_TRANSIENT);
	va_end(args);
	return rc;
}

int rows_next(struct rows *rows, struct fault *fault)
{
	switch (sqlite3_step(rows->stmt)) {
	case SQLITE_ROW:
		return 1;
	case SQLITE_DONE:
		return 0;
	default:
		return sql_fault(rows->store, "", fault);
	}
}

int rows_first(struct rows *rows, const char *what, int64_t id,
	       struct fault *fault)
{
	int rc = rows_next(rows, fault);

	if (rc == 0)
		return fault_set(fault, FAULT_NOT_FOUND,
				 "no %s %" G_GINT64_FORMAT, what, id);
	return rc < 0 ? -1 : 0;
}

void rows_end(struct rows *rows)
{
	if (!rows->stmt)
		return;
	if (rows->is_cached) {
		(void)sqlite3_reset(rows->stmt);
		(void)sqlite3_clear_bindings(rows->stmt);
	} else {
		(void)sqlite3_finalize(rows->stmt);
	}
	rows->stmt = NULL;
}

int64_t rows_int(const struct rows *rows, int column)
{
	return sqlite3_column_int64(rows->stmt, column);
}

const char *rows_peek(const struct rows *rows, int column)
{
	return (const char *)sqlite3_column_text(rows->stmt, column);
}

char *rows_text(const struct rows *rows, int column)
{
	const char *text = rows_peek(rows, column);

	return g_strdup(text ? text : "");
}

int sql_run(struct store *store, struct fault *fault, const char *sql,
	    const char *types, ...)
{
	ROWS rows = {0};
	va_list args;
	int rc;

	va_start(args, types);
	rc = sql_open(store, &rows, fault, sql, types, &args, SQLITE_STATIC);
	va_end(args);
	while (rc == 0) {
		int step = rows_next(&rows, fault);

		if (step <= 0)
			return step;
	}
	return rc;
}

int sql_get(struct store *store, struct fault *fault, int64_t *ret_value,
	    const char *sql, const char *types, ...)
{
	ROWS rows = {0};
	va_list args;
	int rc;

	va_start(args, types);
	rc = sql_open(store, &rows, fault, sql, types, &args, SQLITE_STATIC);
	va_end(args);
	if (rc)
		return -1;
	rc = rows_next(&rows, fault);
	if (rc == 1)
		*ret_value = rows_int(&rows, 0);
	return rc;
}

int sql_ids(struct store *store, GArray *ids, struct fault *fault,
	    const char *sql, const char *types, ...)
{
	ROWS rows = {0};
	va_list args;
	int rc;

	va_start(args, types);
	rc = sql_open(store, &rows, fault, sql, types, &args, SQLITE_STATIC);
	va_end(args);
	if (rc)
		return -1;
	while ((rc = rows_next(&rows, fault)) == 1) {
		int64_t id = rows_int(&rows, 0);

		g_array_append_val(ids, id);
	}
	return rc;
}

int sql_texts(struct store *store, char ***ret_texts, struct fault *fault,
	      const char *sql, const char *types, ...)
{
	g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
	ROWS rows = {0};
	va_list args;
	int rc;

	va_start(args, types);
	rc = sql_open(store, &rows, fault, sql, types, &args, SQLITE_STATIC);
	va_end(args);
	if (rc)
		return -1;
	while ((rc = rows_next(&rows, fault)) == 1)
		g_ptr_array_add(texts, rows_text(&rows, 0));
	if (rc)
		return -1;
	g_ptr_array_add(texts, NULL);
	*ret_texts = (char **)g_ptr_array_free(g_steal_pointer(&texts), FALSE);
	return 0;
}

int sql_script(struct store *store, const char *script, struct fault *fault)
{
	int rc;

	store->settings_prepared = false;
	rc = sqlite3_exec(store->db, script, NULL, NULL, NULL);
	store->settings_touched |= store->settings_prepared;
	return rc == SQLITE_OK ? 0 : sql_fault(store, "", fault);
}
