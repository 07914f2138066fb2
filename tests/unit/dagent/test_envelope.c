/*
 * The stdin door's pure parts: sender, line ends, options, exit codes, what
 * travels to the daemon and comes back.
 */
#include "dagent/handover.h"
#include "dagent/input.h"
#include "dagent/options.h"
#include "dagent/outcome.h"
#include "dagent/spool.h"
#include "dagent/wishes.h"
#include "store/messages.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the envelope sender ---- */

static const struct sender_case {
	const char *name, *option, *sender, *rpline, *head, *expected;
	size_t skip;
} sender_cases[] = {
	{"nothing", NULL, NULL, NULL, "Subject: x\n\n", "", 0},
	{"option", "o@x", "s@x", "r@x", "From f@x y\n", "o@x", 11},
	{"option null", "<>", "s@x", NULL, "", "", 0},
	{"SENDER", NULL, "s@x", "r@x", "Return-Path: <p@x>\n", "s@x", 0},
	{"SENDER empty", NULL, "", "r@x", "From f@x y\n", "", 11},
	{"RPLINE", NULL, NULL, "Return-Path: <q@x>\n", "", "q@x", 0},
	{"Return-Path", NULL, NULL, NULL, "return-path:  <p@x> \r\n", "p@x", 0},
	{"Return-Path null", NULL, NULL, NULL, "Return-Path: <>\n", "", 0},
	{"not the first line", NULL, NULL, NULL, "A: b\nReturn-Path: <p@x>\n",
	 "", 0},
	{"From_", NULL, NULL, NULL, "From f@x Mon Nov 23\nA: b\n", "f@x", 20},
	{"From_ then Return-Path", NULL, NULL, NULL,
	 "From f@x y\nReturn-Path: <p@x>\n", "p@x", 11},
	{"From_ quoted", NULL, NULL, NULL, "From \"a b\"@x Mon\n", "\"a b\"@x",
	 17},
	{"From_ daemon", NULL, NULL, NULL, "From MAILER-DAEMON Mon\n", "", 23},
	{"From_ without line feed", NULL, NULL, NULL, "From f@x", "", 0},
	{"From_ of a Mac", NULL, NULL, NULL, "From f@x y\rA: b\r\rc\n", "", 0},
	{"From_ with CRLF", NULL, NULL, NULL, "From f@x y\r\nA: b\r\n", "f@x",
	 12},
	{"From: is no From_", NULL, NULL, NULL, "From: f@x\n", "", 0},
	{"From : is a field (RFC 5322 4.5.2)", NULL, NULL, NULL,
	 "From \t: f@x\n", "", 0},
	{"forged line end", "a@x\r\nBcc: b", NULL, NULL, "", "", 0},
	{"blank", "a b@x", NULL, NULL, "", "", 0},
	{"bracket", "a>b@x", NULL, NULL, "", "", 0},
};

Test(dagent_input, guess_sender)
{
	for (size_t i = 0; i < G_N_ELEMENTS(sender_cases); i++) {
		const struct sender_case *c = &sender_cases[i];
		struct input_head head;
		g_autofree char *got = NULL;

		input_head_parse(c->head, strlen(c->head), &head);
		got = input_guess_sender(c->option, c->sender, c->rpline,
					 &head);
		cr_expect_str_eq(got, c->expected, "%s: %s", c->name, got);
		cr_expect_eq(head.skip, c->skip, "%s: skip %zu", c->name,
			     head.skip);
		input_head_clear(&head);
	}
}

/* ---- line ends ---- */

static int keep(void *context, const char *octets, size_t len,
		struct fault *fault G_GNUC_UNUSED)
{
	g_string_append_len(context, octets, (gssize)len);
	return 0;
}

/* What comes of it in pieces of step octets. */
static void check_input_in(const char *given, size_t step, const char *expected)
{
	g_autoptr(GString) got = g_string_new(NULL);
	AUTO(input) input = input_new(keep, got);
	struct fault fault = {0};
	size_t len = strlen(given);

	for (size_t at = 0; at < len; at += step)
		cr_assert_eq(input_add(input, given + at, MIN(step, len - at),
				       &fault),
			     0);
	cr_assert_eq(input_end(input, &fault), 0, "%s", fault.text);
	cr_expect_str_eq(got->str, expected, "%s: by %zu: %s", given, step,
			 got->str);
}

static void check_input(const char *given, const char *expected)
{
	for (size_t step = 1; step <= strlen(given); step++)
		check_input_in(given, step, expected);
}

Test(dagent_input, line_ends)
{
	check_input("a\n", "a\r\n");
	check_input("a\r\nb\n", "a\r\nb\r\n");
	check_input("a", "a\r\n");
	check_input("a\r", "a\r\r\n");
	check_input("a\rb\n", "a\rb\r\n");
	check_input("\n\n", "\r\n\r\n");
	check_input("a\r\r\n", "a\r\r\n");
	check_input("From x@y z\nA: b\n", "A: b\r\n");
	check_input("From : x@y\n", "From : x@y\r\n");
}

/* Behind the head pieces are converted as they come. */
Test(dagent_input, line_ends_across_pieces)
{
	static const char text[] = "a\r\nb\nc\r\n\r\rd\n";
	static const char converted[] = "a\r\nb\r\nc\r\n\r\rd\r\n";
	g_autofree char *head = g_strnfill(40000, 'x');
	g_autofree char *given = g_strconcat(head, text, text, NULL);
	g_autofree char *expected =
		g_strconcat(head, converted, converted, NULL);

	for (size_t step = 39990; step < strlen(given); step++)
		check_input_in(given, step, expected);
	for (size_t step = 1; step < 70; step++)
		check_input_in(given, step, expected);
}

Test(dagent_input, nothing_is_no_message)
{
	static const char *const cases[] = {"", "From a@x y\n"};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GString) got = g_string_new(NULL);
		AUTO(input) input = input_new(keep, got);
		struct fault fault = {0};

		cr_assert_eq(
			input_add(input, cases[i], strlen(cases[i]), &fault),
			0);
		cr_expect_eq(input_end(input, &fault), -1);
		cr_expect_eq(fault.kind, FAULT_NOT_A_MESSAGE);
	}
}

Test(dagent_input, of_a_descriptor)
{
	g_autoptr(GString) got = g_string_new(NULL);
	AUTO(input) input = input_new(keep, got);
	AUTO(input) other = input_new(keep, got);
	struct fault fault = {0};
	int fds[2];

	cr_assert_eq(pipe(fds), 0);
	cr_assert_eq(write(fds[1], "From a@x y\nA: b", 15), 15);
	(void)close(fds[1]);
	cr_expect_eq(input_read(input, fds[0], &fault), 0, "%s", fault.text);
	cr_expect_str_eq(got->str, "A: b\r\n");
	cr_expect_str_eq(input_head(input)->from_line, "a@x");
	(void)close(fds[0]);
	cr_expect_eq(input_read(other, fds[0], &fault), -1);
	cr_expect_eq(fault.kind, FAULT_IO);
}

/* ---- the spool ---- */

Test(dagent_spool, memory_then_file)
{
	g_autofree char *chunk = g_malloc(70000);

	for (size_t chunks = 1; chunks < 9; chunks += 6) {
		AUTO(spool) spool = spool_new(0);
		g_autoptr(GBytes) bytes = NULL;
		g_autoptr(GByteArray) expected = g_byte_array_new();
		struct fault fault = {0};

		for (size_t i = 0; i < chunks; i++) {
			memset(chunk, (int)i, 70000);
			g_byte_array_append(expected, (guint8 *)chunk, 70000);
			cr_assert_eq(spool_add(spool, chunk, 70000, &fault), 0);
		}
		cr_assert_eq(spool_finish(spool, &bytes, &fault), 0);
		cr_expect_eq(g_bytes_get_size(bytes), chunks * 70000);
		cr_expect_arr_eq(g_bytes_get_data(bytes, NULL), expected->data,
				 expected->len);
	}
}

Test(dagent_spool, hands_its_file_over)
{
	g_autofree char *chunk = g_strnfill(SPOOL_MEMORY, 'x');
	AUTO(spool) small = spool_new(0);
	AUTO(spool) large = spool_new(0);
	AUTO(spool) elsewhere = spool_new(0);
	AUTOCLOSE int file = -1;
	g_autoptr(GBytes) few = NULL;
	g_autoptr(GBytes) many = NULL;
	struct fault fault = {0};
	struct stat st;

	cr_assert_eq(spool_add(small, chunk, 10, &fault), 0);
	cr_assert_eq(spool_finish(small, &few, &fault), 0);
	cr_expect_eq(spool_take_file(small), -1);
	cr_assert_eq(spool_add(large, chunk, SPOOL_MEMORY, &fault), 0);
	cr_assert_eq(spool_add(large, "y", 1, &fault), 0);
	cr_assert_eq(spool_finish(large, &many, &fault), 0);
	file = spool_take_file(large);
	cr_assert_eq(fstat(file, &st), 0);
	cr_expect_eq((size_t)st.st_size, SPOOL_MEMORY + 1);
	/* No place beside the store: one is found all the same. */
	spool_set_place(elsewhere, store_content_file, "/nonexistent/store.db");
	cr_assert_eq(spool_add(elsewhere, chunk, SPOOL_MEMORY, &fault), 0);
	cr_expect_eq(spool_add(elsewhere, "y", 1, &fault), 0);
}

Test(dagent_spool, limit)
{
	AUTO(spool) spool = spool_new(10);
	struct fault fault = {0};

	cr_expect_eq(spool_add(spool, "0123456789", 10, &fault), 0);
	cr_expect_eq(spool_add(spool, "x", 1, &fault), -1);
	cr_expect_eq(fault.kind, FAULT_TOO_BIG);
}

/* ---- options ---- */

static int parse_line(const char *line, struct options *ret_options,
		      struct fault *fault)
{
	g_auto(GStrv) argv = g_strsplit(line, " ", -1);

	return options_parse((int)g_strv_length(argv), argv, ret_options,
			     fault);
}

Test(dagent_options, refused)
{
	static const struct {
		const char *line;
		bool listen, qmail;
	} cases[] = {
		{"d", false, false},
		{"d --bogus x", false, false},
		{"d -q --bogus x", false, true},
		{"d -jqz x", false, true},
		{"d -l --bogus", true, false},
		{"d --listen x", true, false},
		{"d -l -f x", true, false},
		{"d -lq", true, true},
		{"d -e -R x", false, false},
		{"d -F a -P b x", false, false},
		{"d -j -F a x", false, false},
		{"d -p ab -F x y", false, false},
		{"d -f", false, false},
		{"d -f l --bogus x", false, false},
		{"d -Fl --bogus x", false, false},
		{"d -jFl --bogus x", false, false},
		{"d --folder -l --bogus x", false, false},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct options options;
		struct fault fault = {0};

		cr_expect_eq(parse_line(cases[i].line, &options, &fault), -1,
			     "%s", cases[i].line);
		cr_expect_eq(fault.kind, FAULT_USAGE);
		cr_expect_eq(options.listen, cases[i].listen, "%s",
			     cases[i].line);
		cr_expect_eq(options.qmail, cases[i].qmail, "%s",
			     cases[i].line);
		options_clear(&options);
	}
}

Test(dagent_options, all)
{
	struct options options;
	struct fault fault = {0};

	cr_assert_eq(parse_line("d -cC -oa=b -o c=d -f F -rFin.box -p. -C "
				"-a A -qrnNe --sender S -svv x y",
				&options, &fault),
		     0, "%s", fault.text);
	cr_expect_str_eq(options.config, "C");
	cr_expect_str_eq(options.overrides[1], "c=d");
	cr_expect_str_eq(options.file, "F");
	cr_expect_str_eq(options.sender, "S");
	cr_expect_str_eq(options.recipients[1], "y");
	cr_expect(options.qmail && options.silent && !options.listen);
	cr_expect_eq(options.verbose, 2);
	cr_expect_str_eq(options.wishes.folder, "in.box");
	cr_expect_eq(options.wishes.separator, '.');
	cr_expect_str_eq(options.wishes.autoresponder, "A");
	cr_expect(options.wishes.create && options.wishes.read &&
		  options.wishes.now && options.wishes.no_notify &&
		  options.wishes.strip_domain && !options.wishes.in_public &&
		  !options.wishes.junk && !options.wishes.address_only);
	options_clear(&options);
	cr_assert_eq(parse_line("d -P a -R x", &options, &fault), 0);
	cr_expect(options.wishes.in_public && options.wishes.address_only);
	options_clear(&options);
	cr_assert_eq(parse_line("d -d", &options, &fault), 0);
	cr_expect(options.listen && options.daemonize);
	options_clear(&options);
	cr_assert_eq(parse_line("d -- -l --bogus", &options, &fault), 0);
	cr_expect(!options.listen);
	cr_expect_str_eq(options.recipients[1], "--bogus");
	options_clear(&options);
	cr_assert_eq(parse_line("d -V", &options, &fault), 0);
	cr_expect(options.version);
	options_clear(&options);
}

/* ---- wishes ---- */

Test(dagent_wishes, there_and_back)
{
	struct wishes wishes;
	struct wishes back;
	struct fault fault = {0};
	g_autofree char *text = NULL;
	g_autofree char *again = NULL;

	wishes_init(&wishes);
	text = wishes_format(&wishes);
	cr_expect_str_eq(text, "");
	g_free(text);
	wishes.folder = g_strdup("In&box=50% \xc3\xbc\r\n+");
	wishes.separator = '\\';
	wishes.in_public = wishes.create = wishes.junk = wishes.read = true;
	wishes.now = wishes.no_notify = wishes.strip_domain = true;
	wishes.address_only = wishes.from_stdin = true;
	wishes.autoresponder = g_strdup("/bin/x y");
	wishes.detail = g_strdup("lists");
	wishes.sender = g_strdup("odd sender");
	text = wishes_format(&wishes);
	for (const char *p = text; *p; p++)
		cr_expect(*p > ' ' && *p < 0x7f, "octet %02x", (unsigned)*p);
	cr_assert_eq(wishes_parse(text, &back, &fault), 0, "%s", fault.text);
	again = wishes_format(&back);
	cr_expect_str_eq(again, text);
	cr_expect_str_eq(back.folder, wishes.folder);
	cr_expect_eq(back.separator, '\\');
	cr_expect(back.from_stdin && back.address_only && back.in_public);
	wishes_clear(&back);
	wishes_clear(&wishes);
}

Test(dagent_wishes, refused)
{
	static const char *const cases[] = {
		"bogus=1",    "junk",         "junk=0",       "separator=ab",
		"folder=%zz", "folder=a%00b", "junk=1&bad=1", "=1"};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct wishes wishes;
		struct fault fault = {0};

		cr_expect_eq(wishes_parse(cases[i], &wishes, &fault), -1, "%s",
			     cases[i]);
	}
}

/* ---- outcome ---- */

Test(dagent_outcome, exit_codes)
{
	static const struct {
		enum fault_kind kind;
		int exit, qmail;
	} cases[] = {
		{FAULT_NONE, 0, 0},
		{FAULT_NOT_A_MESSAGE, 65, 100},
		{FAULT_TOO_BIG, 65, 100},
		{FAULT_LOOP, 65, 100},
		{FAULT_NO_RECIPIENT, 67, 100},
		{FAULT_MAILBOX_FULL, 73, 100},
		{FAULT_REJECTED, 77, 100},
		{FAULT_FULL_FOR_NOW, 75, 111},
		{FAULT_CONFIG, 75, 111},
		{FAULT_STORE_BUSY, 75, 111},
		{FAULT_DISK_FULL, 75, 111},
		{FAULT_NOT_YOURS, 75, 111},
		{FAULT_IO, 75, 111},
		{FAULT_INTERNAL, 75, 111},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct fault fault = {.kind = cases[i].kind};
		g_autofree char *line = outcome_line(&fault);

		cr_expect_eq(outcome_exit(&fault, false), cases[i].exit);
		cr_expect_eq(outcome_exit(&fault, true), cases[i].qmail);
		/* MTAs believe the code in the line: it has to agree. */
		if (cases[i].exit)
			cr_expect_eq(line[0] == '4', cases[i].exit == 75);
	}
}

Test(dagent_outcome, temporary_wins)
{
	struct fault faults[] = {{.kind = FAULT_NONE},
				 {.kind = FAULT_NO_RECIPIENT},
				 {.kind = FAULT_REJECTED},
				 {.kind = FAULT_IO}};

	cr_expect_eq(outcome_of_many(faults, 1)->kind, FAULT_NONE);
	cr_expect_eq(outcome_of_many(faults, 3)->kind, FAULT_NO_RECIPIENT);
	cr_expect_eq(outcome_of_many(faults, 4)->kind, FAULT_IO);
}

Test(dagent_outcome, replies)
{
	static const struct {
		int code;
		const char *text;
		enum fault_kind kind;
		const char *expected;
	} cases[] = {
		{250, "2.1.5 OK", FAULT_NONE, ""},
		{550, "5.1.1 <a>: no", FAULT_NO_RECIPIENT, "<a>: no"},
		{552, "5.2.2 full", FAULT_MAILBOX_FULL, "full"},
		{452, "4.2.2 full", FAULT_FULL_FOR_NOW, "full"},
		{550, "5.7.1 no", FAULT_REJECTED, "no"},
		{554, "5.4.6 loop", FAULT_LOOP, "loop"},
		{552, "5.3.4 big", FAULT_TOO_BIG, "big"},
		{451, "4.7.1 no", FAULT_NOT_YOURS, "no"},
		{451, "4.3.0 busy", FAULT_INTERNAL, "busy"},
		{503, "5.5.1 what", FAULT_INTERNAL, "5.5.1 what"},
		{555, "5.5.4 what", FAULT_INTERNAL, "5.5.4 what"},
		{550, "without a code", FAULT_INTERNAL, "without a code"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct fault fault = {0};

		outcome_from_reply(cases[i].code, cases[i].text, &fault);
		cr_expect_eq(fault.kind, cases[i].kind, "%s: %d", cases[i].text,
			     (int)fault.kind);
		cr_expect_str_eq(fault.text, cases[i].expected);
	}
}

/* ---- the hand-over ---- */

Test(dagent_handover, commands)
{
	static char recipient_a[] = "anna";
	static char recipient_b[] = "not a path";
	static char recipient_c[] = "b@\xc3\xbc.test";
	char *const recipients[] = {recipient_a, recipient_b, recipient_c,
				    NULL};
	struct wishes wishes;
	struct fault faults[3] = {{0}};
	g_autoptr(GBytes) message = g_bytes_new_static("A: b\r\n", 6);
	struct handover handover = {.sender = "c@x.test",
				    .recipients = recipients,
				    .message = message,
				    .wishes = &wishes};
	g_autofree char *commands = NULL;

	wishes_init(&wishes);
	wishes.junk = true;
	commands = handover_format(&handover, faults);
	cr_expect_str_eq(commands,
			 "LHLO localhost\r\n"
			 "MAIL FROM:<c@x.test> SIZE=6 BODY=BINARYMIME SMTPUTF8 "
			 "X-OKAPI=junk+3D1&from_stdin+3D1\r\n"
			 "RCPT TO:<anna>\r\nRCPT TO:<b@\xc3\xbc.test>\r\n"
			 "BDAT 6 LAST\r\n");
	cr_expect_eq(faults[1].kind, FAULT_NO_RECIPIENT);
	wishes_clear(&wishes);
}

#define GREETING "220 x\r\n250-x\r\n250 SIZE\r\n250 2.1.0 OK\r\n"

Test(dagent_handover, answers)
{
	static const struct {
		const char *name, *replies;
		enum fault_kind kinds[3];
	} cases[] = {
		{"all well",
		 GREETING "250 OK\r\n250 OK\r\n250 OK\r\n250 2.1.5 a\r\n"
			  "250 2.1.5 b\r\n250 2.1.5 c\r\n221 bye\r\n",
		 {FAULT_NONE, FAULT_NONE, FAULT_NONE}},
		{"one unknown",
		 GREETING "250 OK\r\n550 5.1.1 no\r\n250 OK\r\n250 2.1.5 a\r\n"
			  "552 5.2.2 full\r\n221 bye\r\n",
		 {FAULT_NONE, FAULT_NO_RECIPIENT, FAULT_MAILBOX_FULL}},
		{"none known",
		 GREETING "550 5.1.1 a\r\n550 5.1.1 b\r\n550 5.1.1 c\r\n"
			  "503 5.5.1 No valid recipients\r\n221 bye\r\n",
		 {FAULT_NO_RECIPIENT, FAULT_NO_RECIPIENT, FAULT_NO_RECIPIENT}},
		{"cut off after the data",
		 GREETING "250 OK\r\n250 OK\r\n250 OK\r\n250 2.1.5 a\r\n250 2.",
		 {FAULT_NONE, FAULT_NETWORK, FAULT_NETWORK}},
		{"no room",
		 "421 4.3.2 busy\r\n",
		 {FAULT_SHUTDOWN, FAULT_SHUTDOWN, FAULT_SHUTDOWN}},
		{"nothing", "", {FAULT_NETWORK, FAULT_NETWORK, FAULT_NETWORK}},
		{"too big",
		 "220 x\r\n250 x\r\n552 5.3.4 big\r\n503 5.5.1 x\r\n",
		 {FAULT_TOO_BIG, FAULT_TOO_BIG, FAULT_TOO_BIG}},
		{"nonsense",
		 "hello\r\n\r\n",
		 {FAULT_NETWORK, FAULT_NETWORK, FAULT_NETWORK}},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct fault faults[3] = {{0}};

		handover_judge(cases[i].replies, 3, faults);
		for (size_t k = 0; k < 3; k++)
			cr_expect_eq(faults[k].kind, cases[i].kinds[k],
				     "%s: %zu is %d", cases[i].name, k,
				     (int)faults[k].kind);
	}
}
