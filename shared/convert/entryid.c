/*
 * What MAPI makes of a mailbox: one-off entry ids, search keys, the groups of
 * address properties, recipient rows.
 */
#include "addresses.h"

#include <string.h>

const struct address_tags address_from = {
	PR_SENT_REPRESENTING_NAME,          PR_SENT_REPRESENTING_ADDRTYPE,
	PR_SENT_REPRESENTING_EMAIL_ADDRESS, PR_SENT_REPRESENTING_SMTP_ADDRESS,
	PR_SENT_REPRESENTING_ENTRYID,       PR_SENT_REPRESENTING_SEARCH_KEY,
};
const struct address_tags address_sender = {
	PR_SENDER_NAME,         PR_SENDER_ADDRTYPE, PR_SENDER_EMAIL_ADDRESS,
	PR_SENDER_SMTP_ADDRESS, PR_SENDER_ENTRYID,  PR_SENDER_SEARCH_KEY,
};
const struct address_tags address_read_receipt = {
	PR_READ_RECEIPT_NAME,          PR_READ_RECEIPT_ADDRTYPE,
	PR_READ_RECEIPT_EMAIL_ADDRESS, PR_READ_RECEIPT_SMTP_ADDRESS,
	PR_READ_RECEIPT_ENTRYID,       PR_READ_RECEIPT_SEARCH_KEY,
};
const struct address_tags address_recipient = {
	PR_DISPLAY_NAME, PR_ADDRTYPE, PR_EMAIL_ADDRESS,
	PR_SMTP_ADDRESS, PR_ENTRYID,  PR_SEARCH_KEY,
};
const struct address_tags address_received_by = {
	PR_RECEIVED_BY_NAME,          PR_RECEIVED_BY_ADDRTYPE,
	PR_RECEIVED_BY_EMAIL_ADDRESS, PR_RECEIVED_BY_SMTP_ADDRESS,
	PR_RECEIVED_BY_ENTRYID,       PR_RECEIVED_BY_SEARCH_KEY,
};
const struct address_tags address_received_for = {
	PR_RCVD_REPRESENTING_NAME,          PR_RCVD_REPRESENTING_ADDRTYPE,
	PR_RCVD_REPRESENTING_EMAIL_ADDRESS, PR_RCVD_REPRESENTING_SMTP_ADDRESS,
	PR_RCVD_REPRESENTING_ENTRYID,       PR_RCVD_REPRESENTING_SEARCH_KEY,
};

const char *mailbox_label(const struct mailbox *mailbox)
{
	return *mailbox->display ? mailbox->display : mailbox->address;
}

GBytes *mailbox_search_key(const struct mailbox *mailbox)
{
	g_autofree char *upper = g_utf8_strup(mailbox->address, -1);
	g_autofree char *key = g_strconcat("SMTP:", upper, NULL);

	return g_bytes_new(key, strlen(key) + 1);
}

/* Flags, the one-off provider's UID, version 0, "Unicode, no rich text" as a
 * little-endian word. */
static const uint8_t one_off_head[24] = {
	0x00, 0x00, 0x00, 0x00, 0x81, 0x2b, 0x1f, 0xa4, 0xbe, 0xa3, 0x10, 0x19,
	0x9d, 0x6e, 0x00, 0xdd, 0x01, 0x0f, 0x54, 0x02, 0x00, 0x00, 0x01, 0x80,
};
#define ONE_OFF_UID_AT   4
#define ONE_OFF_UID_LEN  16
#define ONE_OFF_FLAGS_AT 22
#define ONE_OFF_UNICODE  0x80

static void append_utf16(GByteArray *out, const char *text)
{
	glong units = 0;
	g_autofree gunichar2 *wide =
		g_utf8_to_utf16(text, -1, NULL, &units, NULL);

	for (glong i = 0; wide && i < units; i++) {
		guint16 unit = GUINT16_TO_LE(wide[i]);

		g_byte_array_append(out, (const guint8 *)&unit, 2);
	}
	g_byte_array_append(out, (const guint8 *)"\0", 2);
}

GBytes *mailbox_entryid(const struct mailbox *mailbox)
{
	GByteArray *out = g_byte_array_new();

	g_byte_array_append(out, one_off_head, sizeof(one_off_head));
	append_utf16(out, mailbox_label(mailbox));
	append_utf16(out, "SMTP");
	append_utf16(out, mailbox->address);
	return g_byte_array_free_to_bytes(out);
}

/* Reads a NUL-terminated UTF-16LE string at *at; NULL if it does not end. */
static char *read_utf16(const uint8_t *data, size_t len, size_t *at)
{
	/* Terminated, so that an empty string has a place too. */
	GArray *units = g_array_new(TRUE, FALSE, sizeof(gunichar2));
	char *text = NULL;

	for (; *at + 2 <= len; *at += 2) {
		gunichar2 unit =
			(gunichar2)(data[*at] | (unsigned)data[*at + 1] << 8);

		if (!unit) {
			*at += 2;
			text = g_utf16_to_utf8(
				(const gunichar2 *)(void *)units->data,
				(glong)units->len, NULL, NULL, NULL);
			break;
		}
		g_array_append_val(units, unit);
	}
	g_array_free(units, TRUE);
	return text;
}

struct mailbox *mailbox_from_entryid(const uint8_t *data, size_t len)
{
	struct mailbox *mailbox = NULL;
	g_autofree char *name = NULL;
	g_autofree char *type = NULL;
	g_autofree char *address = NULL;
	size_t at = sizeof(one_off_head);

	if (len < at ||
	    memcmp(data + ONE_OFF_UID_AT, one_off_head + ONE_OFF_UID_AT,
		   ONE_OFF_UID_LEN) != 0 ||
	    !(data[ONE_OFF_FLAGS_AT + 1] & ONE_OFF_UNICODE))
		return NULL;
	name = read_utf16(data, len, &at);
	type = read_utf16(data, len, &at);
	address = read_utf16(data, len, &at);
	if (!name || !type || !address)
		return NULL;
	mailbox = g_new0(struct mailbox, 1);
	mailbox->display = g_steal_pointer(&name);
	mailbox->address = g_steal_pointer(&address);
	return mailbox;
}

static void append_u32(GByteArray *out, size_t value)
{
	guint32 little = GUINT32_TO_LE((guint32)value);

	g_byte_array_append(out, (const guint8 *)&little, 4);
}

GBytes *mailboxes_flatten(const GPtrArray *mailboxes)
{
	GByteArray *entries = g_byte_array_new();
	GByteArray *out = g_byte_array_new();

	for (guint i = 0; i < mailboxes->len; i++) {
		g_autoptr(GBytes) id =
			mailbox_entryid(g_ptr_array_index(mailboxes, i));
		gsize len = 0;
		const guint8 *data = g_bytes_get_data(id, &len);

		append_u32(entries, len);
		g_byte_array_append(entries, data, (guint)len);
		g_byte_array_append(entries, (const guint8 *)"\0\0\0",
				    (guint)(-len & 3));
	}
	append_u32(out, mailboxes->len);
	append_u32(out, entries->len);
	g_byte_array_append(out, entries->data, entries->len);
	g_byte_array_free(entries, TRUE);
	return g_byte_array_free_to_bytes(out);
}

static size_t read_u32(const uint8_t *data)
{
	return (size_t)data[0] | (size_t)data[1] << 8 | (size_t)data[2] << 16 |
	       (size_t)data[3] << 24;
}

GPtrArray *mailboxes_unflatten(const uint8_t *data, size_t len)
{
	GPtrArray *out =
		g_ptr_array_new_with_free_func((GDestroyNotify)mailbox_free);
	size_t at = 8;

	while (at + 4 <= len && out->len < ADDRESSES_MAX) {
		size_t size = read_u32(data + at);
		struct mailbox *mailbox = NULL;

		at += 4;
		if (size > len - at)
			break;
		mailbox = mailbox_from_entryid(data + at, size);
		if (mailbox)
			g_ptr_array_add(out, mailbox);
		at += (size + 3) & ~(size_t)3;
	}
	return out;
}

void address_set(struct propset *set, const struct address_tags *tags,
		 const struct mailbox *mailbox)
{
	g_autoptr(GBytes) entryid = mailbox_entryid(mailbox);
	g_autoptr(GBytes) key = mailbox_search_key(mailbox);

	propset_set_text(set, tags->name, mailbox_label(mailbox));
	propset_set_text(set, tags->type, "SMTP");
	propset_set_text(set, tags->email, mailbox->address);
	propset_set_text(set, tags->smtp, mailbox->address);
	propset_set_binary(set, tags->entryid, entryid);
	propset_set_binary(set, tags->search_key, key);
}

static bool is_said(const char *text)
{
	return text && text[strspn(text, " \t\r\n")];
}

/* An address of another kind (EX, FAX) means nothing outside. */
static const char *smtp_address(const struct propset *set,
				const struct address_tags *tags)
{
	const char *address = propset_text(set, tags->smtp);
	const char *type = propset_text(set, tags->type);

	if (is_said(address))
		return address;
	address = propset_text(set, tags->email);
	if (!is_said(address) ||
	    (type && *type && g_ascii_strcasecmp(type, "SMTP") &&
	     !strchr(address, '@')))
		return "";
	return address;
}

struct mailbox *address_get(const struct propset *set,
			    const struct address_tags *tags)
{
	const char *address = smtp_address(set, tags);
	const char *name = propset_text(set, tags->name);
	GBytes *entryid = propset_binary(set, tags->entryid);
	struct mailbox *mailbox = NULL;
	gsize len = 0;
	const uint8_t *data = entryid ? g_bytes_get_data(entryid, &len) : NULL;

	/* The entry id of somebody whose address nobody wrote down else. */
	if (!*address && data)
		mailbox = mailbox_from_entryid(data, len);
	if (mailbox) {
		if (is_said(name)) {
			g_free(mailbox->display);
			mailbox->display = g_strdup(name);
		}
	} else if (*address || is_said(name)) {
		mailbox = g_new0(struct mailbox, 1);
		mailbox->address = g_strdup(address);
		mailbox->display = g_strdup(name ? name : "");
	}
	/* A name that only repeats the address is none. */
	if (mailbox && !strcmp(mailbox->display, mailbox->address))
		*mailbox->display = '\0';
	return mailbox;
}

#define OBJECT_MAIL_USER         6
#define DISPLAY_MAIL_USER        0
#define RECIPIENT_FLAGS_SENDABLE 1

static void add_recipient(struct propset *set, enum recipient_type type,
			  const struct mailbox *mailbox)
{
	struct propset *row = propset_new();
	g_autoptr(GBytes) entryid = mailbox_entryid(mailbox);
	const char *label = mailbox_label(mailbox);

	propset_set_number(row, PR_ROWID,
			   (int64_t)propset_recipient_count(set));
	propset_set_number(row, PR_RECIPIENT_TYPE, type);
	address_set(row, &address_recipient, mailbox);
	propset_set_text(row, PR_TRANSMITABLE_DISPLAY_NAME, label);
	propset_set_text(row, PR_RECIPIENT_DISPLAY_NAME, label);
	propset_set_binary(row, PR_RECIPIENT_ENTRYID, entryid);
	propset_set_binary(row, PR_RECORD_KEY, entryid);
	propset_set_number(row, PR_OBJECT_TYPE, OBJECT_MAIL_USER);
	propset_set_number(row, PR_DISPLAY_TYPE, DISPLAY_MAIL_USER);
	propset_set_number(row, PR_RECIPIENT_FLAGS, RECIPIENT_FLAGS_SENDABLE);
	propset_set_bool(row, PR_RESPONSIBILITY, true);
	propset_add_recipient(set, row);
}

void address_add_recipients(struct propset *set, enum recipient_type type,
			    const GPtrArray *mailboxes)
{
	for (guint i = 0; i < mailboxes->len; i++)
		add_recipient(set, type, g_ptr_array_index(mailboxes, i));
}
