/*
 * The fields of a header as they stood: named strings of PS_INTERNET_HEADERS,
 * PR_TRANSPORT_MESSAGE_HEADERS, and all of them for rules.
 */
#include "headers.h"
#include "pages.h"
#include "utf8.h"

#include <string.h>

/* Fields of one Exchange to another: in nobody else's hands they mean nothing
 * (MS-OXCMAIL 2.2.3.2.28). */
static bool is_internal(struct span name)
{
	static const char *const prefixes[] = {
		"X-MS-Exchange-Organization-", "X-MS-Exchange-Forest-",
		"X-Microsoft-Exchange-Organization-",
		"X-Microsoft-Exchange-Forest-"};

	for (size_t i = 0; i < G_N_ELEMENTS(prefixes); i++)
		if (name.len >= strlen(prefixes[i]) &&
		    !g_ascii_strncasecmp(name.data, prefixes[i],
					 strlen(prefixes[i])))
			return true;
	return false;
}

/* What an organization's servers found out about the sender (2.2.3.2.29). */
static bool is_authentication(struct span name)
{
	static const char *const names[] = {
		"X-MS-Exchange-Organization-AuthAs",
		"X-MS-Exchange-Organization-AuthDomain",
		"X-MS-Exchange-Organization-AuthMechanism",
		"X-MS-Exchange-Organization-AuthSource",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		if (span_is(name, names[i]))
			return true;
	return false;
}

/* Fields kept as named strings of PS_INTERNET_HEADERS: X- and a few more, some
 * of them besides what the table makes of them. */
static bool is_named_field(struct span name)
{
	static const char *const names[] = {
		"User-Agent",
		"List-Id",
		"List-Post",
		"List-Archive",
		"List-Owner",
		"Accept-Language",
		"Organization",
		"Auto-Submitted",
		"Content-Base",
		"Content-Class",
		"Content-Language",
		"X-AttachmentOrder",
		"X-CallID",
		"X-CallingTelephoneNumber",
		"X-FaxNumberOfPages",
		"X-Microsoft-ClassDesc",
		"X-Microsoft-ClassID",
		"X-Microsoft-ClassKeep",
		"X-Microsoft-Classification",
		"X-Microsoft-Classified",
		"X-VoiceMessageDuration",
		"X-VoiceMessageSenderName",
		"Xref",
	};

	/* X-MimeOLE: MS-OXCMAIL 2.2.3.2.29. */
	if (is_internal(name) || span_is(name, "X-MimeOLE"))
		return false;
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		if (span_is(name, names[i]))
			return true;
	return name.len > 2 && name.len < 200 &&
	       !g_ascii_strncasecmp(name.data, "X-", 2) &&
	       !headers_in_table(name);
}

void header_set_named(struct convert_context *context,
		      const struct mime_entity *message, struct propset *set)
{
	bool is_trusted = context->options->flags & CONVERT_TRUSTED;
	unsigned count = 0;

	for (guint i = 0; i < message->fields->len; i++) {
		const struct mime_field *field =
			&g_array_index(message->fields, struct mime_field, i);
		g_autofree char *name = NULL;
		g_autofree char *value = NULL;
		uint32_t tag = 0;

		if (!(is_named_field(field->name) ||
		      (is_trusted && is_authentication(field->name))) ||
		    field->value.len > HEADERS_NAMED_LEN_MAX)
			continue;
		if (++count > HEADERS_NAMED_MAX) {
			convert_note(context, "more than %d X- fields",
				     HEADERS_NAMED_MAX);
			return;
		}
		name = g_ascii_strdown(field->name.data,
				       (gssize)field->name.len);
		value = text_decode(context, field->value);
		tag = propset_named_tag(set, "PS_INTERNET_HEADERS", name, 0,
					PT_UNICODE);
		if (!propset_has(set, tag))
			propset_set_text(set, tag, value);
	}
}

bool headers_may_be_named(const char *name, size_t len)
{
	static const char *const never[] = {
		"Apparently-To", "Delivered-To", "Envelope-To",
		"MIME-Version",  "Received",     "Return-Path",
		"X-Original-To",
	};
	static const char *const prefixes[] = {"Content-", "Resent-"};
	struct span span = {name, len};

	if (is_named_field(span))
		return true;
	if (is_internal(span) || headers_in_table(span) || len >= 200)
		return false;
	for (size_t i = 0; i < G_N_ELEMENTS(never); i++)
		if (span_is(span, never[i]))
			return false;
	for (size_t i = 0; i < G_N_ELEMENTS(prefixes); i++)
		if (!g_ascii_strncasecmp(name, prefixes[i],
					 strlen(prefixes[i])))
			return false;
	return true;
}

/* The lines of a field, each ended by CRLF, without zeros. */
static void add_lines(GString *block, struct span lines)
{
	const char *end = lines.data + lines.len;
	const char *done = lines.data;

	for (const char *at = lines.data; at < end; at++) {
		const char *start = at;

		while (at < end && *at && *at != '\n')
			at++;
		g_string_append_len(block, start, at - start);
		if (at < end && *at) {
			if (at == lines.data || at[-1] != '\r')
				g_string_append_c(block, '\r');
			g_string_append_c(block, '\n');
		}
		pages_passed(&done, at);
	}
	pages_done(done, (size_t)(end - done));
}

void headers_add_transport(struct convert_context *context,
			   const struct mime_entity *message,
			   struct propset *set)
{
	struct span header = message->header;
	GString *block = g_string_sized_new(header.len + 64);
	const char *at = header.data;
	const char *end = header.data + header.len;
	char *utf8 = NULL;

	for (guint i = 0; i < message->fields->len; i++) {
		const struct mime_field *field =
			&g_array_index(message->fields, struct mime_field, i);
		const char *behind = field->value.data + field->value.len;

		/* What has a property stays (2.2.3.2.28). */
		if (!is_internal(field->name) || headers_in_table(field->name))
			continue;
		add_lines(block,
			  (struct span){at, (size_t)(field->name.data - at)});
		while (behind < end && *behind != '\n')
			behind++;
		at = behind < end ? behind + 1 : end;
	}
	add_lines(block, (struct span){at, (size_t)(end - at)});
	/* Mostly it is UTF-8 as it stands: no second one then. */
	if (!charset_is_japanese(block->str, block->len) &&
	    utf8_is_valid(block->str, block->len)) {
		utf8 = g_string_free(block, FALSE);
	} else {
		utf8 = charset_decode_spent(
			charset_guess(context, block->str, block->len),
			block->str, block->len);
		g_string_free(block, TRUE);
	}
	propset_set_text_take(set, PR_TRANSPORT_MESSAGE_HEADERS, utf8);
}

static bool is_wanted(const struct convert_context *context, struct span name)
{
	const char *const *wanted = context->options->fields;

	for (; wanted && *wanted; wanted++)
		if (span_is(name, *wanted))
			return true;
	return !context->options->fields;
}

void headers_add_fields(struct convert_context *context,
			const struct mime_entity *message, struct propset *set)
{
	for (guint i = 0; i < message->fields->len; i++) {
		const struct mime_field *field =
			&g_array_index(message->fields, struct mime_field, i);
		g_autofree char *name = NULL;
		g_autofree char *value = NULL;

		if (!is_wanted(context, field->name))
			continue;
		name = g_strndup(field->name.data, field->name.len);
		value = text_decode(context, field->value);
		header_add_addresses(context, field,
				     propset_add_header(set, name, value));
	}
}
