/*
 * Is the schema of the file the one that the steps make (schema.c)?  Both are
 * compared by the text that SQLite keeps of them.
 */
#include "store_internal.h"

#include <string.h>

struct schema_object {
	char *type; /* "table", "index", "view", "trigger" */
	char *sql;
};

static void schema_object_free(gpointer data)
{
	struct schema_object *object = data;

	g_free(object->type);
	g_free(object->sql);
	g_free(object);
}

/* All that was made by a statement, by name; NULL: SQLite cannot tell. */
static GHashTable *schema_objects(sqlite3 *db)
{
	g_autoptr(GHashTable) objects = g_hash_table_new_full(
		g_str_hash, g_str_equal, g_free, schema_object_free);
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(db,
				    "SELECT name, type, sql FROM sqlite_schema"
				    " WHERE sql IS NOT NULL"
				    " AND name NOT GLOB 'sqlite_*'",
				    -1, &stmt, NULL);

	while (rc == SQLITE_OK || rc == SQLITE_ROW) {
		struct schema_object *object;

		rc = sqlite3_step(stmt);
		if (rc != SQLITE_ROW)
			break;
		object = g_new0(struct schema_object, 1);
		object->type =
			g_strdup((const char *)sqlite3_column_text(stmt, 1));
		object->sql =
			g_strdup((const char *)sqlite3_column_text(stmt, 2));
		g_hash_table_insert(
			objects,
			g_strdup((const char *)sqlite3_column_text(stmt, 0)),
			object);
	}
	(void)sqlite3_finalize(stmt);
	return rc == SQLITE_DONE ? g_steal_pointer(&objects) : NULL;
}

/* What there is to be; never NULL. */
static GHashTable *schema_wanted(void)
{
	GHashTable *objects;
	sqlite3 *db = NULL;

	if (sqlite3_open(":memory:", &db) != SQLITE_OK || schema_make(db) ||
	    !(objects = schema_objects(db)))
		g_error("the schema cannot be made");
	(void)sqlite3_close(db);
	return objects;
}

static bool schema_is_same(const struct schema_object *a,
			   const struct schema_object *b)
{
	return a && b && strcmp(a->type, b->type) == 0 &&
	       strcmp(a->sql, b->sql) == 0;
}

int check_schema(struct store *store,
		 void (*tell)(const char *what, void *context), void *context,
		 bool *ret_readable, struct fault *fault)
{
	g_autoptr(GHashTable) wanted = schema_wanted();
	g_autoptr(GHashTable) there = schema_objects(store->db);
	GHashTableIter iter;
	gpointer name;
	gpointer value;

	if (!there)
		return sql_fault(store, "reading the schema", fault);
	*ret_readable = true;
	g_hash_table_iter_init(&iter, wanted);
	while (g_hash_table_iter_next(&iter, &name, &value)) {
		const struct schema_object *object = value;
		const struct schema_object *is =
			g_hash_table_lookup(there, name);
		g_autofree char *text = g_strdup_printf(
			"schema: the %s %s is %s", object->type, (char *)name,
			is ? "another one" : "missing");

		if (schema_is_same(object, is))
			continue;
		tell(text, context);
		*ret_readable &= strcmp(object->type, "table") != 0;
	}
	g_hash_table_iter_init(&iter, there);
	while (g_hash_table_iter_next(&iter, &name, &value)) {
		const struct schema_object *object = value;
		g_autofree char *text =
			g_strdup_printf("schema: the %s %s is not Okapi's",
					object->type, (char *)name);

		if (!g_hash_table_contains(wanted, name))
			tell(text, context);
	}
	return 0;
}

int check_fix_schema(struct store *store, struct fault *fault)
{
	g_autoptr(GHashTable) wanted = schema_wanted();
	g_autoptr(GHashTable) there = schema_objects(store->db);
	GHashTableIter iter;
	gpointer name;
	gpointer value;

	if (!there)
		return sql_fault(store, "reading the schema", fault);
	g_hash_table_iter_init(&iter, wanted);
	while (g_hash_table_iter_next(&iter, &name, &value)) {
		const struct schema_object *object = value;
		const struct schema_object *is =
			g_hash_table_lookup(there, name);
		g_autofree char *drop =
			is ? g_strdup_printf("DROP %s \"%s\"", is->type,
					     (char *)name)
			   : g_strdup("");

		/* What a table lacks nothing else has. */
		if (schema_is_same(object, is) ||
		    strcmp(object->type, "table") == 0 ||
		    (is && strcmp(is->type, "table") == 0))
			continue;
		if (sql_script(store, drop, fault) ||
		    sql_script(store, object->sql, fault))
			return -1;
	}
	return 0;
}
