/*
 * The table of property tags, by id and by name.
 */
#include "proptag.h"

#include <stdlib.h>
#include <string.h>

struct proptag_row {
	uint32_t tag;
	const char *name;
};

/* In order of tag: proptag_name() searches it by halves. */
static const struct proptag_row proptag_rows[] = {
#define PROPTAG(name, tag, text) {tag, #name},
#include "proptag.def"
#undef PROPTAG
};

static int proptag_compare(const void *key, const void *row)
{
	uint32_t tag = *(const uint32_t *)key;
	uint32_t other = ((const struct proptag_row *)row)->tag;

	return tag < other ? -1 : tag > other;
}

const char *proptag_name(uint32_t tag)
{
	const struct proptag_row *row =
		bsearch(&tag, proptag_rows, G_N_ELEMENTS(proptag_rows),
			sizeof(proptag_rows[0]), proptag_compare);

	return row ? row->name : NULL;
}

uint32_t proptag_parse(const char *name)
{
	if (name[0] == '0' && (name[1] == 'x' || name[1] == 'X')) {
		char *end = NULL;
		guint64 tag = g_ascii_strtoull(name, &end, 16);

		return *end || end == name + 2 || tag > UINT32_MAX
			       ? 0
			       : (uint32_t)tag;
	}
	for (size_t i = 0; i < G_N_ELEMENTS(proptag_rows); i++)
		if (g_ascii_strcasecmp(proptag_rows[i].name, name) == 0)
			return proptag_rows[i].tag;
	return 0;
}

uint32_t propname_type(const char *guid, uint32_t lid)
{
	static const struct {
		const char *guid;
		uint32_t lid, type;
	} rows[] = {
#define PROPNAME(name, guid, lid, type) {guid, lid, type},
#include "propname.def"
#undef PROPNAME
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
		if (rows[i].lid == lid && !strcmp(rows[i].guid, guid))
			return rows[i].type;
	return 0;
}

size_t proptag_count(void)
{
	return G_N_ELEMENTS(proptag_rows);
}

uint32_t proptag_at(size_t i)
{
	return proptag_rows[i].tag;
}
