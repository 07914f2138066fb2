/*
 * 8-bit parts as quoted-printable; see downgrade.h.
 */
#include "downgrade.h"

#include <string.h>

#define DOWNGRADE_LINE_MAX 75 /* and the soft break's "=" (RFC 2045 6.7) */

struct downgrade_text {
	const char *at;
	size_t len;
};

static bool downgrade_is_7bit(struct downgrade_text text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.at[i] & 0x80)
			return false;
	return true;
}

static void downgrade_put(GByteArray *out, const char *octets, size_t len)
{
	g_byte_array_append(out, (const guint8 *)octets, (guint)len);
}

static void downgrade_say(GByteArray *out, const char *text)
{
	downgrade_put(out, text, strlen(text));
}

/* The line at the beginning of text, with its end. */
static size_t downgrade_line(struct downgrade_text text)
{
	const char *lf = memchr(text.at, '\n', text.len);

	return lf ? (size_t)(lf - text.at) + 1 : text.len;
}

static struct downgrade_text downgrade_from(struct downgrade_text text,
					    size_t skip)
{
	return (struct downgrade_text){text.at + skip, text.len - skip};
}

static bool downgrade_is_empty_line(const char *line, size_t len)
{
	return (len == 1 && line[0] == '\n') ||
	       (len == 2 && line[0] == '\r' && line[1] == '\n');
}

/* ---- the header ---- */

struct downgrade_header {
	struct downgrade_text text; /* without the empty line */
	char *type;                 /* "text/plain", or NULL */
	char *boundary;             /* or NULL */
	char *encoding;             /* in lower case, or NULL */
	bool has_mime_version;
};

static void downgrade_header_clear(struct downgrade_header *header)
{
	g_free(header->type);
	g_free(header->boundary);
	g_free(header->encoding);
}

/* A field with its continuation lines. */
static size_t downgrade_field(struct downgrade_text text)
{
	size_t len = downgrade_line(text);

	while (len < text.len && (text.at[len] == ' ' || text.at[len] == '\t'))
		len += downgrade_line(downgrade_from(text, len));
	return len;
}

static bool downgrade_is_field(struct downgrade_text field, const char *name)
{
	size_t len = strlen(name);
	size_t at = len;

	if (field.len <= len || g_ascii_strncasecmp(field.at, name, len) != 0)
		return false;
	while (at < field.len && (field.at[at] == ' ' || field.at[at] == '\t'))
		at++;
	return at < field.len && field.at[at] == ':';
}

/* What follows the colon, on one line. */
static char *downgrade_value(struct downgrade_text field)
{
	const char *colon = memchr(field.at, ':', field.len);
	char *value = g_strndup(colon + 1,
				field.len - (size_t)(colon + 1 - field.at));

	g_strdelimit(value, "\r\n\t", ' ');
	return g_strstrip(value);
}

/* The boundary of a Content-Type, or NULL; a quoted one is unquoted. */
static char *downgrade_boundary(const char *value)
{
	for (const char *p = strchr(value, ';'); p; p = strchr(p, ';')) {
		GString *found;
		bool quoted;

		p += 1 + strspn(p + 1, " ");
		if (g_ascii_strncasecmp(p, "boundary", 8) != 0)
			continue;
		p += 8 + strspn(p + 8, " ");
		if (*p != '=')
			continue;
		p += 1 + strspn(p + 1, " ");
		quoted = *p == '"';
		p += quoted;
		found = g_string_new(NULL);
		for (; *p && (quoted ? *p != '"' : !strchr("; ", *p)); p++) {
			if (quoted && *p == '\\' && p[1])
				p++;
			g_string_append_c(found, *p);
		}
		return g_string_free(found, FALSE);
	}
	return NULL;
}

static void downgrade_see_field(struct downgrade_header *header,
				struct downgrade_text field)
{
	g_autofree char *value = NULL;

	if (downgrade_is_field(field, "MIME-Version"))
		header->has_mime_version = true;
	if (downgrade_is_field(field, "Content-Transfer-Encoding") &&
	    !header->encoding) {
		value = downgrade_value(field);
		header->encoding = g_ascii_strdown(value, -1);
		header->encoding[strcspn(header->encoding, " (;")] = '\0';
	} else if (downgrade_is_field(field, "Content-Type") && !header->type) {
		value = downgrade_value(field);
		header->boundary = downgrade_boundary(value);
		header->type = g_ascii_strdown(value, -1);
		header->type[strcspn(header->type, " (;")] = '\0';
	}
}

/* Returns where the body begins. */
static size_t downgrade_header_read(struct downgrade_text text,
				    struct downgrade_header *header)
{
	size_t at = 0;

	*header = (struct downgrade_header){.text = text};
	while (at < text.len) {
		struct downgrade_text rest = downgrade_from(text, at);
		size_t len = downgrade_line(rest);

		if (downgrade_is_empty_line(rest.at, len)) {
			header->text.len = at;
			return at + len;
		}
		len = downgrade_field(rest);
		downgrade_see_field(header,
				    (struct downgrade_text){rest.at, len});
		at += len;
	}
	return text.len;
}

/* The header with another encoding of the body. */
static void downgrade_header_put(const struct downgrade_header *header,
				 const char *encoding, bool is_top,
				 GByteArray *out)
{
	struct downgrade_text rest = header->text;

	while (rest.len) {
		size_t len = downgrade_field(rest);
		struct downgrade_text field = {rest.at, len};

		if (!downgrade_is_field(field, "Content-Transfer-Encoding"))
			downgrade_put(out, rest.at, len);
		rest = downgrade_from(rest, len);
	}
	if (is_top && !header->has_mime_version)
		downgrade_say(out, "MIME-Version: 1.0\r\n");
	if (!header->type)
		downgrade_say(out, "Content-Type: text/plain; "
				   "charset=unknown-8bit\r\n");
	downgrade_say(out, "Content-Transfer-Encoding: ");
	downgrade_say(out, encoding);
	downgrade_say(out, "\r\n\r\n");
}

/* ---- quoted-printable ---- */

static void downgrade_quote(struct downgrade_text text, GByteArray *out)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t column = 0;

	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.at[i];
		bool at_end = i + 1 == text.len ||
			      (i + 2 < text.len && text.at[i + 1] == '\r' &&
			       text.at[i + 2] == '\n');
		bool plain = (c >= 33 && c <= 126 && c != '=') ||
			     ((c == ' ' || c == '\t') && !at_end);
		char coded[3] = {'=', hex[c >> 4], hex[c & 15]};

		if (c == '\r' && i + 1 < text.len && text.at[i + 1] == '\n') {
			downgrade_say(out, "\r\n");
			column = 0;
			i++;
			continue;
		}
		if (column + (plain ? 1 : 3) > DOWNGRADE_LINE_MAX) {
			downgrade_say(out, "=\r\n");
			column = 0;
		}
		downgrade_put(out, plain ? (const char *)&c : coded,
			      plain ? 1 : 3);
		column += plain ? 1 : 3;
	}
}

/* ---- parts ---- */

static bool downgrade_entity(struct downgrade_text text, unsigned depth,
			     GByteArray *out);

enum downgrade_delimiter {
	DELIMITER_NONE,
	DELIMITER_PART,
	DELIMITER_END,
};

static enum downgrade_delimiter
downgrade_delimiter(const char *line, size_t len, const char *boundary)
{
	size_t size = strlen(boundary);
	size_t at = 2 + size;
	enum downgrade_delimiter kind = DELIMITER_PART;

	if (len < at || line[0] != '-' || line[1] != '-' ||
	    memcmp(line + 2, boundary, size) != 0)
		return DELIMITER_NONE;
	if (len >= at + 2 && line[at] == '-' && line[at + 1] == '-') {
		kind = DELIMITER_END;
		at += 2;
	}
	while (at < len && strchr(" \t\r\n", line[at]) && line[at])
		at++;
	return at == len ? kind : DELIMITER_NONE;
}

/* Before the first part and behind the last, where nobody reads. */
static void downgrade_put_waste(struct downgrade_text text, GByteArray *out)
{
	for (size_t i = 0; i < text.len; i++)
		downgrade_put(out, text.at[i] & 0x80 ? "?" : text.at + i, 1);
}

/* What stands between two delimiters; the line end before the second is the
 * delimiter's (RFC 2046 5.1.1). */
static bool downgrade_part(struct downgrade_text part, unsigned depth,
			   GByteArray *out)
{
	size_t end = 0;

	if (part.len && part.at[part.len - 1] == '\n')
		end = part.len > 1 && part.at[part.len - 2] == '\r' ? 2 : 1;
	part.len -= end;
	if (!downgrade_entity(part, depth, out))
		return false;
	downgrade_put(out, part.at + part.len, end);
	return true;
}

static bool downgrade_multipart(struct downgrade_text body,
				const char *boundary, unsigned depth,
				GByteArray *out)
{
	struct downgrade_text part = {body.at, 0};
	bool in_part = false;
	bool any = false;

	while (body.len) {
		size_t len = downgrade_line(body);
		enum downgrade_delimiter kind =
			downgrade_delimiter(body.at, len, boundary);

		if (kind == DELIMITER_NONE) {
			part.len += len;
			body = downgrade_from(body, len);
			continue;
		}
		if (!in_part)
			downgrade_put_waste(part, out);
		else if (!downgrade_part(part, depth, out))
			return false;
		downgrade_put(out, body.at, len);
		body = downgrade_from(body, len);
		part = (struct downgrade_text){body.at, 0};
		in_part = kind == DELIMITER_PART;
		any = true;
		if (kind == DELIMITER_END)
			break;
	}
	if (!any)
		return false;
	if (in_part)
		return downgrade_part(part, depth, out);
	downgrade_put_waste(body.len ? body : part, out);
	return true;
}

static bool downgrade_is_identity(const char *encoding)
{
	return !encoding || !*encoding || strcmp(encoding, "7bit") == 0 ||
	       strcmp(encoding, "8bit") == 0 || strcmp(encoding, "binary") == 0;
}

static bool downgrade_entity(struct downgrade_text text, unsigned depth,
			     GByteArray *out)
{
	struct downgrade_header header;
	size_t at = downgrade_header_read(text, &header);
	struct downgrade_text body = downgrade_from(text, at);
	const char *type = header.type ? header.type : "text/plain";
	bool done = true;

	/* NOLINTBEGIN(bugprone-branch-clone): one case a branch */
	if (downgrade_is_7bit(body)) {
		downgrade_put(out, text.at, text.len);
	} else if (depth >= DOWNGRADE_DEPTH_MAX ||
		   !downgrade_is_identity(header.encoding) ||
		   strcmp(type, "multipart/signed") == 0) {
		done = false;
	} else if (g_str_has_prefix(type, "multipart/")) {
		downgrade_header_put(&header, "7bit", depth == 0, out);
		done = header.boundary && *header.boundary &&
		       downgrade_multipart(body, header.boundary, depth + 1,
					   out);
	} else if (strcmp(type, "message/rfc822") == 0) {
		downgrade_header_put(&header, "7bit", depth == 0, out);
		done = downgrade_entity(body, depth + 1, out);
	} else if (g_str_has_prefix(type, "message/") &&
		   !g_str_has_prefix(type, "message/global")) {
		done = false;
	} else {
		downgrade_header_put(&header, "quoted-printable", depth == 0,
				     out);
		downgrade_quote(body, out);
	}
	/* NOLINTEND(bugprone-branch-clone) */
	downgrade_header_clear(&header);
	return done;
}

bool downgrade_message(const void *octets, size_t len, GByteArray *out)
{
	return downgrade_entity((struct downgrade_text){octets, len}, 0, out);
}
