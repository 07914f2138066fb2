/*
 * PR_MESSAGE_CLASS: what kind of message it is (MS-OXCMAIL 2.2.3.7,
 * 2.2.3.8; RFC 8551).
 */
#include "params.h"
#include "parts.h"

#include <string.h>

#define CALENDAR_LEN_MAX 1048576
#define LID_FORM_NAME    0x85b1

/* ---- S/MIME ---------------------------------------------------------------
 */

static bool is_smime_opaque(const struct mime_entity *root)
{
	const char *name = mime_params_get(root->type_params, "name");
	g_autofree char *lower = NULL;

	if (mime_is(root, "application", "pkcs7-mime") ||
	    mime_is(root, "application", "x-pkcs7-mime"))
		return true;
	if (!name)
		name = mime_params_get(root->disposition_params, "filename");
	if (!name || !mime_is(root, "application", "octet-stream"))
		return false;
	lower = g_ascii_strdown(name, -1);
	return g_str_has_suffix(lower, ".p7m");
}

/* Content-Type as it is, one blank for each fold, a named string (MS-OXOSMIME:
 * opaque messages). */
static void set_content_type(struct convert_context *context,
			     const struct mime_entity *root,
			     struct propset *set)
{
	const struct mime_field *field = mime_find_field(root, "Content-Type");
	g_autofree char *text = NULL;
	char *out = NULL;

	if (!field)
		return;
	text = text_unfold(context, field->value);
	text_flatten(text);
	out = text;
	for (const char *in = text; *in; in++)
		if (*in != ' ' || in[1] != ' ')
			*out++ = *in;
	*out = '\0';
	propset_set_text(set,
			 propset_named_tag(set, "PS_INTERNET_HEADERS",
					   "content-type", 0, PT_UNICODE),
			 text);
}

/* ---- meetings -------------------------------------------------------------
 */

/* Folded lines made whole (RFC 5545 3.1), before anything is decoded: they may
 * be cut within a character. */
static GString *calendar_unfold(const char *data, size_t len)
{
	GString *out = g_string_sized_new(len);

	for (size_t i = 0; i < len; i++) {
		size_t lf = i + (data[i] == '\r' ? 1 : 0);

		if (lf + 1 < len && data[lf] == '\n' &&
		    (data[lf + 1] == ' ' || data[lf + 1] == '\t'))
			i = lf + 1;
		else
			g_string_append_c(out, data[i]);
	}
	return out;
}

/* A part's text as UTF-8, bounded, its lines whole; owned. */
static char *calendar_text(struct convert_context *context,
			   const struct mime_entity *part)
{
	g_autoptr(GBytes) bytes = mime_view(part);
	const char *charset = mime_params_get(part->type_params, "charset");
	gsize len = 0;
	const char *data = g_bytes_get_data(bytes, &len);
	g_autoptr(GString) lines =
		calendar_unfold(data, MIN(len, (gsize)CALENDAR_LEN_MAX));
	char *text = NULL;

	if (!charset_is_ascii(charset))
		text = charset_decode(charset, lines->str, lines->len);
	return text ? text
		    : charset_decode_undeclared(context, lines->str,
						lines->len);
}

static const struct mime_entity *child_of_type(const struct mime_entity *entity,
					       const char *type,
					       const char *subtype)
{
	for (guint i = 0; i < entity->children->len; i++) {
		const struct mime_entity *child =
			g_ptr_array_index(entity->children, i);

		if (mime_is(child, type, subtype))
			return child;
	}
	return NULL;
}

/* The calendar part that is the message, not one that is attached to it. */
static const struct mime_entity *find_calendar(const struct mime_entity *entity)
{
	if (mime_is(entity, "text", "calendar"))
		return entity->disposition && !strcmp(entity->disposition,
						      "attachment")
			       ? NULL
			       : entity;
	if (mime_is(entity, "multipart", "alternative"))
		return child_of_type(entity, "text", "calendar");
	if (mime_is(entity, "multipart", "mixed") && entity->children->len)
		return find_calendar(g_ptr_array_index(entity->children, 0));
	return NULL;
}

/* One event, or one with exceptions: all of the same UID (MS-OXCICAL
 * 2.1.3.1.1.20).  upper: the calendar in capitals. */
static bool is_one_meeting(const char *upper)
{
	unsigned events = 0;
	unsigned same = 0;
	const char *first = NULL;
	size_t len = 0;

	for (const char *at = upper; (at = strstr(at, "BEGIN:VEVENT")); at++)
		events++;
	if (events < 2)
		return events == 1;
	for (const char *at = upper; (at = strstr(at, "\nUID:")); at++) {
		if (!first) {
			first = at;
			len = strcspn(at + 1, "\r\n") + 2;
		}
		if (!strncmp(at, first, len))
			same++;
	}
	return same == events;
}

static const char *reply_class(const char *calendar)
{
	if (strstr(calendar, "PARTSTAT=ACCEPTED"))
		return "IPM.Schedule.Meeting.Resp.Pos";
	if (strstr(calendar, "PARTSTAT=DECLINED"))
		return "IPM.Schedule.Meeting.Resp.Neg";
	if (strstr(calendar, "PARTSTAT=TENTATIVE"))
		return "IPM.Schedule.Meeting.Resp.Tent";
	return NULL;
}

static const char *meeting_class(const char *method, const char *calendar)
{
	if (!strcmp(method, "REQUEST"))
		return "IPM.Schedule.Meeting.Request";
	if (!strcmp(method, "CANCEL"))
		return "IPM.Schedule.Meeting.Canceled";
	if (!strcmp(method, "COUNTER"))
		return "IPM.Schedule.Meeting.Resp.Tent";
	if (!strcmp(method, "REPLY"))
		return reply_class(calendar);
	return NULL;
}

/* What the Content-Type says (RFC 6047 2.4), else the calendar; in capitals,
 * owned, NULL if neither does. */
static char *method_of(const struct mime_entity *part, const char *upper)
{
	static const char key[] = "\nMETHOD:";
	const char *given = mime_params_get(part->type_params, "method");
	const char *line = given ? NULL : strstr(upper, key);

	if (given)
		return g_ascii_strup(given, -1);
	if (!line)
		return NULL;
	line += strlen(key);
	return g_strchomp(g_strndup(line, strcspn(line, "\r\n")));
}

/* The plain body, where it stands behind the calendar: the first part with a
 * text is the one that counts (MS-OXCMAIL 2.2.3.3.2), what follows is added to
 * it, by lists for instance.  NULL if there is none. */
static struct mime_entity *text_behind(const struct mime_entity *calendar,
				       const struct propset *set)
{
	const struct mime_entity *parent = calendar->parent;
	bool is_behind = false;

	if (!parent || !mime_is(parent, "multipart", "mixed") ||
	    propset_number(set, PR_NATIVE_BODY, 0) != 1)
		return NULL;
	for (guint i = 0; i < parent->children->len; i++) {
		struct mime_entity *part =
			g_ptr_array_index(parent->children, i);

		if (is_behind && part->is_body && !part->files)
			return part;
		is_behind = is_behind || part == calendar;
	}
	return NULL;
}

static bool set_meeting(struct convert_context *context,
			const struct mime_entity *root, struct propset *set)
{
	const struct mime_entity *part = find_calendar(root);
	g_autofree char *text = NULL;
	g_autofree char *upper = NULL;
	g_autofree char *method = NULL;
	const char *class = NULL;

	if (!part)
		return false;
	text = calendar_text(context, part);
	upper = g_ascii_strup(text, -1);
	method = method_of(part, upper);
	/* Several events are a calendar to look at, not a request. */
	class = method && is_one_meeting(upper) ? meeting_class(method, upper)
						: NULL;
	if (!class ||
	    !meeting_convert(context, text, !strcmp(method, "COUNTER"),
			     text_behind(part, set), set))
		return false;
	propset_set_text(set, PR_MESSAGE_CLASS, class);
	return true;
}

/* ---- Content-Class --------------------------------------------------------
 */

/* Is there a part of that type, outside of embedded messages? */
static bool has_part(const struct mime_entity *entity, const char *type,
		     const char *subtype)
{
	if (mime_is(entity, type, subtype))
		return true;
	if (mime_is(entity, "message", NULL))
		return false;
	for (guint i = 0; i < entity->children->len; i++)
		if (has_part(g_ptr_array_index(entity->children, i), type,
			     subtype))
			return true;
	return false;
}

/* "InfoPathForm.ID.NAME" (MS-OXCMAIL 2.2.3.2.15; "InfoPath." as well). */
static bool set_form_class(struct propset *set, const char *text)
{
	static const char *const prefixes[] = {"InfoPathForm.", "InfoPath."};
	const char *id = NULL;
	const char *dot = NULL;
	g_autofree char *class = NULL;

	for (size_t i = 0; !id && i < G_N_ELEMENTS(prefixes); i++)
		if (!g_ascii_strncasecmp(text, prefixes[i],
					 strlen(prefixes[i])))
			id = text + strlen(prefixes[i]);
	if (!id || !*id || strlen(text) > 200)
		return false;
	dot = strchr(id, '.');
	if (dot && dot[1])
		propset_set_text(set,
				 propset_named_tag(set, "PSETID_Common", NULL,
						   LID_FORM_NAME, PT_UNICODE),
				 dot + 1);
	else
		dot = NULL;
	class = g_strdup_printf("IPM.InfoPathForm.%.*s",
				dot ? (int)(dot - id) : (int)strlen(id), id);
	propset_set_text(set, PR_MESSAGE_CLASS, class);
	return true;
}

/* What follows a prefix, as the end of a class; false if it could not be. */
static bool set_class_of(struct propset *set, const char *text,
			 const char *prefix, const char *class)
{
	g_autofree char *whole = NULL;

	if (g_ascii_strncasecmp(text, prefix, strlen(prefix)) != 0 ||
	    strlen(text) > 200 || !text[strlen(prefix)])
		return false;
	whole = g_strconcat(class, text + strlen(prefix), NULL);
	propset_set_text(set, PR_MESSAGE_CLASS, whole);
	return true;
}

/* MS-OXCMAIL 2.2.3.2.15: a fax has its pages, a voice its recording. */
static bool set_content_class(struct convert_context *context,
			      const struct mime_entity *root,
			      struct propset *set)
{
	static const struct {
		const char *content_class, *class;
		const char *type, *subtype; /* of a part it needs */
	} known[] = {
		{"fax", "IPM.Note.Microsoft.Fax", "image", "tiff"},
		{"fax-ca", "IPM.Note.Microsoft.Fax.CA", "image", "tiff"},
		{"missedcall", "IPM.Note.Microsoft.Missed.Voice", NULL, NULL},
		{"voice-uc", "IPM.Note.Microsoft.Conversation.Voice", "audio",
		 NULL},
		{"voice", "IPM.Note.Microsoft.Voicemail.UM", "audio", NULL},
		{"voice-ca", "IPM.Note.Microsoft.Voicemail.UM.CA", "audio",
		 NULL},
	};
	const struct mime_field *field = mime_find_field(root, "Content-Class");
	g_autofree char *text = NULL;

	if (!field)
		return false;
	text = text_decode(context, field->value);
	for (size_t i = 0; i < G_N_ELEMENTS(known); i++) {
		if (g_ascii_strcasecmp(text, known[i].content_class) != 0)
			continue;
		if (known[i].type &&
		    !has_part(root, known[i].type, known[i].subtype))
			return false;
		propset_set_text(set, PR_MESSAGE_CLASS, known[i].class);
		return true;
	}
	return set_class_of(set, text, "urn:content-class:custom.",
			    "IPM.Note.Custom.") ||
	       set_form_class(set, text);
}

bool class_convert(struct convert_context *context,
		   const struct mime_entity *root, struct propset *set)
{
	if (mime_is_smime_signed(root)) {
		propset_set_text(set, PR_MESSAGE_CLASS,
				 "IPM.Note.SMIME.MultipartSigned");
		return true;
	}
	if (is_smime_opaque(root)) {
		propset_set_text(set, PR_MESSAGE_CLASS, "IPM.Note.SMIME");
		set_content_type(context, root, set);
		return true;
	}
	if (!report_convert(context, root, set) &&
	    !set_meeting(context, root, set) &&
	    !set_content_class(context, root, set))
		propset_set_text(set, PR_MESSAGE_CLASS, "IPM.Note");
	return false;
}
