/*
 * Signed and encrypted mail: its one attachment is the entity, and goes as it
 * came (MS-OXCMAIL 2.1.3.5.2, RFC 8551).
 */
#include "compose.h"

#include <string.h>

#define LINE_LEN_MAX 998

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

/* What CMS content is inside, by the first octets: an OBJECT IDENTIFIER in a
 * SEQUENCE (RFC 5652 3); NULL if it is none that has a name (RFC 8551 3.2.2).
 */
static const char *smime_type(struct octets in)
{
	static const struct {
		const char *name;
		uint8_t len, oid[13];
	} types[] = {
		{"signed-data",
		 11,
		 {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07,
		  0x02}},
		{"enveloped-data",
		 11,
		 {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07,
		  0x03}},
		{"compressed-data",
		 13,
		 {0x06, 0x0b, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09,
		  0x10, 0x01, 0x09}},
		{"authEnveloped-data",
		 13,
		 {0x06, 0x0b, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09,
		  0x10, 0x01, 0x17}},
	};
	size_t at = 0;

	if (in.len < 2 || in.data[0] != 0x30)
		return NULL;
	/* The length: short, of so many octets, or without end. */
	at = 2 + (in.data[1] > 0x80 ? in.data[1] & 0x7fu : 0);
	for (size_t i = 0; i < G_N_ELEMENTS(types); i++)
		if (at + types[i].len <= in.len &&
		    !memcmp(in.data + at, types[i].oid, types[i].len))
			return types[i].name;
	return NULL;
}

/* The type as it came (MS-OXOSMIME), NULL if it is none of S/MIME. */
static const char *given_type(const struct propset *set)
{
	const char *text = propset_header_text(set, "content-type");

	return text && g_str_is_ascii(text) &&
			       !g_ascii_strncasecmp(text, "application/", 12)
		       ? text
		       : NULL;
}

/* Content-Type as it came, else by the attachment's type and its octets. */
static void put_smime_type(const struct propset *set, struct octets in,
			   GByteArray *out)
{
	const struct propset *attachment = propset_attachment(set, 0);
	const char *type = propset_text(attachment, PR_ATTACH_MIME_TAG);
	const char *given = given_type(set);
	guint start = out->len;
	const struct field_param params[] = {
		{"smime-type", smime_type(in), false},
		{"name", "smime.p7m", true}};
	bool known = type && (!strcmp(type, "application/x-pkcs7-mime") ||
			      !strcmp(type, "application/octet-stream"));

	if (given)
		field_put_raw(out, "Content-Type", given);
	if (out->len == start)
		field_put_params(out, "Content-Type",
				 known ? type : "application/pkcs7-mime",
				 params, G_N_ELEMENTS(params));
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

bool compose_smime(const struct propset *set, GByteArray *out)
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
	put_smime_type(set, in, out);
	encode_put_base64(out, in);
	return true;
}
