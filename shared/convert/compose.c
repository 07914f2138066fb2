/*
 * Property set to RFC 822: header, then body.
 */
#include "charset.h"
#include "compose_calendar.h"
#include "rtf.h"

#include <string.h>

/* A body that is RTF alone, as text: nothing but Outlook reads the other.
 * Owned, NULL if it says nothing that is not there. */
static char *rtf_said(const struct propset *set, bool *ret_is_html)
{
	static const struct convert_options options = {0};
	struct convert_context context = {.options = &options};
	GBytes *rtf = propset_binary(set, PR_RTF_COMPRESSED);
	char *said = NULL;
	gsize len = 0;
	struct span span;

	if (!rtf || propset_has(set, PR_HTML))
		return NULL;
	span.data = g_bytes_get_data(rtf, &len);
	span.len = len;
	said = rtf_text(&context, span, ret_is_html);
	if (said && !*ret_is_html && propset_has(set, PR_BODY))
		g_clear_pointer(&said, g_free);
	return said;
}

/* The set with its RTF as HTML or plain text; owned, NULL if it has none that
 * matters. */
static struct propset *without_rtf(const struct propset *set)
{
	bool is_html = false;
	g_autofree char *said = rtf_said(set, &is_html);
	GByteArray *wire = NULL;
	g_autoptr(GBytes) bytes = NULL;
	struct propset *copy = NULL;
	struct fault fault = {0};

	if (!said)
		return NULL;
	wire = g_byte_array_new();
	propset_encode(set, wire);
	bytes = g_byte_array_free_to_bytes(wire);
	if (propset_decode(bytes, &copy, &fault) < 0)
		return NULL;
	if (is_html) {
		propset_set_binary_copy(copy, PR_HTML, said, strlen(said));
		propset_set_number(copy, PR_INTERNET_CPID, CODEPAGE_UTF8);
	} else {
		propset_set_text(copy, PR_BODY, said);
	}
	return copy;
}

void compose_message(const struct propset *set, unsigned depth, GByteArray *out)
{
	AUTO(propset) plain = without_rtf(set);

	if (plain)
		set = plain;
	compose_header(set, depth > 0, out);
	compose_body(set, depth, out);
}

/* Something that could be a message says something or is for somebody. */
static bool is_message(const struct propset *set)
{
	return propset_recipient_count(set) || propset_attachment_count(set) ||
	       propset_has(set, PR_SUBJECT) || propset_has(set, PR_BODY) ||
	       propset_has(set, PR_HTML) ||
	       propset_has(set, PR_RTF_COMPRESSED) ||
	       propset_has(set, PR_SENT_REPRESENTING_EMAIL_ADDRESS);
}

static int check_bytes(const struct propset *set, uint32_t tag,
		       struct fault *fault)
{
	if (!propset_has(set, tag) || propset_binary(set, tag))
		return 0;
	return fault_set(fault, FAULT_REFUSED_INPUT,
			 "%s: its size and hash alone cannot be composed",
			 proptag_name(tag));
}

/* What has no bytes is none: an empty one would be a loss. */
static int check_attachment(const struct propset *attachment,
			    struct fault *fault)
{
	if (check_bytes(attachment, PR_ATTACH_DATA_BIN, fault) < 0)
		return -1;
	if (propset_has(attachment, PR_ATTACH_DATA_BIN))
		return 0;
	return fault_set(fault, FAULT_REFUSED_INPUT,
			 "neither PR_ATTACH_DATA_BIN nor an embedded message");
}

/* Is there what a message of its class needs?  Composed of sizes and hashes
 * alone it would lose what it says. */
static int check_whole(const struct propset *set, struct fault *fault)
{
	if (check_bytes(set, PR_HTML, fault) < 0 ||
	    check_bytes(set, PR_RTF_COMPRESSED, fault) < 0 ||
	    check_bytes(set, PR_REPLY_RECIPIENT_ENTRIES, fault) < 0 ||
	    calendar_check(set, fault) < 0)
		return -1;
	for (size_t i = 0; i < propset_attachment_count(set); i++) {
		const struct propset *attachment = propset_attachment(set, i);
		const struct propset *embedded = propset_embedded(attachment);

		if ((embedded ? check_whole(embedded, fault)
			      : check_attachment(attachment, fault)) < 0)
			return fault_prefix(fault, "attachments[%zu]%s", i,
					    embedded ? ": embedded" : "");
	}
	return 0;
}

static bool is_too_deep(const struct propset *set, unsigned depth)
{
	for (size_t i = 0; i < propset_attachment_count(set); i++) {
		const struct propset *embedded =
			propset_embedded(propset_attachment(set, i));

		if (embedded && (depth >= COMPOSE_DEPTH_MAX ||
				 is_too_deep(embedded, depth + 1)))
			return true;
	}
	return false;
}

int convert_to_rfc822(const struct propset *set, GByteArray **ret_rfc822,
		      struct fault *fault)
{
	if (!is_message(set))
		return fault_set(fault, FAULT_REFUSED_INPUT,
				 "a property set without subject, body, sender "
				 "and recipients is no message");
	if (is_too_deep(set, 0))
		return fault_set(fault, FAULT_REFUSED_INPUT,
				 "more than %d messages within each other "
				 "cannot be composed",
				 COMPOSE_DEPTH_MAX);
	if (check_whole(set, fault) < 0)
		return -1;
	*ret_rfc822 = g_byte_array_new();
	compose_message(set, 0, *ret_rfc822);
	return 0;
}
