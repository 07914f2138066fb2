/*
 * HTML as plain text, for mail that has no other (MS-OXCMAIL 2.2.3.3): read by
 * libxml2, event by event, no tree.
 *
 * libxml2 takes time in the square of the attributes of a tag and of the open
 * elements.  So it is given its input in small pieces, and none any more after
 * a tag that is too long or elements too deep; runs of base64, which is what
 * long tags really hold, are cut out before.
 */
#include "parts.h"
#include "text.h"
#include "utf8.h"

#include <libxml/HTMLparser.h>
#include <stdlib.h>
#include <string.h>

#define HTML_LEN_MAX   (2u << 20) /* octets that are read */
#define HTML_DEPTH_MAX 512        /* elements within each other */
#define HTML_TAG_MAX   32768      /* octets between two events */
#define HTML_PIECE     4096
#define RUN_MAX        1024 /* signs of base64 on end */
#define HREF_LEN_MAX   2048

struct html_text {
	GString *out;
	/* The input and how far it was read, and was at the last event. */
	const char *html;
	size_t len, at, event;
	unsigned depth;
	unsigned skip; /* open elements whose text is not shown */
	unsigned pre;  /* open <pre> */
	bool blank;    /* a blank is due before the next sign */
	bool row;      /* the row has a cell already */
	bool stopped;
	char *href;   /* of the open <a>, owned */
	size_t start; /* where its text starts */
};

enum element_kind {
	ELEMENT_LINE, /* starts and ends a line */
	ELEMENT_PARAGRAPH,
	ELEMENT_BREAK,
	ELEMENT_RULE,
	ELEMENT_ITEM,
	ELEMENT_ROW,
	ELEMENT_CELL,
	ELEMENT_PRE,
	ELEMENT_HIDDEN,
	ELEMENT_LINK,
	ELEMENT_IMAGE,
	ELEMENT_PLAIN, /* says nothing about lines */
};

struct element {
	const char *name;
	enum element_kind kind;
};

static int compare_names(const void *name, const void *element)
{
	return strcmp(name, ((const struct element *)element)->name);
}

static enum element_kind element_kind(const char *name)
{
	static const struct element known[] = {
		/* sorted by name */
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

	const struct element *found = bsearch(name, known, G_N_ELEMENTS(known),
					      sizeof(known[0]), compare_names);

	return found ? found->kind : ELEMENT_PLAIN;
}

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

static bool is_blank(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '\f';
}

/* How many signs at the beginning are put as they are. */
static size_t word_len(const struct html_text *text, const char *signs,
		       size_t len)
{
	size_t n = 0;

	if (text->pre)
		while (n < len && signs[n] && signs[n] != '\r' &&
		       signs[n] != '\n')
			n++;
	else
		while (n < len && signs[n] && !is_blank(signs[n]))
			n++;
	return n;
}

static void put_signs(struct html_text *text, const char *signs, size_t len)
{
	while (len) {
		size_t n = word_len(text, signs, len);

		if (n) {
			if (text->blank && !at_line_start(text))
				g_string_append_c(text->out, ' ');
			text->blank = false;
			g_string_append_len(text->out, signs, (gssize)n);
		} else if (text->pre && *signs == '\n') {
			g_string_append_c(text->out, '\n');
		} else if (!text->pre && *signs) {
			text->blank = true;
		}
		n = MAX(n, 1);
		signs += n;
		len -= n;
	}
}

static void put_text(struct html_text *text, const char *words)
{
	put_signs(text, words, strlen(words));
}

static const char *attribute(const xmlChar **attributes, const char *name)
{
	for (; attributes && attributes[0]; attributes += 2)
		if (!strcmp((const char *)attributes[0], name))
			return (const char *)attributes[1];
	return NULL;
}

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

static void start_link(struct html_text *text, const char *href)
{
	static const char *const shown[] = {
		"http:", "https:", "ftp:", "mailto:"};

	end_link(text);
	text->start = text->out->len;
	for (size_t i = 0; href && i < G_N_ELEMENTS(shown); i++)
		if (!g_ascii_strncasecmp(href, shown[i], strlen(shown[i])) &&
		    strlen(href) < HREF_LEN_MAX)
			text->href = g_strdup(href);
}

static void start_shown(struct html_text *text, enum element_kind kind,
			const xmlChar **attributes)
{
	switch (kind) {
	case ELEMENT_LINE:
		end_line(text, 1);
		break;
	case ELEMENT_PARAGRAPH:
		end_line(text, 2);
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
		end_line(text, 1);
		put_text(text, "________________________________");
		end_line(text, 1);
		break;
	case ELEMENT_ITEM:
		end_line(text, 1);
		put_text(text, "*");
		text->blank = true;
		break;
	case ELEMENT_ROW:
		end_line(text, 1);
		text->row = false;
		break;
	case ELEMENT_CELL:
		text->blank = text->blank || text->row;
		text->row = true;
		break;
	case ELEMENT_LINK:
		start_link(text, attribute(attributes, "href"));
		break;
	case ELEMENT_IMAGE: {
		const char *alt = attribute(attributes, "alt");

		if (alt)
			put_text(text, alt);
		break;
	}
	case ELEMENT_HIDDEN:
	case ELEMENT_PLAIN:
		break;
	}
}

static void on_start(void *data, const xmlChar *name,
		     const xmlChar **attributes)
{
	struct html_text *text = data;
	enum element_kind kind = element_kind((const char *)name);

	text->event = text->at;
	if (++text->depth > HTML_DEPTH_MAX)
		text->stopped = true;
	if (kind == ELEMENT_HIDDEN)
		text->skip++;
	if (!text->skip && !text->stopped)
		start_shown(text, kind, attributes);
}

static void on_end(void *data, const xmlChar *name)
{
	struct html_text *text = data;
	enum element_kind kind = element_kind((const char *)name);

	text->event = text->at;
	if (text->depth)
		text->depth--;
	if (kind == ELEMENT_HIDDEN && text->skip)
		text->skip--;
	if (text->skip || text->stopped)
		return;
	if (kind == ELEMENT_PRE && text->pre)
		text->pre--;
	if (kind == ELEMENT_PARAGRAPH || kind == ELEMENT_PRE)
		end_line(text, 2);
	if (kind == ELEMENT_LINE || kind == ELEMENT_ITEM || kind == ELEMENT_ROW)
		end_line(text, 1);
	if (kind == ELEMENT_LINK)
		end_link(text);
}

static void on_text(void *data, const xmlChar *signs, int len)
{
	struct html_text *text = data;

	text->event = text->at;
	if (!text->skip && !text->stopped && len > 0)
		put_signs(text, (const char *)signs, (size_t)len);
}

/* The next piece, none of it base64. */
static int on_read(void *data, char *buffer, int len)
{
	struct html_text *text = data;
	size_t n = MIN(text->len - text->at,
		       MIN((size_t)MAX(len, 0), (size_t)HTML_PIECE));

	if (text->stopped || text->at - text->event > HTML_TAG_MAX) {
		text->stopped = true;
		return 0;
	}
	memcpy(buffer, text->html + text->at, n);
	text->at += n;
	return (int)n;
}

static int on_close(void *data)
{
	(void)data;
	return 0;
}

static bool is_run_sign(char c)
{
	return g_ascii_isalnum(c) || c == '/' || c == '=' || c == '+' ||
	       c == '%';
}

/* Where a run of RUN_MAX signs could begin, at or behind at; at itself if there
 * it does.  Looks from the end of it backwards, so at few signs of most text.
 */
static size_t run_candidate(const char *html, size_t at)
{
	size_t end = at + RUN_MAX;

	while (end > at && is_run_sign(html[end - 1]))
		end--;
	return end;
}

/* Without runs of base64 ("data:" images), and at most HTML_LEN_MAX. */
static GString *without_runs(const char *html, size_t len)
{
	GString *out = g_string_sized_new(MIN(len, (size_t)HTML_LEN_MAX));
	size_t from = 0; /* what is before is in out, or left out */
	size_t at = 0;

	while (len - at >= RUN_MAX && out->len + (at - from) < HTML_LEN_MAX) {
		size_t run = run_candidate(html, at);

		if (run > at) {
			at = run;
			continue;
		}
		g_string_append_len(out, html + from, (gssize)(at - from));
		while (at < len && is_run_sign(html[at]))
			at++;
		from = at;
	}
	if (len - at < RUN_MAX)
		at = len;
	g_string_append_len(out, html + from, (gssize)(at - from));
	return out;
}

static void parse(struct html_text *text)
{
	htmlParserCtxtPtr parser = htmlNewParserCtxt();
	xmlDocPtr document = NULL;

	if (!parser)
		return;
	memset(parser->sax, 0, sizeof(*parser->sax));
	parser->sax->startElement = on_start;
	parser->sax->endElement = on_end;
	parser->sax->characters = on_text;
	parser->sax->ignorableWhitespace = on_text;
	parser->userData = text;
	document = htmlCtxtReadIO(
		parser, on_read, on_close, text, NULL, "UTF-8",
		HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING |
			HTML_PARSE_NONET | HTML_PARSE_IGNORE_ENC);
	if (document)
		xmlFreeDoc(document);
	htmlFreeParserCtxt(parser);
}

/* One line break at the end, however many elements ended there. */
static void end_text(GString *out)
{
	while (out->len && strchr(" \n", out->str[out->len - 1]))
		g_string_truncate(out, out->len - 1);
	if (out->len)
		g_string_append_c(out, '\n');
}

/* What has no runs any more; moved. */
static char *to_text(struct convert_context *context, GString *input)
{
	struct html_text text = {
		.out = g_string_sized_new(input->len / 4 + 64),
		.html = input->str,
		.len = input->len,
	};
	char *plain = NULL;

	parse(&text);
	if (text.stopped || input->len >= HTML_LEN_MAX)
		convert_note(context, "HTML too deep or too long for a plain "
				      "text of all of it");
	g_free(text.href);
	end_text(text.out);
	g_string_free(input, TRUE);
	if (utf8_is_valid(text.out->str, text.out->len))
		return text_without_mark(g_string_free(text.out, FALSE));
	plain = utf8_make_valid(text.out->str, text.out->len);
	g_string_free(text.out, TRUE);
	return text_without_mark(plain);
}

char *html_to_text(struct convert_context *context, const char *html)
{
	return to_text(context, without_runs(html, strlen(html)));
}

char *html_to_text_take(struct convert_context *context, char *html)
{
	GString *input = without_runs(html, strlen(html));

	g_free(html);
	return to_text(context, input);
}
