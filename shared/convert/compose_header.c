/*
 * The header of a composed message: headers.def the other way round.  Bcc is
 * never written.
 */
#include "compose.h"
#include "headers.h"

#include <string.h>

#define SUPPRESS_AUTO_SUBMITTED 48
#define SUPPRESS_ALL            63
#define RECIPIENT_TYPE_MASK     0xff
#define RECIPIENT_P1            0x10000000 /* envelope only */

static void put_mailbox(GByteArray *out, const char *name,
			const struct mailbox *mailbox)
{
	g_autoptr(GPtrArray) one = g_ptr_array_new();

	g_ptr_array_add(one, (struct mailbox *)(uintptr_t)mailbox);
	field_put_addresses(out, name, one);
}

static bool is_same(const struct mailbox *one, const struct mailbox *other)
{
	return !g_ascii_strcasecmp(one->address, other->address) &&
	       !g_ascii_strcasecmp(mailbox_label(one), mailbox_label(other));
}

/* Sender only where it is somebody else, not in other capitals (2.1.3.1.4). */
static void put_from(const struct propset *set, GByteArray *out)
{
	struct mailbox *from = address_get(set, &address_from);
	struct mailbox *sender = address_get(set, &address_sender);

	if (from || sender)
		put_mailbox(out, "From", from ? from : sender);
	if (from && sender && !is_same(from, sender) && *sender->address)
		put_mailbox(out, "Sender", sender);
	mailbox_free(from);
	mailbox_free(sender);
}

/* "a@x; b@y" of a client that has no entry ids for them; owned. */
static GPtrArray *reply_names(const struct propset *set)
{
	const char *names = propset_text(set, PR_REPLY_RECIPIENT_NAMES);
	g_auto(GStrv) parts = g_strsplit(names ? names : "", ";", -1);
	GPtrArray *mailboxes =
		g_ptr_array_new_with_free_func((GDestroyNotify)mailbox_free);

	for (char **part = parts; *part; part++) {
		struct mailbox *mailbox = NULL;

		if (!strchr(g_strstrip(*part), '@') || strchr(*part, ' '))
			continue;
		mailbox = g_new0(struct mailbox, 1);
		mailbox->display = g_strdup("");
		mailbox->address = g_strdup(*part);
		g_ptr_array_add(mailboxes, mailbox);
	}
	return mailboxes;
}

static void put_reply_to(const struct propset *set, GByteArray *out)
{
	GBytes *entries = propset_binary(set, PR_REPLY_RECIPIENT_ENTRIES);
	g_autoptr(GPtrArray) mailboxes = NULL;
	gsize len = 0;
	const uint8_t *data = entries ? g_bytes_get_data(entries, &len) : NULL;

	mailboxes = data ? mailboxes_unflatten(data, len) : reply_names(set);
	for (guint i = 0; i < mailboxes->len; i++) {
		struct mailbox *mailbox = g_ptr_array_index(mailboxes, i);

		if (!strcmp(mailbox->display, mailbox->address))
			*mailbox->display = '\0';
	}
	if (mailboxes->len)
		field_put_addresses(out, "Reply-To", mailboxes);
}

static bool put_recipients(const struct propset *set, enum recipient_type type,
			   const char *name, GByteArray *out)
{
	g_autoptr(GPtrArray) mailboxes =
		g_ptr_array_new_with_free_func((GDestroyNotify)mailbox_free);

	for (size_t i = 0; i < propset_recipient_count(set); i++) {
		const struct propset *row = propset_recipient(set, i);
		int64_t row_type =
			propset_number(row, PR_RECIPIENT_TYPE, RECIPIENT_TO);
		struct mailbox *mailbox = NULL;

		/* Who a report is about is not who it goes to. */
		if (compose_is_about(set, row))
			continue;
		if ((row_type & RECIPIENT_P1) ||
		    (row_type & RECIPIENT_TYPE_MASK) != (int64_t)type)
			continue;
		mailbox = address_get(row, &address_recipient);
		if (mailbox)
			g_ptr_array_add(mailboxes, mailbox);
	}
	if (mailboxes->len)
		field_put_addresses(out, name, mailboxes);
	return mailboxes->len > 0;
}

/* Whom a delivery report within a message went to; owned, NULL: nobody says,
 * or it is none (2.1.3.1.1.1). */
static struct mailbox *report_went_to(const struct propset *set)
{
	const char *class = propset_text(set, PR_MESSAGE_CLASS);
	struct mailbox *mailbox = NULL;

	if (!class || !g_str_has_prefix(class, "REPORT.") ||
	    !(g_str_has_suffix(class, ".NDR") ||
	      g_str_has_suffix(class, ".DR")))
		return NULL;
	mailbox = address_get(set, &address_received_for);
	return mailbox ? mailbox : address_get(set, &address_received_by);
}

static void put_all_recipients(const struct propset *set, bool embedded,
			       GByteArray *out)
{
	g_autoptr(GPtrArray) nobody = g_ptr_array_new();
	struct mailbox *owner = embedded ? report_went_to(set) : NULL;
	bool to = false;
	bool cc = false;

	if (owner) {
		put_mailbox(out, "To", owner);
		mailbox_free(owner);
		return;
	}
	to = put_recipients(set, RECIPIENT_TO, "To", out);
	cc = put_recipients(set, RECIPIENT_CC, "Cc", out);
	if (!to && !cc)
		field_put_addresses(out, "To", nobody);
}

static void put_subject(const struct propset *set, GByteArray *out)
{
	const char *subject = propset_text(set, PR_SUBJECT);
	const char *prefix = propset_text(set, PR_SUBJECT_PREFIX);
	const char *rest = propset_text(set, PR_NORMALIZED_SUBJECT);
	g_autofree char *joined = NULL;

	if (!subject && rest) {
		joined = g_strconcat(prefix ? prefix : "", rest, NULL);
		subject = joined;
	}
	if (subject && *subject)
		field_put_text(out, "Subject", subject);
}

static void put_dates(const struct propset *set, bool embedded, GByteArray *out)
{
	static const struct {
		uint32_t tag;
		const char *field;
	} dates[] = {
		{PR_EXPIRY_TIME, "Expires"},
		{PR_REPLY_TIME, "Reply-By"},
		{PR_DEFERRED_SEND_TIME, "Deferred-Delivery"},
	};
	uint32_t tag = PR_CLIENT_SUBMIT_TIME;

	if (!propset_has(set, tag) && embedded)
		tag = PR_MESSAGE_DELIVERY_TIME;
	if (propset_has(set, tag))
		field_put_date(out, "Date", propset_number(set, tag, 0));
	else if (!embedded)
		field_put_date(out, "Date", g_get_real_time());
	for (size_t i = 0; i < G_N_ELEMENTS(dates); i++)
		if (propset_has(set, dates[i].tag))
			field_put_date(out, dates[i].field,
				       propset_number(set, dates[i].tag, 0));
}

static void put_texts(const struct propset *set, GByteArray *out)
{
	static const struct {
		const char *field;
		uint32_t tag;
		bool raw;
	} texts[] = {
		{"Message-ID", PR_INTERNET_MESSAGE_ID, true},
		{"In-Reply-To", PR_IN_REPLY_TO_ID, true},
		{"References", PR_INTERNET_REFERENCES, true},
		{"Precedence", PR_INTERNET_PRECEDENCE, false},
		{"List-Help", PR_LIST_HELP, false},
		{"List-Subscribe", PR_LIST_SUBSCRIBE, false},
		{"List-Unsubscribe", PR_LIST_UNSUBSCRIBE, false},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		const char *value = propset_text(set, texts[i].tag);

		if (!value || field_is_blank(value))
			continue;
		if (texts[i].raw)
			field_put_raw(out, texts[i].field, value);
		else
			field_put_text(out, texts[i].field, value);
	}
}

static void put_thread(const struct propset *set, GByteArray *out)
{
	const char *topic = propset_text(set, PR_CONVERSATION_TOPIC);
	const char *rest = propset_text(set, PR_NORMALIZED_SUBJECT);
	GBytes *index = propset_binary(set, PR_CONVERSATION_INDEX);
	gsize len = 0;
	const guchar *data = index ? g_bytes_get_data(index, &len) : NULL;

	if (topic && *topic && (!rest || strcmp(topic, rest) != 0))
		field_put_text(out, "Thread-Topic", topic);
	if (data && len && len <= 600) {
		g_autofree char *base64 = g_base64_encode(data, len);

		field_put_raw(out, "Thread-Index", base64);
	}
}

static void put_importance(const struct propset *set, GByteArray *out)
{
	static const char *const sensitivities[] = {
		"Normal", "Personal", "Private", "Company-Confidential"};
	int64_t importance = propset_number(
		set, PR_IMPORTANCE, propset_number(set, PR_PRIORITY, 0) + 1);
	int64_t sensitivity = propset_number(set, PR_SENSITIVITY, 0);

	if (importance == 0 || importance == 2) {
		field_put_raw(out, "Importance",
			      importance == 2 ? "high" : "low");
		field_put_raw(out, "X-Priority", importance == 2 ? "1" : "5");
	}
	if (sensitivity > 0 &&
	    sensitivity < (int64_t)G_N_ELEMENTS(sensitivities))
		field_put_raw(out, "Sensitivity", sensitivities[sensitivity]);
}

/* RFC 2156 5.3.6 */
static void put_forwarded(const struct propset *set, GByteArray *out)
{
	if (propset_bool(set, PR_AUTO_FORWARDED))
		field_put_raw(out, "Autoforwarded", "TRUE");
}

/* To the first of them that has an address. */
static void put_receipt(const struct propset *set, uint32_t asked,
			const char *field,
			const struct address_tags *const whose[3],
			GByteArray *out)
{
	struct mailbox *to = NULL;

	if (!propset_bool(set, asked))
		return;
	for (size_t i = 0; i < 3 && (!to || !field_has_address(to)); i++) {
		mailbox_free(to);
		to = address_get(set, whose[i]);
	}
	if (to && field_has_address(to))
		put_mailbox(out, field, to);
	mailbox_free(to);
}

/* Who reads tells the author, what is delivered who sent it (2.1.3.1.5,
 * 2.1.3.1.6). */
static void put_receipts(const struct propset *set, GByteArray *out)
{
	static const struct address_tags *const read[] = {
		&address_read_receipt, &address_from, &address_sender};
	static const struct address_tags *const delivered[] = {
		&address_read_receipt, &address_sender, &address_from};

	put_receipt(set, PR_READ_RECEIPT_REQUESTED,
		    "Disposition-Notification-To", read, out);
	put_receipt(set, PR_ORIGINATOR_DELIVERY_REPORT_REQUESTED,
		    "Return-Receipt-To", delivered, out);
}

/* The named header "auto-submitted" says it already. */
static void put_suppress(const struct propset *set, GByteArray *out)
{
	static const char *const words[] = {"DR",  "NDR", "RN",
					    "NRN", "OOF", "AutoReply"};
	int64_t bits = propset_number(set, PR_AUTO_RESPONSE_SUPPRESS, 0);
	GString *text = NULL;

	if (!propset_has(set, PR_AUTO_RESPONSE_SUPPRESS) ||
	    (bits == SUPPRESS_AUTO_SUBMITTED &&
	     propset_header_text(set, "auto-submitted")))
		return;
	if (!(bits & SUPPRESS_ALL) || (uint32_t)bits == UINT32_MAX) {
		field_put_raw(out, "X-Auto-Response-Suppress",
			      bits & SUPPRESS_ALL ? "All" : "None");
		return;
	}
	text = g_string_new(NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
		if (bits & (INT64_C(1) << i))
			g_string_append_printf(text, "%s%s",
					       text->len ? ", " : "", words[i]);
	field_put_raw(out, "X-Auto-Response-Suppress", text->str);
	g_string_free(text, TRUE);
}

/* "x-mailer" as people write it. */
static char *field_case(const char *name)
{
	char *out = g_ascii_strdown(name, -1);

	for (char *c = out; *c; c++)
		if (c == out || c[-1] == '-')
			*c = g_ascii_toupper(*c);
	return out;
}

static bool is_field_name(const char *name)
{
	for (const char *c = name; *c; c++)
		if (*c <= 32 || *c >= 127 || *c == ':')
			return false;
	return *name != '\0';
}

static void put_named(const struct propset *set, GByteArray *out)
{
	for (size_t i = 0; i < propset_count(set); i++) {
		const struct prop *prop = propset_at(set, i);
		const struct prop_name *name = NULL;
		g_autofree char *field = NULL;

		if (PROP_TYPE(prop->tag) != PT_UNICODE ||
		    PROP_ID(prop->tag) < PROP_ID_NAMED)
			continue;
		name = propset_name_of(set, prop->tag);
		if (!name || !name->name ||
		    strcmp(name->guid, "PS_INTERNET_HEADERS") != 0 ||
		    !is_field_name(name->name) ||
		    !headers_may_be_named(name->name, strlen(name->name)))
			continue;
		if (compose_entity_has(set, name->name))
			continue;
		field = field_case(name->name);
		field_put_text(out, field, prop->value.text);
	}
}

static void put_named_others(const struct propset *set, GByteArray *out)
{
	const struct prop *flag =
		propset_find_lid(set, "PSETID_Common", PidLidFlagRequest);

	for (size_t i = 0; i < propset_count(set); i++) {
		const struct prop *prop = propset_at(set, i);
		const struct prop_name *name = NULL;

		if (PROP_ID(prop->tag) < PROP_ID_NAMED)
			continue;
		name = propset_name_of(set, prop->tag);
		if (!name)
			continue;
		if (PROP_TYPE(prop->tag) == PT_MV_UNICODE && name->name &&
		    !strcmp(name->guid, "PS_PUBLIC_STRINGS") &&
		    !strcmp(name->name, "Keywords")) {
			g_autofree char *list =
				g_strjoinv(", ", prop->value.texts);

			field_put_text(out, "Keywords", list);
		}
	}
	if (flag && *flag->value.text)
		field_put_text(out, "X-Message-Flag", flag->value.text);
}

/* Of the body as a whole (2.1.3.2.29, 2.1.3.2.30), and whether anything is
 * attached that shows (2.1.3.2.19). */
static void put_content(const struct propset *set, GByteArray *out)
{
	const char *id = propset_text(set, PR_BODY_CONTENT_ID);
	const char *location = propset_text(set, PR_BODY_CONTENT_LOCATION);
	bool attached = false;

	for (size_t i = 0; !attached && i < propset_attachment_count(set); i++)
		attached = !attachment_is_rendered(set,
						   propset_attachment(set, i));
	if (attached)
		field_put_raw(out, "X-MS-Has-Attach", "yes");
	if (id && *id && !compose_entity_has(set, "Content-ID")) {
		g_autofree char *bracketed = g_strconcat("<", id, ">", NULL);

		field_put_raw(out, "Content-ID", bracketed);
	}
	if (location && *location &&
	    !compose_entity_has(set, "Content-Location"))
		field_put_text(out, "Content-Location", location);
}

void compose_header(const struct propset *set, bool embedded, GByteArray *out)
{
	put_from(set, out);
	put_reply_to(set, out);
	put_all_recipients(set, embedded, out);
	put_subject(set, out);
	put_dates(set, embedded, out);
	put_texts(set, out);
	put_thread(set, out);
	put_importance(set, out);
	put_forwarded(set, out);
	put_receipts(set, out);
	put_suppress(set, out);
	put_named(set, out);
	put_named_others(set, out);
	compose_exchange(set, out);
	put_content(set, out);
}
