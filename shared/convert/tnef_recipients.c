/*
 * The recipient table of a TNEF stream (MS-OXTNEF 2.1.3.3.22): who the message
 * within it went to.
 */
#include "addresses.h"
#include "tnef.h"

#include <string.h>

enum {
	ID_TYPE = PROP_ID(PR_RECIPIENT_TYPE),
	ID_NAME = PROP_ID(PR_DISPLAY_NAME),
	ID_ADDRTYPE = PROP_ID(PR_ADDRTYPE),
	ID_EMAIL = PROP_ID(PR_EMAIL_ADDRESS),
	ID_SMTP = PROP_ID(PR_SMTP_ADDRESS),
};

/* An address of another kind ("EX"): what the row says of it stays. */
static void keep_other(struct propset *set, const char *type, const char *email)
{
	struct propset *row =
		propset_recipient(set, propset_recipient_count(set) - 1);

	propset_set_text(row, PR_ADDRTYPE, type);
	propset_set_text(row, PR_EMAIL_ADDRESS, email);
}

static void add_row(struct convert_context *context, const GPtrArray *row,
		    int codepage, struct propset *set)
{
	int64_t type = tnef_prop_number(row, ID_TYPE, 0) & 3;
	g_autofree char *name = tnef_prop_text(context, row, ID_NAME, codepage);
	g_autofree char *addrtype =
		tnef_prop_text(context, row, ID_ADDRTYPE, codepage);
	g_autofree char *email =
		tnef_prop_text(context, row, ID_EMAIL, codepage);
	g_autofree char *smtp = tnef_prop_text(context, row, ID_SMTP, codepage);
	bool is_other = addrtype && *addrtype &&
			g_ascii_strcasecmp(addrtype, "SMTP") != 0;
	char none[] = "";
	char *address = smtp && *smtp ? smtp : is_other ? NULL : email;
	struct mailbox mailbox = {name ? name : none, address ? address : none,
				  NULL};
	g_autoptr(GPtrArray) one = g_ptr_array_new();
	size_t before = propset_recipient_count(set);

	if (!type || (!*mailbox.display && !*mailbox.address))
		return;
	text_flatten(mailbox.display);
	text_flatten(mailbox.address);
	g_ptr_array_add(one, &mailbox);
	address_add_recipients(set, (enum recipient_type)type, one);
	if (is_other && !*mailbox.address && email &&
	    propset_recipient_count(set) > before)
		keep_other(set, addrtype, email);
}

void tnef_recipients_apply(struct convert_context *context,
			   const GPtrArray *rows, int codepage,
			   struct propset *set)
{
	for (guint i = 0; i < rows->len; i++)
		add_row(context, g_ptr_array_index(rows, i), codepage, set);
}
