/*
 * Writing a message: a handful of headers, the text (plain, or plain and HTML,
 * or a MIME entity), and another message as attachment.
 */
#include "letter.h"

#include "field.h"

#include <string.h>

#define LETTER_LINE    998
#define LETTER_TEXT    1024 /* octets of a name or subject */
#define LETTER_SUBJECT 256  /* characters */
#define LETTER_REFS    16   /* references that are kept */

/* A name that brings its own encoded words: in quotation marks they would be
 * none (RFC 2047 section 5). */
static bool letter_is_encoded(const char *phrase)
{
	const char *start = strstr(phrase, "=?");

	return start && strstr(start, "?=") && !strpbrk(phrase, "<>(),:;@\"\\");
}

/* Appends text on one line, in encoded words where it is not plain ASCII. */
static void letter_phrase(GString *out, const char *text, bool quoted)
{
	g_autofree char *clean = field_clean(text, LETTER_TEXT);
	g_autofree char *words = field_encoded_words(clean);

	if (!quoted || !field_is_plain(clean) || letter_is_encoded(clean)) {
		g_string_append(out, words);
		return;
	}
	field_append_quoted(out, clean);
}

/* "<id>", for the property comes with or without its brackets. */
static void letter_id(GString *out, const char *id)
{
	g_autofree char *clean = field_clean(id, LETTER_LINE);

	if (*clean == '<')
		g_string_append(out, clean);
	else
		g_string_append_printf(out, "<%s>", clean);
}

static void letter_references(GString *out, const struct letter *letter)
{
	g_auto(GStrv) ids = NULL;
	guint count;

	if (!letter->in_reply_to || !*letter->in_reply_to)
		return;
	g_string_append(out, "In-Reply-To: ");
	letter_id(out, letter->in_reply_to);
	g_string_append(out, "\r\nReferences: ");
	ids = g_strsplit_set(letter->references ? letter->references : "",
			     " \t\r\n", -1);
	count = g_strv_length(ids);
	for (guint i = count > LETTER_REFS ? count - LETTER_REFS : 0; i < count;
	     i++) {
		if (ids[i][0] != '<' || strlen(ids[i]) > LETTER_LINE / 2)
			continue;
		g_string_append_printf(out, "%s\r\n ", ids[i]);
	}
	letter_id(out, letter->in_reply_to);
	g_string_append(out, "\r\n");
}

const char *letter_marks(enum letter_kind kind)
{
	static const char *const marks[] = {
		[LETTER_VACATION] = "Auto-Submitted: auto-replied\r\n"
				    "X-Auto-Response-Suppress: All\r\n"
				    "X-Okapi-Vacation: yes\r\n"
				    "X-Zarafa-Vacation: yes\r\n",
		[LETTER_REPLY] = "Auto-Submitted: auto-replied\r\n"
				 "X-Auto-Response-Suppress: All\r\n",
		[LETTER_FORWARD] = "Auto-Submitted: auto-generated\r\n"
				   "X-Auto-Response-Suppress: All\r\n",
	};

	return marks[kind];
}

/* name <address> */
static void letter_mailbox(GString *out, const char *name, const char *address)
{
	g_autoptr(GString) phrase = g_string_new(NULL);

	if (!name || !*name) {
		g_string_append_printf(out, "<%s>", address);
		return;
	}
	letter_phrase(phrase, name, true);
	field_append_mailbox(out, phrase->str, address);
}

/* Cut where it goes on for long, and that is seen. */
static void letter_subject(GString *out, const char *subject)
{
	g_autofree char *valid = g_utf8_make_valid(subject, -1);
	g_autofree char *cut = NULL;

	if (g_utf8_strlen(valid, -1) <= LETTER_SUBJECT) {
		letter_phrase(out, valid, false);
		return;
	}
	g_utf8_offset_to_pointer(valid, LETTER_SUBJECT - 1)[0] = '\0';
	cut = g_strconcat(valid, "\xe2\x80\xa6", NULL);
	letter_phrase(out, cut, false);
}

static void letter_head(GString *out, const struct letter *letter)
{
	g_autofree char *date = field_date_utc(letter->time);

	g_string_append(out, letter->trace ? letter->trace : "");
	g_string_append(out, "From: ");
	letter_mailbox(out, letter->from_name, letter->from);
	g_string_append(out, "\r\nTo: ");
	for (size_t i = 0; letter->to[i]; i++) {
		g_string_append(out, i ? ",\r\n " : "");
		letter_mailbox(out, i ? NULL : letter->to_name, letter->to[i]);
	}
	g_string_append(out, "\r\nSubject: ");
	letter_subject(out, letter->subject);
	g_string_append_printf(out, "\r\nDate: %s\r\nMessage-ID: <%s>\r\n",
			       date, letter->message_id);
	letter_references(out, letter);
	g_string_append(out, letter_marks(letter->kind));
	g_string_append(out, "MIME-Version: 1.0\r\n");
}

/* Octets as RFC 2045 6 calls them. */
static const char *letter_encoding(const char *octets, size_t size)
{
	const char *encoding = "7bit";
	size_t line = 0;

	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)octets[i];
		bool ends = c == '\r' && i + 1 < size && octets[i + 1] == '\n';

		if (ends) {
			line = 0;
			i++;
			continue;
		}
		if (c == 0 || c == '\r' || c == '\n' || ++line > LETTER_LINE)
			return "binary";
		if (c > 0x7f)
			encoding = "8bit";
	}
	return encoding;
}

/* Can this text stand in a part as it is, a boundary (all begin with "=_")
 * around it or not? */
static bool letter_is_plain(const GString *text)
{
	return strcmp(letter_encoding(text->str, text->len), "7bit") == 0 &&
	       !strstr(text->str, "--=_");
}

/* One part: UTF-8 with CRLF; what is not ASCII in base64 with lines of 76. */
static void letter_part(GString *out, const char *subtype, const char *body)
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
			       "Content-Transfer-Encoding: %s\r\n\r\n",
			       subtype,
			       letter_is_plain(text) ? "7bit" : "base64");
	if (letter_is_plain(text)) {
		g_string_append(out, text->str);
		return;
	}
	encoded = g_base64_encode((const guchar *)text->str, text->len);
	len = strlen(encoded);
	for (size_t i = 0; i < len; i += 76)
		g_string_append_printf(out, "%.76s\r\n", encoded + i);
}

/* The same in plain text and in HTML (RFC 2046 5.1.4).  "--=_" is in no part:
 * the boundary needs no search. */
static void letter_alternative(GString *out, const char *body, const char *html)
{
	static const char boundary[] = "=_alternative";

	g_string_append_printf(out,
			       "Content-Type: multipart/alternative;"
			       " boundary=\"%s\"\r\n\r\n--%s\r\n",
			       boundary, boundary);
	letter_part(out, "plain", body);
	g_string_append_printf(out, "--%s\r\n", boundary);
	letter_part(out, "html", html);
	g_string_append_printf(out, "--%s--\r\n", boundary);
}

/* A MIME entity (RFC 5230 section 4.6) as it is, with CRLF; of its head what
 * says Content-... and nothing that would be ours to say. */
static void letter_entity(GString *out, const char *entity)
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

/* One that is in neither; owned. */
static char *letter_boundary(const struct letter *letter)
{
	size_t size = 0;
	const char *octets = g_bytes_get_data(letter->attached, &size);

	for (;;) {
		char *boundary =
			g_strdup_printf("=_%08x%08x%08x", g_random_int(),
					g_random_int(), g_random_int());

		if (!memmem(octets, size, boundary, strlen(boundary)))
			return boundary;
		g_free(boundary);
	}
}

/* The message as message/rfc822, which no encoding touches (RFC 2046 5.2.1). */
static void letter_attached(GString *out, const struct letter *letter)
{
	g_autofree char *boundary = letter_boundary(letter);
	size_t size = 0;
	const char *octets = g_bytes_get_data(letter->attached, &size);

	g_string_append_printf(out,
			       "Content-Type: multipart/mixed;\r\n"
			       " boundary=\"%s\"\r\n"
			       "Content-Transfer-Encoding: %s\r\n\r\n",
			       boundary, letter_encoding(octets, size));
	if (letter->body) {
		g_string_append_printf(out, "--%s\r\n", boundary);
		letter_part(out, "plain", letter->body);
	}
	g_string_append_printf(out,
			       "--%s\r\nContent-Type: message/rfc822\r\n"
			       "Content-Disposition: attachment\r\n"
			       "Content-Transfer-Encoding: %s\r\n\r\n",
			       boundary, letter_encoding(octets, size));
	g_string_append_len(out, octets, (gssize)size);
	g_string_append_printf(out, "\r\n--%s--\r\n", boundary);
}

GBytes *letter_format(const struct letter *letter)
{
	GString *out = g_string_new(NULL);

	letter_head(out, letter);
	if (letter->attached)
		letter_attached(out, letter);
	else if (letter->is_mime)
		letter_entity(out, letter->body);
	else if (letter->html && *letter->html)
		letter_alternative(out, letter->body, letter->html);
	else
		letter_part(out, "plain", letter->body);
	return g_string_free_to_bytes(out);
}
