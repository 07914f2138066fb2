/*
 * MAPI properties out of TNEF: lengths checked, nothing copied.
 */
#include "tnef_block.h"
#include "proptag.h"

#include <string.h>

#define PROPS_MAX  4000 /* sets are searched from their first */
#define MANY       0x1000
#define PT_FLOAT   0x0004
#define PT_MONEY   0x0006
#define PT_APPTIME 0x0007
#define PT_ERROR   0x000a

/* What is left to read; no data any more once something was missing. */
struct cursor {
	const char *at;
	size_t left;
	bool broken;
};

static struct span take(struct cursor *cursor, size_t len)
{
	struct span taken = {cursor->at, len};

	if (len > cursor->left) {
		cursor->broken = true;
		taken.len = 0;
		return taken;
	}
	cursor->at += len;
	cursor->left -= len;
	return taken;
}

static uint32_t take_number(struct cursor *cursor, size_t octets)
{
	struct span taken = take(cursor, octets);
	uint32_t number = 0;

	for (size_t i = taken.len; i-- > 0;)
		number = number << 8 | (uint8_t)taken.data[i];
	return number;
}

/* Everything begins at a multiple of four; the last of a block may lack what
 * fills it up. */
static struct span take_padded(struct cursor *cursor, size_t len)
{
	struct span taken = take(cursor, len);

	if (!cursor->broken)
		(void)take(cursor, MIN(-len & 3, cursor->left));
	return taken;
}

/* Octets of a value; 0: it says itself, -1: no such type. */
static int type_len(unsigned type)
{
	switch (type) {
	case PT_SHORT:
	case PT_BOOLEAN:
		return 2;
	case PT_LONG:
	case PT_FLOAT:
	case PT_ERROR:
		return 4;
	case PT_DOUBLE:
	case PT_MONEY:
	case PT_APPTIME:
	case PT_I8:
	case PT_SYSTIME:
		return 8;
	case PT_CLSID:
		return 16;
	case PT_STRING8:
	case PT_UNICODE:
	case PT_BINARY:
	case PT_OBJECT:
		return 0;
	default:
		return -1;
	}
}

static void prop_free(gpointer data)
{
	struct tnef_prop *prop = data;

	g_array_unref(prop->values);
	g_free(prop);
}

static void read_name(struct cursor *cursor, struct tnef_prop *prop)
{
	struct span guid = take(cursor, sizeof(prop->guid));

	if (cursor->broken)
		return;
	memcpy(prop->guid, guid.data, sizeof(prop->guid));
	if (take_number(cursor, 4) == 0)
		prop->lid = take_number(cursor, 4);
	else
		prop->name = take_padded(cursor, take_number(cursor, 4));
}

static void read_values(struct cursor *cursor, struct tnef_prop *prop,
			unsigned *values)
{
	int len = type_len(prop->type);
	uint32_t count = prop->many || len == 0 ? take_number(cursor, 4) : 1;

	if (len < 0 || !count || count > *values) {
		cursor->broken = true;
		return;
	}
	*values -= count;
	for (uint32_t i = 0; i < count && !cursor->broken; i++) {
		size_t size = len ? (size_t)len : take_number(cursor, 4);
		struct span value = take_padded(cursor, size);

		g_array_append_val(prop->values, value);
	}
}

static void read_prop(struct cursor *cursor, GPtrArray *props, unsigned *values)
{
	struct tnef_prop *prop = g_new0(struct tnef_prop, 1);
	unsigned type = take_number(cursor, 2);

	prop->values = g_array_new(FALSE, FALSE, sizeof(struct span));
	g_ptr_array_add(props, prop);
	prop->type = (uint16_t)(type & ~(unsigned)MANY);
	prop->many = type & MANY;
	prop->id = (uint16_t)take_number(cursor, 2);
	if (prop->id >= PROP_ID_NAMED)
		read_name(cursor, prop);
	if (!cursor->broken)
		read_values(cursor, prop, values);
}

static GPtrArray *read_props(struct cursor *cursor, unsigned *values)
{
	GPtrArray *props = g_ptr_array_new_with_free_func(prop_free);
	uint32_t count = take_number(cursor, 4);

	if (count > PROPS_MAX)
		cursor->broken = true;
	while (!cursor->broken && count--)
		read_prop(cursor, props, values);
	if (!cursor->broken)
		return props;
	g_ptr_array_unref(props);
	return NULL;
}

GPtrArray *tnef_block_read(struct span block, unsigned *values)
{
	struct cursor cursor = {block.data, block.len, false};

	return read_props(&cursor, values);
}

GPtrArray *tnef_block_read_rows(struct span table, unsigned *values)
{
	struct cursor cursor = {table.data, table.len, false};
	GPtrArray *rows = g_ptr_array_new_with_free_func(
		(GDestroyNotify)g_ptr_array_unref);
	uint32_t count = take_number(&cursor, 4);

	if (count > *values)
		cursor.broken = true;
	else
		*values -= count;
	while (!cursor.broken && count--) {
		GPtrArray *props = read_props(&cursor, values);

		if (props)
			g_ptr_array_add(rows, props);
		else
			cursor.broken = true;
	}
	if (!cursor.broken)
		return rows;
	g_ptr_array_unref(rows);
	return NULL;
}
