/*
 * The parts of a composed message: alternative of plain and HTML, related for
 * what the HTML shows, mixed for what is attached.
 */
#include "compose_calendar.h"
#include "parts.h"
#include "text.h"
#include "utf8.h"

#include <stdio.h>
#include <string.h>

/* Of each part, towards the name of a boundary. */
#define BOUNDARY_SEED_MAX 4096u

/* ---- leaves ---------------------------------------------------------------
 */

static void put_text_part(GByteArray *out, const char *type,
			  const char *charset, struct octets in)
{
	const struct field_param params[] = {{"charset", charset, false}};

	field_put_params(out, "Content-Type", type, params, 1);
	encode_put_text(out, in);
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

/* HTML as it goes out: its octets in the charset of PR_INTERNET_CPID, if that
 * is what they are in and it may be in mail, else as UTF-8.  ret_charset:
 * static. */
static GBytes *encode_html(const struct propset *set, const char **ret_charset)
{
	GBytes *html = propset_binary(set, PR_HTML);
	int asked = (int)propset_number(set, PR_INTERNET_CPID, 0);
	gsize len = 0;
	const char *data = g_bytes_get_data(html, &len);
	bool clean = false;
	g_autofree char *text =
		charset_decode_codepage(asked, data, len, &clean);
	const char *name = charset_name_of(asked);
	/* A tag in UTF-16 has zero octets: letters without are something else.
	 */
	bool is_wide = data && memchr(data, '\0', len);

	*ret_charset = "utf-8";
	if (text && clean && (name || is_wide)) {
		int page = name ? charset_exact_codepage(name, data, len, text)
				: CODEPAGE_UTF8;

		len = strlen(text);
		if (page == CODEPAGE_UTF8)
			return g_bytes_new_take(g_steal_pointer(&text), len);
		*ret_charset = charset_name_of(page);
		return g_bytes_ref(html);
	}
	/* What says nothing of its charset, or another one. */
	if (charset_is_seven_bit(data, len))
		*ret_charset = "us-ascii";
	else if (!utf8_is_valid(data, len))
		*ret_charset =
			name && asked != CODEPAGE_ASCII ? name : "windows-1252";
	return g_bytes_ref(html);
}

static GByteArray *html_part(const struct propset *set)
{
	const char *charset = NULL;
	g_autoptr(GBytes) html = encode_html(set, &charset);
	GByteArray *out = g_byte_array_new();
	struct octets in;
	gsize len = 0;

	in.data = g_bytes_get_data(html, &len);
	in.len = len;
	put_text_part(out, "text/html", charset, in);
	return out;
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

static bool is_ascii(const GPtrArray *parts)
{
	for (guint i = 0; i < parts->len; i++) {
		const GByteArray *part = g_ptr_array_index(parts, i);

		if (!charset_is_seven_bit((const char *)part->data, part->len))
			return false;
	}
	return true;
}

/* Takes the parts.  Where one is a message beyond ASCII, it says so itself
 * (RFC 2045 6.2). */
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
	if (!is_ascii(parts))
		compose_put(out, "Content-Transfer-Encoding: 8bit\r\n");
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
		if (!attachment_is_rendered(set, propset_attachment(set, i)))
			continue;
		if (!parts)
			parts = parts_new(html_part(set));
		g_ptr_array_add(parts, attachment_part(set, i, depth));
	}
	if (!parts)
		return html_part(set);
	return multipart("related", "type", "text/html", parts);
}

/* HTML as plain text, for readers that want that.  Owned. */
static char *text_of_html(const struct propset *set)
{
	static const struct convert_options options = {0};
	struct convert_context context = {.options = &options};
	const char *charset = NULL;
	g_autoptr(GBytes) html = encode_html(set, &charset);
	gsize len = 0;
	const char *data = g_bytes_get_data(html, &len);
	g_autofree char *utf8 = charset_decode(charset, data, len);

	/* NULL where a system lacks that charset. */
	return html_to_text(&context, utf8 ? utf8 : "");
}

/* The text of the message: of its own, else of its HTML.  Owned, NULL if there
 * is neither. */
static char *text_of(const struct propset *set)
{
	GBytes *html = propset_binary(set, PR_HTML);
	const char *text = propset_text(set, PR_BODY);

	if (text)
		return g_strdup(text);
	return html ? text_of_html(set) : compose_report_text(set);
}

/* The calendar that a meeting is, of the attachments or of the properties;
 * NULL if it is no meeting. */
static GByteArray *calendar_part(const struct propset *set, size_t at,
				 const char *text)
{
	const char *type = calendar_type(set);
	g_autofree char *made = NULL;
	GBytes *bytes = NULL;
	GByteArray *out = NULL;
	struct octets in;
	gsize len = 0;

	if (at != SIZE_MAX) {
		bytes = propset_binary(propset_attachment(set, at),
				       PR_ATTACH_DATA_BIN);
		in.data = bytes ? g_bytes_get_data(bytes, &len) : NULL;
		in.len = len;
		return attachment_data_part(propset_attachment(set, at), type,
					    in);
	}
	made = calendar_make(set, text ? text : "");
	if (!made)
		return NULL;
	in.data = (const uint8_t *)made;
	in.len = strlen(made);
	out = g_byte_array_new();
	put_text_part(out, type, "utf-8", in);
	return out;
}

/* What is to be read: plain text, HTML, and a calendar beside each other
 * (2.1.3.3); NULL if nothing is. */
static GByteArray *text_part(const struct propset *set, size_t calendar_index,
			     unsigned depth)
{
	bool html = propset_binary(set, PR_HTML) != NULL;
	g_autofree char *text = text_of(set);
	GByteArray *calendar = calendar_part(set, calendar_index, text);
	GPtrArray *parts = parts_new(NULL);
	GByteArray *only = NULL;

	/* One that came alone goes alone (RFC 6047 2.4). */
	if (text || (calendar && calendar_index == SIZE_MAX) ||
	    !propset_attachment_count(set))
		g_ptr_array_add(parts, plain_part(set, text ? text : ""));
	if (html)
		g_ptr_array_add(parts, related_part(set, depth));
	if (calendar)
		g_ptr_array_add(parts, calendar);
	if (parts->len > 1)
		return multipart("alternative", NULL, NULL, parts);
	if (parts->len)
		only = g_byte_array_ref(g_ptr_array_index(parts, 0));
	g_ptr_array_unref(parts);
	return only;
}

static GByteArray *whole_part(const struct propset *set, unsigned depth)
{
	GByteArray *status = NULL;
	const char *report = compose_report(set, &status);
	size_t calendar = calendar_at(set);
	GByteArray *text = text_part(set, calendar, depth);
	GPtrArray *parts = parts_new(text);

	if (status)
		g_ptr_array_add(parts, status);
	for (size_t i = 0; i < propset_attachment_count(set); i++)
		if (i != calendar &&
		    !attachment_is_rendered(set, propset_attachment(set, i)))
			g_ptr_array_add(parts, attachment_part(set, i, depth));
	if (parts->len == 1 && text) {
		GByteArray *only = g_byte_array_ref(text);

		g_ptr_array_unref(parts);
		return only;
	}
	return multipart(report ? "report" : "mixed",
			 report ? "report-type" : NULL, report, parts);
}

void compose_body(const struct propset *set, unsigned depth, GByteArray *out)
{
	GByteArray *part = NULL;

	compose_put(out, "MIME-Version: 1.0\r\n");
	if (compose_smime(set, out))
		return;
	part = whole_part(set, depth);
	g_byte_array_append(out, part->data, part->len);
	g_byte_array_unref(part);
}
