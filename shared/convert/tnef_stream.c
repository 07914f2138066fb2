/*
 * The walk over the attributes of a TNEF stream (MS-OXTNEF 2.1).
 *
 * Every length is checked before anything is used, and what is large (the bytes
 * of attachments) is never copied.
 */
#include "tnef_stream.h"

#include <string.h>

#define SIGNATURE    0x223e9f78u
#define HEAD_LEN     6 /* signature, key */
#define TEXT_LEN_MAX 65536

enum attribute {
	ATT_MESSAGE_CLASS = 0x00078008,
	ATT_BODY = 0x0002800c,
	ATT_MESSAGE_PROPS = 0x00069003,
	ATT_RECIPIENTS = 0x00069004,
	ATT_CODEPAGE = 0x00069007,
	ATT_ATTACH_REND = 0x00069002, /* begins an attachment */
	ATT_ATTACH_TITLE = 0x00018010,
	ATT_ATTACH_DATA = 0x0006800f,
	ATT_ATTACH_CREATED = 0x00038012,
	ATT_ATTACH_MODIFIED = 0x00038013,
	ATT_ATTACH_PROPS = 0x00069005,
};

static void attachment_free(gpointer data)
{
	struct tnef_attachment *attachment = data;

	g_clear_pointer(&attachment->props, g_ptr_array_unref);
	g_free(attachment);
}

void tnef_stream_clear(struct tnef *tnef)
{
	g_clear_pointer(&tnef->props, g_ptr_array_unref);
	g_clear_pointer(&tnef->attachments, g_ptr_array_unref);
}

static uint32_t number_at(const char *at, unsigned octets)
{
	uint32_t number = 0;

	for (unsigned i = octets; i-- > 0;)
		number = number << 8 | (uint8_t)at[i];
	return number;
}

/* Year, month, day, hour, minute, second: words (MS-OXTNEF 2.1.3.3.1). */
static int64_t date_of(struct span value)
{
	int word[6];
	g_autoptr(GDateTime) date = NULL;

	if (value.len < sizeof(word) / sizeof(word[0]) * 2)
		return 0;
	for (unsigned i = 0; i < G_N_ELEMENTS(word); i++)
		word[i] = (int)number_at(value.data + 2 * i, 2);
	date = g_date_time_new_utc(word[0], word[1], word[2], word[3], word[4],
				   word[5]);
	return date ? g_date_time_to_unix(date) * USEC_PER_SEC : 0;
}

static bool read_block(struct tnef *tnef, struct span value, GPtrArray **props)
{
	unsigned left = TNEF_VALUES_MAX - tnef->context->tnef_values;

	if (*props)
		return true;
	*props = tnef_block_read(value, &left);
	tnef->context->tnef_values = TNEF_VALUES_MAX - left;
	return *props != NULL;
}

static bool take_of_attachment(struct tnef *tnef, uint32_t id,
			       struct span value)
{
	struct tnef_attachment *last = NULL;

	if (id == ATT_ATTACH_REND) {
		if (tnef->context->tnef_values >= TNEF_VALUES_MAX)
			return false;
		tnef->context->tnef_values++;
		g_ptr_array_add(tnef->attachments,
				g_new0(struct tnef_attachment, 1));
		return true;
	}
	if (!tnef->attachments->len)
		return false;
	last = g_ptr_array_index(tnef->attachments, tnef->attachments->len - 1);
	switch (id) {
	case ATT_ATTACH_TITLE:
		last->title = value;
		return value.len <= TEXT_LEN_MAX;
	case ATT_ATTACH_DATA:
		last->data = value;
		return true;
	case ATT_ATTACH_CREATED:
		last->created = date_of(value);
		return true;
	case ATT_ATTACH_MODIFIED:
		last->modified = date_of(value);
		return true;
	case ATT_ATTACH_PROPS:
		return read_block(tnef, value, &last->props);
	default: /* icons and the like */
		return true;
	}
}

static bool take_of_message(struct tnef *tnef, uint32_t id, struct span value)
{
	switch (id) {
	case ATT_MESSAGE_CLASS:
		tnef->class = value;
		return true;
	case ATT_BODY:
		tnef->body = value;
		return true;
	case ATT_CODEPAGE:
		if (value.len >= 4)
			tnef->codepage = (int)number_at(value.data, 4);
		return true;
	case ATT_RECIPIENTS:
		tnef->recipients = value;
		return true;
	case ATT_MESSAGE_PROPS:
		return read_block(tnef, value, &tnef->props);
	default: /* said again in the properties, or by the header */
		return true;
	}
}

/* One attribute at at; its end, or NULL if it is broken. */
static const char *read_attribute(struct tnef *tnef, const char *at,
				  const char *end)
{
	const size_t head = 9;
	struct span value = {NULL, 0};
	char level = *at;
	uint32_t id = 0;
	size_t rest = 0;
	uint16_t sum = 0;
	bool taken = false;

	if ((size_t)(end - at) < head)
		return NULL;
	id = number_at(at + 1, 4);
	value.len = number_at(at + 5, 4);
	value.data = at + head;
	if ((size_t)(end - value.data) < value.len)
		return NULL;
	/* Some senders leave out the last checksum. */
	rest = (size_t)(end - value.data) - value.len;
	for (size_t i = 0; i < value.len; i++)
		sum = (uint16_t)(sum + (uint8_t)value.data[i]);
	if (rest < 2 || sum != number_at(value.data + value.len, 2))
		tnef->bad_sum = true;
	if (level == 1)
		taken = take_of_message(tnef, id, value);
	else if (level == 2)
		taken = take_of_attachment(tnef, id, value);
	return taken ? value.data + value.len + MIN(rest, 2) : NULL;
}

/* A line break or zeros behind the last attribute are no attribute. */
static bool is_rest(const char *at, const char *end)
{
	for (; at < end; at++)
		if (*at && !strchr("\r\n", *at))
			return false;
	return true;
}

bool tnef_stream_read(struct tnef *tnef)
{
	gsize len = 0;
	const char *at = g_bytes_get_data(tnef->stream, &len);
	const char *end = NULL;

	tnef->attachments = g_ptr_array_new_with_free_func(attachment_free);
	if (len < HEAD_LEN || number_at(at, 4) != SIGNATURE)
		return false;
	end = at + len;
	at += HEAD_LEN;
	while (at < end && !is_rest(at, end)) {
		at = read_attribute(tnef, at, end);
		if (!at)
			return false;
	}
	return tnef->props || tnef->body.data || tnef->attachments->len;
}
