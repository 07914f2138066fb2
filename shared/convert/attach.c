/*
 * Attachments (MS-OXCMAIL 2.2.3.4): every leaf that is no body.
 */
#include "attach.h"
#include "field.h"
#include "pages.h"
#include "params.h"
#include "parts.h"
#include "text_files.h"
#include "tnef.h"

#include <string.h>

#define METHOD_BY_VALUE     1
#define METHOD_EMBEDDED     5
#define FLAG_RENDERED       4
#define NOT_RENDERED        (-1)
#define TYPE_LEN_MAX        4096
#define LID_SMART_NO_ATTACH 0x8514

struct attach_walk {
	struct convert_context *context;
	const GTree *names;
	struct propset *set;
};

/* What the sender calls it; owned, NULL if nothing. */
static char *given_name(const struct mime_entity *entity)
{
	const char *name =
		mime_params_get(entity->disposition_params, "filename");

	if (!name || !*name)
		name = mime_params_get(entity->type_params, "name");
	return name && *name ? attach_clean_name(name) : NULL;
}

static void set_date(struct propset *attachment, uint32_t tag,
		     const struct mime_entity *entity, const char *param)
{
	const char *text = mime_params_get(entity->disposition_params, param);
	int64_t usec = 0;

	if (text && date_parse(text, &usec))
		propset_set_number(attachment, tag, usec);
}

static void set_type(struct propset *attachment,
		     const struct mime_entity *entity)
{
	const char *charset = mime_params_get(entity->type_params, "charset");
	g_autofree char *type =
		g_strconcat(entity->type, "/", entity->subtype, NULL);
	/* MS-OXCMAIL 2.2.3.4.1.1: what is left of TNEF could not be read. */
	bool opaque = entity->encoding == MIME_UNKNOWN_ENCODING ||
		      mime_is(entity, "application", "ms-tnef");

	propset_set_text(attachment, PR_ATTACH_MIME_TAG,
			 opaque ? "application/octet-stream" : type);
	if (charset && !opaque && mime_is(entity, "text", NULL))
		propset_set_text(attachment, PR_TEXT_ATTACHMENT_CHARSET,
				 charset);
}

static void set_field(struct convert_context *context,
		      struct propset *attachment, uint32_t tag,
		      const struct mime_entity *entity, const char *name)
{
	const struct mime_field *field = mime_find_field(entity, name);
	g_autofree char *text = NULL;

	if (!field)
		return;
	text = text_decode(context, field->value);
	if (*text)
		propset_set_text(attachment, tag, text);
}

/* What is nothing without the parameters of its type: they are kept. */
static void set_parameters(struct convert_context *context,
			   struct propset *attachment,
			   const struct mime_entity *entity)
{
	const struct mime_field *field =
		mime_find_field(entity, "Content-Type");
	uint32_t tag = 0;
	g_autofree char *text = NULL;
	g_autofree char *line = NULL;

	if (!field || (!mime_is(entity, "message", "partial") &&
		       !mime_is(entity, "message", "external-body")))
		return;
	tag = propset_named_tag(attachment, "PS_INTERNET_HEADERS",
				"content-type", 0, PT_UNICODE);
	text = text_unfold(context, field->value);
	line = field_clean(text, TYPE_LEN_MAX);
	propset_set_text(attachment, tag, line);
}

static bool in_related(const struct mime_entity *entity)
{
	return entity->parent &&
	       mime_is(entity->parent, "multipart", "related");
}

/* By its Content-ID or Content-Location. */
static bool is_referred_to(const struct attach_walk *walk, const char *name)
{
	return name && *name &&
	       g_tree_lookup((GTree *)(uintptr_t)walk->names, name);
}

/* What HTML shows in itself: pictures and style sheets.  Any other
 * file that it names is behind a link: hidden, nobody would find it
 * (MS-OXCMAIL 2.2.3.4.1.4.1). */
static bool may_be_shown(const struct mime_entity *entity)
{
	g_autofree char *name = NULL;
	g_autofree char *type = NULL;

	if (mime_is(entity, "image", NULL) || mime_is(entity, "text", "css"))
		return true;
	if (!mime_is(entity, "application", "octet-stream"))
		return false;
	name = given_name(entity);
	type = name ? attach_type(name) : NULL;
	return type && g_str_has_prefix(type, "image/");
}

/* Shown within the HTML, so not in the list of attachments. */
static bool is_rendered(const struct attach_walk *walk,
			const struct mime_entity *entity)
{
	bool is_inline =
		in_related(entity) ||
		(entity->disposition && !strcmp(entity->disposition, "inline"));

	return is_inline && may_be_shown(entity) &&
	       (is_referred_to(walk, entity->content_id) ||
		is_referred_to(walk, entity->location));
}

static void set_place(const struct attach_walk *walk,
		      struct propset *attachment,
		      const struct mime_entity *entity)
{
	bool rendered = is_rendered(walk, entity);

	if (entity->content_id && *entity->content_id)
		propset_set_text(attachment, PR_ATTACH_CONTENT_ID,
				 entity->content_id);
	if (entity->location && *entity->location)
		propset_set_text(attachment, PR_ATTACH_CONTENT_LOCATION,
				 entity->location);
	set_field(walk->context, attachment, PR_ATTACH_CONTENT_BASE, entity,
		  "Content-Base");
	set_field(walk->context, attachment, PR_ATTACH_PAYLOAD_CLASS, entity,
		  "X-Payload-Class");
	set_field(walk->context, attachment, PR_ATTACH_PAYLOAD_PROV_GUID_STR,
		  entity, "X-Payload-Provider-Guid");
	propset_set_number(attachment, PR_ATTACH_FLAGS,
			   rendered ? FLAG_RENDERED : 0);
	propset_set_bool(attachment, PR_ATTACHMENT_HIDDEN, rendered);
	propset_set_number(attachment, PR_RENDERING_POSITION, NOT_RENDERED);
	set_date(attachment, PR_CREATION_TIME, entity, "creation-date");
	set_date(attachment, PR_LAST_MODIFICATION_TIME, entity,
		 "modification-date");
}

static struct propset *attachment_new(const struct attach_walk *walk,
				      const struct mime_entity *entity,
				      int method)
{
	struct propset *attachment = propset_new();

	propset_set_number(attachment, PR_ATTACH_NUM,
			   (int64_t)propset_attachment_count(walk->set));
	propset_set_number(attachment, PR_ATTACH_METHOD, method);
	set_type(attachment, entity);
	set_parameters(walk->context, attachment, entity);
	set_place(walk, attachment, entity);
	return propset_add_attachment(walk->set, attachment);
}

void attach_set_data(const struct convert_context *context,
		     struct propset *attachment, GBytes *bytes)
{
	if (context->options->flags & CONVERT_SKETCH)
		return;
	propset_set_number(attachment, PR_ATTACH_SIZE,
			   (int64_t)g_bytes_get_size(bytes));
	if (context->options->flags & CONVERT_DATA) {
		propset_set_binary(attachment, PR_ATTACH_DATA_BIN, bytes);
	} else {
		const struct prop_binary whole = {.data = bytes};
		uint8_t hash[32];

		prop_binary_hash(&whole, hash);
		propset_set_binary_digest(attachment, PR_ATTACH_DATA_BIN,
					  g_bytes_get_size(bytes), hash);
	}
}

void attach_set_defaults(struct propset *attachment)
{
	if (!propset_has(attachment, PR_ATTACH_MIME_TAG))
		propset_set_text(attachment, PR_ATTACH_MIME_TAG,
				 "application/octet-stream");
	if (!propset_has(attachment, PR_ATTACH_FLAGS))
		propset_set_number(attachment, PR_ATTACH_FLAGS, 0);
	if (!propset_has(attachment, PR_ATTACHMENT_HIDDEN))
		propset_set_bool(attachment, PR_ATTACHMENT_HIDDEN, false);
	if (!propset_has(attachment, PR_RENDERING_POSITION))
		propset_set_number(attachment, PR_RENDERING_POSITION,
				   NOT_RENDERED);
}

static void name_attachment(const struct attach_walk *walk,
			    struct propset *attachment,
			    const struct mime_entity *entity)
{
	g_autofree char *name = given_name(entity);

	if (!name)
		name = g_strdup_printf(
			"attachment%zu%s", propset_attachment_count(walk->set),
			attach_extension(entity->type, entity->subtype));
	attach_set_name(attachment, name);
}

/* winmail.dat, by whatever type it came. */
static bool is_tnef(const struct mime_entity *entity)
{
	const char *name =
		mime_params_get(entity->disposition_params, "filename");

	if (mime_is(entity, "application", "ms-tnef") ||
	    mime_is(entity, "application", "vnd.ms-tnef"))
		return true;
	if (!name)
		name = mime_params_get(entity->type_params, "name");
	return name && mime_is(entity, "application", "octet-stream") &&
	       !g_ascii_strcasecmp(name, "winmail.dat");
}

static bool merge_tnef(const struct attach_walk *walk,
		       const struct mime_entity *entity)
{
	g_autoptr(GBytes) bytes = NULL;

	if (!is_tnef(entity) || entity->cut)
		return false;
	bytes = mime_decode(entity);
	return tnef_merge(walk->context, bytes, walk->set);
}

static struct propset *add_leaf(const struct attach_walk *walk,
				const struct mime_entity *entity)
{
	struct propset *attachment =
		attachment_new(walk, entity, METHOD_BY_VALUE);
	g_autoptr(GBytes) bytes = NULL;

	name_attachment(walk, attachment, entity);
	if (walk->context->options->flags & CONVERT_SKETCH)
		return attachment;
	/* What was not taken apart is kept with its own header. */
	if (entity->cut)
		bytes = mime_octets(entity->whole);
	else
		bytes = mime_decode(entity);
	attach_set_data(walk->context, attachment, bytes);
	return attachment;
}

static void add_embedded(const struct attach_walk *walk,
			 const struct mime_entity *entity)
{
	const struct mime_entity *message =
		g_ptr_array_index(entity->children, 0);
	struct propset *attachment =
		attachment_new(walk, entity, METHOD_EMBEDDED);
	struct propset *embedded = propset_new();
	const char *subject = NULL;

	convert_message(walk->context, message, embedded);
	name_attachment(walk, attachment, entity);
	subject = propset_text(embedded, PR_SUBJECT);
	if (subject && *subject)
		propset_set_text(attachment, PR_DISPLAY_NAME, subject);
	propset_set_number(attachment, PR_ATTACH_SIZE,
			   (int64_t)message->whole.len);
	propset_set_embedded(attachment, embedded);
}

/* A file that was written into the text of a body. */
static void add_text_file(const struct attach_walk *walk,
			  const struct text_file *file)
{
	struct propset *attachment = propset_new();
	size_t number = propset_attachment_count(walk->set);
	g_autofree char *text = charset_decode_undeclared(
		walk->context, file->name, strlen(file->name));
	g_autofree char *name = attach_clean_name(text);
	g_autofree char *type = NULL;

	if (!name)
		name = g_strdup_printf("attachment%zu.bin", number + 1);
	type = attach_type(name);
	propset_set_number(attachment, PR_ATTACH_NUM, (int64_t)number);
	propset_set_number(attachment, PR_ATTACH_METHOD, METHOD_BY_VALUE);
	attach_set_name(attachment, name);
	propset_set_text(attachment, PR_ATTACH_MIME_TAG, type);
	attach_set_defaults(attachment);
	attach_set_data(walk->context, attachment, file->bytes);
	propset_add_attachment(walk->set, attachment);
}

static bool is_apple_file(const struct mime_entity *entity)
{
	return mime_is(entity, "application", "applefile");
}

static uint32_t mac_tag(struct propset *attachment, const char *name,
			enum proptype type)
{
	return propset_named_tag(attachment, "PSETID_Attachment", name, 0,
				 type);
}

/* A file of the Macintosh in two parts (RFC 1740): its data is the attachment,
 * what else belongs to it a property of that (MS-OXCMAIL 2.2.4.2).  False if
 * it is not just these two. */
static bool add_apple_double(const struct attach_walk *walk,
			     const struct mime_entity *entity)
{
	const struct mime_entity *first = NULL;
	const struct mime_entity *data = NULL;
	struct propset *attachment = NULL;
	g_autoptr(GBytes) fork = NULL;
	g_autofree char *type = NULL;

	if (!mime_is(entity, "multipart", "appledouble") ||
	    entity->children->len != 2)
		return false;
	first = g_ptr_array_index(entity->children, 0);
	data = g_ptr_array_index(entity->children, 1);
	if (!is_apple_file(first) || data->children->len || data->is_body)
		return false;
	attachment = add_leaf(walk, data);
	if (!given_name(data)) {
		g_autofree char *name = given_name(first);

		if (name)
			attach_set_name(attachment, name);
	}
	if (walk->context->options->flags & CONVERT_SKETCH)
		return true;
	fork = mime_decode(first);
	type = g_strconcat(data->type, "/", data->subtype, NULL);
	propset_set_binary(attachment,
			   mac_tag(attachment, "AttachmentMacInfo", PT_BINARY),
			   fork);
	propset_set_text(
		attachment,
		mac_tag(attachment, "AttachmentMacContentType", PT_UNICODE),
		type);
	return true;
}

static void walk_entity(const struct attach_walk *walk,
			const struct mime_entity *entity)
{
	for (guint i = 0; entity->files && i < entity->files->len; i++)
		add_text_file(walk, g_ptr_array_index(entity->files, i));
	if (entity->is_body)
		return;
	if (!entity->children->len) {
		if (!merge_tnef(walk, entity))
			(void)add_leaf(walk, entity);
		return;
	}
	if (mime_is(entity, "message", NULL)) {
		add_embedded(walk, entity);
		return;
	}
	if (add_apple_double(walk, entity))
		return;
	for (guint i = 0; i < entity->children->len; i++)
		walk_entity(walk, g_ptr_array_index(entity->children, i));
}

void attach_convert(struct convert_context *context,
		    const struct mime_entity *root, const GTree *names,
		    struct propset *set)
{
	const struct attach_walk walk = {context, names, set};

	walk_entity(&walk, root);
}

/* The Content- fields of the header, as they are, and the content. */
static GBytes *whole_entity(const struct mime_entity *root)
{
	GByteArray *out = g_byte_array_new();
	guint head = 0;

	for (guint i = 0; i < root->fields->len; i++) {
		const struct mime_field *field =
			&g_array_index(root->fields, struct mime_field, i);
		size_t len = (size_t)(field->value.data + field->value.len -
				      field->name.data);

		if (field->name.len < 8 ||
		    g_ascii_strncasecmp(field->name.data, "Content-", 8) != 0)
			continue;
		g_byte_array_append(out, (const guint8 *)field->name.data,
				    (guint)len);
		g_byte_array_append(out, (const guint8 *)"\r\n", 2);
	}
	g_byte_array_append(out, (const guint8 *)"\r\n", 2);
	head = out->len;
	g_byte_array_set_size(out, head + (guint)root->content.len);
	pages_copy(out->data + head, root->content.data, root->content.len);
	return g_byte_array_free_to_bytes(out);
}

void attach_whole(struct convert_context *context,
		  const struct mime_entity *root, struct propset *set)
{
	g_autoptr(GTree) names = g_tree_new((GCompareFunc)strcmp);
	const struct attach_walk walk = {context, names, set};
	bool is_signed = mime_is(root, "multipart", "signed");
	struct propset *attachment =
		attachment_new(&walk, root, METHOD_BY_VALUE);
	g_autoptr(GBytes) bytes = NULL;

	attach_set_name(attachment, "smime.p7m");
	if (context->options->flags & CONVERT_SKETCH)
		return;
	bytes = is_signed ? whole_entity(root) : mime_decode(root);
	attach_set_data(context, attachment, bytes);
}

void attach_summarize(struct propset *set)
{
	size_t count = propset_attachment_count(set);
	bool shown = false;

	for (size_t i = 0; i < count; i++)
		if (!propset_bool(propset_attachment(set, i),
				  PR_ATTACHMENT_HIDDEN))
			shown = true;
	propset_set_bool(set, PR_HASATTACH, shown);
	if (count && !shown)
		propset_set_bool(set,
				 propset_named_tag(set, "PSETID_Common", NULL,
						   LID_SMART_NO_ATTACH,
						   PT_BOOLEAN),
				 true);
}
