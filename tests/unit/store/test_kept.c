/*
 * What is kept of a message: regions of base64, parts, skeletons, and back.
 */
#include "fixture.h"
#include "synced.h"

#include "store/base64.h"
#include "store/kept.h"
#include "store/squeeze.h"

#include <sys/stat.h>

static int file_must_be_synced(const struct lob_name *name, int64_t mtime_s,
			       void *context, struct fault *fault)
{
	g_autofree char *file = lob_file(fx.path, name);
	g_autofree char *directory = g_path_get_dirname(file);

	(void)mtime_s;
	(void)fault;
	must_be_synced(file);
	must_be_synced(directory);
	++*(int *)context;
	return 0;
}

/* Before the row that names it is committed (docs/store.md). */
static void files_must_be_synced(int count)
{
	int files = 0;

	must(lob_each(fx.path, file_must_be_synced, &files, fault));
	cr_expect_eq(files, count);
}

TestSuite(kept, .init = fixture_open, .fini = fixture_close);

/* ---- messages made of pieces ---------------------------------------------
 */

static int64_t count_of(const char *sql)
{
	int64_t count = -1;

	must(sql_get(fx.store, fault, &count, sql, "") < 0 ? -1 : 0);
	return count;
}

static int64_t octets_kept(void)
{
	return count_of("SELECT sum(coalesce(length(data), 0) +"
			" coalesce(length(packed), 0)) FROM lob");
}

static int64_t deliver_bytes(int64_t bob, const char *text, size_t len)
{
	AUTO(content) content = content_of(text, len);

	return deliver_to(bob, folder_of(bob, FOLDER_INBOX), content);
}

static void must_come_back(int64_t id, const char *text, size_t len,
			   const char *what)
{
	g_autoptr(GBytes) bytes = NULL;

	must(store_message_bytes(fx.store, id, true, &bytes, fault));
	cr_assert_eq(g_bytes_get_size(bytes), len, "%s: %zu octets", what,
		     g_bytes_get_size(bytes));
	cr_assert(memcmp(g_bytes_get_data(bytes, NULL), text, len) == 0, "%s",
		  what);
}

/* ---- base64 --------------------------------------------------------------
 */

typedef bool decode_fn(const char *text, size_t len, uint8_t *out);

static decode_fn *const ways[] = {base64_decode, base64_decode_by_tables};

Test(kept, base64_is_that_of_glib)
{
	for (size_t len = 0; len < 200; len++) {
		g_autofree char *data = noise_of(200, (guint32)len);
		g_autofree char *want = g_base64_encode((guchar *)data, len);
		char is[BASE64_SIZE(200)];
		uint8_t back[200];
		size_t n = base64_encode((uint8_t *)data, len, is);
		size_t whole = len / 3 * 4;

		cr_assert_eq(n, BASE64_SIZE(len));
		cr_assert(memcmp(is, want, n) == 0, "%zu octets", len);
		for (size_t way = 0; way < G_N_ELEMENTS(ways); way++) {
			memset(back, 0, sizeof(back));
			cr_assert(ways[way](is, whole, back));
			if (len % 3)
				cr_assert(base64_decode_last(
					is + whole, len % 3 + 1,
					back + len / 3 * 3));
			cr_assert(memcmp(back, data, len) == 0,
				  "%zu octets, way %zu", len, way);
		}
	}
}

Test(kept, base64_is_strict)
{
	static const struct {
		const char *text;
		size_t len;
		bool is_last;
		bool is_good;
	} cases[] = {
		{"AAAA", 4, false, true},   {"AA=A", 4, false, false},
		{"AA-A", 4, false, false},  {"AAA ", 4, false, false},
		{"A\0AA", 4, false, false}, {"AAA\xff", 4, false, false},
		{"AA", 2, true, true},      {"AB", 2, true, false},
		{"AAA", 3, true, true},     {"AAB", 3, true, false},
		{"A=", 2, true, false},
	};
	uint8_t out[3];

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		if (cases[i].is_last)
			cr_expect_eq(base64_decode_last(cases[i].text,
							cases[i].len, out),
				     cases[i].is_good, "case %zu", i);
		for (size_t way = 0;
		     way < G_N_ELEMENTS(ways) && !cases[i].is_last; way++)
			cr_expect_eq(
				ways[way](cases[i].text, cases[i].len, out),
				cases[i].is_good, "case %zu, way %zu", i, way);
	}
}

/* What decodes encodes to the same characters again: any four of the alphabet,
 * and no other octet wherever it stands. */
static void base64_check(decode_fn *decode)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "abcdefghijklmnopqrstuvwxyz"
				       "0123456789+/";
	enum {
		CHARACTERS = 96
	};
	char text[CHARACTERS];
	char again[CHARACTERS];
	uint8_t out[CHARACTERS / 4 * 3 + 1];

	for (unsigned i = 0; i < 1u << 24; i += CHARACTERS / 4) {
		for (unsigned k = 0; k < CHARACTERS; k++)
			text[k] = alphabet[((i + k / 4) >> (6 * (k % 4))) & 63];
		out[sizeof(out) - 1] = 0xa5;
		cr_assert(decode(text, CHARACTERS, out));
		cr_assert_eq(out[sizeof(out) - 1], 0xa5, "one too many");
		(void)base64_encode(out, sizeof(out) - 1, again);
		cr_assert(memcmp(text, again, CHARACTERS) == 0, "%u", i);
	}
	memset(text, 'A', CHARACTERS);
	for (size_t len = 4; len <= CHARACTERS; len += 4)
		for (size_t at = 0; at < len; at++)
			for (int c = 0; c < 256; c++) {
				text[at] = (char)c;
				cr_assert_eq(decode(text, len, out),
					     c && strchr(alphabet, c),
					     "octet %d at %zu of %zu", c, at,
					     len);
				text[at] = 'A';
			}
}

Test(kept, base64_comes_back_or_does_not_decode)
{
	base64_check(base64_decode);
}

/* What decodes where the processor has nothing wider. */
Test(kept, base64_by_tables_alone)
{
	base64_check(base64_decode_by_tables);
}

/* ---- regions -------------------------------------------------------------
 */

struct array_sink {
	struct sink sink;
	GByteArray *to;
};

static int array_sink_put(struct sink *sink, const void *data, size_t len,
			  struct fault *why)
{
	(void)why;
	g_byte_array_append(((struct array_sink *)sink)->to, data, (guint)len);
	return 0;
}

/* What is left of the characters once regions are out of them. */
static size_t regions_of(const char *text, size_t len, size_t *ret_count)
{
	struct region region;
	size_t at = 0;
	size_t left = len;

	*ret_count = 0;
	while (region_find(text, len, at, &region)) {
		g_autoptr(GByteArray) octets = g_byte_array_new();
		struct array_sink sink = {{array_sink_put}, octets};

		must(region_decode(text, len, &region, &sink.sink, fault));
		cr_assert_eq(octets->len, region.octets);
		at = region.start + MAX(region.size, 1);
		if (region.octets < REGION_MIN)
			continue;
		left -= region.size;
		(*ret_count)++;
	}
	return left;
}

Test(kept, regions_are_found_and_nothing_else)
{
	static const struct {
		const char *name;
		size_t len;  /* octets */
		size_t line; /* characters */
		const char *eol;
		const char *before;
		const char *after;
		size_t count; /* of regions */
		size_t left;  /* characters outside of them */
	} cases[] = {
		{"lines of 76", 1000, 76, "\r\n", "a: b\r\n\r\n", "\r\n", 1,
		 10},
		{"line feeds", 1000, 76, "\n", "a: b\n\n", "\n", 1, 7},
		{"lines of 64", 1000, 64, "\r\n", "\r\n", "\r\n", 1, 4},
		{"nothing around it", 1000, 76, "\r\n", "", "", 1, 0},
		{"the last line is full", 57 * 20, 76, "\r\n", "", "\r\n", 1,
		 2},
		{"one padding", 57 * 20 + 2, 76, "\r\n", "", "\r\n", 1, 2},
		{"two paddings", 57 * 20 + 1, 76, "\r\n", "", "\r\n", 1, 2},
		{"one line", 300, 4000, "\r\n", "x\r\n", "\r\n", 1, 5},
		{"one line, padded", 301, 4000, "\r\n", "x\r\n", "\r\n", 1, 5},
		{"long lines", 100000, 40000, "\r\n", "x\r\n", "\r\n", 1, 5},
		{"too short", 100, 76, "\r\n", "", "\r\n", 0, 140},
		{"lines of no multiple of 4", 1000, 75, "\r\n", "", "\r\n", 0,
		 1372},
		{"short lines", 1000, 36, "\r\n", "", "\r\n", 0, 1412},
		{"not at the start of a line", 1000, 4000, "\r\n", "x: ", "", 0,
		 1339},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *data = noise_of(cases[i].len, (guint32)i);
		g_autoptr(GString) text = g_string_new(cases[i].before);
		size_t count;
		size_t left;

		add_base64(text, data, cases[i].len, cases[i].line,
			   cases[i].eol);
		g_string_append(text, cases[i].after);
		left = regions_of(text->str, text->len, &count);
		cr_expect_eq(count, cases[i].count, "%s: %zu regions",
			     cases[i].name, count);
		cr_expect_eq(left, cases[i].left, "%s: %zu left", cases[i].name,
			     left);
	}
}

/* ---- byte for byte -------------------------------------------------------
 */

/* One octet of base64 is another: it comes back whatever it is. */
Test(kept, every_octet_comes_back)
{
	g_autofree char *data = noise_of(400, 1);
	g_autoptr(GString) text = message_with(data, 400, "every octet");
	int64_t bob = user_make("bob");
	size_t start = text->len - 560;

	for (size_t at = start; at < text->len; at += 7) {
		static const char others[] = "=\r\n A\0-\xff";
		char was = text->str[at];

		text->str[at] = others[at % (sizeof(others) - 1)];
		must_come_back(deliver_bytes(bob, text->str, text->len),
			       text->str, text->len, "changed");
		text->str[at] = was;
	}
	for (size_t len = start; len < text->len; len += 5)
		must_come_back(deliver_bytes(bob, text->str, len), text->str,
			       len, "cut");
	must_be_sound();
}

/* Pieces that look like base64 or nearly so, put together at random. */
static void add_piece(GString *out, GRand *rand)
{
	static const char *const eols[] = {"\r\n", "\n", "\r", "\r\r\n", ""};
	static const size_t lines[] = {76, 76, 76, 64, 72, 60, 40, 36, 998, 4};
	size_t len = (size_t)g_rand_int_range(rand, 1, 9000);
	g_autofree char *data = noise_of(len, g_rand_int(rand));
	const char *eol = eols[g_rand_int_range(rand, 0, 5)];

	switch (g_rand_int_range(rand, 0, 5)) {
	case 0:
		g_string_append_len(out, data, (gssize)(len / 8));
		break;
	case 1:
		for (size_t i = 0; i < len / 50; i++)
			g_string_append_printf(out, "Line %zu of it.%s", i,
					       eol);
		break;
	default:
		add_base64(out, data, len, lines[g_rand_int_range(rand, 0, 10)],
			   eol);
		if (g_rand_boolean(rand))
			g_string_append(out, eol);
		break;
	}
}

Test(kept, whatever_it_is_comes_back)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(20261123);
	int64_t bob = user_make("bob");

	for (int round = 0; round < 150; round++) {
		g_autoptr(GString) text = g_string_new("Subject: x\r\n\r\n");

		for (int i = g_rand_int_range(rand, 1, 8); i > 0; i--)
			add_piece(text, rand);
		must_come_back(deliver_bytes(bob, text->str, text->len),
			       text->str, text->len, "random");
	}
	cr_expect_gt(count_of("SELECT count(*) FROM lob_parts"), 40);
	must_be_sound();
}

/* ---- parts ---------------------------------------------------------------
 */

Test(kept, an_attachment_of_many_messages_is_there_once)
{
	g_autofree char *data = noise_of(50000, 7);
	int64_t bob = user_make("bob");
	int64_t inbox = folder_of(bob, FOLDER_INBOX);
	uint8_t hash[DIGEST_SIZE];
	int64_t ids[10];
	int64_t purged = 0;

	digest_sha256(data, 50000, hash);
	for (int i = 0; i < 10; i++) {
		g_autofree char *subject = g_strdup_printf("copy %d", i);
		AUTO(content) content = content_with(data, 50000, subject);

		ids[i] = deliver_to(bob, inbox, content);
	}
	cr_expect_eq(count_of("SELECT count(*) FROM lob"), 11);
	cr_expect_eq(count_of("SELECT count(DISTINCT part) FROM lob_parts"), 1);
	cr_expect_eq(count_of("SELECT size FROM lob WHERE id ="
			      " (SELECT part FROM lob_parts)"),
		     50000);
	cr_expect_lt(octets_kept(), 50000 + 10 * 500);
	must_be_sound();

	/* It goes with the last of them. */
	for (int i = 0; i < 10; i++) {
		in_unit(store_message_delete(fx.store, ids[i], true, fault));
		must(store_purge(fx.store, g_get_real_time(), true, &purged,
				 fault));
		cr_expect_eq(count_of("SELECT count(*) FROM lob"),
			     i < 9 ? 10 - i : 0);
		must_be_sound();
	}
}

Test(kept, a_message_that_is_a_part_of_another)
{
	g_autofree char *data = noise_of(9000, 3);
	g_autoptr(GString) inner = message_with(data, 9000, "inner");
	g_autoptr(GString) outer =
		message_with(inner->str, inner->len, "outer");
	g_autoptr(GString) outest =
		message_with(outer->str, outer->len, "outest");
	int64_t bob = user_make("bob");
	int64_t purged = 0;
	int64_t last;
	int64_t id;

	/* Part first, then message; message first, then part. */
	id = deliver_bytes(bob, outer->str, outer->len);
	must_come_back(deliver_bytes(bob, inner->str, inner->len), inner->str,
		       inner->len, "inner");
	last = deliver_bytes(bob, outest->str, outest->len);
	must_come_back(last, outest->str, outest->len, "outest");
	cr_expect_eq(count_of("SELECT count(*) FROM lob_parts"), 2);
	must_be_sound();
	in_unit(store_message_delete(fx.store, id, true, fault));
	must(store_purge(fx.store, g_get_real_time(), true, &purged, fault));
	must_come_back(last, outest->str, outest->len, "outest, later");
	must_be_sound();
}

Test(kept, a_value_from_memory_is_synced)
{
	struct lob_value value = {.form = LOB_PLAIN,
				  .kept = 5,
				  .data = g_bytes_new_static("large", 5),
				  .fd = -1};

	digest_sha256("large", 5, value.hash);
	must(lob_write(fx.path, &value, fault));
	lob_value_clear(&value);
	files_must_be_synced(1);
}

Test(kept, large_parts_are_files)
{
	size_t len = 3 * LOB_FILE_MIN;
	g_autofree char *noise = noise_of(len, 5);
	g_autofree char *blank = g_strnfill(len, ' ');
	AUTO(content) pdf = content_with(noise, len, "pdf");
	AUTO(content) bitmap = content_with(blank, len, "bitmap");
	int64_t bob = user_make("bob");
	int64_t inbox = folder_of(bob, FOLDER_INBOX);
	struct lob_name name = {{0}, false};
	g_autofree char *file = NULL;
	g_autoptr(GBytes) bytes = NULL;
	struct fault why = {0};
	struct stat st;
	int64_t wrong = 0;
	int64_t id = deliver_to(bob, inbox, pdf);
	int64_t other = deliver_to(bob, inbox, bitmap);

	digest_sha256(noise, len, name.hash);
	file = lob_file(fx.path, &name);
	cr_assert_eq(stat(file, &st), 0);
	cr_expect_eq(st.st_size, (off_t)len);
	cr_expect_lt(octets_kept(), 10000);
	must_come_back(id, g_bytes_get_data(pdf->rfc822, NULL),
		       g_bytes_get_size(pdf->rfc822), "pdf");
	must_come_back(other, g_bytes_get_data(bitmap->rfc822, NULL),
		       g_bytes_get_size(bitmap->rfc822), "bitmap");
	must_be_sound();
	files_must_be_synced(1);

	cr_assert_eq(unlink(file), 0);
	cr_expect_eq(store_message_bytes(fx.store, id, true, &bytes, &why), -1);
	cr_expect_eq(why.kind, FAULT_IO);
	must(store_check(fx.store, NULL, NULL, &wrong, fault));
	cr_expect_eq(wrong, 1);
	/* The next message with it brings it back. */
	in_unit(store_message_delete(fx.store, id, true, fault));
	must(store_purge(fx.store, g_get_real_time(), true, &wrong, fault));
	deliver_to(bob, inbox, pdf);
	must_be_sound();
}

/* A part that is there already is not written again; should it be purged
 * before the delivery comes to name it, it is. */
Test(kept, a_large_part_that_is_purged_meanwhile)
{
	size_t len = 2 * LOB_FILE_MIN;
	g_autofree char *noise = noise_of(len, 6);
	g_autofree char *digits = noise_of(2 * len, 7);
	const struct {
		const char *what;
		const char *data;
		size_t len;
	} cases[] = {{"plain", noise, len}, {"packed", digits, 2 * len}};
	int64_t bob = user_make("bob");
	int64_t inbox = folder_of(bob, FOLDER_INBOX);
	int64_t purged = 0;

	/* Half of it goes by compression. */
	for (size_t i = 0; i < 2 * len; i++)
		digits[i] = "0123456789abcdef"[digits[i] & 15];
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		AUTO(content) one =
			content_with(cases[i].data, cases[i].len, "one");
		AUTO(content) two =
			content_with(cases[i].data, cases[i].len, "two");
		AUTO(kept) kept = NULL;
		int64_t id = deliver_to(bob, inbox, one);

		must(store_content_prepare(fx.path, two, -1, &kept, fault));
		cr_expect(!lob_is_held(&g_array_index(kept->parts,
						      struct lob_value, 0)),
			  "%s", cases[i].what);
		two->kept = kept;
		in_unit(store_message_delete(fx.store, id, true, fault));
		must(store_purge(fx.store, g_get_real_time(), true, &purged,
				 fault));
		id = deliver_to(bob, inbox, two);
		must_come_back(id, g_bytes_get_data(two->rfc822, NULL),
			       g_bytes_get_size(two->rfc822), cases[i].what);
		must_be_sound();
	}
}

/* A packed file that is too short to be one is written anew. */
Test(kept, a_large_part_whose_file_is_broken)
{
	size_t len = 4 * LOB_FILE_MIN;
	g_autofree char *digits = noise_of(len, 7);
	struct lob_name name = {{0}, true};
	g_autofree char *file = NULL;
	int64_t bob = user_make("bob");

	for (size_t i = 0; i < len; i++)
		digits[i] = "0123456789abcdef"[digits[i] & 15];
	digest_sha256(digits, len, name.hash);
	file = lob_file(fx.path, &name);
	for (int i = 0; i < 2; i++) {
		AUTO(content) content = content_with(digits, len, "digits");
		AUTO(kept) kept = NULL;

		must(store_content_prepare(fx.path, content, -1, &kept, fault));
		cr_assert(lob_is_held(
			&g_array_index(kept->parts, struct lob_value, 0)));
		if (i == 0) {
			cr_assert_eq(truncate(file, 100), 0);
			continue;
		}
		content->kept = kept;
		must_come_back(
			deliver_to(bob, folder_of(bob, FOLDER_INBOX), content),
			g_bytes_get_data(content->rfc822, NULL),
			g_bytes_get_size(content->rfc822), "digits");
	}
	must_be_sound();
}

/* Text that packing pays for, in a file all the same; owned. */
static char *digits_of(size_t len, guint32 seed)
{
	char *digits = noise_of(len, seed);

	for (size_t i = 0; i < len; i++)
		digits[i] = "0123456789abcdef"[digits[i] & 15];
	return digits;
}

/* One that is large enough to be one, but cut, or of other octets: known by its
 * hash alone, as no row names it. */
Test(kept, a_large_part_whose_file_is_cut)
{
	size_t len = 4 * LOB_FILE_MIN;
	g_autofree char *digits = digits_of(len, 8);
	int64_t bob = user_make("bob");

	for (int i = 0; i < 2; i++) {
		struct lob_name name = {{0}, true};
		g_autofree char *file = NULL;
		AUTO(content) content = NULL;
		AUTO(kept) kept = NULL;
		AUTO(kept) again = NULL;
		int64_t id;

		digits[0] = (char)('0' + i);
		digest_sha256(digits, len, name.hash);
		file = lob_file(fx.path, &name);
		content = content_with(digits, len, "digits");
		must(store_content_prepare(fx.path, content, -1, &kept, fault));
		if (i) {
			g_autofree char *other = noise_of(LOB_FILE_MIN, 9);

			cr_assert(g_file_set_contents(file, other, LOB_FILE_MIN,
						      NULL));
		} else {
			cr_assert_eq(truncate(file, LOB_FILE_MIN + 5), 0);
		}
		must(store_content_prepare(fx.path, content, -1, &again,
					   fault));
		/* It is not the one that was written: it is now. */
		cr_expect(lob_is_held(
			&g_array_index(again->parts, struct lob_value, 0)));
		content->kept = again;
		id = deliver_to(bob, folder_of(bob, FOLDER_INBOX), content);
		must_come_back(id, g_bytes_get_data(content->rfc822, NULL),
			       g_bytes_get_size(content->rfc822), "digits");
	}
	must_be_sound();
}

static void cut_part_file(const char *data, size_t len)
{
	struct lob_name name = {{0}, true};
	g_autofree char *file = NULL;

	digest_sha256(data, len, name.hash);
	file = lob_file(fx.path, &name);
	cr_assert_eq(truncate(file, LOB_FILE_MIN + 5), 0, "%s", file);
}

/* Both of them, not only the first that is looked at. */
Test(kept, two_large_parts_whose_files_are_cut)
{
	size_t len = 4 * LOB_FILE_MIN;
	g_autofree char *one = digits_of(len, 8);
	g_autofree char *two = digits_of(len, 9);
	g_autoptr(GString) text = message_with(one, len, "one");
	g_autoptr(GString) more = message_with(two, len, "two");
	AUTO(content) content = NULL;
	AUTO(kept) kept = NULL;
	int64_t bob = user_make("bob");

	g_string_append_len(text, more->str, (gssize)more->len);
	content = content_of(text->str, text->len);
	content_prepare(content, -1);
	cut_part_file(one, len);
	cut_part_file(two, len);
	must(store_content_prepare(fx.path, content, -1, &kept, fault));
	cr_assert_eq(kept->parts->len, 2);
	content->kept = kept;
	must_come_back(deliver_to(bob, folder_of(bob, FOLDER_INBOX), content),
		       text->str, text->len, "two parts");
	must_be_sound();
}

/* Another one of the same size, behind the same name: a disk that gave up, an
 * rsync that was cut.  Made with the octets turned round. */
static void turn_file(const char *file)
{
	g_autofree char *data = NULL;
	g_autofree char *temporary = g_strconcat(file, ".turned", NULL);
	gsize len = 0;

	cr_assert(g_file_get_contents(file, &data, &len, NULL), "%s", file);
	for (gsize i = 0; i < len; i++)
		data[i] = (char)~data[i];
	cr_assert(g_file_set_contents(temporary, data, (gssize)len, NULL));
	cr_assert_eq(rename(temporary, file), 0);
}

/* A file of the right size is believed when it was looked at: no message that
 * is delivered is lost to a broken one, and those that had it are mended. */
Test(kept, a_large_file_of_other_octets)
{
	size_t len = 3 * LOB_FILE_MIN;
	g_autofree char *noise = noise_of(len, 15);
	g_autofree char *digits = digits_of(2 * len, 16);
	g_autofree char *lines = noise_of(2 * len, 17);
	g_autoptr(GString) plain = g_string_new("Subject: x\r\n\r\n");
	g_autoptr(GString) pdf = message_with(noise, len, "pdf");
	g_autoptr(GString) text = message_with(digits, 2 * len, "text");
	struct lob_name of_pdf = {{0}, false};
	struct lob_name of_text = {{0}, true};
	struct lob_name of_plain = {{0}, false};
	const struct {
		const char *what;
		const GString *message;
		struct lob_name *name;
		const char *octets;
		size_t len;
	} cases[] = {
		{"a part as it is", pdf, &of_pdf, noise, len},
		{"a packed part", text, &of_text, digits, 2 * len},
		{"a whole message", plain, &of_plain, NULL, 0},
	};
	int64_t bob = user_make("bob");
	int64_t inbox = folder_of(bob, FOLDER_INBOX);

	g_string_append_len(plain, lines, (gssize)(2 * len));
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		const GString *message = cases[i].message;
		g_autofree char *file = NULL;

		digest_sha256(cases[i].octets ? cases[i].octets : message->str,
			      cases[i].octets ? cases[i].len : message->len,
			      cases[i].name->hash);
		file = lob_file(fx.path, cases[i].name);
		/* No row names it yet; then one does. */
		for (int n = 0; n < 2; n++) {
			AUTO(content) content =
				content_of(message->str, message->len);
			int64_t id;

			if (n == 0)
				content_prepare(content, -1);
			turn_file(file);
			content_prepare(content, -1);
			id = deliver_to(bob, inbox, content);
			must_come_back(id, message->str, message->len,
				       cases[i].what);
		}
		must_be_sound();
	}
}

Test(kept, a_large_skeleton_is_a_file)
{
	size_t len = 2 * LOB_FILE_MIN;
	g_autofree char *noise = noise_of(len, 6);
	g_autoptr(GString) text = g_string_new("Subject: x\r\n\r\n");
	int64_t bob = user_make("bob");
	struct store_stats stats;
	int64_t purged = 0;
	int64_t id;

	/* Hexadecimal: half of it is gained, all of it is large. */
	for (size_t i = 0; i < len; i++)
		g_string_append_printf(text, "%02x%s", (uint8_t)noise[i],
				       i % 35 == 34 ? "\r\n" : "");
	id = deliver_bytes(bob, text->str, text->len);
	must_come_back(id, text->str, text->len, "hexadecimal");
	must(store_get_stats(fx.store, &stats, fault));
	cr_expect_eq(stats.lob_files, 1);
	must_be_sound();
	files_must_be_synced(1);
	in_unit(store_message_delete(fx.store, id, true, fault));
	must(store_purge(fx.store, g_get_real_time(), true, &purged, fault));
	must(store_get_stats(fx.store, &stats, fault));
	cr_expect_eq(stats.lob_files, 0);
}

/* ---- what came before --------------------------------------------------
 */

/* Makes a content what an earlier version kept of it. */
static void make_earlier(const struct content *content)
{
	gsize len;
	const void *data = g_bytes_get_data(content->rfc822, &len);
	g_autofree char *file = content_file(content);
	g_autofree char *directory = g_path_get_dirname(file);
	const uint8_t *hash = content->sha256;

	must(store_begin(fx.store, fault));
	must(sql_run(fx.store, fault,
		     "DELETE FROM lob_parts WHERE lob ="
		     " (SELECT id FROM lob WHERE hash = ?)",
		     "b", hash, (size_t)DIGEST_SIZE));
	if (len >= LOB_FILE_MIN) {
		cr_assert_eq(g_mkdir_with_parents(directory, 0700), 0);
		cr_assert(g_file_set_contents(file, data, (gssize)len, NULL));
		must(sql_run(fx.store, fault,
			     "UPDATE lob SET form = 0, data = NULL,"
			     " packed = NULL WHERE hash = ?",
			     "b", hash, (size_t)DIGEST_SIZE));
	} else {
		must(sql_run(fx.store, fault,
			     "UPDATE lob SET form = 0, data = ?, packed = NULL"
			     " WHERE hash = ?",
			     "bb", data, len, hash, (size_t)DIGEST_SIZE));
	}
	must(sql_run(fx.store, fault, "DELETE FROM lob AS l WHERE" LOB_UNUSED,
		     ""));
	must(store_commit(fx.store, fault));
}

Test(kept, what_came_before_is_read_and_packed)
{
	static const size_t sizes[] = {0, 100, 5000, 3 * LOB_FILE_MIN};
	int64_t bob = user_make("bob");
	int64_t inbox = folder_of(bob, FOLDER_INBOX);

	for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
		g_autofree char *data = noise_of(sizes[i], 3);
		AUTO(content) content = content_with(data, sizes[i], "before");
		g_autofree char *file = content_file(content);
		gsize len;
		const char *text = g_bytes_get_data(content->rfc822, &len);
		int64_t id = deliver_to(bob, inbox, content);
		int64_t freed = 0;
		int64_t kept = octets_kept();

		make_earlier(content);
		must_come_back(id, text, len, "before");
		must_be_sound();
		must(store_vacuum(fx.store, &freed, fault));
		cr_expect_eq(count_of("SELECT count(*) FROM lob"
				      " WHERE form = 0"),
			     0);
		cr_expect_eq(octets_kept(), kept);
		cr_expect_not(g_file_test(file, G_FILE_TEST_EXISTS));
		if (sizes[i] > LOB_FILE_MIN)
			cr_expect_gt(freed, (int64_t)sizes[i] / 4);
		must_come_back(id, text, len, "after");
		must_come_back(deliver_to(bob, inbox, content), text, len,
			       "again");
		must_be_sound();
	}
}

/* What it came from goes when there is something whole in its place. */
Test(kept, what_came_before_is_not_packed_into_a_cut_file)
{
	size_t len = 4 * LOB_FILE_MIN;
	g_autofree char *digits = digits_of(len, 8);
	AUTO(content) content = content_with(digits, len, "before");
	gsize size;
	const char *text = g_bytes_get_data(content->rfc822, &size);
	int64_t bob = user_make("bob");
	int64_t id = deliver_to(bob, folder_of(bob, FOLDER_INBOX), content);
	int64_t freed = 0;

	make_earlier(content);
	cut_part_file(digits, len);
	must(store_vacuum(fx.store, &freed, fault));
	must_come_back(id, text, size, "after");
	cr_expect_eq(count_of("SELECT count(*) FROM lob WHERE form = 0"), 0);
	must_be_sound();
}

/* ---- what is read is not believed ----------------------------------------
 */

Test(kept, damage_is_found)
{
	static const char *const harm[] = {
		"UPDATE lob SET packed = substr(packed, 1, length(packed) - 9)"
		" WHERE packed IS NOT NULL",
		"UPDATE lob SET packed = substr(packed, 1, 1)"
		" WHERE packed IS NOT NULL",
		"UPDATE lob SET packed = x'' WHERE packed IS NOT NULL",
		"UPDATE lob SET packed = x'02' || substr(packed, 2)"
		" WHERE packed IS NOT NULL",
		"UPDATE lob SET packed = x'01ffffffffffffffffffff'"
		" WHERE packed IS NOT NULL",
		"UPDATE lob SET packed = zeroblob(length(packed))"
		" WHERE packed IS NOT NULL",
		"UPDATE lob SET packed = randomblob(length(packed))"
		" WHERE packed IS NOT NULL",
		"UPDATE lob SET size = size - 1",
		"UPDATE lob SET size = size + 1",
		"UPDATE lob SET hash = zeroblob(32) WHERE packed IS NOT NULL",
		"DELETE FROM lob_parts",
		"UPDATE lob SET form = 1, data = zeroblob(size)"
		" WHERE packed IS NULL",
		"INSERT INTO lob (hash, size, form, data)"
		" VALUES (randomblob(32), 1, 1, x'00')",
	};
	g_autofree char *data = noise_of(5000, 9);
	AUTO(content) content = content_with(data, 5000, "harm");
	int64_t bob = user_make("bob");

	deliver_to(bob, folder_of(bob, FOLDER_INBOX), content);
	must_be_sound();
	for (size_t i = 0; i < G_N_ELEMENTS(harm); i++) {
		struct fault why = {0};
		int64_t wrong = 0;

		must(store_begin(fx.store, fault));
		must(sql_run(fx.store, fault, "PRAGMA defer_foreign_keys = 1",
			     ""));
		if (sql_run(fx.store, &why, harm[i], "")) {
			/* The schema did not let it. */
			store_rollback(fx.store);
			continue;
		}
		must(store_check(fx.store, NULL, NULL, &wrong, fault));
		cr_expect_gt(wrong, 0, "not found: %s", harm[i]);
		store_rollback(fx.store);
	}
	must_be_sound();
}

Test(kept, a_value_nobody_has_is_repaired)
{
	g_autofree char *data = noise_of(5000, 9);
	AUTO(content) content = content_with(data, 5000, "harm");
	int64_t bob = user_make("bob");
	int64_t repaired = 0;

	deliver_to(bob, folder_of(bob, FOLDER_INBOX), content);
	must(store_begin(fx.store, fault));
	must(sql_run(fx.store, fault,
		     "INSERT INTO lob (hash, size, form, data)"
		     " VALUES (randomblob(32), 1, 1, x'00')",
		     ""));
	must(store_commit(fx.store, fault));
	must(store_repair(fx.store, NULL, NULL, &repaired, fault));
	cr_expect_eq(repaired, 1);
	cr_expect_eq(count_of("SELECT count(*) FROM lob"), 2);
	must_be_sound();
}

/* ---- the format ----------------------------------------------------------
 */

/* What was kept with other words could not be read any more. */
Test(kept, the_dictionary_never_changes)
{
	static const char want[] =
		"3ee40d06e595da4c9e4078bc37e3cf51a77907d650d8f6d62d7134c41ddc7c02";
	uint8_t hash[DIGEST_SIZE];
	char is[DIGEST_HEX_SIZE];

	digest_sha256(squeeze_words, squeeze_words_size, hash);
	digest_format(hash, is);
	cr_expect_str_eq(is, want);
}

Test(kept, short_mail_is_made_smaller)
{
	static const char text[] =
		"Received: from localhost (localhost [127.0.0.1])\r\n"
		"\tby mx.example.com (Postfix) with ESMTP id 4Xyz\r\n"
		"Message-ID: <1@example.com>\r\nMIME-Version: 1.0\r\n"
		"Content-Type: text/plain; charset=\"utf-8\"\r\n"
		"Content-Transfer-Encoding: 7bit\r\nSubject: Re: lunch\r\n\r\n"
		"Yes.\r\n";
	int64_t bob = user_make("bob");

	must_come_back(deliver_bytes(bob, text, sizeof(text) - 1), text,
		       sizeof(text) - 1, "short");
	cr_expect_lt(octets_kept(), (int64_t)sizeof(text) / 2);
}
