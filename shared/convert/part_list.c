/*
 * Every MIME part of a message, with what it says: for rules that look at
 * parts rather than at properties (RFC 5173).
 */
#include "params.h"
#include "parts.h"

#include <string.h>

static GBytes *bytes_of_text(char *text) /* moved */
{
	return g_bytes_new_take(text, strlen(text));
}

/* "text/plain"; one that has a slash too many as it stands there, so that it
 * is taken for nothing it is not.  Owned. */
static char *type_of(const struct mime_entity *entity)
{
	const struct mime_field *field =
		mime_find_field(entity, "Content-Type");
	g_autofree char *given =
		field ? g_strndup(field->value.data, field->value.len) : NULL;
	const char *slash;

	if (given) {
		g_strchug(given);
		given[strcspn(given, "; \t\r\n=")] = '\0';
		slash = strchr(given, '/');
		if (slash && strchr(slash + 1, '/'))
			return g_ascii_strdown(given, -1);
	}
	return g_strconcat(entity->type, "/", entity->subtype, NULL);
}

static const char *line_before(const char *start, const char *at)
{
	while (at > start && at[-1] != '\n')
		at--;
	return at;
}

static const char *without_break(const char *start, const char *at)
{
	if (at > start && at[-1] == '\n')
		at--;
	if (at > start && at[-1] == '\r')
		at--;
	return at;
}

/* What stands before the first delimiter, and what behind the last. */
static void add_multipart(const struct mime_entity *entity,
			  struct mime_part *part)
{
	const struct mime_entity *first = entity->children->pdata[0];
	const struct mime_entity *last =
		entity->children->pdata[entity->children->len - 1];
	const char *start = entity->content.data;
	const char *end = start + entity->content.len;
	const char *at = first->whole.data;

	if (at > start && at[-1] == '\n')
		at--;
	at = without_break(start, line_before(start, at));
	part->content = g_bytes_new(start, (gsize)(at - start));
	at = last->whole.data + last->whole.len;
	for (int breaks = 0; at && at < end && breaks < 2; breaks++) {
		at = memchr(at, '\n', (size_t)(end - at));
		at = at ? at + 1 : NULL;
	}
	if (at && at < end)
		part->epilogue = g_bytes_new(at, (gsize)(end - at));
}

static bool is_text(const struct mime_entity *entity)
{
	return mime_is(entity, "text", NULL) ||
	       mime_is(entity, "application", "xhtml+xml");
}

static void add_leaf(struct convert_context *context,
		     const struct mime_entity *entity, struct mime_part *part)
{
	g_autofree char *charset = NULL;

	if (!is_text(entity) || entity->encoding == MIME_UNKNOWN_ENCODING) {
		part->content = mime_decode(entity);
		return;
	}
	part->is_text = true;
	part->content = bytes_of_text(
		body_take_text(context, entity, mime_view(entity), &charset));
}

static void add(struct convert_context *context,
		const struct mime_entity *entity, struct propset *set)
{
	struct mime_part part = {.depth = entity->depth};
	bool has_children = entity->children->len > 0;
	const struct mime_entity *child =
		has_children ? entity->children->pdata[0] : NULL;

	part.type = type_of(entity);
	if (!has_children)
		add_leaf(context, entity, &part);
	else if (mime_is(entity, "multipart", NULL))
		add_multipart(entity, &part);
	else /* a message: its header */
		part.content =
			g_bytes_new(child->header.data, child->header.len);
	if (entity->parent) {
		part.header = propset_new();
		headers_add_fields(context, entity, part.header);
	}
	propset_add_part(set, &part);
	for (guint i = 0; i < entity->children->len; i++)
		add(context, entity->children->pdata[i], set);
}

void part_list_convert(struct convert_context *context,
		       const struct mime_entity *root, struct propset *set)
{
	add(context, root, set);
}
