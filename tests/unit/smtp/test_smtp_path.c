/*
 * Addresses and xtext, by themselves.
 */
#include "smtp/smtp_private.h"

#include <criterion/criterion.h>
#include <string.h>

Test(smtp_path, check)
{
	static const struct {
		const char *path;
		bool utf8, need_domain, valid;
	} cases[] = {
		{"a@b", false, true, true},
		{"a.b+c=d@e-f.g_h.example", false, true, true},
		{"!#$%&'*+-/=?^_`{|}~@x", false, true, true},
		{"a", false, false, true},
		{"a", false, true, false},
		{"\"a b\"", false, false, true},
		{"\"a b\"@x", false, true, true},
		{"\"a\\\"b\"@x", false, true, true},
		{"\"a@b\"@x", false, true, true},
		{"\"\\\\\"@x", false, true, true},
		{"\"a\\\"@x", false, true, false},
		{"\"a\"b@x", false, true, false},
		{"\"\"@x", false, true, false},
		{"\"a\x01\"@x", false, true, false},
		{"\"a\\", false, true, false},
		{"\"", false, false, false},
		{"", false, false, false},
		{"@", false, false, false},
		{"@x", false, false, false},
		{"a@", false, true, false},
		{"a@@x", false, true, false},
		{"a@b@c", false, true, false},
		{".a@x", false, true, false},
		{"a.@x", false, true, false},
		{"a..b@x", false, true, false},
		{"a b@x", false, true, false},
		{"a@x y", false, true, false},
		{"a@.x", false, true, false},
		{"a@x.", false, true, false},
		{"a@x..y", false, true, false},
		{"a@x,y", false, true, false},
		{"a@(x)", false, true, false},
		{"a(x)@x", false, true, false},
		{"<a@x>", false, true, false},
		{"a@[127.0.0.1]", false, true, true},
		{"a@[127.0.0.256]", false, true, false},
		{"a@[IPv6:2001:db8::1]", false, true, true},
		{"a@[ipv6:::1]", false, true, true},
		{"a@[IPv6:127.0.0.1]", false, true, false},
		{"a@[tag:text]", false, true, true},
		{"a@[text]", false, true, false},
		{"a@[tag:]", false, true, false},
		{"a@[]", false, true, false},
		{"a@[", false, true, false},
		{"a@[127.0.0.1", false, true, false},
		{"a@[127.0.0.1]x", false, true, false},
		{"j\xc3\xbcrgen@x", true, true, true},
		{"j\xc3\xbcrgen@x", false, true, false},
		{"a@m\xc3\xbcller.de", true, true, true},
		{"\xc3@x", true, true, false},
		{"a@\xed\xa0\x80", true, true, false},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		cr_expect_eq(smtp_path_check(cases[i].path, cases[i].utf8,
					     cases[i].need_domain),
			     cases[i].valid, "<%s>", cases[i].path);
}

Test(smtp_path, ceilings)
{
	char path[SMTP_PATH_MAX + 16];

	memset(path, 'a', sizeof(path));
	memcpy(path + SMTP_PATH_MAX - 2, "@x", 3);
	cr_expect(smtp_path_check(path, false, true));
	memcpy(path + SMTP_PATH_MAX - 1, "@x", 3);
	path[SMTP_PATH_MAX - 2] = 'a';
	cr_expect_not(smtp_path_check(path, false, true));
	memset(path, 'a', sizeof(path));
	memcpy(path, "a@", 2);
	path[2 + 63] = '\0';
	cr_expect(smtp_path_check(path, false, true));
	path[2 + 63] = 'a';
	path[2 + 64] = '\0';
	cr_expect_not(smtp_path_check(path, false, true));
}

Test(smtp_path, xtext)
{
	static const struct {
		const char *xtext, *text;
	} cases[] = {
		{"", ""},           {"plain", "plain"}, {"a+20b", "a b"},
		{"+2B+3D", "+="},   {"+2b", "+"},       {"+c3+BC", "\xc3\xbc"},
		{"a=b", NULL},      {"a b", NULL},      {"+", NULL},
		{"+2", NULL},       {"+G0", NULL},      {"+00", NULL},
		{"\xc3\xbc", NULL}, {"a\x7f", NULL},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *text = g_strdup(cases[i].xtext);
		bool is_xtext = smtp_xtext_decode_here(text);

		cr_expect_eq(is_xtext, cases[i].text != NULL, "%s",
			     cases[i].xtext);
		if (is_xtext && cases[i].text)
			cr_expect_str_eq(text, cases[i].text, "%s",
					 cases[i].xtext);
	}
}

Test(smtp_path, xtext_there_and_back)
{
	char octets[256];

	for (int i = 1; i < 256; i++)
		octets[i - 1] = (char)i;
	octets[255] = '\0';
	g_autofree char *xtext = smtp_xtext_encode(octets);

	cr_assert(smtp_xtext_decode_here(xtext));
	cr_expect_str_eq(xtext, octets);
}
