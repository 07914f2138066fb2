/*
 * libFuzzer on composing: the input are lines that build a property set, which
 * is composed; what came out is judged and converted again.
 *
 *     0037001f Subject of it         a property by its tag
 *     n PSETID_Common 8530 1f Call   a named one, by number and type
 *     h x-mailer Program             a string of PS_INTERNET_HEADERS
 *     r, a                           a recipient, an attachment: what follows
 *     m                              a message within the attachment
 *     .                              back to the message around it
 */
#include "check.h"
#include "convert/convert.h"

#include <string.h>

#define DEPTH_MAX 60

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct builder {
	struct propset *messages[DEPTH_MAX]; /* from the outermost on */
	unsigned depth;
	struct propset *row; /* where properties go */
};

static void set_value(struct propset *set, uint32_t tag, const char *value)
{
	g_autofree char *octets = NULL;

	if (!tag || (PROP_ID(tag) == 0))
		return;
	octets = g_strcompress(value);
	switch (PROP_TYPE(tag)) {
	case PT_BOOLEAN:
		propset_set_bool(set, tag, *value == '1');
		break;
	case PT_SHORT:
	case PT_LONG:
	case PT_I8:
	case PT_SYSTIME:
		propset_set_number(set, tag, g_ascii_strtoll(value, NULL, 10));
		break;
	case PT_DOUBLE:
		propset_set_real(set, tag, g_ascii_strtod(value, NULL));
		break;
	case PT_UNICODE:
		propset_set_text(set, tag, octets);
		break;
	case PT_MV_UNICODE:
		propset_add_text(set, tag, octets);
		break;
	case PT_BINARY:
		propset_set_binary_copy(set, tag, octets, strlen(octets));
		break;
	default:
		break;
	}
}

/* Octets with zeros among them: "%00%04" and the like. */
static void set_octets(struct propset *set, uint32_t tag, const char *value)
{
	GByteArray *out = g_byte_array_new();

	for (; *value; value++) {
		guint8 octet = (guint8)*value;

		if (*value == '%' && g_ascii_isxdigit(value[1]) &&
		    g_ascii_isxdigit(value[2])) {
			octet = (guint8)(g_ascii_xdigit_value(value[1]) << 4 |
					 g_ascii_xdigit_value(value[2]));
			value += 2;
		}
		g_byte_array_append(out, &octet, 1);
	}
	propset_set_binary_copy(set, tag, out->data, out->len);
	g_byte_array_unref(out);
}

static void set_tag(struct propset *set, uint32_t tag, const char *value)
{
	if (PROP_TYPE(tag) == PT_BINARY && PROP_ID(tag))
		set_octets(set, tag, value);
	else
		set_value(set, tag, value);
}

static void named(struct builder *builder, char *line)
{
	g_auto(GStrv) words = g_strsplit(line, " ", 4);
	uint32_t lid = 0;
	uint32_t type = 0;

	if (g_strv_length(words) < 4)
		return;
	lid = (uint32_t)g_ascii_strtoull(words[1], NULL, 16);
	type = (uint32_t)g_ascii_strtoull(words[2], NULL, 16) & 0xffff;
	set_tag(builder->row,
		propset_named_tag(builder->row, words[0], NULL, lid,
				  (enum proptype)type),
		words[3]);
}

static void header(struct builder *builder, char *line)
{
	char *blank = strchr(line, ' ');

	if (!blank)
		return;
	*blank = '\0';
	set_tag(builder->row,
		propset_named_tag(builder->row, "PS_INTERNET_HEADERS", line, 0,
				  PT_UNICODE),
		blank + 1);
}

static void child(struct builder *builder, char kind)
{
	struct propset *message = builder->messages[builder->depth];

	if (kind == 'r') {
		builder->row = propset_add_recipient(message, propset_new());
	} else if (kind == 'a') {
		builder->row = propset_add_attachment(message, propset_new());
	} else if (kind == '.') {
		builder->depth -= builder->depth > 0;
		builder->row = builder->messages[builder->depth];
	} else if (propset_attachment_count(message) &&
		   builder->depth + 1 < DEPTH_MAX) {
		size_t last = propset_attachment_count(message) - 1;
		struct propset *inner = propset_new();

		if (propset_embedded(propset_attachment(message, last))) {
			propset_free(inner);
			return;
		}
		propset_set_embedded(propset_attachment(message, last), inner);
		builder->messages[++builder->depth] = inner;
		builder->row = inner;
	}
}

static void one_line(struct builder *builder, char *line)
{
	char *end = NULL;
	uint32_t tag = 0;

	if (*line && strchr("ram.", *line) && !line[1]) {
		child(builder, *line);
	} else if (g_str_has_prefix(line, "n ")) {
		named(builder, line + 2);
	} else if (g_str_has_prefix(line, "h ")) {
		header(builder, line + 2);
	} else {
		tag = (uint32_t)g_ascii_strtoull(line, &end, 16);
		if (end == line + 8 && *end == ' ' &&
		    PROP_ID(tag) < PROP_ID_NAMED)
			set_tag(builder->row, tag, end + 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct convert_options options = {
		.flags = CONVERT_ALL,
		.default_charset = "windows-1252",
	};
	AUTO(propset) set = propset_new();
	AUTO(propset) again = NULL;
	struct builder builder = {.messages = {set}, .row = set};
	g_autofree char *text = g_strndup((const char *)data, size);
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	g_autoptr(GByteArray) message = NULL;
	bool is_signed = memmem(data, size, "SMIME", 5) != NULL;

	convert_init();
	for (char **line = lines; *line; line++)
		one_line(&builder, *line);
	if (convert_to_rfc822(set, &message, NULL) < 0)
		return 0;
	check_lines(message, is_signed);
	again = convert_to_propset(message->data, message->len, &options, NULL);
	return 0;
}
