/*
 * Folders by role and path, made, renamed and deleted.
 */
#include "fixture.h"

TestSuite(folders, .init = fixture_open, .fini = fixture_close, .timeout = 60);

static int64_t find(int64_t store_id, const char *path)
{
	struct fault why = {0};
	int64_t folder = 0;

	if (store_folder_find(fx.store, store_id, path, '/', &folder, &why)) {
		cr_expect_eq(why.kind, FAULT_NOT_FOUND, "%s", why.text);
		return 0;
	}
	return folder;
}

static int64_t make(int64_t store_id, const char *path)
{
	int64_t folder = 0;

	in_unit(store_folder_create(fx.store, store_id, path, '/', &folder,
				    NULL, fault));
	return folder;
}

Test(folders, roles_by_many_names)
{
	static const struct {
		const char *name;
		enum folder_role role;
	} cases[] = {
		{"Inbox", FOLDER_INBOX},      {"INBOX", FOLDER_INBOX},
		{"inbox", FOLDER_INBOX},      {"Junk", FOLDER_JUNK},
		{"Junk E-mail", FOLDER_JUNK}, {"\\Junk", FOLDER_JUNK},
		{"trash", FOLDER_DELETED},    {"\\Trash", FOLDER_DELETED},
		{"Sent", FOLDER_SENT},        {"\\SENT", FOLDER_SENT},
		{"Drafts", FOLDER_DRAFTS},    {"\\Drafts", FOLDER_DRAFTS},
		{"Boss", FOLDER_PLAIN},       {"", FOLDER_PLAIN},
	};
	int64_t bob = user_make("bob");

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		cr_expect_eq(folder_role_parse(cases[i].name), cases[i].role,
			     "%s", cases[i].name);
		if (cases[i].role != FOLDER_PLAIN)
			cr_expect_eq(find(bob, cases[i].name),
				     folder_of(bob, cases[i].role), "%s",
				     cases[i].name);
	}
}

Test(folders, paths)
{
	int64_t bob = user_make("bob");
	int64_t boss = make(bob, "INBOX/Boss/Urgent");
	AUTO(store_folder) folder = NULL;
	bool is_created = true;
	int64_t again = 0;
	int64_t dots = 0;

	cr_expect_eq(find(bob, "inbox/boss/URGENT"), boss);
	cr_expect_eq(find(bob, "/Inbox//Boss/Urgent/"), boss);
	cr_expect_eq(find(bob, "Inbox/Boss/None"), 0);
	cr_expect_eq(find(bob, ""), 0);
	must(store_folder_get(fx.store, boss, &folder, fault));
	cr_expect_str_eq(folder->path, "Inbox/Boss/Urgent");
	in_unit(store_folder_create(fx.store, bob, "Inbox.Boss.Urgent", '.',
				    &dots, &is_created, fault));
	cr_expect_eq(dots, boss);
	cr_expect_not(is_created);
	/* A slash in a name. */
	in_unit(store_folder_create(fx.store, bob, "a\\/b/c", '/', &again,
				    &is_created, fault));
	cr_expect(is_created);
	store_folder_free(g_steal_pointer(&folder));
	must(store_folder_get(fx.store, again, &folder, fault));
	cr_expect_str_eq(folder->path, "a\\/b/c");
	cr_expect_eq(find(bob, folder->path), again);
	cr_expect_eq(find(bob, "A\\/B/C"), again);
	must_be_sound();
}

Test(folders, names_that_are_none)
{
	static const char *const names[] = {".",    "..",  "a\nb",
					    "\xff", "x\\", "//"};
	g_autofree char *too_long = g_strnfill(256, 'x');
	g_autofree char *long_enough = g_strnfill(255, 'x');
	int64_t bob = user_make("bob");
	int64_t folder;

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		in_unit_fail(FAULT_BAD_ARGUMENT,
			     store_folder_create(fx.store, bob, names[i], '/',
						 &folder, NULL, fault));
	in_unit_fail(FAULT_BAD_ARGUMENT,
		     store_folder_create(fx.store, bob, too_long, '/', &folder,
					 NULL, fault));
	make(bob, long_enough);
}

Test(folders, public_ones)
{
	int64_t bob = user_make("bob");
	int64_t news = make(bob, "Public/News");
	int64_t public;

	must(store_public(fx.store, &public, fault));
	cr_expect_eq(find(public, "News"), news);
	cr_expect_eq(find(bob, "public/news"), news);
	cr_expect_eq(find(bob, "Public"), 0);
	in_unit(store_folder_delete(fx.store, news, fault));
	cr_expect_eq(find(public, "News"), 0);
	must_be_sound();
}

Test(folders, renamed)
{
	int64_t bob = user_make("bob");
	int64_t a = make(bob, "a");

	make(bob, "b");
	in_unit_fail(FAULT_EXISTS,
		     store_folder_move(fx.store, a, 0, "B", fault));
	in_unit_fail(FAULT_EXISTS,
		     store_folder_move(fx.store, a, 0, "Trash", fault));
	in_unit(store_folder_move(fx.store, a, 0, "A", fault));
	in_unit(store_folder_move(fx.store, a, 0, "c", fault));
	cr_expect_eq(find(bob, "C"), a);
	/* A role keeps its place, not its name. */
	in_unit(store_folder_move(fx.store, folder_of(bob, FOLDER_INBOX), 0,
				  "x", fault));
	cr_expect_eq(find(bob, "INBOX"), find(bob, "x"));
	in_unit_fail(FAULT_NOT_ALLOWED,
		     store_folder_move(fx.store, folder_of(bob, FOLDER_INBOX),
				       a, NULL, fault));
	in_unit_fail(FAULT_BAD_ARGUMENT,
		     store_folder_move(fx.store, a, a, NULL, fault));
	must_be_sound();
}

Test(folders, deleted_with_what_is_in_them)
{
	AUTO(content) content = content_number(1);
	int64_t bob = user_make("bob");
	int64_t a = make(bob, "a");
	int64_t deep = make(bob, "a/deep");
	int64_t id = deliver_to(bob, deep, content);
	struct store_message *m;

	make(bob, "Deleted Items/a");
	in_unit(store_folder_delete(fx.store, a, fault));
	cr_expect_eq(find(bob, "a"), 0);
	cr_expect_eq(find(bob, "Trash/a (2)"), a);
	must(store_message_get(fx.store, bob, id, &m, fault));
	cr_expect_str_eq(m->folder_path, "Deleted Items/a (2)/deep");
	store_message_free(m);
	must_be_sound();
	in_unit(store_folder_delete(fx.store, a, fault));
	must_fail(FAULT_NOT_FOUND,
		  store_message_get(fx.store, bob, id, &m, fault));
	must_be_sound();
	in_unit_fail(FAULT_NOT_FOUND, store_folder_delete(fx.store, a, fault));
	in_unit_fail(FAULT_NOT_ALLOWED,
		     store_folder_delete(fx.store, folder_of(bob, FOLDER_JUNK),
					 fault));
	/* With a message its folder comes back, from where it was deleted. */
	in_unit(store_message_restore(fx.store, id, fault));
	must(store_message_get(fx.store, bob, id, &m, fault));
	cr_expect_str_eq(m->folder_path, "a (2)/deep");
	store_message_free(m);
	must_be_sound();
}

Test(folders, listed_like_a_tree)
{
	static const char *const want[] = {
		"Inbox",         "Inbox/b",  "Inbox/b/x",
		"Inbox/c",       "Outbox",   "Sent Items",
		"Deleted Items", "Drafts",   "Junk E-mail",
		"Calendar",      "Contacts", "Tasks",
		"Notes",         "Journal",  "Aa",
		"Aa/z",          "Zz",
	};
	g_autoptr(GPtrArray) folders = NULL;
	int64_t bob = user_make("bob");

	make(bob, "Zz");
	make(bob, "Inbox/c");
	make(bob, "Inbox/b/x");
	make(bob, "Aa/z");
	must(store_folder_list(fx.store, bob, &folders, fault));
	cr_assert_eq(folders->len, G_N_ELEMENTS(want));
	for (guint i = 0; i < folders->len; i++) {
		const struct store_folder *f = g_ptr_array_index(folders, i);

		cr_expect_str_eq(f->path, want[i]);
	}
}
