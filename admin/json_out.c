/*
 * Property set to JSON and to text.
 */
#include "json_out.h"

#include "digest.h"
#include "print.h"

#include <stdio.h>
#include <string.h>

char *propset_print_name(const struct propset *set, uint32_t tag)
{
	const char *known = proptag_name(tag);
	const struct prop_name *name;

	if (PROP_ID(tag) >= PROP_ID_NAMED) {
		name = propset_name_of(set, tag);
		if (name && name->name)
			return g_strdup_printf("%s:%s", name->guid, name->name);
		if (name)
			return g_strdup_printf("%s:0x%04x", name->guid,
					       name->lid);
	}
	return known ? g_strdup(known) : g_strdup_printf("0x%08x", tag);
}

static json_t *json_binary_bytes(GBytes *bytes)
{
	gsize size = 0;
	const guchar *data = g_bytes_get_data(bytes, &size);
	g_autofree char *text = g_base64_encode(data, size);

	return json_string(text);
}

/* Is a binary value shown whole? */
static bool json_binary_inline(const struct prop_binary *binary, bool data)
{
	return binary->data && (data || binary->size <= PROP_INLINE_MAX);
}

static json_t *json_binary(const struct prop_binary *binary, bool data)
{
	uint8_t hash[DIGEST_SIZE];
	char hex[DIGEST_HEX_SIZE];
	json_t *object;

	if (json_binary_inline(binary, data))
		return json_binary_bytes(binary->data);
	prop_binary_hash(binary, hash);
	digest_format(hash, hex);
	object = json_object();
	json_object_set_new(object, "size",
			    json_integer((json_int_t)binary->size));
	json_object_set_new(object, "sha256", json_string(hex));
	return object;
}

static json_t *json_longs(const GArray *longs)
{
	json_t *array = json_array();

	for (guint i = 0; i < longs->len; i++)
		json_array_append_new(
			array, json_integer(g_array_index(longs, int64_t, i)));
	return array;
}

static json_t *json_binaries(const GPtrArray *binaries)
{
	json_t *array = json_array();

	for (guint i = 0; i < binaries->len; i++)
		json_array_append_new(array,
				      json_binary_bytes(binaries->pdata[i]));
	return array;
}

static json_t *json_prop(const struct prop *prop, bool data)
{
	g_autofree char *time = NULL;

	switch ((enum proptype)PROP_TYPE(prop->tag)) {
	case PT_BOOLEAN:
		return json_boolean(prop->value.boolean);
	case PT_SHORT:
	case PT_LONG:
	case PT_I8:
		return json_integer(prop->value.number);
	case PT_DOUBLE:
		return json_real(prop->value.real);
	case PT_SYSTIME:
		time = print_time(prop->value.number, true);
		return json_string(time);
	case PT_UNICODE:
	case PT_CLSID:
		return print_json_text(prop->value.text);
	case PT_MV_UNICODE:
		return print_json_texts((const char *const *)prop->value.texts);
	case PT_MV_LONG:
		return json_longs(prop->value.longs);
	case PT_BINARY:
		return json_binary(&prop->value.binary, data);
	case PT_MV_BINARY:
		return json_binaries(prop->value.binaries);
	case PT_OBJECT:
		return json_null();
	}
	return json_null();
}

json_t *propset_to_json(const struct propset *set, bool data)
{
	json_t *object = json_object();
	json_t *children = json_array();

	for (size_t i = 0; i < propset_count(set); i++) {
		const struct prop *prop = propset_at(set, i);
		g_autofree char *name = propset_print_name(set, prop->tag);

		json_object_set_new(object, name, json_prop(prop, data));
	}
	for (size_t i = 0; i < propset_recipient_count(set); i++)
		json_array_append_new(
			children,
			propset_to_json(propset_recipient(set, i), data));
	json_object_set_new(object, "recipients", children);
	children = json_array();
	for (size_t i = 0; i < propset_attachment_count(set); i++) {
		const struct propset *part = propset_attachment(set, i);
		const struct propset *inner = propset_embedded(part);
		json_t *child = propset_to_json(part, data);

		json_object_del(child, "recipients");
		json_object_del(child, "attachments");
		if (inner)
			json_object_set_new(child, "embedded",
					    propset_to_json(inner, data));
		json_array_append_new(children, child);
	}
	json_object_set_new(object, "attachments", children);
	return object;
}

static void print_escaped(const char *text)
{
	g_autofree char *valid = g_utf8_make_valid(text, -1);

	for (const char *p = valid; *p; p = g_utf8_next_char(p)) {
		gunichar c = g_utf8_get_char(p);

		if (c == '\n')
			fputs("\\n", stdout);
		else if (c == '\r')
			fputs("\\r", stdout);
		else if (c == '\t')
			fputs("\\t", stdout);
		else if (c == '\\')
			fputs("\\\\", stdout);
		else if (g_unichar_iscntrl(c))
			printf("\\u%04x", c);
		else
			fwrite(p, 1, (size_t)(g_utf8_next_char(p) - p), stdout);
	}
}

static void print_value(const struct prop *prop, bool data)
{
	enum proptype type = (enum proptype)PROP_TYPE(prop->tag);
	AUTOJSON value = NULL;
	uint8_t hash[DIGEST_SIZE];
	char hex[DIGEST_HEX_SIZE];

	if (type == PT_UNICODE || type == PT_CLSID) {
		print_escaped(prop->value.text);
		return;
	}
	if (type == PT_BINARY &&
	    !json_binary_inline(&prop->value.binary, data)) {
		prop_binary_hash(&prop->value.binary, hash);
		digest_format(hash, hex);
		printf("(%" G_GUINT64_FORMAT " octets, sha256 %s)",
		       prop->value.binary.size, hex);
		return;
	}
	value = json_prop(prop, data);
	if (json_is_string(value))
		fputs(json_string_value(value), stdout);
	else
		json_dumpf(value, stdout, JSON_ENCODE_ANY);
}

static void print_set(const struct propset *set, bool data, int indent)
{
	for (size_t i = 0; i < propset_count(set); i++) {
		const struct prop *prop = propset_at(set, i);
		g_autofree char *name = propset_print_name(set, prop->tag);

		printf("%*s%s: ", indent, "", name);
		print_value(prop, data);
		putchar('\n');
	}
	for (size_t i = 0; i < propset_recipient_count(set); i++) {
		printf("%*srecipient %zu:\n", indent, "", i + 1);
		print_set(propset_recipient(set, i), data, indent + 4);
	}
	for (size_t i = 0; i < propset_attachment_count(set); i++) {
		const struct propset *part = propset_attachment(set, i);

		printf("%*sattachment %zu:\n", indent, "", i + 1);
		print_set(part, data, indent + 4);
		if (propset_embedded(part)) {
			printf("%*sembedded:\n", indent + 4, "");
			print_set(propset_embedded(part), data, indent + 8);
		}
	}
}

void propset_print(const struct propset *set, bool data)
{
	print_set(set, data, 0);
}
