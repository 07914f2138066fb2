/*
 * okapi-admin mail show: one message, for people, byte for byte, or with all
 * its properties.
 */
#include "convert.h"
#include "convert/helper.h"
#include "json_out.h"
#include "mail.h"
#include "print.h"

#include <stdio.h>
#include <string.h>

/* The transport headers are those of the message; what Okapi put on top
 * belongs there as well. */
static void mail_put_trace(struct propset *set, GBytes *bytes, GBytes *whole,
			   const char *headers)
{
	gsize below = g_bytes_get_size(bytes);
	gsize size = 0;
	const char *data = g_bytes_get_data(whole, &size);
	GString *text;

	if (size <= below || !headers)
		return;
	text = g_string_new_len(data, (gssize)(size - below));
	g_string_append(text, headers);
	propset_set_text_len(set, PR_TRANSPORT_MESSAGE_HEADERS, text->str,
			     text->len);
	g_string_free(text, TRUE);
}

/* All properties of a stored message: those of its bytes, over them what the
 * store knows, PR_TRANSPORT_MESSAGE_HEADERS with the trace headers on top;
 * owned. */
static int mail_properties(struct admin *admin, int64_t message,
			   struct propset **ret_set, struct fault *fault)
{
	g_autoptr(GBytes) bytes = NULL;
	g_autoptr(GBytes) whole = NULL;
	AUTO(propset) set = NULL;
	g_autofree char *headers = NULL;

	if (store_message_bytes(admin->store, message, true, &bytes, fault) <
		    0 ||
	    store_message_bytes(admin->store, message, false, &whole, fault) <
		    0 ||
	    convert_message(admin, bytes, CONVERT_DATA | CONVERT_BODIES, &set,
			    fault) < 0)
		return -1;
	headers = g_strdup(propset_text(set, PR_TRANSPORT_MESSAGE_HEADERS));
	if (store_message_properties(admin->store, message, set, fault) < 0)
		return -1;
	mail_put_trace(set, bytes, whole, headers);
	*ret_set = g_steal_pointer(&set);
	return 0;
}

static int mail_show_raw(struct admin *admin, int64_t message,
			 struct fault *fault)
{
	g_autoptr(GBytes) bytes = NULL;
	gsize size = 0;
	const void *data;

	if (store_message_bytes(admin->store, message, false, &bytes, fault) <
	    0)
		return -1;
	data = g_bytes_get_data(bytes, &size);
	fwrite(data, 1, size, stdout);
	return 0;
}

static void mail_print_field(const char *name, const char *text)
{
	g_autofree char *clean = print_clean(text);

	if (*clean)
		printf("%-12s%s\n", name, clean);
}

static char *mail_address(const char *name, const char *address)
{
	if (!name || !*name || g_strcmp0(name, address) == 0)
		return g_strdup(address ? address : "");
	return g_strdup_printf("%s <%s>", name, address ? address : "");
}

/* The recipients of one type (1 To, 2 Cc, 3 Bcc), for people; owned. */
static char *mail_recipients(const struct propset *set, int64_t type)
{
	GString *all = g_string_new(NULL);

	for (size_t i = 0; i < propset_recipient_count(set); i++) {
		const struct propset *r = propset_recipient(set, i);
		const char *smtp = propset_text(r, PR_SMTP_ADDRESS);
		g_autofree char *one = mail_address(
			propset_text(r, PR_DISPLAY_NAME),
			smtp ? smtp : propset_text(r, PR_EMAIL_ADDRESS));

		if (propset_number(r, PR_RECIPIENT_TYPE, 0) == type)
			g_string_append_printf(all, "%s%s",
					       all->len ? ", " : "", one);
	}
	return g_string_free(all, FALSE);
}

static const char *mail_attachment_name(const struct propset *part)
{
	static const uint32_t tags[] = {PR_ATTACH_LONG_FILENAME,
					PR_ATTACH_FILENAME, PR_DISPLAY_NAME};

	for (size_t i = 0; i < G_N_ELEMENTS(tags); i++) {
		const char *text = propset_text(part, tags[i]);

		if (text && *text)
			return text;
	}
	return propset_embedded(part) ? "(message)" : "(unnamed)";
}

static int64_t mail_attachment_size(const struct propset *part)
{
	const struct prop *data = propset_find(part, PR_ATTACH_DATA_BIN);

	return data ? (int64_t)data->value.binary.size
		    : propset_number(part, PR_ATTACH_SIZE, 0);
}

static void mail_print_attachments(const struct propset *set)
{
	for (size_t i = 0; i < propset_attachment_count(set); i++) {
		const struct propset *part = propset_attachment(set, i);
		const char *type = propset_text(part, PR_ATTACH_MIME_TAG);
		g_autofree char *name = print_clean(mail_attachment_name(part));
		g_autofree char *kind = print_clean(type ? type : "");
		g_autofree char *size = print_size(mail_attachment_size(part));

		printf("%-12s%s (%s%s%s)\n", i ? "" : "Attached:", name, kind,
		       *kind ? ", " : "", size);
	}
}

static void mail_print_head(const struct store_message *message,
			    const struct propset *set)
{
	static const char *const names[] = {"To:", "Cc:", "Bcc:"};
	const struct prop *date = propset_find(set, PR_CLIENT_SUBMIT_TIME);
	g_autofree char *from = mail_address(
		propset_text(set, PR_SENT_REPRESENTING_NAME),
		propset_text(set, PR_SENT_REPRESENTING_SMTP_ADDRESS));
	g_autofree char *sent =
		date ? print_time(date->value.number, false) : g_strdup("");
	g_autofree char *received = print_time(message->received, false);
	g_autofree char *size = print_size(message->size);

	mail_print_field("From:", *from ? from : message->sender);
	for (int64_t type = 1; type <= 3; type++) {
		g_autofree char *to = mail_recipients(set, type);

		mail_print_field(names[type - 1], to);
	}
	mail_print_field("Subject:", message->subject);
	mail_print_field("Date:", sent);
	mail_print_field("Received:", received);
	mail_print_field("Folder:", message->folder_path);
	mail_print_field("Size:", size);
	mail_print_attachments(set);
}

static void mail_print_body(const struct propset *set)
{
	const char *body = propset_text(set, PR_BODY);
	const struct prop *html = propset_find(set, PR_HTML);
	g_autofree char *clean = body ? print_clean_lines(body) : NULL;

	putchar('\n');
	if (clean)
		printf("%s%s", clean,
		       g_str_has_suffix(clean, "\n") ? "" : "\n");
	else if (html)
		printf("(HTML only, %" G_GUINT64_FORMAT
		       " octets: --props --json --data shows it)\n",
		       html->value.binary.size);
}

static json_t *mail_show_json(const struct store_message *message,
			      const struct propset *set)
{
	json_t *object = mail_json(message);
	json_t *names = json_array();
	const char *body = propset_text(set, PR_BODY);

	for (size_t i = 0; i < propset_attachment_count(set); i++)
		json_array_append_new(names,
				      print_json_text(mail_attachment_name(
					      propset_attachment(set, i))));
	json_object_set_new(object, "attachment_names", names);
	json_object_set_new(object, "body", print_json_text(body ? body : ""));
	return object;
}

int mail_show(struct admin *admin, struct fault *fault)
{
	AUTO(store_user) user = NULL;
	AUTO(store_message) message = NULL;
	AUTO(propset) set = NULL;
	bool data = admin_has(admin, "data");
	bool props = admin_has(admin, "props");

	if (admin_has(admin, "raw") && (props || data || admin->json))
		return fault_set(fault, FAULT_USAGE,
				 "--raw stands alone: it prints bytes");
	if (data && !props)
		return fault_set(fault, FAULT_USAGE, "--data needs --props");
	if (admin_user(admin, 0, &user, fault) < 0 ||
	    mail_find(admin, user, admin_arg(admin, 1), &message, fault) < 0)
		return -1;
	if (admin_has(admin, "raw"))
		return mail_show_raw(admin, message->id, fault);
	if (mail_properties(admin, message->id, &set, fault) < 0)
		return -1;
	if (props && admin->json) {
		print_json(propset_to_json(set, data));
	} else if (props) {
		propset_print(set, data);
	} else if (admin->json) {
		print_json(mail_show_json(message, set));
	} else {
		mail_print_head(message, set);
		mail_print_body(set);
	}
	return 0;
}
