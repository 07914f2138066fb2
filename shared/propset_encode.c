/*
 * Property sets as octets, in the form that propset_wire.c tells of.
 */
#include "propset.h"

#include "digest.h"
#include "propset_internal.h"

#include <string.h>

struct writer {
	GByteArray *octets; /* NULL: they are only counted */
	uint64_t len;
	propset_sink *put; /* NULL: all stays in octets */
	bool failed;
};

static void pass_on(struct writer *out, const void *data, size_t len)
{
	if (!out->failed && len && out->put(data, len) != 0)
		out->failed = true;
}

static void put_raw(struct writer *out, const void *data, size_t len)
{
	out->len += len;
	if (!out->octets || !len)
		return;
	if (out->put && out->octets->len + len > PROPSET_SHARED_MIN) {
		pass_on(out, out->octets->data, out->octets->len);
		g_byte_array_set_size(out->octets, 0);
	}
	if (out->put && len >= PROPSET_SHARED_MIN)
		pass_on(out, data, len);
	else
		g_byte_array_append(out->octets, data, (guint)len);
}

static void put_u8(struct writer *out, unsigned value)
{
	guint8 octet = (guint8)value;

	put_raw(out, &octet, 1);
}

static void put_u32(struct writer *out, size_t value)
{
	guint32 le = GUINT32_TO_LE((guint32)value);

	put_raw(out, &le, sizeof(le));
}

static void put_u64(struct writer *out, uint64_t value)
{
	guint64 le = GUINT64_TO_LE(value);

	put_raw(out, &le, sizeof(le));
}

static void put_octets(struct writer *out, const void *data, size_t len)
{
	put_u32(out, len);
	put_raw(out, data, len);
}

static void put_text(struct writer *out, const char *text)
{
	put_octets(out, text ? text : "", text ? strlen(text) : 0);
}

static void put_bytes(struct writer *out, GBytes *bytes)
{
	gsize len = 0;
	const void *data = g_bytes_get_data(bytes, &len);

	put_octets(out, data, len);
}

static void put_binary(struct writer *out, const struct prop_binary *binary)
{
	put_u8(out, binary->data != NULL);
	if (binary->data) {
		put_bytes(out, binary->data);
		return;
	}
	put_u64(out, binary->size);
	put_raw(out, binary->sha256, DIGEST_SIZE);
}

static void put_value(struct writer *out, const struct prop *prop)
{
	uint64_t real = 0;

	switch ((enum proptype)PROP_TYPE(prop->tag)) {
	case PT_OBJECT:
		break;
	case PT_BOOLEAN:
		put_u8(out, prop->value.boolean);
		break;
	case PT_SHORT:
	case PT_LONG:
	case PT_I8:
	case PT_SYSTIME:
		put_u64(out, (uint64_t)prop->value.number);
		break;
	case PT_DOUBLE:
		memcpy(&real, &prop->value.real, sizeof(real));
		put_u64(out, real);
		break;
	case PT_UNICODE:
	case PT_CLSID:
		put_text(out, prop->value.text);
		break;
	case PT_BINARY:
		put_binary(out, &prop->value.binary);
		break;
	case PT_MV_LONG:
		put_u32(out, prop->value.longs->len);
		for (guint i = 0; i < prop->value.longs->len; i++)
			put_u64(out, (uint64_t)g_array_index(prop->value.longs,
							     int64_t, i));
		break;
	case PT_MV_UNICODE:
		put_u32(out, g_strv_length(prop->value.texts));
		for (char **text = prop->value.texts; *text; text++)
			put_text(out, *text);
		break;
	case PT_MV_BINARY:
		put_u32(out, prop->value.binaries->len);
		for (guint i = 0; i < prop->value.binaries->len; i++)
			put_bytes(out, prop->value.binaries->pdata[i]);
		break;
	}
}

static void put_header(struct writer *out, const struct header_field *field)
{
	put_text(out, field->name);
	put_text(out, field->text);
	put_u8(out, field->addresses != NULL);
	if (!field->addresses)
		return;
	put_u32(out, field->addresses->len);
	for (guint i = 0; i < field->addresses->len; i++) {
		const struct header_address *address =
			field->addresses->pdata[i];

		put_text(out, address->display);
		put_text(out, address->address);
		put_u8(out, address->group != NULL);
		put_text(out, address->group);
	}
}

static void put_set(struct writer *out, const struct propset *set);

static void put_part(struct writer *out, const struct mime_part *part)
{
	put_text(out, part->type);
	put_u32(out, part->depth);
	put_u8(out, part->is_text);
	put_bytes(out, part->content);
	put_u8(out, part->epilogue != NULL);
	if (part->epilogue)
		put_bytes(out, part->epilogue);
	put_u8(out, part->header != NULL);
	if (part->header)
		put_set(out, part->header);
}

static void put_set(struct writer *out, const struct propset *set)
{
	guint names = set->names ? set->names->len : 0;

	put_u32(out, names);
	for (guint i = 0; i < names; i++) {
		const struct prop_name *name =
			&g_array_index(set->names, struct prop_name, i);

		put_text(out, name->guid);
		put_u8(out, name->name != NULL);
		put_text(out, name->name);
		put_u32(out, name->lid);
	}
	put_u32(out, propset_count(set));
	for (size_t i = 0; i < propset_count(set); i++) {
		put_u32(out, propset_at(set, i)->tag);
		put_value(out, propset_at(set, i));
	}
	put_u32(out, propset_header_count(set));
	for (size_t i = 0; i < propset_header_count(set); i++)
		put_header(out, propset_header(set, i));
	put_u32(out, propset_recipient_count(set));
	for (size_t i = 0; i < propset_recipient_count(set); i++)
		put_set(out, propset_recipient(set, i));
	put_u32(out, propset_attachment_count(set));
	for (size_t i = 0; i < propset_attachment_count(set); i++) {
		const struct propset *attachment = propset_attachment(set, i);

		put_set(out, attachment);
		put_u8(out, attachment->embedded != NULL);
		if (attachment->embedded)
			put_set(out, attachment->embedded);
	}
	put_u32(out, propset_part_count(set));
	for (size_t i = 0; i < propset_part_count(set); i++)
		put_part(out, propset_part(set, i));
}

void propset_encode(const struct propset *set, GByteArray *out)
{
	struct writer writer = {.octets = out};

	put_set(&writer, set);
}

uint64_t propset_encoded_len(const struct propset *set)
{
	struct writer writer = {.octets = NULL};

	put_set(&writer, set);
	return writer.len;
}

int propset_encode_to(const struct propset *set, GByteArray *out,
		      propset_sink *put)
{
	struct writer writer = {.octets = out, .put = put};

	put_set(&writer, set);
	return writer.failed ? -1 : 0;
}
