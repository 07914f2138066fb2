/*
 * RTF bodies: what they say, and what hostile ones cost.
 */
#include "convert_test.h"

#include "convert/rtf.h"

static const struct convert_options options = {.default_charset =
						       "windows-1252"};
static const struct convert_context context = {.options = &options};

/* RTF in the form that is not compressed; owned. */
static GString *stored(const char *rtf, size_t len)
{
	GString *out = g_string_new(NULL);
	uint32_t head[4] = {GUINT32_TO_LE((uint32_t)len + 12),
			    GUINT32_TO_LE((uint32_t)len),
			    GUINT32_TO_LE(0x414c454du), 0};

	g_string_append_len(out, (const char *)head, sizeof(head));
	g_string_append_len(out, rtf, (gssize)len);
	return out;
}

static char *text_of(const char *rtf, size_t len, bool *ret_is_html)
{
	GString *from = stored(rtf, len);
	char *text = rtf_text(&context, (struct span){from->str, from->len},
			      ret_is_html);

	g_string_free(from, TRUE);
	return text;
}

#define HTML "{\\rtf1\\ansi\\ansicpg1252\\fromhtml1 \\deff0"
#define H    "\\htmlrtf "
#define H0   "\\htmlrtf0 "

static const struct {
	const char *name, *rtf, *text;
	bool is_html;
} cases[] = {
	{"words", "{\\rtf1\\ansi Hello {\\b world}!}", "Hello world!", false},
	{"paragraphs", "{\\rtf1 a\\par\nb\\line c\\tab d}", "a\nb\nc\td",
	 false},
	{"lines of the file", "{\\rtf1 a\r\nb}", "ab", false},
	{"fonts and colours",
	 "{\\rtf1{\\fonttbl{\\f0 Arial;}}{\\colortbl;\\red0;}"
	 "{\\stylesheet{Normal;}}{\\info{\\author Me}}{\\*\\generator X;}a}",
	 "a", false},
	{"signs", "{\\rtf1 \\lquote a\\rquote\\~\\emdash \\{\\}\\\\}",
	 "\xe2\x80\x98"
	 "a\xe2\x80\x99\xc2\xa0\xe2\x80\x94{}\\",
	 false},
	{"octets", "{\\rtf1\\ansi\\ansicpg1252 caf\\'e9 \\'80}",
	 "caf\xc3\xa9 \xe2\x82\xac", false},
	{"a code page", "{\\rtf1\\ansi\\ansicpg1251 \\'cf\\'f0\\'e8}",
	 "\xd0\x9f\xd1\x80\xd0\xb8", false},
	{"a code page of two octets",
	 "{\\rtf1\\ansi\\ansicpg932 \\'93\\'fa\\'96\\'7b}",
	 "\xe6\x97\xa5\xe6\x9c\xac", false},
	{"the charset of a font",
	 "{\\rtf1\\ansi{\\fonttbl{\\f0\\fcharset0 A;}{\\f1\\fcharset204 B;}}"
	 "\\f0\\'e9{\\f1\\'cf}\\'e9}",
	 "\xc3\xa9\xd0\x9f\xc3\xa9", false},
	{"Unicode with its stand-in", "{\\rtf1\\uc1 \\u8364?\\u955\\'3f.}",
	 "\xe2\x82\xac\xce\xbb.", false},
	{"Unicode below zero", "{\\rtf1 \\u-10179?\\u-8704?}",
	 "\xf0\x9f\x98\x80", false},
	{"half a pair", "{\\rtf1 \\u-8704?x}", "\xef\xbf\xbdx", false},
	{"no stand-in", "{\\rtf1\\uc0 \\u955 x}", "\xce\xbbx", false},
	{"a link",
	 "{\\rtf1{\\field{\\*\\fldinst HYPERLINK \"x\"}{\\fldrslt here}}}",
	 "here", false},
	{"octets of a picture", "{\\rtf1 a{\\pict\\bin4 }}}}}b}", "ab", false},
	{"HTML",
	 HTML "{\\*\\htmltag19 <html>}{\\*\\htmltag64 <p>}" H "\\par " H0
	      "Hi {\\*\\htmltag84 <b>}" H "{\\b " H0
	      "you{\\*\\htmltag92 </b>}" H "}" H0 "{\\*\\htmltag27 </html>}}",
	 "<html><p>Hi <b>you</b></html>", true},
	{"HTML with entities and octets",
	 HTML "{\\*\\htmltag84 &lt;}caf\\'e9\\u955?{\\*\\htmltag241 "
	      "<a title=\"\\'e9\">}}",
	 "&lt;caf\xc3\xa9\xce\xbb<a title=\"\xc3\xa9\">", true},
	{"HTML and what MHTML has instead",
	 HTML "{\\*\\mhtmltag84 <img src=\"x\">}{\\*\\htmltag84 "
	      "<img src=\"cid:x\">}}",
	 "<img src=\"cid:x\">", true},
	{"HTML on lines", HTML "{\\*\\htmltag0 \\par }a\\par b\\tab c}",
	 "\na\nb\tc", true},
	{"plain text", "{\\rtf1\\ansi\\fromtext a {\\f0 b}\\par c}", "a b\nc",
	 false},
	{"a tag in RTF that was never HTML", "{\\rtf1 a{\\*\\htmltag84 <b>}c}",
	 "ac", false},
	{"closed too often", "{\\rtf1 a}}}}b", "ab", false},
	{"never closed", "{\\rtf1 {a{b", "ab", false},
	{"cut within a word", "{\\rtf1 a\\", "a", false},
	{"cut within an octet", "{\\rtf1 a\\'e", "ae", false},
	{"nothing", "", "", false},
};

Test(rtf, says)
{
	convert_init();
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		bool is_html = false;
		g_autofree char *text =
			text_of(cases[i].rtf, strlen(cases[i].rtf), &is_html);

		cr_expect(text && !strcmp(text, cases[i].text),
			  "%s: \"%s\", not \"%s\"", cases[i].name,
			  text ? text : "(none)", cases[i].text);
		cr_expect_eq(is_html, cases[i].is_html, "%s", cases[i].name);
	}
}

/* The two examples of MS-OXRTFCP 3. */
Test(rtf, decompression)
{
	static const uint8_t simple[] = {
		0x2d, 0x00, 0x00, 0x00, 0x2b, 0x00, 0x00, 0x00, 0x4c, 0x5a,
		0x46, 0x75, 0xf1, 0xc5, 0xc7, 0xa7, 0x03, 0x00, 0x0a, 0x00,
		0x72, 0x63, 0x70, 0x67, 0x31, 0x32, 0x35, 0x42, 0x32, 0x0a,
		0xf3, 0x20, 0x68, 0x65, 0x6c, 0x09, 0x00, 0x20, 0x62, 0x77,
		0x05, 0xb0, 0x6c, 0x64, 0x7d, 0x0a, 0x80, 0x0f, 0xa0};
	static const uint8_t crossed[] = {
		0x1a, 0x00, 0x00, 0x00, 0x1c, 0x00, 0x00, 0x00, 0x4c, 0x5a,
		0x46, 0x75, 0xe2, 0xd4, 0x4b, 0x51, 0x41, 0x00, 0x04, 0x20,
		0x57, 0x58, 0x59, 0x5a, 0x0d, 0x6e, 0x7d, 0x01, 0x0e, 0xb0};
	GString *raw =
		rtf_unpack((struct span){(const char *)simple, sizeof(simple)});

	cr_expect_str_eq(raw->str, "{\\rtf1\\ansi\\ansicpg1252\\pard hello "
				   "world}\r\n");
	g_string_free(raw, TRUE);
	raw = rtf_unpack((struct span){(const char *)crossed, sizeof(crossed)});
	cr_expect_str_eq(raw->str, "{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}");
	g_string_free(raw, TRUE);
	/* Any beginning of it. */
	for (size_t len = 0; len < sizeof(simple); len++) {
		raw = rtf_unpack((struct span){(const char *)simple, len});
		if (raw)
			g_string_free(raw, TRUE);
	}
	cr_expect(!rtf_unpack((struct span){"no rtf at all, is it", 20}));
}

/* Groups within groups, fonts, destinations: linear, without a stack. */
Test(rtf, hostile, .timeout = 120)
{
	static const char *const pieces[] = {
		"{",      "{\\*\\x", "\\u8364",    "{\\fonttbl{\\f1\\fcharset2",
		"\\f999", "\\bin9 ", "{\\htmltag", "\\'"};

	convert_init();
	for (size_t i = 0; i < G_N_ELEMENTS(pieces); i++) {
		GString *rtf = g_string_new("{\\rtf1\\fromhtml1 ");
		bool is_html = false;
		char *text = NULL;

		while (rtf->len < 1000000)
			g_string_append(rtf, pieces[i]);
		text = text_of(rtf->str, rtf->len, &is_html);
		cr_expect(text && g_utf8_validate(text, -1, NULL));
		g_free(text);
		g_string_free(rtf, TRUE);
	}
}

/* A length of 4 GB is no promise. */
Test(rtf, length_that_is_not_there)
{
	static const char lie[] = "\xff\xff\xff\xff\xff\xff\xff\xffLZFu\0\0\0\0"
				  "\0{\\rtf1 }";
	GString *raw = rtf_unpack((struct span){lie, sizeof(lie) - 1});

	cr_assert(raw);
	cr_expect(raw->allocated_len < 4096);
	g_string_free(raw, TRUE);
}
