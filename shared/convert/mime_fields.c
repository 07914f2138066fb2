/*
 * What the fields of an entity say of its content (RFC 2045, 2183): type,
 * disposition, transfer encoding, ids.
 */
#include "params.h"

#include <string.h>

bool span_is(struct span span, const char *text)
{
	return span.len == strlen(text) &&
	       !g_ascii_strncasecmp(span.data, text, span.len);
}

const struct mime_field *mime_find_field(const struct mime_entity *entity,
					 const char *name)
{
	for (guint i = 0; i < entity->fields->len; i++) {
		const struct mime_field *field =
			&g_array_index(entity->fields, struct mime_field, i);

		if (span_is(field->name, name))
			return field;
	}
	return NULL;
}

bool mime_is(const struct mime_entity *entity, const char *type,
	     const char *subtype)
{
	return !strcmp(entity->type, type) &&
	       (!subtype || !strcmp(entity->subtype, subtype));
}

/* Skips blanks and comments (RFC 5322 3.2.2). */
static const char *skip_cfws(const char *at)
{
	unsigned depth = 0;

	for (; *at; at++) {
		if (*at == '(')
			depth++;
		else if (*at == ')' && depth)
			depth--;
		else if (*at == '\\' && depth && at[1])
			at++;
		else if (!depth && *at != ' ' && *at != '\t')
			break;
	}
	return at;
}

/* A token (RFC 2045 5.1), lower case; owned.  Empty if there is none. */
static char *read_token(const char **at)
{
	const char *start = skip_cfws(*at);
	const char *end = start;

	while ((unsigned char)*end > 32 && *end != 127 &&
	       !strchr("()<>@,;:\\\"/[]?=", *end))
		end++;
	*at = end;
	return g_ascii_strdown(start, end - start);
}

/* The field of that name as one line; owned, NULL if there is none. */
static char *field_text(struct convert_context *context,
			const struct mime_entity *entity, const char *name)
{
	const struct mime_field *field = mime_find_field(entity, name);

	return field ? text_unfold(context, field->value) : NULL;
}

static void set_type(struct mime_entity *entity, const char *type,
		     const char *subtype)
{
	g_free(entity->type);
	g_free(entity->subtype);
	entity->type = g_strdup(type);
	entity->subtype = g_strdup(subtype);
}

static void read_type(struct convert_context *context,
		      struct mime_entity *entity)
{
	g_autofree char *text = field_text(context, entity, "Content-Type");
	g_autofree char *type = NULL;
	g_autofree char *subtype = NULL;
	const char *at = text;

	if (!text)
		return;
	type = read_token(&at);
	at = skip_cfws(at);
	if (*at == '/') {
		at++;
		subtype = read_token(&at);
	}
	if (strchr(at, '='))
		entity->type_params = mime_params_parse(context, at);
	if (!*type || !subtype || !*subtype) {
		/* "text" alone was once allowed (RFC 1049). */
		entity->bad_type = *type && strcmp(type, "text") != 0;
		if (entity->bad_type)
			convert_note(context, "a Content-Type that is none");
		return;
	}
	set_type(entity, type, subtype);
}

static void read_disposition(struct convert_context *context,
			     struct mime_entity *entity)
{
	g_autofree char *text =
		field_text(context, entity, "Content-Disposition");
	const char *at = text;
	const char *list = NULL;

	if (!text)
		return;
	entity->disposition = read_token(&at);
	list = at;
	if (!*entity->disposition)
		g_clear_pointer(&entity->disposition, g_free);
	/* "filename=x" without a type before it is seen in the wild. */
	if (*skip_cfws(at) == '=') {
		g_clear_pointer(&entity->disposition, g_free);
		list = text;
	}
	if (strchr(list, '='))
		entity->disposition_params = mime_params_parse(context, list);
}

static enum mime_encoding encoding_of(const char *token)
{
	static const struct {
		const char *name;
		enum mime_encoding encoding;
	} encodings[] = {
		{"", MIME_IDENTITY},
		{"7bit", MIME_IDENTITY},
		{"8bit", MIME_IDENTITY},
		{"binary", MIME_IDENTITY},
		{"7-bit", MIME_IDENTITY},
		{"8-bit", MIME_IDENTITY},
		{"7bits", MIME_IDENTITY},
		{"8bits", MIME_IDENTITY},
		{"7", MIME_IDENTITY},
		{"8", MIME_IDENTITY},
		{"none", MIME_IDENTITY},
		{"utf-8", MIME_IDENTITY},
		{"us-ascii", MIME_IDENTITY},
		{"iso-8859-1", MIME_IDENTITY},
		{"base64", MIME_BASE64},
		{"base-64", MIME_BASE64},
		{"quoted-printable", MIME_QUOTED_PRINTABLE},
		{"quotedprintable", MIME_QUOTED_PRINTABLE},
		{"quoted-printeable", MIME_QUOTED_PRINTABLE},
		{"x-uuencode", MIME_UUENCODE},
		{"x-uue", MIME_UUENCODE},
		{"x-uu", MIME_UUENCODE},
		{"uue", MIME_UUENCODE},
		{"uuencode", MIME_UUENCODE},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(encodings); i++)
		if (!strcmp(encodings[i].name, token))
			return encodings[i].encoding;
	return MIME_UNKNOWN_ENCODING;
}

static void read_encoding(struct convert_context *context,
			  struct mime_entity *entity)
{
	g_autofree char *text =
		field_text(context, entity, "Content-Transfer-Encoding");
	g_autofree char *token = NULL;
	const char *at = text;

	if (!text)
		return;
	while (*at && strchr("\":; ", *at))
		at++;
	token = read_token(&at);
	entity->encoding = encoding_of(token);
	if (entity->encoding == MIME_UNKNOWN_ENCODING)
		convert_note(context, "unknown transfer encoding \"%.40s\"",
			     token);
}

static void read_ids(struct convert_context *context,
		     struct mime_entity *entity)
{
	const struct mime_field *id = mime_find_field(entity, "Content-ID");
	const struct mime_field *location =
		mime_find_field(entity, "Content-Location");

	if (id) {
		g_autofree char *text = text_unfold(context, id->value);
		char *open = strchr(text, '<');
		char *close = open ? strchr(open, '>') : NULL;

		if (close)
			*close = '\0';
		entity->content_id = g_strdup(open ? open + 1 : text);
		text_flatten(entity->content_id);
	}
	if (location)
		entity->location = text_decode(context, location->value);
}

void mime_read_fields(struct convert_context *context,
		      struct mime_entity *entity)
{
	read_type(context, entity);
	read_disposition(context, entity);
	/* Text by RFC 2045 5.2, but that has no file name. */
	if (entity->bad_type &&
	    (mime_params_get(entity->type_params, "name") ||
	     mime_params_get(entity->disposition_params, "filename")))
		set_type(entity, "application", "octet-stream");
	read_encoding(context, entity);
	read_ids(context, entity);
}
