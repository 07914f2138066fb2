/*
 * In, out, in again: what a message says must not change on the way.
 */
#ifndef TEST_CONVERT_ROUNDTRIP_H
#define TEST_CONVERT_ROUNDTRIP_H

#include "convert_test.h"

/* Away with what is not written: the header as it stood, trace fields, sizes of
 * encoded things. */
static inline void roundtrip_strip(struct propset *set)
{
	propset_remove(set, PR_TRANSPORT_MESSAGE_HEADERS);
	propset_remove(set, PR_MESSAGE_DELIVERY_TIME);
	propset_remove(set, PR_MESSAGE_SIZE);
	for (size_t i = 0; i < propset_attachment_count(set); i++) {
		struct propset *attachment = propset_attachment(set, i);

		if (!propset_embedded(attachment))
			continue;
		propset_remove(attachment, PR_ATTACH_SIZE);
		roundtrip_strip(propset_embedded(attachment));
	}
}

static inline struct propset *roundtrip_copy(const struct propset *set)
{
	GByteArray *wire = g_byte_array_new();
	g_autoptr(GBytes) bytes = NULL;
	struct propset *copy = NULL;

	propset_encode(set, wire);
	bytes = g_byte_array_free_to_bytes(wire);
	cr_assert(propset_decode(bytes, &copy, NULL) == 0);
	return copy;
}

/* Those of Bcc, who never leave: back to the others. */
static inline void roundtrip_add_bcc(const struct propset *first,
				     struct propset *second)
{
	for (size_t i = 0; i < propset_recipient_count(first); i++) {
		const struct propset *row = propset_recipient(first, i);

		if (propset_number(row, PR_RECIPIENT_TYPE, 0) == 3)
			propset_add_recipient(second, roundtrip_copy(row));
	}
	if (propset_has(first, PR_DISPLAY_BCC))
		propset_set_text(second, PR_DISPLAY_BCC,
				 propset_text(first, PR_DISPLAY_BCC));
}

/* What may differ, and how, for a message and for those within it. */
static inline void roundtrip_align(struct propset *first,
				   struct propset *second)
{
	roundtrip_add_bcc(first, second);
	/* Text that its code page cannot hold (octets that were none in it,
	 * letters of a wider one) is written in UTF-8, UTF-7 never. */
	if (propset_number(second, PR_INTERNET_CPID, 0) == 65001 ||
	    propset_number(first, PR_INTERNET_CPID, 0) == 65000) {
		propset_remove(first, PR_INTERNET_CPID);
		propset_remove(second, PR_INTERNET_CPID);
	}
	/* A message is never composed without a date. */
	if (!propset_has(first, PR_CLIENT_SUBMIT_TIME))
		propset_remove(second, PR_CLIENT_SUBMIT_TIME);
	for (size_t i = 0; i < propset_attachment_count(first) &&
			   i < propset_attachment_count(second);
	     i++) {
		struct propset *inner =
			propset_embedded(propset_attachment(first, i));
		struct propset *other =
			propset_embedded(propset_attachment(second, i));

		if (inner && other)
			roundtrip_align(inner, other);
	}
}

/* As both doors make it: every line ends in CRLF. */
static inline GString *roundtrip_crlf(const char *message, size_t len)
{
	GString *out = g_string_sized_new(len + len / 16);

	for (size_t i = 0; i < len; i++) {
		if (message[i] == '\n' && (!i || message[i - 1] != '\r'))
			g_string_append_c(out, '\r');
		g_string_append_c(out, message[i]);
	}
	return out;
}

/* NULL if the message came back, else why not; owned.  */
static inline char *roundtrip(const char *message, size_t len)
{
	GString *lines = roundtrip_crlf(message, len);
	AUTO(propset) first = convert_len(lines->str, lines->len, NULL);
	AUTO(propset) second = NULL;
	GByteArray *out = NULL;
	struct fault fault = {0};
	char *why = NULL;

	g_string_free(lines, TRUE);
	if (convert_to_rfc822(first, &out, &fault) != 0)
		return g_strdup(fault.text);
	second = convert_len((const char *)out->data, out->len, NULL);
	g_byte_array_unref(out);
	roundtrip_strip(first);
	roundtrip_strip(second);
	roundtrip_align(first, second);
	if (propset_equal(first, second, &why))
		return NULL;
	return why ? why : g_strdup("they differ");
}

#endif
