/*
 * Reports: what became of a message (MS-OXCMAIL 2.2.3.7; RFC 3464, 6533,
 * 8098).
 */
#include "params.h"
#include "parts.h"

#include <string.h>

#define REPORT_LEN_MAX    1048576
#define REPORT_TEXT_MAX   65536
#define REPORT_VALUE_MAX  4096
#define REPORT_GROUPS_MAX 10000

/* ---- fields ---------------------------------------------------------------
 */

static int compare_names(const void *a, const void *b, void *data)
{
	(void)data;
	return strcmp(a, b);
}

/* The fields between two blank lines: lower-case name to value, the first of
 * a name.  A tree: senders can choose names that meet in one place of a hash
 * table. */
static GTree *group_new(void)
{
	return g_tree_new_full(compare_names, NULL, g_free, g_free);
}

static const char *group_get(const GTree *group, const char *name)
{
	const char *value = g_tree_lookup((GTree *)(uintptr_t)group, name);

	return value && *value ? value : NULL;
}

static void group_add(GTree *group, char *field)
{
	char *colon = strchr(field, ':');
	g_autofree char *name = NULL;

	if (!colon)
		return;
	name = g_ascii_strdown(field, colon - field);
	g_strstrip(name);
	if (*name && !g_tree_lookup(group, name)) {
		char *value = g_strndup(colon + 1,
					strnlen(colon + 1, REPORT_VALUE_MAX));

		text_flatten(value);
		g_strstrip(value);
		g_tree_insert(group, g_steal_pointer(&name), value);
	}
}

/* Ends the group if it has something. */
static void groups_next(GPtrArray *groups)
{
	GTree *last = g_ptr_array_index(groups, groups->len - 1);

	if (g_tree_nnodes(last) && groups->len < REPORT_GROUPS_MAX)
		g_ptr_array_add(groups, group_new());
}

static void groups_add_field(const struct convert_context *context,
			     GPtrArray *groups, GString *field)
{
	g_autofree char *text =
		charset_decode_undeclared(context, field->str, field->len);

	group_add(g_ptr_array_index(groups, groups->len - 1), text);
	g_string_truncate(field, 0);
}

static void groups_parse(const struct convert_context *context,
			 GPtrArray *groups, const char *at, const char *end)
{
	GString *field = g_string_new(NULL);

	groups_next(groups);
	while (at < end) {
		const char *lf = memchr(at, '\n', (size_t)(end - at));
		const char *stop = lf ? lf : end;

		if (stop > at && stop[-1] == '\r')
			stop--;
		if (stop == at || (*at != ' ' && *at != '\t'))
			groups_add_field(context, groups, field);
		if (stop == at)
			groups_next(groups);
		if (field->len < REPORT_VALUE_MAX)
			g_string_append_len(field, at, stop - at);
		at = lf ? lf + 1 : end;
	}
	groups_add_field(context, groups, field);
	g_string_free(field, TRUE);
}

static bool is_status(const struct mime_entity *part)
{
	return mime_is(part, "message", "delivery-status") ||
	       mime_is(part, "message", "global-delivery-status");
}

static bool is_notification(const struct mime_entity *part)
{
	return mime_is(part, "message", "disposition-notification") ||
	       mime_is(part, "message", "global-disposition-notification");
}

/* The groups of every part of a kind; NULL if there is none.  Owned. */
static GPtrArray *groups_of(const struct convert_context *context,
			    const struct mime_entity *report,
			    bool (*is_kind)(const struct mime_entity *))
{
	GPtrArray *groups = NULL;

	for (guint i = 0; i < report->children->len; i++) {
		const struct mime_entity *part =
			g_ptr_array_index(report->children, i);
		g_autoptr(GBytes) bytes = NULL;
		gsize len = 0;
		const char *data = NULL;

		if (!is_kind(part))
			continue;
		if (!groups) {
			groups = g_ptr_array_new_with_free_func(
				(GDestroyNotify)g_tree_unref);
			g_ptr_array_add(groups, group_new());
		}
		bytes = mime_view(part);
		data = g_bytes_get_data(bytes, &len);
		if (data)
			groups_parse(context, groups, data,
				     data + MIN(len, (gsize)REPORT_LEN_MAX));
	}
	return groups;
}

/* "dns; mx.example" without its type; owned, NULL if nothing is left. */
static char *without_type(const char *value)
{
	const char *semicolon = value ? strchr(value, ';') : NULL;
	char *text = g_strdup(semicolon ? semicolon + 1 : value);

	if (text && !*g_strstrip(text))
		g_clear_pointer(&text, g_free);
	return text;
}

/* RFC 6533 3: "\\x{FC}" is a letter; in place. */
static void undo_escapes(char *text)
{
	char *out = text;

	for (const char *at = text; *at;) {
		size_t digits =
			g_str_has_prefix(at, "\\x{")
				? strspn(at + 3, "0123456789ABCDEFabcdef")
				: 0;
		gunichar letter = 0;

		if (digits && digits <= 6 && at[3 + digits] == '}')
			letter = (gunichar)g_ascii_strtoull(at + 3, NULL, 16);
		if (letter < ' ' || !g_unichar_validate(letter)) {
			*out++ = *at++;
			continue;
		}
		out += g_unichar_to_utf8(letter, out);
		at += 3 + digits + 1;
	}
	*out = '\0';
}

/* The address of "rfc822; <a@x>"; owned, NULL if nothing is left. */
static char *address_of(const char *value)
{
	char *address = without_type(value);

	if (address && !g_ascii_strncasecmp(value, "utf-8", 5))
		undo_escapes(address);
	if (address && *address == '<') {
		memmove(address, address + 1, strlen(address));
		address[strcspn(address, ">")] = '\0';
	}
	return address;
}

/* ---- the original ---------------------------------------------------------
 */

/* The message a report is about, or its header; borrowed from the tree or, if
 * it had to be read first, ret_owned. */
static const struct mime_entity *original_of(struct convert_context *context,
					     const struct mime_entity *report,
					     struct mime_entity **ret_owned)
{
	for (guint i = 0; i < report->children->len; i++) {
		const struct mime_entity *part =
			g_ptr_array_index(report->children, i);
		GBytes *bytes = NULL;
		gsize len = 0;
		const char *data = NULL;

		if (mime_is(part, "message", NULL) && part->children->len)
			return g_ptr_array_index(part->children, 0);
		if (!mime_is(part, "text", "rfc822-headers") &&
		    !mime_is(part, "message", "global-headers"))
			continue;
		bytes = mime_decode(part);
		g_ptr_array_add(context->buffers, bytes);
		data = g_bytes_get_data(bytes, &len);
		*ret_owned = mime_scan(context, data ? data : "", len);
		return *ret_owned;
	}
	return NULL;
}

/* Names as PR_DISPLAY_TO has them, of every field of that name; owned, NULL if
 * there are none. */
static char *names_of(struct convert_context *context,
		      const struct mime_entity *entity, const char *name)
{
	GString *names = g_string_new(NULL);

	for (guint i = 0; i < entity->fields->len; i++) {
		const struct mime_field *field =
			&g_array_index(entity->fields, struct mime_field, i);
		g_autoptr(GPtrArray) mailboxes = NULL;

		if (!span_is(field->name, name))
			continue;
		mailboxes = addresses_parse(context, field->value);
		for (guint k = 0; k < mailboxes->len; k++)
			g_string_append_printf(
				names, "%s%s", names->len ? "; " : "",
				mailbox_label(g_ptr_array_index(mailboxes, k)));
	}
	return g_string_free(names, !names->len);
}

static void set_original(struct convert_context *context,
			 const struct mime_entity *report, struct propset *set)
{
	static const struct {
		const char *field;
		uint32_t tag;
		bool addresses;
	} fields[] = {
		{"Subject", PR_ORIGINAL_SUBJECT, false},
		{"To", PR_ORIGINAL_DISPLAY_TO, true},
		{"Cc", PR_ORIGINAL_DISPLAY_CC, true},
		{"Message-ID", PR_ORIGINAL_MESSAGE_ID, false},
	};
	AUTO(mime_entity) owned = NULL;
	const struct mime_entity *original =
		original_of(context, report, &owned);
	const struct mime_field *date =
		original ? mime_find_field(original, "Date") : NULL;

	for (size_t i = 0; original && i < G_N_ELEMENTS(fields); i++) {
		const struct mime_field *field =
			mime_find_field(original, fields[i].field);
		g_autofree char *text = NULL;

		if (!field || propset_has(set, fields[i].tag))
			continue;
		text = fields[i].addresses
			       ? names_of(context, original, fields[i].field)
			       : text_decode(context, field->value);
		if (text)
			propset_set_text(set, fields[i].tag, text);
	}
	if (date) {
		g_autofree char *text = text_unfold(context, date->value);
		int64_t usec = 0;

		if (date_parse(text, &usec))
			propset_set_number(set, PR_ORIGINAL_SUBMIT_TIME, usec);
	}
}

/* ---- delivery reports -----------------------------------------------------
 */

/* What became of a recipient, worst last (MS-OXCMAIL 2.2.3.7.1.1). */
static const struct {
	const char *action;
	const char *suffix;
} actions[] = {
	{"delivered", ".DR"},       {"expanded", ".Expanded.DR"},
	{"relayed", ".Relayed.DR"}, {"delayed", ".Delayed.DR"},
	{"failed", ".NDR"},
};

#define ACTION_DELIVERED 0
#define ACTION_DELAYED   3
#define ACTION_FAILED    4

/* "5.1.1" at the start of a Status field; what follows does not count. */
static bool status_parse(const char *text, int status[3])
{
	for (int i = 0; i < 3; i++) {
		int digits = 0;

		status[i] = 0;
		while (g_ascii_isdigit(*text) && digits++ < 3)
			status[i] = status[i] * 10 + (*text++ - '0');
		if (!digits || (i < 2 && *text++ != '.'))
			return false;
	}
	return true;
}

/* The code of RFC 3463 that a reply has behind its first word ("550 5.1.1 no
 * such user"), else one for its first digit.  False if it is no reply. */
static bool status_of_reply(const char *reply, int status[3])
{
	const char *at = reply ? strchr(reply, ';') : NULL;

	if (!reply)
		return false;
	at = at ? at + 1 : reply;
	while (g_ascii_isspace(*at))
		at++;
	if (strspn(at, "0123456789") == 3 && strchr("245", *at)) {
		const char *code = at + 3;

		while (*code == ' ' || *code == '-' || *code == '#')
			code++;
		if (!status_parse(code, status) || *code != *at) {
			status[0] = *at - '0';
			status[1] = status[2] = 0;
		}
		return true;
	}
	return status_parse(at, status) && strchr("245", *at);
}

/* What Status says, and where that is missing or none, the other server's
 * words.  False if neither says anything. */
static bool status_of(const GTree *group, int status[3])
{
	const char *text = group_get(group, "status");

	return (text && status_parse(text, status)) ||
	       status_of_reply(group_get(group, "diagnostic-code"), status);
}

/* Some have actions of their own (Postfix's "deliverable"): what they mean
 * stands in the class of the status. */
static int action_of_status(const GTree *group)
{
	int status[3];

	switch (status_of(group, status) ? status[0] : 0) {
	case 2:
		return ACTION_DELIVERED;
	case 4:
		return ACTION_DELAYED;
	case 5:
		return ACTION_FAILED;
	default:
		return -1;
	}
}

static int action_rank(const GTree *group)
{
	const char *value = group_get(group, "action");

	for (int i = 0; value && i < (int)G_N_ELEMENTS(actions); i++)
		if (!g_ascii_strncasecmp(value, actions[i].action,
					 strlen(actions[i].action)))
			return i;
	return action_of_status(group);
}

#define ANY             -1
#define DIAG_NONE       -1
#define REASON_TRANSFER 0

/* Status as subject and detail to MAPI's codes (MS-OXCMAIL 2.2.3.7.1.3), the
 * first row that fits. */
static const struct {
	int subject, detail, diagnostic, reason;
} codes[] = {
	{1, 1, 35, 1},   {1, 2, 48, 0},        {1, 3, 32, 0},
	{1, 4, 1, 0},    {1, 6, 40, 0},        {1, ANY, 0, 0},
	{2, 2, 13, 0},   {2, 3, 13, 0},        {2, 4, 30, 0},
	{2, ANY, 38, 0}, {3, 2, DIAG_NONE, 0}, {3, 3, 18, 0},
	{3, 4, 13, 0},   {3, 5, 18, 0},        {3, ANY, 38, 0},
	{4, 0, -1, 0},   {4, 3, DIAG_NONE, 6}, {4, 4, DIAG_NONE, 0},
	{4, 6, 3, 0},    {4, 7, 5, 0},         {4, 8, 3, 0},
	{4, ANY, 2, 0},  {5, 3, 16, 0},        {5, 4, 11, 0},
	{5, ANY, 17, 0}, {6, 2, 9, 0},         {6, 3, 8, 0},
	{6, 4, 25, 0},   {6, 5, DIAG_NONE, 2}, {6, ANY, 15, 0},
	{7, 1, 29, 0},   {7, 2, 28, 0},        {7, 3, 26, 0},
	{7, ANY, 46, 0},
};

static void set_codes(struct propset *row, const GTree *group)
{
	int status[3];
	int diagnostic = DIAG_NONE;
	int reason = REASON_TRANSFER;

	if (!status_of(group, status))
		return;
	for (int i = 1; i < 3; i++)
		if (status[i] > 9)
			status[i] = 0;
	for (size_t i = 0; i < G_N_ELEMENTS(codes); i++)
		if (codes[i].subject == status[1] &&
		    (codes[i].detail == status[2] || codes[i].detail == ANY)) {
			diagnostic = codes[i].diagnostic;
			reason = codes[i].reason;
			break;
		}
	propset_set_number(row, PR_NDR_STATUS_CODE,
			   status[0] * 100 + status[1] * 10 + status[2]);
	propset_set_number(row, PR_NDR_DIAG_CODE, diagnostic);
	propset_set_number(row, PR_NDR_REASON_CODE, reason);
}

/* MS-OXCMAIL 2.2.3.7.1.2 */
static void set_supplementary(struct propset *row, const GTree *group,
			      const char *remote)
{
	const char *given = group_get(group, "x-supplementary-info");
	const char *status = group_get(group, "status");
	const char *diagnostic = group_get(group, "diagnostic-code");
	g_autofree char *text = NULL;

	if (given)
		text = g_strdup(given);
	else
		text = g_strdup_printf(
			"<%s #%.*s%s%s>", remote ? remote : "",
			status ? (int)strspn(status, "0123456789.") : 0,
			status ? status : "", diagnostic ? " " : "",
			diagnostic ? diagnostic : "");
	propset_set_text(row, PR_SUPPLEMENTARY_INFO, text);
}

static void add_row(struct propset *set, const GTree *group, bool failed)
{
	const char *final = group_get(group, "final-recipient");
	const char *name = group_get(group, "x-display-name");
	g_autofree char *remote = without_type(group_get(group, "remote-mta"));
	g_autofree char *address = address_of(
		final ? final : group_get(group, "original-recipient"));
	struct mailbox mailbox = {NULL, NULL, NULL};
	struct propset *row = NULL;
	g_autoptr(GPtrArray) one = g_ptr_array_new();

	if (!address)
		return;
	mailbox.address = address;
	mailbox.display = (char *)(uintptr_t)(name ? name : "");
	g_ptr_array_add(one, &mailbox);
	address_add_recipients(set, RECIPIENT_TO, one);
	row = propset_recipient(set, propset_recipient_count(set) - 1);
	if (remote)
		propset_set_text(row, PR_DSN_REMOTE_MTA, remote);
	set_supplementary(row, group, remote);
	set_codes(row, group);
	if (!propset_has(set, PR_CLIENT_SUBMIT_TIME))
		return;
	propset_set_number(row, PR_REPORT_TIME,
			   propset_number(set, PR_CLIENT_SUBMIT_TIME, 0));
	if (!failed)
		propset_set_number(
			row, PR_DELIVER_TIME,
			propset_number(set, PR_CLIENT_SUBMIT_TIME, 0));
}

static void set_report_time(struct propset *set)
{
	if (propset_has(set, PR_CLIENT_SUBMIT_TIME))
		propset_set_number(
			set, PR_REPORT_TIME,
			propset_number(set, PR_CLIENT_SUBMIT_TIME, 0));
}

static bool set_delivery_report(struct convert_context *context,
				const struct mime_entity *report,
				struct propset *set)
{
	g_autoptr(GPtrArray) groups = groups_of(context, report, is_status);
	g_autofree char *class = NULL;
	int worst = -1;

	if (!groups)
		return false;
	for (guint i = 0; i < groups->len; i++) {
		const GTree *group = g_ptr_array_index(groups, i);
		g_autofree char *mta =
			without_type(group_get(group, "reporting-mta"));

		worst = MAX(worst, action_rank(group));
		if (mta && !propset_has(set, PR_DSN_REPORTING_MTA))
			propset_set_text(set, PR_DSN_REPORTING_MTA, mta);
	}
	for (guint i = 0; i < groups->len; i++) {
		const GTree *group = g_ptr_array_index(groups, i);

		if (action_rank(group) == worst)
			add_row(set, group,
				worst < 0 || worst >= ACTION_DELAYED);
	}
	/* Without any action it tells of trouble all the same. */
	class = g_strconcat("REPORT.IPM.Note",
			    actions[worst < 0 ? ACTION_FAILED : worst].suffix,
			    NULL);
	propset_set_text(set, PR_MESSAGE_CLASS, class);
	set_report_time(set);
	set_original(context, report, set);
	return true;
}

/* ---- read receipts --------------------------------------------------------
 */

/* RFC 8098 3.2.6: the type stands behind the ';'. */
static bool was_read(const char *disposition)
{
	const char *type = disposition ? strrchr(disposition, ';') : NULL;

	if (!disposition)
		return true;
	type = type ? type + 1 : disposition;
	while (*type == ' ' || *type == '\t')
		type++;
	return g_ascii_strncasecmp(type, "deleted", 7) != 0 &&
	       g_ascii_strncasecmp(type, "denied", 6) != 0 &&
	       g_ascii_strncasecmp(type, "failed", 6) != 0;
}

static void set_parent_key(struct propset *set, const GTree *group)
{
	const char *key = group_get(group, "x-msexch-correlation-key");
	g_autofree guchar *data = NULL;
	gsize len = 0;

	if (key)
		data = g_base64_decode(key, &len);
	if (len)
		propset_set_binary_copy(set, PR_PARENT_KEY, data, len);
}

static bool set_read_report(struct convert_context *context,
			    const struct mime_entity *report,
			    struct propset *set)
{
	g_autoptr(GPtrArray) groups =
		groups_of(context, report, is_notification);
	const GTree *group = NULL;
	const char *id = NULL;
	const char *text = propset_text(set, PR_BODY);

	if (!groups)
		return false;
	group = g_ptr_array_index(groups, 0);
	id = group_get(group, "original-message-id");
	if (id)
		propset_set_text(set, PR_ORIGINAL_MESSAGE_ID, id);
	set_parent_key(set, group);
	propset_set_text(set, PR_MESSAGE_CLASS,
			 was_read(group_get(group, "disposition"))
				 ? "REPORT.IPM.Note.IPNRN"
				 : "REPORT.IPM.Note.IPNNRN");
	set_report_time(set);
	if (propset_has(set, PR_CLIENT_SUBMIT_TIME))
		propset_set_number(
			set, PR_RECEIPT_TIME,
			propset_number(set, PR_CLIENT_SUBMIT_TIME, 0));
	if (text && strlen(text) <= REPORT_TEXT_MAX)
		propset_set_text(set, PR_REPORT_TEXT, text);
	set_original(context, report, set);
	return true;
}

/* Some servers (OpenSMTPD for one) send their reports as multipart/mixed. */
static bool is_from_daemon(const struct propset *set)
{
	const char *from =
		propset_text(set, PR_SENT_REPRESENTING_EMAIL_ADDRESS);

	return from && (!g_ascii_strncasecmp(from, "mailer-daemon@", 14) ||
			!g_ascii_strncasecmp(from, "postmaster@", 11));
}

bool report_convert(struct convert_context *context,
		    const struct mime_entity *root, struct propset *set)
{
	if (mime_is(root, "multipart", "mixed"))
		return is_from_daemon(set) &&
		       set_delivery_report(context, root, set);
	if (!mime_is(root, "multipart", "report"))
		return false;
	return set_delivery_report(context, root, set) ||
	       set_read_report(context, root, set);
}
