/*
 * Rows of properties: numbers as INTEGER, text as TEXT, binaries as BLOB,
 * multi-valued ones packed into a BLOB.
 */
#include "property_value.h"
#include "store_internal.h"

#include <string.h>

GByteArray *property_pack(const struct prop *prop)
{
	GByteArray *out = g_byte_array_new();

	switch (PROP_TYPE(prop->tag)) {
	case PT_MV_UNICODE:
		for (char **text = prop->value.texts; text && *text; text++)
			g_byte_array_append(out, (const guint8 *)*text,
					    (guint)strlen(*text) + 1);
		break;
	case PT_MV_LONG:
		for (guint i = 0; i < prop->value.longs->len; i++) {
			int64_t n = GINT64_TO_LE(
				g_array_index(prop->value.longs, int64_t, i));

			g_byte_array_append(out, (const guint8 *)&n, sizeof(n));
		}
		break;
	case PT_MV_BINARY:
		for (guint i = 0; i < prop->value.binaries->len; i++) {
			gsize len;
			const guint8 *data = g_bytes_get_data(
				g_ptr_array_index(prop->value.binaries, i),
				&len);
			guint32 head = GUINT32_TO_LE((guint32)len);

			g_byte_array_append(out, (const guint8 *)&head,
					    sizeof(head));
			g_byte_array_append(out, data, (guint)len);
		}
		break;
	default:
		g_assert_not_reached();
	}
	return out;
}

static void property_unpack_binaries(struct propset *set, uint32_t tag,
				     const uint8_t *packed, size_t len)
{
	while (len >= sizeof(guint32)) {
		guint32 size;

		memcpy(&size, packed, sizeof(size));
		size = GUINT32_FROM_LE(size);
		packed += sizeof(size);
		len -= sizeof(size);
		if (size > len)
			return;
		propset_add_binary(set, tag, packed, size);
		packed += size;
		len -= size;
	}
}

void property_unpack(struct propset *set, uint32_t tag, const uint8_t *packed,
		     size_t len)
{
	propset_remove(set, tag);
	switch (PROP_TYPE(tag)) {
	case PT_MV_UNICODE:
		while (len) {
			size_t n = strnlen((const char *)packed, len);

			if (n == len)
				return;
			propset_add_text(set, tag, (const char *)packed);
			packed += n + 1;
			len -= n + 1;
		}
		break;
	case PT_MV_LONG:
		for (; len >= sizeof(int64_t); len -= sizeof(int64_t)) {
			int64_t n;

			memcpy(&n, packed, sizeof(n));
			propset_add_long(set, tag, GINT64_FROM_LE(n));
			packed += sizeof(n);
		}
		break;
	case PT_MV_BINARY:
		property_unpack_binaries(set, tag, packed, len);
		break;
	default:
		break;
	}
}

/* Replacing takes back what a statement did if it fails in the middle: SQLite
 * copies each page for that. */
static const char property_insert[] =
	"INSERT INTO properties (object, tag, value) VALUES (?, ?, ?)";
static const char property_replace[] =
	"INSERT OR REPLACE INTO properties (object, tag, value)"
	" VALUES (?, ?, ?)";

static int property_write(struct store *store, const char *sql, int64_t object,
			  const struct prop *prop, struct fault *fault)
{
	int64_t tag = prop->tag;

	switch (PROP_TYPE(prop->tag)) {
	case PT_SHORT:
	case PT_LONG:
	case PT_I8:
	case PT_SYSTIME:
		return sql_run(store, fault, sql, "iii", object, tag,
			       prop->value.number);
	case PT_BOOLEAN:
		return sql_run(store, fault, sql, "iid", object, tag,
			       prop->value.boolean);
	case PT_DOUBLE:
		return sql_run(store, fault, sql, "iir", object, tag,
			       prop->value.real);
	case PT_UNICODE:
	case PT_CLSID:
		return sql_run(store, fault, sql, "iit", object, tag,
			       prop->value.text ? prop->value.text : "");
	case PT_BINARY: {
		GBytes *data = prop->value.binary.data;

		if (!data)
			return fault_set(fault, FAULT_BAD_ARGUMENT,
					 "a binary property without its bytes");
		return sql_run(store, fault, sql, "iib", object, tag,
			       g_bytes_get_data(data, NULL),
			       g_bytes_get_size(data));
	}
	case PT_MV_LONG:
	case PT_MV_UNICODE:
	case PT_MV_BINARY: {
		g_autoptr(GByteArray) packed = property_pack(prop);

		return sql_run(store, fault, sql, "iib", object, tag,
			       packed->data, (size_t)packed->len);
	}
	default:
		return fault_set(fault, FAULT_BAD_ARGUMENT,
				 "a property of type 0x%04x has no value",
				 PROP_TYPE(prop->tag));
	}
}

int property_add(struct store *store, int64_t object, const struct prop *prop,
		 struct fault *fault)
{
	return property_write(store, property_insert, object, prop, fault);
}

int property_put(struct store *store, int64_t object, const struct prop *prop,
		 struct fault *fault)
{
	return property_write(store, property_replace, object, prop, fault);
}

static void property_load_one(sqlite3_stmt *stmt, struct propset *set)
{
	uint32_t tag = (uint32_t)sqlite3_column_int64(stmt, 0);
	const void *blob;

	switch (PROP_TYPE(tag)) {
	case PT_SHORT:
	case PT_LONG:
	case PT_I8:
	case PT_SYSTIME:
		propset_set_number(set, tag, sqlite3_column_int64(stmt, 1));
		break;
	case PT_BOOLEAN:
		propset_set_bool(set, tag, sqlite3_column_int(stmt, 1) != 0);
		break;
	case PT_DOUBLE:
		propset_set_real(set, tag, sqlite3_column_double(stmt, 1));
		break;
	case PT_UNICODE:
	case PT_CLSID:
		blob = sqlite3_column_text(stmt, 1);
		propset_set_text(set, tag, blob ? blob : "");
		break;
	case PT_BINARY:
		blob = sqlite3_column_blob(stmt, 1);
		propset_set_binary_copy(set, tag, blob ? blob : "",
					(size_t)sqlite3_column_bytes(stmt, 1));
		break;
	default:
		blob = sqlite3_column_blob(stmt, 1);
		property_unpack(set, tag, blob,
				(size_t)sqlite3_column_bytes(stmt, 1));
	}
}

int property_load(struct store *store, int64_t object, struct propset *set,
		  struct fault *fault)
{
	ROWS rows = {0};
	int rc;

	if (rows_open(store, &rows, fault,
		      "SELECT tag, value FROM properties WHERE object = ?", "i",
		      object))
		return -1;
	while ((rc = rows_next(&rows, fault)) == 1)
		property_load_one(rows.stmt, set);
	return rc;
}
