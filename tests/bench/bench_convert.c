/*
 * What conversion costs beside plain GMime, by size of message: GMime parses,
 * decodes every field and part, text to UTF-8; we make the whole property set
 * (CONVERT_ALL), the set a delivery without rules asks for, and both again
 * through a helper process.  All ways take turns on the same messages, each of
 * which has bytes of its own; the figure is the median of the turns.
 *
 * Memory is the peak (VmHWM) of a process that does nothing else, and of the
 * helper it started.  Usage: bench_convert [TURNS]
 */
#include "convert/convert.h"
#include "convert/helper.h"

#include <gmime/gmime.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#define TIMEOUT_MS 60000
#define TURN_BYTES (UINT64_C(40) << 20) /* of messages, a turn */
#define TURN_MIN   2
#define TURN_MAX   400

static const struct bench_size {
	const char *name;
	size_t bytes;
} sizes[] = {
	{"2 KB", 2 << 10}, {"10 KB", 10 << 10}, {"100 KB", 100 << 10},
	{"5 MB", 5 << 20}, {"50 MB", 50 << 20},
};

enum bench_way {
	WAY_GMIME,
	WAY_WHOLE,
	WAY_DELIVERY,
	WAY_HELPER,
	WAY_HELPER_DELIVERY,
	WAYS
};

static const char *const way_names[] = {"GMime", "whole", "delivery",
					"whole, helper", "delivery, helper"};

/* What dagent/mail.c asks for with rules, and without. */
static const struct convert_options whole = {.flags = CONVERT_ALL,
					     .default_charset = "windows-1252"};
static const struct convert_options delivery = {
	.flags = CONVERT_HEADERS | CONVERT_SKETCH,
	.default_charset = "windows-1252"};

static volatile size_t sink; /* so that no work is left out */

static double clock_us(clockid_t clock)
{
	struct timespec t;

	(void)clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* The number of the helper, the only child of this process; 0: none yet. */
static pid_t child(void)
{
	g_autofree char *children = NULL;

	if (!g_file_get_contents("/proc/thread-self/children", &children, NULL,
				 NULL))
		return 0;
	return (pid_t)atoi(children);
}

/* Processor time of this process and its helper. */
static double cpu_us(void)
{
	clockid_t helper = 0;
	pid_t pid = child();
	double us = clock_us(CLOCK_PROCESS_CPUTIME_ID);

	if (pid && clock_getcpuclockid(pid, &helper) == 0)
		us += clock_us(helper);
	return us;
}

/* ---- messages -------------------------------------------------------------
 */

static const char *const words[] = {
	"quarterly",   "figures",     "for",           "the",
	"network",     "invoice",     "meeting",       "project",
	"attached",    "please",      "regards",       "support",
	"caf\303\251", "\303\274ber", "Z\303\274rich", "schedule"};

static void put_sentences(GString *out, GRand *random, size_t len)
{
	size_t end = out->len + len;

	while (out->len < end)
		g_string_append_printf(
			out, "%s ",
			words[g_rand_int_range(random, 0,
					       G_N_ELEMENTS(words))]);
}

/* Text of about len octets in quoted-printable. */
static void put_text(GString *out, GRand *random, size_t len, bool html)
{
	g_autoptr(GString) text = g_string_new(html ? "<html><body>" : "");
	size_t column = 0;

	put_sentences(text, random, len * 7 / 8);
	if (html)
		g_string_append(text, "</body></html>");
	for (const char *c = text->str; *c; c++) {
		if (column > 70 && *c != ' ') {
			g_string_append(out, html ? "=\r\n" : "\r\n");
			column = 0;
		}
		if ((unsigned char)*c >= 0x80 || *c == '=') {
			g_string_append_printf(out, "=%02X", (unsigned char)*c);
			column += 3;
		} else {
			g_string_append_c(out, *c);
			column++;
		}
	}
	g_string_append(out, "\r\n");
}

static void put_header(GString *out, GRand *random)
{
	g_string_append_printf(
		out,
		"Return-Path: <anna@example.org>\r\n"
		"Received: from mx.example.org (mx.example.org [192.0.2.10])\r\n"
		"\tby mail.example.net with ESMTPS id %08x\r\n"
		"\tfor <bob@example.net>; Mon, 23 Nov 2026 06:00:02 +0100\r\n"
		"Received: from a.example.org (a.example.org [192.0.2.11])\r\n"
		"\tby mx.example.org with ESMTPSA id %08x;\r\n"
		"\tMon, 23 Nov 2026 06:00:01 +0100\r\n"
		"DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=s1;\r\n"
		"\th=from:to:subject:date:message-id;\r\n"
		"\tbh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;\r\n"
		"\tb=%08x%08x%08x%08x%08x%08x%08x%08x\r\n"
		"From: =?UTF-8?Q?Anna_M=C3=BCller?= <anna@example.org>\r\n"
		"To: \"Example, Bob\" <bob@example.net>, eve@example.net\r\n"
		"Cc: carol@example.com\r\n"
		"Subject: =?UTF-8?B?UXVhcnRlcmx5IGZpZ3VyZXMg4oCTIFrDvHJpY2g=?=\r\n"
		"Date: Mon, 23 Nov 2026 06:00:00 +0100\r\n"
		"Message-ID: <%08x%08x@example.org>\r\n"
		"References: <a1@example.org> <a2@example.org>\r\n"
		"\t<a3@example.org>\r\n"
		"In-Reply-To: <a3@example.org>\r\n"
		"X-Mailer: bench\r\nX-Priority: 3\r\nImportance: Normal\r\n"
		"MIME-Version: 1.0\r\n",
		g_rand_int(random), g_rand_int(random), g_rand_int(random),
		g_rand_int(random), g_rand_int(random), g_rand_int(random),
		g_rand_int(random), g_rand_int(random), g_rand_int(random),
		g_rand_int(random), g_rand_int(random), g_rand_int(random));
}

static void put_alternative(GString *out, GRand *random, size_t plain,
			    size_t html)
{
	g_string_append(
		out,
		"Content-Type: multipart/alternative; boundary=\"=_alt\"\r\n\r\n"
		"--=_alt\r\nContent-Type: text/plain; charset=utf-8\r\n"
		"Content-Transfer-Encoding: quoted-printable\r\n\r\n");
	put_text(out, random, plain, false);
	g_string_append(out,
			"--=_alt\r\nContent-Type: text/html; charset=utf-8\r\n"
			"Content-Transfer-Encoding: quoted-printable\r\n\r\n");
	put_text(out, random, html, true);
	g_string_append(out, "--=_alt--\r\n");
}

static void put_base64(GString *out, GRand *random, size_t len)
{
	guint32 line[15];

	for (size_t end = out->len + len; out->len < end;) {
		g_autofree char *text = NULL;

		for (size_t i = 0; i < G_N_ELEMENTS(line); i++)
			line[i] = g_rand_int(random);
		text = g_base64_encode((const guchar *)line, 57);
		g_string_append(out, text);
		g_string_append(out, "\r\n");
	}
}

/* Plain text, an alternative of text and HTML, or that with a file attached:
 * what messages of that size are. */
static GBytes *message_new(size_t bytes, guint32 seed)
{
	GRand *random = g_rand_new_with_seed(seed);
	GString *out = g_string_sized_new(bytes + 1024);

	put_header(out, random);
	if (bytes <= 2 << 10) {
		g_string_append(
			out,
			"Content-Type: text/plain; charset=utf-8\r\n"
			"Content-Transfer-Encoding: quoted-printable\r\n\r\n");
		put_text(out, random, bytes - out->len, false);
	} else if (bytes <= 10 << 10) {
		put_alternative(out, random, (bytes - out->len) * 2 / 5,
				(bytes - out->len) * 11 / 20);
	} else {
		g_string_append(
			out,
			"Content-Type: multipart/mixed; boundary=\"=_mix\"\r\n\r\n"
			"--=_mix\r\n");
		put_alternative(out, random, 900, 1200);
		g_string_append(
			out,
			"--=_mix\r\nContent-Type: application/pdf; name=\"r.pdf\"\r\n"
			"Content-Disposition: attachment; filename=\"r.pdf\"\r\n"
			"Content-Transfer-Encoding: base64\r\n\r\n");
		put_base64(out, random, bytes - out->len);
		g_string_append(out, "--=_mix--\r\n");
	}
	g_rand_free(random);
	return g_string_free_to_bytes(out);
}

/* A message that is one body, plain text or HTML. */
static GBytes *body_message_new(size_t bytes, bool html)
{
	GRand *random = g_rand_new_with_seed(1);
	GString *out = g_string_sized_new(bytes + 1024);

	put_header(out, random);
	g_string_append_printf(out,
			       "Content-Type: text/%s; charset=utf-8\r\n\r\n",
			       html ? "html" : "plain");
	while (out->len < bytes)
		g_string_append(out, html ? "<p>The same line again.</p>\r\n"
					  : "The same line again.\r\n");
	g_rand_free(random);
	return g_string_free_to_bytes(out);
}

/* One helper, of the build that make tells of. */
static struct helper_pool *pool_new(void)
{
	const char *build = g_getenv("OKAPI_BUILD");
	g_autofree char *path = g_build_filename(build ? build : "build",
						 "okapi-convert", NULL);

	return helper_pool_new_at(path, 1, TIMEOUT_MS);
}

/* ---- ways -----------------------------------------------------------------
 */

/* NOLINTNEXTLINE(readability-non-const-parameter): GMime's type */
static void gmime_part(GMimeObject *parent, GMimeObject *part, gpointer data)
{
	GMimeDataWrapper *content = NULL;
	GMimeStream *stream = NULL;

	(void)parent;
	(void)data;
	if (GMIME_IS_TEXT_PART(part)) {
		g_autofree char *text =
			g_mime_text_part_get_text(GMIME_TEXT_PART(part));

		sink += text ? strlen(text) : 0;
		return;
	}
	if (!GMIME_IS_PART(part))
		return;
	content = g_mime_part_get_content(GMIME_PART(part));
	if (!content)
		return;
	stream = g_mime_stream_mem_new();
	g_mime_data_wrapper_write_to_stream(content, stream);
	sink += (size_t)g_mime_stream_length(stream);
	g_object_unref(stream);
}

static void by_gmime(const char *data, size_t len)
{
	GMimeStream *stream = g_mime_stream_mem_new_with_buffer(data, len);
	GMimeParser *parser = g_mime_parser_new_with_stream(stream);
	GMimeMessage *message = g_mime_parser_construct_message(parser, NULL);
	GMimeHeaderList *list =
		g_mime_object_get_header_list(GMIME_OBJECT(message));

	for (int i = 0; i < g_mime_header_list_get_count(list); i++) {
		const char *value = g_mime_header_get_value(
			g_mime_header_list_get_header_at(list, i));

		sink += value ? strlen(value) : 0;
	}
	g_mime_message_foreach(message, gmime_part, NULL);
	g_object_unref(message);
	g_object_unref(parser);
	g_object_unref(stream);
}

static void in_process(GBytes *message, const struct convert_options *options)
{
	gsize len = 0;
	const void *data = g_bytes_get_data(message, &len);
	AUTO(propset) set = convert_to_propset(data, len, options, NULL);

	sink += propset_count(set);
}

/* file: as the daemon has it for large messages, else -1. */
static void by_helper(struct helper_pool *pool, GBytes *message, int file,
		      const struct convert_options *options)
{
	struct fault fault = {0};
	AUTO(propset) set = NULL;

	if (helper_to_propset(pool, message, file, options, &set, &fault)) {
		(void)fprintf(stderr, "bench_convert: %s\n", fault.text);
		exit(1);
	}
	sink += propset_count(set);
}

static void one(enum bench_way way, struct helper_pool *pool, GBytes *message,
		int file)
{
	gsize len = 0;
	const char *data = g_bytes_get_data(message, &len);

	switch (way) {
	case WAY_GMIME:
		by_gmime(data, len);
		return;
	case WAY_WHOLE:
		in_process(message, &whole);
		return;
	case WAY_DELIVERY:
		in_process(message, &delivery);
		return;
	case WAY_HELPER:
		by_helper(pool, message, file, &whole);
		return;
	case WAY_HELPER_DELIVERY:
		by_helper(pool, message, file, &delivery);
		return;
	case WAYS:
		break;
	}
}

/* A file of these bytes, if they are so many that a delivery has one. */
static int file_of(GBytes *message)
{
	gsize len = 0;
	const char *data = g_bytes_get_data(message, &len);
	int file = -1;

	if (len < 256 << 10)
		return -1;
	file = memfd_create("bench", MFD_CLOEXEC);
	for (gsize done = 0; file >= 0 && done < len;) {
		ssize_t n = write(file, data + done, len - done);

		if (n <= 0)
			exit(1);
		done += (gsize)n;
	}
	return file;
}

/* ---- time -----------------------------------------------------------------
 */

static int by_value(const void *a, const void *b)
{
	double left = *(const double *)a;
	double right = *(const double *)b;

	return (left > right) - (left < right);
}

static double median(double *values, unsigned count)
{
	qsort(values, count, sizeof(*values), by_value);
	return values[count / 2];
}

/* Of a message, in microseconds, for each way. */
struct figures {
	double cpu[WAYS];
	double wall[WAYS];
};

struct batch {
	GBytes **messages;
	int *files;
	unsigned count;
};

static void batch_init(struct batch *batch, size_t bytes)
{
	batch->count = (unsigned)CLAMP(TURN_BYTES / bytes, TURN_MIN, TURN_MAX);
	batch->messages = g_new(GBytes *, batch->count);
	batch->files = g_new(int, batch->count);
	for (unsigned i = 0; i < batch->count; i++) {
		batch->messages[i] = message_new(bytes, i + 1);
		batch->files[i] = file_of(batch->messages[i]);
	}
}

static void batch_clear(struct batch *batch)
{
	for (unsigned i = 0; i < batch->count; i++) {
		g_bytes_unref(batch->messages[i]);
		if (batch->files[i] >= 0)
			(void)close(batch->files[i]);
	}
	g_free(batch->messages);
	g_free(batch->files);
}

/* One turn of one way over the whole batch. */
static void take_turn(enum bench_way way, const struct batch *batch,
		      struct helper_pool *pool, double *ret_cpu,
		      double *ret_wall)
{
	double cpu = cpu_us();
	double wall = clock_us(CLOCK_MONOTONIC);

	for (unsigned i = 0; i < batch->count; i++)
		one(way, pool, batch->messages[i], batch->files[i]);
	*ret_wall = (clock_us(CLOCK_MONOTONIC) - wall) / batch->count;
	*ret_cpu = (cpu_us() - cpu) / batch->count;
}

/* The ways in turn, beginning with another one each time; a first turn warms
 * up and does not count. */
static void measure(size_t bytes, struct helper_pool *pool, unsigned turns,
		    struct figures *figures)
{
	g_autofree double *cpu = g_new0(double, (size_t)WAYS *turns);
	g_autofree double *wall = g_new0(double, (size_t)WAYS *turns);
	struct batch batch;

	batch_init(&batch, bytes);
	for (unsigned turn = 0; turn <= turns; turn++)
		for (unsigned n = 0; n < WAYS; n++) {
			unsigned way = (n + turn) % WAYS;
			size_t at = (size_t)way * turns + (turn ? turn - 1 : 0);

			take_turn(way, &batch, pool, &cpu[at], &wall[at]);
		}
	for (size_t way = 0; way < WAYS; way++) {
		figures->cpu[way] = median(cpu + way * turns, turns);
		figures->wall[way] = median(wall + way * turns, turns);
	}
	batch_clear(&batch);
}

static void show_times(struct helper_pool *pool, unsigned turns)
{
	printf("%-7s %-17s %10s %8s %10s %8s %10s %8s\n", "size", "way",
	       "cpu us", "x GMime", "wall us", "x GMime", "messages/s", "MB/s");
	for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
		struct figures f;
		size_t bytes = sizes[i].bytes;

		measure(bytes, pool, bytes > 10 << 20 ? MIN(turns, 3) : turns,
			&f);
		for (unsigned way = 0; way < WAYS; way++)
			printf("%-7s %-17s %10.1f %8.2f %10.1f %8.2f %10.0f "
			       "%8.1f\n",
			       sizes[i].name, way_names[way], f.cpu[way],
			       f.cpu[way] / f.cpu[WAY_GMIME], f.wall[way],
			       f.wall[way] / f.wall[WAY_GMIME],
			       1e6 / f.wall[way], (double)bytes / f.wall[way]);
		(void)fflush(stdout);
	}
}

/* ---- memory ---------------------------------------------------------------
 */

/* Of a process ("self" or its number), in KB. */
static long peak_kb(const char *process)
{
	g_autofree char *path = g_strdup_printf("/proc/%s/status", process);
	g_autofree char *text = NULL;
	const char *at = NULL;

	if (!g_file_get_contents(path, &text, NULL, NULL))
		return 0;
	at = strstr(text, "VmHWM:");
	return at ? atol(at + strlen("VmHWM:")) : 0;
}

static long peak_of_child(void)
{
	g_autofree char *pid = g_strdup_printf("%d", (int)child());

	return peak_kb(pid);
}

enum content {
	CONTENT_FILE,
	CONTENT_PLAIN,
	CONTENT_HTML,
};

/* In a process of its own: nothing before it counts. */
static void show_memory_of(enum bench_way way, enum content content,
			   size_t bytes)
{
	AUTO(helper_pool) pool = NULL;
	GBytes *message = NULL;
	long before = 0;
	int file = -1;

	convert_init();
	pool = pool_new();
	message = content == CONTENT_FILE
			  ? message_new(bytes, 1)
			  : body_message_new(bytes, content == CONTENT_HTML);
	file = file_of(message);
	before = peak_kb("self");
	one(way, pool, message, file);
	printf("%-18s %8.1f MB, of them %.1f before it began", way_names[way],
	       (double)peak_kb("self") / 1024, (double)before / 1024);
	if (way >= WAY_HELPER)
		printf("; helper %.1f MB (x %.2f of the message)",
		       (double)peak_of_child() / 1024,
		       (double)peak_of_child() * 1024 / (double)bytes);
	printf("\n");
	(void)fflush(stdout);
	g_bytes_unref(message);
}

static void show_memory(size_t bytes, enum content content)
{
	static const char *const names[] = {"a file", "plain text", "HTML"};

	printf("\npeak memory, one message of %zu MB, %s\n", bytes >> 20,
	       names[content]);
	(void)fflush(stdout);
	for (unsigned way = 0; way < WAYS; way++) {
		pid_t pid = fork();

		if (pid == 0) {
			show_memory_of(way, content, bytes);
			_exit(0);
		}
		(void)waitpid(pid, NULL, 0);
	}
}

int main(int argc, char **argv)
{
	unsigned turns = argc > 1 ? (unsigned)atoi(argv[1]) : 7;
	AUTO(helper_pool) pool = NULL;

	/* First: a child begins with the memory its parent has. */
	for (unsigned content = CONTENT_FILE; content <= CONTENT_HTML;
	     content++)
		show_memory(sizes[G_N_ELEMENTS(sizes) - 1].bytes, content);
	convert_init();
	pool = pool_new();
	printf("\n");
	show_times(pool, MAX(turns, 1u));
	return 0;
}
