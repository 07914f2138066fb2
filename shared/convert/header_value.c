/*
 * Fields that hold a value: text, ids, dates, words of a list.
 */
#include "headers.h"

#include <string.h>

#define ID_LEN_MAX          250 /* of one that was folded */
#define KEYWORDS_MAX        256 /* of a field */
#define KEYWORDS_FIELDS_MAX 64

void header_subject(const struct header_call *call, struct span value)
{
	g_autofree char *decoded = text_decode(call->context, value);

	subject_set(call->set, decoded);
}

void header_text(const struct header_call *call, struct span value)
{
	g_autofree char *decoded = text_decode(call->context, value);

	if (*decoded)
		propset_set_text(call->set, call->row->tag, decoded);
}

/* Another name of a field, for where that is missing. */
void header_text_else(const struct header_call *call, struct span value)
{
	if (!propset_has(call->set, call->row->tag))
		header_text(call, value);
}

/* Is there a '>' before another '<', near enough to be of the same id? */
static bool closes(const char *at)
{
	size_t len = strcspn(at, "<>");

	return at[len] == '>' && len <= ID_LEN_MAX;
}

/* Message ids are not decoded; runs of blanks become one, and none is left of
 * those within an id, where a line was folded. */
void header_id(const struct header_call *call, struct span value)
{
	g_autofree char *line = text_unfold(call->context, value);
	char *out = line;
	bool within = false;

	text_flatten(line);
	for (const char *in = line; *in; in++) {
		if (*in == '<')
			within = closes(in + 1);
		else if (*in == '>')
			within = false;
		if (*in != ' ' || (!within && in[1] != ' '))
			*out++ = *in;
	}
	*out = '\0';
	if (*line)
		propset_set_text(call->set, call->row->tag, line);
}

void header_content_id(const struct header_call *call, struct span value)
{
	(void)value;
	if (call->message->content_id && *call->message->content_id)
		propset_set_text(call->set, call->row->tag,
				 call->message->content_id);
}

/* The part that a body came from, the HTML rather than the text; messages
 * within are not looked into.  NULL if there is none. */
static const struct mime_entity *body_part(const struct mime_entity *entity)
{
	const struct mime_entity *best = NULL;

	if (entity->is_body)
		return entity;
	if (!mime_is(entity, "multipart", NULL))
		return NULL;
	for (guint i = 0; i < entity->children->len; i++) {
		const struct mime_entity *part =
			body_part(g_ptr_array_index(entity->children, i));

		if (part && (!best || !mime_is(part, "text", "plain")))
			best = part;
	}
	return best;
}

void header_place_body(struct convert_context *context,
		       const struct mime_entity *message, struct propset *set)
{
	const struct mime_entity *part = body_part(message);
	const struct mime_field *base;

	if (!part || part == message)
		return;
	if (part->content_id && *part->content_id)
		propset_set_text(set, PR_BODY_CONTENT_ID, part->content_id);
	if (part->location && *part->location)
		propset_set_text(set, PR_BODY_CONTENT_LOCATION, part->location);
	base = mime_find_field(part, "Content-Base");
	if (base) {
		g_autofree char *text = text_decode(context, base->value);

		propset_set_text(set,
				 propset_named_tag(set, "PS_INTERNET_HEADERS",
						   "content-base", 0,
						   PT_UNICODE),
				 text);
	}
}

void header_base64(const struct header_call *call, struct span value)
{
	g_autofree char *line = text_unfold(call->context, value);
	g_autofree guchar *data = NULL;
	gsize len = 0;

	if (!*line ||
	    strspn(line, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnop"
			 "qrstuvwxyz0123456789+/= \t") != strlen(line))
		return;
	data = g_base64_decode(line, &len);
	if (len)
		propset_set_binary_copy(call->set, call->row->tag, data, len);
}

void header_bytes(const struct header_call *call, struct span value)
{
	g_autofree char *line = text_unfold(call->context, value);

	if (*line)
		propset_set_binary_copy(call->set, call->row->tag, line,
					strlen(line) + 1);
}

void header_date(const struct header_call *call, struct span value)
{
	g_autofree char *line = text_unfold(call->context, value);
	int64_t usec = 0;

	if (propset_has(call->set, call->row->tag))
		return;
	if (date_parse(line, &usec))
		propset_set_number(call->set, call->row->tag, usec);
	else
		convert_note(call->context, "%s is no date", call->row->field);
}

/* The topmost date that parses and is not in the future: a relay's clock may
 * be wrong. */
void header_received(const struct header_call *call, struct span value)
{
	const struct mime_entity *message = call->message;
	int64_t now = g_get_real_time();

	(void)value;
	for (guint i = 0; i < message->fields->len; i++) {
		const struct mime_field *field =
			&g_array_index(message->fields, struct mime_field, i);
		g_autofree char *line = NULL;
		int64_t usec = 0;

		if (!span_is(field->name, "Received"))
			continue;
		line = text_unfold(call->context, field->value);
		if (date_parse_received(line, &usec) && usec <= now) {
			propset_set_number(call->set, PR_MESSAGE_DELIVERY_TIME,
					   usec);
			return;
		}
	}
}

static void set_importance(const struct header_call *call, int level)
{
	if (propset_has(call->set, PR_IMPORTANCE))
		return;
	propset_set_number(call->set, PR_IMPORTANCE, level);
	propset_set_number(call->set, PR_PRIORITY, level - 1);
}

/* A word of a list, case-blind, whatever comment follows it; -1 if it is
 * none. */
static int word_index(const struct header_call *call, struct span value,
		      const char *const *words)
{
	g_autofree char *line = text_decode(call->context, value);

	line[strcspn(line, " \t(;")] = '\0';
	for (int i = 0; words[i]; i++)
		if (!g_ascii_strcasecmp(line, words[i]))
			return i;
	return -1;
}

void header_importance(const struct header_call *call, struct span value)
{
	static const char *const words[] = {"low", "normal", "high", NULL};
	int level = word_index(call, value, words);

	if (level >= 0)
		set_importance(call, level);
}

void header_priority(const struct header_call *call, struct span value)
{
	static const char *const words[] = {"non-urgent", "normal", "urgent",
					    NULL};
	int level = word_index(call, value, words);

	if (level >= 0)
		set_importance(call, level);
}

/* "1 (Highest)" to "5 (Lowest)". */
void header_x_priority(const struct header_call *call, struct span value)
{
	g_autofree char *line = text_decode(call->context, value);

	if (!*line || g_ascii_isdigit(line[1]))
		return;
	if (*line == '1' || *line == '2')
		set_importance(call, 2);
	else if (*line == '3')
		set_importance(call, 1);
	else if (*line == '4' || *line == '5')
		set_importance(call, 0);
}

void header_sensitivity(const struct header_call *call, struct span value)
{
	static const char *const words[] = {"normal", "personal", "private",
					    "company-confidential", NULL};
	int level = word_index(call, value, words);

	if (level >= 0)
		propset_set_number(call->set, PR_SENSITIVITY, level);
}

void header_suppress(const struct header_call *call, struct span value)
{
	static const struct {
		const char *word;
		int64_t bits;
	} words[] = {{"DR", 1},   {"NDR", 2},        {"RN", 4},   {"NRN", 8},
		     {"OOF", 16}, {"AutoReply", 32}, {"All", -1}, {"None", 0}};
	g_autofree char *line = text_decode(call->context, value);
	g_auto(GStrv) parts = g_strsplit_set(line, ",; ", 64);
	int64_t bits = 0;

	for (char **part = parts; *part; part++)
		for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
			if (!g_ascii_strcasecmp(*part, words[i].word))
				bits |= words[i].bits;
	propset_set_number(call->set, PR_AUTO_RESPONSE_SUPPRESS, bits);
}

void header_auto_submitted(const struct header_call *call, struct span value)
{
	g_autofree char *line = text_decode(call->context, value);

	line[strcspn(line, "; (")] = '\0';
	if (*line && g_ascii_strcasecmp(line, "no") != 0 &&
	    !propset_has(call->set, PR_AUTO_RESPONSE_SUPPRESS))
		propset_set_number(call->set, PR_AUTO_RESPONSE_SUPPRESS, 48);
}

static void add_keywords(const struct header_call *call, struct span value)
{
	g_autofree char *line = text_decode(call->context, value);
	g_auto(GStrv) parts = g_strsplit(line, ",", KEYWORDS_MAX);

	for (char **part = parts; *part; part++)
		if (*g_strstrip(*part))
			propset_add_text(call->set,
					 propset_named_tag(
						 call->set, "PS_PUBLIC_STRINGS",
						 "Keywords", 0, PT_MV_UNICODE),
					 *part);
}

/* It may stand more than once (RFC 5322 3.6). */
void header_keywords(const struct header_call *call, struct span value)
{
	const struct mime_entity *message = call->message;
	unsigned left = KEYWORDS_FIELDS_MAX;

	(void)value;
	for (guint i = 0; i < message->fields->len && left; i++) {
		const struct mime_field *field =
			&g_array_index(message->fields, struct mime_field, i);

		if (!span_is(field->name, call->row->field))
			continue;
		add_keywords(call, field->value);
		left--;
	}
}

/* What is attached says it better. */
void header_attached(const struct header_call *call, struct span value)
{
	(void)call;
	(void)value;
}
