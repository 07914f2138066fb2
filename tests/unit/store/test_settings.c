/*
 * What users set: rules, junk lists, out of office.
 */
#include "fixture.h"
#include "store/place.h"

TestSuite(settings, .init = fixture_open, .fini = fixture_close, .timeout = 60);

Test(settings, rules_in_order)
{
	static const char *const want[] = {"first", "a", "b"};
	g_autoptr(GPtrArray) rules = NULL;
	int64_t bob = user_make("bob");

	in_unit(store_rule_put(fx.store, bob, "b", "keep;", 0, true, fault));
	in_unit(store_rule_put(fx.store, bob, "a", "stop;", 1, false, fault));
	in_unit(store_rule_put(fx.store, bob, "first", "stop;", 1, true,
			       fault));
	in_unit(store_rule_put(fx.store, bob, "first", "stop;", 0, true,
			       fault));
	in_unit(store_rule_put(fx.store, bob, "a", "stop;", 2, false, fault));
	in_unit(store_rule_put(fx.store, bob, "b", "keep;", 3, true, fault));
	must(store_rule_list(fx.store, bob, &rules, fault));
	cr_assert_eq(rules->len, 3);
	for (guint i = 0; i < rules->len; i++) {
		const struct store_rule *rule = g_ptr_array_index(rules, i);

		cr_expect_str_eq(rule->name, want[i]);
	}
	cr_expect_not(((struct store_rule *)rules->pdata[1])->enabled);
}

Test(settings, a_rule_and_its_error)
{
	int64_t bob = user_make("bob");
	AUTO(store_rule) rule = NULL;
	int64_t version;

	in_unit(store_rule_put(fx.store, bob, "r", "keep;", 0, true, fault));
	must(store_rule_get(fx.store, bob, "r", &rule, fault));
	version = rule->version;
	in_unit(store_rule_set_error(fx.store, rule->id, "line 1", fault));
	store_rule_free(g_steal_pointer(&rule));
	must(store_rule_get(fx.store, bob, "r", &rule, fault));
	cr_expect_str_eq(rule->error, "line 1");
	cr_expect_eq(rule->version, version);
	in_unit(store_rule_put(fx.store, bob, "r", "stop;", 0, true, fault));
	store_rule_free(g_steal_pointer(&rule));
	must(store_rule_get(fx.store, bob, "r", &rule, fault));
	cr_expect_str_eq(rule->script, "stop;");
	cr_expect_str_eq(rule->error, "");
	cr_expect(rule->version > version);
	in_unit(store_rule_enable(fx.store, bob, "r", false, fault));
	in_unit(store_rule_remove(fx.store, bob, "r", fault));
	in_unit_fail(FAULT_NOT_FOUND,
		     store_rule_remove(fx.store, bob, "r", fault));
	in_unit_fail(FAULT_NOT_FOUND,
		     store_rule_enable(fx.store, bob, "r", true, fault));
	in_unit_fail(FAULT_BAD_ARGUMENT,
		     store_rule_put(fx.store, bob, "", "x", 0, true, fault));
}

Test(settings, junk_lists)
{
	static const struct {
		const char *address;
		enum junk_verdict verdict;
		const char *pattern;
	} cases[] = {
		{"x@spam.example", JUNK_BLOCK, "spam.example"},
		{"X@SPAM.Example", JUNK_BLOCK, "spam.example"},
		{"x@mail.spam.example", JUNK_BLOCK, "spam.example"},
		{"good@spam.example", JUNK_ALLOW, "good@spam.example"},
		{"x@notspam.example", JUNK_UNKNOWN, NULL},
		{"bad@fine.example", JUNK_BLOCK, "bad@fine.example"},
		{"x@fine.example", JUNK_ALLOW, "fine.example"},
		{"x@bücher.example", JUNK_BLOCK, "xn--bcher-kva.example"},
		{"x@[192.0.2.1]", JUNK_BLOCK, "x@[192.0.2.1]"},
		{"y@[ipv6:2001:DB8::1]", JUNK_BLOCK, "[ipv6:2001:db8::1]"},
		{"y@[192.0.2.1]", JUNK_UNKNOWN, NULL},
		{"", JUNK_UNKNOWN, NULL},
	};
	g_autoptr(GPtrArray) entries = NULL;
	int64_t bob = user_make("bob");

	in_unit(store_junk_set(fx.store, bob, "Spam.Example", JUNK_BLOCK,
			       fault));
	in_unit(store_junk_set(fx.store, bob, "Good@spam.example", JUNK_ALLOW,
			       fault));
	in_unit(store_junk_set(fx.store, bob, "@fine.example", JUNK_ALLOW,
			       fault));
	in_unit(store_junk_set(fx.store, bob, "bad@fine.example", JUNK_BLOCK,
			       fault));
	in_unit(store_junk_set(fx.store, bob, "xn--bcher-kva.example",
			       JUNK_BLOCK, fault));
	in_unit(store_junk_set(fx.store, bob, "x@[192.0.2.1]", JUNK_BLOCK,
			       fault));
	in_unit(store_junk_set(fx.store, bob, "[IPv6:2001:db8::1]", JUNK_BLOCK,
			       fault));
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		enum junk_verdict verdict = JUNK_UNKNOWN;
		g_autofree char *pattern = NULL;

		must(store_junk_look(fx.store, bob, cases[i].address, &verdict,
				     &pattern, fault));
		cr_expect_eq(verdict, cases[i].verdict, "%s", cases[i].address);
		cr_expect_eq(g_strcmp0(pattern, cases[i].pattern), 0, "%s: %s",
			     cases[i].address, pattern);
	}
	must(store_junk_list(fx.store, bob, &entries, fault));
	cr_expect_eq(entries->len, 7);
	in_unit(store_junk_remove(fx.store, bob, "SPAM.example", fault));
	in_unit_fail(FAULT_NOT_FOUND,
		     store_junk_remove(fx.store, bob, "spam.example", fault));
	in_unit_fail(FAULT_BAD_ADDRESS,
		     store_junk_set(fx.store, bob, "a b", JUNK_ALLOW, fault));
	in_unit_fail(FAULT_BAD_ADDRESS,
		     store_junk_set(fx.store, bob, "@", JUNK_ALLOW, fault));
	in_unit_fail(FAULT_BAD_ADDRESS,
		     store_junk_set(fx.store, bob, "[]", JUNK_ALLOW, fault));
}

static int interrupt(void *context)
{
	(void)context;
	return 1;
}

/* What cannot be read is not "nobody is away", nor "no contact". */
Test(settings, out_of_office_that_cannot_be_read)
{
	int64_t bob = user_make("bob");
	struct store_oof *oof = NULL;
	struct fault why = {0};
	bool found = false;

	sqlite3_progress_handler(fx.store->db, 1, interrupt, NULL);
	cr_expect_eq(store_oof_get(fx.store, bob, &oof, &why), -1);
	cr_expect_null(oof);
	cr_expect(fault_is_temporary(&why), "%s", why.text);
	why = (struct fault){0};
	cr_expect_eq(store_contact_find(fx.store, bob, "x@example.com", &found,
					&why),
		     -1);
	cr_expect(fault_is_temporary(&why), "%s", why.text);
	sqlite3_progress_handler(fx.store->db, 0, NULL, NULL);
}

/* What cannot be read is not "there is no such folder": a rule would go on. */
Test(settings, folders_that_cannot_be_read)
{
	AUTO(store_user) user = NULL;
	struct store_place_owner bob;
	static const struct {
		const char *name;
		const char *special_use;
		bool exists;
	} cases[] = {
		{"Inbox", NULL, true},
		{"Inbox/no such", NULL, false},
		{"Public/no such", NULL, false},
		{"Users/nobody/Inbox", NULL, false},
		{NULL, "\\Junk", true},
		{"Inbox", "\\Junk", false},
	};

	(void)user_make("bob");
	must(store_user_find(fx.store, "bob", &user, fault));
	bob = (struct store_place_owner){user->id, user->store};
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct fault why = {0};

		cr_expect_eq(store_place_exists(fx.store, &bob, cases[i].name,
						cases[i].special_use, &why),
			     cases[i].exists, "%zu", i);
		cr_expect_eq(why.kind, FAULT_NONE, "%zu: %s", i, why.text);
		sqlite3_progress_handler(fx.store->db, 1, interrupt, NULL);
		cr_expect_not(store_place_exists(fx.store, &bob, cases[i].name,
						 cases[i].special_use, &why));
		cr_expect(fault_is_temporary(&why), "%zu: %s", i, why.text);
		sqlite3_progress_handler(fx.store->db, 0, NULL, NULL);
	}
}

Test(settings, out_of_office)
{
	struct store_oof on = {.on = true,
			       .subject = (char[]){"away"},
			       .message = (char[]){"until Monday"},
			       .from = 5,
			       .until = 9};
	int64_t bob = user_make("bob");
	AUTO(store_oof) oof = NULL;
	bool may = true;

	must(store_oof_get(fx.store, bob, &oof, fault));
	cr_expect_not(oof->on);
	in_unit(store_oof_set(fx.store, bob, &on, fault));
	store_oof_free(g_steal_pointer(&oof));
	must(store_oof_get(fx.store, bob, &oof, fault));
	cr_expect(oof->on);
	cr_expect_str_eq(oof->subject, "away");
	cr_expect_str_eq(oof->message, "until Monday");
	cr_expect_eq(oof->until, 9);
	/* Once per sender and interval. */
	in_unit(store_oof_claim(fx.store, bob, "X@example.com",
				USEC_PER_SEC * 1000, 100, &may, fault));
	cr_expect(may);
	in_unit(store_oof_claim(fx.store, bob, "x@Example.com",
				USEC_PER_SEC * 1099, 100, &may, fault));
	cr_expect_not(may);
	in_unit(store_oof_claim(fx.store, bob, "x@example.com",
				USEC_PER_SEC * 1100, 100, &may, fault));
	cr_expect(may);
	/* Switching on forgets. */
	in_unit(store_oof_set(fx.store, bob, &on, fault));
	in_unit(store_oof_claim(fx.store, bob, "x@example.com",
				USEC_PER_SEC * 1101, 100, &may, fault));
	cr_expect(may);
}

Test(settings, vacation_claims)
{
	static const struct {
		const char *name, *handle, *sender;
		int64_t at;
		bool expected;
	} cases[] = {
		{"first", "h", "X@example.com", 1000, true},
		{"again", "h", "x@Example.com", 1099, false},
		{"another handle", "g", "x@example.com", 1099, true},
		{"another sender", "h", "y@example.com", 1099, true},
		{"over", "h", "x@example.com", 1100, true},
	};
	int64_t bob = user_make("bob");
	bool may = false;

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		in_unit(store_vacation_claim(
			fx.store, bob, cases[i].handle, cases[i].sender,
			USEC_PER_SEC * cases[i].at, 100, &may, fault));
		cr_expect_eq(may, cases[i].expected, "%s", cases[i].name);
	}
}
