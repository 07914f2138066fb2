/*
 * Deliveries: copies, quotas, duplicates, large messages, reading it back.
 */
#include "fixture.h"

#include <sys/stat.h>

TestSuite(deliver, .init = fixture_open, .fini = fixture_close, .timeout = 60);

Test(deliver, comes_back_byte_for_byte)
{
	static const char bytes[] = "A: b\r\n\r\n\0\x80\n\rno end";
	AUTO(content) content = content_of(bytes, sizeof(bytes) - 1);
	int64_t bob = user_make("bob");
	int64_t id = deliver_to(bob, folder_of(bob, FOLDER_INBOX), content);
	g_autoptr(GBytes) bare = NULL;
	g_autoptr(GBytes) whole = NULL;
	const char *data;
	size_t len;

	must(store_message_bytes(fx.store, id, true, &bare, fault));
	cr_expect(g_bytes_equal(bare, content->rfc822));
	must(store_message_bytes(fx.store, id, false, &whole, fault));
	data = g_bytes_get_data(whole, &len);
	cr_expect_eq(len, sizeof(bytes) - 1 + 33);
	cr_expect_eq(memcmp(data, "Return-Path: <anna@example.com>\r\n", 33),
		     0);
	must_be_sound();
}

Test(deliver, shows_in_list_and_view)
{
	AUTO(content) content = content_number(1);
	int64_t bob = user_make("bob");
	int64_t id = deliver_to(bob, folder_of(bob, FOLDER_INBOX), content);
	AUTO(store_message) m = NULL;
	int64_t found = 0;
	struct fault why = {0};

	must(store_message_get(fx.store, bob, id, &m, fault));
	cr_expect_str_eq(m->subject, "a subject");
	cr_expect_str_eq(m->sender, "anna@example.com");
	cr_expect_str_eq(m->sender_name, "Anna");
	cr_expect_str_eq(m->to, "Bob");
	cr_expect_str_eq(m->folder_path, "Inbox");
	cr_expect_str_eq(m->message_class, "IPM.Note");
	cr_expect_str_eq(m->message_id, "<1@example.com>");
	cr_expect_eq(m->attachments, 1);
	cr_expect_eq(m->size, (int64_t)g_bytes_get_size(content->rfc822));
	cr_assert_eq(
		sql_get(fx.store, &why, &found,
			"SELECT count(*) FROM mail WHERE owner = 'bob'"
			" AND folder = 'Inbox' AND sender = 'anna@example.com'"
			" AND subject = 'a subject' AND id = ? AND read = 0"
			" AND message_class = 'IPM.Note' AND attachments = 1"
			" AND received LIKE '____-__-__T__:__:__Z'",
			"i", id),
		1);
	cr_expect_eq(found, 1);
}

Test(deliver, properties_of_a_copy)
{
	AUTO(content) content = content_number(1);
	int64_t bob = user_make("bob");
	int64_t id = deliver_to(bob, folder_of(bob, FOLDER_INBOX), content);
	AUTO(propset) set = propset_new();
	struct prop own = {.tag = PR_IMPORTANCE, .value.number = 2};

	in_unit(store_message_set_property(fx.store, id, &own, fault));
	in_unit(store_message_set_flags(
		fx.store, id, MESSAGE_READ | MESSAGE_FLAGGED, 0, fault));
	must(store_message_properties(fx.store, id, set, fault));
	cr_expect_str_eq(propset_text(set, PR_SUBJECT), "a subject");
	cr_expect_str_eq(propset_text(set, PR_OKAPI_REVERSE_PATH),
			 "anna@example.com");
	cr_expect_eq(propset_number(set, PR_IMPORTANCE, 1), 2);
	cr_expect_eq(propset_number(set, PR_MESSAGE_FLAGS, 0), 0x13);
	cr_expect_eq(propset_number(set, PR_FLAG_STATUS, 0), 2);
	cr_expect(propset_has(set, PR_MESSAGE_DELIVERY_TIME));
	cr_expect(propset_has(set, PR_OKAPI_CONTENT_SHA256));
	cr_expect(propset_bool(set, PR_HASATTACH));
}

Test(deliver, copies_share_what_they_say)
{
	AUTO(content) content = content_number(1);
	int64_t bob = user_make("bob");
	int64_t eve = user_make("eve");
	struct store_stats stats;

	deliver_to(bob, folder_of(bob, FOLDER_INBOX), content);
	deliver_to(bob, folder_of(bob, FOLDER_JUNK), content);
	deliver_to(eve, folder_of(eve, FOLDER_INBOX), content);
	must(store_get_stats(fx.store, &stats, fault));
	cr_expect_eq(stats.messages, 3);
	cr_expect_eq(stats.contents, 1);
	cr_expect_eq(stats.users, 2);
	must_be_sound();
}

Test(deliver, a_file_beside_the_store_is_taken_over)
{
	g_autofree char *text = noise_of(LOB_FILE_MIN + 5, 'x');
	AUTO(content) content = content_of(text, LOB_FILE_MIN + 5);
	g_autofree char *file = content_file(content);
	AUTOCLOSE int unnamed = store_content_file(fx.path);
	AUTOCLOSE int half = store_content_file(fx.path);
	int64_t bob = user_make("bob");
	g_autoptr(GBytes) bytes = NULL;
	struct stat is;
	struct stat was;
	int64_t id;

	cr_assert_geq(unnamed, 0);
	/* One that is not whole is not taken. */
	cr_assert_eq(write(half, text, 100), 100);
	content_prepare(content, half);
	cr_assert_eq(stat(file, &is), 0);
	cr_expect_eq(is.st_size, LOB_FILE_MIN + 5);
	/* Nor one that is there already. */
	cr_assert_eq(truncate(file, 100), 0);
	content_prepare(content, -1);
	cr_assert_eq(stat(file, &is), 0);
	cr_expect_eq(is.st_size, LOB_FILE_MIN + 5);
	cr_assert_eq(unlink(file), 0);

	cr_assert_eq(write(unnamed, text, LOB_FILE_MIN + 5), LOB_FILE_MIN + 5);
	content_prepare(content, unnamed);
	cr_assert_eq(stat(file, &is), 0);
	cr_assert_eq(fstat(unnamed, &was), 0);
	cr_expect_eq(is.st_ino, was.st_ino);
	cr_expect_eq(is.st_mode & 0777, 0640 & ~0022);
	content_prepare(content, unnamed);
	id = deliver_to(bob, folder_of(bob, FOLDER_INBOX), content);
	must(store_message_bytes(fx.store, id, true, &bytes, fault));
	cr_expect(g_bytes_equal(bytes, content->rfc822));
	must_be_sound();
}

Test(deliver, large_messages_are_files)
{
	g_autofree char *text = noise_of(LOB_FILE_MIN + 5, 'x');
	AUTO(content) content = content_of(text, LOB_FILE_MIN + 5);
	g_autofree char *file = NULL;
	g_autoptr(GBytes) bytes = NULL;
	int64_t bob = user_make("bob");
	struct store_stats stats;
	struct fault why = {0};
	int64_t wrong = 0;
	int64_t id;

	file = content_file(content);
	cr_expect(strstr(file, "/store.lob/"), "%s", file);
	content_prepare(content, -1);
	cr_expect(g_file_test(file, G_FILE_TEST_IS_REGULAR));
	id = deliver_to(bob, folder_of(bob, FOLDER_INBOX), content);
	must(store_get_stats(fx.store, &stats, fault));
	cr_expect_eq(stats.lob_files, 1);
	must(store_message_bytes(fx.store, id, true, &bytes, fault));
	cr_expect(g_bytes_equal(bytes, content->rfc822));
	must_be_sound();

	/* A file that changed is found out. */
	cr_assert_eq(chmod(file, 0600), 0);
	text[100] ^= 1;
	cr_assert(g_file_set_contents(file, text, LOB_FILE_MIN + 5, NULL));
	g_bytes_unref(g_steal_pointer(&bytes));
	cr_expect_eq(store_message_bytes(fx.store, id, true, &bytes, &why), -1);
	cr_expect_eq(why.kind, FAULT_IO);
	must(store_check(fx.store, NULL, NULL, &wrong, fault));
	cr_expect_eq(wrong, 1);
}

Test(deliver, a_large_message_that_nobody_prepared)
{
	AUTO(content) content = content_large('z');
	int64_t bob = user_make("bob");
	g_autofree char *file = content_file(content);

	deliver_to(bob, folder_of(bob, FOLDER_INBOX), content);
	cr_expect(g_file_test(file, G_FILE_TEST_IS_REGULAR));
	must_be_sound();
}

/* ---- quota ---------------------------------------------------------------
 */

static int deliver_as(int64_t store_id, const char *recipient,
		      const char *reverse_path, const struct content *content,
		      struct delivery_result *ret, struct fault *fault)
{
	struct delivery_copy copy = {
		.folder = folder_of(store_id, FOLDER_INBOX),
		.trace = "",
		.received = g_get_real_time(),
	};
	struct delivery delivery = {
		.store = store_id,
		.recipient = recipient,
		.reverse_path = reverse_path,
		.content = content,
		.copies = &copy,
		.copy_count = 1,
		.check_duplicate = true,
		.check_quota = true,
	};

	return store_deliver(fx.store, &delivery, ret, fault);
}

static int deliver_plain(int64_t store_id, const struct content *content,
			 struct delivery_result *ret, struct fault *fault)
{
	return deliver_as(store_id, "Bob@Example.com", "anna@example.com",
			  content, ret, fault);
}

/* All copies of a delivery together, of each store by itself. */
Test(deliver, hard_quota_counts_every_copy)
{
	AUTO(content) content = content_number(1);
	int64_t size = (int64_t)g_bytes_get_size(content->rfc822);
	struct store_policy policy = {.quota_hard = 2 * size - 1};
	struct delivery_result result;
	int64_t bob = user_make("bob");
	int64_t anna = user_make("anna");
	struct delivery_copy copies[] = {
		{.folder = folder_of(bob, FOLDER_INBOX), .trace = ""},
		{.folder = folder_of(anna, FOLDER_INBOX), .trace = ""},
		{.folder = folder_of(bob, FOLDER_JUNK), .trace = ""},
	};
	struct delivery delivery = {
		.store = bob,
		.recipient = "bob@example.com",
		.reverse_path = "",
		.content = content,
		.copies = copies,
		.copy_count = 3,
		.check_quota = true,
	};

	store_set_policy(fx.store, &policy);
	in_unit_fail(FAULT_FULL_FOR_NOW,
		     store_deliver(fx.store, &delivery, &result, fault));
	/* Where not even one fits it is the mailbox that is full. */
	policy.quota_hard = size - 1;
	store_set_policy(fx.store, &policy);
	in_unit_fail(FAULT_MAILBOX_FULL,
		     store_deliver(fx.store, &delivery, &result, fault));
	policy.quota_hard = 2 * size;
	store_set_policy(fx.store, &policy);
	in_unit(store_deliver(fx.store, &delivery, &result, fault));
	/* Another's that is full speaks of what was decided. */
	policy.quota_hard = 4 * size - 1;
	store_set_policy(fx.store, &policy);
	delivery.store = anna;
	in_unit_fail(FAULT_OVERTAKEN,
		     store_deliver(fx.store, &delivery, &result, fault));
	must_be_sound();
}

Test(deliver, hard_quota_is_exact)
{
	AUTO(content) content = content_number(1);
	int64_t size = (int64_t)g_bytes_get_size(content->rfc822);
	struct store_policy policy = {.quota_hard = 2 * size};
	struct delivery_result result;
	int64_t bob = user_make("bob");
	AUTO(store_user) user = NULL;
	int64_t id;

	store_set_policy(fx.store, &policy);
	in_unit(deliver_plain(bob, content, &result, fault));
	id = result.message;
	in_unit(deliver_plain(bob, content, &result, fault));
	in_unit_fail(FAULT_MAILBOX_FULL,
		     deliver_plain(bob, content, &result, fault));
	policy.quota_tempfail = true;
	store_set_policy(fx.store, &policy);
	in_unit_fail(FAULT_FULL_FOR_NOW,
		     deliver_plain(bob, content, &result, fault));
	/* Soft-deleted mail does not count. */
	in_unit(store_message_delete(fx.store, id, true, fault));
	in_unit(deliver_plain(bob, content, &result, fault));
	must(store_user_find(fx.store, "bob", &user, fault));
	cr_expect_eq(user->size, 2 * size);
	cr_expect_eq(user->messages, 2);
	must_be_sound();
}

Test(deliver, a_users_quota_wins_over_the_servers)
{
	AUTO(content) content = content_number(1);
	struct store_policy policy = {.quota_hard = 1};
	struct store_user_change change = {.quota_warn = QUOTA_KEEP,
					   .quota_soft = QUOTA_KEEP,
					   .quota_hard = 0};
	struct delivery_result result;
	int64_t bob = user_make("bob");

	store_set_policy(fx.store, &policy);
	in_unit_fail(FAULT_MAILBOX_FULL,
		     deliver_plain(bob, content, &result, fault));
	in_unit(store_user_set(fx.store, "bob", &change, fault));
	in_unit(deliver_plain(bob, content, &result, fault));
}

/* ---- duplicates ----------------------------------------------------------
 */

Test(deliver, a_repetition_is_answered_like_the_first_time)
{
	AUTO(content) content = content_number(1);
	AUTO(content) other = content_number(2);
	struct store_policy policy = {.duplicate_window_s = 3600};
	struct delivery_result first;
	struct delivery_result second;
	int64_t bob = user_make("bob");
	struct store_stats stats;

	store_set_policy(fx.store, &policy);
	in_unit(deliver_plain(bob, content, &first, fault));
	cr_expect_not(first.is_duplicate);
	in_unit(deliver_plain(bob, content, &second, fault));
	cr_expect(second.is_duplicate);
	cr_expect_eq(second.message, first.message);
	in_unit(deliver_plain(bob, other, &second, fault));
	cr_expect_not(second.is_duplicate);
	must(store_get_stats(fx.store, &stats, fault));
	cr_expect_eq(stats.messages, 2);
	must_be_sound();
}

Test(deliver, what_makes_a_repetition)
{
	AUTO(content) content = content_number(1);
	AUTO(content) other = content_number(2);
	struct store_policy policy = {.duplicate_window_s = 3600};
	struct delivery_result result;
	int64_t bob = user_make("bob");
	const struct {
		const char *name;
		int64_t store;
		const char *recipient, *reverse_path;
		const struct content *content;
		bool is_duplicate;
	} rows[] = {
		{"the same", bob, "bob@example.com", "anna@example.com",
		 content, true},
		{"case of the recipient", bob, "BOB@example.COM",
		 "anna@example.com", content, true},
		{"another store", user_make("anna"), "bob@example.com",
		 "anna@example.com", content, false},
		{"another address", bob, "robert@example.com",
		 "anna@example.com", content, false},
		{"another detail", bob, "bob+x@example.com", "anna@example.com",
		 content, false},
		{"another sender", bob, "bob@example.com", "anna@example.org",
		 content, false},
		{"null sender", bob, "bob@example.com", "", content, false},
		{"address and sender run together", bob, "bob@example.coma",
		 "nna@example.com", content, false},
		{"other octets", bob, "bob@example.com", "anna@example.com",
		 other, false},
	};

	store_set_policy(fx.store, &policy);
	in_unit(deliver_plain(bob, content, &result, fault));
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		in_unit(deliver_as(rows[i].store, rows[i].recipient,
				   rows[i].reverse_path, rows[i].content,
				   &result, fault));
		cr_expect_eq(result.is_duplicate, rows[i].is_duplicate, "%s",
			     rows[i].name);
	}
}

Test(deliver, after_the_window_it_is_delivered_again)
{
	AUTO(content) content = content_number(1);
	struct store_policy policy = {.duplicate_window_s = 3600};
	struct delivery_result first;
	struct delivery_result second;
	int64_t bob = user_make("bob");

	store_set_policy(fx.store, &policy);
	in_unit(deliver_plain(bob, content, &first, fault));
	in_unit(sql_run(fx.store, fault,
			"UPDATE duplicates SET seen = seen - 3600 * 1000000",
			""));
	in_unit(deliver_plain(bob, content, &second, fault));
	cr_expect_not(second.is_duplicate);
	cr_expect_neq(second.message, first.message);
	/* And from there the window begins anew. */
	in_unit(deliver_plain(bob, content, &first, fault));
	cr_expect(first.is_duplicate);
	cr_expect_eq(first.message, second.message);
}

/* The same Message-ID, in whatever octets; copies 0: discarded. */
static int deliver_id(int64_t store_id, const struct content *content,
		      const char *message_id, const char *detail, size_t copies,
		      struct delivery_result *ret, struct fault *fault)
{
	struct delivery_copy copy = {
		.folder = folder_of(store_id, FOLDER_INBOX),
		.trace = "",
		.received = g_get_real_time(),
	};
	struct delivery delivery = {
		.store = store_id,
		.recipient = "bob@example.com",
		.detail = detail,
		.reverse_path = "anna@example.com",
		.message_id = message_id,
		.content = content,
		.copies = &copy,
		.copy_count = copies,
		.check_duplicate = true,
	};

	return store_deliver(fx.store, &delivery, ret, fault);
}

static bool is_left_out(int64_t store_id, int number, const char *message_id,
			const char *detail)
{
	AUTO(content) content = content_number(number);
	struct delivery_result result = {0};

	in_unit(deliver_id(store_id, content, message_id, detail, 1, &result,
			   fault));
	cr_expect(result.message > 0);
	cr_expect_eq(result.is_duplicate, result.by_message_id);
	return result.by_message_id;
}

Test(deliver, one_of_a_message_id_if_that_is_wanted)
{
	struct store_policy policy = {.duplicate_window_s = 3600,
				      .message_id_window_s = 7200};
	int64_t bob = user_make("bob");
	int64_t carl = user_make("carl");
	struct store_stats stats;

	cr_expect_not(is_left_out(bob, 1, "<a@x>", NULL), "not asked for");
	store_set_policy(fx.store, &policy);
	cr_expect_not(is_left_out(bob, 2, "<a@x>", NULL), "not noted before");
	cr_expect(is_left_out(bob, 3, "<a@x>", NULL));
	cr_expect(is_left_out(bob, 3, "<a@x>", NULL), "once more");
	cr_expect_not(is_left_out(bob, 4, "<A@x>", NULL), "another one");
	cr_expect_not(is_left_out(carl, 3, "<a@x>", NULL), "somebody else's");
	cr_expect_not(is_left_out(bob, 5, "<a@x>", "lists"), "a detail");
	cr_expect(is_left_out(bob, 6, "<a@x>", "lists"));
	cr_expect_not(is_left_out(bob, 7, NULL, NULL), "none");
	cr_expect_not(is_left_out(bob, 8, NULL, NULL), "none again");
	cr_expect_not(is_left_out(bob, 9, "", NULL), "empty");
	cr_expect_not(is_left_out(bob, 10, "", NULL), "empty again");
	in_unit(sql_run(fx.store, fault,
			"UPDATE duplicates SET seen = seen - 7200 * 1000000",
			""));
	cr_expect_not(is_left_out(bob, 11, "<a@x>", NULL), "long ago");
	cr_expect(is_left_out(bob, 12, "<a@x>", NULL), "from there on");
	must(store_get_stats(fx.store, &stats, fault));
	cr_expect_eq(stats.messages, 10);
	must_be_sound();
}

static int deliver_id_and_fail(struct store *store, void *context,
			       struct fault *fault)
{
	AUTO(content) content = content_number(1);
	struct delivery_result result;

	(void)store;
	cr_expect_eq(deliver_id(*(int64_t *)context, content, "<a@x>", NULL, 1,
				&result, fault),
		     0);
	return fault_set(fault, FAULT_IO, "lost");
}

Test(deliver, what_was_not_stored_leaves_nothing_out)
{
	struct store_policy policy = {.message_id_window_s = 3600};
	AUTO(content) content = content_number(1);
	struct delivery_result result;
	struct fault lost = {0};
	int64_t bob = user_make("bob");

	store_set_policy(fx.store, &policy);
	in_unit(deliver_id(bob, content, "<a@x>", NULL, 0, &result, fault));
	cr_expect_not(result.is_duplicate, "discarded");
	cr_expect_eq(store_run(fx.store, deliver_id_and_fail, &bob, &lost), -1);
	cr_expect_not(is_left_out(bob, 2, "<a@x>", NULL));
	cr_expect(is_left_out(bob, 3, "<a@x>", NULL));
}

Test(deliver, a_folder_that_went_away_is_temporary)
{
	AUTO(content) content = content_number(1);
	int64_t bob = user_make("bob");
	struct delivery_copy copy = {.folder = 999999, .trace = ""};
	struct delivery delivery = {.store = bob,
				    .recipient = "bob",
				    .reverse_path = "",
				    .content = content,
				    .copies = &copy,
				    .copy_count = 1};
	struct delivery_result result;

	in_unit_fail(FAULT_INTERNAL,
		     store_deliver(fx.store, &delivery, &result, fault));
	copy.folder = bob;
	in_unit_fail(FAULT_INTERNAL,
		     store_deliver(fx.store, &delivery, &result, fault));
}

Test(deliver, what_was_not_stored_is_no_duplicate)
{
	AUTO(content) content = content_number(1);
	struct store_policy policy = {.duplicate_window_s = 3600,
				      .quota_hard = 1};
	struct delivery_result result;
	int64_t bob = user_make("bob");

	store_set_policy(fx.store, &policy);
	in_unit_fail(FAULT_MAILBOX_FULL,
		     deliver_plain(bob, content, &result, fault));
	policy.quota_hard = 0;
	store_set_policy(fx.store, &policy);
	in_unit(deliver_plain(bob, content, &result, fault));
	cr_expect_not(result.is_duplicate);
}

Test(deliver, what_was_discarded_has_its_effects_once)
{
	AUTO(content) content = content_number(1);
	struct submission_recipient to = {.address = "x@example.net"};
	struct submission redirect = {.reverse_path = "anna@example.com",
				      .recipients = &to,
				      .recipient_count = 1,
				      .content = content};
	const struct submission *submissions[] = {&redirect};
	struct store_policy policy = {.duplicate_window_s = 3600};
	struct delivery delivery = {
		.store = user_make("bob"),
		.recipient = "bob@example.com",
		.reverse_path = "anna@example.com",
		.content = content,
		.submissions = submissions,
		.submission_count = 1,
		.check_duplicate = true,
	};
	struct delivery_result result;
	struct store_stats stats;

	store_set_policy(fx.store, &policy);
	in_unit(store_deliver(fx.store, &delivery, &result, fault));
	cr_expect_eq(result.message, 0);
	cr_expect_not(result.is_duplicate);
	must(store_is_duplicate(fx.store, &delivery, &result, fault));
	cr_expect(result.is_duplicate);
	in_unit(store_deliver(fx.store, &delivery, &result, fault));
	cr_expect(result.is_duplicate);
	must(store_get_stats(fx.store, &stats, fault));
	cr_expect_eq(stats.queue, 1);
}

Test(deliver, what_was_only_discarded_suppresses_nothing)
{
	AUTO(content) content = content_number(1);
	struct store_policy policy = {.duplicate_window_s = 3600};
	struct delivery delivery = {
		.store = user_make("bob"),
		.recipient = "bob@example.com",
		.reverse_path = "anna@example.com",
		.content = content,
		.check_duplicate = true,
	};
	struct delivery_result result;

	store_set_policy(fx.store, &policy);
	in_unit(store_deliver(fx.store, &delivery, &result, fault));
	must(store_is_duplicate(fx.store, &delivery, &result, fault));
	cr_expect_not(result.is_duplicate, "nothing was stored");
	/* Unless it was answered by a reply, which goes once. */
	delivery.is_replied = true;
	in_unit(store_deliver(fx.store, &delivery, &result, fault));
	cr_expect_not(result.is_duplicate);
	must(store_is_duplicate(fx.store, &delivery, &result, fault));
	cr_expect(result.is_duplicate);
}
