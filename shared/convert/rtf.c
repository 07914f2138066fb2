/*
 * RTF bodies of winmail.dat, read for their words, or for the HTML or plain
 * text that stands in them (MS-OXRTFEX).  Fonts count for their charsets only;
 * colours and pictures are passed over.
 *
 * Our own: Debian has programs for it (unrtf) that know neither the HTML within
 * nor an end, and libraries for the decompression alone.
 */
#include "rtf.h"
#include "text.h"

#include <string.h>

#define DEPTH_MAX     256 /* groups within each other */
#define WORD_LEN_MAX  32
#define FONTS_MAX     1024
#define CODEPAGE_ANSI 1252

/* ---- reading --------------------------------------------------------------
 */

struct group {
	bool skip;       /* a destination nobody reads */
	bool html_tag;   /* within \*\htmltag: as it stands there */
	bool html_rtf;   /* within \htmlrtf: for readers of RTF only */
	bool font_table; /* within \fonttbl */
	int codepage;    /* of its font */
	unsigned uc;     /* signs that stand for a \u */
};

struct rtf {
	const struct convert_context *context;
	const char *at, *end;
	struct group groups[DEPTH_MAX];
	unsigned depth;    /* of the group that is read */
	unsigned beyond;   /* groups deeper than that: passed over */
	unsigned stand_in; /* signs to pass over, behind a \u */
	bool is_html;
	bool starred;         /* behind \* */
	int codepage;         /* of the document */
	int fonts[FONTS_MAX]; /* code page of each, 0: the document's */
	int font;             /* the one \fonttbl is at, or -1 */
	int octets_codepage;
	GByteArray *octets; /* in that code page, not yet in out */
	gunichar high;      /* first of a surrogate pair, or 0 */
	GString *out;
};

static struct group *group_of(struct rtf *rtf)
{
	return &rtf->groups[rtf->depth];
}

static bool is_shown(struct rtf *rtf)
{
	const struct group *group = group_of(rtf);

	if (group->skip || rtf->beyond)
		return false;
	return group->html_tag || !(rtf->is_html && group->html_rtf);
}

static void flush(struct rtf *rtf)
{
	const char *charset = charset_name_of(rtf->octets_codepage);
	g_autofree char *text = NULL;

	if (!rtf->octets->len)
		return;
	if (charset && !charset_is_ascii(charset))
		text = charset_decode(charset, rtf->octets->data,
				      rtf->octets->len);
	if (!text)
		text = charset_decode_undeclared(
			rtf->context, rtf->octets->data, rtf->octets->len);
	g_string_append(rtf->out, text);
	g_byte_array_set_size(rtf->octets, 0);
}

/* Markup is in the document's code page, text in that of its font. */
static int codepage_here(struct rtf *rtf)
{
	const struct group *group = group_of(rtf);

	return group->html_tag || !group->codepage ? rtf->codepage
						   : group->codepage;
}

static void put_octet(struct rtf *rtf, uint8_t octet)
{
	if (rtf->stand_in) {
		rtf->stand_in--;
		return;
	}
	if (!is_shown(rtf) || !octet)
		return;
	if (rtf->octets_codepage != codepage_here(rtf)) {
		flush(rtf);
		rtf->octets_codepage = codepage_here(rtf);
	}
	g_byte_array_append(rtf->octets, &octet, 1);
}

static void put_unicode(struct rtf *rtf, gunichar c)
{
	if (!is_shown(rtf))
		return;
	flush(rtf);
	if (c >= 0xd800 && c < 0xdc00) {
		rtf->high = c;
		return;
	}
	if (c >= 0xdc00 && c < 0xe000)
		c = rtf->high ? 0x10000 + ((rtf->high - 0xd800) << 10) +
					(c - 0xdc00)
			      : 0xfffd;
	rtf->high = 0;
	if (c && g_unichar_validate(c))
		g_string_append_unichar(rtf->out, c);
}

static void group_open(struct rtf *rtf)
{
	rtf->stand_in = 0;
	rtf->starred = false;
	if (rtf->depth + 1 >= DEPTH_MAX) {
		rtf->beyond++;
		return;
	}
	rtf->groups[rtf->depth + 1] = *group_of(rtf);
	rtf->depth++;
}

static void group_close(struct rtf *rtf)
{
	rtf->stand_in = 0;
	if (rtf->beyond)
		rtf->beyond--;
	else if (rtf->depth)
		rtf->depth--;
}

/* Words that are a sign. */
static const struct {
	const char *word;
	gunichar sign;
} signs[] = {
	{"par", '\n'},         {"line", '\n'},     {"row", '\n'},
	{"sect", '\n'},        {"page", '\n'},     {"tab", '\t'},
	{"cell", '\t'},        {"emdash", 0x2014}, {"endash", 0x2013},
	{"lquote", 0x2018},    {"rquote", 0x2019}, {"ldblquote", 0x201c},
	{"rdblquote", 0x201d}, {"bullet", 0x2022}, {"emspace", 0x2003},
	{"enspace", 0x2002},
};

/* Destinations whose text is none of the message's. */
static const char *const hidden[] = {
	"colortbl", "stylesheet", "info",    "pict",    "object",
	"header",   "headerl",    "headerr", "headerf", "footer",
	"footerl",  "footerr",    "footerf", "filetbl",
};

static bool is_hidden(const char *word)
{
	for (size_t i = 0; i < G_N_ELEMENTS(hidden); i++)
		if (!strcmp(word, hidden[i]))
			return true;
	return false;
}

static void put_sign(struct rtf *rtf, const char *word)
{
	for (size_t i = 0; i < G_N_ELEMENTS(signs); i++)
		if (!strcmp(word, signs[i].word)) {
			put_unicode(rtf, signs[i].sign);
			return;
		}
}

/* Code page of \fcharset; 0: that of the document. */
static int codepage_of_charset(int charset)
{
	static const struct {
		int charset, codepage;
	} known[] = {
		{77, 10000}, {128, 932},  {129, 949},  {134, 936},  {136, 950},
		{161, 1253}, {162, 1254}, {163, 1258}, {177, 1255}, {178, 1256},
		{186, 1257}, {204, 1251}, {222, 874},  {238, 1250}, {255, 437},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
		if (known[i].charset == charset)
			return known[i].codepage;
	return charset == 0 ? CODEPAGE_ANSI : 0;
}

/* \f: names a font in the table, takes it in text. */
static void on_font(struct rtf *rtf, int number)
{
	bool known = number >= 0 && number < FONTS_MAX;

	if (group_of(rtf)->font_table)
		rtf->font = known ? number : -1;
	else
		group_of(rtf)->codepage = known ? rtf->fonts[number] : 0;
}

/* Words about charsets and fonts; false if it is none. */
static bool on_font_word(struct rtf *rtf, const char *word, int number)
{
	static const struct {
		const char *word;
		int codepage;
	} sets[] = {{"ansi", CODEPAGE_ANSI},
		    {"mac", 10000},
		    {"pc", 437},
		    {"pca", 850}};

	for (size_t i = 0; i < G_N_ELEMENTS(sets); i++)
		if (!strcmp(word, sets[i].word)) {
			rtf->codepage = sets[i].codepage;
			return true;
		}
	if (!strcmp(word, "ansicpg")) {
		rtf->codepage = number;
	} else if (!strcmp(word, "fonttbl")) {
		group_of(rtf)->font_table = true;
		group_of(rtf)->skip = true;
	} else if (!strcmp(word, "f")) {
		on_font(rtf, number);
	} else if (!strcmp(word, "fcharset")) {
		if (group_of(rtf)->font_table && rtf->font >= 0)
			rtf->fonts[rtf->font] = codepage_of_charset(number);
	} else if (!strcmp(word, "plain")) {
		group_of(rtf)->codepage = 0;
	} else {
		return false;
	}
	return true;
}

/* A control word with its number; has_number: it has one. */
static void on_word(struct rtf *rtf, const char *word, int number,
		    bool has_number)
{
	struct group *group = group_of(rtf);
	bool starred = rtf->starred;

	rtf->starred = false;
	if (!strcmp(word, "bin") && number > 0)
		rtf->at += MIN((ptrdiff_t)number, rtf->end - rtf->at);
	if (rtf->beyond)
		return;
	if (!strcmp(word, "htmltag")) {
		group->html_tag = true;
		group->skip = group->skip || !rtf->is_html;
	} else if (starred || is_hidden(word)) {
		group->skip = true;
	} else if (on_font_word(rtf, word, number)) {
		return;
	} else if (!strcmp(word, "fromhtml")) {
		rtf->is_html = !has_number || number;
	} else if (!strcmp(word, "htmlrtf")) {
		group->html_rtf = !has_number || number;
	} else if (!strcmp(word, "uc")) {
		group->uc = (unsigned)CLAMP(number, 0, 16);
	} else if (!strcmp(word, "u")) {
		put_unicode(rtf, (gunichar)(uint16_t)number);
		rtf->stand_in = group->uc;
	} else {
		put_sign(rtf, word);
	}
}

/* Behind a '\' with a letter. */
static void read_word(struct rtf *rtf)
{
	char word[WORD_LEN_MAX + 1];
	size_t len = 0;
	int number = 0;
	bool negative = false;
	bool has_number = false;

	for (; rtf->at < rtf->end && g_ascii_isalpha(*rtf->at); rtf->at++)
		if (len < WORD_LEN_MAX)
			word[len++] = *rtf->at;
	word[len] = '\0';
	if (rtf->at < rtf->end && *rtf->at == '-') {
		negative = true;
		rtf->at++;
	}
	for (; rtf->at < rtf->end && g_ascii_isdigit(*rtf->at); rtf->at++) {
		has_number = true;
		if (number < 100000000)
			number = number * 10 + (*rtf->at - '0');
	}
	if (rtf->at < rtf->end && *rtf->at == ' ')
		rtf->at++;
	on_word(rtf, word, negative ? -number : number, has_number);
}

/* Behind "\'": two digits. */
static void read_octet(struct rtf *rtf)
{
	int high = 0;
	int low = 0;

	if (rtf->end - rtf->at < 2)
		return;
	high = g_ascii_xdigit_value(rtf->at[0]);
	low = g_ascii_xdigit_value(rtf->at[1]);
	if (high < 0 || low < 0)
		return;
	rtf->at += 2;
	put_octet(rtf, (uint8_t)(high << 4 | low));
}

/* Behind a '\'. */
static void read_control(struct rtf *rtf)
{
	char c = '\0';

	if (rtf->at == rtf->end)
		return;
	if (g_ascii_isalpha(*rtf->at)) {
		read_word(rtf);
		return;
	}
	c = *rtf->at++;
	if (c == '\'')
		read_octet(rtf);
	else if (c == '*')
		rtf->starred = true;
	else if (c == '~')
		put_unicode(rtf, 0xa0);
	else if (c == '_')
		put_unicode(rtf, 0x2011);
	else if (c == '\n' || c == '\r')
		put_unicode(rtf, '\n');
	else if (strchr("\\{}", c))
		put_octet(rtf, (uint8_t)c);
}

static void read_all(struct rtf *rtf)
{
	while (rtf->at < rtf->end) {
		char c = *rtf->at++;

		if (c == '{')
			group_open(rtf);
		else if (c == '}')
			group_close(rtf);
		else if (c == '\\')
			read_control(rtf);
		else if (c != '\r' && c != '\n')
			put_octet(rtf, (uint8_t)c);
	}
	flush(rtf);
}

char *rtf_text(const struct convert_context *context, struct span compressed,
	       bool *ret_is_html)
{
	GString *raw = rtf_unpack(compressed);
	struct rtf *rtf = NULL;
	char *text = NULL;

	if (!raw)
		return NULL;
	rtf = g_new0(struct rtf, 1);
	rtf->context = context;
	rtf->codepage = CODEPAGE_ANSI;
	rtf->font = -1;
	rtf->at = raw->str;
	rtf->end = raw->str + raw->len;
	rtf->groups[0].uc = 1;
	rtf->octets = g_byte_array_new();
	rtf->out = g_string_sized_new(raw->len / 2);
	read_all(rtf);
	*ret_is_html = rtf->is_html;
	g_byte_array_free(rtf->octets, TRUE);
	text = g_string_free(rtf->out, FALSE);
	g_string_free(raw, TRUE);
	g_free(rtf);
	return text;
}
