/*
 * Attachments as MIME parts: by value in base64, messages as they are.
 */
#include "compose.h"
#include "field.h"

#include <string.h>

#define FLAG_RENDERED   4
#define LINE_LEN_MAX    998
#define CHARSET_LEN_MAX 64

/* As it is, or with "&amp;" as an attribute has it? */
static bool is_in(struct octets html, const char *text)
{
	g_autofree char *marked = g_markup_escape_text(text, -1);

	return memmem(html.data, html.len, text, strlen(text)) ||
	       memmem(html.data, html.len, marked, strlen(marked));
}

/* Does the HTML name it, by its id, written plainly or as a URL has it, or by
 * its place? */
static bool is_named_in(const struct propset *attachment, struct octets html)
{
	const char *cid = propset_text(attachment, PR_ATTACH_CONTENT_ID);
	const char *location =
		propset_text(attachment, PR_ATTACH_CONTENT_LOCATION);
	g_autofree char *escaped = NULL;

	if (location && *location && is_in(html, location))
		return true;
	if (!cid || !*cid)
		return false;
	escaped = g_uri_escape_string(cid, "@!$'()*+,;=:/?", FALSE);
	return is_in(html, cid) || is_in(html, escaped);
}

/* MS-OXCMAIL 2.1.3.4.1.2: the flags alone do not say it; what lies in a
 * multipart/related and nothing shows, nobody sees. */
bool attachment_is_rendered(const struct propset *set,
			    const struct propset *attachment)
{
	GBytes *bytes = propset_binary(set, PR_HTML);
	bool is_told = (propset_number(attachment, PR_ATTACH_FLAGS, 0) &
			FLAG_RENDERED) ||
		       propset_bool(attachment, PR_ATTACHMENT_HIDDEN);
	struct octets html;
	gsize len = 0;

	if (!bytes)
		return false;
	html.data = g_bytes_get_data(bytes, &len);
	html.len = len;
	/* Where a client says nothing, the HTML does. */
	return html.data &&
	       (is_told || !propset_has(attachment, PR_ATTACH_FLAGS)) &&
	       is_named_in(attachment, html);
}

static bool is_token(const char *text, const char *more, size_t max)
{
	for (const char *c = text; *c; c++)
		if (!g_ascii_isalnum(*c) && !strchr(more, *c))
			return false;
	return *text && strlen(text) <= max;
}

static bool is_type(const char *type)
{
	const char *slash = strchr(type, '/');

	return slash && slash != type && slash[1] && !strchr(slash + 1, '/') &&
	       is_token(type, "/!#$&-^_.+", 200);
}

static const char *file_name(const struct propset *attachment)
{
	const char *name = propset_text(attachment, PR_ATTACH_LONG_FILENAME);

	if (!name || !*name)
		name = propset_text(attachment, PR_ATTACH_FILENAME);
	if (!name || !*name)
		name = propset_text(attachment, PR_DISPLAY_NAME);
	return name;
}

/* A date in the form of RFC 2183; owned, NULL if there is none. */
static char *date_param(const struct propset *attachment, uint32_t tag)
{
	if (!propset_has(attachment, tag))
		return NULL;
	return field_date_utc(propset_number(attachment, tag, 0));
}

static void put_disposition(GByteArray *out, const struct propset *attachment,
			    bool rendered)
{
	const char *cid = propset_text(attachment, PR_ATTACH_CONTENT_ID);
	g_autofree char *made = date_param(attachment, PR_CREATION_TIME);
	g_autofree char *changed =
		date_param(attachment, PR_LAST_MODIFICATION_TIME);
	const struct field_param params[] = {
		{"filename", file_name(attachment), true},
		{"creation-date", made, false},
		{"modification-date", changed, false},
	};
	static const struct {
		const char *field;
		uint32_t tag;
	} texts[] = {
		{"Content-Location", PR_ATTACH_CONTENT_LOCATION},
		{"Content-Base", PR_ATTACH_CONTENT_BASE},
		{"X-Payload-Class", PR_ATTACH_PAYLOAD_CLASS},
		{"X-Payload-Provider-Guid", PR_ATTACH_PAYLOAD_PROV_GUID_STR},
	};

	field_put_params(out, "Content-Disposition",
			 rendered ? "inline" : "attachment", params,
			 G_N_ELEMENTS(params));
	if (cid && *cid) {
		g_autofree char *id = g_strconcat("<", cid, ">", NULL);

		field_put_raw(out, "Content-ID", id);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		const char *value = propset_text(attachment, texts[i].tag);

		if (value && *value)
			field_put_text(out, texts[i].field, value);
	}
}

/* RFC 6532 3.7: one whose header has more than ASCII. */
static bool is_global(const GByteArray *message)
{
	for (guint i = 0; i < message->len; i++) {
		if (message->data[i] >= 0x80)
			return true;
		if (message->data[i] == '\n' && i + 1 < message->len &&
		    message->data[i + 1] == '\r')
			break;
	}
	return false;
}

static GByteArray *embedded_part(const struct propset *attachment,
				 bool rendered, unsigned depth)
{
	GByteArray *message = g_byte_array_new();
	GByteArray *out = g_byte_array_new();

	compose_message(propset_embedded(attachment), depth + 1, message);
	compose_put(out, is_global(message)
				 ? "Content-Type: message/global\r\n"
				 : "Content-Type: message/rfc822\r\n");
	put_disposition(out, attachment, rendered);
	if (!encode_is_seven_bit((struct octets){message->data, message->len}))
		compose_put(out, "Content-Transfer-Encoding: 8bit\r\n");
	compose_put(out, "\r\n");
	g_byte_array_append(out, message->data, message->len);
	g_byte_array_unref(message);
	return out;
}

/* The type as it came, with its parameters (attach.c), of what is nothing
 * without them: a part of a message, or the place of one. */
static const char *whole_type(const struct propset *attachment,
			      const char *type)
{
	static const char *const types[] = {"message/partial",
					    "message/external-body"};

	for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
		const char *whole =
			propset_header_text(attachment, "content-type");

		if (!strcmp(type, types[i]) && whole &&
		    !g_ascii_strncasecmp(whole, type, strlen(type)) &&
		    g_str_is_ascii(whole))
			return whole;
	}
	return NULL;
}

static void put_type(GByteArray *out, const struct propset *attachment,
		     const char *type)
{
	const char *whole = whole_type(attachment, type);
	const char *charset =
		propset_text(attachment, PR_TEXT_ATTACHMENT_CHARSET);
	const struct field_param params[] = {
		{"charset",
		 charset && is_token(charset, "-_.:+()", CHARSET_LEN_MAX)
			 ? charset
			 : NULL,
		 false},
		{"name", file_name(attachment), true}};

	if (whole)
		field_put_raw(out, "Content-Type", whole);
	else
		field_put_params(out, "Content-Type", type, params,
				 G_N_ELEMENTS(params));
}

GByteArray *attachment_data_part(const struct propset *attachment,
				 const char *type, struct octets in)
{
	GByteArray *out = g_byte_array_new();

	put_type(out, attachment, type);
	compose_put(out, "Content-Transfer-Encoding: base64\r\n\r\n");
	encode_put_base64(out, in);
	return out;
}

static GByteArray *data_part(const struct propset *attachment, bool rendered)
{
	const char *type = propset_text(attachment, PR_ATTACH_MIME_TAG);
	GBytes *bytes = propset_binary(attachment, PR_ATTACH_DATA_BIN);
	GByteArray *out = g_byte_array_new();
	struct octets in = {NULL, 0};
	const char *as_it_is = NULL;
	gsize len = 0;

	if (bytes)
		in.data = g_bytes_get_data(bytes, &len);
	in.len = len;
	if (!type || !is_type(type))
		type = "application/octet-stream";
	/* RFC 2046 5.2: message types are not to be encoded, and these two have
	 * seven bits; those of RFC 6532 and 6533 may be, but then nobody reads
	 * them. */
	if (g_str_has_prefix(type, "message/"))
		as_it_is = encode_as_it_is(
			in, strcmp(type, "message/partial") != 0 &&
				    strcmp(type, "message/external-body") != 0);
	if (!as_it_is && (g_str_has_prefix(type, "message/") ||
			  g_str_has_prefix(type, "multipart/")))
		type = "application/octet-stream";
	put_type(out, attachment, type);
	put_disposition(out, attachment, rendered);
	compose_put(out, as_it_is ? as_it_is
				  : "Content-Transfer-Encoding: base64\r\n");
	compose_put(out, "\r\n");
	if (as_it_is)
		g_byte_array_append(out, in.data, (guint)in.len);
	else
		encode_put_base64(out, in);
	return out;
}

GByteArray *attachment_part(const struct propset *set, size_t i, unsigned depth)
{
	const struct propset *attachment = propset_attachment(set, i);
	bool rendered = attachment_is_rendered(set, attachment);

	if (propset_embedded(attachment))
		return embedded_part(attachment, rendered, depth);
	return data_part(attachment, rendered);
}
