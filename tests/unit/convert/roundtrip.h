/*
 * In, out, in again: what a message says must not change on the way.
 */
#ifndef TEST_CONVERT_ROUNDTRIP_H
#define TEST_CONVERT_ROUNDTRIP_H

#include "convert_test.h"

/* Away with what cannot come back: the header as it stood, trace fields, Bcc,
 * sizes of encoded things. */
static inline void roundtrip_strip(struct propset *set)
{
	propset_remove(set, PR_TRANSPORT_MESSAGE_HEADERS);
	propset_remove(set, PR_MESSAGE_DELIVERY_TIME);
	propset_remove(set, PR_MESSAGE_SIZE);
	propset_remove(set, PR_DISPLAY_BCC);
	propset_remove(set, PR_BODY_CONTENT_ID);
	propset_remove(set, PR_BODY_CONTENT_LOCATION);
	for (size_t i = 0; i < propset_attachment_count(set); i++) {
		struct propset *attachment = propset_attachment(set, i);

		if (!propset_embedded(attachment))
			continue;
		propset_remove(attachment, PR_ATTACH_SIZE);
		roundtrip_strip(propset_embedded(attachment));
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
	/* A message is never composed without a date. */
	if (!propset_has(first, PR_CLIENT_SUBMIT_TIME))
		propset_remove(second, PR_CLIENT_SUBMIT_TIME);
	if (propset_equal(first, second, &why))
		return NULL;
	return why ? why : g_strdup("they differ");
}

#endif
