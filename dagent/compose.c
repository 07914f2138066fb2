/*
 * Writing the text of an automatic reply: a handful of headers and the text,
 * plain, or plain and HTML.
 */
#include "autoreply.h"

#include "field.h"

#include <string.h>

#define COMPOSE_LINE 998
#define COMPOSE_TEXT 600 /* octets of a name or subject */
#define COMPOSE_REFS 16  /* references that are kept */

/* Appends text on one line, in encoded words where it is not plain ASCII. */
static void compose_phrase(GString *out, const char *text, bool quoted)
{
	g_autofree char *clean = field_clean(text, COMPOSE_TEXT);
	g_autofree char *words = field_encoded_words(clean);

	if (!quoted || !field_is_plain(clean)) {
		g_string_append(out, words);
		return;
	}
	g_string_append_c(out, '"');
	for (const char *p = clean; *p; p++)
		g_string_append_printf(out, strchr("\"\\", *p) ? "\\%c" : "%c",
				       *p);
	g_string_append_c(out, '"');
}

/* "<id>", for the property comes with or without its brackets. */
static void compose_id(GString *out, const char *id)
{
	g_autofree char *clean = field_clean(id, COMPOSE_LINE);

	if (*clean == '<')
		g_string_append(out, clean);
	else
		g_string_append_printf(out, "<%s>", clean);
}

static void compose_references(GString *out, const struct autoreply_text *text)
{
	g_auto(GStrv) ids = NULL;
	guint count;

	if (!text->in_reply_to || !*text->in_reply_to)
		return;
	g_string_append(out, "In-Reply-To: ");
	compose_id(out, text->in_reply_to);
	g_string_append(out, "\r\nReferences: ");
	ids = g_strsplit_set(text->references ? text->references : "",
			     " \t\r\n", -1);
	count = g_strv_length(ids);
	for (guint i = count > COMPOSE_REFS ? count - COMPOSE_REFS : 0;
	     i < count; i++) {
		if (ids[i][0] != '<' || strlen(ids[i]) > COMPOSE_LINE / 2)
			continue;
		g_string_append_printf(out, "%s\r\n ", ids[i]);
	}
	compose_id(out, text->in_reply_to);
	g_string_append(out, "\r\n");
}

static void compose_head(GString *out, const struct autoreply_text *text)
{
	g_autofree char *date = field_date_utc(text->time);

	g_string_append(out, "From: ");
	if (text->from_name && *text->from_name) {
		compose_phrase(out, text->from_name, true);
		g_string_append_c(out, ' ');
	}
	g_string_append_printf(out, "<%s>\r\nTo: <%s>\r\nSubject: ", text->from,
			       text->to);
	compose_phrase(out, text->subject, false);
	g_string_append_printf(out, "\r\nDate: %s\r\nMessage-ID: <%s>\r\n",
			       date, text->message_id);
	compose_references(out, text);
	g_string_append(out, "Auto-Submitted: auto-replied\r\n"
			     "X-Auto-Response-Suppress: All\r\n"
			     "X-Okapi-Vacation: yes\r\n"
			     "X-Zarafa-Vacation: yes\r\n"
			     "MIME-Version: 1.0\r\n");
}

/* One part: UTF-8 with CRLF, in base64 with lines of 76. */
static void compose_part(GString *out, const char *subtype, const char *body)
{
	g_autofree char *valid = g_utf8_make_valid(body, -1);
	g_auto(GStrv) lines = g_strsplit(valid, "\n", -1);
	g_autoptr(GString) text = g_string_new(NULL);
	g_autofree char *encoded = NULL;
	size_t len;

	for (size_t i = 0; lines[i]; i++) {
		size_t end = strlen(lines[i]);

		if (end > 0 && lines[i][end - 1] == '\r')
			lines[i][end - 1] = '\0';
		if (lines[i + 1] || *lines[i])
			g_string_append_printf(text, "%s\r\n", lines[i]);
	}
	g_string_append_printf(out,
			       "Content-Type: text/%s; charset=utf-8\r\n"
			       "Content-Transfer-Encoding: base64\r\n"
			       "\r\n",
			       subtype);
	encoded = g_base64_encode((const guchar *)text->str, text->len);
	len = strlen(encoded);
	for (size_t i = 0; i < len; i += 76)
		g_string_append_printf(out, "%.76s\r\n", encoded + i);
}

/* The same in plain text and in HTML (RFC 2046 5.1.4).  "=_" is in no base64:
 * the boundary needs no search. */
static void compose_alternative(GString *out, const char *body,
				const char *html)
{
	static const char boundary[] = "=_alternative";

	g_string_append_printf(out,
			       "Content-Type: multipart/alternative;"
			       " boundary=\"%s\"\r\n\r\n--%s\r\n",
			       boundary, boundary);
	compose_part(out, "plain", body);
	g_string_append_printf(out, "--%s\r\n", boundary);
	compose_part(out, "html", html);
	g_string_append_printf(out, "--%s--\r\n", boundary);
}

/* A MIME entity (RFC 5230 section 4.6) as it is, with CRLF; of its head what
 * says Content-... and nothing that would be ours to say. */
static void compose_entity(GString *out, const char *entity)
{
	g_auto(GStrv) lines = g_strsplit(entity, "\n", -1);
	bool in_head = true;
	bool keeps = false;

	for (size_t i = 0; lines[i]; i++) {
		char *line = lines[i];
		size_t len = strlen(line);

		if (len > 0 && line[len - 1] == '\r')
			line[--len] = '\0';
		if (in_head && len == 0) {
			g_string_append(out, "\r\n");
			in_head = false;
			continue;
		}
		if (in_head && *line != ' ' && *line != '\t')
			keeps = g_ascii_strncasecmp(line, "Content-", 8) == 0 &&
				strchr(line, ':');
		if (in_head ? keeps : lines[i + 1] || len > 0)
			g_string_append_printf(out, "%s\r\n", line);
	}
	if (in_head)
		g_string_append(out, "\r\n");
}

char *autoreply_compose(const struct autoreply_text *text)
{
	GString *out = g_string_new(NULL);

	compose_head(out, text);
	if (text->is_mime)
		compose_entity(out, text->body);
	else if (text->html && *text->html)
		compose_alternative(out, text->body, text->html);
	else
		compose_part(out, "plain", text->body);
	return g_string_free(out, FALSE);
}
