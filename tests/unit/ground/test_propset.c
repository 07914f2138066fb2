/*
 * Property sets: values, children, the wire form and what it refuses.
 */
#include "propset.h"

#include <criterion/criterion.h>
#include <string.h>

static struct propset *sample(void)
{
	static const char *const keywords[] = {"red", "blue", NULL};
	static const uint8_t hash[32] = {1, 2, 3};
	struct propset *set = propset_new();
	struct propset *child = propset_new();
	struct propset *inner = propset_new();
	uint32_t named;

	propset_set_text(set, PR_SUBJECT,
			 "Gr\xc3\xbc\xc3\x9f"
			 "e");
	propset_set_number(set, PR_IMPORTANCE, 2);
	propset_set_number(set, PR_CLIENT_SUBMIT_TIME,
			   INT64_C(1234567890000000));
	propset_set_bool(set, PR_HASATTACH, true);
	propset_set_binary_copy(set, PR_HTML, "<p>\0</p>", 8);
	named = propset_named_tag(set, "PS_INTERNET_HEADERS", "x-mailer", 0,
				  PT_UNICODE);
	propset_set_text(set, named, "Mutt");
	named = propset_named_tag(set, "PS_PUBLIC_STRINGS", "Keywords", 0,
				  PT_MV_UNICODE);
	propset_set_texts(set, named, keywords);
	header_field_add_address(propset_add_header(set, "To", "A <a@b>"), "A",
				 "a@b", NULL);
	propset_add_header(set, "Subject", "x");
	propset_set_number(child, PR_RECIPIENT_TYPE, 1);
	propset_set_text(child, PR_SMTP_ADDRESS, "a@b");
	propset_add_recipient(set, child);
	child = propset_new();
	propset_set_number(child, PR_ATTACH_METHOD, 5);
	propset_set_binary_digest(child, PR_ATTACH_DATA_BIN, 77, hash);
	propset_set_text(inner, PR_SUBJECT, "inner");
	propset_set_embedded(child, inner);
	propset_add_attachment(set, child);
	return set;
}

static GBytes *encoded(const struct propset *set)
{
	GByteArray *wire = g_byte_array_new();

	propset_encode(set, wire);
	return g_byte_array_free_to_bytes(wire);
}

Test(propset, the_wire_keeps_everything)
{
	AUTO(propset) set = sample();
	AUTO(propset) back = NULL;
	g_autoptr(GBytes) wire = encoded(set);
	g_autofree char *why = NULL;
	struct fault fault = {0};

	cr_assert_eq(propset_decode(wire, &back, &fault), 0, "%s", fault.text);
	cr_assert(propset_equal(set, back, &why), "%s", why);
	cr_assert_str_eq(propset_find_header(back, "TO")->name, "To");
	cr_assert_eq(propset_find_header(back, "to")->addresses->len, 1);
	cr_assert_null(propset_find_header(back, "subject")->addresses);
	cr_assert_str_eq(
		propset_text(propset_embedded(propset_attachment(back, 0)),
			     PR_SUBJECT),
		"inner");
}

static struct {
	GByteArray *octets;
	unsigned left; /* calls until it fails */
} sink;

static int take(const void *data, size_t len)
{
	if (!sink.left)
		return -1;
	sink.left--;
	g_byte_array_append(sink.octets, data, (guint)len);
	return 0;
}

/* Sizes around those at which octets are passed on. */
Test(propset, the_wire_piece_by_piece_is_the_same)
{
	static const size_t sizes[] = {1, 65000, 65535, 65536, 200000};
	g_autofree char *data = g_malloc(200000);

	memset(data, 'x', 200000);
	for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
		AUTO(propset) set = sample();
		g_autoptr(GByteArray) whole = g_byte_array_new();
		g_autoptr(GByteArray) rest = g_byte_array_new();

		propset_set_binary_copy(set, PR_HTML, data, sizes[i]);
		propset_set_text_len(set, PR_BODY, data, sizes[i]);
		propset_encode(set, whole);
		cr_expect_eq(propset_encoded_len(set), whole->len);
		sink.octets = g_byte_array_new();
		sink.left = UINT_MAX;
		cr_expect_eq(propset_encode_to(set, rest, take), 0);
		cr_expect_lt(rest->len, 65537);
		g_byte_array_append(sink.octets, rest->data, rest->len);
		cr_expect(sink.octets->len == whole->len &&
				  !memcmp(sink.octets->data, whole->data,
					  whole->len),
			  "with %zu octets", sizes[i]);
		g_byte_array_unref(sink.octets);
	}
}

Test(propset, what_cannot_be_passed_on_is_told)
{
	AUTO(propset) set = sample();
	g_autoptr(GByteArray) out = g_byte_array_new();
	g_autofree char *data = g_malloc0(200000);

	propset_set_binary_copy(set, PR_HTML, data, 200000);
	for (sink.left = 0; sink.left < 2; sink.left++) {
		unsigned left = sink.left;

		sink.octets = g_byte_array_new();
		cr_expect_eq(propset_encode_to(set, out, take), -1);
		g_byte_array_unref(sink.octets);
		g_byte_array_set_size(out, 0);
		sink.left = left;
	}
}

Test(propset, every_cut_of_the_wire_is_refused)
{
	AUTO(propset) set = sample();
	g_autoptr(GBytes) wire = encoded(set);

	for (gsize len = 0; len < g_bytes_get_size(wire); len++) {
		struct propset *back = NULL;
		/* A copy of exactly that length, for the sanitizer to see. */
		g_autoptr(GBytes) cut =
			g_bytes_new(g_bytes_get_data(wire, NULL), len);

		cr_assert_eq(propset_decode(cut, &back, NULL), -1, "cut at %zu",
			     len);
		cr_assert_null(back);
	}
}

Test(propset, damaged_octets_end_in_an_answer)
{
	AUTO(propset) set = sample();
	g_autoptr(GBytes) wire = encoded(set);
	gsize len = 0;
	const guint8 *octets = g_bytes_get_data(wire, &len);
	g_autofree guint8 *damaged = g_memdup2(octets, len);

	for (gsize i = 0; i < len; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			g_autoptr(GBytes) bytes =
				g_bytes_new_static(damaged, len);
			AUTO(propset) back = NULL;
			int rc;

			damaged[i] ^= (guint8)(1u << bit);
			rc = propset_decode(bytes, &back, NULL);
			cr_assert(rc == 0 ? back != NULL : back == NULL);
			damaged[i] ^= (guint8)(1u << bit);
		}
	}
}

Test(propset, a_claimed_count_allocates_nothing)
{
	/* 4,000 million names in four octets. */
	static const uint8_t octets[] = {0xff, 0xff, 0xff, 0xff};
	g_autoptr(GBytes) wire = g_bytes_new_static(octets, sizeof(octets));
	struct propset *back = NULL;

	cr_assert_eq(propset_decode(wire, &back, NULL), -1);
}

/* A large value is not copied, and outlives what it came in. */
Test(propset, large_values_share_the_wire)
{
	AUTO(propset) set = propset_new();
	AUTO(propset) back = NULL;
	g_autofree guint8 *large = g_malloc0(1 << 20);
	GBytes *wire = NULL;
	const guint8 *start = NULL;
	const guint8 *value = NULL;

	large[12345] = 7;
	propset_set_binary_copy(set, PR_HTML, large, 1 << 20);
	wire = encoded(set);
	start = g_bytes_get_data(wire, NULL);
	cr_assert_eq(propset_decode(wire, &back, NULL), 0);
	value = g_bytes_get_data(propset_binary(back, PR_HTML), NULL);
	cr_assert(value > start && value < start + 100);
	g_bytes_unref(wire);
	cr_assert_eq(value[12345], 7);
	cr_assert(propset_equal(set, back, NULL));
}

/* Large texts leave it while they are copied; what stands beside does not. */
Test(propset, a_wire_of_nobody_else_gives_its_texts_away)
{
	AUTO(propset) set = propset_new();
	AUTO(propset) back = NULL;
	g_autofree char *why = NULL;
	g_autofree char *large = g_strnfill(3 * 1024 * 1024 + 5, 'x');
	GByteArray *wire = g_byte_array_new();
	g_autoptr(GBytes) file = g_bytes_new(large, strlen(large));
	struct fault fault = {0};

	propset_set_text(set, PR_SUBJECT, "small");
	propset_set_text(set, PR_BODY, large);
	propset_set_binary(set, PR_HTML, file);
	propset_set_text(set, PR_DISPLAY_TO, large);
	propset_encode(set, wire);
	cr_assert_eq(propset_decode_take(g_byte_array_free_to_bytes(wire),
					 &back, &fault),
		     0, "%s", fault.text);
	cr_expect(propset_equal(set, back, &why), "%s", why);
}

Test(propset, text_is_always_utf8)
{
	AUTO(propset) set = propset_new();

	propset_set_text(set, PR_SUBJECT,
			 "a\xff"
			 "b");
	cr_assert(g_utf8_validate(propset_text(set, PR_SUBJECT), -1, NULL));
	propset_set_text_len(set, PR_SUBJECT, "ab\0cd", 5);
	cr_assert_str_eq(propset_text(set, PR_SUBJECT), "ab");
}

Test(propset, setting_replaces)
{
	AUTO(propset) set = propset_new();

	propset_set_text(set, PR_SUBJECT, "one");
	propset_set_text(set, PR_SUBJECT, "two");
	cr_assert_eq(propset_count(set), 1);
	cr_assert_str_eq(propset_text(set, PR_SUBJECT), "two");
	propset_remove(set, PR_SUBJECT);
	cr_assert_eq(propset_count(set), 0);
	cr_assert_null(propset_text(set, PR_SUBJECT));
}

Test(propset, differences_are_named)
{
	AUTO(propset) a = sample();
	AUTO(propset) b = sample();
	g_autofree char *why = NULL;

	propset_set_text(propset_recipient(b, 0), PR_SMTP_ADDRESS, "c@d");
	cr_assert_not(propset_equal(a, b, &why));
	cr_assert(strstr(why, "PR_SMTP_ADDRESS") != NULL, "%s", why);
}

Test(proptag, names_and_numbers)
{
	cr_assert_str_eq(proptag_name(0x0037001f), "PR_SUBJECT");
	cr_assert_null(proptag_name(0x12345678));
	cr_assert_eq(proptag_parse("pr_importance"), 0x00170003);
	cr_assert_eq(proptag_parse("0x00170003"), 0x00170003);
	cr_assert_eq(proptag_parse("PR_NOTHING"), 0);
	cr_assert_eq(proptag_parse("0x"), 0);
	cr_assert_eq(proptag_parse("0x1ffffffff"), 0);
}

Test(proptag, the_table_is_in_order)
{
	for (size_t i = 1; i < proptag_count(); i++)
		cr_assert_lt(proptag_at(i - 1), proptag_at(i), "%s",
			     proptag_name(proptag_at(i)));
}
