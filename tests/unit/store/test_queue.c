/*
 * The outgoing queue: submissions, claims, leases of processes that die,
 * results, reports.
 */
#include "fixture.h"
#include "store/queue_internal.h"

#include <sys/wait.h>

TestSuite(queue, .init = fixture_open, .fini = fixture_close, .timeout = 60);

/* What the last results did without. */
static struct fault left_out;

/* Submits to n recipients; store 0: nobody's. */
static int64_t submit(int64_t store_id, const char *reverse_path, int n,
		      int64_t not_before)
{
	static int number;
	AUTO(content) content = content_number(1000 + number++);
	struct submission_recipient to[3] = {
		{.address = "x@example.net", .dsn_notify = 2},
		{.address = "y@example.net", .dsn_orcpt = "rfc822;y"},
		{.address = "z@example.net"},
	};
	struct submission submission = {
		.store = store_id,
		.reverse_path = reverse_path,
		.recipients = to,
		.recipient_count = (size_t)n,
		.content = content,
		.not_before = not_before,
		.dsn_envid = "env",
	};
	int64_t id = 0;

	in_unit(store_submit(fx.store, &submission, &id, fault));
	return id;
}

static GPtrArray *claim(int64_t now, size_t limit)
{
	struct queue_walk walk = {0};
	GPtrArray *entries = NULL;

	in_unit(store_queue_claim(fx.store, now, limit, NULL, NULL, &walk,
				  &entries, fault));
	return entries;
}

static const struct queue_recipient *
recipient_at(const struct queue_entry *entry, guint i)
{
	return g_ptr_array_index(entry->recipients, i);
}

static char *state_of(int64_t id)
{
	AUTO(queue_entry) entry = NULL;
	struct fault why = {0};
	GString *text;

	if (store_queue_get(fx.store, id, &entry, &why))
		return g_strdup("gone");
	text = g_string_new(queue_state_name(entry->state));
	for (guint i = 0; i < entry->recipients->len; i++)
		g_string_append_printf(text, " %s",
				       queue_recipient_state_name(
					       recipient_at(entry, i)->state));
	return g_string_free(text, FALSE);
}

#define expect_state(id, want)                                                 \
 do {                                                                          \
  g_autofree char *is = state_of(id);                                          \
  cr_expect_str_eq(is, want);                                                  \
 } while (0)

static int64_t count_in(int64_t store_id, enum folder_role role)
{
	AUTO(store_folder) folder = NULL;

	must(store_folder_get(fx.store, folder_of(store_id, role), &folder,
			      fault));
	return folder->messages;
}

Test(queue, a_submission_is_in_outbox_and_queue)
{
	int64_t bob = user_make("bob");
	int64_t id = submit(bob, "bob@example.com", 2, 0);
	AUTO(queue_entry) entry = NULL;
	g_autoptr(GBytes) bytes = NULL;

	cr_expect_eq(count_in(bob, FOLDER_OUTBOX), 1);
	must(store_queue_get(fx.store, id, &entry, fault));
	cr_expect_str_eq(entry->owner, "bob");
	cr_expect_str_eq(entry->reverse_path, "bob@example.com");
	cr_expect_str_eq(entry->subject, "a subject");
	cr_expect_str_eq(entry->dsn_envid, "env");
	cr_assert_eq(entry->recipients->len, 2);
	cr_expect_eq(recipient_at(entry, 0)->dsn_notify, 2);
	cr_expect_str_eq(recipient_at(entry, 1)->dsn_orcpt, "rfc822;y");
	must(store_queue_bytes(fx.store, id, &bytes, fault));
	cr_expect_eq((int64_t)g_bytes_get_size(bytes), entry->size);
	expect_state(id, "waiting waiting waiting");
	must_be_sound();
}

Test(queue, over_soft_quota_nothing_is_sent)
{
	AUTO(content) content = content_number(1);
	struct submission_recipient to = {.address = "x@example.net"};
	struct submission submission = {.store = user_make("bob"),
					.reverse_path = "bob@example.com",
					.recipients = &to,
					.recipient_count = 1,
					.content = content};
	struct store_policy policy = {.quota_soft = 1};
	struct store_stats stats;

	store_set_policy(fx.store, &policy);
	in_unit(store_submit(fx.store, &submission, NULL, fault));
	in_unit_fail(FAULT_MAILBOX_FULL,
		     store_submit(fx.store, &submission, NULL, fault));
	submission.recipient_count = 0;
	in_unit_fail(FAULT_BAD_ARGUMENT,
		     store_submit(fx.store, &submission, NULL, fault));
	must(store_get_stats(fx.store, &stats, fault));
	cr_expect_eq(stats.queue, 1);
}

Test(queue, claims_what_is_due_and_once)
{
	int64_t now = g_get_real_time();
	int64_t one = submit(0, "a@b", 1, 0);
	int64_t due = 0;
	g_autoptr(GPtrArray) first = NULL;
	g_autoptr(GPtrArray) second = NULL;

	submit(0, "a@b", 1, now + 3600 * USEC_PER_SEC);
	now = g_get_real_time();
	first = claim(now, 10);
	cr_assert_eq(first->len, 1);
	cr_expect_eq(((struct queue_entry *)first->pdata[0])->id, one);
	expect_state(one, "sending sending");
	second = claim(now, 10);
	cr_expect_eq(second->len, 0);
	must(store_queue_next_due(fx.store, &due, fault));
	cr_expect(due > now + 3000 * USEC_PER_SEC && due < INT64_MAX);
	in_unit(store_queue_unclaim(fx.store, one, fault));
	expect_state(one, "waiting waiting");
	must(store_queue_next_due(fx.store, &due, fault));
	cr_expect(due <= now);
	must_be_sound();
}

Test(queue, fresh_before_what_failed_before)
{
	int64_t old = submit(0, "a@b", 1, 0);
	int64_t now = g_get_real_time();
	g_autoptr(GPtrArray) first = claim(now, 1);
	const struct queue_entry *entry = first->pdata[0];
	struct queue_result later = {recipient_at(entry, 0)->id,
				     QUEUE_RCPT_WAITING, "451 later", "4.0.0",
				     now};
	g_autoptr(GPtrArray) second = NULL;
	g_autoptr(GPtrArray) third = NULL;
	int64_t fresh;

	in_unit(store_queue_results(
		fx.store, &(struct queue_results){old, &later, 1, NULL, true},
		&left_out, fault));
	fresh = submit(0, "a@b", 1, 0);
	now = g_get_real_time();
	second = claim(now, 1);
	cr_assert_eq(second->len, 1);
	cr_expect_eq(((struct queue_entry *)second->pdata[0])->id, fresh);
	third = claim(now, 5);
	cr_assert_eq(third->len, 1);
	entry = third->pdata[0];
	cr_expect_eq(entry->id, old);
	cr_expect(entry->delay_warned);
	cr_expect_eq(recipient_at(entry, 0)->attempts, 1);
	cr_expect_str_eq(recipient_at(entry, 0)->last_reply, "451 later");
}

Test(queue, the_more_urgent_first)
{
	static const enum queue_priority given[] = {
		QUEUE_PRIORITY_LOW, QUEUE_PRIORITY_NORMAL, QUEUE_PRIORITY_HIGH,
		QUEUE_PRIORITY_NORMAL, QUEUE_PRIORITY_HIGH};
	static const size_t order[] = {2, 4, 1, 3, 0};
	int64_t ids[G_N_ELEMENTS(given)];
	int64_t due = 0;

	for (size_t i = 0; i < G_N_ELEMENTS(given); i++) {
		AUTO(content) content = content_number(2000 + (int)i);
		struct submission_recipient to = {.address = "x@example.net"};
		struct submission submission = {.reverse_path = "a@b",
						.recipients = &to,
						.recipient_count = 1,
						.content = content,
						.priority = given[i]};

		in_unit(store_submit(fx.store, &submission, &ids[i], fault));
	}
	for (size_t i = 0; i < G_N_ELEMENTS(order); i++) {
		int64_t now = g_get_real_time();
		g_autoptr(GPtrArray) entries = NULL;

		must(store_queue_next_due(fx.store, &due, fault));
		cr_expect(due <= now);
		entries = claim(now, 1);
		cr_assert_eq(entries->len, 1);
		cr_expect_eq(((struct queue_entry *)entries->pdata[0])->id,
			     ids[order[i]], "claim %zu", i);
	}
	must(store_queue_next_due(fx.store, &due, fault));
	cr_expect_eq(due, INT64_MAX);
}

static unsigned flags_of(int64_t store_id, int64_t message)
{
	AUTO(store_message) m = NULL;

	must(store_message_get(fx.store, store_id, message, &m, fault));
	return m->flags;
}

Test(queue, a_sender_takes_back_what_was_not_sent)
{
	int64_t now = g_get_real_time();
	int64_t bob = user_make("bob");
	int64_t eve = user_make("eve");
	int64_t id = submit(bob, "bob@example.com", 2, 0);
	AUTO(queue_entry) entry = NULL;
	g_autoptr(GPtrArray) mine = NULL;
	struct queue_result results[2];

	must(store_queue_get(fx.store, id, &entry, fault));
	in_unit_fail(FAULT_NOT_FOUND,
		     store_queue_recall(fx.store, eve, entry->message,
					&left_out, fault));
	in_unit(store_queue_recall(fx.store, bob, entry->message, &left_out,
				   fault));
	expect_state(id, "gone");
	cr_expect_eq(count_in(bob, FOLDER_OUTBOX), 1);
	cr_expect_eq(flags_of(bob, entry->message),
		     MESSAGE_READ | MESSAGE_UNSENT);
	in_unit_fail(FAULT_NOT_FOUND,
		     store_queue_recall(fx.store, bob, entry->message,
					&left_out, fault));

	/* Being sent; then one recipient has it, and one is spared it. */
	id = submit(bob, "bob@example.com", 2, 0);
	g_clear_pointer(&entry, queue_entry_free);
	must(store_queue_get(fx.store, id, &entry, fault));
	mine = claim(g_get_real_time(), 1);
	in_unit_fail(FAULT_STORE_BUSY,
		     store_queue_recall(fx.store, bob, entry->message,
					&left_out, fault));
	for (guint i = 0; i < 2; i++)
		results[i] = (struct queue_result){
			recipient_at(entry, i)->id,
			i ? QUEUE_RCPT_WAITING : QUEUE_RCPT_SENT, "", "",
			now + 3600 * USEC_PER_SEC};
	in_unit(store_queue_results(
		fx.store, &(struct queue_results){id, results, 2, NULL, false},
		&left_out, fault));
	in_unit(store_queue_recall(fx.store, bob, entry->message, &left_out,
				   fault));
	expect_state(id, "gone");
	cr_expect_eq(count_in(bob, FOLDER_SENT), 1);
	must_be_sound();
}

/* Claims all with a result of its state for each recipient in order. */
static void settle(int64_t id, const enum queue_recipient_state *states,
		   const struct content *report)
{
	g_autoptr(GPtrArray) entries = claim(g_get_real_time(), 100);
	struct queue_result results[3];

	for (guint i = 0; i < entries->len; i++) {
		const struct queue_entry *entry = entries->pdata[i];

		if (entry->id != id)
			continue;
		for (guint k = 0; k < entry->recipients->len; k++)
			results[k] = (struct queue_result){
				recipient_at(entry, k)->id, states[k],
				"the relay's words", "2.0.0",
				g_get_real_time()};
		in_unit(store_queue_results(
			fx.store,
			&(struct queue_results){id, results,
						entry->recipients->len, report,
						false},
			&left_out, fault));
	}
}

Test(queue, sent_goes_to_sent_items)
{
	static const enum queue_recipient_state states[] = {QUEUE_RCPT_SENT,
							    QUEUE_RCPT_FAILED};
	AUTO(content) report = content_number(77);
	int64_t bob = user_make("bob");
	int64_t id = submit(bob, "bob@example.com", 2, 0);

	settle(id, states, report);
	expect_state(id, "gone");
	cr_expect_eq(count_in(bob, FOLDER_OUTBOX), 0);
	cr_expect_eq(count_in(bob, FOLDER_SENT), 1);
	cr_expect_eq(count_in(bob, FOLDER_INBOX), 1);
	must_be_sound();
}

Test(queue, failed_stays_in_outbox_and_the_report_ignores_quota)
{
	static const enum queue_recipient_state states[] = {QUEUE_RCPT_FAILED};
	struct store_policy policy = {.quota_hard = 1};
	AUTO(content) report = content_number(77);
	int64_t bob = user_make("bob");
	int64_t id = submit(bob, "bob@example.com", 1, 0);
	AUTO(queue_entry) entry = NULL;
	AUTO(store_message) m = NULL;

	must(store_queue_get(fx.store, id, &entry, fault));
	store_set_policy(fx.store, &policy);
	settle(id, states, report);
	expect_state(id, "gone");
	cr_expect_eq(count_in(bob, FOLDER_OUTBOX), 1);
	cr_expect_eq(count_in(bob, FOLDER_INBOX), 1);
	must(store_message_get(fx.store, bob, entry->message, &m, fault));
	cr_expect(m->flags & MESSAGE_FAILED);
	cr_expect_not(m->flags & MESSAGE_SUBMITTED);
	must_be_sound();
}

/* Nothing may be put into that folder. */
static void close_folder(int64_t store_id, enum folder_role role)
{
	g_autofree char *trigger = g_strdup_printf(
		"CREATE TEMP TRIGGER closed_%d_%d BEFORE UPDATE ON hierarchy"
		" WHEN NEW.type = 2 AND NEW.id = %" G_GINT64_FORMAT
		" BEGIN SELECT RAISE(ABORT, 'closed'); END",
		(int)store_id, (int)role, folder_of(store_id, role));

	in_unit(sql_script(fx.store, trigger, fault));
}

Test(queue, the_record_stands_without_copies_and_report)
{
	static const enum queue_recipient_state states[] = {QUEUE_RCPT_SENT,
							    QUEUE_RCPT_FAILED};
	static const struct {
		const char *name;
		const char *left_out;
		enum folder_role closed;
		bool of_bob;
		unsigned outbox, sent, inbox, amys;
		size_t queue; /* mailed reports */
	} cases[] = {
		{"the sender's copy", "its copy in Sent Items", FOLDER_SENT,
		 true, 1, 0, 1, 1, 0},
		{"both of it", "its copy in Sent Items", FOLDER_OUTBOX, true, 1,
		 0, 1, 1, 0},
		{"the other's copy", "the copy for who is represented",
		 FOLDER_SENT, false, 0, 1, 1, 0, 0},
		{"the report", "its report in the Inbox", FOLDER_INBOX, true, 0,
		 1, 0, 1, 1},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		AUTO(content) report = content_number(77 + (int)i);
		g_autofree char *name = g_strdup_printf("bob%zu", i);
		g_autofree char *other = g_strdup_printf("amy%zu", i);
		int64_t bob = user_make(name);
		int64_t amy = user_make(other);
		int64_t id = submit(bob, "bob@example.com", 2, 0);
		g_autoptr(GPtrArray) left = NULL;

		in_unit(sql_run(fx.store, fault,
				"UPDATE outgoingqueue SET represented = ?"
				" WHERE id = ?",
				"ii", amy, id));
		close_folder(cases[i].of_bob ? bob : amy, cases[i].closed);
		settle(id, states, report);
		expect_state(id, "gone");
		cr_expect(g_str_has_prefix(left_out.text, cases[i].left_out),
			  "%s: %s", cases[i].name, left_out.text);
		cr_expect_eq(count_in(bob, FOLDER_OUTBOX), cases[i].outbox,
			     "%s", cases[i].name);
		cr_expect_eq(count_in(bob, FOLDER_SENT), cases[i].sent, "%s",
			     cases[i].name);
		cr_expect_eq(count_in(bob, FOLDER_INBOX), cases[i].inbox, "%s",
			     cases[i].name);
		cr_expect_eq(count_in(amy, FOLDER_SENT), cases[i].amys, "%s",
			     cases[i].name);
		must(store_queue_list(fx.store, &left, fault));
		cr_expect_eq(left->len, cases[i].queue, "%s", cases[i].name);
	}
	must_be_sound();
}

Test(queue, what_a_recall_goes_without_is_said)
{
	static const enum queue_recipient_state states[] = {QUEUE_RCPT_SENT,
							    QUEUE_RCPT_WAITING};
	int64_t bob = user_make("bob");
	int64_t id = submit(bob, "bob@example.com", 2, 0);
	AUTO(queue_entry) entry = NULL;

	settle(id, states, NULL);
	must(store_queue_get(fx.store, id, &entry, fault));
	close_folder(bob, FOLDER_SENT);
	in_unit(store_queue_recall(fx.store, bob, entry->message, &left_out,
				   fault));
	expect_state(id, "gone");
	cr_expect(g_str_has_prefix(left_out.text, "its copy in Sent Items"),
		  "%s", left_out.text);
	cr_expect_eq(count_in(bob, FOLDER_OUTBOX), 1);
	cr_expect_not(flags_of(bob, entry->message) & MESSAGE_SUBMITTED);
	must_be_sound();
}

/* Neither in the Inbox nor by mail. */
Test(queue, the_record_stands_without_any_report)
{
	static const enum queue_recipient_state states[] = {QUEUE_RCPT_FAILED};
	AUTO(content) report = content_number(77);
	int64_t bob = user_make("bob");
	int64_t id = submit(bob, "bob@example.com", 1, 0);

	close_folder(bob, FOLDER_INBOX);
	in_unit(sql_script(
		fx.store,
		"CREATE TEMP TRIGGER shut BEFORE INSERT ON outgoingqueue"
		" BEGIN SELECT RAISE(ABORT, 'shut'); END",
		fault));
	settle(id, states, report);
	expect_state(id, "gone");
	cr_expect(strstr(left_out.text, "its report in the Inbox") &&
			  strstr(left_out.text, "its report by mail"),
		  "%s", left_out.text);
	must_be_sound();
}

Test(queue, a_represented_store_that_is_gone_has_no_copy)
{
	static const enum queue_recipient_state states[] = {QUEUE_RCPT_SENT};
	int64_t bob = user_make("bob");
	int64_t amy = user_make("amy");
	int64_t id = submit(bob, "bob@example.com", 1, 0);

	in_unit(sql_run(fx.store, fault,
			"UPDATE outgoingqueue SET represented = ?", "i", amy));
	in_unit(store_user_delete(fx.store, "amy", false, fault));
	settle(id, states, NULL);
	expect_state(id, "gone");
	cr_expect_eq(left_out.kind, FAULT_NONE, "%s", left_out.text);
	cr_expect_eq(count_in(bob, FOLDER_SENT), 1);
	must_be_sound();
}

Test(queue, what_waits_stays)
{
	static const enum queue_recipient_state first[] = {QUEUE_RCPT_SENT,
							   QUEUE_RCPT_WAITING};
	static const enum queue_recipient_state second[] = {QUEUE_RCPT_SENT};
	int64_t bob = user_make("bob");
	int64_t id = submit(bob, "bob@example.com", 2, 0);

	settle(id, first, NULL);
	expect_state(id, "waiting sent waiting");
	cr_expect_eq(count_in(bob, FOLDER_OUTBOX), 1);
	settle(id, second, NULL);
	expect_state(id, "gone");
	cr_expect_eq(count_in(bob, FOLDER_SENT), 1);
}

Test(queue, a_report_of_nobodys_message_is_mailed)
{
	static const enum queue_recipient_state states[] = {QUEUE_RCPT_FAILED};
	AUTO(content) report = content_number(77);
	int64_t id = submit(0, "sender@example.org", 1, 0);
	g_autoptr(GPtrArray) entries = NULL;
	const struct queue_entry *entry;

	settle(id, states, report);
	must(store_queue_list(fx.store, &entries, fault));
	cr_assert_eq(entries->len, 1);
	entry = entries->pdata[0];
	cr_expect(entry->is_report);
	cr_expect_str_eq(entry->reverse_path, "");
	cr_expect_str_eq(recipient_at(entry, 0)->address, "sender@example.org");
	/* And no report of a report. */
	settle(entry->id, states, report);
	expect_state(entry->id, "gone");
	must_be_sound();
}

Test(queue, operators)
{
	int64_t bob = user_make("bob");
	int64_t id = submit(bob, "bob@example.com", 1,
			    g_get_real_time() + USEC_PER_SEC * 1000);
	g_autoptr(GPtrArray) held = NULL;
	g_autoptr(GPtrArray) claimed = NULL;
	int64_t due = 0;

	in_unit(store_queue_retry(fx.store, id, fault));
	in_unit(store_queue_hold(fx.store, id, true, fault));
	expect_state(id, "held waiting");
	held = claim(g_get_real_time(), 10);
	cr_expect_eq(held->len, 0, "fresh");
	g_ptr_array_unref(held);
	in_unit(sql_run(fx.store, fault,
			"UPDATE outgoingrecipients SET attempts = 1", ""));
	held = claim(g_get_real_time(), 10);
	cr_expect_eq(held->len, 0, "tried before");
	must(store_queue_next_due(fx.store, &due, fault));
	cr_expect_eq(due, INT64_MAX, "nothing to wake up for");
	in_unit(store_queue_hold(fx.store, id, false, fault));
	claimed = claim(g_get_real_time(), 10);
	cr_expect_eq(claimed->len, 1);
	in_unit_fail(FAULT_STORE_BUSY, store_queue_delete(fx.store, id, fault));
	in_unit(store_queue_unclaim(fx.store, id, fault));
	in_unit(store_queue_delete(fx.store, id, fault));
	expect_state(id, "gone");
	in_unit_fail(FAULT_NOT_FOUND, store_queue_delete(fx.store, id, fault));
	in_unit_fail(FAULT_NOT_FOUND,
		     store_queue_hold(fx.store, id, true, fault));
	cr_expect_eq(count_in(bob, FOLDER_OUTBOX), 1);
	must_be_sound();
}

Test(queue, all_are_due_but_who_is_being_sent)
{
	int64_t bob = user_make("bob");
	int64_t later = g_get_real_time() + USEC_PER_SEC * 1000;
	int64_t sending = submit(bob, "bob@example.com", 1, 0);
	g_autoptr(GPtrArray) claimed = claim(g_get_real_time(), 10);
	g_autoptr(GPtrArray) now_due = NULL;
	int64_t waiting = submit(bob, "bob@example.com", 2, later);
	int64_t held = submit(bob, "bob@example.com", 1, later);
	int64_t done = 0;
	int64_t busy = 0;

	in_unit(store_queue_hold(fx.store, held, true, fault));
	in_unit(store_queue_retry_all(fx.store, &done, &busy, fault));
	cr_expect_eq(done, 2);
	cr_expect_eq(busy, 1);
	expect_state(sending, "sending sending");
	expect_state(held, "held waiting");
	now_due = claim(g_get_real_time(), 10);
	cr_assert_eq(now_due->len, 1);
	cr_expect_eq(((struct queue_entry *)now_due->pdata[0])->id, waiting);
	in_unit(store_queue_hold(fx.store, held, false, fault));
	g_ptr_array_unref(now_due);
	now_due = claim(g_get_real_time(), 10);
	cr_expect_eq(now_due->len, 1, "due once it is released");
}

static bool is_from_carol(const char *reverse_path, bool is_nobodys,
			  void *context)
{
	(void)is_nobodys;
	(void)context;
	return strcmp(reverse_path, "carol@example.com") == 0;
}

static size_t claim_of_carol(struct queue_walk *walk, size_t limit)
{
	g_autoptr(GPtrArray) entries = NULL;
	int64_t now = g_get_real_time();

	in_unit(store_queue_claim(fx.store, now, limit, is_from_carol, NULL,
				  walk, &entries, fault));
	return entries->len;
}

Test(queue, what_is_not_wanted_is_passed_once)
{
	int64_t bob = user_make("bob");
	struct queue_walk walk = {0};
	int64_t early;

	for (int i = 0; i < 5; i++)
		(void)submit(bob, "bob@example.com", 2, 0);
	early = submit(bob, "carol@example.com", 1, 0);
	(void)submit(bob, "bob@example.com", 2, 0);
	(void)submit(bob, "carol@example.com", 2, 0);
	(void)submit(bob, "carol@example.com", 1, 0);
	cr_expect_eq(claim_of_carol(&walk, 1), 1);
	cr_expect_eq(walk.passed, 10, "both recipients of five");
	cr_expect_eq(claim_of_carol(&walk, 1), 1);
	cr_expect_eq(walk.passed, 2, "and what came between");
	in_unit(store_queue_unclaim(fx.store, early, fault));
	cr_expect_eq(claim_of_carol(&walk, 9), 1);
	cr_expect_eq(walk.passed, 0);
	/* What came back is found from the beginning. */
	walk = (struct queue_walk){0};
	cr_expect_eq(claim_of_carol(&walk, 9), 1);
	cr_expect_eq(walk.passed, 12);
	/* What came meanwhile is found, however much was looked through. */
	(void)submit(bob, "carol@example.com", 1, 0);
	cr_expect_eq(claim_of_carol(&walk, 9), 1);
}

Test(queue, deleting_it_from_the_outbox_calls_it_back)
{
	int64_t bob = user_make("bob");
	int64_t id = submit(bob, "bob@example.com", 1, 0);
	AUTO(queue_entry) entry = NULL;

	must(store_queue_get(fx.store, id, &entry, fault));
	in_unit(store_message_delete(fx.store, entry->message, false, fault));
	expect_state(id, "gone");
	must_be_sound();
}

Test(queue, a_sender_who_is_gone_leaves_it_to_be_sent)
{
	static const enum queue_recipient_state states[] = {QUEUE_RCPT_SENT};
	int64_t id = submit(user_make("bob"), "bob@example.com", 1, 0);
	int64_t purged = 0;

	in_unit(store_user_delete(fx.store, "bob", false, fault));
	must(store_purge(fx.store, g_get_real_time(), true, &purged, fault));
	must_be_sound();
	settle(id, states, NULL);
	expect_state(id, "gone");
}

/* ---- leases --------------------------------------------------------------
 */

Test(queue, a_lease_ends_with_its_process)
{
	int64_t id = submit(0, "a@b", 1, 0);
	int64_t due = 0;
	int pipe_fds[2];
	g_autoptr(GPtrArray) living = NULL;
	g_autoptr(GPtrArray) dead = NULL;
	siginfo_t how;
	char byte;
	pid_t pid;

	cr_assert_eq(pipe(pipe_fds), 0);
	pid = fork();
	if (pid == 0) {
		struct store *store;

		must(store_open(fx.path, STORE_WRITE, TIMEOUT_MS, &store,
				fault));
		fx.store = store;
		byte = (char)('0' + claim(g_get_real_time(), 10)->len);
		(void)!write(pipe_fds[1], &byte, 1);
		(void)alarm(60); /* should the test fail */
		pause();
	}
	cr_assert_eq(read(pipe_fds[0], &byte, 1), 1);
	cr_expect_eq(byte, '1');
	living = claim(g_get_real_time(), 10);
	cr_expect_eq(living->len, 0);
	in_unit_fail(FAULT_STORE_BUSY,
		     store_queue_unclaim(fx.store, id, fault));
	must(store_queue_next_due(fx.store, &due, fault));
	cr_expect_eq(due, INT64_MAX);
	(void)kill(pid, SIGKILL);
	/* Dead, but nobody has asked how: a zombie. */
	cr_assert_eq(waitid(P_PID, (id_t)pid, &how, WEXITED | WNOWAIT), 0);
	must(store_queue_next_due(fx.store, &due, fault));
	cr_expect_eq(due, 0);
	dead = claim(g_get_real_time(), 10);
	cr_assert_eq(dead->len, 1);
	(void)waitpid(pid, NULL, 0);
	must_be_sound();
}

Test(queue, owners_are_told_apart)
{
	g_autofree char *self = lease_owner_self();
	g_auto(GStrv) parts = g_strsplit(self, " ", 0);
	g_autofree char *other_start =
		g_strdup_printf("%s %s %s 1", parts[0], parts[1], parts[2]);
	g_autofree char *other_boot =
		g_strdup_printf("x %s %s %s", parts[1], parts[2], parts[3]);
	g_autofree char *other_space = g_strdup_printf(
		"%s pid:[1] %s %s", parts[0], parts[2], parts[3]);

	cr_expect_eq(lease_owner_state(self), LEASE_ALIVE);
	cr_expect_eq(lease_owner_state(other_start), LEASE_GONE);
	cr_expect_eq(lease_owner_state(other_boot), LEASE_GONE);
	cr_expect_eq(lease_owner_state(other_space), LEASE_UNSEEN);
	cr_expect_eq(lease_owner_state("rubbish"), LEASE_UNSEEN);
}

Test(queue, an_owner_nobody_sees_is_held_to_its_heartbeat)
{
	int64_t id = submit(0, "a@b", 1, 0);
	g_autofree char *owner = NULL;
	g_autofree char *self = lease_owner_self();
	g_auto(GStrv) parts = g_strsplit(self, " ", 0);
	g_autoptr(GPtrArray) mine = claim(g_get_real_time(), 1);
	g_autoptr(GPtrArray) early = NULL;
	g_autoptr(GPtrArray) late = NULL;

	cr_assert_eq(mine->len, 1);
	owner = g_strdup_printf("%s pid:[1] 5 5", parts[0]);
	in_unit(sql_run(fx.store, fault,
			"UPDATE outgoingqueue SET lease_owner = ?", "t",
			owner));
	/* However the clock is set. */
	early = claim(g_get_real_time() + 2 * LEASE_LIFETIME_US, 1);
	cr_expect_eq(early->len, 0);
	in_unit(sql_run(fx.store, fault,
			"UPDATE outgoingqueue SET lease_expires = ?", "i",
			lease_clock() - 1));
	late = claim(g_get_real_time(), 1);
	cr_assert_eq(late->len, 1);
	cr_expect_eq(((struct queue_entry *)late->pdata[0])->id, id);
}

Test(queue, who_was_taken_for_dead_records_what_it_knows)
{
	int64_t id = submit(0, "a@b", 2, 0);
	g_autoptr(GPtrArray) mine = claim(g_get_real_time(), 1);
	const struct queue_entry *entry = mine->pdata[0];
	struct queue_result results[] = {
		{recipient_at(entry, 0)->id, QUEUE_RCPT_SENT, "250 ok", "2.0.0",
		 0},
		{recipient_at(entry, 1)->id, QUEUE_RCPT_WAITING, "450 no",
		 "4.0.0", g_get_real_time()},
	};

	/* While the other is at it, it waits. */
	in_unit(sql_run(
		fx.store, fault,
		"UPDATE outgoingqueue SET lease_owner = 'x pid:[1] 5 5'", ""));
	in_unit_fail(FAULT_STORE_BUSY,
		     store_queue_results(fx.store,
					 &(struct queue_results){id, results, 2,
								 NULL, false},
					 &left_out, fault));
	in_unit(sql_run(fx.store, fault,
			"UPDATE outgoingqueue SET lease_owner = NULL,"
			" lease_expires = NULL",
			""));
	in_unit(sql_run(fx.store, fault,
			"UPDATE outgoingrecipients SET state = ? WHERE id = ?",
			"di", (int)QUEUE_RCPT_FAILED, results[1].recipient));
	in_unit(store_queue_results(
		fx.store, &(struct queue_results){id, results, 2, NULL, false},
		&left_out, fault));
	expect_state(id, "gone");
}

Test(queue, a_clock_that_was_set_back_holds_nothing_up)
{
	static const int64_t day = INT64_C(86400) * USEC_PER_SEC;
	static const int64_t retry_max = INT64_C(3600) * USEC_PER_SEC;
	int64_t now = g_get_real_time();
	int64_t fresh = submit(0, "a@b", 1, 0);
	int64_t deferred = submit(0, "a@b", 1, now + day / 2);
	int64_t again = submit(0, "a@b", 1, 0);
	g_autoptr(GPtrArray) due = NULL;
	int64_t next = 0;

	in_unit(sql_run(fx.store, fault,
			"UPDATE outgoingrecipients SET attempts = 1,"
			" next_attempt = next_attempt + 5 WHERE queue = ?",
			"i", again));
	in_unit(store_queue_reclock(fx.store, now - day, retry_max, fault));
	due = claim(now - day, 10);
	cr_assert_eq(due->len, 1);
	cr_expect_eq(((struct queue_entry *)due->pdata[0])->id, fresh);
	must(store_queue_next_due(fx.store, &next, fault));
	cr_expect_eq(next, now - day + retry_max);
	/* What was deferred keeps the time that its sender gave. */
	in_unit(store_queue_reclock(fx.store, now, retry_max, fault));
	in_unit(store_queue_delete(fx.store, again, fault));
	must(store_queue_next_due(fx.store, &next, fault));
	cr_expect_eq(next, now + day / 2);
	expect_state(deferred, "waiting waiting");
	must_be_sound();
}

Test(queue, a_lease_of_another_clock_is_over)
{
	int64_t now = lease_clock();

	cr_expect(!lease_is_over("rubbish", now + LEASE_LIFETIME_US / 2));
	cr_expect(lease_is_over("rubbish", now - 1));
	cr_expect(lease_is_over("rubbish", g_get_real_time()));
}

Test(queue, a_token_is_submitted_once)
{
	AUTO(content) content = content_number(77);
	struct submission_recipient to = {.address = "x@example.net"};
	struct submission submission = {
		.store = user_make("anna"),
		.reverse_path = "anna@example.com",
		.recipients = &to,
		.recipient_count = 1,
		.content = content,
		.token = "one",
	};
	struct store_policy policy = {.duplicate_window_s = 60};
	int64_t first = 0;
	int64_t again = 0;
	int64_t other = 0;
	g_autoptr(GPtrArray) entries = NULL;

	store_set_policy(fx.store, &policy);
	in_unit(store_submit(fx.store, &submission, &first, fault));
	in_unit(store_submit(fx.store, &submission, &again, fault));
	cr_assert_eq(again, first);
	/* Another user's token of the same text is another one. */
	submission.store = user_make("bob");
	in_unit(store_submit(fx.store, &submission, &other, fault));
	cr_assert_neq(other, first);
	must(store_queue_list(fx.store, &entries, fault));
	cr_assert_eq(entries->len, 2);
	must_be_sound();
}
