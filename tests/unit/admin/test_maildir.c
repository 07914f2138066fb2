/*
 * Maildir++: names of folders and flags.
 */
#include "admin/maildir.h"

#include "store/messages.h"

#include <criterion/criterion.h>

Test(maildir, names_of_folders_go_both_ways)
{
	static const struct {
		const char *path;
		const char *name;
	} cases[] = {
		{"Inbox/Boss", ".Inbox.Boss"},
		{"Junk E-mail", ".Junk E-mail"},
		{"Entw\xc3\xbcrfe", ".Entw&APw-rfe"},
		{"v1.2", ".v1&AC4-2"},
		{"either\\/or", ".either&AC8-or"},
		{"Tom & Jerry", ".Tom &- Jerry"},
		{"\xe6\x97\xa5.x/y", ".&ZeU-&AC4-x.y"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *name = maildir_folder_name(cases[i].path);
		g_autofree char *path = maildir_folder_path(cases[i].name);

		cr_expect_str_eq(name, cases[i].name);
		cr_expect(path, "%s", cases[i].name);
		if (path)
			cr_expect_str_eq(path, cases[i].path);
	}
	cr_assert_null(maildir_folder_path(".."));
	cr_assert_null(maildir_folder_path(".a..b"));
}

Test(maildir, flags_go_both_ways)
{
	unsigned flags = MESSAGE_READ | MESSAGE_FLAGGED | MESSAGE_ANSWERED |
			 MESSAGE_DRAFT;
	g_autofree char *text = maildir_flags_format(flags);
	g_autofree char *name = g_strdup_printf("1.M2.host:2,%s", text);

	cr_assert_str_eq(text, "DFRS");
	cr_assert_eq(maildir_flags_parse(name), flags);
	cr_assert_eq(maildir_flags_parse("1.M2.host"), 0);
	cr_assert_eq(maildir_flags_parse("1.SFR"), 0);
}
