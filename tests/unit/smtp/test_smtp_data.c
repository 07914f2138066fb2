/*
 * The octets of a message: where it ends, what is kept, chunks, ceilings, and
 * that no cut between two reads makes a difference.
 */
#include "recorder.h"

#include <stdio.h>

#define ENVELOPE                                                               \
 "LHLO c\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nRCPT TO:<later@x>\r\n"
#define OK "250 250/2.1.0 250/2.1.5 250/2.1.5 "

/* What a session said and was told, after input was fed cut into pieces. */
struct outcome {
	char *output;
	char *log;
	GString *message;
	enum smtp_next next;
};

static void outcome_clear(struct outcome *outcome)
{
	g_free(outcome->output);
	g_free(outcome->log);
	g_string_free(outcome->message, TRUE);
}

/* Feeds input in one piece up to cut, the rest in pieces of step (0: one). */
static struct outcome play(const struct smtp_options *options,
			   const char *input, size_t len, size_t cut,
			   size_t step)
{
	struct recorder recorder;
	struct smtp_server *server;
	struct outcome outcome = {0};

	recorder_init(&recorder);
	server = smtp_server_new(options, &recorder_handler, &recorder);
	outcome.next = smtp_server_feed(server, input, cut);
	while (cut < len) {
		size_t n = step ? MIN(step, len - cut) : len - cut;
		/* A copy of its own, so that ASan sees what reads too far. */
		g_autofree char *piece = g_memdup2(input + cut, n);

		outcome.next = smtp_server_feed(server, piece, n);
		cut += n;
	}
	outcome.output = g_strdup(smtp_server_output(server)->str);
	smtp_server_free(server);
	outcome.log = g_strdup(recorder.log->str);
	outcome.message = g_string_new_len(recorder.last_message->str,
					   (gssize)recorder.last_message->len);
	recorder_clear(&recorder);
	return outcome;
}

static void expect_same(const struct outcome *a, const struct outcome *b,
			const char *name, size_t cut)
{
	cr_expect_str_eq(a->output, b->output, "%s, cut %zu: \"%s\"", name, cut,
			 b->output);
	cr_expect_str_eq(a->log, b->log, "%s, cut %zu: \"%s\"", name, cut,
			 b->log);
	cr_expect(g_string_equal(a->message, b->message), "%s, cut %zu", name,
		  cut);
	cr_expect_eq(a->next, b->next, "%s, cut %zu", name, cut);
}

struct data_case {
	const char *name;
	const char *data; /* after DATA, without the end */
	size_t data_len;
	const char *message; /* NULL: as data */
	size_t message_len;
};

#define DATA(name, data)                                                       \
 {                                                                             \
  name, data, sizeof(data) - 1, NULL, 0                                        \
 }
#define DATA_AS(name, data, message)                                           \
 {                                                                             \
  name, data, sizeof(data) - 1, message, sizeof(message) - 1                   \
 }

/* Whatever is no CRLF.CRLF is data; smuggled commands in it are not run. */
static const struct data_case data_cases[] = {
	DATA("plain", "Subject: x\r\n\r\nhi\r\n"),
	DATA("empty", ""),
	DATA_AS("a dot is taken off", "..\r\n.x\r\n...\r\n",
		".\r\nx\r\n..\r\n"),
	DATA("dots inside", "a.\r\nb.c\r\n"),
	DATA("LF.LF (CVE-2023-51764)", "x\n.\nMAIL FROM:<evil@x>\r\n"),
	DATA("LF.CRLF", "x\n.\r\nMAIL FROM:<evil@x>\r\n"),
	DATA("LF.CR", "x\n.\rMAIL FROM:<evil@x>\r\n"),
	DATA_AS("CRLF.LF", "x\r\n.\nRSET\r\n", "x\r\n\nRSET\r\n"),
	DATA_AS("CRLF.CR", "x\r\n.\rRSET\r\n", "x\r\n\rRSET\r\n"),
	DATA_AS("CRLF.CRCRLF", "x\r\n.\r\r\nRSET\r\n", "x\r\n\r\r\nRSET\r\n"),
	DATA("CR.CR", "x\r.\rRSET\r\n"),
	DATA("CR.CRLF", "x\r.\r\nRSET\r\n"),
	DATA("CR.LF", "x\r.\nRSET\r\n"),
	DATA("CRCRLF.CR LF", "x\r\r\nRSET\r\n"),
	DATA("NUL.CRLF", "x\0.\r\nRSET\r\n"),
	DATA_AS("CRLF NUL.CRLF", "x\r\n\0.\r\nRSET\r\n",
		"x\r\n\0.\r\nRSET\r\n"),
	DATA_AS("CRLF.NUL CRLF", "x\r\n.\0\r\nRSET\r\n", "x\r\n\0\r\nRSET\r\n"),
	DATA("CRLF blank . CRLF", "x\r\n .\r\nRSET\r\n"),
	DATA_AS("CRLF. blank CRLF", "x\r\n. \r\nRSET\r\n",
		"x\r\n \r\nRSET\r\n"),
	DATA("NUL, bare CR and bare LF stay", "a\0b\rc\nd\r\r\ne\n\n\r\n"),
	DATA("8-bit octets stay", "\xff\xfe\x80\xc3\r\n"),
	DATA_AS("dot, CR, dot", ".\r.\r\n", "\r.\r\n"),
};

Test(smtp_data, the_end_is_crlf_dot_crlf)
{
	for (size_t i = 0; i < G_N_ELEMENTS(data_cases); i++) {
		const struct data_case *c = &data_cases[i];
		const char *want = c->message ? c->message : c->data;
		size_t want_len = c->message ? c->message_len : c->data_len;
		g_autoptr(GString) input = g_string_new(ENVELOPE "DATA\r\n");
		struct outcome whole;
		g_autofree char *codes = NULL;

		g_string_append_len(input, c->data, (gssize)c->data_len);
		g_string_append(input, ".\r\nNOOP\r\n");
		whole = play(&recorder_lmtp, input->str, input->len, 0, 0);
		cr_expect_eq(whole.message->len, want_len, "%s: %zu octets",
			     c->name, whole.message->len);
		cr_expect_eq(memcmp(whole.message->str, want, want_len), 0,
			     "%s", c->name);
		codes = recorder_codes(whole.output);
		cr_expect_str_eq(codes, OK "354 250/2.1.5 451/4.3.0 250/2.0.0",
				 "%s: %s", c->name, codes);
		for (size_t cut = 1; cut < input->len; cut++) {
			struct outcome split = play(&recorder_lmtp, input->str,
						    input->len, cut, 0);

			expect_same(&whole, &split, c->name, cut);
			outcome_clear(&split);
		}
		struct outcome octets =
			play(&recorder_lmtp, input->str, input->len, 0, 1);

		expect_same(&whole, &octets, c->name, 0);
		outcome_clear(&octets);
		outcome_clear(&whole);
	}
}

/* Everything the engine has, pipelined, cut at every place. */
Test(smtp_data, no_cut_makes_a_difference)
{
	static const char *const cases[] = {
		ENVELOPE "BDAT 5\r\nab.\r\nBDAT 0\r\nBDAT 3 LAST\r\n.\r\n"
			 "MAIL FROM:<b@x>\r\nRCPT TO:<unknown@x>\r\nDATA\r\n"
			 "RSET\r\nBOGUS\r\nBDAT 7\r\n1234567NOOP\r\nQUIT\r\nx",
		"a\nb\rc\r\n\r\nLHLO c\r\nMAIL FROM:<a@x> SIZE=5000\r\n"
		"RCPT TO:<b@x>\r\nBDAT 3 LAST\r\nabcMAIL FROM:<nodata@x>\r\n"
		"RCPT TO:<b@x>\r\nDATA\r\n.a\r\n..\r\n.\r\nSTARTTLS\r\nNOOP\r\n",
		"EHLO c\r\nAUTH LOGIN\r\nam9l\r\nc2VjcmV0\r\nAUTH PLAIN\r\n*\r\n"
		"MAIL FROM:<a@x>\r\nRCPT TO:<@r:b@x>\r\nDATA\r\n\r\n.\r\n",
	};
	static const struct smtp_options *const options[] = {
		&recorder_lmtp, &recorder_lmtp, &recorder_esmtp};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		size_t len = strlen(cases[i]);
		struct outcome whole = play(options[i], cases[i], len, 0, 0);

		for (size_t cut = 0; cut < len; cut++) {
			struct outcome one =
				play(options[i], cases[i], len, cut, 0);
			struct outcome octets =
				play(options[i], cases[i], len, cut, 1);

			expect_same(&whole, &one, cases[i], cut);
			expect_same(&whole, &octets, cases[i], cut);
			outcome_clear(&one);
			outcome_clear(&octets);
		}
		outcome_clear(&whole);
	}
}

Test(smtp_data, chunks)
{
	static const struct {
		const char *name, *input, *codes, *message;
	} cases[] = {
		{"one chunk", ENVELOPE "BDAT 4 LAST\r\n.\r\nxNOOP\r\n",
		 OK "250/2.1.5 451/4.3.0 250/2.0.0", ".\r\nx"},
		{"three",
		 ENVELOPE "BDAT 2\r\nabBDAT 2\r\r\ncd"
			  "BDAT 1\r\ncBDAT 1 last\r\nd",
		 /* the second is a bare CR in a command: its octets are no
		  * chunk, the line "cdBDAT 1" no command */
		 OK "250/2.0.0 500/5.5.2 500/5.5.2 500/5.5.2", ""},
		{"the last one empty",
		 ENVELOPE "BDAT 2\r\nabBDAT 0 LAST\r\nNOOP\r\n",
		 OK "250/2.0.0 250/2.1.5 451/4.3.0 250/2.0.0", "ab"},
		{"nothing at all", ENVELOPE "BDAT 0 LAST\r\n",
		 OK "250/2.1.5 451/4.3.0", ""},
		{"before MAIL: octets are consumed",
		 "LHLO c\r\nBDAT 6\r\nRSET\r\nNOOP\r\n",
		 "250 503/5.5.1 250/2.0.0", ""},
		{"before LHLO", "BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n",
		 "503/5.5.1 250/2.0.0", ""},
		{"without a valid recipient",
		 "LHLO c\r\nMAIL FROM:<a@x>\r\nRCPT TO:<unknown@x>\r\n"
		 "BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n",
		 "250 250/2.1.0 550/5.1.1 503/5.5.1 250/2.0.0", ""},
		{"DATA, MAIL and RCPT after BDAT",
		 ENVELOPE "BDAT 1\r\naDATA\r\nMAIL FROM:<a@x>\r\n"
			  "RCPT TO:<c@x>\r\nBDAT 1 LAST\r\nb",
		 OK "250/2.0.0 503/5.5.1 503/5.5.1 503/5.5.1 250/2.1.5 "
		    "451/4.3.0",
		 "ab"},
		{"RSET after BDAT",
		 ENVELOPE "BDAT 1\r\naRSET\r\nBDAT 1 LAST\r\nb",
		 OK "250/2.0.0 250/2.0.0 503/5.5.1", ""},
		{"data_begin refuses: told with each chunk",
		 "LHLO c\r\nMAIL FROM:<nobegin@x>\r\nRCPT TO:<b@x>\r\n"
		 "BDAT 6\r\nQUIT\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n",
		 "250 250/2.1.0 250/2.1.5 451/4.3.0 451/4.3.0 250/2.0.0", ""},
		{"the handler fails: the rest is consumed",
		 "LHLO c\r\nMAIL FROM:<nodata@x>\r\nRCPT TO:<b@x>\r\n"
		 "BDAT 6\r\nQUIT\r\nBDAT 6\r\nQUIT\r\nBDAT 0 LAST\r\nNOOP\r\n",
		 "250 250/2.1.0 250/2.1.5 452/4.3.1 452/4.3.1 452/4.3.1 "
		 "250/2.0.0",
		 ""},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct outcome outcome = play(&recorder_lmtp, cases[i].input,
					      strlen(cases[i].input), 0, 0);
		g_autofree char *codes = recorder_codes(outcome.output);

		cr_expect_str_eq(codes, cases[i].codes, "%s: %s", cases[i].name,
				 codes);
		cr_expect_str_eq(outcome.message->str, cases[i].message, "%s",
				 cases[i].name);
		outcome_clear(&outcome);
	}
}

/* How many octets follow is not known: what comes is not taken for commands
 * (CVE-2017-16943). */
Test(smtp_data, lengths_that_are_none)
{
	static const char *const cases[] = {"-1",
					    "x",
					    "1x LAST",
					    "0x10",
					    "1 FIRST",
					    "1 LAST x",
					    "99999999999999999999",
					    "9223372036854775807",
					    "18446744073709551615 LAST"};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *input = g_strdup_printf(
			ENVELOPE "BDAT %s\r\nRSET\r\nQUIT\r\n", cases[i]);
		struct recorder recorder;
		struct smtp_server *server;

		recorder_init(&recorder);
		server = smtp_server_new(&recorder_lmtp, &recorder_handler,
					 &recorder);
		cr_expect_eq(smtp_server_feed(server, input, strlen(input)),
			     SMTP_NEXT_CLOSE, "%s", cases[i]);
		cr_expect(g_str_has_suffix(smtp_server_output(server)->str,
					   "\r\n501 5.5.4 Syntax: BDAT length "
					   "[LAST]\r\n") ||
				  strstr(smtp_server_output(server)->str,
					 "too large"),
			  "%s: %s", cases[i], smtp_server_output(server)->str);
		smtp_server_free(server);
		recorder_clear(&recorder);
	}
}

/* A message that is too large is read to its end, for DATA and for BDAT, and
 * answered for each recipient. */
Test(smtp_data, too_large)
{
	static const struct {
		const char *name;
		size_t octets;
		bool bdat;
		const char *codes;
	} cases[] = {
		{"DATA, as large as may be", 1000, false,
		 OK "354 250/2.1.5 451/4.3.0 250/2.0.0"},
		{"DATA, one too many", 1001, false,
		 OK "354 552/5.3.4 552/5.3.4 250/2.0.0"},
		{"DATA, a lot", 1000000, false,
		 OK "354 552/5.3.4 552/5.3.4 250/2.0.0"},
		{"BDAT, as large as may be", 1000, true,
		 OK "250/2.0.0 250/2.1.5 451/4.3.0 250/2.0.0"},
		{"BDAT, one too many", 1001, true,
		 OK "552/5.3.4 552/5.3.4 552/5.3.4 250/2.0.0"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GString) input = g_string_new(ENVELOPE);
		struct outcome outcome;
		g_autofree char *codes = NULL;

		if (cases[i].bdat)
			g_string_append_printf(input, "BDAT %zu\r\n",
					       cases[i].octets);
		else
			g_string_append(input, "DATA\r\n");
		for (size_t n = 0; n < cases[i].octets - 2; n++)
			g_string_append_c(input, 'x');
		g_string_append(input, cases[i].bdat
					       ? "\r\nBDAT 0 LAST\r\nNOOP\r\n"
					       : "\r\n.\r\nNOOP\r\n");
		outcome = play(&recorder_lmtp, input->str, input->len, 0, 4096);
		codes = recorder_codes(outcome.output);
		cr_expect_str_eq(codes, cases[i].codes, "%s: %s", cases[i].name,
				 codes);
		outcome_clear(&outcome);
	}
}

/* A claimed length costs nothing: the session would be killed here if it were
 * allocated. */
Test(smtp_data, a_claim_is_not_allocated)
{
	static const char input[] =
		ENVELOPE "BDAT 9000000000000000000 LAST\r\nabc";
	struct recorder recorder;
	struct smtp_server *server;

	recorder_init(&recorder);
	server = smtp_server_new(&recorder_lmtp, &recorder_handler, &recorder);
	cr_expect_eq(smtp_server_feed(server, input, sizeof(input) - 1),
		     SMTP_NEXT_READ);
	cr_expect_str_eq(recorder.message->str, "abc");
	cr_expect_not(smtp_server_is_idle(server));
	smtp_server_free(server);
	recorder_clear(&recorder);
}

static int speed_data(void *context, const char *octets G_GNUC_UNUSED,
		      size_t len, struct fault *fault G_GNUC_UNUSED)
{
	*(size_t *)context += len;
	return 0;
}

static int speed_mail(void *context G_GNUC_UNUSED,
		      const struct smtp_mail *mail G_GNUC_UNUSED,
		      struct fault *fault G_GNUC_UNUSED)
{
	return 0;
}

static int speed_rcpt(void *context G_GNUC_UNUSED,
		      const struct smtp_rcpt *rcpt G_GNUC_UNUSED,
		      struct fault *fault G_GNUC_UNUSED)
{
	return 0;
}

static void speed_finish(void *context G_GNUC_UNUSED, struct fault *replies,
			 size_t count)
{
	for (size_t i = 0; i < count; i++)
		fault_clear(&replies[i]);
}

/* Prints how fast data goes through. */
Test(smtp_data, goes_through_fast)
{
	static const struct smtp_handler handler = {.mail = speed_mail,
						    .rcpt = speed_rcpt,
						    .data = speed_data,
						    .finish = speed_finish};
	struct smtp_options options = recorder_lmtp;
	g_autoptr(GString) block = g_string_new(NULL);
	struct smtp_server *server;
	size_t octets = 0;
	int64_t begin;
	double seconds;

	options.size_limit = 0;
	while (block->len < 65536)
		g_string_append(block,
				"a line as mail has them, of seventy-six "
				"octets, followed by CR and by LF....\r\n");
	server = smtp_server_new(&options, &handler, &octets);
	(void)smtp_server_feed(server, ENVELOPE "DATA\r\n",
			       sizeof(ENVELOPE "DATA\r\n") - 1);
	begin = g_get_monotonic_time();
	for (int i = 0; i < 2000; i++)
		(void)smtp_server_feed(server, block->str, block->len);
	seconds = (double)(g_get_monotonic_time() - begin) / 1e6;
	(void)smtp_server_feed(server, ".\r\n", 3);
	smtp_server_free(server);
	printf("smtp data: %.2f GB/s\n", (double)octets / seconds / 1e9);
	cr_expect_eq(octets, block->len * 2000);
}
