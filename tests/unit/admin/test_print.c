/*
 * Printing: what mail says may not steer a terminal; times both ways.
 */
#include "admin/print.h"

#include <criterion/criterion.h>

Test(print, control_characters_and_broken_utf8_do_not_pass)
{
	static const struct {
		const char *text;
		const char *clean;
	} cases[] = {
		{"plain", "plain"},
		{"a\x1b[2Jb", "a?[2Jb"},
		{"two\r\nlines\tx", "two  lines x"},
		{"c1 \xc2\x9b csi", "c1 ? csi"},
		{"bidi \xe2\x80\xae turned", "bidi ? turned"},
		{"broken \xff", "broken \xef\xbf\xbd"},
		{"Gr\xc3\xbc\xc3\x9f\x65", "Gr\xc3\xbc\xc3\x9f\x65"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *clean = print_clean(cases[i].text);

		cr_expect_str_eq(clean, cases[i].clean);
	}
	g_autofree char *nothing = print_clean(NULL);

	cr_assert_str_eq(nothing, "");
}

Test(print, wide_letters_take_two_columns)
{
	g_autofree char *fit = print_fit("\xe6\x97\xa5\xe6\x9c\xac", 3);

	cr_assert_str_eq(fit, "\xe6\x97\xa5 ");
}

Test(print, times_go_both_ways)
{
	static const int64_t times[] = {0,
					1,
					INT64_C(1234567890250000),
					INT64_C(-1),
					INT64_C(-86400000000),
					INT64_C(253402300799000000)};

	for (size_t i = 0; i < G_N_ELEMENTS(times); i++) {
		g_autofree char *text = print_time(times[i], true);
		int64_t again = 7;
		struct fault fault = {0};

		cr_assert_eq(print_time_parse(text, &again, &fault), 0, "%s",
			     text);
		cr_expect_eq(again, times[i], "%s", text);
	}
}

Test(print, a_date_alone_and_offsets_are_times)
{
	int64_t time = 0;
	struct fault fault = {0};

	cr_assert_eq(print_time_parse("2026-11-23", &time, &fault), 0);
	cr_assert_eq(time, INT64_C(1795392000) * USEC_PER_SEC);
	cr_assert_eq(
		print_time_parse("2026-11-23T02:00:00+02:00", &time, &fault),
		0);
	cr_assert_eq(time, INT64_C(1795392000) * USEC_PER_SEC);
	cr_assert_eq(print_time_parse("tomorrow", &time, &fault), -1);
	cr_assert_eq(fault.kind, FAULT_USAGE);
	cr_assert_eq(print_time_parse("", &time, &fault), -1);
}

Test(print, sizes_are_short)
{
	static const struct {
		int64_t octets;
		const char *text;
	} cases[] = {{0, "0"},
		     {1023, "1023"},
		     {1024, "1.0K"},
		     {1536, "1.5K"},
		     {INT64_C(52428800), "50M"},
		     {INT64_C(5368709120), "5.0G"}};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *text = print_size(cases[i].octets);

		cr_expect_str_eq(text, cases[i].text);
	}
}
