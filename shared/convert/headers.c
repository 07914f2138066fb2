/*
 * Header fields to properties: the table of headers.def and a small function
 * for each kind of field.
 */
#include "headers.h"

#include <string.h>

#define ID_LEN_MAX          250 /* of one that was folded */
#define ICON_OOF            0x11b
#define KEYWORDS_MAX        256 /* of a field */
#define KEYWORDS_FIELDS_MAX 64

static header_fn from, sender, reply_to, to, cc, bcc, subject, text, text_else,
	base64, id, date, received, importance, priority, x_priority,
	sensitivity, delivery_receipt, read_receipt, suppress, auto_submitted,
	bytes, keywords, content_id, attached;

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

static const struct mailbox *first_of(const GPtrArray *mailboxes)
{
	/* A group has no address that could have sent anything. */
	return mailboxes->len ? g_ptr_array_index(mailboxes, 0) : NULL;
}

static bool is_summary(const struct convert_context *context)
{
	return context->options->flags & CONVERT_SUMMARY;
}

/* In a summary without what programs find the address by. */
static void set_mailbox(const struct convert_context *context,
			struct propset *set, const struct address_tags *tags,
			const struct mailbox *mailbox)
{
	if (!is_summary(context)) {
		address_set(set, tags, mailbox);
		return;
	}
	propset_set_text(set, tags->name, mailbox_label(mailbox));
	propset_set_text(set, tags->email, mailbox->address);
}

/* "Name:;", a sender of whom there is but a name (RFC 6854): owned, or NULL. */
static struct mailbox *name_alone(const struct header_call *call,
				  struct span value)
{
	g_autofree char *text = text_unfold(call->context, value);
	struct mailbox *mailbox = NULL;
	size_t len = strlen(text);
	size_t start = 0;

	if (len < 3 || strcmp(text + len - 2, ":;") != 0)
		return NULL;
	len -= 2;
	if (len >= 2 && text[0] == '"' && text[len - 1] == '"') {
		start = 1;
		len--;
	}
	text[len] = '\0';
	mailbox = g_new0(struct mailbox, 1);
	mailbox->display = start ? g_strcompress(text + start)
				 : words_decode(call->context, text);
	text_flatten(mailbox->display);
	mailbox->address = g_strdup("");
	return mailbox;
}

static GPtrArray *senders(const struct header_call *call, struct span value)
{
	GPtrArray *mailboxes = addresses_parse(call->context, value);
	struct mailbox *alone = mailboxes->len ? NULL : name_alone(call, value);

	if (alone)
		g_ptr_array_add(mailboxes, alone);
	return mailboxes;
}

static void set_first(const struct header_call *call, struct span value,
		      const struct address_tags *tags)
{
	g_autoptr(GPtrArray) mailboxes = senders(call, value);
	const struct mailbox *mailbox = first_of(mailboxes);

	if (mailbox)
		set_mailbox(call->context, call->set, tags, mailbox);
}

static void from(const struct header_call *call, struct span value)
{
	set_first(call, value, &address_from);
}

static void sender(const struct header_call *call, struct span value)
{
	set_first(call, value, &address_sender);
}

/* Names with "; " between them; a ';' within a name would split it. */
static char *join_names(const GPtrArray *mailboxes)
{
	GString *names = g_string_new(NULL);

	for (guint i = 0; i < mailboxes->len; i++) {
		g_autofree char *name = g_strdup(
			mailbox_label(g_ptr_array_index(mailboxes, i)));

		g_strdelimit(name, ";", ',');
		if (i)
			g_string_append(names, "; ");
		g_string_append(names, name);
	}
	return g_string_free(names, FALSE);
}

static void reply_to(const struct header_call *call, struct span value)
{
	g_autoptr(GPtrArray) mailboxes = senders(call, value);
	g_autoptr(GBytes) entries = NULL;
	g_autofree char *names = NULL;

	if (!mailboxes->len)
		return;
	entries = mailboxes_flatten(mailboxes);
	names = join_names(mailboxes);
	propset_set_binary(call->set, PR_REPLY_RECIPIENT_ENTRIES, entries);
	propset_set_text(call->set, PR_REPLY_RECIPIENT_NAMES, names);
}

/* Every field of the rule's name counts: a recipient is not dropped because a
 * sender wrote two lines. */
static void recipients(const struct header_call *call, enum recipient_type type)
{
	const struct mime_entity *message = call->message;
	g_autoptr(GPtrArray) all =
		g_ptr_array_new_with_free_func((GDestroyNotify)mailbox_free);
	g_autofree char *names = NULL;

	for (guint i = 0; i < message->fields->len; i++) {
		const struct mime_field *field =
			&g_array_index(message->fields, struct mime_field, i);
		GPtrArray *some = NULL;

		if (!span_is(field->name, call->row->field))
			continue;
		some = addresses_parse(call->context, field->value);
		g_ptr_array_extend_and_steal(all, some);
		if (all->len > ADDRESSES_MAX)
			break;
	}
	if (all->len > ADDRESSES_MAX)
		g_ptr_array_set_size(all, ADDRESSES_MAX);
	if (!is_summary(call->context))
		address_add_recipients(call->set, type, all);
	names = join_names(all);
	propset_set_text(call->set, call->row->tag, names);
}

static void to(const struct header_call *call, struct span value)
{
	(void)value;
	recipients(call, RECIPIENT_TO);
}

static void cc(const struct header_call *call, struct span value)
{
	(void)value;
	recipients(call, RECIPIENT_CC);
}

static void bcc(const struct header_call *call, struct span value)
{
	(void)value;
	recipients(call, RECIPIENT_BCC);
}

static void subject(const struct header_call *call, struct span value)
{
	g_autofree char *decoded = text_decode(call->context, value);

	subject_set(call->set, decoded);
}

static void text(const struct header_call *call, struct span value)
{
	g_autofree char *decoded = text_decode(call->context, value);

	if (*decoded)
		propset_set_text(call->set, call->row->tag, decoded);
}

/* Another name of a field, for where that is missing. */
static void text_else(const struct header_call *call, struct span value)
{
	if (!propset_has(call->set, call->row->tag))
		text(call, value);
}

/* Is there a '>' before another '<', near enough to be of the same id? */
static bool closes(const char *at)
{
	size_t len = strcspn(at, "<>");

	return at[len] == '>' && len <= ID_LEN_MAX;
}

/* Message ids are not decoded; runs of blanks become one, and none is left of
 * those within an id, where a line was folded. */
static void id(const struct header_call *call, struct span value)
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

static void content_id(const struct header_call *call, struct span value)
{
	(void)value;
	if (call->message->content_id && *call->message->content_id)
		propset_set_text(call->set, call->row->tag,
				 call->message->content_id);
}

static void base64(const struct header_call *call, struct span value)
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

static void bytes(const struct header_call *call, struct span value)
{
	g_autofree char *line = text_unfold(call->context, value);

	if (*line)
		propset_set_binary_copy(call->set, call->row->tag, line,
					strlen(line) + 1);
}

static void date(const struct header_call *call, struct span value)
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
static void received(const struct header_call *call, struct span value)
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

/* A word of a list, case-blind; -1 if it is none. */
static int word_index(const struct header_call *call, struct span value,
		      const char *const *words)
{
	g_autofree char *line = text_decode(call->context, value);

	for (int i = 0; words[i]; i++)
		if (!g_ascii_strcasecmp(line, words[i]))
			return i;
	return -1;
}

static void importance(const struct header_call *call, struct span value)
{
	static const char *const words[] = {"low", "normal", "high", NULL};
	int level = word_index(call, value, words);

	if (level >= 0)
		set_importance(call, level);
}

static void priority(const struct header_call *call, struct span value)
{
	static const char *const words[] = {"non-urgent", "normal", "urgent",
					    NULL};
	int level = word_index(call, value, words);

	if (level >= 0)
		set_importance(call, level);
}

/* "1 (Highest)" to "5 (Lowest)". */
static void x_priority(const struct header_call *call, struct span value)
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

static void sensitivity(const struct header_call *call, struct span value)
{
	static const char *const words[] = {"normal", "personal", "private",
					    "company-confidential", NULL};
	int level = word_index(call, value, words);

	if (level >= 0)
		propset_set_number(call->set, PR_SENSITIVITY, level);
}

static void delivery_receipt(const struct header_call *call, struct span value)
{
	(void)value;
	propset_set_bool(call->set, PR_ORIGINATOR_DELIVERY_REPORT_REQUESTED,
			 true);
}

static void read_receipt(const struct header_call *call, struct span value)
{
	set_first(call, value, &address_read_receipt);
	if (!propset_has(call->set, PR_READ_RECEIPT_EMAIL_ADDRESS))
		return;
	propset_set_text(call->set, PR_REPORT_NAME,
			 propset_text(call->set, PR_READ_RECEIPT_NAME));
	propset_set_binary(call->set, PR_REPORT_ENTRYID,
			   propset_binary(call->set, PR_READ_RECEIPT_ENTRYID));
	propset_set_bool(call->set, PR_READ_RECEIPT_REQUESTED, true);
	propset_set_bool(call->set, PR_NON_RECEIPT_NOTIFICATION_REQUESTED,
			 true);
}

static void suppress(const struct header_call *call, struct span value)
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

static void auto_submitted(const struct header_call *call, struct span value)
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
static void keywords(const struct header_call *call, struct span value)
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

/* What is attached says it better. */
static void attached(const struct header_call *call, struct span value)
{
	(void)call;
	(void)value;
}

/* What every message has, whatever its header says. */
static void set_defaults(struct propset *set)
{
	if (!propset_has(set, PR_IMPORTANCE)) {
		propset_set_number(set, PR_IMPORTANCE, 1);
		propset_set_number(set, PR_PRIORITY, 0);
	}
	if (!propset_has(set, PR_SENSITIVITY))
		propset_set_number(set, PR_SENSITIVITY, 0);
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

/* Only one of From and Sender: it is the other, too. */
static void complete_sender(const struct convert_context *context,
			    struct propset *set)
{
	struct mailbox *from_box = address_get(set, &address_from);
	struct mailbox *sender_box = address_get(set, &address_sender);

	if (from_box && !sender_box)
		set_mailbox(context, set, &address_sender, from_box);
	if (sender_box && !from_box)
		set_mailbox(context, set, &address_from, sender_box);
	mailbox_free(from_box);
	mailbox_free(sender_box);
}

static bool is_in_table(struct span name)
{
	for (size_t i = 0; i < G_N_ELEMENTS(rules); i++)
		if (span_is(name, rules[i].row.field))
			return true;
	return false;
}

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
	       !g_ascii_strncasecmp(name.data, "X-", 2) && !is_in_table(name);
}

static void set_named_fields(struct convert_context *context,
			     const struct mime_entity *message,
			     struct propset *set)
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

bool headers_is_named(const char *name, size_t len)
{
	return is_named_field((struct span){name, len});
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
	if (is_internal(span) || is_in_table(span) || len >= 200)
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

void headers_convert(struct convert_context *context,
		     const struct mime_entity *message, struct propset *set)
{
	for (size_t i = 0; i < G_N_ELEMENTS(rules); i++) {
		const struct header_call call = {context, message, set,
						 &rules[i].row};
		const struct mime_field *field;

		if (is_summary(context) && !is_listed(rules[i].row.tag))
			continue;
		field = mime_find_field(message, rules[i].row.field);
		if (field)
			rules[i].fn(&call, field->value);
	}
	complete_sender(context, set);
	set_defaults(set);
	if (is_summary(context))
		return;
	set_vacation_icon(message, set);
	set_named_fields(context, message, set);
}

/* The lines of a field, each ended by CRLF, without zeros. */
static void add_lines(GString *block, struct span lines)
{
	const char *end = lines.data + lines.len;

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
	}
}

void headers_add_transport(struct convert_context *context,
			   const struct mime_entity *message,
			   struct propset *set)
{
	struct span header = message->header;
	GString *block = g_string_sized_new(header.len + 64);
	const char *at = header.data;
	const char *end = header.data + header.len;
	g_autofree char *utf8 = NULL;

	for (guint i = 0; i < message->fields->len; i++) {
		const struct mime_field *field =
			&g_array_index(message->fields, struct mime_field, i);
		const char *behind = field->value.data + field->value.len;

		/* What has a property stays (2.2.3.2.28). */
		if (!is_internal(field->name) || is_in_table(field->name))
			continue;
		add_lines(block,
			  (struct span){at, (size_t)(field->name.data - at)});
		while (behind < end && *behind != '\n')
			behind++;
		at = behind < end ? behind + 1 : end;
	}
	add_lines(block, (struct span){at, (size_t)(end - at)});
	utf8 = charset_decode_undeclared(context, block->str, block->len);
	propset_set_text(set, PR_TRANSPORT_MESSAGE_HEADERS, utf8);
	g_string_free(block, TRUE);
}

static bool is_address_field(struct span name)
{
	static const char *const names[] = {
		"From",
		"Sender",
		"Reply-To",
		"To",
		"Cc",
		"Bcc",
		"Resent-From",
		"Resent-Sender",
		"Resent-To",
		"Resent-Cc",
		"Resent-Bcc",
		"Resent-Reply-To",
		"Return-Path",
		"Disposition-Notification-To",
		"Return-Receipt-To",
		"Errors-To",
		"Delivered-To",
		"X-Original-To",
		"Envelope-To",
		"Mail-Followup-To",
		"Mail-Reply-To",
		"Apparently-To",
		"Original-From",
		"X-Envelope-From",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		if (span_is(name, names[i]))
			return true;
	return false;
}

static void add_field_addresses(struct convert_context *context,
				struct span value, struct header_field *field)
{
	g_autoptr(GPtrArray) mailboxes = addresses_parse(context, value);

	for (guint i = 0; i < mailboxes->len; i++) {
		const struct mailbox *mailbox = g_ptr_array_index(mailboxes, i);

		header_field_add_address(field, mailbox->display,
					 mailbox->address, mailbox->group);
	}
}

void headers_add_fields(struct convert_context *context,
			const struct mime_entity *message, struct propset *set)
{
	for (guint i = 0; i < message->fields->len; i++) {
		const struct mime_field *field =
			&g_array_index(message->fields, struct mime_field, i);
		g_autofree char *name =
			g_strndup(field->name.data, field->name.len);
		g_autofree char *value = text_decode(context, field->value);
		struct header_field *added =
			propset_add_header(set, name, value);

		if (is_address_field(field->name))
			add_field_addresses(context, field->value, added);
	}
}
