/*
 * PR_HTML and the code page it is in (MS-OXCMAIL 2.2.3.3.2.1), in and out.
 */
#include "charset.h"
#include "convert_test.h"

#define JAPANESE "\x1b$BF|K\\\x1b(B"

static const struct {
	const char *name;
	const char *type; /* what stands behind text/html in Content-Type */
	const char *octets;
	int page;
	const char *kept; /* NULL: the octets */
} cases[] = {
	{"of its own", "; charset=koi8-r", "<p>\xc1", 20866, NULL},
	{"western", "; charset=iso-8859-1", "<p>\xe4", 28591, NULL},
	{"western, really Windows", "; charset=iso-8859-1", "<p>\x93", 1252,
	 NULL},
	{"what no code page has", "; charset=windows-1252", "a\x81", 65001,
	 "a\xef\xbf\xbd"},
	{"chinese", "; charset=gb2312", "\xd6\xd0", 936, NULL},
	{"chinese, wider", "; charset=gb2312", "\x95\x4e", 936, NULL},
	{"chinese, wider still", "; charset=gb2312", "\x81\x30\x81\x30", 54936,
	 NULL},
	{"chinese in seven bits", "; charset=hz-gb-2312", "~{VPND~}", 52936,
	 NULL},
	{"taiwanese", "; charset=big5", "\xa4\xa4", 950, NULL},
	{"letters of Hong Kong alone", "; charset=big5", "\x87\x40", 65001,
	 "\xe4\x8f\xb0"},
	{"korean", "; charset=euc-kr", "\xb0\xa1", 51949, NULL},
	{"korean, wider", "; charset=euc-kr", "\x8c\x63", 949, NULL},
	{"japanese", "; charset=Shift_JIS", "\x93\xfa", 932, NULL},
	{"japanese by escapes", "; charset=iso-2022-jp", JAPANESE, 50220, NULL},
	{"japanese, not said", "", JAPANESE, 50220, NULL},
	{"UTF-8", "; charset=utf-8", "\xc3\xa4", 65001, NULL},
	{"UTF-8, broken", "; charset=utf-8", "a\xff", 65001, "a\xef\xbf\xbd"},
	{"UTF-7 hides", "; charset=utf-7", "+ADw-p+AD4-", 65001, "<p>"},
	{"no code page", "; charset=iso-8859-16", "\xa4", 65001,
	 "\xe2\x82\xac"},
	{"us-ascii", "; charset=us-ascii", "<p>", 20127, NULL},
	{"us-ascii with octets", "; charset=us-ascii", "\xe4", 1252, NULL},
	{"nothing said", "", "<p>", 65001, NULL},
	{"nothing said, UTF-8", "", "\xc3\xa4", 65001, NULL},
	{"nothing said, octets", "", "\xe4", 1252, NULL},
	{"only meta", "", "<meta charset=koi8-r>\xc1", 20866, NULL},
	{"only meta, of seven bits", "", "<meta charset=utf-8>a", 65001, NULL},
	{"MIME before meta", "; charset=iso-8859-1", "<meta charset=utf-8>\xe9",
	 28591, NULL},
	{"MIME before meta, in ascii", "; charset=us-ascii",
	 "<meta charset=koi8-r>a", 20127, NULL},
	{"meta that is not true", "", "<meta charset=utf-8>\xe9", 1252, NULL},
	{"meta of no charset", "", "<meta charset=x-klingon>\xe9", 1252, NULL},
	{"meta where MIME says nonsense", "; charset=x-klingon",
	 "<meta charset=koi8-r>\xc1", 20866, NULL},
	{"meta that cannot be", "", "<meta charset=utf-16le>\xc3\xa4", 65001,
	 NULL},
	{"meta of two octets", "", "<meta charset=ucs-2>ab", 65001, NULL},
	{"meta of another alphabet", "", "<meta charset=ibm037>a", 65001, NULL},
	{"a mark before MIME", "; charset=iso-8859-1", "\xef\xbb\xbf\xc3\xa4",
	 65001, "\xc3\xa4"},
	{"no mark after all", "; charset=iso-8859-1", "\xef\xbb\xbf\xe4", 28591,
	 NULL},
	{"nothing", "; charset=koi8-r", "", 20866, NULL},
};

static const char *html_of(const struct propset *set)
{
	static char text[256];
	GBytes *bytes = propset_binary(set, PR_HTML);
	gsize len = 0;
	const void *data = bytes ? g_bytes_get_data(bytes, &len) : NULL;

	cr_assert(bytes && len < sizeof(text));
	memcpy(text, data ? data : "", len);
	text[len] = '\0';
	return text;
}

Test(html_charset, octets_are_kept)
{
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		const char *kept =
			cases[i].kept ? cases[i].kept : cases[i].octets;
		g_autofree char *message = g_strdup_printf(
			"Subject: s\r\nContent-Type: text/html%s\r\n\r\n%s",
			cases[i].type, cases[i].octets);
		AUTO(propset) set = convert(message);
		AUTO(propset) again = NULL;
		GByteArray *out = NULL;
		bool clean = false;
		g_autofree char *text = charset_decode_codepage(
			cases[i].page, kept, strlen(kept), &clean);

		expect_number(cases[i].name, set, PR_INTERNET_CPID,
			      cases[i].page);
		cr_expect_str_eq(html_of(set), kept, "%s", cases[i].name);
		cr_expect(text && clean, "%s", cases[i].name);
		cr_assert_eq(convert_to_rfc822(set, &out, NULL), 0);
		again = convert_len((char *)out->data, out->len, NULL);
		g_byte_array_unref(out);
		expect_number(cases[i].name, again, PR_INTERNET_CPID,
			      cases[i].page);
		cr_expect_str_eq(html_of(again), kept, "%s, again",
				 cases[i].name);
		expect_text(cases[i].name, again, PR_BODY,
			    propset_text(set, PR_BODY));
	}
}

static const struct {
	const char *name, *head, *body, *html;
	int page;
} encoded[] = {
	{"UTF-16", "text/html; charset=utf-16",
	 "//48AHAAPgDkAA==", "<p>\xc3\xa4", 65001},
	{"lines end in CRLF", "text/html; charset=koi8-r", "wQrBDQrB",
	 "\xc1\r\n\xc1\r\n\xc1", 20866},
	{"a zero octet", "text/html; charset=koi8-r", "wQDB",
	 "\xd0\xb0\xd0\xb0", 65001},
	{"enriched text", "text/enriched; charset=koi8-r",
	 "PGJvbGQ+wTwvYm9sZD4=", "<b>\xd0\xb0</b>", 65001},
};

Test(html_charset, encoded)
{
	for (size_t i = 0; i < G_N_ELEMENTS(encoded); i++) {
		g_autofree char *message = g_strdup_printf(
			"Content-Type: %s\r\n"
			"Content-Transfer-Encoding: base64\r\n\r\n%s\r\n",
			encoded[i].head, encoded[i].body);
		AUTO(propset) set = convert(message);

		expect_number(encoded[i].name, set, PR_INTERNET_CPID,
			      encoded[i].page);
		cr_expect(strstr(html_of(set), encoded[i].html), "%s: %s",
			  encoded[i].name, html_of(set));
	}
}

/* What clients set, right or wrong, and how it goes out. */
static const struct {
	const char *name;
	int page; /* 0: none */
	const char *octets;
	size_t len;
	const char *charset;
	const char *text; /* as it comes back, in UTF-8 */
} composed[] = {
	{"as it says", 20866, "\xc1", 1, "koi8-r", "\xd0\xb0"},
	{"western, really Windows", 28591, "\x93", 1, "windows-1252",
	 "\xe2\x80\x9c"},
	{"ascii", 65001, "a", 1, "utf-8", "a"},
	{"not what it says", 20127, "\xc3\xa4", 2, "utf-8", "\xc3\xa4"},
	{"nor this", 50220, "\xc3\xa4", 2, "utf-8", "\xc3\xa4"},
	{"nothing said, ascii", 0, "a", 1, "us-ascii", "a"},
	{"nothing said, UTF-8", 0, "\xc3\xa4", 2, "utf-8", "\xc3\xa4"},
	{"nothing said, octets", 0, "\xe4", 1, "windows-1252", "\xc3\xa4"},
	{"an octet that is wrong", 932, "\x93\xfa\x81", 3, "shift_jis",
	 "\xe6\x97\xa5\xef\xbf\xbd"},
	{"UTF-16, as it must not be", 1200, "a\0\xe4\0", 4, "utf-8",
	 "a\xc3\xa4"},
	{"UTF-16, which it is not", 1200, "abcd", 4, "us-ascii", "abcd"},
	{"UTF-7", 65000, "+AOQ-", 5, "utf-8", "\xc3\xa4"},
	{"no code page", 4711, "\xc3\xa4", 2, "utf-8", "\xc3\xa4"},
};

Test(html_charset, composed)
{
	for (size_t i = 0; i < G_N_ELEMENTS(composed); i++) {
		AUTO(propset) set = propset_new();
		AUTO(propset) back = NULL;
		GByteArray *out = NULL;
		g_autofree char *line = g_strdup_printf(
			"Content-Type: text/html; charset=\"%s\"",
			composed[i].charset);
		g_autofree char *text = NULL;
		g_autofree char *shown =
			g_strconcat(composed[i].text, "\r\n", NULL);
		bool clean = false;

		propset_set_text(set, PR_SUBJECT, "s");
		propset_set_binary_copy(set, PR_HTML, composed[i].octets,
					composed[i].len);
		if (composed[i].page)
			propset_set_number(set, PR_INTERNET_CPID,
					   composed[i].page);
		cr_assert_eq(convert_to_rfc822(set, &out, NULL), 0);
		cr_expect(memmem(out->data, out->len, line, strlen(line)),
			  "%s: %.*s", composed[i].name, (int)out->len,
			  (char *)out->data);
		back = convert_len((char *)out->data, out->len, NULL);
		g_byte_array_unref(out);
		text = charset_decode_codepage(
			(int)propset_number(back, PR_INTERNET_CPID, 0),
			html_of(back), strlen(html_of(back)), &clean);
		cr_expect(text && !strcmp(text, composed[i].text), "%s: %s",
			  composed[i].name, text);
		expect_text(composed[i].name, back, PR_BODY, shown);
	}
}

/* Text that a code page has is kept in it: for every code page there is. */
Test(html_charset, every_code_page)
{
	static const char *const letters[] = {
		"\xc3\xa9",     "\xd1\x8f", "\xe6\x97\xa5",
		"\xed\x95\x9c", "\xd7\xa9", "\xd8\xa7",
		"\xe0\xb8\x81", "\xce\xb1", "\xe4\xb8\xad",
	};
	unsigned pages = 0;

	for (int page = 1; page <= CODEPAGE_UTF8; page++) {
		const char *name = charset_name_of(page);
		g_autoptr(GBytes) bytes = NULL;
		const char *used = NULL;
		const char *text = NULL;
		gsize len = 0;
		const char *octets = NULL;
		int exact = 0;

		/* HZ is read only. */
		if (!name || page == CODEPAGE_UTF7 || page == CODEPAGE_ASCII ||
		    page == 52936)
			continue;
		for (size_t i = 0; !bytes && i < G_N_ELEMENTS(letters); i++) {
			text = letters[i];
			bytes = charset_encode(page, text, &used);
		}
		cr_expect(bytes, "%d: no letter in %s", page, name);
		if (!bytes)
			continue;
		octets = g_bytes_get_data(bytes, &len);
		exact = charset_exact_codepage(name, octets, len, text);
		cr_expect(exact == page, "%s is %d, not %d", name, exact, page);
		exact = charset_exact_codepage(name, octets, len, NULL);
		cr_expect(exact == page, "%s is %d, not %d", name, exact, page);
		pages++;
	}
	cr_expect(pages > 40, "%u", pages);
}
