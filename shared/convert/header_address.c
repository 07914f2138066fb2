/*
 * Fields that hold addresses: who wrote, to whom, and who wants to hear of it
 * (MS-OXCMAIL 2.2.3.1).
 */
#include "field.h"
#include "headers.h"

#include <string.h>

static const struct mailbox *first_of(const GPtrArray *mailboxes)
{
	/* A group has no address that could have sent anything. */
	return mailboxes->len ? g_ptr_array_index(mailboxes, 0) : NULL;
}

/* In a summary without what programs find the address by. */
static void set_mailbox(const struct convert_context *context,
			struct propset *set, const struct address_tags *tags,
			const struct mailbox *mailbox)
{
	if (!header_is_summary(context)) {
		address_set(set, tags, mailbox);
		return;
	}
	propset_set_text(set, tags->name, mailbox_label(mailbox));
	propset_set_text(set, tags->email, mailbox->address);
}

/* A quoted string without its quotes and backslashes, in its place. */
static void unquote(char *text)
{
	char *to = text;

	if (*text != '"' || !field_quoted_end(text) ||
	    field_quoted_end(text)[1])
		return;
	for (const char *at = text + 1; at[1]; at++) {
		if (*at == '\\' && at[2])
			at++;
		*to++ = *at;
	}
	*to = '\0';
}

/* "Name:;", a sender of whom there is but a name (RFC 6854): owned, or NULL. */
static struct mailbox *name_alone(const struct header_call *call,
				  struct span value)
{
	g_autofree char *text = text_unfold(call->context, value);
	struct mailbox *mailbox = NULL;
	size_t len = strlen(text);

	if (len < 3 || strcmp(text + len - 2, ":;") != 0)
		return NULL;
	text[len - 2] = '\0';
	unquote(text);
	mailbox = g_new0(struct mailbox, 1);
	mailbox->display = words_decode(call->context, text);
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

void header_from(const struct header_call *call, struct span value)
{
	set_first(call, value, &address_from);
}

void header_sender(const struct header_call *call, struct span value)
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

void header_reply_to(const struct header_call *call, struct span value)
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
	if (!header_is_summary(call->context))
		address_add_recipients(call->set, type, all);
	names = join_names(all);
	propset_set_text(call->set, call->row->tag, names);
}

void header_to(const struct header_call *call, struct span value)
{
	(void)value;
	recipients(call, RECIPIENT_TO);
}

void header_cc(const struct header_call *call, struct span value)
{
	(void)value;
	recipients(call, RECIPIENT_CC);
}

void header_bcc(const struct header_call *call, struct span value)
{
	(void)value;
	recipients(call, RECIPIENT_BCC);
}

void header_delivery_receipt(const struct header_call *call, struct span value)
{
	(void)value;
	propset_set_bool(call->set, PR_ORIGINATOR_DELIVERY_REPORT_REQUESTED,
			 true);
}

void header_read_receipt(const struct header_call *call, struct span value)
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

void header_complete_sender(const struct convert_context *context,
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

void header_add_addresses(struct convert_context *context,
			  const struct mime_field *from,
			  struct header_field *field)
{
	g_autoptr(GPtrArray) mailboxes = NULL;

	if (!is_address_field(from->name))
		return;
	mailboxes = addresses_parse(context, from->value);

	for (guint i = 0; i < mailboxes->len; i++) {
		const struct mailbox *mailbox = g_ptr_array_index(mailboxes, i);

		header_field_add_address(field, mailbox->display,
					 mailbox->address, mailbox->group);
	}
}
