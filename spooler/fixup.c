/*
 * Completing a submitted message; see fixup.h.
 */
#include "fixup.h"
#include "charset.h"
#include "field.h"
#include "header.h"

#include <string.h>

/* ---- addresses ------------------------------------------------------------
 */

char *fixup_qualify(const char *address, const char *origin)
{
	const char *at = strrchr(address, '@');

	if (!*address || (at && at[1] && !strchr(at, '"')))
		return g_strdup(address);
	return g_strdup_printf("%s@%s", address, origin);
}

/* Where in an address field we are (RFC 5322 3.4). */
struct fixup_scan {
	GString *out;
	const char *origin;
	size_t words;    /* atoms or quoted strings since the last comma */
	size_t word_end; /* in out, behind the last of them */
	bool has_at;
	bool has_angle;
	bool names_somebody; /* other than the names of groups */
};

static void fixup_scan_reset(struct fixup_scan *scan)
{
	scan->words = 0;
	scan->has_at = false;
	scan->has_angle = false;
}

static void fixup_scan_insert(struct fixup_scan *scan)
{
	g_autofree char *domain = g_strconcat("@", scan->origin, NULL);

	g_string_insert(scan->out, (gssize)scan->word_end, domain);
}

/* The end of a mailbox that had no angle brackets. */
static void fixup_scan_end(struct fixup_scan *scan)
{
	if (scan->words == 1 && !scan->has_at && !scan->has_angle)
		fixup_scan_insert(scan);
	scan->names_somebody |= scan->words || scan->has_angle;
	fixup_scan_reset(scan);
}

/* Copies a quoted string, comment or domain literal; returns what follows. */
static const char *fixup_scan_enclosed(struct fixup_scan *scan, const char *p,
				       char open, char close)
{
	int depth = 0;

	do {
		if (*p == '\\' && p[1])
			g_string_append_c(scan->out, *p++);
		else if (*p == close && (depth > 0 || open != close))
			depth--;
		else if (*p == open)
			depth++;
		g_string_append_c(scan->out, *p++);
	} while (*p && depth > 0);
	return p;
}

static const char *fixup_scan_atom(struct fixup_scan *scan, const char *p)
{
	size_t len = strcspn(p, " \t\r\n,;:<>()\"@[]");

	if (!len)
		len = 1;
	g_string_append_len(scan->out, p, (gssize)len);
	return p + len;
}

/* "<...>": the address in it is qualified if it has no '@' and is not empty. */
static const char *fixup_scan_angle(struct fixup_scan *scan, const char *p)
{
	size_t len = strcspn(p + 1, ">");
	bool bare = len && p[1 + len] && !memchr(p + 1, '@', len) &&
		    !memchr(p + 1, ' ', len) && !memchr(p + 1, '\n', len);

	scan->has_angle = true;
	g_string_append_len(scan->out, p, (gssize)len + 1);
	if (bare) {
		scan->word_end = scan->out->len;
		fixup_scan_insert(scan);
	}
	return p + 1 + len;
}

static const char *fixup_scan_step(struct fixup_scan *scan, const char *p)
{
	switch (*p) {
	case '(':
		return fixup_scan_enclosed(scan, p, '(', ')');
	case '[':
		return fixup_scan_enclosed(scan, p, '[', ']');
	case '<':
		return fixup_scan_angle(scan, p);
	case '"':
		p = fixup_scan_enclosed(scan, p, '"', '"');
		scan->words++;
		scan->word_end = scan->out->len;
		return p;
	case ',':
	case ';':
		fixup_scan_end(scan);
		break;
	case ':':
		fixup_scan_reset(scan);
		break;
	case '@':
		scan->has_at = true;
		break;
	case ' ':
	case '\t':
	case '\r':
	case '\n':
	case '>':
		break;
	default:
		p = fixup_scan_atom(scan, p);
		scan->words++;
		scan->word_end = scan->out->len;
		return p;
	}
	g_string_append_c(scan->out, *p);
	return p + 1;
}

char *fixup_qualify_field(const char *field, const char *origin)
{
	struct fixup_scan scan = {
		.out = g_string_sized_new(strlen(field) + 32),
		.origin = origin,
	};
	const char *p = strchr(field, ':');

	if (!p) {
		g_string_append(scan.out, field);
		return g_string_free(scan.out, FALSE);
	}
	g_string_append_len(scan.out, field, (gssize)(p - field) + 1);
	for (p++; *p;)
		p = fixup_scan_step(&scan, p);
	fixup_scan_end(&scan);
	return g_string_free(scan.out, FALSE);
}

bool fixup_names_somebody(const char *value)
{
	struct fixup_scan scan = {.out = g_string_new(NULL), .origin = ""};

	while (*value)
		value = fixup_scan_step(&scan, value);
	fixup_scan_end(&scan);
	g_string_free(scan.out, TRUE);
	return scan.names_somebody;
}

/* ---- whom it is for ---------------------------------------------------------
 */

#define FIXUP_RESENT_PREFIX "Resent-"

const char *const fixup_role_names[] = {"To",          "Cc",
					"Bcc",         "Resent-To",
					"Resent-Cc",   "Resent-Bcc",
					"Resent-From", "Resent-Sender",
					"Resent-Date", "Resent-Message-ID",
					NULL};

unsigned fixup_role(const char *name)
{
	size_t prefix = strlen(FIXUP_RESENT_PREFIX);
	unsigned resent = FIXUP_NO_ROLE;
	const char *last = name;
	size_t i = 0;

	while (fixup_role_names[i] &&
	       g_ascii_strcasecmp(name, fixup_role_names[i]) != 0)
		i++;
	if (!fixup_role_names[i])
		return FIXUP_NO_ROLE;
	if (g_ascii_strncasecmp(name, FIXUP_RESENT_PREFIX, prefix) == 0) {
		resent = FIXUP_RESENT;
		last += prefix;
	}
	if (g_ascii_strcasecmp(last, "To") != 0 &&
	    g_ascii_strcasecmp(last, "Cc") != 0 &&
	    g_ascii_strcasecmp(last, "Bcc") != 0)
		return resent;
	return resent | FIXUP_NAMES;
}

/* ---- fields ----------------------------------------------------------------
 */

enum fixup_field {
	FIELD_OTHER = 0,
	FIELD_DATE = 1 << 0,
	FIELD_FROM = 1 << 1,
	FIELD_MESSAGE_ID = 1 << 2,
	FIELD_MIME = 1 << 3, /* MIME-Version or Content-... */
	FIELD_BCC = 1 << 4,
	FIELD_ADDRESSES = 1 << 5,
	FIELD_SENDER = 1 << 6,
	FIELD_AUTHOR = 1 << 7, /* says who sent it */
};

static const struct fixup_name {
	const char *name;
	unsigned fields;
} fixup_names[] = {
	{"Date", FIELD_DATE},
	{"From", FIELD_FROM | FIELD_ADDRESSES | FIELD_AUTHOR},
	{"Message-ID", FIELD_MESSAGE_ID},
	{"MIME-Version", FIELD_MIME},
	{"Content-Type", FIELD_MIME},
	{"Content-Transfer-Encoding", FIELD_MIME},
	{"Bcc", FIELD_BCC},
	{"Resent-Bcc", FIELD_BCC},
	{"To", FIELD_ADDRESSES},
	{"Cc", FIELD_ADDRESSES},
	{"Reply-To", FIELD_ADDRESSES},
	{"Sender", FIELD_SENDER | FIELD_ADDRESSES | FIELD_AUTHOR},
	{"Resent-From", FIELD_ADDRESSES | FIELD_AUTHOR},
	{"Resent-Sender", FIELD_ADDRESSES | FIELD_AUTHOR},
	{"Resent-To", FIELD_ADDRESSES},
	{"Resent-Cc", FIELD_ADDRESSES},
};

/* The octets of the name of the field that begins here; 0: this is none. */
static size_t fixup_name_len(const char *line, size_t len)
{
	size_t n = 0;

	while (n < len && line[n] > 0x20 && line[n] < 0x7f && line[n] != ':')
		n++;
	if (!n)
		return 0;
	for (size_t i = n; i < len; i++) {
		if (line[i] == ':')
			return n;
		if (line[i] != ' ' && line[i] != '\t')
			return 0;
	}
	return 0;
}

static unsigned fixup_field_of(const char *name, size_t len)
{
	for (size_t i = 0; i < G_N_ELEMENTS(fixup_names); i++)
		if (strlen(fixup_names[i].name) == len &&
		    g_ascii_strncasecmp(name, fixup_names[i].name, len) == 0)
			return fixup_names[i].fields;
	return FIELD_OTHER;
}

/* The line that begins at p: its length with its end. */
static size_t fixup_line_len(const char *p, size_t len)
{
	const char *lf = memchr(p, '\n', len);

	return lf ? (size_t)(lf - p) + 1 : len;
}

static bool fixup_is_blank(const char *line, size_t len)
{
	return (len == 1 && line[0] == '\n') ||
	       (len == 2 && line[0] == '\r' && line[1] == '\n');
}

static void fixup_put(GByteArray *out, const char *text)
{
	g_byte_array_append(out, (const guint8 *)text, (guint)strlen(text));
}

/* Lines with their ends; the last one gets one. */
static void fixup_put_lines(GByteArray *out, const char *octets, size_t len)
{
	g_byte_array_append(out, (const guint8 *)octets, (guint)len);
	if (out->len && out->data[out->len - 1] != '\n')
		fixup_put(out, "\r\n");
}

void fixup_from_stdin(const void *octets, size_t len, GByteArray *out)
{
	const char *p = octets;
	const char *end = p + len;

	if (header_has_mbox_line(p, len))
		p += fixup_line_len(p, len);
	while (p < end) {
		size_t n = fixup_line_len(p, (size_t)(end - p));
		bool has_lf = p[n - 1] == '\n';
		bool has_crlf = has_lf && n > 1 && p[n - 2] == '\r';

		if (has_lf && !has_crlf) {
			g_byte_array_append(out, (const guint8 *)p,
					    (guint)n - 1);
			fixup_put(out, "\r\n");
		} else {
			fixup_put_lines(out, p, n);
		}
		p += n;
	}
}

/* ---- what is missing ---- */

static void fixup_put_date(GByteArray *out, int64_t now)
{
	g_autofree char *date = field_date_local(now);

	fixup_put(out, "Date: ");
	fixup_put(out, date);
	fixup_put(out, "\r\n");
}

static void fixup_put_message_id(GByteArray *out,
				 const struct fixup_options *options)
{
	g_autofree char *id = field_message_id(options->now, options->hostname);

	fixup_put(out, "Message-ID: <");
	fixup_put(out, id);
	fixup_put(out, ">\r\n");
}

/* A display name: a quoted string or encoded words (RFC 2047 5). */
static char *fixup_phrase(const char *name)
{
	GString *out;

	if (!field_is_plain(name))
		return field_encoded_words(name);
	out = g_string_new(NULL);
	field_append_quoted(out, name);
	return g_string_free(out, FALSE);
}

/* Can the octet be part of an address as it is mostly written? */
static bool fixup_is_of_address(char c)
{
	return (c & 0x80) || g_ascii_isalnum(c) || (c && strchr(".-_+=@", c));
}

/* Puts new for old wherever it stands by itself; owned. */
static char *fixup_replace(const char *text, const char *old, const char *new)
{
	GString *out = g_string_new(NULL);
	size_t len = strlen(old);
	const char *from = text;
	const char *p = text;

	while ((p = strstr(p, old))) {
		bool is_whole = (p == text || !fixup_is_of_address(p[-1])) &&
				!fixup_is_of_address(p[len]);

		g_string_append_len(out, from, (gssize)(p - from));
		g_string_append(out, is_whole ? new : old);
		from = p += len;
	}
	g_string_append(out, from);
	return g_string_free(out, FALSE);
}

static void fixup_rewrite(char **text, const char *const *pairs)
{
	for (; pairs && *pairs; pairs += 2) {
		g_autofree char *before = g_steal_pointer(text);

		*text = fixup_replace(before, pairs[0], pairs[1]);
	}
}

static void fixup_put_mailbox(GByteArray *out, const char *field,
			      const char *address, const char *name,
			      const char *const *rewrites)
{
	g_autofree char *valid = g_utf8_make_valid(name ? name : "", -1);
	g_autofree char *line = NULL;

	for (char *p = valid; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' ';
	if (*valid) {
		g_autofree char *phrase = fixup_phrase(valid);

		GString *out_line = g_string_new(field);

		g_string_append(out_line, ": ");
		field_append_mailbox(out_line, phrase, address);
		g_string_append(out_line, "\r\n");
		line = g_string_free(out_line, FALSE);
	} else {
		line = g_strdup_printf("%s: %s\r\n", field, address);
	}
	fixup_rewrite(&line, rewrites);
	fixup_put(out, line);
}

static void fixup_put_mime(GByteArray *out, const char *body, size_t len)
{
	bool utf8 = g_utf8_validate(body, (gssize)len, NULL);
	g_autofree char *lines =
		g_strdup_printf("MIME-Version: 1.0\r\n"
				"Content-Type: text/plain; charset=%s\r\n"
				"Content-Transfer-Encoding: 8bit\r\n",
				utf8 ? "utf-8" : "unknown-8bit");

	fixup_put(out, lines);
}

/* ---- the message ---- */

/* One field with its folded lines: copied, qualified or left out. */
static void fixup_put_field(GByteArray *out, const char *field, size_t len,
			    unsigned kinds, const struct fixup_options *options)
{
	g_autofree char *text = NULL;
	g_autofree char *qualified = NULL;

	if ((kinds & FIELD_BCC) ||
	    ((kinds & FIELD_SENDER) && options->sender != FIXUP_SENDER_KEEP))
		return;
	if (!(kinds & FIELD_ADDRESSES) || memchr(field, '\0', len)) {
		fixup_put_lines(out, field, len);
		return;
	}
	text = g_strndup(field, len);
	qualified = fixup_qualify_field(text, options->origin);
	if (kinds & FIELD_AUTHOR)
		fixup_rewrite(&qualified, options->rewrites);
	fixup_put_lines(out, qualified, strlen(qualified));
}

/* Copies the fields; returns where they end, ret_seen what there was. */
static size_t fixup_put_fields(const char *octets, size_t len,
			       const struct fixup_options *options,
			       GByteArray *out, unsigned *ret_seen)
{
	size_t at = 0;

	*ret_seen = 0;
	while (at < len) {
		size_t n = fixup_line_len(octets + at, len - at);
		size_t name = fixup_name_len(octets + at, n);
		unsigned kinds;

		if (!name)
			break;
		while (at + n < len &&
		       (octets[at + n] == ' ' || octets[at + n] == '\t'))
			n += fixup_line_len(octets + at + n, len - at - n);
		kinds = fixup_field_of(octets + at, name);
		fixup_put_field(out, octets + at, n, kinds, options);
		*ret_seen |= kinds;
		at += n;
	}
	return at;
}

void fixup_message(const void *octets, size_t len,
		   const struct fixup_options *options, GByteArray *out,
		   struct fixup_found *ret_found)
{
	const char *text = octets;
	unsigned seen;
	size_t at;
	size_t blank;
	guint from = out->len;

	if (header_has_mbox_line(text, len)) {
		at = fixup_line_len(text, len);
		text += at;
		len -= at;
	}
	at = fixup_put_fields(text, len, options, out, &seen);
	text += at;
	len -= at;
	blank = fixup_line_len(text, len);
	if (!len || !fixup_is_blank(text, blank))
		blank = 0; /* no empty line before the text: it gets one */
	if (!(seen & FIELD_FROM))
		fixup_put_mailbox(out, "From", options->from_address,
				  options->from_name, options->rewrites);
	if (options->sender == FIXUP_SENDER_SET)
		fixup_put_mailbox(out, "Sender", options->sender_address,
				  options->sender_name, options->rewrites);
	if (!(seen & FIELD_DATE))
		fixup_put_date(out, options->now);
	if (!(seen & FIELD_MESSAGE_ID))
		fixup_put_message_id(out, options);
	if (!(seen & FIELD_MIME) &&
	    !charset_is_seven_bit(text + blank, len - blank))
		fixup_put_mime(out, text + blank, len - blank);
	fixup_put(out, "\r\n");
	if (len > blank)
		fixup_put_lines(out, text + blank, len - blank);
	ret_found->has_bcc = (seen & FIELD_BCC) != 0;
	ret_found->has_8bit = !charset_is_seven_bit(
		(const char *)out->data + from, out->len - from);
}
