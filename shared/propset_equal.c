/*
 * The comparison of two property sets, with the first difference in words: what
 * tests ask after a way there and back.
 */
#include "propset.h"

#include "digest.h"
#include "propset_internal.h"

#include <string.h>

static bool binary_equal(const struct prop_binary *a,
			 const struct prop_binary *b)
{
	uint8_t hashes[2][DIGEST_SIZE];

	if (a->size != b->size)
		return false;
	if (a->data && b->data)
		return g_bytes_equal(a->data, b->data);
	prop_binary_hash(a, hashes[0]);
	prop_binary_hash(b, hashes[1]);
	return memcmp(hashes[0], hashes[1], DIGEST_SIZE) == 0;
}

/* The same number to the bit: what is not a number equals itself. */
static bool reals_equal(double a, double b)
{
	uint64_t bits_a = 0;
	uint64_t bits_b = 0;

	memcpy(&bits_a, &a, sizeof(a));
	memcpy(&bits_b, &b, sizeof(b));
	return bits_a == bits_b;
}

static bool longs_equal(const GArray *a, const GArray *b)
{
	return a->len == b->len &&
	       memcmp(a->data, b->data, a->len * sizeof(int64_t)) == 0;
}

static bool binaries_equal(const GPtrArray *a, const GPtrArray *b)
{
	if (a->len != b->len)
		return false;
	for (guint i = 0; i < a->len; i++)
		if (!g_bytes_equal(a->pdata[i], b->pdata[i]))
			return false;
	return true;
}

static bool prop_equal(const struct prop *a, const struct prop *b)
{
	switch ((enum proptype)PROP_TYPE(a->tag)) {
	case PT_OBJECT:
		return true;
	case PT_BOOLEAN:
		return a->value.boolean == b->value.boolean;
	case PT_SHORT:
	case PT_LONG:
	case PT_I8:
	case PT_SYSTIME:
		return a->value.number == b->value.number;
	case PT_DOUBLE:
		return reals_equal(a->value.real, b->value.real);
	case PT_UNICODE:
	case PT_CLSID:
		return strcmp(a->value.text, b->value.text) == 0;
	case PT_BINARY:
		return binary_equal(&a->value.binary, &b->value.binary);
	case PT_MV_LONG:
		return longs_equal(a->value.longs, b->value.longs);
	case PT_MV_UNICODE:
		return g_strv_equal((const char *const *)a->value.texts,
				    (const char *const *)b->value.texts);
	case PT_MV_BINARY:
		return binaries_equal(a->value.binaries, b->value.binaries);
	}
	return false;
}

/* The tag in b of what tag means in a: named ids differ from set to set. */
static uint32_t same_tag(const struct propset *a, const struct propset *b,
			 uint32_t tag)
{
	const struct prop_name *name = propset_name_of(a, tag);
	guint names = b->names ? b->names->len : 0;

	if (!name)
		return tag;
	for (guint i = 0; i < names; i++) {
		const struct prop_name *other =
			&g_array_index(b->names, struct prop_name, i);

		if (strcmp(other->guid, name->guid) == 0 &&
		    g_strcmp0(other->name, name->name) == 0 &&
		    other->lid == name->lid)
			return PROP_TAG(PROP_TYPE(tag), PROP_ID_NAMED + i);
	}
	return 0;
}

static void tell(char **why, const char *format, ...) PRINTF_LIKE(2, 3);
static void tell(char **why, const char *format, ...)
{
	va_list args;

	if (!why || *why)
		return;
	va_start(args, format);
	*why = g_strdup_vprintf(format, args);
	va_end(args);
}

/* Is every property of a in b, and the same? */
static bool props_within(const struct propset *a, const struct propset *b,
			 char **why)
{
	for (size_t i = 0; i < propset_count(a); i++) {
		const struct prop *prop = propset_at(a, i);
		uint32_t tag = same_tag(a, b, prop->tag);
		const struct prop *other = tag ? propset_find(b, tag) : NULL;

		if (!other || !prop_equal(prop, other)) {
			const struct prop_name *named =
				propset_name_of(a, prop->tag);
			const char *name = proptag_name(prop->tag);

			if (named && named->name)
				name = named->name;
			tell(why, "%s (0x%08x) %s", name ? name : "property",
			     prop->tag, other ? "differs" : "is missing");
			return false;
		}
	}
	return true;
}

bool propset_equal(const struct propset *a, const struct propset *b, char **why)
{
	if (why)
		*why = NULL;
	if (!props_within(a, b, why) || !props_within(b, a, why))
		return false;
	if (propset_recipient_count(a) != propset_recipient_count(b) ||
	    propset_attachment_count(a) != propset_attachment_count(b) ||
	    !a->embedded != !b->embedded) {
		tell(why, "number of recipients, attachments or embedded");
		return false;
	}
	for (size_t i = 0; i < propset_recipient_count(a); i++)
		if (!propset_equal(propset_recipient(a, i),
				   propset_recipient(b, i), why))
			return false;
	for (size_t i = 0; i < propset_attachment_count(a); i++)
		if (!propset_equal(propset_attachment(a, i),
				   propset_attachment(b, i), why))
			return false;
	return !a->embedded || propset_equal(a->embedded, b->embedded, why);
}
