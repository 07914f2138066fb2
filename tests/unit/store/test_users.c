/*
 * Users, addresses, groups, who a recipient is, passwords.
 */
#include "fixture.h"

#include <idn2.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/senders.h"

TestSuite(users, .init = fixture_open, .fini = fixture_close, .timeout = 60);

static struct store_user_change keep(void)
{
	return (struct store_user_change){.quota_warn = QUOTA_KEEP,
					  .quota_soft = QUOTA_KEEP,
					  .quota_hard = QUOTA_KEEP};
}

Test(users, have_a_store_with_its_folders)
{
	static const char *const names[] = {
		"Inbox",  "Outbox",      "Sent Items", "Deleted Items",
		"Drafts", "Junk E-mail", "Calendar",   "Contacts",
		"Tasks",  "Notes",       "Journal",
	};
	g_autoptr(GPtrArray) folders = NULL;
	g_autoptr(GPtrArray) entries = NULL;
	int64_t bob = user_make("bob");
	const struct store_acl_entry *entry;

	must(store_folder_list(fx.store, bob, &folders, fault));
	cr_assert_eq(folders->len, G_N_ELEMENTS(names));
	for (guint i = 0; i < folders->len; i++) {
		const struct store_folder *f = g_ptr_array_index(folders, i);

		cr_expect_str_eq(f->path, names[i]);
	}
	must(store_acl_list(fx.store, folder_of(bob, FOLDER_CALENDAR), &entries,
			    fault));
	cr_assert_eq(entries->len, 1);
	entry = g_ptr_array_index(entries, 0);
	cr_expect_str_eq(entry->who, "Everyone");
	cr_expect_str_eq(entry->rights, "read,visible");
	must_be_sound();
}

Test(users, names_and_addresses_are_nobody_elses)
{
	static const char *const alias[] = {"info@example.com", NULL};
	struct store_user_change change = keep();

	user_make("bob");
	change.email = "robert@example.com";
	in_unit_fail(FAULT_EXISTS,
		     store_user_create(fx.store, "BOB", &change, NULL, fault));
	change.email = "Bob@EXAMPLE.com";
	in_unit_fail(FAULT_EXISTS, store_user_create(fx.store, "robert",
						     &change, NULL, fault));
	change.email = "eve@example.com";
	change.aliases = alias;
	in_unit(store_user_create(fx.store, "eve", &change, NULL, fault));
	change = keep();
	change.aliases = alias;
	in_unit_fail(FAULT_EXISTS,
		     store_user_set(fx.store, "bob", &change, fault));
	in_unit_fail(FAULT_EXISTS, store_group_create(fx.store, "bob", fault));
	/* A login name that is somebody's address. */
	change = keep();
	in_unit_fail(FAULT_BAD_ARGUMENT,
		     store_user_create(fx.store, "a b", &change, NULL, fault));
	in_unit_fail(FAULT_EXISTS,
		     store_user_create(fx.store, "bob@example.com", &change,
				       NULL, fault));
	must_be_sound();
}

Test(users, bad_names_are_refused)
{
	static const char *const names[] = {
		"",   "-x", "a/b", "a b",    "a\nb",   "a\"b",     "\xff",
		"@x", ".",  "..",  "Public", "PUBLIC", "Everyone "};
	static const char *const aliases[] = {".", "..", "public", "@", "@.."};
	static const char *const groups[] = {
		"",    " ",    " a", "a ", "-x", "a/b",   "a\nb",
		"a:b", "\xff", "@x", ".",  "..", "public"};
	struct store_user_change change = keep();

	for (size_t i = 0; i < G_N_ELEMENTS(groups); i++)
		in_unit_fail(FAULT_BAD_ARGUMENT,
			     store_group_create(fx.store, groups[i], fault));
	in_unit(store_group_create(fx.store, "a b", fault));
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		in_unit_fail(FAULT_BAD_ARGUMENT,
			     store_user_create(fx.store, names[i], &change,
					       NULL, fault));
	user_make("bob");
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		in_unit_fail(
			FAULT_BAD_ARGUMENT,
			store_user_rename(fx.store, "bob", names[i], fault));
	for (size_t i = 0; i < G_N_ELEMENTS(aliases); i++) {
		const char *const one[] = {aliases[i], NULL};
		struct store_user_change more = keep();

		more.add_aliases = one;
		in_unit_fail(FAULT_BAD_ADDRESS,
			     store_user_set(fx.store, "bob", &more, fault));
	}
	change.email = "no at";
	change.email = "@x";
	in_unit_fail(FAULT_BAD_ADDRESS,
		     store_user_create(fx.store, "ok", &change, NULL, fault));
}

/* One that is there already stays, and can be changed, used and renamed. */
Test(users, a_reserved_name_from_before_works)
{
	struct store_user_change change = keep();
	AUTO(store_user) user = NULL;

	user_make("bob");
	must(sql_run(fx.store, fault,
		     "UPDATE users SET name = 'Public', name_key = 'public'"
		     " WHERE name_key = 'bob'",
		     ""));
	change.fullname = "Bob";
	in_unit(store_user_set(fx.store, "public", &change, fault));
	must(store_user_find(fx.store, "Public", &user, fault));
	cr_expect_str_eq(user->fullname, "Bob");
	in_unit(store_user_rename(fx.store, "Public", "bob", fault));
}

Test(users, are_changed_field_by_field)
{
	static const char *const aliases[] = {"z@example.com", "a@example.com",
					      NULL};
	static const bool yes = true;
	struct store_user_change change = keep();
	AUTO(store_user) user = NULL;
	g_auto(GStrv) addresses = NULL;

	user_make("bob");
	change.aliases = aliases;
	change.fullname = "Bob Ä";
	change.admin = &yes;
	change.quota_hard = 77;
	in_unit(store_user_set(fx.store, "Bob", &change, fault));
	must(store_user_find(fx.store, "bob", &user, fault));
	cr_expect_str_eq(user->email, "bob@example.com");
	cr_expect_str_eq(user->fullname, "Bob Ä");
	cr_expect(user->admin);
	cr_expect(user->active);
	cr_expect_eq(user->quota_hard, 77);
	cr_expect_eq(user->quota_soft, QUOTA_SERVER);
	must(store_user_addresses(fx.store, user->id, &addresses, fault));
	cr_assert_eq(g_strv_length(addresses), 3);
	cr_expect_str_eq(addresses[0], "bob@example.com");
	cr_expect_str_eq(addresses[1], "a@example.com");
	/* A former alias becomes the address. */
	change = keep();
	change.email = "A@example.com";
	in_unit(store_user_set(fx.store, "bob", &change, fault));
	store_user_free(g_steal_pointer(&user));
	must(store_user_find(fx.store, "bob", &user, fault));
	cr_expect_str_eq(user->email, "A@example.com");
	cr_expect_eq(g_strv_length(user->aliases), 1);
}

Test(users, passwords_are_hashes)
{
	g_autofree char *hash = NULL;
	g_autofree char *again = NULL;

	must(password_hash("secret", &hash, fault));
	must(password_hash("secret", &again, fault));
	cr_expect(g_str_has_prefix(hash, "$scrypt$"));
	cr_expect_str_neq(hash, again);
	cr_expect(password_matches("secret", hash));
	cr_expect_not(password_matches("Secret", hash));
	cr_expect_not(password_matches("secret", ""));
	cr_expect_not(password_matches("secret", "$scrypt$ln=99,r=8,p=1$$"));
}

static enum sender_standing standing(const char *who, const char *address)
{
	AUTO(store_user) user = NULL;
	AUTO(store_sender) sender = NULL;

	must(store_user_find(fx.store, who, &user, fault));
	must(store_sender_look(fx.store, user->id, address, &sender, fault));
	return sender->standing;
}

Test(users, may_send_in_the_name_of_those_who_grant_it)
{
	AUTO(store_user) boss = NULL;
	g_auto(GStrv) who = NULL;
	static const bool no = false;
	struct store_user_change change = keep();

	user_make("boss");
	user_make("anna");
	user_make("bert");
	store_set_policy(fx.store,
			 &(struct store_policy){.recipient_delimiter = "+"});
	cr_expect_eq(standing("anna", "Anna@EXAMPLE.com"), SENDER_OWN);
	cr_expect_eq(standing("anna", "anna+x@example.com"), SENDER_OWN);
	cr_expect_eq(standing("anna", "boss@example.com"), SENDER_DENIED);
	cr_expect_eq(standing("anna", "boss+x@example.com"), SENDER_DENIED);
	cr_expect_eq(standing("anna", "boss@example.org"), SENDER_NOBODYS);
	in_unit(store_group_create(fx.store, "office", fault));
	in_unit(store_group_create(fx.store, "house", fault));
	in_unit(store_group_add(fx.store, "house", "office", fault));
	in_unit(store_group_add(fx.store, "office", "anna", fault));
	in_unit(store_sender_grant(fx.store, "boss", "house", SENDER_GRANT_AS,
				   fault));
	in_unit(store_sender_grant(fx.store, "boss", "house", SENDER_GRANT_AS,
				   fault));
	cr_expect_eq(standing("anna", "boss@example.com"), SENDER_AS);
	cr_expect_eq(standing("bert", "boss@example.com"), SENDER_DENIED);
	cr_expect_eq(standing("boss", "anna@example.com"), SENDER_DENIED);
	in_unit(store_sender_grant(fx.store, "boss", "Anna",
				   SENDER_GRANT_ON_BEHALF, fault));
	cr_expect_eq(standing("anna", "boss@example.com"), SENDER_ON_BEHALF);
	must(store_user_find(fx.store, "boss", &boss, fault));
	must(store_sender_list(fx.store, boss->id, SENDER_GRANT_AS, &who,
			       fault));
	cr_expect_eq(g_strv_length(who), 1);
	cr_expect_str_eq(who[0], "house");
	in_unit(store_sender_revoke(fx.store, "boss", "anna",
				    SENDER_GRANT_ON_BEHALF, fault));
	in_unit_fail(FAULT_NOT_FOUND,
		     store_sender_revoke(fx.store, "boss", "anna",
					 SENDER_GRANT_ON_BEHALF, fault));
	in_unit(store_sender_grant(fx.store, "boss", "Everyone",
				   SENDER_GRANT_AS, fault));
	cr_expect_eq(standing("bert", "boss@example.com"), SENDER_AS);
	in_unit_fail(FAULT_BAD_ARGUMENT,
		     store_sender_grant(fx.store, "boss", "boss",
					SENDER_GRANT_AS, fault));
	in_unit_fail(FAULT_NO_USER,
		     store_sender_grant(fx.store, "boss", "nobody",
					SENDER_GRANT_AS, fault));
	/* Who is not active has an address all the same. */
	change.active = &no;
	in_unit(store_user_set(fx.store, "bert", &change, fault));
	cr_expect_eq(standing("anna", "bert@example.com"), SENDER_DENIED);
	in_unit(store_user_delete(fx.store, "boss", false, fault));
	must_be_sound();
}

Test(users, a_password_brings_its_keys_of_scram)
{
	struct store_user_change change = keep();
	AUTO(store_user) bob = NULL;
	AUTO(store_secrets) secrets = NULL;
	AUTO(store_secrets) none = NULL;
	bool complete = false;

	user_make("bob");
	must(store_user_find(fx.store, "bob", &bob, fault));
	change.password = "secret";
	in_unit(store_user_set(fx.store, "bob", &change, fault));
	must(store_secrets_get(fx.store, bob->id, &secrets, fault));
	cr_expect(password_matches("secret", secrets->password));
	cr_expect(g_str_has_prefix(secrets->scram, "SCRAM-SHA-256$"));
	must(store_scram_is_complete(fx.store, &complete, fault));
	cr_expect(complete);
	in_unit(store_scram_set(fx.store, bob->id, "", fault));
	must(store_scram_is_complete(fx.store, &complete, fault));
	cr_expect_not(complete);
	change.password = "";
	in_unit(store_user_set(fx.store, "bob", &change, fault));
	must(store_secrets_get(fx.store, bob->id, &none, fault));
	cr_expect_str_eq(none->password, "");
	cr_expect_str_eq(none->scram, "");
	must(store_scram_is_complete(fx.store, &complete, fault));
	cr_expect(complete);
}

Test(users, deleted_with_or_without_their_mail)
{
	AUTO(content) content = content_number(1);
	int64_t bob = user_make("bob");
	int64_t eve = user_make("eve");
	int64_t kept = deliver_to(bob, folder_of(bob, FOLDER_INBOX), content);
	int64_t gone = deliver_to(eve, folder_of(eve, FOLDER_INBOX), content);
	struct store_message *m;
	struct store_stats stats;

	in_unit(store_user_delete(fx.store, "bob", true, fault));
	in_unit(store_user_delete(fx.store, "eve", false, fault));
	must(store_message_get(fx.store, bob, kept, &m, fault));
	store_message_free(m);
	must_fail(FAULT_NOT_FOUND,
		  store_message_get(fx.store, eve, gone, &m, fault));
	must(store_get_stats(fx.store, &stats, fault));
	cr_expect_eq(stats.users, 0);
	cr_expect_eq(stats.messages, 1);
	must_be_sound();
	/* The names are free again. */
	user_make("eve");
	must_be_sound();
}

/* ---- resolving -----------------------------------------------------------
 */

struct resolve_case {
	const char *recipient;
	const char *name; /* NULL: no such recipient */
	const char *detail;
	unsigned flags;
};

/* The short way for plain domains says what libidn2 says. */
Test(users, keys_of_addresses)
{
	static const struct {
		const char *address, *key;
	} cases[] = {
		{"Anna@Example.ORG", "anna@example.org"},
		{"\"Anna\"@example.org.", "anna@example.org"},
		{"anna", "anna"},
		{"\u00c4nna@B\u00fccher.example",
		 "\u00e4nna@xn--bcher-kva.example"},
		{"x@XN--BCHER-KVA.example", "x@xn--bcher-kva.example"},
		{"x@a", "x@a"},
		{"x@", "x@"},
		{"x@a..b", "x@a..b"},
		{"x@ab--cd.example", "x@ab--cd.example"},
		{"x@-A.example", "x@-a.example"},
		{"x@[127.0.0.1]", "x@[127.0.0.1]"},
		{"x@a_B.example", "x@a_b.example"},
	};
	static const char *const plain[] = {
		"a",   "A.B",          "example.org", "Mail-1.EXAMPLE.org",
		"1.2", "a-b-c.d-e--f", "abc--d.e"};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *key = address_key(cases[i].address);

		cr_expect_str_eq(key, cases[i].key, "%s: %s", cases[i].address,
				 key);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(plain); i++) {
		g_autofree char *address = g_strconcat("x@", plain[i], NULL);
		g_autofree char *key = address_key(address);
		char *ascii = NULL;

		cr_assert_eq(
			idn2_to_ascii_8z(plain[i], &ascii,
					 IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT),
			IDN2_OK);
		cr_expect(g_ascii_strcasecmp(key + 2, ascii) == 0, "%s: %s",
			  plain[i], ascii);
		idn2_free(ascii);
	}
}

Test(users, recipients_are_resolved)
{
	static const char *const aliases[] = {"info@example.com",
					      "j+x@example.com",
					      "post@bücher.example",
					      "Ünal@example.com",
					      "bare",
					      NULL};
	static const bool no = false;
	static const struct resolve_case cases[] = {
		{"john", "john", NULL, 0},
		{"JOHN", "john", NULL, 0},
		{"john@example.com", "john", NULL, 0},
		{"John@EXAMPLE.Com", "john", NULL, 0},
		{"john@example.com.", "john", NULL, 0},
		{"\"john\"@example.com", "john", NULL, 0},
		{"\"john+d\"@example.com", "john", "d", 0},
		{"info@example.com", "john", NULL, 0},
		{"bare", "john", NULL, 0},
		{"john+lists@example.com", "john", "lists", 0},
		{"john+Lists+more@example.com", "john", "Lists+more", 0},
		{"john+lists", "john", "lists", 0},
		{"john+@example.com", "john", "", 0},
		{"j+x@example.com", "john", NULL, 0},
		{"post@bücher.example", "john", NULL, 0},
		{"post@BÜCHER.example", "john", NULL, 0},
		{"post@xn--bcher-kva.example", "john", NULL, 0},
		{"post@XN--BCHER-KVA.example", "john", NULL, 0},
		{"ünal@example.com", "john", NULL, 0},
		{"john@other.example", NULL, NULL, 0},
		{"john@other.example", "john", NULL,
		 STORE_RESOLVE_STRIP_DOMAIN},
		{"john+d@other.example", "john", "d",
		 STORE_RESOLVE_STRIP_DOMAIN},
		{"john", NULL, NULL, STORE_RESOLVE_ADDRESS_ONLY},
		{"bare", NULL, NULL, STORE_RESOLVE_ADDRESS_ONLY},
		{"john@example.com", "john", NULL, STORE_RESOLVE_ADDRESS_ONLY},
		{"away", NULL, NULL, 0},
		{"Everyone", NULL, NULL, 0},
		{"+john", NULL, NULL, 0},
		{"", NULL, NULL, 0},
		{"@", NULL, NULL, 0},
		{"\xff\xfe@example.com", NULL, NULL, 0},
		{"jo%hn", NULL, NULL, 0},
	};
	struct store_user_change change = keep();

	user_make("john");
	user_make("away");
	change.aliases = aliases;
	in_unit(store_user_set(fx.store, "john", &change, fault));
	change = keep();
	change.active = &no;
	in_unit(store_user_set(fx.store, "away", &change, fault));
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		AUTO(store_recipient) found = NULL;
		struct fault why = {0};
		int rc = store_resolve(fx.store, cases[i].recipient,
				       cases[i].flags, &found, &why);

		cr_expect_eq(rc, cases[i].name ? 0 : -1, "case %zu: %s", i,
			     cases[i].recipient);
		if (rc) {
			cr_expect_eq(why.kind, FAULT_NO_RECIPIENT, "%s",
				     why.text);
			continue;
		}
		cr_expect_str_eq(found->name, cases[i].name);
		cr_expect(g_strcmp0(found->detail, cases[i].detail) == 0,
			  "%s: detail %s", cases[i].recipient, found->detail);
		cr_expect_str_eq(found->email, "john@example.com");
	}
}

Test(users, another_delimiter_or_none)
{
	struct store_policy policy = {.recipient_delimiter = "-"};
	AUTO(store_recipient) found = NULL;

	user_make("john");
	store_set_policy(fx.store, &policy);
	must(store_resolve(fx.store, "john-x@example.com", 0, &found, fault));
	cr_expect_str_eq(found->detail, "x");
	policy.recipient_delimiter[0] = '\0';
	store_set_policy(fx.store, &policy);
	store_recipient_free(g_steal_pointer(&found));
	must_fail(FAULT_NO_RECIPIENT,
		  store_resolve(fx.store, "john-x@example.com", 0, &found,
				fault));
}

/* ---- groups and rights ---------------------------------------------------
 */

Test(users, groups_have_members)
{
	g_autoptr(GPtrArray) groups = NULL;
	const struct store_group *group;

	user_make("anna");
	user_make("bob");
	in_unit(store_group_create(fx.store, "Sales", fault));
	in_unit_fail(FAULT_EXISTS,
		     store_group_create(fx.store, "sales", fault));
	in_unit(store_group_add(fx.store, "sales", "bob", fault));
	in_unit(store_group_add(fx.store, "sales", "bob", fault));
	in_unit_fail(FAULT_NO_USER,
		     store_group_add(fx.store, "sales", "none", fault));
	in_unit_fail(FAULT_NO_USER,
		     store_group_add(fx.store, "none", "bob", fault));
	in_unit_fail(FAULT_NOT_ALLOWED,
		     store_group_delete(fx.store, "everyone", fault));
	must(store_group_list(fx.store, &groups, fault));
	cr_assert_eq(groups->len, 2);
	group = g_ptr_array_index(groups, 0);
	cr_expect_str_eq(group->name, "Everyone");
	cr_expect_eq(g_strv_length(group->members), 2);
	group = g_ptr_array_index(groups, 1);
	cr_expect_str_eq(group->name, "Sales");
	cr_expect_eq(g_strv_length(group->members), 1);
	in_unit(store_group_remove(fx.store, "sales", "bob", fault));
	in_unit(store_group_delete(fx.store, "sales", fault));
}

static bool may(int64_t folder, const char *name, unsigned rights)
{
	AUTO(store_user) user = NULL;
	bool is_allowed = false;

	must(store_user_find(fx.store, name, &user, fault));
	must(store_acl_may(fx.store, folder, user->id, rights, &is_allowed,
			   fault));
	return is_allowed;
}

Test(users, rights_of_the_nearest_folder_hold)
{
	int64_t anna = user_make("anna");
	int64_t inbox = folder_of(anna, FOLDER_INBOX);
	int64_t below;
	int64_t public;

	user_make("bob");
	in_unit(store_folder_create(fx.store, anna, "Inbox/Below", '/', &below,
				    NULL, fault));
	cr_expect(may(inbox, "anna", STORE_RIGHT_CREATE));
	cr_expect_not(may(inbox, "bob", STORE_RIGHT_READ));
	cr_expect(
		may(folder_of(anna, FOLDER_CALENDAR), "bob", STORE_RIGHT_READ));
	cr_expect_not(may(folder_of(anna, FOLDER_CALENDAR), "bob",
			  STORE_RIGHT_CREATE));
	in_unit(store_acl_set(fx.store, inbox, "bob", "read,create", fault));
	cr_expect(may(below, "bob", STORE_RIGHT_READ | STORE_RIGHT_CREATE));
	in_unit(store_acl_set(fx.store, below, "bob", "none", fault));
	cr_expect_not(may(below, "bob", STORE_RIGHT_READ));
	cr_expect(may(inbox, "bob", STORE_RIGHT_READ));
	in_unit(store_acl_remove(fx.store, below, "bob", fault));
	in_unit_fail(FAULT_NOT_FOUND,
		     store_acl_remove(fx.store, below, "bob", fault));
	cr_expect(may(below, "bob", STORE_RIGHT_READ));
	in_unit_fail(FAULT_BAD_ARGUMENT,
		     store_acl_set(fx.store, below, "bob", "fly", fault));
	in_unit_fail(FAULT_NO_USER,
		     store_acl_set(fx.store, below, "none", "read", fault));
	/* By group, and the owner's right is every right. */
	in_unit(store_group_create(fx.store, "team", fault));
	in_unit(store_group_add(fx.store, "team", "bob", fault));
	in_unit(store_acl_set(fx.store, below, "team", "owner", fault));
	cr_expect(may(below, "bob", STORE_RIGHT_DELETE_ALL));
	must(store_public(fx.store, &public, fault));
	cr_expect(may(public, "bob", STORE_RIGHT_CREATE));
	/* By a group in a group, and not by a circle. */
	in_unit(store_group_create(fx.store, "all", fault));
	in_unit(store_group_add(fx.store, "all", "team", fault));
	in_unit_fail(FAULT_BAD_ARGUMENT,
		     store_group_add(fx.store, "team", "all", fault));
	in_unit(store_acl_set(fx.store, folder_of(anna, FOLDER_NOTES), "all",
			      "fullcontrol", fault));
	cr_expect(may(folder_of(anna, FOLDER_NOTES), "bob",
		      STORE_RIGHT_CREATE_FOLDER | STORE_RIGHT_EDIT_ALL));
	in_unit(store_group_remove(fx.store, "all", "team", fault));
	cr_expect_not(
		may(folder_of(anna, FOLDER_NOTES), "bob", STORE_RIGHT_READ));
}

/* ---- a user with much mail goes ------------------------------------------ */

static int64_t number_of(const char *sql)
{
	struct fault why = {0};
	int64_t number = -1;

	cr_assert_eq(sql_get(fx.store, &why, &number, sql, ""), 1, "%s",
		     why.text);
	return number;
}

static int64_t view_of_bob(void)
{
	return number_of("SELECT count(*) FROM mail WHERE owner = 'bob'");
}

/* However much there is: marked in a few rows, none of it to be seen, and
 * purged in steps between which all agrees. */
Test(users, a_large_mailbox_goes_at_once)
{
	struct store_policy policy = {.softdelete_lifetime_s = 1000};
	AUTO(content) content = content_number(1);
	int64_t bob = user_make("bob");
	int64_t inbox = folder_of(bob, FOLDER_INBOX);
	struct store_stats stats = {0};
	int64_t purged = 0;
	int64_t found;
	int64_t gone;
	int before;
	int changed;

	store_set_policy(fx.store, &policy);
	for (int i = 0; i < 500; i++)
		deliver_to(bob, inbox, content);
	gone = deliver_to(bob, inbox, content);
	in_unit(store_message_delete(fx.store, gone, true, fault));
	cr_expect_eq(view_of_bob(), 500);
	before = sqlite3_total_changes(fx.store->db);
	in_unit(store_user_delete(fx.store, "bob", false, fault));
	changed = sqlite3_total_changes(fx.store->db) - before;
	cr_expect(changed < 30, "%d rows", changed);
	cr_expect_eq(view_of_bob(), 0);
	must(store_get_stats(fx.store, &stats, fault));
	cr_expect_eq(stats.messages, 0);
	cr_expect_eq(stats.size, 0);
	cr_expect_eq(stats.deleted, 501);
	must_be_sound();
	/* Whoever still thinks the folder is there. */
	in_unit_fail(FAULT_NOT_FOUND,
		     store_message_copy(fx.store, 1, inbox, &found, fault));
	must_fail(FAULT_NOT_FOUND,
		  store_folder_by_role(fx.store, bob, FOLDER_INBOX, &found,
				       fault));
	/* It keeps as long as what else is deleted. */
	must(store_purge(fx.store, g_get_real_time(), false, &purged, fault));
	cr_expect_eq(purged, 0);
	must(store_purge(fx.store, g_get_real_time() + 2000 * USEC_PER_SEC,
			 false, &purged, fault));
	cr_expect_eq(purged, 501);
	cr_expect_eq(number_of("SELECT count(*) FROM hierarchy"), 1);
	must_be_sound();
}

static void stop_after_some(const char *what, int64_t done, int64_t of,
			    void *context)
{
	int *left = context;

	(void)of;
	if (strcmp(what, "messages") == 0 && done && (*left)-- == 0) {
		must_be_sound();
		_exit(0);
	}
}

/* A purge that ends half way leaves what the next one goes on with. */
Test(users, a_purge_that_ends_in_a_large_mailbox)
{
	AUTO(content) content = content_number(1);
	int64_t bob = user_make("bob");
	int64_t purged = 0;
	int status = 0;
	pid_t pid;

	for (int i = 0; i < 500; i++)
		deliver_to(bob, folder_of(bob, FOLDER_INBOX), content);
	in_unit(store_user_delete(fx.store, "bob", false, fault));
	store_close(g_steal_pointer(&fx.store));
	pid = fork();
	if (pid == 0) {
		int left = 1;

		must(store_open(fx.path, STORE_WRITE, TIMEOUT_MS, &fx.store,
				fault));
		store_set_progress(fx.store, stop_after_some, &left);
		(void)!store_purge(fx.store, 0, true, &purged, NULL);
		_exit(1);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	must(store_open(fx.path, STORE_WRITE, TIMEOUT_MS, &fx.store, fault));
	must_be_sound();
	cr_expect_eq(number_of("SELECT count(*) FROM hierarchy"
			       " WHERE type = 3"),
		     100);
	must(store_purge(fx.store, 0, true, &purged, fault));
	cr_expect_eq(purged, 100);
	cr_expect_eq(number_of("SELECT count(*) FROM hierarchy"), 1);
}
