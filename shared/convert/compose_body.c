/*
 * The parts of a composed message: alternative of plain and HTML, related for
 * what the HTML shows, mixed for what is attached.
 */
#include "compose.h"
#include "field.h"
#include "parts.h"
#include "text.h"
#include "utf8.h"

#include <stdio.h>
#include <string.h>

#define LINE_LEN_MAX    998
#define METHOD_EMBEDDED 5
#define FLAG_RENDERED   4
#define CODEPAGE_ASCII  20127
#define CODEPAGE_LATIN1 28591
#define CODEPAGE_UTF8   65001
#define LID_COUNTER     0x8257
/* Of each part, towards the name of a boundary. */
#define BOUNDARY_SEED_MAX 4096u

/* ---- leaves ---------------------------------------------------------------
 */

static void put_text_part(GByteArray *out, const char *type,
			  const char *charset, struct octets in)
{
	const struct field_param params[] = {{"charset", charset, false}};
	bool plain = encode_is_seven_bit(in);

	field_put_params(out, "Content-Type", type, params, 1);
	compose_put(out, plain ? "Content-Transfer-Encoding: 7bit\r\n\r\n"
			       : "Content-Transfer-Encoding: quoted-printable"
				 "\r\n\r\n");
	if (plain)
		g_byte_array_append(out, in.data, (guint)in.len);
	else
		encode_put_quoted(out, in);
}

/* Text in the charset the sender asked for (PR_INTERNET_CPID), else in the
 * narrowest that has all of its letters; none loses one. */
static GBytes *encode_text(const struct propset *set, const char *text,
			   const char **ret_charset)
{
	int asked = (int)propset_number(set, PR_INTERNET_CPID, 0);
	const int codepages[] = {asked, CODEPAGE_ASCII, CODEPAGE_LATIN1,
				 CODEPAGE_UTF8};
	GBytes *bytes = NULL;

	for (size_t i = 0; !bytes && i < G_N_ELEMENTS(codepages); i++)
		bytes = charset_encode(codepages[i], text, ret_charset);
	return bytes;
}

static GByteArray *plain_part(const struct propset *set, const char *text)
{
	const char *charset = NULL;
	g_autoptr(GBytes) bytes = encode_text(set, text, &charset);
	GByteArray *out = g_byte_array_new();
	struct octets in;
	gsize len = 0;

	in.data = g_bytes_get_data(bytes, &len);
	in.len = len;
	put_text_part(out, "text/plain", charset, in);
	return out;
}

/* The charset of HTML: the octets are in it already. */
static const char *html_charset(const struct propset *set, struct octets in)
{
	int asked = (int)propset_number(set, PR_INTERNET_CPID, 0);
	bool ascii = true;
	const char *charset = NULL;
	g_autoptr(GBytes) none = NULL;

	for (size_t i = 0; ascii && i < in.len; i++)
		ascii = in.data[i] < 0x80;
	none = charset_encode(asked, "", &charset);
	if (none && (ascii || asked != CODEPAGE_ASCII))
		return charset;
	if (ascii)
		return "us-ascii";
	return utf8_is_valid((const char *)in.data, in.len) ? "utf-8"
							    : "windows-1252";
}

static GByteArray *html_part(const struct propset *set)
{
	GBytes *html = propset_binary(set, PR_HTML);
	GByteArray *out = g_byte_array_new();
	struct octets in;
	gsize len = 0;

	in.data = g_bytes_get_data(html, &len);
	in.len = len;
	put_text_part(out, "text/html", html_charset(set, in), in);
	return out;
}

/* Does the HTML show it?  Then it lies beside that (2.1.3.4). */
static bool is_rendered(const struct propset *attachment)
{
	const char *cid = propset_text(attachment, PR_ATTACH_CONTENT_ID);
	const char *location =
		propset_text(attachment, PR_ATTACH_CONTENT_LOCATION);

	return ((cid && *cid) || (location && *location)) &&
	       (propset_number(attachment, PR_ATTACH_FLAGS, 0) & FLAG_RENDERED);
}

static bool is_type(const char *type)
{
	const char *slash = strchr(type, '/');

	if (!slash || slash == type || !slash[1] || strlen(type) > 200)
		return false;
	for (const char *c = type; *c; c++)
		if (!g_ascii_isalnum(*c) && !strchr("/!#$&-^_.+", *c))
			return false;
	return !strchr(slash + 1, '/');
}

static const char *file_name(const struct propset *attachment)
{
	const char *name = propset_text(attachment, PR_ATTACH_LONG_FILENAME);

	if (!name || !*name)
		name = propset_text(attachment, PR_ATTACH_FILENAME);
	return name;
}

/* A date in the form of RFC 2183; owned, NULL if there is none. */
static char *date_param(const struct propset *attachment, uint32_t tag)
{
	if (!propset_has(attachment, tag))
		return NULL;
	return field_date_utc(propset_number(attachment, tag, 0));
}

static void put_disposition(GByteArray *out, const struct propset *attachment)
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
	};

	field_put_params(out, "Content-Disposition",
			 is_rendered(attachment) ? "inline" : "attachment",
			 params, G_N_ELEMENTS(params));
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
				 unsigned depth)
{
	GByteArray *message = g_byte_array_new();
	GByteArray *out = g_byte_array_new();

	compose_message(propset_embedded(attachment), depth + 1, message);
	compose_put(out, is_global(message)
				 ? "Content-Type: message/global\r\n"
				 : "Content-Type: message/rfc822\r\n");
	put_disposition(out, attachment);
	if (!encode_is_seven_bit((struct octets){message->data, message->len}))
		compose_put(out, "Content-Transfer-Encoding: 8bit\r\n");
	compose_put(out, "\r\n");
	g_byte_array_append(out, message->data, message->len);
	g_byte_array_unref(message);
	return out;
}

/* RFC 2046 5.2: message types are not to be encoded. */
static bool goes_plain(const char *type, struct octets in)
{
	return g_str_has_prefix(type, "message/") && encode_is_seven_bit(in);
}

/* method: the type of a calendar that is the message, with its method; NULL
 * for what is attached to one. */
static GByteArray *data_part(const struct propset *attachment,
			     const char *method)
{
	const char *type = propset_text(attachment, PR_ATTACH_MIME_TAG);
	const char *charset =
		propset_text(attachment, PR_TEXT_ATTACHMENT_CHARSET);
	GBytes *bytes = propset_binary(attachment, PR_ATTACH_DATA_BIN);
	struct field_param params[] = {{"charset", NULL, false},
				       {"name", NULL, true}};
	GByteArray *out = g_byte_array_new();
	struct octets in = {NULL, 0};
	bool plain = false;
	gsize len = 0;

	if (bytes)
		in.data = g_bytes_get_data(bytes, &len);
	in.len = len;
	if (!type || !is_type(type))
		type = "application/octet-stream";
	plain = goes_plain(type, in);
	if (!plain && (g_str_has_prefix(type, "message/") ||
		       g_str_has_prefix(type, "multipart/")))
		type = "application/octet-stream";
	if (method)
		type = method;
	params[0].value = charset;
	params[1].value = file_name(attachment);
	field_put_params(out, "Content-Type", type, params, 2);
	if (!method)
		put_disposition(out, attachment);
	if (plain) {
		compose_put(out, "\r\n");
		g_byte_array_append(out, in.data, (guint)in.len);
	} else {
		compose_put(out, "Content-Transfer-Encoding: base64\r\n\r\n");
		encode_put_base64(out, in);
	}
	return out;
}

static GByteArray *attachment_part(const struct propset *attachment,
				   unsigned depth)
{
	if (propset_embedded(attachment))
		return embedded_part(attachment, depth);
	return data_part(attachment, NULL);
}

/* ---- meetings -------------------------------------------------------------
 */

/* The type of the calendar of a meeting message (MS-OXCICAL 2.1.3.1.1.1); NULL
 * if it is none. */
static const char *calendar_type(const struct propset *set)
{
	static const struct {
		const char *class, *type;
	} methods[] = {
		{"IPM.Schedule.Meeting.Request",
		 "text/calendar; method=REQUEST"},
		{"IPM.Schedule.Meeting.Canceled",
		 "text/calendar; method=CANCEL"},
		{"IPM.Schedule.Meeting.Resp.Pos",
		 "text/calendar; method=REPLY"},
		{"IPM.Schedule.Meeting.Resp.Neg",
		 "text/calendar; method=REPLY"},
	};
	const char *class = propset_text(set, PR_MESSAGE_CLASS);

	for (size_t i = 0; class && i < G_N_ELEMENTS(methods); i++)
		if (!strcmp(class, methods[i].class))
			return methods[i].type;
	if (!class || strcmp(class, "IPM.Schedule.Meeting.Resp.Tent") != 0)
		return NULL;
	for (size_t i = 0; i < propset_count(set); i++) {
		const struct prop *prop = propset_at(set, i);
		const struct prop_name *name =
			PROP_ID(prop->tag) >= PROP_ID_NAMED
				? propset_name_of(set, prop->tag)
				: NULL;

		if (name && !name->name && name->lid == LID_COUNTER &&
		    !strcmp(name->guid, "PSETID_Appointment") &&
		    PROP_TYPE(prop->tag) == PT_BOOLEAN && prop->value.boolean)
			return "text/calendar; method=COUNTER";
	}
	return "text/calendar; method=REPLY";
}

/* Which attachment is the meeting; SIZE_MAX if none is. */
static size_t calendar_at(const struct propset *set)
{
	if (!calendar_type(set))
		return SIZE_MAX;
	for (size_t i = 0; i < propset_attachment_count(set); i++) {
		const char *type = propset_text(propset_attachment(set, i),
						PR_ATTACH_MIME_TAG);

		if (type && !strcmp(type, "text/calendar"))
			return i;
	}
	return SIZE_MAX;
}

/* ---- multiparts -----------------------------------------------------------
 */

static bool occurs(const GPtrArray *parts, const char *boundary)
{
	for (guint i = 0; i < parts->len; i++) {
		const GByteArray *part = g_ptr_array_index(parts, i);

		if (part->len &&
		    memmem(part->data, part->len, boundary, strlen(boundary)))
			return true;
	}
	return false;
}

/* What a boundary is made of: lengths, and how each part begins. */
static char *boundary_seed(const GPtrArray *parts)
{
	GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA256);
	char *hex;

	for (guint i = 0; i < parts->len; i++) {
		const GByteArray *part = g_ptr_array_index(parts, i);

		g_checksum_update(sum, (const guchar *)&part->len,
				  sizeof(part->len));
		g_checksum_update(sum, part->data,
				  (gssize)MIN(part->len, BOUNDARY_SEED_MAX));
	}
	hex = g_strdup(g_checksum_get_string(sum));
	g_checksum_free(sum);
	return hex;
}

/* One that no part contains; the same for the same parts. */
static void choose_boundary(const GPtrArray *parts, char boundary[64])
{
	g_autofree char *seed = boundary_seed(parts);
	unsigned n = 0;

	do
		(void)snprintf(boundary, 64, "=_okapi_%.32s_%u", seed, n++);
	while (occurs(parts, boundary));
}

/* Takes the parts. */
static GByteArray *multipart(const char *subtype, const char *key,
			     const char *detail, GPtrArray *parts)
{
	struct field_param params[] = {{"boundary", NULL, false},
				       {key, detail, false}};
	GByteArray *out = g_byte_array_new();
	g_autofree char *media = NULL;
	char boundary[64];

	choose_boundary(parts, boundary);
	media = g_strconcat("multipart/", subtype, NULL);
	params[0].value = boundary;
	field_put_params(out, "Content-Type", media, params, 2);
	compose_put(out, "\r\n");
	for (guint i = 0; i < parts->len; i++) {
		const GByteArray *part = g_ptr_array_index(parts, i);

		compose_put(out, "--");
		compose_put(out, boundary);
		compose_put(out, "\r\n");
		g_byte_array_append(out, part->data, part->len);
		compose_put(out, "\r\n");
	}
	compose_put(out, "--");
	compose_put(out, boundary);
	compose_put(out, "--\r\n");
	g_ptr_array_unref(parts);
	return out;
}

static GPtrArray *parts_new(GByteArray *first)
{
	GPtrArray *parts = g_ptr_array_new_with_free_func(
		(GDestroyNotify)g_byte_array_unref);

	if (first)
		g_ptr_array_add(parts, first);
	return parts;
}

/* The HTML with the images it shows. */
static GByteArray *related_part(const struct propset *set, unsigned depth)
{
	GPtrArray *parts = NULL;

	for (size_t i = 0; i < propset_attachment_count(set); i++) {
		const struct propset *attachment = propset_attachment(set, i);

		if (!is_rendered(attachment))
			continue;
		if (!parts)
			parts = parts_new(html_part(set));
		g_ptr_array_add(parts, attachment_part(attachment, depth));
	}
	if (!parts)
		return html_part(set);
	return multipart("related", "type", "text/html", parts);
}

/* HTML as plain text, for readers that want that.  Owned. */
static char *text_of_html(const struct propset *set, GBytes *html)
{
	static const struct convert_options options = {0};
	struct convert_context context = {.options = &options};
	g_autofree char *utf8 = NULL;
	struct octets in;
	gsize len = 0;

	in.data = g_bytes_get_data(html, &len);
	in.len = len;
	utf8 = charset_decode(html_charset(set, in), in.data, in.len);
	return html_to_text(&context, utf8 ? utf8 : "",
			    utf8 ? strlen(utf8) : 0);
}

/* What is to be read, plain text beside HTML always (2.1.3.3); NULL if nothing
 * is. */
static GByteArray *text_part(const struct propset *set, unsigned depth)
{
	GBytes *html = propset_binary(set, PR_HTML);
	const char *text = propset_text(set, PR_BODY);
	g_autofree char *made = NULL;
	GPtrArray *parts = NULL;

	if (!html)
		return text || !propset_attachment_count(set)
			       ? plain_part(set, text ? text : "")
			       : NULL;
	if (!text)
		text = made = text_of_html(set, html);
	parts = parts_new(plain_part(set, text));
	g_ptr_array_add(parts, related_part(set, depth));
	return multipart("alternative", NULL, NULL, parts);
}

static GByteArray *whole_part(const struct propset *set, unsigned depth)
{
	bool html = propset_binary(set, PR_HTML) != NULL;
	GByteArray *status = NULL;
	const char *report = compose_report(set, &status);
	GByteArray *text = text_part(set, depth);
	size_t calendar = calendar_at(set);
	GPtrArray *parts = NULL;

	if (calendar != SIZE_MAX) {
		parts = parts_new(text);
		g_ptr_array_add(parts,
				data_part(propset_attachment(set, calendar),
					  calendar_type(set)));
		text = multipart("alternative", NULL, NULL, parts);
	}
	parts = parts_new(text);
	if (status)
		g_ptr_array_add(parts, status);
	for (size_t i = 0; i < propset_attachment_count(set); i++) {
		const struct propset *attachment = propset_attachment(set, i);

		if (i == calendar)
			continue;
		if (!html || !is_rendered(attachment))
			g_ptr_array_add(parts,
					attachment_part(attachment, depth));
	}
	if (parts->len == 1 && text) {
		GByteArray *only = g_byte_array_ref(text);

		g_ptr_array_unref(parts);
		return only;
	}
	return multipart(report ? "report" : "mixed",
			 report ? "report-type" : NULL, report, parts);
}

/* ---- S/MIME ---------------------------------------------------------------
 */

/* A signed entity with its own Content- fields and no others; its octets are
 * what was signed. */
static bool is_signed_entity(struct octets in)
{
	const char *at = (const char *)in.data;
	const char *end = at + in.len;
	bool any = false;

	while (at < end) {
		const char *lf = memchr(at, '\n', (size_t)(end - at));

		if (!lf)
			return false;
		if (lf == at || (lf == at + 1 && *at == '\r'))
			return any;
		if (*at != ' ' && *at != '\t' &&
		    g_ascii_strncasecmp(at, "Content-",
					MIN(8, (size_t)(lf - at))) != 0)
			return false;
		if (lf - at > LINE_LEN_MAX || (!any && (*at == ' ')))
			return false;
		any = true;
		at = lf + 1;
	}
	return false;
}

/* The named string content-type (MS-OXOSMIME), or NULL if it is none of
 * S/MIME. */
static const char *smime_type(const struct propset *set)
{
	for (size_t i = 0; i < propset_count(set); i++) {
		const struct prop *prop = propset_at(set, i);
		const struct prop_name *name = propset_name_of(set, prop->tag);
		const char *text = prop->value.text;

		if (!name || !name->name ||
		    PROP_TYPE(prop->tag) != PT_UNICODE ||
		    strcmp(name->guid, "PS_INTERNET_HEADERS") != 0 ||
		    strcmp(name->name, "content-type") != 0)
			continue;
		return g_str_is_ascii(text) && !g_ascii_strncasecmp(
						       text, "application/", 12)
			       ? text
			       : NULL;
	}
	return NULL;
}

/* Content-Type as it came, else by the attachment's type. */
static void put_smime_type(const struct propset *set, GByteArray *out)
{
	const struct propset *attachment = propset_attachment(set, 0);
	const char *given = smime_type(set);
	guint start = out->len;
	const char *type = propset_text(attachment, PR_ATTACH_MIME_TAG);
	const struct field_param name = {"name", "smime.p7m", true};
	bool known = type && (!strcmp(type, "application/x-pkcs7-mime") ||
			      !strcmp(type, "application/octet-stream"));

	if (given)
		field_put_raw(out, "Content-Type", given);
	if (out->len == start)
		field_put_params(out, "Content-Type",
				 known ? type : "application/pkcs7-mime", &name,
				 1);
	compose_put(
		out,
		"Content-Disposition: attachment; filename=\"smime.p7m\"\r\n"
		"Content-Transfer-Encoding: base64\r\n\r\n");
}

static bool is_entity(const struct propset *set)
{
	const char *class = propset_text(set, PR_MESSAGE_CLASS);

	return class && g_str_has_prefix(class, "IPM.Note.SMIME") &&
	       propset_attachment_count(set) == 1;
}

bool compose_entity_has(const struct propset *set, const char *field)
{
	size_t name_len = strlen(field);
	GBytes *bytes = NULL;
	gsize len = 0;
	const char *at = NULL;

	if (!is_entity(set))
		return false;
	bytes = propset_binary(propset_attachment(set, 0), PR_ATTACH_DATA_BIN);
	at = bytes ? g_bytes_get_data(bytes, &len) : NULL;
	/* Its header: up to an empty line. */
	while (len && *at != '\r' && *at != '\n') {
		const char *lf = memchr(at, '\n', len);
		size_t line = lf ? (size_t)(lf + 1 - at) : len;

		if (line > name_len && at[name_len] == ':' &&
		    !g_ascii_strncasecmp(at, field, name_len))
			return true;
		at += line;
		len -= line;
	}
	return false;
}

static bool put_smime(const struct propset *set, GByteArray *out)
{
	const char *class = propset_text(set, PR_MESSAGE_CLASS);
	GBytes *bytes = NULL;
	struct octets in;
	gsize len = 0;

	if (!is_entity(set))
		return false;
	bytes = propset_binary(propset_attachment(set, 0), PR_ATTACH_DATA_BIN);
	if (!bytes)
		return false;
	in.data = g_bytes_get_data(bytes, &len);
	in.len = len;
	if (!strcmp(class, "IPM.Note.SMIME.MultipartSigned") &&
	    is_signed_entity(in)) {
		encode_put_lines(out, in);
		return true;
	}
	if (strcmp(class, "IPM.Note.SMIME") != 0)
		return false;
	put_smime_type(set, out);
	encode_put_base64(out, in);
	return true;
}

void compose_body(const struct propset *set, unsigned depth, GByteArray *out)
{
	GByteArray *part = NULL;

	compose_put(out, "MIME-Version: 1.0\r\n");
	if (put_smime(set, out))
		return;
	part = whole_part(set, depth);
	g_byte_array_append(out, part->data, part->len);
	g_byte_array_unref(part);
}
