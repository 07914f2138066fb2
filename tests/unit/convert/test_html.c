/*
 * HTML as plain text: the tokenizer and its character references.
 */
#include "convert_test.h"

static const struct {
	const char *name, *html, *expected;
} cases[] = {
	{"words", "a  b\r\n\tc", "a b c\r\n"},
	{"a less-than sign", "1 < 2 <3", "1 < 2 <3\r\n"},
	{"one at the end", "a <", "a <\r\n"},
	{"references", "&auml;&#228;&#xE4;&lt;",
	 "\xc3\xa4\xc3\xa4\xc3\xa4<\r\n"},
	{"reference without semicolon", "&nbsp&copy 1",
	 "\xc2\xa0\xc2\xa9 1\r\n"},
	{"no reference", "a&b &foo; &copyright &#; &",
	 "a&b &foo; &copyright &#; &\r\n"},
	{"control of windows-1252", "&#146;", "\xe2\x80\x99\r\n"},
	{"no character", "&#0;&#xd800;&#9999999999;",
	 "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\r\n"},
	{"comment", "a<!-- <b> -- > -->b", "ab\r\n"},
	{"short comment", "a<!-->b<!--->c", "abc\r\n"},
	{"unclosed comment", "a<!-- b", "a\r\n"},
	{"for Outlook only", "a<!--[if mso]><p>b</p><![endif]-->c", "ac\r\n"},
	{"not for Outlook", "a<![if !mso]>b<![endif]>c", "abc\r\n"},
	{"end of nothing", "a</>b</ x>c</p", "abc\r\n"},
	{"greater-than sign in a value", "a<img alt='>' src=\"x>y\">b",
	 "a>b\r\n"},
	{"unclosed value", "a<img alt=\"b>c", "a\r\n"},
	{"first of two", "<a href=http://x/ href=http://y/>z</a>",
	 "z <http://x/>\r\n"},
	{"upper case", "<P>a<BR>b<SCRIPT>c</script >d", "a\r\nbd\r\n"},
	{"reference in a link",
	 "<a href=\"http://x/?a=1&amp;b=2&copy=3\">z</a>",
	 "z <http://x/?a=1&b=2&copy=3>\r\n"},
	{"a script in a link", "<a href=javascript:x()>z</a>", "z\r\n"},
	{"link that is not closed", "<a href=http://x/>z", "z <http://x/>\r\n"},
	{"unclosed script", "a<script>b<p>c", "a\r\n"},
	{"unclosed title", "<title>a<p>b", "a\r\n\r\nb\r\n"},
	{"tags in a title", "<title><b>a</b></title>b", "b\r\n"},
	{"block ends a paragraph", "<p>a<div>b</div>c", "a\r\n\r\nb\r\nc\r\n"},
	{"rule", "a<hr>b", "a\r\n________________________________\r\nb\r\n"},
	{"unknown element", "a<foo-bar baz>b</foo-bar>", "ab\r\n"},
	{"long name", "a<blockquotes>b", "ab\r\n"},
};

Test(html, table)
{
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *message = g_strconcat(
			"Content-Type: text/html\r\n\r\n", cases[i].html, NULL);
		AUTO(propset) set = convert(message);

		expect_text(cases[i].name, set, PR_BODY, cases[i].expected);
	}
}
