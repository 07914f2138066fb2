/*
 * HTML as plain text: what is text, and what is none.
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
	{"comment", "a<!-- <b> -- > -->b", "ab\r\n"},
	{"unclosed comment", "a<!-- b", "a\r\n"},
	{"for Outlook only", "a<!--[if mso]><p>b</p><![endif]-->c", "ac\r\n"},
	{"greater-than sign in a value", "a<img alt='>' src=\"x>y\">b",
	 "a>b\r\n"},
	{"first of two", "<a href=http://x/ href=http://y/>z</a>",
	 "z <http://x/>\r\n"},
	{"upper case", "<P>a<BR>b<SCRIPT>c</script >d", "a\r\nbd\r\n"},
	{"reference in a link",
	 "<a href=\"http://x/?a=1&amp;b=2&copy=3\">z</a>",
	 "z <http://x/?a=1&b=2&copy=3>\r\n"},
	{"a script in a link", "<a href=javascript:x()>z</a>", "z\r\n"},
	{"link that is not closed", "<a href=http://x/>z", "z <http://x/>\r\n"},
	{"unclosed script", "a<script>b<p>c", "a\r\n"},
	{"tags in a title", "<title><b>a</b></title>b", "b\r\n"},
	{"block ends a paragraph", "<p>a<div>b</div>c", "a\r\n\r\nb\r\nc\r\n"},
	{"preformatted text is a paragraph", "<pre>a\n b</pre>c",
	 "a\r\n b\r\n\r\nc\r\n"},
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

/* What is that long is no text but base64, wherever it stands. */
Test(html, long_runs)
{
	for (int more = 0; more <= 1; more++)
		for (int at = 0; at < 3; at++) {
			g_autofree char *run =
				g_strnfill(1023 + (gsize)more, 'x');
			g_autofree char *before =
				g_strnfill((gsize)at * 700, '.');
			g_autofree char *message = g_strdup_printf(
				"Content-Type: text/html\r\n\r\n%s %s !",
				before, run);
			AUTO(propset) set = convert(message);
			const char *text = propset_text(set, PR_BODY);

			cr_expect(text && (strstr(text, "xx") == NULL) == more,
				  "%d behind %d", 1023 + more, at * 700);
			cr_expect(text && strchr(text, '!'));
		}
}
