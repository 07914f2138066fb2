/*
 * Four times the message, at most ten times the work: CPU seconds of one
 * process, the best of three, so that a loaded machine does not matter.
 */
#include "convert_test.h"

#include <stdio.h>
#include <time.h>

#define GROWTH 4
/* A sanitizer looks for the end of each string it meets. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
# define RATIO_MAX 40.0
#else
# define RATIO_MAX 10.0 /* quadratic is 16 */
#endif
#define SECONDS_ENOUGH 0.003 /* below that the clock says nothing */
#define SIZE_FIRST     24576
#define SIZE_LAST      400000

static const struct {
	const char *name;
	const char *before, *piece, *after; /* "%u" in piece: its number */
} shapes[] = {
	{"parts", "Content-Type: multipart/mixed; boundary=b\r\n\r\n",
	 "--b\r\n\r\nx\r\n", "--b--\r\n"},
	{"content ids without end", "Content-Type: text/html\r\n\r\n<p>",
	 "cid:", "\r\n"},
	{"depth", "",
	 "Content-Type: multipart/mixed; boundary=b%u\r\n\r\n--b%u\r\n", "x"},
	{"messages within messages", "", "Content-Type: message/rfc822\r\n\r\n",
	 "Subject: x\r\n\r\nx"},
	{"header fields", "", "X-N%u: v\r\n", "\r\nx"},
	{"fields of one name", "", "To: a@x\r\n", "\r\nx"},
	{"addresses", "To: a@x", ",\r\n Name <a%u@x>", "\r\n\r\nx"},
	{"groups", "To: a@x", ",\r\n g: a@x;", "\r\n\r\nx"},
	{"comments", "To: ", "(", " a@x\r\n\r\nx"},
	{"quotes", "To: ", "\"a", "\r\n\r\nx"},
	{"angles", "To: ", "<a", "\r\n\r\nx"},
	{"angles in quotes", "To: ", "(\")<\">", "\r\n\r\nx"},
	{"parameters", "Content-Type: text/plain", ";\r\n a%u=b", "\r\n\r\nx"},
	{"RFC 2231 sections", "Content-Disposition: attachment",
	 ";\r\n filename*%u*=%%41", "\r\n\r\nx"},
	{"encoded words", "Subject: ", "=?utf-8?q?a?=\r\n ", "\r\n\r\nx"},
	{"words never closed", "Subject: ", "=?utf-8?q?", "\r\n\r\nx"},
	{"words of two charsets",
	 "Subject: ", "=?utf-8?q?a?= =?iso-8859-1?b?YQ==?=\r\n ", "\r\n\r\nx"},
	{"comments of a date", "Date: ", "(", "1 Jan 2001 00:00 +0000\r\n\r\n"},
	{"keywords", "", "Keywords: a%u\r\n", "\r\nx"},
	{"HTML elements", "Content-Type: text/html\r\n\r\n", "<b>", "x"},
	{"HTML attributes", "Content-Type: text/html\r\n\r\n<p ", "a%u=\"b\" ",
	 ">x"},
	{"HTML never closed", "Content-Type: text/html\r\n\r\n", "<", "x"},
	{"HTML comments", "Content-Type: text/html\r\n\r\n", "<!--", "x"},
	{"HTML references", "Content-Type: text/html\r\n\r\n", "&amp", "x"},
	{"enriched", "Content-Type: text/enriched\r\n\r\n", "<bold>", "x"},
	{"flowed", "Content-Type: text/plain; format=flowed\r\n\r\n",
	 "> x \r\n", "x"},
	{"uuencode", "\r\n", "begin 644 a\r\n", "x"},
	{"calendar",
	 "Content-Type: text/calendar; method=REQUEST\r\n\r\n"
	 "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:u\r\n",
	 "ATTENDEE:mailto:a%u@x\r\n", "END:VEVENT\r\nEND:VCALENDAR\r\n"},
	{"folded calendar",
	 "Content-Type: text/calendar; method=REQUEST\r\n\r\n"
	 "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:u",
	 "\r\n a", "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"},
	{"events",
	 "Content-Type: text/calendar; method=REQUEST\r\n\r\n"
	 "BEGIN:VCALENDAR\r\n",
	 "BEGIN:VEVENT\r\nUID:u\r\nRECURRENCE-ID:20090213\r\nEND:VEVENT\r\n",
	 "END:VCALENDAR\r\n"},
	{"reports",
	 "Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n"
	 "Content-Type: message/delivery-status\r\n\r\n",
	 "\r\nFinal-Recipient: rfc822; a%u@x\r\nAction: failed\r\n",
	 "\r\n--b--\r\n"},
};

static GString *shaped(size_t shape, size_t size)
{
	GString *message = g_string_new(shapes[shape].before);

	for (unsigned i = 0; message->len < size; i++)
		for (const char *c = shapes[shape].piece; *c; c++) {
			if (*c == '%' && c[1] == 'u')
				g_string_append_printf(message, "%u", i);
			else
				g_string_append_c(message, *c);
			if (*c == '%')
				c++;
		}
	g_string_append(message, shapes[shape].after);
	return message;
}

static double seconds(size_t shape, size_t size)
{
	GString *message = shaped(shape, size);
	double best = 1e9;

	for (int i = 0; i < 3; i++) {
		clock_t start = clock();

		propset_free(convert_len(message->str, message->len, NULL));
		best = MIN(best, (double)(clock() - start) / CLOCKS_PER_SEC);
		if (best > 0.2)
			break;
	}
	g_string_free(message, TRUE);
	return best;
}

/* From a size on that takes long enough to be measured. */
static void expect_linear(size_t shape)
{
	size_t size = SIZE_FIRST;
	double once = seconds(shape, size);
	double more = 0;

	while (once < SECONDS_ENOUGH && size < SIZE_LAST) {
		size *= 2;
		once = seconds(shape, size);
	}
	more = seconds(shape, size * GROWTH);
	cr_expect(more < MAX(once, SECONDS_ENOUGH) * RATIO_MAX,
		  "%s: %zu octets %.4f s, %d times as many %.4f s",
		  shapes[shape].name, size, once, GROWTH, more);
	if (g_getenv("LINEAR_SHOW"))
		fprintf(stderr, "%-26s %8zu %.4f %.4f %.1f\n",
			shapes[shape].name, size, once, more, more / once);
}

Test(linear, shapes, .timeout = 120)
{
	propset_free(convert("Content-Type: text/html\r\n\r\n<p>"));
	for (size_t i = 0; i < G_N_ELEMENTS(shapes); i++)
		expect_linear(i);
}
