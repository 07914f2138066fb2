/*
 * The small parts alone: wildcards, comparators, addresses, dates, HTML.
 */
#include "cases.h"
#include "rules/address.h"
#include "rules/comparator.h"
#include "rules/date.h"
#include "rules/html.h"
#include "rules/run.h"
#include "rules/wildcard.h"

#include <criterion/criterion.h>
#include <string.h>

Test(parts, wildcards)
{
	static const struct {
		const char *pattern;
		const char *text;
		bool matches;
	} cases[] = {
		{"", "", true},
		{"", "a", false},
		{"*", "", true},
		{"***", "abc", true},
		{"?", "", false},
		{"?", "\xe2\x82\xac", true},
		{"??", "\xe2\x82\xac", false},
		{"*?", "\xe2\x82\xac", true},
		{"?*?", "a", false},
		{"?*?", "ab", true},
		{"a*a", "a", false},
		{"a*a", "aa", true},
		{"*ab", "aab", true},
		{"*aab*", "aaab", true},
		{"a*b*c", "abbbc", true},
		{"a*b*c", "acb", false},
		{"*.example.*", "a.example.org", true},
		{"\\*", "*", true},
		{"\\*", "a", false},
		{"\\?\\\\", "?\\", true},
		{"a\\", "a\\", true},
		{"*a?b*", "xxaabyy", true},
		{"*a?b*", "xxabyy", false},
		{"*\xc3\xa4?", "x\xc3\xa4\xc3\xb6", true},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		cr_expect_eq(wildcard_match(cases[i].pattern, cases[i].text,
					    NULL, NULL),
			     cases[i].matches, "%s on %s", cases[i].pattern,
			     cases[i].text);
}

Test(parts, wildcards_take_no_exponential_time)
{
	g_autofree char *text = g_strnfill(5000, 'a');
	g_autoptr(GString) pattern = g_string_new(NULL);
	uint64_t steps = 0;

	for (int i = 0; i < 200; i++)
		g_string_append(pattern, "*a");
	g_string_append(pattern, "*b");
	cr_assert_not(wildcard_match(pattern->str, text, NULL, &steps));
	cr_assert_lt(steps, 20000);
}

Test(parts, wildcard_spans)
{
	struct wildcard_span spans[WILDCARD_SPANS];
	const char *text = "one-two-three!";

	cr_assert(wildcard_match("*-*-?*!", text, spans, NULL));
	cr_assert_eq(spans[0].end, strlen(text));
	cr_assert_eq(spans[1].start, 0);
	cr_assert_eq(spans[1].end, 3);
	cr_assert_eq(spans[2].start, 4);
	cr_assert_eq(spans[2].end, 7);
	cr_assert_eq(spans[3].start, 8);
	cr_assert_eq(spans[3].end, 9);
	cr_assert_eq(spans[4].end, 13);
	cr_assert_eq(spans[5].end, 0);
}

Test(parts, comparators)
{
	static const struct {
		enum comparator comparator;
		const char *a;
		const char *b;
		int order;
	} cases[] = {
		{COMPARATOR_OCTET, "a", "A", 1},
		{COMPARATOR_ASCII_CASEMAP, "a", "A", 0},
		{COMPARATOR_ASCII_CASEMAP, "a", "_", -1},
		{COMPARATOR_ASCII_CASEMAP, "\xc3\xa4", "\xc3\x84", 1},
		{COMPARATOR_UNICODE_CASEMAP, "\xc3\xa4", "\xc3\x84", 0},
		{COMPARATOR_UNICODE_CASEMAP, "STRASSE",
		 "stra\xc3\x9f"
		 "e",
		 0},
		{COMPARATOR_ASCII_NUMERIC, "10", "9", 1},
		{COMPARATOR_ASCII_NUMERIC, "007", "7", 0},
		{COMPARATOR_ASCII_NUMERIC, "7 dwarfs", "7", 0},
		{COMPARATOR_ASCII_NUMERIC, "99999999999999999999998",
		 "99999999999999999999999", -1},
		{COMPARATOR_ASCII_NUMERIC, "x", "9", 1},
		{COMPARATOR_ASCII_NUMERIC, "x", "y", 0},
		{COMPARATOR_ASCII_NUMERIC, "-1", "1", 1},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		int order = comparator_compare(cases[i].comparator, cases[i].a,
					       cases[i].b);

		cr_expect_eq((order > 0) - (order < 0), cases[i].order,
			     "%s and %s", cases[i].a, cases[i].b);
	}
}

Test(parts, addresses_are_split)
{
	static const char *const cases[][2] = {
		{"", ""},
		{"a@b", "a@b"},
		{"A B <a@b>", "a@b"},
		{"\"B, A\" <a@b>, c@d", "a@b|c@d"},
		{"a@b (x, y), c@d", "a@b|c@d"},
		{"team: a@b, C <c@d>;, e@f", "a@b|c@d|e@f"},
		{"undisclosed-recipients:;", ""},
		{"<a@b", "a@b"},
		{"\"open <a@b>, c@d", "a@b"},
		{", ,a@b,", "a@b"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_auto(GStrv) split = sieve_address_split(cases[i][0]);
		g_autofree char *joined = g_strjoinv("|", split);

		cr_expect_str_eq(joined, cases[i][1], "%s gave %s", cases[i][0],
				 joined);
	}
}

Test(parts, addresses_are_checked)
{
	cr_expect(sieve_address_is_valid("a@b"));
	cr_expect(sieve_address_is_valid("\xc3\xa4+x@b\xc3\xbc.example"));
	cr_expect_not(sieve_address_is_valid(""));
	cr_expect_not(sieve_address_is_valid("@b"));
	cr_expect_not(sieve_address_is_valid("a@"));
	cr_expect_not(sieve_address_is_valid("a@b@c"));
	cr_expect_not(sieve_address_is_valid("a@b\r\nDATA"));
	cr_expect_not(sieve_address_is_valid("a@b,c@d"));
	cr_expect_not(sieve_address_is_valid("a@b."));
}

Test(parts, mail_dates)
{
	static const struct {
		const char *text;
		const char *iso; /* NULL: no date */
		int zone;
	} cases[] = {
		{"Mon, 23 Nov 2026 05:58:00 +0100", "2026-11-23T04:58:00Z", 60},
		{"23 Nov 2026 05:58 -0330", "2026-11-23T09:28:00Z", -210},
		{"Mon,23 Nov 26 05:58:00 GMT (x)", "2026-11-23T05:58:00Z", 0},
		{"Thu, 1 Jan 70 00:00:00 EST", "1970-01-01T05:00:00Z", -300},
		{"29 Feb 2024 (leap) 23:59:60 Z", "2024-03-01T00:00:00Z", 0},
		{"Sun, 31 Dec 1899 23:00:00 +0000", "1899-12-31T23:00:00Z", 0},
		{"yesterday", NULL, 0},
		{"", NULL, 0},
		{"1 Foo 2020 00:00:00", NULL, 0},
		{"32 Jan 2020 00:00:00", NULL, 0},
		{"1 Jan 2020 25:00:00", NULL, 0},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *iso = NULL;
		int64_t time = 0;
		int zone = 0;
		bool is_date =
			sieve_date_parse_mail(cases[i].text, &time, &zone);

		cr_expect_eq(is_date, cases[i].iso != NULL, "%s",
			     cases[i].text);
		if (!is_date)
			continue;
		iso = sieve_date_format_iso(time);
		cr_expect_str_eq(iso, cases[i].iso);
		cr_expect_eq(zone, cases[i].zone, "%s", cases[i].text);
	}
}

Test(parts, iso_dates)
{
	int64_t time = 0;

	cr_assert(sieve_date_parse_iso("1970-01-01", &time));
	cr_expect_eq(time, 0);
	cr_assert(sieve_date_parse_iso("1970-01-01T00:01", &time));
	cr_expect_eq(time, 60 * USEC_PER_SEC);
	cr_assert(sieve_date_parse_iso("1970-01-01T01:00:00.5+01:00", &time));
	cr_expect_eq(time, 0);
	cr_expect_not(sieve_date_parse_iso("1970-13-01", &time));
	cr_expect_not(sieve_date_parse_iso("1970-01-01Z", &time));
	cr_expect_not(sieve_date_parse_iso("1970-01-01T00", &time));
	cr_expect_not(sieve_date_parse_iso("70-01-01", &time));
	cr_expect_not(sieve_date_parse_iso("", &time));
}

Test(parts, html_to_text)
{
	static const char *const cases[][2] = {
		{"a <b>b</b>c", "a bc"},
		{"<p>a</p><p>b</p>", " a  b "},
		{"a<br>b", "a b"},
		{"<STYLE>x{}</style>a", "  a"},
		{"<script>if (a<b) x</script>a", "  a"},
		{"<!-- <b> -->a", " a"},
		{"1 &lt; 2 &amp;&amp; &#228;&#xe4; &nope; &#0;",
		 "1 < 2 && \xc3\xa4\xc3\xa4 &nope; &#0;"},
		{"a <b", "a "},
		{"<style>never closed", " "},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *text = sieve_html_text(cases[i][0]);

		cr_expect_str_eq(text, cases[i][1], "%s gave \"%s\"",
				 cases[i][0], text);
	}
}

static char *decode_page(int64_t page, const char *octets)
{
	AUTO(propset) set = propset_new();
	const struct sieve_message message = {.set = set,
					      .decode = case_decode};
	struct sieve_run run = {.message = &message};

	propset_set_number(set, PR_INTERNET_CPID, page);
	return sieve_run_decode(&run, sieve_html_charset(set), octets,
				strlen(octets));
}

Test(parts, html_in_other_charsets)
{
	g_autofree char *latin = decode_page(1252, "gr\xfc\xdf");
	g_autofree char *unknown = decode_page(4711, "gr\xfc");
	g_autofree char *japanese = decode_page(50220, "\x1b$BF|K\\\x1b(B");

	cr_expect_str_eq(latin, "gr\xc3\xbc\xc3\x9f");
	cr_expect_str_eq(unknown, "gr\xef\xbf\xbd");
	cr_expect_str_eq(japanese, "\xe6\x97\xa5\xe6\x9c\xac");
}

static char *decode_not(void *context, const char *charset, const char *octets,
			size_t len, struct fault *fault)
{
	(void)context;
	(void)fault;
	(void)octets;
	(void)len;
	cr_expect(false, "%s was asked for", charset);
	return NULL;
}

static char *decode_later(void *context, const char *charset,
			  const char *octets, size_t len, struct fault *fault)
{
	(void)context;
	(void)charset;
	(void)octets;
	(void)len;
	(void)fault_set(fault, FAULT_INTERNAL, "the helper died");
	return NULL;
}

/* Nothing is decided by octets whose text is not known for now. */
Test(parts, who_decodes_is_away)
{
	const struct sieve_message message = {.decode = decode_later};
	struct sieve_run run = {.message = &message,
				.including = g_ptr_array_new(),
				.place = {3, 4}};
	g_autofree char *text =
		sieve_run_decode(&run, "iso-8859-1", "gr\xfc", 3);

	cr_expect(run.failed && fault_is_temporary(&run.fault));
	cr_expect_str_eq(run.fault.text,
			 "3:4: charset \"iso-8859-1\": the helper died");
	g_ptr_array_unref(run.including);
}

/* A field of a thousand parameters asks a thousand times. */
Test(parts, no_charsets_once_it_took_too_much)
{
	const struct sieve_message message = {.decode = decode_not};
	struct sieve_run run = {.message = &message, .failed = true};
	g_autofree char *text =
		sieve_run_decode(&run, "iso-8859-1", "gr\xfc", 3);

	cr_expect_str_eq(text, "gr\xef\xbf\xbd");
}
