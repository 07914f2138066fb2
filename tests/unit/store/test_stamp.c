/*
 * The stamp of settings: another one after whatever makes a recipient another
 * one, by whoever; the same after deliveries.
 */
#include "fixture.h"

#include <fcntl.h>
#include <unistd.h>

TestSuite(stamp, .init = fixture_open, .fini = fixture_close, .timeout = 60);

static uint64_t stamp_now(void)
{
	AUTO(store_stamp) stamp = NULL;

	must(store_stamp_open(fx.path, &stamp, fault));
	return store_stamp_read(stamp);
}

/* Is the stamp another one than before? */
static bool is_new(void)
{
	static uint64_t last;
	uint64_t now = stamp_now();
	bool changed = now != last;

	cr_expect(now != 0);
	last = now;
	return changed;
}

static const struct store_user_change nothing = {.quota_warn = QUOTA_KEEP,
						 .quota_soft = QUOTA_KEEP,
						 .quota_hard = QUOTA_KEEP};

Test(stamp, changes_with_settings)
{
	static const char *const aliases[] = {"b@example.com", NULL};
	struct store_user_change alias = nothing;
	struct store_user_change quota = nothing;
	struct store_oof oof = {.on = true,
				.subject = (char *)(uintptr_t) "",
				.message = (char *)(uintptr_t) "away"};
	int64_t bob = 0;

	alias.aliases = aliases;
	quota.quota_hard = 1000;
	(void)is_new();
	cr_expect_not(is_new());
	bob = user_make("bob");
	cr_expect(is_new(), "user create");
	in_unit(store_user_set(fx.store, "bob", &alias, fault));
	cr_expect(is_new(), "alias");
	in_unit(store_user_set(fx.store, "bob", &quota, fault));
	cr_expect(is_new(), "quota");
	in_unit(store_user_rename(fx.store, "bob", "rob", fault));
	cr_expect(is_new(), "rename");
	in_unit(store_rule_put(fx.store, bob, "r", "keep;", 0, true, fault));
	cr_expect(is_new(), "rule put");
	in_unit(store_rule_remove(fx.store, bob, "r", fault));
	cr_expect(is_new(), "rule remove");
	in_unit(store_junk_set(fx.store, bob, "x@y", JUNK_BLOCK, fault));
	cr_expect(is_new(), "junk list");
	in_unit(store_junk_remove(fx.store, bob, "x@y", fault));
	cr_expect(is_new(), "junk list shorter");
	in_unit(store_oof_set(fx.store, bob, &oof, fault));
	cr_expect(is_new(), "out of office");
	in_unit(store_user_delete(fx.store, "rob", true, fault));
	cr_expect(is_new(), "user delete");
}

Test(stamp, stays_with_mail)
{
	AUTO(content) content = content_number(1);
	int64_t bob = user_make("bob");
	int64_t inbox = folder_of(bob, FOLDER_INBOX);
	int64_t folder = 0;
	int64_t copy = 0;
	int64_t message = 0;

	in_unit(store_folder_create(fx.store, bob, "a/b", '/', &folder, NULL,
				    fault));
	(void)is_new();
	message = deliver_to(bob, inbox, content);
	in_unit(store_message_copy(fx.store, message, folder, &copy, fault));
	in_unit(store_message_move(fx.store, copy, inbox, fault));
	in_unit(store_message_delete(fx.store, message, false, fault));
	in_unit(store_message_delete(fx.store, message, true, fault));
	cr_expect_not(is_new());
}

/* What a path means, and who may use it. */
Test(stamp, changes_with_folders)
{
	int64_t bob = user_make("bob");
	int64_t eve = user_make("eve");
	int64_t folder = 0;
	int64_t other = 0;

	(void)is_new();
	in_unit(store_folder_create(fx.store, bob, "a/b", '/', &folder, NULL,
				    fault));
	cr_expect(is_new(), "create");
	in_unit(store_folder_create(fx.store, bob, "a/b", '/', &folder, NULL,
				    fault));
	cr_expect_not(is_new(), "it is there");
	in_unit(store_folder_move(fx.store, folder, 0, "c", fault));
	cr_expect(is_new(), "rename");
	in_unit(store_folder_create(fx.store, bob, "d", '/', &other, NULL,
				    fault));
	(void)is_new();
	in_unit(store_folder_move(fx.store, folder, other, "c", fault));
	cr_expect(is_new(), "move");
	in_unit(store_acl_set(fx.store, other, "eve", "read,create", fault));
	cr_expect(is_new(), "acl set");
	in_unit(store_acl_remove(fx.store, other, "eve", fault));
	cr_expect(is_new(), "acl remove");
	in_unit(store_folder_delete(fx.store, folder, fault));
	cr_expect(is_new(), "into Deleted Items");
	in_unit(store_folder_delete(fx.store, folder, fault));
	cr_expect(is_new(), "for good");
	in_unit(store_group_create(fx.store, "staff", fault));
	(void)is_new();
	in_unit(store_group_add(fx.store, "staff", "eve", fault));
	cr_expect(is_new(), "group add");
	in_unit(store_group_remove(fx.store, "staff", "eve", fault));
	cr_expect(is_new(), "group remove");
	cr_expect(eve > 0);
}

static int rule_and_fail(struct store *store, void *context,
			 struct fault *fault)
{
	if (store_rule_put(store, *(int64_t *)context, "r", "keep;", 0, true,
			   fault))
		return -1;
	return fault_set(fault, FAULT_IO, "lost");
}

Test(stamp, can_be_relied_upon_after_a_unit_that_failed)
{
	int64_t bob = user_make("bob");
	struct fault fault = {0};

	cr_expect_eq(store_run(fx.store, rule_and_fail, &bob, &fault), -1);
	cr_expect(stamp_now() != 0);
}

/* A writer that died between its commit and the end of the stamp. */
Test(stamp, nothing_is_kept_while_somebody_writes)
{
	g_autofree char *path = g_strconcat(fx.path, ".lock", NULL);
	AUTOCLOSE int fd = open(path, O_RDWR | O_CLOEXEC);
	uint64_t before = stamp_now();

	must(stamp_begin(fd, fault));
	cr_expect_eq(stamp_now(), 0);
	(void)user_make("bob");
	cr_expect(stamp_now() > before, "the next one mends it");
}

Test(stamp, of_a_lock_file_that_is_new)
{
	g_autofree char *path = g_strconcat(fx.path, ".lock", NULL);
	uint64_t before = 0;

	cr_assert_eq(truncate(path, 0), 0);
	before = stamp_now();
	cr_expect(before != 0);
	(void)user_make("bob");
	cr_expect(stamp_now() > before);
}
