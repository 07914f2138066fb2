/*
 * Charsets and encoded words.
 */
#include "convert_test.h"

#include "convert/headers.h"
#include "convert/text.h"

static const struct convert_options options = {.default_charset =
						       "windows-1252"};

static const struct {
	const char *name, *value, *expected;
} words[] = {
	{"plain", "Hello", "Hello"},
	{"q", "=?utf-8?Q?Gr=C3=BC=C3=9Fe?=",
	 "Gr\xc3\xbc\xc3\x9f"
	 "e"},
	{"b", "=?utf-8?B?R3LDvMOfZQ==?=",
	 "Gr\xc3\xbc\xc3\x9f"
	 "e"},
	{"latin-1", "=?iso-8859-1?q?M=E9canique?=",
	 "M\xc3\xa9"
	 "canique"},
	{"language tag", "=?us-ascii*en?q?Hi?=", "Hi"},
	{"underscore", "=?utf-8?q?a_b?=", "a b"},
	{"blank between words goes", "=?utf-8?q?a?= =?utf-8?q?b?=", "ab"},
	{"fold between words goes", "=?utf-8?q?a?=\r\n =?utf-8?q?b?=", "ab"},
	{"blank to text stays", "=?utf-8?q?a?= b =?utf-8?q?c?=", "a b c"},
	{"split character",
	 "=?utf-8?q?=E2=98?= =?utf-8?q?=BA?=", "\xe2\x98\xba"},
	{"half the padding", "=?utf-8?B?VEVTVA=?= =?utf-8?B?IQ=?=", "TEST!"},
	{"split base64", "=?utf-8?B?4pi?= =?utf-8?B?6?=", "\xe2\x98\xba"},
	{"no closing mark", "=?utf-8?q?abc", "=?utf-8?q?abc"},
	{"unknown encoding", "=?utf-8?x?abc?=", "=?utf-8?x?abc?="},
	{"unknown charset", "=?x-nonsense?q?abc?=", "abc"},
	{"blanks within", "=?utf-8?q?a b c?=", "a b c"},
	{"within a word", "x=?utf-8?q?y?=z", "xyz"},
	{"bad hex stays", "=?utf-8?q?100=%?=", "100=%"},
	{"shift_jis",
	 "=?shift_jis?B?k/qWe4zq?=", "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e"},
	{"iso-2022-jp",
	 "=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "\xe6\x97\xa5\xe6\x9c\xac"},
	{"gb2312 is gb18030",
	 "=?gb2312?B?wbq1durJ?=", "\xe6\xa2\x81\xe7\xa5\x90\xe6\x99\x9f"},
	{"line breaks do not get in", "=?utf-8?q?a=0D=0Ab?=", "a  b"},
	{"raw latin-1",
	 "M\xe9"
	 "canique",
	 "M\xc3\xa9"
	 "canique"},
	{"raw utf-8",
	 "M\xc3\xa9"
	 "canique",
	 "M\xc3\xa9"
	 "canique"},
	{"empty word", "=?utf-8?q?\?=", ""},
	{"8-bit said to be ascii", "=?us-ascii?q?M=E9?=", "M\xc3\xa9"},
	{"raw in a word",
	 "=?iso-8859-1?q?Fr\xf6sche=E4?=", "Fr\xc3\xb6sche\xc3\xa4"},
	{"padded words", "=?utf-8?b?YQ==?= =?utf-8?b?Yg==?=", "ab"},
	{"tab fold", "a\r\n\tb", "a b"},
	{"raw iso-2022-jp", "\033$BF|K\\\033(B", "\xe6\x97\xa5\xe6\x9c\xac"},
	{"an escape that is none", "\033[1mbold", "[1mbold"},
	{"utf-16 has no mark", "=?utf-16?B?AGYAaQBsAGU=?=", "file"},
};

Test(text, words)
{
	for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
		struct convert_context context = {.options = &options};
		g_autofree char *got = text_decode(
			&context,
			(struct span){words[i].value, strlen(words[i].value)});

		cr_expect_str_eq(got, words[i].expected,
				 "%s: got \"%s\", not \"%s\"", words[i].name,
				 got, words[i].expected);
	}
}

Test(text, words_are_linear, .timeout = 120)
{
	static const char *const patterns[] = {"=?", "=?a?q?",
					       "=?a?q?b?=", "=?utf-8?b?4pi?= "};

	for (size_t i = 0; i < G_N_ELEMENTS(patterns); i++) {
		struct convert_context context = {.options = &options};
		GString *value = g_string_new(NULL);
		g_autofree char *got = NULL;

		while (value->len < 262144)
			g_string_append(value, patterns[i]);
		got = text_decode(&context,
				  (struct span){value->str, value->len});
		cr_expect(got != NULL);
		g_string_free(value, TRUE);
	}
}

static const struct {
	const char *name, *charset, *octets;
	size_t len;
	const char *expected;
	int codepage;
} charsets[] = {
	{"utf-8", "utf-8", "\xe2\x98\xba", 3, "\xe2\x98\xba", 65001},
	{"broken utf-8", "UTF-8",
	 "a\xff"
	 "b",
	 3,
	 "a\xef\xbf\xbd"
	 "b",
	 65001},
	{"NUL goes", "utf-8", "a\0b", 3, "ab", 65001},
	{"NUL goes in 8-bit sets", "koi8-r", "a\0\xc1", 3, "a\xd0\xb0", 20866},
	{"latin-1 is windows-1252", "iso-8859-1", "\x93", 1, "\xe2\x80\x9c",
	 28591},
	{"windows-1251", "windows-1251", "\xe0", 1, "\xd0\xb0", 1251},
	{"misnomer", "3DUTF-8", "\xe2\x98\xba", 3, "\xe2\x98\xba", 65001},
	{"utf-16 with mark", "utf-16",
	 "\xff\xfe"
	 "a\0",
	 4, "a", 1200},
	{"utf-16 without mark", "utf-16", "\0f\0i", 4, "fi", 1200},
	{"cut utf-16", "utf-16le", "a\0b", 3, "a\xef\xbf\xbd", 1200},
	{"unmapped octet", "windows-1252", "\x81", 1, "\xef\xbf\xbd", 1252},
	{"underscores", "koi8_r", "\xc1", 1, "\xd0\xb0", 20866},
	{"hz", "hz-gb-2312", "a~{VPND~}~~b", 12, "a\xe4\xb8\xad\xe6\x96\x87~b",
	 52936},
	{"hz to the end of a line", "hz-gb-2312", "~{VP\nVP~\nVP", 12,
	 "\xe4\xb8\xad\nVPVP", 52936},
	{"hz, a letter that ends in a tilde", "hz-gb-2312", "~{V~~}", 6,
	 "\xe7\xad\x91", 52936},
	{"hz by its other name", "HZ", "~{VP~}", 6, "\xe4\xb8\xad", 52936},
	{"iso-2022-jp ends with its line (RFC 1468)", "iso-2022-jp",
	 "\033$BF|K\\\r\nab\n\033$BK\\\033(B", 20,
	 "\xe6\x97\xa5\xe6\x9c\xac\r\nab\n\xe6\x9c\xac", 50220},
	{"iso-2022-jp with letters of Windows", "iso-2022-jp",
	 "\033$B-!|b\033(I1\033(Bx", 15,
	 "\xe2\x91\xa0\xe9\xab\x99\xef\xbd\xb1x", 50220},
	{"iso-2022-jp with a kana that is none", "iso-2022-jp",
	 "\033(I`1\033(B", 8, "\xef\xbf\xbd\xef\xbd\xb1", 50220},
	{"iso-2022-jp with half a letter", "iso-2022-jp", "\033$B-!F\033(B", 9,
	 "\xef\xbf\xbd\xe2\x80\x98", 50220},
	{"euc-jp", "euc-jp", "\xa1\xc1", 2, "\xe3\x80\x9c", 51932},
	{"euc-jp with letters of Windows", "EUC-JP", "\xad\xa1\xfc\xe2", 4,
	 "\xe2\x91\xa0\xe9\xab\x99", 51932},
	{"euc-jp with kana of one octet", "euc-jp", "\x8e\xb1\xad\xa1z", 5,
	 "\xef\xbd\xb1\xe2\x91\xa0z", 51932},
	{"euc-jp with half a letter", "euc-jp", "\xad\xa1\xfc", 3,
	 "\xef\xbf\xbd\xe2\x97\x8f", 51932},
	{"gbk has the euro where Windows has it", "gb2312", "\x80\xd6\xd0\x80",
	 4, "\xe2\x82\xac\xe4\xb8\xad\xe2\x82\xac", 936},
	{"gbk, a letter that ends in that octet", "gbk", "\x81\x80\x80", 3,
	 "\xe4\xba\x90\xe2\x82\xac", 936},
	{"no code page", "iso-8859-16", "a", 1, "a", 65001},
	{"empty", "utf-7", "", 0, "", 65000},
};

Test(text, charsets)
{
	for (size_t i = 0; i < G_N_ELEMENTS(charsets); i++) {
		g_autofree char *got =
			charset_decode(charsets[i].charset, charsets[i].octets,
				       charsets[i].len);

		cr_expect(got && !strcmp(got, charsets[i].expected),
			  "%s: got \"%s\"", charsets[i].name, got);
		cr_expect_eq(charset_codepage(charsets[i].charset),
			     charsets[i].codepage, "%s", charsets[i].name);
	}
	cr_expect_null(charset_decode("x-nonsense", "a", 1));
	cr_expect_null(charset_decode("../../etc/passwd", "a", 1));
	cr_expect_null(charset_decode("UTF-8//TRANSLIT", "a", 1));
	cr_expect_null(charset_decode("", "a", 1));
}

static const struct {
	const char *name, *text;
	int64_t seconds; /* -1: no date */
} dates[] = {
	{"rfc 5322", "Fri, 13 Feb 2009 23:31:30 +0000", 1234567890},
	{"zone", "Sat, 14 Feb 2009 00:31:30 +0100", 1234567890},
	{"negative zone", "Fri, 13 Feb 2009 15:31:30 -0800", 1234567890},
	{"named zone", "Fri, 13 Feb 2009 18:31:30 EST", 1234567890},
	{"gmt", "Fri, 13 Feb 2009 23:31:30 GMT", 1234567890},
	{"no weekday", "13 Feb 2009 23:31:30 +0000", 1234567890},
	{"comment", "Fri, 13 Feb 2009 23:31:30 +0000 (UTC)", 1234567890},
	{"no seconds", "Fri, 13 Feb 2009 23:31 +0000", 1234567860},
	{"two-digit year", "Fri, 13 Feb 09 23:31:30 +0000", 1234567890},
	{"one-digit day", "Sun, 1 Feb 2009 00:00:00 +0000", 1233446400},
	{"zone of minutes", "Sat, 14 Feb 2009 05:01:30 +0530", 1234567890},
	{"zone in small letters", "Fri, 13 Feb 2009 18:31:30 est", 1234567890},
	{"asctime", "Fri Feb 13 23:31:30 2009", 1234567890},
	{"before 1970", "Thu, 1 Jan 1969 00:00:00 +0000", -31536000},
	{"year since 1900", "Fri, 13 Feb 109 23:31:30 +0000", 1234567890},
	{"year since 1900, filled up", "Fri, 13 Feb 0109 23:31:30 +0000",
	 1234567890},
	{"afternoon", "Fri 13 Feb 2009 11:31:30 PM +0000", 1234567890},
	{"morning", "Sun, 1 Feb 2009 12:00:00 AM +0000", 1233446400},
	{"zone behind a comment", "Fri, 13 Feb 2009 18:31:30 (EST) -0500",
	 1234567890},
	{"words behind the zone",
	 "Fri, 13 Feb 2009 20:01:30 -0330 Newfoundland Time", 1234567890},
	{"zone of 08 and 09", "Sat, 14 Feb 2009 08:31:30 +0900", 1234567890},
	{"last second", "Fri, 31 Dec 9999 23:59:59 +0000",
	 INT64_C(253402300799)},
	{"beyond the last second by its zone",
	 "Fri, 31 Dec 9999 23:59:59 -1200", -1},
	{"before the first second by its zone",
	 "Mon, 1 Jan 1601 00:00:00 +0100", -1},
	{"no time of day", "02-25-2026", -1},
	{"nonsense", "yesterday", -1},
	{"empty", "", -1},
};

Test(text, dates)
{
	convert_init();
	for (size_t i = 0; i < G_N_ELEMENTS(dates); i++) {
		int64_t usec = -1;
		bool ok = date_parse(dates[i].text, &usec);

		cr_expect_eq(ok, dates[i].seconds != -1, "%s: %d",
			     dates[i].name, ok);
		if (ok)
			cr_expect_eq(usec, dates[i].seconds * 1000000,
				     "%s: %" PRId64, dates[i].name, usec);
	}
}

static const struct {
	const char *name, *subject, *prefix;
} subjects[] = {
	{"none", "Hello", ""},
	{"re", "Re: Hello", "Re: "},
	{"aw", "AW: Hello", "AW: "},
	{"one letter", "R: Hello", "R: "},
	{"blanks", "FW:   Hello", "FW:   "},
	{"only the first", "Re: Fwd: Hello", "Re: "},
	{"four letters", "Abcd: Hello", ""},
	{"digit", "Re2: x", ""},
	{"no blank", "Re:x", ""},
	{"alone", "Re:", "Re:"},
	{"blank within", "a b: c", ""},
	{"colon first", ": x", ""},
	{"umlauts", "\xc3\x84\xc3\xb6: x", "\xc3\x84\xc3\xb6: "},
	{"chinese", "\xe5\x9b\x9e\xe5\xa4\x8d: x",
	 "\xe5\x9b\x9e\xe5\xa4\x8d: "},
	{"list tag", "[list] Re: x", ""},
	{"empty", "", ""},
};

Test(text, subjects)
{
	for (size_t i = 0; i < G_N_ELEMENTS(subjects); i++)
		cr_expect_eq(subject_prefix_len(subjects[i].subject),
			     strlen(subjects[i].prefix), "%s",
			     subjects[i].name);
}
