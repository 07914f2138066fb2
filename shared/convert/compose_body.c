/*
 * The parts of a composed message: alternative of plain and HTML, related for
 * what the HTML shows, mixed for what is attached.
 */
#include "compose.h"
#include "digest.h"

#include <stdio.h>
#include <string.h>

#define LINE_LEN_MAX    998
#define QP_LINE_LEN     76
#define BASE64_LINE     57 /* octets */
#define METHOD_EMBEDDED 5
#define FLAG_RENDERED   4
#define CODEPAGE_UTF8   65001
#define LID_COUNTER     0x8257

static void put(GByteArray *out, const char *text)
{
	g_byte_array_append(out, (const guint8 *)text, (guint)strlen(text));
}

/* ---- transfer encodings ---------------------------------------------------
 */

struct octets {
	const uint8_t *data;
	size_t len;
};

/* May it go as it is: ASCII, CRLF, lines that are not too long? */
static bool is_seven_bit(struct octets in)
{
	size_t line = 0;

	for (size_t i = 0; i < in.len; i++) {
		uint8_t c = in.data[i];

		if (c == '\r') {
			if (i + 1 >= in.len || in.data[i + 1] != '\n')
				return false;
			line = 0;
			i++;
			continue;
		}
		if (c == '\n' || c == 0 || c >= 0x80 || ++line > LINE_LEN_MAX)
			return false;
	}
	return true;
}

static void put_base64(GByteArray *out, struct octets in)
{
	for (size_t at = 0; at < in.len; at += BASE64_LINE) {
		char line[128];
		gint state = 0;
		gint save = 0;
		gsize n = g_base64_encode_step(
			in.data + at, MIN(in.len - at, (size_t)BASE64_LINE),
			FALSE, line, &state, &save);

		n += g_base64_encode_close(FALSE, line + n, &state, &save);
		line[n++] = '\r';
		line[n++] = '\n';
		g_byte_array_append(out, (const guint8 *)line, (guint)n);
	}
}

static bool ends_line(struct octets in, size_t at)
{
	return at >= in.len || in.data[at] == '\n' ||
	       (in.data[at] == '\r' && at + 1 < in.len &&
		in.data[at + 1] == '\n');
}

/* What the octet is in quoted-printable; start: the first of a line. */
static void qp_token(struct octets in, size_t at, bool start, char token[4])
{
	uint8_t c = in.data[at];
	bool plain = c >= 33 && c <= 126 && c != '=';

	if ((c == ' ' || c == '\t') && !ends_line(in, at + 1))
		plain = true;
	/* "." would be stuffed, "From " changed, by careless programs. */
	if (start && (c == '.' || (c == 'F' && in.len - at >= 5 &&
				   !memcmp(in.data + at, "From ", 5))))
		plain = false;
	if (plain)
		(void)snprintf(token, 4, "%c", c);
	else
		(void)snprintf(token, 4, "=%02X", c);
}

static void put_quoted(GByteArray *out, struct octets in)
{
	size_t column = 0;

	for (size_t at = 0; at < in.len; at++) {
		char token[4];

		if (ends_line(in, at)) {
			if (in.data[at] == '\r')
				at++;
			put(out, "\r\n");
			column = 0;
			continue;
		}
		qp_token(in, at, column == 0, token);
		if (column + strlen(token) > QP_LINE_LEN - 1) {
			put(out, "=\r\n");
			column = 0;
			qp_token(in, at, true, token);
		}
		put(out, token);
		column += strlen(token);
	}
}

/* ---- leaves ---------------------------------------------------------------
 */

static void put_text_part(GByteArray *out, const char *type,
			  const char *charset, struct octets in)
{
	bool plain = is_seven_bit(in);

	field_put_params(out, "Content-Type", type, "charset", charset, NULL,
			 NULL);
	put(out, plain ? "Content-Transfer-Encoding: 7bit\r\n\r\n"
		       : "Content-Transfer-Encoding: quoted-printable\r\n\r\n");
	if (plain)
		g_byte_array_append(out, in.data, (guint)in.len);
	else
		put_quoted(out, in);
}

static GByteArray *plain_part(const struct propset *set)
{
	const char *text = propset_text(set, PR_BODY);
	int codepage =
		(int)propset_number(set, PR_INTERNET_CPID, CODEPAGE_UTF8);
	const char *charset = NULL;
	g_autoptr(GBytes) bytes = NULL;
	GByteArray *out = g_byte_array_new();
	struct octets in;
	gsize len = 0;

	bytes = charset_encode(codepage, text ? text : "", &charset);
	if (!bytes)
		bytes = charset_encode(CODEPAGE_UTF8, text ? text : "",
				       &charset);
	in.data = g_bytes_get_data(bytes, &len);
	in.len = len;
	put_text_part(out, "text/plain", charset, in);
	return out;
}

static GByteArray *html_part(const struct propset *set)
{
	GBytes *html = propset_binary(set, PR_HTML);
	int codepage =
		(int)propset_number(set, PR_INTERNET_CPID, CODEPAGE_UTF8);
	const char *charset = NULL;
	GByteArray *out = g_byte_array_new();
	struct octets in;
	gsize len = 0;

	/* For its name only: the octets are in that charset. */
	g_autoptr(GBytes) none = charset_encode(codepage, "", &charset);

	in.data = g_bytes_get_data(html, &len);
	in.len = len;
	put_text_part(out, "text/html", none ? charset : "utf-8", in);
	return out;
}

static bool is_rendered(const struct propset *attachment)
{
	const char *cid = propset_text(attachment, PR_ATTACH_CONTENT_ID);

	return cid && *cid &&
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

static void put_disposition(GByteArray *out, const struct propset *attachment)
{
	const char *cid = propset_text(attachment, PR_ATTACH_CONTENT_ID);
	const char *location =
		propset_text(attachment, PR_ATTACH_CONTENT_LOCATION);

	field_put_params(out, "Content-Disposition",
			 is_rendered(attachment) ? "inline" : "attachment",
			 NULL, NULL, "filename", file_name(attachment));
	if (cid && *cid) {
		g_autofree char *id = g_strconcat("<", cid, ">", NULL);

		field_put_raw(out, "Content-ID", id);
	}
	if (location && *location)
		field_put_text(out, "Content-Location", location);
}

static GByteArray *embedded_part(const struct propset *attachment,
				 unsigned depth)
{
	GByteArray *message = g_byte_array_new();
	GByteArray *out = g_byte_array_new();

	compose_message(propset_embedded(attachment), depth + 1, message);
	put(out, "Content-Type: message/rfc822\r\n");
	put_disposition(out, attachment);
	if (!is_seven_bit((struct octets){message->data, message->len}))
		put(out, "Content-Transfer-Encoding: 8bit\r\n");
	put(out, "\r\n");
	g_byte_array_append(out, message->data, message->len);
	g_byte_array_unref(message);
	return out;
}

/* RFC 2046 5.2: message types are not to be encoded. */
static bool goes_plain(const char *type, struct octets in)
{
	return g_str_has_prefix(type, "message/") && is_seven_bit(in);
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
	field_put_params(out, "Content-Type", type,
			 charset && *charset ? "charset" : NULL, charset,
			 "name", file_name(attachment));
	if (!method)
		put_disposition(out, attachment);
	if (plain) {
		put(out, "\r\n");
		g_byte_array_append(out, in.data, (guint)in.len);
	} else {
		put(out, "Content-Transfer-Encoding: base64\r\n\r\n");
		put_base64(out, in);
	}
	return out;
}

static GByteArray *attachment_part(const struct propset *attachment,
				   unsigned depth)
{
	if (propset_embedded(attachment) && depth < COMPOSE_DEPTH_MAX)
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

/* One that no part contains; the same for the same parts. */
static void choose_boundary(const GPtrArray *parts, char boundary[64])
{
	struct digest *digest = digest_new();
	uint8_t hash[DIGEST_SIZE];
	char hex[DIGEST_HEX_SIZE];
	unsigned n = 0;

	for (guint i = 0; i < parts->len; i++) {
		const GByteArray *part = g_ptr_array_index(parts, i);

		digest_update(digest, part->data, part->len);
	}
	digest_finish(digest, hash);
	digest_format(hash, hex);
	do
		(void)snprintf(boundary, 64, "=_okapi_%.32s_%u", hex, n++);
	while (occurs(parts, boundary));
}

/* Takes the parts. */
static GByteArray *multipart(const char *subtype, const char *key,
			     const char *detail, GPtrArray *parts)
{
	GByteArray *out = g_byte_array_new();
	g_autofree char *media = NULL;
	char boundary[64];

	choose_boundary(parts, boundary);
	media = g_strconcat("multipart/", subtype, NULL);
	field_put_params(out, "Content-Type", media, "boundary", boundary, key,
			 detail);
	put(out, "\r\n");
	for (guint i = 0; i < parts->len; i++) {
		const GByteArray *part = g_ptr_array_index(parts, i);

		put(out, "--");
		put(out, boundary);
		put(out, "\r\n");
		g_byte_array_append(out, part->data, part->len);
		put(out, "\r\n");
	}
	put(out, "--");
	put(out, boundary);
	put(out, "--\r\n");
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

/* What is to be read; NULL if nothing is. */
static GByteArray *text_part(const struct propset *set, unsigned depth)
{
	bool html = propset_binary(set, PR_HTML) != NULL;
	bool plain = propset_has(set, PR_BODY);
	GPtrArray *parts = NULL;

	if (html && !plain)
		return related_part(set, depth);
	if (!html)
		return plain || !propset_attachment_count(set) ? plain_part(set)
							       : NULL;
	parts = parts_new(plain_part(set));
	g_ptr_array_add(parts, related_part(set, depth));
	return multipart("alternative", NULL, NULL, parts);
}

/* A report stays one if its machine-readable part is there. */
static const char *report_type(const struct propset *set)
{
	const char *class = propset_text(set, PR_MESSAGE_CLASS);

	if (!class || !g_str_has_prefix(class, "REPORT."))
		return NULL;
	for (size_t i = 0; i < propset_attachment_count(set); i++) {
		const char *type = propset_text(propset_attachment(set, i),
						PR_ATTACH_MIME_TAG);

		if (type && !strcmp(type, "message/delivery-status"))
			return "delivery-status";
		if (type && !strcmp(type, "message/disposition-notification"))
			return "disposition-notification";
	}
	return NULL;
}

static GByteArray *whole_part(const struct propset *set, unsigned depth)
{
	bool html = propset_binary(set, PR_HTML) != NULL;
	const char *report = report_type(set);
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

static void put_smime_type(const struct propset *attachment, GByteArray *out)
{
	const char *type = propset_text(attachment, PR_ATTACH_MIME_TAG);
	bool known = type && (!strcmp(type, "application/x-pkcs7-mime") ||
			      !strcmp(type, "application/octet-stream"));

	field_put_params(out, "Content-Type",
			 known ? type : "application/pkcs7-mime", NULL, NULL,
			 "name", "smime.p7m");
	put(out, "Content-Disposition: attachment; filename=\"smime.p7m\"\r\n"
		 "Content-Transfer-Encoding: base64\r\n\r\n");
}

/* As it is, but no CR or LF alone: a relay must not see them (RFC 5321 2.3.8),
 * and those who sign count lines as CRLF (RFC 8551 3.1.1). */
static void put_lines(GByteArray *out, struct octets in)
{
	size_t start = 0;

	for (size_t i = 0; i < in.len; i++) {
		bool cr = in.data[i] == '\r';
		bool pair = cr && i + 1 < in.len && in.data[i + 1] == '\n';

		if (!cr && in.data[i] != '\n')
			continue;
		g_byte_array_append(out, in.data + start, (guint)(i - start));
		put(out, "\r\n");
		i += pair;
		start = i + 1;
	}
	if (start < in.len)
		g_byte_array_append(out, in.data + start,
				    (guint)(in.len - start));
}

static bool put_smime(const struct propset *set, GByteArray *out)
{
	const char *class = propset_text(set, PR_MESSAGE_CLASS);
	GBytes *bytes = NULL;
	struct octets in;
	gsize len = 0;

	if (!class || !g_str_has_prefix(class, "IPM.Note.SMIME") ||
	    propset_attachment_count(set) != 1)
		return false;
	bytes = propset_binary(propset_attachment(set, 0), PR_ATTACH_DATA_BIN);
	if (!bytes)
		return false;
	in.data = g_bytes_get_data(bytes, &len);
	in.len = len;
	if (!strcmp(class, "IPM.Note.SMIME.MultipartSigned") &&
	    is_signed_entity(in)) {
		put_lines(out, in);
		return true;
	}
	if (strcmp(class, "IPM.Note.SMIME") != 0)
		return false;
	put_smime_type(propset_attachment(set, 0), out);
	put_base64(out, in);
	return true;
}

void compose_body(const struct propset *set, unsigned depth, GByteArray *out)
{
	GByteArray *part = NULL;

	put(out, "MIME-Version: 1.0\r\n");
	if (put_smime(set, out))
		return;
	part = whole_part(set, depth);
	g_byte_array_append(out, part->data, part->len);
	g_byte_array_unref(part);
}
