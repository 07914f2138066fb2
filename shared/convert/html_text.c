/*
 * HTML as plain text, for mail that has no other (MS-OXCMAIL 2.2.3.3).
 *
 * A tokenizer of our own, in one pass, without a tree: only a few elements
 * mean anything to plain text, and none of them how deep it lies.  libxml2
 * took eight times as long for usual mail, and the square of the attributes
 * and of the open elements for hostile one.
 */
#include "html.h"

#include <stdlib.h>
#include <string.h>

#define HTML_LEN_MAX (8u << 20) /* octets that are read */
#define HREF_LEN_MAX 2048

struct html_text {
	GString *out;
	const char *at, *end;
	unsigned pre;   /* open <pre> */
	bool blank;     /* a blank is due before the next sign */
	bool row;       /* the row has a cell already */
	bool paragraph; /* a <p> is open: the next block ends it */
	bool no_title;  /* no further </title> */
	char *href;     /* of the open <a>, owned */
	size_t start;   /* where its text starts */
};

enum element_kind {
	ELEMENT_PLAIN, /* says nothing about lines */
	ELEMENT_LINE,  /* starts and ends a line */
	ELEMENT_PARAGRAPH,
	ELEMENT_BREAK,
	ELEMENT_RULE,
	ELEMENT_ITEM,
	ELEMENT_ROW,
	ELEMENT_CELL,
	ELEMENT_PRE,
	ELEMENT_HIDDEN, /* its text is no text: up to its end tag */
	ELEMENT_LINK,
	ELEMENT_IMAGE,
};

/* In order of their names. */
static const struct element {
	const char *name;
	enum element_kind kind;
} elements[] = {
	{"a", ELEMENT_LINK},       {"address", ELEMENT_LINE},
	{"article", ELEMENT_LINE}, {"blockquote", ELEMENT_PARAGRAPH},
	{"br", ELEMENT_BREAK},     {"center", ELEMENT_LINE},
	{"dd", ELEMENT_LINE},      {"div", ELEMENT_LINE},
	{"dl", ELEMENT_PARAGRAPH}, {"dt", ELEMENT_LINE},
	{"footer", ELEMENT_LINE},  {"form", ELEMENT_LINE},
	{"h1", ELEMENT_PARAGRAPH}, {"h2", ELEMENT_PARAGRAPH},
	{"h3", ELEMENT_PARAGRAPH}, {"h4", ELEMENT_PARAGRAPH},
	{"h5", ELEMENT_PARAGRAPH}, {"h6", ELEMENT_PARAGRAPH},
	{"header", ELEMENT_LINE},  {"hr", ELEMENT_RULE},
	{"img", ELEMENT_IMAGE},    {"li", ELEMENT_ITEM},
	{"ol", ELEMENT_PARAGRAPH}, {"p", ELEMENT_PARAGRAPH},
	{"pre", ELEMENT_PRE},      {"script", ELEMENT_HIDDEN},
	{"section", ELEMENT_LINE}, {"style", ELEMENT_HIDDEN},
	{"table", ELEMENT_LINE},   {"td", ELEMENT_CELL},
	{"th", ELEMENT_CELL},      {"title", ELEMENT_HIDDEN},
	{"tr", ELEMENT_ROW},       {"ul", ELEMENT_PARAGRAPH},
};

#define ELEMENT_NAME_MAX 10 /* "blockquote" */

/* A tag as it stands there.  Values are of the input, undecoded. */
struct tag {
	char name[ELEMENT_NAME_MAX + 2]; /* lower case; cut */
	bool ends;                       /* "</" */
	struct span href, alt;
};

static int compare_element(const void *name, const void *row)
{
	return strcmp(name, ((const struct element *)row)->name);
}

static enum element_kind element_kind(const char *name)
{
	const struct element *found =
		bsearch(name, elements, G_N_ELEMENTS(elements),
			sizeof(elements[0]), compare_element);

	return found ? found->kind : ELEMENT_PLAIN;
}

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r' && c != '\v');
}

/* ---- plain text -----------------------------------------------------------
 */

/* Ends lines until count line breaks stand at the end. */
static void end_line(struct html_text *text, size_t count)
{
	size_t have = 0;

	text->blank = false;
	while (text->out->len && text->out->str[text->out->len - 1] == ' ')
		g_string_truncate(text->out, text->out->len - 1);
	while (have < count && have < text->out->len &&
	       text->out->str[text->out->len - 1 - have] == '\n')
		have++;
	for (; text->out->len && have < count; have++)
		g_string_append_c(text->out, '\n');
}

static bool at_line_start(const struct html_text *text)
{
	return !text->out->len || text->out->str[text->out->len - 1] == '\n';
}

static void put_word(struct html_text *text, const char *word, size_t len)
{
	if (text->blank && !at_line_start(text))
		g_string_append_c(text->out, ' ');
	text->blank = false;
	g_string_append_len(text->out, word, (gssize)len);
}

static void put_pre(struct html_text *text, const char *signs, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (signs[i] != '\r')
			put_word(text, signs + i, 1);
}

static void put_signs(struct html_text *text, const char *signs, size_t len)
{
	const char *end = signs + len;

	if (text->pre) {
		put_pre(text, signs, len);
		return;
	}
	while (signs < end) {
		const char *word = signs;

		while (word < end && is_blank(*word))
			word++;
		text->blank = text->blank || word > signs;
		signs = word;
		while (signs < end && !is_blank(*signs))
			signs++;
		if (signs > word)
			put_word(text, word, (size_t)(signs - word));
	}
}

static void put_text(struct html_text *text, const char *words)
{
	put_signs(text, words, strlen(words));
}

/* Up to the end of some text: its signs, its character references. */
static void decode(GString *out, struct span from)
{
	const char *end = from.data + from.len;

	for (const char *at = from.data; at < end;) {
		const char *mark = memchr(at, '&', (size_t)(end - at));
		gunichar c = 0;
		size_t len = 0;

		g_string_append_len(out, at, (mark ? mark : end) - at);
		if (!mark)
			return;
		len = html_entity(mark + 1, end, &c);
		if (len)
			g_string_append_unichar(out, c);
		else
			g_string_append_c(out, '&');
		at = mark + 1 + len;
	}
}

static char *decoded(struct span from)
{
	GString *out = g_string_sized_new(from.len);

	decode(out, from);
	return g_string_free(out, FALSE);
}

/* At '&'. */
static void put_reference(struct html_text *text)
{
	gunichar c = '&';
	char octets[6];
	size_t len = html_entity(text->at + 1, text->end, &c);

	text->at += len + 1;
	put_signs(text, octets, (size_t)g_unichar_to_utf8(c, octets));
}

/* ---- elements -------------------------------------------------------------
 */

/* Where a link goes, if its text does not say so already: "text <url>". */
static void end_link(struct html_text *text)
{
	g_autofree char *href = g_steal_pointer(&text->href);
	const char *shown = href;

	if (!href || text->start > text->out->len)
		return;
	if (!g_ascii_strncasecmp(shown, "mailto:", 7))
		shown += 7;
	if (strstr(text->out->str + text->start, shown))
		return;
	text->blank = text->out->len > text->start;
	put_text(text, "<");
	put_text(text, href);
	put_text(text, ">");
}

static void start_link(struct html_text *text, struct span href)
{
	static const char *const shown[] = {
		"http:", "https:", "ftp:", "mailto:"};
	g_autofree char *target = NULL;

	end_link(text);
	text->start = text->out->len;
	if (!href.len || href.len >= HREF_LEN_MAX)
		return;
	target = decoded(href);
	g_strstrip(target);
	for (size_t i = 0; i < G_N_ELEMENTS(shown); i++)
		if (!g_ascii_strncasecmp(target, shown[i], strlen(shown[i]))) {
			text->href = g_steal_pointer(&target);
			return;
		}
}

/* A block within a <p> ends that (13.1.2.4). */
static void end_paragraph(struct html_text *text)
{
	if (text->paragraph)
		end_line(text, 2);
	text->paragraph = false;
}

static void put_image(struct html_text *text, struct span alt)
{
	g_autofree char *words = NULL;

	if (!alt.len)
		return;
	words = decoded(alt);
	put_text(text, words);
}

/* Without its end tag it takes the rest, as in browsers; but a title is not
 * let hide the message. */
static void skip_hidden(struct html_text *text, const char *name)
{
	size_t len = strlen(name);
	const char *at = text->at;
	bool is_title = !strcmp(name, "title");

	if (is_title && text->no_title)
		return;
	while ((at = memchr(at, '<', (size_t)(text->end - at)))) {
		if ((size_t)(text->end - at) > len + 1 && at[1] == '/' &&
		    !g_ascii_strncasecmp(at + 2, name, len)) {
			text->at = at;
			return;
		}
		at++;
	}
	text->no_title = is_title;
	if (!is_title)
		text->at = text->end;
}

static void start_element(struct html_text *text, const struct tag *tag)
{
	enum element_kind kind = element_kind(tag->name);

	switch (kind) {
	case ELEMENT_LINE:
		end_paragraph(text);
		end_line(text, 1);
		break;
	case ELEMENT_PARAGRAPH:
		end_line(text, 2);
		text->paragraph = !strcmp(tag->name, "p");
		break;
	case ELEMENT_PRE:
		end_line(text, 2);
		text->pre++;
		break;
	case ELEMENT_BREAK:
		text->blank = false;
		g_string_append_c(text->out, '\n');
		break;
	case ELEMENT_RULE:
		end_paragraph(text);
		end_line(text, 1);
		put_text(text, "________________________________");
		end_line(text, 1);
		break;
	case ELEMENT_ITEM:
		end_paragraph(text);
		end_line(text, 1);
		put_text(text, "*");
		text->blank = true;
		break;
	case ELEMENT_ROW:
		end_paragraph(text);
		end_line(text, 1);
		text->row = false;
		break;
	case ELEMENT_CELL:
		end_paragraph(text);
		text->blank = text->blank || text->row;
		text->row = true;
		break;
	case ELEMENT_LINK:
		start_link(text, tag->href);
		break;
	case ELEMENT_IMAGE:
		put_image(text, tag->alt);
		break;
	case ELEMENT_HIDDEN:
		skip_hidden(text, tag->name);
		break;
	case ELEMENT_PLAIN:
		break;
	}
}

static void end_element(struct html_text *text, const struct tag *tag)
{
	enum element_kind kind = element_kind(tag->name);

	if (kind == ELEMENT_PRE && text->pre)
		text->pre--;
	if (kind == ELEMENT_PARAGRAPH || kind == ELEMENT_PRE) {
		text->paragraph = false;
		end_line(text, 2);
	}
	if (kind == ELEMENT_LINE || kind == ELEMENT_ITEM ||
	    kind == ELEMENT_ROW) {
		end_paragraph(text);
		end_line(text, 1);
	}
	if (kind == ELEMENT_LINK)
		end_link(text);
}

/* ---- the tokenizer --------------------------------------------------------
 */

/* A value, quoted or not.  A quote that nothing closes takes the rest. */
static struct span read_value(struct html_text *text)
{
	struct span value = {text->at, 0};

	if (text->at < text->end && (*text->at == '"' || *text->at == '\'')) {
		const char *close = memchr(text->at + 1, *text->at,
					   (size_t)(text->end - text->at) - 1);

		value.data++;
		text->at = close ? close + 1 : text->end;
		value.len = close ? (size_t)(close - value.data) : 0;
		return value;
	}
	while (text->at < text->end && !is_blank(*text->at) && *text->at != '>')
		text->at++;
	value.len = (size_t)(text->at - value.data);
	return value;
}

static void skip_blanks(struct html_text *text)
{
	while (text->at < text->end && is_blank(*text->at))
		text->at++;
}

/* One attribute; the first of a name counts. */
static void read_attribute(struct html_text *text, struct tag *tag)
{
	struct span name = {text->at, 0};
	struct span value = {NULL, 0};

	do /* a '=' may begin a name */
		text->at++;
	while (text->at < text->end && !is_blank(*text->at) &&
	       !strchr("=>/", *text->at));
	name.len = (size_t)(text->at - name.data);
	skip_blanks(text);
	if (text->at < text->end && *text->at == '=') {
		text->at++;
		skip_blanks(text);
		value = read_value(text);
	}
	if (!tag->href.data && span_is(name, "href"))
		tag->href = value;
	if (!tag->alt.data && span_is(name, "alt"))
		tag->alt = value;
}

/* From behind "<" or "</" to behind ">"; false if it never ends. */
static bool read_tag(struct html_text *text, struct tag *tag)
{
	size_t len = 0;

	for (; text->at < text->end && !is_blank(*text->at) &&
	       *text->at != '>' && *text->at != '/';
	     text->at++)
		if (len < sizeof(tag->name) - 1)
			tag->name[len++] = g_ascii_tolower(*text->at);
	while (text->at < text->end) {
		if (*text->at == '>') {
			text->at++;
			return true;
		}
		if (is_blank(*text->at) || *text->at == '/')
			text->at++;
		else
			read_attribute(text, tag);
	}
	return false;
}

/* Comments, declarations, "</>": to their end, or to that of all. */
static void skip_declaration(struct html_text *text)
{
	size_t left = (size_t)(text->end - text->at);
	const char *close = NULL;

	if (left >= 4 && !memcmp(text->at, "<!--", 4)) {
		/* "<!-->" is one, too. */
		close = memmem(text->at + 2, left - 2, "-->", 3);
		text->at = close ? close + 3 : text->end;
		return;
	}
	close = memchr(text->at, '>', left);
	text->at = close ? close + 1 : text->end;
}

/* At '<'. */
static void read_markup(struct html_text *text)
{
	struct tag tag = {.name = ""};
	char next = '\0';

	if (text->end - text->at > 2)
		next = text->at[1];
	tag.ends = next == '/';
	if (next == '!' || next == '?' ||
	    (tag.ends && !g_ascii_isalpha(text->at[2]))) {
		skip_declaration(text);
		return;
	}
	if (!tag.ends && !g_ascii_isalpha(next)) {
		put_signs(text, text->at++, 1);
		return;
	}
	text->at += tag.ends ? 2 : 1;
	if (!read_tag(text, &tag))
		return;
	if (tag.ends)
		end_element(text, &tag);
	else
		start_element(text, &tag);
}

static void read_all(struct html_text *text)
{
	while (text->at < text->end) {
		const char *from = text->at;

		while (text->at < text->end && *text->at != '<' &&
		       *text->at != '&')
			text->at++;
		put_signs(text, from, (size_t)(text->at - from));
		if (text->at == text->end)
			return;
		if (*text->at == '<')
			read_markup(text);
		else
			put_reference(text);
	}
}

/* One line break at the end, however many elements ended there. */
static void end_text(GString *out)
{
	while (out->len && strchr(" \n", out->str[out->len - 1]))
		g_string_truncate(out, out->len - 1);
	if (out->len)
		g_string_append_c(out, '\n');
}

char *html_to_text(struct convert_context *context, const char *html,
		   size_t len)
{
	struct html_text text = {
		.out = g_string_sized_new(MIN(len, HTML_LEN_MAX) / 4 + 64),
		.at = html,
		.end = html + len,
	};

	if (len > HTML_LEN_MAX) {
		text.end = html + HTML_LEN_MAX;
		while (((unsigned char)*text.end & 0xc0) == 0x80)
			text.end--;
		convert_note(context,
			     "HTML too long for a plain text of all of it");
	}
	read_all(&text);
	end_link(&text);
	end_text(text.out);
	return g_string_free(text.out, FALSE);
}
