/*
 * Properties of a TNEF stream into property sets: which are taken, and how
 * their values are held.
 */
#include "text.h"
#include "tnef.h"
#include "tnef_block.h"

#include <string.h>

/* 100 nanoseconds since 1601 (MS-DTYP 2.3.3). */
#define TICKS_PER_USEC 10
#define EPOCH_USEC     INT64_C(11644473600000000)

/* ---- values ---------------------------------------------------------------
 */

static int64_t number_of(struct span value)
{
	uint64_t number = 0;

	for (size_t i = MIN(value.len, 8); i-- > 0;)
		number = number << 8 | (uint8_t)value.data[i];
	if (value.len == 4)
		return (int32_t)number;
	return value.len == 2 ? (int16_t)number : (int64_t)number;
}

static double real_of(struct span value)
{
	int64_t bits = number_of(value);
	double real = 0;

	memcpy(&real, &bits, sizeof(real));
	return real;
}

static int64_t time_of(struct span value)
{
	return number_of(value) / TICKS_PER_USEC - EPOCH_USEC;
}

char *tnef_text(const struct convert_context *context, int codepage,
		struct span from)
{
	const char *charset = charset_name_of(codepage);
	const char *nul = from.len ? memchr(from.data, '\0', from.len) : NULL;
	char *text = NULL;

	if (nul)
		from.len = (size_t)(nul - from.data);
	if (charset && !charset_is_ascii(charset))
		text = charset_decode(charset, from.data, from.len);
	return text ? text
		    : charset_decode_undeclared(context, from.data, from.len);
}

/* UTF-16 up to a zero; owned. */
static char *wide_text(struct span from)
{
	size_t len = 0;
	char *text = NULL;

	while (len + 2 <= from.len && (from.data[len] || from.data[len + 1]))
		len += 2;
	text = charset_decode("UTF-16LE", from.data, len);
	return text ? text : g_strdup("");
}

static char *text_of(const struct convert_context *context, unsigned type,
		     struct span value, int codepage)
{
	if (type == PT_UNICODE)
		return wide_text(value);
	return tnef_text(context, codepage, value);
}

static char *guid_text(const uint8_t guid[16])
{
	return g_strdup_printf("%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
			       "%02x%02x%02x%02x%02x%02x",
			       guid[3], guid[2], guid[1], guid[0], guid[5],
			       guid[4], guid[7], guid[6], guid[8], guid[9],
			       guid[10], guid[11], guid[12], guid[13], guid[14],
			       guid[15]);
}

/* ---- look-up --------------------------------------------------------------
 */

const struct tnef_prop *tnef_prop_find(const GPtrArray *props, uint16_t id)
{
	for (guint i = 0; props && i < props->len; i++) {
		const struct tnef_prop *prop = g_ptr_array_index(props, i);

		if (prop->id == id)
			return prop;
	}
	return NULL;
}

struct span tnef_prop_value(const struct tnef_prop *prop)
{
	return g_array_index(prop->values, struct span, 0);
}

char *tnef_prop_text(struct convert_context *context, const GPtrArray *props,
		     uint16_t id, int codepage)
{
	const struct tnef_prop *prop = tnef_prop_find(props, id);

	if (!prop || (prop->type != PT_UNICODE && prop->type != PT_STRING8))
		return NULL;
	return text_of(context, prop->type, tnef_prop_value(prop), codepage);
}

int64_t tnef_prop_number(const GPtrArray *props, uint16_t id, int64_t otherwise)
{
	const struct tnef_prop *prop = tnef_prop_find(props, id);

	return prop && prop->type == PT_LONG ? number_of(tnef_prop_value(prop))
					     : otherwise;
}

/* ---- which ----------------------------------------------------------------
 */

struct range {
	uint16_t first, last;
};

static bool in_ranges(const struct range *ranges, size_t count, uint16_t id)
{
	for (size_t i = 0; i < count; i++)
		if (id >= ranges[i].first && id <= ranges[i].last)
			return true;
	return false;
}

/* Ids that travel with a message (MS-OXPROPS 1.3.2). */
static const struct range transmitted[] = {
	{0x0001, 0x0bff}, /* the envelope's */
	{0x1000, 0x2fff}, /* the content's */
	{0x3a00, 0x3bff}, /* of persons */
	{0x3fde, 0x3fde},        {0x3ff1, 0x3ff1},
	{0x4000, 0x57ff}, /* the transport's */
	{0x6800, 0x7bff}, /* of message classes */
	{PROP_ID_NAMED, 0xffff},
};

/* Bodies and class have their own way; who sent it to whom, who asks for
 * receipts, and how far it is to be trusted, no attachment says. */
static const struct range decided_here[] = {
	{0x0023, 0x0023}, {0x0029, 0x0029}, {0x001a, 0x001a}, {0x003b, 0x003b},
	{0x003f, 0x0046}, {0x0051, 0x0052}, {0x0057, 0x0059}, {0x0064, 0x0065},
	{0x0075, 0x0078}, {0x007d, 0x007d}, {0x1000, 0x1000}, {0x1009, 0x1009},
	{0x1013, 0x1013}, {0x1016, 0x1016}, {0x3fde, 0x3fde}, {0x4076, 0x4083},
};

/* What a message that only the stream knows has besides. */
static const struct range alone_too[] = {
	{0x003b, 0x003b}, {0x0041, 0x0042}, {0x0064, 0x0065},
	{0x0c19, 0x0c1a}, {0x0c1d, 0x0c1f}, {0x0e02, 0x0e04},
	{0x0e06, 0x0e06}, {0x0e1d, 0x0e1d}, {0x5d01, 0x5d02},
};

static const struct range of_attachments[] = {
	{0x3007, 0x3008}, {0x370b, 0x370b},        {0x370e, 0x371b},
	{0x7ff9, 0x7fff}, {PROP_ID_NAMED, 0xffff},
};

static bool is_taken(uint16_t id, bool alone)
{
	if (alone && in_ranges(alone_too, G_N_ELEMENTS(alone_too), id))
		return true;
	return in_ranges(transmitted, G_N_ELEMENTS(transmitted), id) &&
	       !in_ranges(decided_here, G_N_ELEMENTS(decided_here), id);
}

/* ---- into the set ---------------------------------------------------------
 */

/* How a value of that type is held here; 0: not at all. */
static unsigned type_here(const struct tnef_prop *prop)
{
	bool many = prop->many;

	switch (prop->type) {
	case PT_STRING8:
	case PT_UNICODE:
		return many ? PT_MV_UNICODE : PT_UNICODE;
	case PT_BINARY:
		return many ? PT_MV_BINARY : PT_BINARY;
	case PT_LONG:
		return many ? PT_MV_LONG : PT_LONG;
	case PT_SHORT:
	case PT_DOUBLE:
	case PT_BOOLEAN:
	case PT_I8:
	case PT_SYSTIME:
	case PT_CLSID:
		return many ? 0 : prop->type;
	default:
		return 0;
	}
}

/* Known by that id, but as something else? */
static bool is_other_type(unsigned type, uint16_t id)
{
	for (size_t i = 0; i < proptag_count(); i++)
		if (PROP_ID(proptag_at(i)) == id)
			return PROP_TYPE(proptag_at(i)) != type;
	return false;
}

static const struct {
	const char *name, *guid;
} sets[] = {
	{"PS_MAPI", "00020328-0000-0000-c000-000000000046"},
	{"PS_PUBLIC_STRINGS", "00020329-0000-0000-c000-000000000046"},
	{"PS_INTERNET_HEADERS", "00020386-0000-0000-c000-000000000046"},
	{"PSETID_Appointment", "00062002-0000-0000-c000-000000000046"},
	{"PSETID_Task", "00062003-0000-0000-c000-000000000046"},
	{"PSETID_Address", "00062004-0000-0000-c000-000000000046"},
	{"PSETID_Common", "00062008-0000-0000-c000-000000000046"},
	{"PSETID_Log", "0006200a-0000-0000-c000-000000000046"},
	{"PSETID_Note", "0006200e-0000-0000-c000-000000000046"},
	{"PSETID_Sharing", "00062040-0000-0000-c000-000000000046"},
	{"PSETID_Attachment", "96357f7f-59e1-47d0-99a7-46515c183b54"},
	{"PSETID_Meeting", "6ed8da90-450b-101b-98da-00aa003f1305"},
	{"PSETID_UnifiedMessaging", "4442858e-a9e3-4e80-b900-317a210cc15b"},
};

static uint32_t named_tag(struct propset *set, const struct tnef_prop *prop,
			  unsigned type)
{
	g_autofree char *guid = guid_text(prop->guid);
	g_autofree char *name = prop->name.len ? wide_text(prop->name) : NULL;
	const char *set_name = guid;

	for (size_t i = 0; i < G_N_ELEMENTS(sets); i++)
		if (!strcmp(guid, sets[i].guid))
			set_name = sets[i].name;
	return propset_named_tag(set, set_name, name, prop->lid,
				 (enum proptype)type);
}

static void set_many(struct convert_context *context, struct propset *set,
		     uint32_t tag, const struct tnef_prop *prop, int codepage)
{
	for (guint i = 0; i < prop->values->len; i++) {
		struct span value = g_array_index(prop->values, struct span, i);
		g_autofree char *text = NULL;

		if (PROP_TYPE(tag) == PT_MV_LONG) {
			propset_add_long(set, tag, number_of(value));
		} else if (PROP_TYPE(tag) == PT_MV_BINARY) {
			propset_add_binary(set, tag, value.data, value.len);
		} else {
			text = text_of(context, prop->type, value, codepage);
			propset_add_text(set, tag, text);
		}
	}
}

static void set_one(struct convert_context *context, struct propset *set,
		    uint32_t tag, const struct tnef_prop *prop, int codepage)
{
	struct span value = tnef_prop_value(prop);
	g_autofree char *text = NULL;

	switch ((enum proptype)PROP_TYPE(tag)) {
	case PT_UNICODE:
		text = text_of(context, prop->type, value, codepage);
		propset_set_text(set, tag, text);
		break;
	case PT_CLSID:
		text = guid_text((const uint8_t *)value.data);
		propset_set_text(set, tag, text);
		break;
	case PT_BINARY:
		propset_set_binary_copy(set, tag, value.data, value.len);
		break;
	case PT_BOOLEAN:
		propset_set_bool(set, tag, number_of(value) != 0);
		break;
	case PT_DOUBLE:
		propset_set_real(set, tag, real_of(value));
		break;
	case PT_SYSTIME:
		propset_set_number(set, tag, time_of(value));
		break;
	case PT_SHORT:
	case PT_LONG:
	case PT_I8:
		propset_set_number(set, tag, number_of(value));
		break;
	case PT_OBJECT:
	case PT_MV_LONG:
	case PT_MV_UNICODE:
	case PT_MV_BINARY:
		break;
	}
}

static void apply(struct convert_context *context, struct propset *set,
		  const struct tnef_prop *prop, int codepage)
{
	unsigned type = type_here(prop);
	uint32_t tag = 0;

	if (!type)
		return;
	if (prop->id < PROP_ID_NAMED) {
		if (is_other_type(type, prop->id))
			return;
		tag = PROP_TAG(type, prop->id);
	} else {
		tag = named_tag(set, prop, type);
	}
	if (!tag || propset_has(set, tag))
		return;
	if (prop->many)
		set_many(context, set, tag, prop, codepage);
	else
		set_one(context, set, tag, prop, codepage);
}

void tnef_props_apply(struct convert_context *context, const GPtrArray *props,
		      int codepage, bool alone, struct propset *set)
{
	for (guint i = 0; props && i < props->len; i++) {
		const struct tnef_prop *prop = g_ptr_array_index(props, i);

		if (is_taken(prop->id, alone))
			apply(context, set, prop, codepage);
	}
}

void tnef_props_apply_attachment(struct convert_context *context,
				 const GPtrArray *props, int codepage,
				 struct propset *attachment)
{
	for (guint i = 0; props && i < props->len; i++) {
		const struct tnef_prop *prop = g_ptr_array_index(props, i);

		if (in_ranges(of_attachments, G_N_ELEMENTS(of_attachments),
			      prop->id))
			apply(context, attachment, prop, codepage);
	}
}
