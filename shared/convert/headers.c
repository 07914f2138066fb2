/*
 * Header fields to properties: the table of headers.def and what
 * every message has whatever its header says.
 */
#include "headers.h"

#include <string.h>

#define ICON_OOF 0x11b

struct header_rule {
	struct header_row row;
	header_fn *fn;
};

static const struct header_rule rules[] = {
#define HEADER(field, how, tag, section, remark)                               \
 {{field, tag, section, remark}, how},
#include "headers.def"
#undef HEADER
};

size_t header_row_count(void)
{
	return G_N_ELEMENTS(rules);
}

const struct header_row *header_row_at(size_t i)
{
	return &rules[i].row;
}

bool headers_in_table(struct span name)
{
	for (size_t i = 0; i < G_N_ELEMENTS(rules); i++)
		if (span_is(name, rules[i].row.field))
			return true;
	return false;
}

/* The icon of an automatic reply (MS-OXOMSG 2.2.1.10), for replies of this
 * line. */
static void set_vacation_icon(const struct mime_entity *message,
			      struct propset *set)
{
	static const char *const fields[] = {
		"X-Okapi-Vacation", "X-Kopano-Vacation", "X-Zarafa-Vacation"};

	for (size_t i = 0; i < G_N_ELEMENTS(fields); i++)
		if (mime_find_field(message, fields[i]))
			propset_set_number(set, PR_ICON_INDEX, ICON_OOF);
}

/* What every message has, whatever its header says. */
static void set_defaults(struct propset *set)
{
	if (!propset_has(set, PR_SUBJECT))
		subject_set(set, "");
	if (!propset_has(set, PR_CONVERSATION_TOPIC))
		propset_set_text(set, PR_CONVERSATION_TOPIC,
				 propset_text(set, PR_NORMALIZED_SUBJECT));
	/* A message was submitted before it was delivered; by how much, nobody
	 * knows. */
	if (!propset_has(set, PR_CLIENT_SUBMIT_TIME) &&
	    propset_has(set, PR_MESSAGE_DELIVERY_TIME))
		propset_set_number(
			set, PR_CLIENT_SUBMIT_TIME,
			propset_number(set, PR_MESSAGE_DELIVERY_TIME, 0));
	for (size_t i = 0; i < 3; i++) {
		static const uint32_t display[] = {PR_DISPLAY_TO, PR_DISPLAY_CC,
						   PR_DISPLAY_BCC};

		if (!propset_has(set, display[i]))
			propset_set_text(set, display[i], "");
	}
}

void headers_complete(struct propset *set)
{
	int64_t priority = propset_number(
		set, PR_PRIORITY, propset_number(set, PR_IMPORTANCE, 1) - 1);

	priority = CLAMP(priority, -1, 1);
	if (!propset_has(set, PR_IMPORTANCE))
		propset_set_number(set, PR_IMPORTANCE, priority + 1);
	if (!propset_has(set, PR_PRIORITY))
		propset_set_number(set, PR_PRIORITY, priority);
	if (!propset_has(set, PR_SENSITIVITY))
		propset_set_number(set, PR_SENSITIVITY, 0);
}

bool header_is_summary(const struct convert_context *context)
{
	return context->options->flags & CONVERT_SUMMARY;
}

/* Does a list show what this row of the table is about? */
static bool is_listed(uint32_t tag)
{
	static const uint32_t tags[] = {
		PR_SENT_REPRESENTING_EMAIL_ADDRESS,
		PR_SENDER_EMAIL_ADDRESS,
		PR_DISPLAY_TO,
		PR_DISPLAY_CC,
		PR_SUBJECT,
		PR_INTERNET_MESSAGE_ID,
		PR_CLIENT_SUBMIT_TIME,
		PR_MESSAGE_DELIVERY_TIME,
		PR_IMPORTANCE,
		PR_CONTENT_FILTER_SCL,
	};

	for (size_t i = 0; i < G_N_ELEMENTS(tags); i++)
		if (tags[i] == tag)
			return true;
	return false;
}

static bool is_blank(struct span value)
{
	for (size_t i = 0; i < value.len; i++)
		if (!g_ascii_isspace(value.data[i]))
			return false;
	return true;
}

/* The first field of that name that says something, else the first. */
static const struct mime_field *find_said(const struct mime_entity *message,
					  const char *name)
{
	const struct mime_field *first = mime_find_field(message, name);

	if (!first || !is_blank(first->value))
		return first;
	for (guint i = 0; i < message->fields->len; i++) {
		const struct mime_field *field =
			&g_array_index(message->fields, struct mime_field, i);

		if (span_is(field->name, name) && !is_blank(field->value))
			return field;
	}
	return first;
}

/* Nobody delivered a message that lies within another: where its own fields do
 * not say when it came, its Date does. */
static void date_embedded(const struct mime_entity *message,
			  struct propset *set)
{
	if (message->parent && propset_has(set, PR_CLIENT_SUBMIT_TIME) &&
	    !propset_has(set, PR_MESSAGE_DELIVERY_TIME))
		propset_set_number(
			set, PR_MESSAGE_DELIVERY_TIME,
			propset_number(set, PR_CLIENT_SUBMIT_TIME, 0));
}

void headers_convert(struct convert_context *context,
		     const struct mime_entity *message, struct propset *set)
{
	for (size_t i = 0; i < G_N_ELEMENTS(rules); i++) {
		const struct header_call call = {context, message, set,
						 &rules[i].row};
		const struct mime_field *field;

		if (header_is_summary(context) && !is_listed(rules[i].row.tag))
			continue;
		field = find_said(message, rules[i].row.field);
		if (field)
			rules[i].fn(&call, field->value);
	}
	header_complete_sender(context, set);
	set_defaults(set);
	date_embedded(message, set);
	if (header_is_summary(context))
		return;
	set_vacation_icon(message, set);
	header_set_named(context, message, set);
}
