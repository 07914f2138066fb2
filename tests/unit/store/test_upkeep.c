/*
 * Space given back, changes to sync from, values of every type as rows,
 * repair.
 */
#include "fixture.h"
#include "store/changes.h"
#include "store/property_value.h"

#include <fcntl.h>
#include <sys/stat.h>

TestSuite(upkeep, .init = fixture_open, .fini = fixture_close, .timeout = 120);

Test(upkeep, space_is_given_back)
{
	int64_t bob = user_make("bob");
	int64_t purged = 0;
	int64_t freed = 0;

	for (int i = 0; i < 60; i++) {
		g_autofree char *text = noise_of(100000, (guint32)i);
		AUTO(content) content = content_of(text, 100000);

		deliver_to(bob, folder_of(bob, FOLDER_INBOX), content);
	}
	in_unit(store_user_delete(fx.store, "bob", false, fault));
	must(store_purge(fx.store, g_get_real_time(), true, &purged, fault));
	must(store_vacuum(fx.store, &freed, fault));
	cr_expect(freed > 5000000, "freed %d", (int)freed);
	must_be_sound();
}

static int note_change(const struct store_change *change, void *context,
		       struct fault *fault)
{
	GString *text = context;

	(void)fault;
	g_string_append_printf(text, "%s%s", change->kind,
			       change->deleted ? "- " : " ");
	return 0;
}

Test(upkeep, changes_and_their_horizon)
{
	AUTO(content) content = content_number(1);
	int64_t bob = user_make("bob");
	g_autoptr(GString) text = g_string_new(NULL);
	int64_t folder;
	int64_t since;
	int64_t last;
	int64_t purged;
	int64_t id;

	must(store_changes_last(fx.store, bob, &since, fault));
	id = deliver_to(bob, folder_of(bob, FOLDER_INBOX), content);
	in_unit(store_folder_create(fx.store, bob, "x", '/', &folder, NULL,
				    fault));
	in_unit(store_message_delete(fx.store, id, true, fault));
	must(store_changes(fx.store, bob, since, note_change, text, fault));
	cr_expect_str_eq(text->str, "folder message- ");
	must(store_changes_check(fx.store, bob, since, &last, fault));
	must(store_purge(fx.store, g_get_real_time(), true, &purged, fault));
	must_fail(FAULT_RESYNC,
		  store_changes_check(fx.store, bob, since, &last, fault));
	must_fail(FAULT_RESYNC, store_changes(fx.store, bob, since, note_change,
					      text, fault));
	must(store_changes_check(fx.store, bob, last, &last, fault));
	must(store_changes_check(fx.store, bob, 0, &last, fault));
	must_fail(FAULT_RESYNC,
		  store_changes_check(fx.store, bob, last + 1, &last, fault));
}

Test(upkeep, values_of_every_type_come_back)
{
	static const uint32_t mv_text = PROP_TAG(PT_MV_UNICODE, 0x6701);
	static const uint32_t mv_long = PROP_TAG(PT_MV_LONG, 0x6702);
	static const uint32_t mv_binary = PROP_TAG(PT_MV_BINARY, 0x6703);
	static const uint32_t real = PROP_TAG(PT_DOUBLE, 0x6704);
	static const uint32_t huge = PROP_TAG(PT_I8, 0x6705);
	AUTO(content) content = content_number(1);
	int64_t bob = user_make("bob");
	int64_t id = deliver_to(bob, folder_of(bob, FOLDER_INBOX), content);
	AUTO(propset) wrote = propset_new();
	AUTO(propset) read = propset_new();
	g_autofree char *why = NULL;

	propset_add_text(wrote, mv_text, "one");
	propset_add_text(wrote, mv_text, "");
	propset_add_text(wrote, mv_text, "Ä");
	propset_add_long(wrote, mv_long, -5);
	propset_add_long(wrote, mv_long, INT64_MAX);
	propset_add_binary(wrote, mv_binary, "a\0b", 3);
	propset_add_binary(wrote, mv_binary, "", 0);
	propset_set_real(wrote, real, 0.25);
	propset_set_number(wrote, huge, INT64_MIN);
	propset_set_bool(wrote, PR_READ_RECEIPT_REQUESTED, true);
	propset_set_text(wrote, PR_BODY, "");
	propset_set_binary_copy(wrote, PR_SEARCH_KEY, "x\0y", 3);
	for (size_t i = 0; i < propset_count(wrote); i++)
		in_unit(store_message_set_property(
			fx.store, id, propset_at(wrote, i), fault));
	must(property_load(fx.store, id, read, fault));
	cr_expect(propset_equal(wrote, read, &why), "%s", why);
	/* What is broken is left out, and nothing is read beyond it. */
	property_unpack(read, mv_text, (const uint8_t *)"abc", 3);
	property_unpack(read, mv_binary, (const uint8_t *)"\xff\xff\xff\xff!",
			5);
	property_unpack(read, mv_long, (const uint8_t *)"1234567", 7);
	cr_expect_not(propset_has(read, mv_text));
}

/* ---- files beside the database -------------------------------------------
 */

static void make_old(const char *file)
{
	struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};

	cr_assert_eq(utimensat(AT_FDCWD, file, times, 0), 0);
}

Test(upkeep, a_purge_between_preparing_and_delivering)
{
	AUTO(content) large = content_large('p');
	g_autofree char *file = content_file(large);
	int64_t bob = user_make("bob");
	int64_t inbox = folder_of(bob, FOLDER_INBOX);
	int64_t id = deliver_to(bob, inbox, large);
	int64_t purged = 0;

	in_unit(store_message_delete(fx.store, id, true, fault));
	content_prepare(large, -1);
	must(store_purge(fx.store, g_get_real_time(), true, &purged, fault));
	cr_expect_not(g_file_test(file, G_FILE_TEST_EXISTS));
	deliver_to(bob, inbox, large);
	cr_expect(g_file_test(file, G_FILE_TEST_EXISTS));
	must_be_sound();
}

Test(upkeep, what_a_crash_left_goes_once_it_is_old)
{
	AUTO(content) large = content_large('o');
	g_autofree char *file = content_file(large);
	g_autofree char *half = g_strconcat(file, ".tmp.1.1", NULL);
	int64_t purged = 0;

	content_prepare(large, -1);
	cr_assert(g_file_set_contents(half, "half", -1, NULL));
	must(store_purge(fx.store, g_get_real_time(), true, &purged, fault));
	cr_expect(g_file_test(file, G_FILE_TEST_EXISTS));
	cr_expect(g_file_test(half, G_FILE_TEST_EXISTS));
	make_old(file);
	make_old(half);
	must(store_purge(fx.store, g_get_real_time(), true, &purged, fault));
	cr_expect_not(g_file_test(file, G_FILE_TEST_EXISTS));
	cr_expect_not(g_file_test(half, G_FILE_TEST_EXISTS));
}

/* ---- repair --------------------------------------------------------------
 */

static void note_text(const char *what, void *context)
{
	g_string_append_printf(context, "%s\n", what);
}

static void break_store(const char *sql)
{
	must(sql_script(fx.store, "PRAGMA foreign_keys = OFF", fault));
	in_unit(sql_script(fx.store, sql, fault));
	must(sql_script(fx.store, "PRAGMA foreign_keys = ON", fault));
}

/* Breaks the store, sees that the check tells and the repair repairs. */
static void must_be_repaired(const char *sql, const char *told)
{
	g_autoptr(GString) text = g_string_new(NULL);
	int64_t wrong = 0;
	int64_t repaired = 0;

	break_store(sql);
	must(store_check(fx.store, note_text, text, &wrong, fault));
	cr_expect(wrong > 0, "%s: not found", sql);
	cr_expect(strstr(text->str, told), "%s: %s", sql, text->str);
	g_string_truncate(text, 0);
	must(store_repair(fx.store, note_text, text, &repaired, fault));
	cr_expect(strstr(text->str, told), "%s: %s", sql, text->str);
	cr_expect(repaired > 0);
	must_be_sound();
	must(store_repair(fx.store, tell_wrong, NULL, &repaired, fault));
	cr_expect_eq(repaired, 0);
}

Test(upkeep, what_can_be_derived_is_repaired)
{
	AUTO(content) content = content_number(1);
	int64_t bob = user_make("bob");
	int64_t inbox = folder_of(bob, FOLDER_INBOX);
	int64_t folder;
	int64_t id;

	in_unit(store_folder_create(fx.store, bob, "a/b/c", '/', &folder, NULL,
				    fault));
	deliver_to(bob, inbox, content);
	id = deliver_to(bob, folder, content);
	must_be_sound();
	must_be_repaired("UPDATE hierarchy SET messages = 7, unread = 0,"
			 " size = 5 WHERE type IN (1, 2) AND messages > 0",
			 "counts 7");
	must_be_repaired("UPDATE hierarchy SET size = 3 WHERE type = 3",
			 "3 octets, its content");
	must_be_repaired("UPDATE hierarchy SET size = 3 WHERE type IN (3, 6)",
			 "3 octets, kept are");
	must_be_repaired("UPDATE hierarchy SET change = 0 WHERE type = 1",
			 "is ahead of its store's");
	must_be_repaired("UPDATE hierarchy SET horizon = 999 WHERE type = 1",
			 "horizon 999");
	must_be_repaired("INSERT INTO properties VALUES (4711, 1, 'x')",
			 "of properties names a missing row of hierarchy");
	must_be_repaired("INSERT INTO acl VALUES (4711, 1, 1)",
			 "of acl names a missing row");
	must_be_repaired("UPDATE hierarchy SET role = 0, name = 'x',"
			 " name_key = 'x' WHERE role = 3",
			 "lacks the folder of role 3");
	must_be_repaired("UPDATE hierarchy SET deleted = 5"
			 " WHERE type = 2 AND name IN ('b', 'c')",
			 "lives in a deleted folder");
	must_be_repaired("UPDATE hierarchy SET store = 1 WHERE type = 3",
			 "not in the store of its folder");
	must_be_repaired("DROP INDEX hierarchy_change",
			 "the index hierarchy_change is missing");
	must_be_repaired("DROP INDEX acl_who;"
			 "CREATE INDEX acl_who ON acl (rights)",
			 "the index acl_who is another one");
	must_be_repaired("DROP VIEW mail", "the view mail is missing");
	/* The message is still to be found. */
	{
		AUTO(store_message) message = NULL;

		must(store_message_get(fx.store, bob, id, &message, fault));
	}
}

Test(upkeep, a_file_that_belongs_to_nothing_is_repaired)
{
	AUTO(content) large = content_large('r');
	g_autofree char *file = content_file(large);
	int64_t repaired = 0;
	int64_t wrong = 0;

	content_prepare(large, -1);
	must_be_sound(); /* it may come into use yet */
	make_old(file);
	must(store_check(fx.store, NULL, NULL, &wrong, fault));
	cr_expect_eq(wrong, 1);
	must(store_repair(fx.store, NULL, NULL, &repaired, fault));
	cr_expect_eq(repaired, 1);
	cr_expect_not(g_file_test(file, G_FILE_TEST_EXISTS));
	must_be_sound();
}

/* A schema that is not ours is told, and nothing is made up for it. */
Test(upkeep, tables_are_those_of_the_schema)
{
	static const struct {
		const char *sql;
		const char *told;
	} cases[] = {
		{"CREATE TABLE more (x)", "the table more is not Okapi's"},
		{"CREATE TRIGGER t AFTER INSERT ON users BEGIN SELECT 1; END",
		 "the trigger t is not Okapi's"},
		{"ALTER TABLE junk ADD COLUMN x TEXT",
		 "the table junk is another one"},
		{"DROP TABLE rule_memory", "the table rule_memory is missing"},
	};

	break_store("ANALYZE");
	must_be_sound();
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GString) text = g_string_new(NULL);
		int64_t repaired = 0;
		int64_t wrong = 0;

		break_store(cases[i].sql);
		must(store_repair(fx.store, NULL, NULL, &repaired, fault));
		cr_expect_eq(repaired, 0, "%s", cases[i].sql);
		must(store_check(fx.store, note_text, text, &wrong, fault));
		cr_expect_geq(wrong, (int64_t)i + 1, "%s", cases[i].sql);
		cr_expect(strstr(text->str, cases[i].told), "%s: %s",
			  cases[i].sql, text->str);
	}
}

/* An index that the rows do not allow keeps no other one away. */
Test(upkeep, what_can_be_made_of_the_schema_is)
{
	g_autoptr(GString) text = g_string_new(NULL);
	int64_t repaired = 0;
	int64_t wrong = 0;

	user_make("bob");
	break_store("DROP INDEX addresses_primary;"
		    "INSERT INTO addresses (address_key, user, address,"
		    " is_primary) SELECT 'x@y', user, 'x@y', 1 FROM addresses;"
		    "DROP INDEX hierarchy_change; DROP INDEX acl_who;"
		    "DROP VIEW mail");
	must(store_repair(fx.store, NULL, NULL, &repaired, fault));
	cr_expect_eq(repaired, 3);
	must(store_check(fx.store, note_text, text, &wrong, fault));
	cr_expect_eq(wrong, 1, "%s", text->str);
	cr_expect(strstr(text->str, "the index addresses_primary is missing"),
		  "%s", text->str);
}

/* Nobody waits for the search of what is not there. */
Test(upkeep, a_sound_store_is_repaired_beside_a_writer)
{
	AUTO(store) other = NULL;
	int64_t repaired = -1;

	user_make("bob");
	must(store_open(fx.path, STORE_WRITE, 0, &other, fault));
	must(store_begin(fx.store, fault));
	must(store_repair(other, NULL, NULL, &repaired, fault));
	cr_expect_eq(repaired, 0);
	store_rollback(fx.store);
}

Test(upkeep, nothing_is_repaired_by_tables_of_others)
{
	AUTO(content) large = content_large('t');
	g_autofree char *file = content_file(large);
	int64_t repaired = -1;

	content_prepare(large, -1);
	make_old(file);
	user_make("bob");
	break_store("UPDATE hierarchy SET size = 5 WHERE type = 1;"
		    "ALTER TABLE lob ADD COLUMN x TEXT");
	must(store_repair(fx.store, NULL, NULL, &repaired, fault));
	cr_expect_eq(repaired, 0);
	cr_expect(g_file_test(file, G_FILE_TEST_EXISTS));
	break_store("ALTER TABLE lob DROP COLUMN x");
	must(store_repair(fx.store, NULL, NULL, &repaired, fault));
	cr_expect_gt(repaired, 1);
	cr_expect_not(g_file_test(file, G_FILE_TEST_EXISTS));
	must_be_sound();
}

Test(upkeep, what_is_lost_stays_told)
{
	AUTO(content) content = content_number(1);
	int64_t bob = user_make("bob");
	int64_t id = deliver_to(bob, folder_of(bob, FOLDER_INBOX), content);
	g_autofree char *whose =
		g_strdup_printf("(message %" G_GINT64_FORMAT " of bob)", id);
	g_autoptr(GString) text = g_string_new(NULL);
	int64_t repaired = 0;
	int64_t wrong = 0;

	break_store("UPDATE lob SET form = 1, packed = NULL,"
		    " data = zeroblob(size)");
	must(store_repair(fx.store, NULL, NULL, &repaired, fault));
	cr_expect_eq(repaired, 0);
	must(store_check(fx.store, note_text, text, &wrong, fault));
	cr_expect_eq(wrong, 1);
	cr_expect(strstr(text->str, whose), "%s: %s", whose, text->str);
}
