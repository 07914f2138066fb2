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
	/* Plain text that its code page cannot hold (octets that were none in
	 * it, letters of a wider one) is written in UTF-8, UTF-7 never. */
	if (!propset_has(first, PR_HTML) &&
	    (propset_number(second, PR_INTERNET_CPID, 0) == 65001 ||
	     propset_number(first, PR_INTERNET_CPID, 0) == 65000)) {
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

/* ---- what differs ---------------------------------------------------------
 */

/* By its MAPI name, its name among named properties, or its tag; owned. */
static inline char *roundtrip_name(const struct propset *set, uint32_t tag)
{
	const struct prop_name *named = propset_name_of(set, tag);

	if (named && named->name)
		return g_strdup(named->name);
	if (named)
		return g_strdup_printf("%s:%" PRIx32, named->guid, named->lid);
	if (proptag_name(tag))
		return g_strdup(proptag_name(tag));
	return g_strdup_printf("0x%08" PRIx32, tag);
}

static inline void roundtrip_differ(GPtrArray *names, char *name /* moved */)
{
	if (g_ptr_array_find_with_equal_func(names, name, g_str_equal, NULL))
		g_free(name);
	else
		g_ptr_array_add(names, name);
}

static inline struct propset *roundtrip_alone(const struct prop *prop)
{
	struct propset *set = propset_new();
	struct prop unnamed = *prop;

	unnamed.tag = PROP_TAG(PROP_TYPE(prop->tag), 0x6800);
	propset_put(set, &unnamed);
	return set;
}

static inline bool roundtrip_same(const struct prop *one,
				  const struct prop *other)
{
	AUTO(propset) a = roundtrip_alone(one);
	AUTO(propset) b = roundtrip_alone(other);

	return propset_equal(a, b, NULL);
}

/* Those of which one has what the other has not. */
static inline void roundtrip_compare_props(const struct propset *one,
					   struct propset *other,
					   GPtrArray *names)
{
	for (size_t i = 0; i < propset_count(one); i++) {
		const struct prop *prop = propset_at(one, i);
		const struct prop_name *named = propset_name_of(one, prop->tag);
		uint32_t tag = prop->tag;
		const struct prop *match = NULL;

		if (named)
			tag = propset_named_tag(other, named->guid, named->name,
						named->lid,
						PROP_TYPE(prop->tag));
		match = propset_find(other, tag);
		if (!match || !roundtrip_same(prop, match))
			roundtrip_differ(names, roundtrip_name(one, prop->tag));
	}
}

/* Names of all properties that differ, in a message and in what is in it;
 * "recipients", "attachments", "embedded" where their number does. */
static inline void roundtrip_compare(struct propset *one, struct propset *other,
				     GPtrArray *names)
{
	size_t recipients = propset_recipient_count(one);
	size_t attachments = propset_attachment_count(one);
	struct propset *inner = propset_embedded(one);
	struct propset *outer = propset_embedded(other);

	roundtrip_compare_props(one, other, names);
	roundtrip_compare_props(other, one, names);
	if (recipients != propset_recipient_count(other))
		roundtrip_differ(names, g_strdup("recipients"));
	else
		for (size_t i = 0; i < recipients; i++)
			roundtrip_compare(propset_recipient(one, i),
					  propset_recipient(other, i), names);
	if (attachments != propset_attachment_count(other))
		roundtrip_differ(names, g_strdup("attachments"));
	else
		for (size_t i = 0; i < attachments; i++)
			roundtrip_compare(propset_attachment(one, i),
					  propset_attachment(other, i), names);
	if (!inner != !outer)
		roundtrip_differ(names, g_strdup("embedded"));
	else if (inner)
		roundtrip_compare(inner, outer, names);
}

/* NULL if the message came back, else the names of all that differs, as
 * roundtrip_compare() has them, or why it cannot be composed.  Owned. */
static inline char *roundtrip(const char *message, size_t len)
{
	GString *lines = roundtrip_crlf(message, len);
	AUTO(propset) first = convert_len(lines->str, lines->len, NULL);
	AUTO(propset) second = NULL;
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	GByteArray *out = NULL;
	struct fault fault = {0};

	g_string_free(lines, TRUE);
	if (convert_to_rfc822(first, &out, &fault) != 0)
		return g_strdup(fault.text);
	second = convert_len((const char *)out->data, out->len, NULL);
	g_byte_array_unref(out);
	roundtrip_strip(first);
	roundtrip_strip(second);
	roundtrip_align(first, second);
	if (propset_equal(first, second, NULL))
		return NULL;
	roundtrip_compare(first, second, names);
	g_ptr_array_add(names, NULL);
	return g_strjoinv(", ", (char **)names->pdata);
}

#endif
