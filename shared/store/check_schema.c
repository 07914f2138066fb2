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

/* One of ours that is not there as it is to be. */
struct schema_difference {
	const char *name;
	const struct schema_object *wanted;
	const struct schema_object *is; /* or NULL */
};

static int
schema_each_difference(struct store *store, GHashTable *wanted,
		       GHashTable *there,
		       int (*each)(struct store *store,
				   const struct schema_difference *difference,
				   void *context, struct fault *fault),
		       void *context, struct fault *fault)
{
	GHashTableIter iter;
	gpointer name;
	gpointer value;

	g_hash_table_iter_init(&iter, wanted);
	while (g_hash_table_iter_next(&iter, &name, &value)) {
		struct schema_difference difference = {
			name, value, g_hash_table_lookup(there, name)};

		if (!schema_is_same(difference.wanted, difference.is) &&
		    each(store, &difference, context, fault))
			return -1;
	}
	return 0;
}

/* ---- telling ---- */

struct schema_telling {
	schema_tell_fn *tell;
	void *context;
	bool *ret_readable; /* or NULL */
};

static int schema_tell(struct store *store,
		       const struct schema_difference *difference,
		       void *context, struct fault *fault)
{
	const struct schema_telling *telling = context;
	g_autofree char *text = g_strdup_printf(
		"schema: the %s %s is %s", difference->wanted->type,
		difference->name, difference->is ? "another one" : "missing");

	(void)store;
	(void)fault;
	telling->tell(text, telling->context);
	if (telling->ret_readable)
		*telling->ret_readable &=
			strcmp(difference->wanted->type, "table") != 0;
	return 0;
}

int check_schema(struct store *store, schema_tell_fn *tell, void *context,
		 bool *ret_readable, struct fault *fault)
{
	g_autoptr(GHashTable) wanted = schema_wanted();
	g_autoptr(GHashTable) there = schema_objects(store->db);
	struct schema_telling telling = {tell, context, ret_readable};
	GHashTableIter iter;
	gpointer name;
	gpointer value;

	if (!there)
		return sql_fault(store, "reading the schema", fault);
	*ret_readable = true;
	if (schema_each_difference(store, wanted, there, schema_tell, &telling,
				   fault))
		return -1;
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

/* ---- repairing ---- */

static int schema_remake_unit(struct store *store, void *context,
			      struct fault *fault)
{
	const struct schema_difference *difference = context;
	g_autofree char *drop =
		difference->is ? g_strdup_printf("DROP %s IF EXISTS \"%s\"",
						 difference->is->type,
						 difference->name)
			       : g_strdup("");

	if (sql_script(store, drop, fault))
		return -1;
	return sql_script(store, difference->wanted->sql, fault);
}

/* One in one unit, told once it is on disk. */
static int schema_remake(struct store *store,
			 const struct schema_difference *difference,
			 void *context, struct fault *fault)
{
	struct schema_difference remade = *difference;
	struct fault why = {0};

	/* What a table lacks nothing else has. */
	if (strcmp(remade.wanted->type, "table") == 0 ||
	    (remade.is && strcmp(remade.is->type, "table") == 0))
		return 0;
	if (store_run(store, schema_remake_unit, &remade, &why) == 0)
		return schema_tell(store, difference, context, fault);
	/* The rows do not allow it: that stays told. */
	if (why.kind == FAULT_INTERNAL || why.kind == FAULT_EXISTS)
		return 0;
	if (fault)
		*fault = why;
	return -1;
}

int check_fix_schema(struct store *store, schema_tell_fn *tell, void *context,
		     struct fault *fault)
{
	g_autoptr(GHashTable) wanted = schema_wanted();
	g_autoptr(GHashTable) there = schema_objects(store->db);
	struct schema_telling telling = {.tell = tell, .context = context};

	if (!there)
		return sql_fault(store, "reading the schema", fault);
	return schema_each_difference(store, wanted, there, schema_remake,
				      &telling, fault);
}
