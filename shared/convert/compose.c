/*
 * Property set to RFC 822: header, then body.
 */
#include "compose.h"

void compose_message(const struct propset *set, unsigned depth, GByteArray *out)
{
	compose_header(set, depth > 0, out);
	compose_body(set, depth, out);
}

/* Something that could be a message says something or is for somebody. */
static bool is_message(const struct propset *set)
{
	return propset_recipient_count(set) || propset_attachment_count(set) ||
	       propset_has(set, PR_SUBJECT) || propset_has(set, PR_BODY) ||
	       propset_has(set, PR_HTML) ||
	       propset_has(set, PR_SENT_REPRESENTING_EMAIL_ADDRESS);
}

static bool lacks_bytes(const struct propset *set, uint32_t tag)
{
	return propset_has(set, tag) && !propset_binary(set, tag);
}

/* Composed of sizes and hashes alone a message would lose what it says. */
static bool is_whole(const struct propset *set)
{
	if (lacks_bytes(set, PR_HTML) ||
	    lacks_bytes(set, PR_REPLY_RECIPIENT_ENTRIES))
		return false;
	for (size_t i = 0; i < propset_attachment_count(set); i++) {
		const struct propset *attachment = propset_attachment(set, i);
		const struct propset *embedded = propset_embedded(attachment);

		if (embedded ? !is_whole(embedded)
			     : lacks_bytes(attachment, PR_ATTACH_DATA_BIN))
			return false;
	}
	return true;
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
	if (!is_whole(set))
		return fault_set(fault, FAULT_REFUSED_INPUT,
				 "a property set without the bytes of its HTML "
				 "or attachments cannot be composed");
	*ret_rfc822 = g_byte_array_new();
	compose_message(set, 0, *ret_rfc822);
	return 0;
}
