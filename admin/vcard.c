/*
 * vCards: content lines (unfolded, with parameters), and those that contacts
 * are listed by.
 */
#include "vcard.h"

#include "charset.h"

#include <string.h>

#define VCARD_LINE 72 /* octets before a line is folded (RFC 6350 3.2) */
#define UTF8_MAX   4  /* octets of a character */

void vcard_free(struct vcard *card)
{
	if (!card)
		return;
	g_free(card->text);
	g_free(card->name);
	g_free(card->surname);
	g_free(card->given);
	g_free(card->company);
	g_free(card->email);
	g_free(card->work);
	g_free(card->mobile);
	g_free(card->home);
	g_free(card);
}

static void vcard_free_element(gpointer card)
{
	vcard_free(card);
}

/* ---- reading -------------------------------------------------------------
 */

/* One content line: "item1.TEL;TYPE=cell:+49 1". */
struct vcard_line {
	char *name;   /* upper case, without a group */
	char *params; /* lower case, each with ';' before and behind it */
	char *value;  /* as it stands */
};

static void vcard_line_clear(struct vcard_line *line)
{
	g_free(line->name);
	g_free(line->params);
	g_free(line->value);
}
#define VCARD_LINE_AUTO                                                        \
 __attribute__((cleanup(vcard_line_clear))) struct vcard_line

/* The colon that ends name and parameters: not one within quotes. */
static const char *vcard_colon(const char *text)
{
	bool is_quoted = false;

	for (; *text; text++) {
		if (*text == '"')
			is_quoted = !is_quoted;
		if (*text == ':' && !is_quoted)
			return text;
	}
	return NULL;
}

static bool vcard_is_quoted_printable(const char *params)
{
	return strstr(params, ";encoding=quoted-printable;") ||
	       strstr(params, ";quoted-printable;");
}

/* "=C3=A9" and "CHARSET=..." of vCard 2.1: the value as UTF-8; owned, NULL if
 * nobody knows the charset. */
static char *vcard_decode(const char *params, const char *value)
{
	static const char field[] = ";charset=";
	const char *named = strstr(params, field);
	const char *at = named ? named + strlen(field) : "utf-8;";
	g_autofree char *charset = g_strndup(at, strcspn(at, ";"));
	g_autoptr(GString) octets = g_string_new(NULL);

	for (const char *c = value; *c; c++) {
		int high = *c == '=' ? g_ascii_xdigit_value(c[1]) : -1;
		int low = high >= 0 ? g_ascii_xdigit_value(c[2]) : -1;

		g_string_append_c(octets,
				  (char)(low >= 0 ? high << 4 | low : *c));
		c += low >= 0 ? 2 : 0;
	}
	return charset_decode(charset, octets->str, octets->len);
}

/* False if it is no content line. */
static bool vcard_line_parse(const char *text, struct vcard_line *line)
{
	const char *colon = vcard_colon(text);
	g_autofree char *head = NULL;
	char *params;
	char *dot;

	if (!colon || colon == text)
		return false;
	head = g_strndup(text, (gsize)(colon - text));
	params = strchr(head, ';');
	line->params = g_strconcat(params ? params : "", ";", NULL);
	g_strdelimit(line->params, ",\"", ';');
	for (char *c = line->params; *c; c++)
		*c = g_ascii_tolower(*c);
	if (params)
		*params = '\0';
	dot = strrchr(head, '.');
	line->name = g_ascii_strup(dot ? dot + 1 : head, -1);
	if (vcard_is_quoted_printable(line->params))
		line->value = vcard_decode(line->params, colon + 1);
	if (!line->value)
		line->value = g_strdup(colon + 1);
	return true;
}

/* "TYPE=cell", "TYPE=work,voice" or, in 2.1, "CELL" alone. */
static bool vcard_has_type(const struct vcard_line *line, const char *type)
{
	g_autofree char *bare = g_strconcat(";", type, ";", NULL);
	g_autofree char *with = g_strconcat("=", type, ";", NULL);

	return strstr(line->params, bare) || strstr(line->params, with);
}

/* Up to the next ';' that is none of the text's (or all of it), with escapes
 * undone; *at is moved behind it. */
static char *vcard_text(const char **at, bool all)
{
	GString *out = g_string_new(NULL);
	const char *c = *at;

	for (; *c && (all || *c != ';'); c++) {
		if (*c != '\\' || !c[1]) {
			g_string_append_c(out, *c);
			continue;
		}
		c++;
		g_string_append_c(out, *c == 'n' || *c == 'N' ? ' ' : *c);
	}
	*at = *c ? c + 1 : c;
	for (char *b = out->str; *b; b++)
		if ((unsigned char)*b < 0x20 || *b == 0x7f)
			*b = ' ';
	g_strstrip(out->str);
	return g_string_free(out, FALSE);
}

static void vcard_put(char **field, char *value)
{
	if (*field && **field)
		g_free(value);
	else {
		g_free(*field);
		*field = value;
	}
}

static void vcard_email(struct vcard *card, const struct vcard_line *line,
			bool *is_preferred)
{
	const char *at = line->value;
	bool preferred = vcard_has_type(line, "pref") ||
			 strstr(line->params, ";pref=1;");

	if (g_ascii_strncasecmp(at, "mailto:", 7) == 0)
		at += 7;
	if (preferred && !*is_preferred)
		g_clear_pointer(&card->email, g_free);
	*is_preferred |= preferred;
	vcard_put(&card->email, vcard_text(&at, true));
}

static void vcard_phone(struct vcard *card, const struct vcard_line *line)
{
	const char *at = line->value;
	char **field = vcard_has_type(line, "cell")   ? &card->mobile
		       : vcard_has_type(line, "home") ? &card->home
						      : &card->work;

	if (vcard_has_type(line, "fax"))
		return;
	if (g_ascii_strncasecmp(at, "tel:", 4) == 0)
		at += 4;
	vcard_put(field, vcard_text(&at, true));
}

static void vcard_take(struct vcard *card, const struct vcard_line *line,
		       bool *is_preferred)
{
	const char *at = line->value;

	if (strcmp(line->name, "FN") == 0) {
		vcard_put(&card->name, vcard_text(&at, true));
	} else if (strcmp(line->name, "N") == 0) {
		vcard_put(&card->surname, vcard_text(&at, false));
		vcard_put(&card->given, vcard_text(&at, false));
	} else if (strcmp(line->name, "ORG") == 0) {
		vcard_put(&card->company, vcard_text(&at, false));
	} else if (strcmp(line->name, "EMAIL") == 0) {
		vcard_email(card, line, is_preferred);
	} else if (strcmp(line->name, "TEL") == 0) {
		vcard_phone(card, line);
	}
}

/* No field is NULL, and there is a name if anything tells one. */
static void vcard_complete(struct vcard *card)
{
	char **fields[] = {&card->name,  &card->surname, &card->given,
			   &card->email, &card->company, &card->work,
			   &card->home,  &card->mobile};

	for (size_t i = 0; i < G_N_ELEMENTS(fields); i++)
		if (!*fields[i])
			*fields[i] = g_strdup("");
	if (*card->name)
		return;
	g_free(card->name);
	if (*card->given || *card->surname)
		card->name = g_strstrip(
			g_strconcat(card->given, " ", card->surname, NULL));
	else
		card->name =
			g_strdup(*card->company ? card->company : card->email);
}

struct vcard_reader {
	GPtrArray *cards;
	struct vcard *card; /* that is open, or NULL */
	GString *text;
	bool is_preferred;
	guint number; /* of the line */
};

static int vcard_bad(const struct vcard_reader *reader, const char *what,
		     struct fault *fault)
{
	return fault_set(fault, FAULT_REFUSED_INPUT, "line %u: %s",
			 reader->number, what);
}

static int vcard_line_take(struct vcard_reader *reader, const char *unfolded,
			   struct fault *fault)
{
	VCARD_LINE_AUTO line = {0};

	if (!*unfolded)
		return 0;
	if (!vcard_line_parse(unfolded, &line))
		return reader->card
			       ? 0
			       : vcard_bad(reader, "no line of a vCard", fault);
	if (strcmp(line.name, "BEGIN") == 0 &&
	    g_ascii_strcasecmp(line.value, "VCARD") == 0) {
		if (reader->card)
			return vcard_bad(reader, "a card within a card", fault);
		reader->card = g_new0(struct vcard, 1);
		reader->is_preferred = false;
		return 0;
	}
	if (!reader->card)
		return vcard_bad(reader, "BEGIN:VCARD is missing", fault);
	if (strcmp(line.name, "END") != 0) {
		vcard_take(reader->card, &line, &reader->is_preferred);
		return 0;
	}
	vcard_complete(reader->card);
	g_ptr_array_add(reader->cards, g_steal_pointer(&reader->card));
	return 0;
}

/* Moves *at behind a line and what belongs to it: lines that begin with a
 * blank (RFC 6350 3.2) and, of a value in quoted-printable, the one behind "="
 * at the end.  Returns all of it as one; owned. */
static GString *vcard_unfold(char **lines, size_t *at)
{
	VCARD_LINE_AUTO head = {0};
	GString *line = g_string_new(lines[*at]);
	bool is_quoted = vcard_line_parse(line->str, &head) &&
			 vcard_is_quoted_printable(head.params);

	while (lines[++*at]) {
		const char *next = lines[*at];
		bool goes_on = is_quoted && line->str[line->len - 1] == '=';

		if (!goes_on && *next != ' ' && *next != '\t')
			break;
		g_string_truncate(line, line->len - goes_on);
		g_string_append(line, goes_on ? next : next + 1);
	}
	return line;
}

/* Lines of the file as they stand go into the card. */
static int vcard_read(struct vcard_reader *reader, char **lines,
		      struct fault *fault)
{
	for (size_t i = 0; lines[i];) {
		size_t first = i;
		g_autoptr(GString) unfolded = vcard_unfold(lines, &i);
		guint cards = reader->cards->len;

		reader->number = (guint)first + 1;
		if (vcard_line_take(reader, unfolded->str, fault) < 0)
			return -1;
		for (size_t k = first; k < i; k++)
			if (*lines[k] || k > first)
				g_string_append_printf(reader->text, "%s\r\n",
						       lines[k]);
		if (reader->cards->len > cards) {
			struct vcard *card = reader->cards->pdata[cards];

			card->text = g_strdup(reader->text->str);
			g_string_truncate(reader->text, 0);
		}
	}
	if (reader->card)
		return vcard_bad(reader, "END:VCARD is missing", fault);
	return 0;
}

int vcard_parse(const char *data, size_t len, GPtrArray **ret_cards,
		struct fault *fault)
{
	g_autoptr(GPtrArray) cards =
		g_ptr_array_new_with_free_func(vcard_free_element);
	g_autoptr(GString) text = g_string_new(NULL);
	g_autofree char *copy = NULL;
	g_auto(GStrv) lines = NULL;
	struct vcard_reader reader = {.cards = cards, .text = text};
	int rc;

	if (!g_utf8_validate(data, (gssize)len, NULL))
		return fault_set(fault, FAULT_REFUSED_INPUT,
				 "a vCard is UTF-8 without NUL");
	copy = g_strndup(data, len);
	lines = g_strsplit(copy, "\n", -1);
	for (size_t i = 0; lines[i]; i++)
		if (g_str_has_suffix(lines[i], "\r"))
			lines[i][strlen(lines[i]) - 1] = '\0';
	rc = vcard_read(&reader, lines, fault);
	vcard_free(reader.card);
	if (rc < 0)
		return -1;
	if (!cards->len)
		return fault_set(fault, FAULT_REFUSED_INPUT,
				 "there is no vCard in it");
	*ret_cards = g_steal_pointer(&cards);
	return 0;
}

/* ---- writing -------------------------------------------------------------
 */

/* A line, escaped (RFC 6350 3.4) and folded between characters. */
static void vcard_add(GString *out, const char *head, const char *value)
{
	g_autoptr(GString) line = g_string_new(head);
	size_t done = 0;

	for (; *value; value++) {
		if (strchr("\\,;\n", *value))
			g_string_append_c(line, '\\');
		if (*value == '\n')
			g_string_append_c(line, 'n');
		else if (*value != '\r')
			g_string_append_c(line, *value);
	}
	while (line->len - done > VCARD_LINE) {
		size_t end = done + VCARD_LINE;

		while (end > done + VCARD_LINE - UTF8_MAX &&
		       ((unsigned char)line->str[end] & 0xc0) == 0x80)
			end--;
		g_string_append_len(out, line->str + done,
				    (gssize)(end - done));
		g_string_append(out, "\r\n ");
		done = end;
	}
	g_string_append(out, line->str + done);
	g_string_append(out, "\r\n");
}

char *vcard_format(const char *name, const char *email, const char *company,
		   const char *phone)
{
	GString *out = g_string_new("BEGIN:VCARD\r\nVERSION:4.0\r\n");
	g_autofree char *uid = g_uuid_string_random();

	g_string_append_printf(out, "UID:urn:uuid:%s\r\n", uid);
	vcard_add(out, "FN:", name);
	if (email && *email)
		vcard_add(out, "EMAIL:", email);
	if (company && *company)
		vcard_add(out, "ORG:", company);
	if (phone && *phone)
		vcard_add(out, "TEL;TYPE=work:", phone);
	g_string_append(out, "END:VCARD\r\n");
	return g_string_free(out, FALSE);
}
