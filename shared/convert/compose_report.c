/*
 * The part for machines of a report that a client made of properties alone:
 * read receipts (RFC 8098, MS-OXCMAIL 2.1.3.6.2) and delivery reports (RFC
 * 3464, 2.1.3.6.1).  One that came in has that part among its attachments.
 */
#include "compose.h"
#include "field.h"

#include <string.h>

static void put_address(GByteArray *out, const char *name, const char *address)
{
	g_autofree char *value = field_report_address(address);

	field_put_raw(out, name, value);
}

/* ---- read receipts --------------------------------------------------------
 */

static GByteArray *notification(const struct propset *set, bool was_read)
{
	GByteArray *out = g_byte_array_new();
	struct mailbox *sender = address_get(set, &address_sender);
	struct mailbox *from = address_get(set, &address_from);
	const struct mailbox *who = sender && *sender->address ? sender : from;
	const char *id = propset_text(set, PR_ORIGINAL_MESSAGE_ID);
	GBytes *key = propset_binary(set, PR_PARENT_KEY);

	compose_put(out,
		    "Content-Type: message/disposition-notification\r\n\r\n");
	if (who && *who->address)
		put_address(out, "Final-Recipient", who->address);
	if (id && *id)
		field_put_raw(out, "Original-Message-ID", id);
	field_put_text(out, "Disposition",
		       was_read ? "manual-action/MDN-sent-automatically; "
				  "displayed"
				: "manual-action/MDN-sent-automatically; "
				  "deleted");
	if (key && g_bytes_get_size(key)) {
		g_autofree char *base64 = g_base64_encode(
			g_bytes_get_data(key, NULL), g_bytes_get_size(key));

		field_put_raw(out, "X-MSExch-Correlation-Key", base64);
	}
	if (who && *who->address && *who->display)
		field_put_text(out, "X-Display-Name", who->display);
	mailbox_free(sender);
	mailbox_free(from);
	return out;
}

/* ---- delivery reports -----------------------------------------------------
 */

/* What the end of a class says of its recipients, and the status of one that
 * has none. */
static const struct {
	const char *suffix, *action;
	int status;
} actions[] = {
	{".NDR", "failed", 500},         {".Delayed.DR", "delayed", 400},
	{".Relayed.DR", "relayed", 200}, {".Expanded.DR", "expanded", 200},
	{".DR", "delivered", 200},
};

static void put_recipient(GByteArray *out, const struct propset *row,
			  const char *action, int status)
{
	struct mailbox *mailbox = address_get(row, &address_recipient);
	int64_t code = propset_number(row, PR_NDR_STATUS_CODE, status);
	const char *remote = propset_text(row, PR_DSN_REMOTE_MTA);
	const char *info = propset_text(row, PR_SUPPLEMENTARY_INFO);
	g_autofree char *text = NULL;

	if (mailbox && *mailbox->address && code >= 200 && code < 600) {
		compose_put(out, "\r\n");
		put_address(out, "Final-Recipient", mailbox->address);
		field_put_raw(out, "Action", action);
		text = g_strdup_printf("%d.%d.%d", (int)code / 100,
				       (int)code / 10 % 10, (int)code % 10);
		field_put_raw(out, "Status", text);
		if (remote && *remote) {
			g_autofree char *mta =
				g_strconcat("dns; ", remote, NULL);

			field_put_text(out, "Remote-MTA", mta);
		}
		if (info && *info)
			field_put_text(out, "X-Supplementary-Info", info);
		if (*mailbox->display)
			field_put_text(out, "X-Display-Name", mailbox->display);
	}
	mailbox_free(mailbox);
}

/* Rows about recipients of the original have what a server said of them; a
 * client's own report may have nothing but them. */
static bool tells_of(const struct propset *row)
{
	return propset_has(row, PR_SUPPLEMENTARY_INFO) ||
	       propset_has(row, PR_NDR_STATUS_CODE) ||
	       propset_has(row, PR_REPORT_TIME);
}

static GByteArray *delivery_status(const struct propset *set,
				   const char *action, int status)
{
	GByteArray *out = g_byte_array_new();
	const char *mta = propset_text(set, PR_DSN_REPORTING_MTA);
	g_autofree char *value =
		g_strconcat("dns; ", mta && *mta ? mta : "localhost", NULL);

	compose_put(out, "Content-Type: message/delivery-status\r\n\r\n");
	field_put_text(out, "Reporting-MTA", value);
	for (size_t i = 0; i < propset_recipient_count(set); i++)
		if (tells_of(propset_recipient(set, i)))
			put_recipient(out, propset_recipient(set, i), action,
				      status);
	return out;
}

/* ---- which ----------------------------------------------------------------
 */

bool compose_is_about(const struct propset *set, const struct propset *row)
{
	const char *class = propset_text(set, PR_MESSAGE_CLASS);

	return class && g_str_has_prefix(class, "REPORT.") && tells_of(row);
}

static bool has_part(const struct propset *set, const char *type)
{
	for (size_t i = 0; i < propset_attachment_count(set); i++) {
		const char *tag = propset_text(propset_attachment(set, i),
					       PR_ATTACH_MIME_TAG);

		if (tag && !strcmp(tag, type))
			return true;
	}
	return false;
}

/* RFC 6522 3: a report has something for people to read. */
char *compose_report_text(const struct propset *set)
{
	static const struct {
		const char *suffix, *text;
	} texts[] = {
		{".NDR", "The message could not be delivered to:"},
		{".Delayed.DR", "The message is not delivered yet to:"},
		{".Relayed.DR", "The message was handed on, to a server that "
				"does not confirm, for:"},
		{".Expanded.DR", "The message was delivered to the list:"},
		{".DR", "The message was delivered to:"},
		{".IPNRN", "The message was read."},
		{".IPNNRN", "The message was deleted without being read."},
	};
	const char *class = propset_text(set, PR_MESSAGE_CLASS);
	const char *said = propset_text(set, PR_REPORT_TEXT);
	GString *out = NULL;

	if (!class || !g_str_has_prefix(class, "REPORT."))
		return NULL;
	if (said && *said)
		return g_strdup(said);
	out = g_string_new(NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(texts) && !out->len; i++)
		if (g_str_has_suffix(class, texts[i].suffix))
			g_string_append_printf(out, "%s\r\n", texts[i].text);
	for (size_t i = 0; i < propset_recipient_count(set); i++) {
		const struct propset *row = propset_recipient(set, i);
		const char *info = propset_text(row, PR_SUPPLEMENTARY_INFO);
		struct mailbox *mailbox = NULL;

		if (!tells_of(row))
			continue;
		mailbox = address_get(row, &address_recipient);
		if (mailbox)
			g_string_append_printf(
				out, "\r\n%s\r\n%s%s", mailbox->address,
				info ? info : "", info ? "\r\n" : "");
		mailbox_free(mailbox);
	}
	return g_string_free(out, FALSE);
}

const char *compose_report(const struct propset *set, GByteArray **ret_part)
{
	const char *class = propset_text(set, PR_MESSAGE_CLASS);

	*ret_part = NULL;
	if (!class || !g_str_has_prefix(class, "REPORT."))
		return NULL;
	if (has_part(set, "message/delivery-status") ||
	    has_part(set, "message/global-delivery-status"))
		return "delivery-status";
	if (has_part(set, "message/disposition-notification") ||
	    has_part(set, "message/global-disposition-notification"))
		return "disposition-notification";
	if (g_str_has_suffix(class, ".IPNRN") ||
	    g_str_has_suffix(class, ".IPNNRN")) {
		*ret_part =
			notification(set, g_str_has_suffix(class, ".IPNRN"));
		return "disposition-notification";
	}
	for (size_t i = 0; i < G_N_ELEMENTS(actions); i++)
		if (g_str_has_suffix(class, actions[i].suffix)) {
			*ret_part = delivery_status(set, actions[i].action,
						    actions[i].status);
			return "delivery-status";
		}
	return NULL;
}
