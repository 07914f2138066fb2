/*
 * JSON to property set: what `mail submit --props` reads.
 */
#include "json_out.h"
#include "print.h"

#include <string.h>

static int json_in_refuse(const char *name, const char *wants,
			  struct fault *fault)
{
	return fault_set(fault, FAULT_REFUSED_INPUT, "%s: must be %s", name,
			 wants);
}

/* The type a named property that nobody knows gets from its value. */
static enum proptype json_in_type(const json_t *value)
{
	if (json_is_boolean(value))
		return PT_BOOLEAN;
	if (json_is_integer(value)) {
		json_int_t n = json_integer_value(value);

		return n >= INT32_MIN && n <= INT32_MAX ? PT_LONG : PT_I8;
	}
	if (json_is_real(value))
		return PT_DOUBLE;
	if (json_is_array(value))
		return json_is_integer(json_array_get(value, 0))
			       ? PT_MV_LONG
			       : PT_MV_UNICODE;
	return PT_UNICODE;
}

/* "GUIDNAME:name" or "GUIDNAME:0x8502"; a MAPI name; "0x00170003".  0: none. */
static uint32_t json_in_tag(struct propset *set, const char *name,
			    const json_t *value)
{
	/* Names may hold colons themselves; GUID names do not. */
	const char *colon = strchr(name, ':');
	g_autofree char *guid = NULL;
	char *end = NULL;
	guint64 lid;
	uint32_t type = 0;

	if (!colon || colon == name || !colon[1])
		return proptag_parse(name);
	guid = g_strndup(name, (gsize)(colon - name));
	lid = g_ascii_strtoull(colon + 1, &end, 16);
	if (g_str_has_prefix(colon + 1, "0x") && !*end && lid <= UINT32_MAX) {
		type = propname_type(guid, (uint32_t)lid);
		return propset_named_tag(set, guid, NULL, (uint32_t)lid,
					 type ? (enum proptype)type
					      : json_in_type(value));
	}
	return propset_named_tag(set, guid, colon + 1, 0, json_in_type(value));
}

static int json_in_base64(const json_t *value, const char *name,
			  GBytes **ret_bytes, struct fault *fault)
{
	const char *text = json_string_value(value);
	gsize size = 0;
	guchar *data;
	g_autofree char *again = NULL;

	if (!text)
		return json_in_refuse(
			name,
			"base64 (an object of size and hash has no bytes)",
			fault);
	data = g_base64_decode(text, &size);
	again = g_base64_encode(data, size);
	if (strcmp(again, text) != 0) {
		g_free(data);
		return json_in_refuse(name, "base64", fault);
	}
	*ret_bytes = g_bytes_new_take(data, size);
	return 0;
}

static int json_in_array(struct propset *set, uint32_t tag, const char *name,
			 const json_t *value, struct fault *fault)
{
	size_t i;
	json_t *item;

	if (!json_is_array(value))
		return json_in_refuse(name, "an array", fault);
	json_array_foreach(value, i, item)
	{
		g_autoptr(GBytes) bytes = NULL;
		gsize size = 0;
		const void *data;

		if (PROP_TYPE(tag) == PT_MV_UNICODE) {
			if (!json_is_string(item))
				return json_in_refuse(name, "texts", fault);
			propset_add_text(set, tag, json_string_value(item));
		} else if (PROP_TYPE(tag) == PT_MV_LONG) {
			if (!json_is_integer(item))
				return json_in_refuse(name, "numbers", fault);
			propset_add_long(set, tag, json_integer_value(item));
		} else {
			if (json_in_base64(item, name, &bytes, fault) < 0)
				return -1;
			data = g_bytes_get_data(bytes, &size);
			propset_add_binary(set, tag, data, size);
		}
	}
	return 0;
}

static int json_in_time(struct propset *set, uint32_t tag, const char *name,
			const json_t *value, struct fault *fault)
{
	int64_t usec = 0;
	struct fault inner = {0};

	if (!json_is_string(value) ||
	    print_time_parse(json_string_value(value), &usec, &inner) < 0)
		return json_in_refuse(name, "a time as 2026-11-23T06:00:00Z",
				      fault);
	propset_set_number(set, tag, usec);
	return 0;
}

static int json_in_number(struct propset *set, uint32_t tag, const char *name,
			  const json_t *value, struct fault *fault)
{
	json_int_t n = json_integer_value(value);
	int64_t limit = PROP_TYPE(tag) == PT_SHORT  ? INT64_C(0xffff)
			: PROP_TYPE(tag) == PT_LONG ? INT64_C(0xffffffff)
						    : INT64_MAX;
	int64_t least = limit == INT64_MAX ? INT64_MIN : -limit / 2 - 1;

	if (!json_is_integer(value) || n > limit || n < least)
		return json_in_refuse(name, "a whole number that fits", fault);
	propset_set_number(set, tag, n);
	return 0;
}

static int json_in_prop(struct propset *set, uint32_t tag, const char *name,
			const json_t *value, struct fault *fault)
{
	g_autoptr(GBytes) bytes = NULL;

	switch ((enum proptype)PROP_TYPE(tag)) {
	case PT_BOOLEAN:
		if (!json_is_boolean(value))
			return json_in_refuse(name, "true or false", fault);
		propset_set_bool(set, tag, json_is_true(value));
		return 0;
	case PT_SHORT:
	case PT_LONG:
	case PT_I8:
		return json_in_number(set, tag, name, value, fault);
	case PT_DOUBLE:
		if (!json_is_number(value))
			return json_in_refuse(name, "a number", fault);
		propset_set_real(set, tag, json_number_value(value));
		return 0;
	case PT_SYSTIME:
		return json_in_time(set, tag, name, value, fault);
	case PT_UNICODE:
	case PT_CLSID:
		if (!json_is_string(value))
			return json_in_refuse(name, "text", fault);
		propset_set_text_len(set, tag, json_string_value(value),
				     json_string_length(value));
		return 0;
	case PT_BINARY:
		if (json_in_base64(value, name, &bytes, fault) < 0)
			return -1;
		propset_set_binary(set, tag, bytes);
		return 0;
	case PT_MV_UNICODE:
	case PT_MV_LONG:
	case PT_MV_BINARY:
		return json_in_array(set, tag, name, value, fault);
	case PT_OBJECT:
		return json_in_refuse(name, "left out", fault);
	}
	return fault_set(fault, FAULT_REFUSED_INPUT,
			 "%s: no such type of property", name);
}

/* Recipients and attachments have no children but an attachment's message. */
enum json_in_kind {
	JSON_IN_MESSAGE,
	JSON_IN_RECIPIENT,
	JSON_IN_ATTACHMENT,
};

static int json_in_set(const json_t *object, enum json_in_kind kind, int depth,
		       struct propset **ret_set, struct fault *fault);

static int json_in_attachment(struct propset *set, const json_t *item,
			      int depth, struct fault *fault)
{
	const json_t *inner = json_object_get(item, "embedded");
	struct propset *child = NULL;
	struct propset *message = NULL;

	if (json_in_set(item, JSON_IN_ATTACHMENT, depth, &child, fault) < 0)
		return -1;
	child = propset_add_attachment(set, child);
	if (!inner)
		return 0;
	if (json_in_set(inner, JSON_IN_MESSAGE, depth + 1, &message, fault) < 0)
		return fault_prefix(fault, "embedded");
	propset_set_embedded(child, message);
	return 0;
}

static int json_in_recipient(struct propset *set, const json_t *item, int depth,
			     struct fault *fault)
{
	struct propset *child = NULL;

	if (json_in_set(item, JSON_IN_RECIPIENT, depth, &child, fault) < 0)
		return -1;
	propset_add_recipient(set, child);
	return 0;
}

static int json_in_children(struct propset *set, const char *name,
			    const json_t *array, int depth, struct fault *fault)
{
	bool recipients = strcmp(name, "recipients") == 0;
	size_t i;
	json_t *item;

	if (!json_is_array(array))
		return json_in_refuse(name, "an array", fault);
	json_array_foreach(array, i, item)
	{
		int rc = recipients
				 ? json_in_recipient(set, item, depth, fault)
				 : json_in_attachment(set, item, depth, fault);

		if (rc < 0)
			return fault_prefix(fault, "%s[%zu]", name, i);
	}
	return 0;
}

static int json_in_member(struct propset *set, const char *name,
			  const json_t *value, enum json_in_kind kind,
			  int depth, struct fault *fault)
{
	uint32_t tag;

	if (strcmp(name, "recipients") == 0 ||
	    strcmp(name, "attachments") == 0) {
		/* propset_to_json() prints empty ones of everything. */
		if (kind != JSON_IN_MESSAGE && json_array_size(value))
			return json_in_refuse(name, "left out", fault);
		return json_in_children(set, name, value, depth, fault);
	}
	if (kind == JSON_IN_ATTACHMENT && strcmp(name, "embedded") == 0)
		return 0; /* json_in_attachment() */
	tag = json_in_tag(set, name, value);
	if (tag == 0)
		return fault_set(fault, FAULT_REFUSED_INPUT,
				 "%s: no property of that name", name);
	/* A number of its own would be another's in this set. */
	if (PROP_ID(tag) >= PROP_ID_NAMED && !strchr(name, ':'))
		return fault_set(fault, FAULT_REFUSED_INPUT,
				 "%s: goes by its name, as in "
				 "PSETID_Common:0x8530",
				 name);
	return json_in_prop(set, tag, name, value, fault);
}

static int json_in_set(const json_t *object, enum json_in_kind kind, int depth,
		       struct propset **ret_set, struct fault *fault)
{
	AUTO(propset) set = propset_new();
	void *at;

	if (!json_is_object(object))
		return fault_set(fault, FAULT_REFUSED_INPUT,
				 "a property set must be an object");
	if (depth > PROPSET_DEPTH_MAX)
		return fault_set(fault, FAULT_REFUSED_INPUT,
				 "messages within each other too deep");
	/* The iterator of jansson takes objects that it could change. */
	at = json_object_iter((json_t *)(uintptr_t)object);
	for (; at;
	     at = json_object_iter_next((json_t *)(uintptr_t)object, at)) {
		if (json_in_member(set, json_object_iter_key(at),
				   json_object_iter_value(at), kind, depth,
				   fault) < 0)
			return -1;
	}
	*ret_set = g_steal_pointer(&set);
	return 0;
}

int propset_from_json(const json_t *object, struct propset **ret_set,
		      struct fault *fault)
{
	return json_in_set(object, JSON_IN_MESSAGE, 0, ret_set, fault);
}

int propset_from_json_file(GBytes *file, const char *path,
			   struct propset **ret_set, struct fault *fault)
{
	json_error_t error;
	json_t *json = NULL;
	gsize size = 0;
	const char *data = g_bytes_get_data(file, &size);
	int rc = 0;

	json = json_loadb(size ? data : "", size, JSON_REJECT_DUPLICATES,
			  &error);
	if (!json)
		return fault_set(fault, FAULT_REFUSED_INPUT, "%s:%d:%d: %s",
				 path, error.line, error.column, error.text);
	rc = propset_from_json(json, ret_set, fault);
	json_decref(json);
	return rc < 0 ? fault_prefix(fault, "%s", path) : 0;
}

bool propset_is_json(GBytes *file)
{
	gsize size = 0;
	const char *data = g_bytes_get_data(file, &size);
	gsize at = 0;

	while (at < size && g_ascii_isspace(data[at]))
		at++;
	if (at == size || data[at] != '{')
		return false;
	for (at++; at < size && g_ascii_isspace(data[at]);)
		at++;
	return at < size && (data[at] == '"' || data[at] == '}');
}
