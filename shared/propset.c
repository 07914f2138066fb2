/*
 * Property sets in memory: values by tag, children, header fields.
 */
#include "propset.h"
#include "digest.h"

#include "propset_internal.h"
#include "utf8.h"

#include <string.h>

static void prop_clear(struct prop *prop)
{
	switch ((enum proptype)PROP_TYPE(prop->tag)) {
	case PT_SHORT:
	case PT_LONG:
	case PT_DOUBLE:
	case PT_BOOLEAN:
	case PT_OBJECT:
	case PT_I8:
	case PT_SYSTIME:
		return;
	case PT_UNICODE:
	case PT_CLSID:
		g_free(prop->value.text);
		return;
	case PT_BINARY:
		g_clear_pointer(&prop->value.binary.data, g_bytes_unref);
		return;
	case PT_MV_LONG:
		g_array_unref(prop->value.longs);
		return;
	case PT_MV_UNICODE:
		g_strfreev(prop->value.texts);
		return;
	case PT_MV_BINARY:
		g_ptr_array_unref(prop->value.binaries);
		return;
	}
}

static void prop_name_clear(struct prop_name *name)
{
	g_free(name->guid);
	g_free(name->name);
}

void propset_header_address_free(void *address)
{
	struct header_address *old = address;

	g_free(old->display);
	g_free(old->address);
	g_free(old->group);
	g_free(old);
}

static void header_field_clear(struct header_field *field)
{
	g_free(field->name);
	g_free(field->text);
	if (field->addresses)
		g_ptr_array_unref(field->addresses);
}

struct propset *propset_new(void)
{
	struct propset *set = g_new0(struct propset, 1);

	set->props = g_array_sized_new(FALSE, FALSE, sizeof(struct prop), 16);
	g_array_set_clear_func(set->props, (GDestroyNotify)prop_clear);
	return set;
}

void propset_free(struct propset *set)
{
	if (!set)
		return;
	g_array_unref(set->props);
	if (set->names)
		g_array_unref(set->names);
	if (set->headers)
		g_array_unref(set->headers);
	if (set->recipients)
		g_ptr_array_unref(set->recipients);
	if (set->parts)
		g_array_unref(set->parts);
	if (set->attachments)
		g_ptr_array_unref(set->attachments);
	propset_free(set->embedded);
	g_free(set);
}

static struct prop *propset_lookup(const struct propset *set, uint32_t tag)
{
	for (guint i = 0; i < set->props->len; i++) {
		struct prop *prop = &g_array_index(set->props, struct prop, i);

		if (prop->tag == tag)
			return prop;
	}
	return NULL;
}

/* The slot of a tag, emptied; types are what the tag says. */
static struct prop *propset_slot(struct propset *set, uint32_t tag,
				 enum proptype type)
{
	struct prop *prop = propset_lookup(set, tag);
	struct prop fresh = {.tag = tag};

	if (PROP_TYPE(tag) != (uint32_t)type)
		g_error("property 0x%08x is not of type 0x%04x", tag,
			(unsigned)type);
	if (prop) {
		prop_clear(prop);
		*prop = fresh;
		return prop;
	}
	g_array_append_val(set->props, fresh);
	return &g_array_index(set->props, struct prop, set->props->len - 1);
}

void propset_set_bool(struct propset *set, uint32_t tag, bool value)
{
	propset_slot(set, tag, PT_BOOLEAN)->value.boolean = value;
}

void propset_set_number(struct propset *set, uint32_t tag, int64_t value)
{
	enum proptype type = (enum proptype)PROP_TYPE(tag);

	if (type != PT_SHORT && type != PT_I8 && type != PT_SYSTIME)
		type = PT_LONG;
	propset_slot(set, tag, type)->value.number = value;
}

void propset_set_real(struct propset *set, uint32_t tag, double value)
{
	propset_slot(set, tag, PT_DOUBLE)->value.real = value;
}

void propset_set_text(struct propset *set, uint32_t tag, const char *value)
{
	propset_set_text_len(set, tag, value, strlen(value));
}

void propset_set_text_take(struct propset *set, uint32_t tag, char *value)
{
	if (PROP_TYPE(tag) == PT_UNICODE &&
	    utf8_is_valid(value, strlen(value))) {
		propset_slot(set, tag, PT_UNICODE)->value.text = value;
		return;
	}
	propset_set_text(set, tag, value);
	g_free(value);
}

void propset_set_text_len(struct propset *set, uint32_t tag, const char *value,
			  size_t len)
{
	enum proptype type = PROP_TYPE(tag) == PT_CLSID ? PT_CLSID : PT_UNICODE;
	char *text = utf8_make_valid(value, strnlen(value, len));

	propset_slot(set, tag, type)->value.text = text;
}

void propset_set_texts(struct propset *set, uint32_t tag,
		       const char *const *values)
{
	GPtrArray *texts = g_ptr_array_new();

	for (; *values; values++)
		g_ptr_array_add(texts,
				utf8_make_valid(*values, strlen(*values)));
	g_ptr_array_add(texts, NULL);
	propset_slot(set, tag, PT_MV_UNICODE)->value.texts =
		(char **)g_ptr_array_free(texts, FALSE);
}

void propset_add_text(struct propset *set, uint32_t tag, const char *value)
{
	struct prop *prop = propset_lookup(set, tag);
	guint count;

	if (!prop) {
		const char *const values[] = {value, NULL};

		propset_set_texts(set, tag, values);
		return;
	}
	count = g_strv_length(prop->value.texts);
	prop->value.texts = g_renew(char *, prop->value.texts, count + 2);
	prop->value.texts[count] = utf8_make_valid(value, strlen(value));
	prop->value.texts[count + 1] = NULL;
}

void propset_add_long(struct propset *set, uint32_t tag, int64_t value)
{
	struct prop *prop = propset_lookup(set, tag);

	if (!prop) {
		prop = propset_slot(set, tag, PT_MV_LONG);
		prop->value.longs = g_array_new(FALSE, FALSE, sizeof(int64_t));
	}
	g_array_append_val(prop->value.longs, value);
}

void propset_add_binary(struct propset *set, uint32_t tag, const void *data,
			size_t len)
{
	struct prop *prop = propset_lookup(set, tag);

	if (!prop) {
		prop = propset_slot(set, tag, PT_MV_BINARY);
		prop->value.binaries = g_ptr_array_new_with_free_func(
			(GDestroyNotify)g_bytes_unref);
	}
	g_ptr_array_add(prop->value.binaries, g_bytes_new(data, len));
}

void propset_set_binary(struct propset *set, uint32_t tag, GBytes *data)
{
	struct prop *prop;
	GBytes *reference = g_bytes_ref(data);

	prop = propset_slot(set, tag, PT_BINARY);
	prop->value.binary.data = reference;
	prop->value.binary.size = g_bytes_get_size(reference);
}

void propset_set_binary_copy(struct propset *set, uint32_t tag,
			     const void *data, size_t len)
{
	g_autoptr(GBytes) bytes = g_bytes_new(data, len);

	propset_set_binary(set, tag, bytes);
}

void propset_set_binary_digest(struct propset *set, uint32_t tag, uint64_t size,
			       const uint8_t sha256[32])
{
	struct prop *prop = propset_slot(set, tag, PT_BINARY);

	prop->value.binary.size = size;
	memcpy(prop->value.binary.sha256, sha256, DIGEST_SIZE);
}

void propset_remove(struct propset *set, uint32_t tag)
{
	struct prop *prop = propset_lookup(set, tag);

	if (prop)
		g_array_remove_index(
			set->props,
			(guint)(prop -
				(struct prop *)(void *)set->props->data));
}

void propset_put(struct propset *set, const struct prop *prop)
{
	switch ((enum proptype)PROP_TYPE(prop->tag)) {
	case PT_BOOLEAN:
		propset_set_bool(set, prop->tag, prop->value.boolean);
		break;
	case PT_SHORT:
	case PT_LONG:
	case PT_I8:
	case PT_SYSTIME:
		propset_set_number(set, prop->tag, prop->value.number);
		break;
	case PT_DOUBLE:
		propset_set_real(set, prop->tag, prop->value.real);
		break;
	case PT_UNICODE:
	case PT_CLSID:
		propset_set_text(set, prop->tag,
				 prop->value.text ? prop->value.text : "");
		break;
	case PT_BINARY:
		if (prop->value.binary.data)
			propset_set_binary(set, prop->tag,
					   prop->value.binary.data);
		else
			propset_set_binary_digest(set, prop->tag,
						  prop->value.binary.size,
						  prop->value.binary.sha256);
		break;
	case PT_MV_UNICODE:
		propset_set_texts(set, prop->tag,
				  (const char *const *)prop->value.texts);
		break;
	case PT_MV_LONG:
		propset_remove(set, prop->tag);
		for (guint i = 0; i < prop->value.longs->len; i++)
			propset_add_long(
				set, prop->tag,
				g_array_index(prop->value.longs, int64_t, i));
		break;
	case PT_MV_BINARY:
		propset_remove(set, prop->tag);
		for (guint i = 0; i < prop->value.binaries->len; i++) {
			gsize len = 0;
			const void *data = g_bytes_get_data(
				prop->value.binaries->pdata[i], &len);

			propset_add_binary(set, prop->tag, data, len);
		}
		break;
	case PT_OBJECT:
		break;
	}
}

uint32_t propset_named_tag(struct propset *set, const char *guid,
			   const char *name, uint32_t lid, enum proptype type)
{
	struct prop_name fresh = {0};
	guint i = 0;

	if (!set->names) {
		set->names =
			g_array_new(FALSE, FALSE, sizeof(struct prop_name));
		g_array_set_clear_func(set->names,
				       (GDestroyNotify)prop_name_clear);
	}
	for (; i < set->names->len; i++) {
		struct prop_name *known =
			&g_array_index(set->names, struct prop_name, i);

		if (strcmp(known->guid, guid) == 0 &&
		    g_strcmp0(known->name, name) == 0 && known->lid == lid)
			return PROP_TAG(type, PROP_ID_NAMED + i);
	}
	if (i >= PROPSET_NAMES_MAX)
		return 0;
	fresh.guid = utf8_make_valid(guid, strlen(guid));
	fresh.name = name ? utf8_make_valid(name, strlen(name)) : NULL;
	fresh.lid = lid;
	g_array_append_val(set->names, fresh);
	return PROP_TAG(type, PROP_ID_NAMED + i);
}

const struct prop_name *propset_name_of(const struct propset *set, uint32_t tag)
{
	uint32_t id = PROP_ID(tag);

	if (id < PROP_ID_NAMED || !set->names ||
	    id - PROP_ID_NAMED >= set->names->len)
		return NULL;
	return &g_array_index(set->names, struct prop_name, id - PROP_ID_NAMED);
}

const struct prop *propset_find_lid(const struct propset *set, const char *guid,
				    uint32_t lid)
{
	for (guint i = 0; set->names && i < set->names->len; i++) {
		const struct prop_name *known =
			&g_array_index(set->names, struct prop_name, i);

		if (!known->name && known->lid == lid &&
		    !strcmp(known->guid, guid))
			return propset_lookup(set,
					      PROP_TAG(propname_type(guid, lid),
						       PROP_ID_NAMED + i));
	}
	return NULL;
}

const char *propset_header_text(const struct propset *set, const char *name)
{
	for (guint i = 0; set->names && i < set->names->len; i++) {
		const struct prop_name *known =
			&g_array_index(set->names, struct prop_name, i);

		if (known->name && !g_ascii_strcasecmp(known->name, name) &&
		    !strcmp(known->guid, "PS_INTERNET_HEADERS"))
			return propset_text(
				set, PROP_TAG(PT_UNICODE, PROP_ID_NAMED + i));
	}
	return NULL;
}

size_t propset_count(const struct propset *set)
{
	return set->props->len;
}

const struct prop *propset_at(const struct propset *set, size_t i)
{
	return &g_array_index(set->props, struct prop, i);
}

const struct prop *propset_find(const struct propset *set, uint32_t tag)
{
	return propset_lookup(set, tag);
}

bool propset_has(const struct propset *set, uint32_t tag)
{
	return propset_lookup(set, tag) != NULL;
}

const char *propset_text(const struct propset *set, uint32_t tag)
{
	const struct prop *prop = propset_lookup(set, tag);

	return prop ? prop->value.text : NULL;
}

bool propset_bool(const struct propset *set, uint32_t tag)
{
	const struct prop *prop = propset_lookup(set, tag);

	return prop && prop->value.boolean;
}

int64_t propset_number(const struct propset *set, uint32_t tag,
		       int64_t otherwise)
{
	const struct prop *prop = propset_lookup(set, tag);

	return prop ? prop->value.number : otherwise;
}

GBytes *propset_binary(const struct propset *set, uint32_t tag)
{
	const struct prop *prop = propset_lookup(set, tag);

	return prop ? prop->value.binary.data : NULL;
}

static struct propset *propset_add_child(GPtrArray **children,
					 struct propset *child)
{
	if (!*children)
		*children = g_ptr_array_new_with_free_func(
			(GDestroyNotify)propset_free);
	g_ptr_array_add(*children, child);
	return child;
}

struct propset *propset_add_recipient(struct propset *set,
				      struct propset *recipient)
{
	return propset_add_child(&set->recipients, recipient);
}

struct propset *propset_add_attachment(struct propset *set,
				       struct propset *attachment)
{
	return propset_add_child(&set->attachments, attachment);
}

struct propset *propset_take_attachment(struct propset *set, size_t i)
{
	return g_ptr_array_steal_index(set->attachments, (guint)i);
}

void propset_set_embedded(struct propset *attachment, struct propset *message)
{
	propset_free(attachment->embedded);
	attachment->embedded = message;
}

size_t propset_recipient_count(const struct propset *set)
{
	return set->recipients ? set->recipients->len : 0;
}

struct propset *propset_recipient(const struct propset *set, size_t i)
{
	return g_ptr_array_index(set->recipients, i);
}

size_t propset_attachment_count(const struct propset *set)
{
	return set->attachments ? set->attachments->len : 0;
}

struct propset *propset_attachment(const struct propset *set, size_t i)
{
	return g_ptr_array_index(set->attachments, i);
}

struct propset *propset_embedded(const struct propset *attachment)
{
	return attachment->embedded;
}

struct header_field *propset_add_header(struct propset *set, const char *name,
					const char *text)
{
	struct header_field fresh = {
		.name = utf8_make_valid(name, strlen(name)),
		.text = utf8_make_valid(text, strlen(text)),
	};

	if (!set->headers) {
		set->headers =
			g_array_new(FALSE, FALSE, sizeof(struct header_field));
		g_array_set_clear_func(set->headers,
				       (GDestroyNotify)header_field_clear);
	}
	g_array_append_val(set->headers, fresh);
	return &g_array_index(set->headers, struct header_field,
			      set->headers->len - 1);
}

void header_field_add_address(struct header_field *field, const char *display,
			      const char *address, const char *group)
{
	struct header_address *fresh = g_new0(struct header_address, 1);

	fresh->display = utf8_make_valid(display, strlen(display));
	fresh->address = utf8_make_valid(address, strlen(address));
	fresh->group = group ? utf8_make_valid(group, strlen(group)) : NULL;
	if (!field->addresses)
		field->addresses = g_ptr_array_new_with_free_func(
			propset_header_address_free);
	g_ptr_array_add(field->addresses, fresh);
}

size_t propset_header_count(const struct propset *set)
{
	return set->headers ? set->headers->len : 0;
}

const struct header_field *propset_header(const struct propset *set, size_t i)
{
	return &g_array_index(set->headers, struct header_field, i);
}

const struct header_field *propset_find_header(const struct propset *set,
					       const char *name)
{
	for (size_t i = 0; i < propset_header_count(set); i++) {
		const struct header_field *field = propset_header(set, i);

		if (g_ascii_strcasecmp(field->name, name) == 0)
			return field;
	}
	return NULL;
}

/* ---- parts ---- */

static void part_clear(void *data)
{
	struct mime_part *part = data;

	g_free(part->type);
	g_bytes_unref(part->content);
	if (part->epilogue)
		g_bytes_unref(part->epilogue);
	if (part->header)
		propset_free(part->header);
}

void propset_add_part(struct propset *set, const struct mime_part *part)
{
	if (!set->parts) {
		set->parts = g_array_new(FALSE, FALSE, sizeof(*part));
		g_array_set_clear_func(set->parts, part_clear);
	}
	g_array_append_val(set->parts, *part);
}

size_t propset_part_count(const struct propset *set)
{
	return set->parts ? set->parts->len : 0;
}

const struct mime_part *propset_part(const struct propset *set, size_t i)
{
	return &g_array_index(set->parts, struct mime_part, i);
}
