/*
 * What is read in pieces, and let go as it was read, says what it says in one
 * (pages.h).
 */
#include "convert_test.h"
#include "large.h"

#include "pages.h"

#include <sys/mman.h>
#include <unistd.h>

#define LARGE (((size_t)5 << 20) / 2 + 1234)

/* As the helper has it: mapped from a file. */
static struct propset *convert_mapped(GBytes *message)
{
	gsize len = 0;
	const char *data = g_bytes_get_data(message, &len);
	AUTOCLOSE int file = memfd_create("test", MFD_CLOEXEC);
	struct propset *set = NULL;
	void *map = NULL;

	cr_assert(write(file, data, len) == (ssize_t)len);
	map = mmap(NULL, len, PROT_READ, MAP_PRIVATE, file, 0);
	cr_assert(map != MAP_FAILED);
	pages_map(map, len);
	set = convert_len(map, len, NULL);
	pages_map(NULL, 0);
	(void)munmap(map, len);
	return set;
}

Test(pages, a_mapped_message_is_what_it_is_in_memory, .timeout = 60)
{
	for (size_t i = 0; i < G_N_ELEMENTS(large_shapes); i++) {
		g_autoptr(GBytes) message =
			large_message(&large_shapes[i], LARGE);
		gsize len = 0;
		const char *data = g_bytes_get_data(message, &len);
		AUTO(propset) expected = convert_len(data, len, NULL);
		AUTO(propset) got = convert_mapped(message);
		g_autofree char *why = NULL;

		cr_expect(propset_equal(got, expected, &why), "%s: %s",
			  large_shapes[i].name, why);
	}
}

/* The piece as often as it goes into LARGE octets behind the header. */
static GBytes *message_of(const char *header, const char *piece,
			  size_t *ret_count)
{
	GString *out = g_string_new(header);

	for (*ret_count = 0; out->len < LARGE; ++*ret_count)
		g_string_append(out, piece);
	return g_string_free_to_bytes(out);
}

static void expect_repeated(const char *name, const char *got, size_t len,
			    const char *piece, size_t count)
{
	size_t octets = strlen(piece);
	bool same = got && len == octets * count;

	for (size_t i = 0; same && i < count; i++)
		same = !memcmp(got + i * octets, piece, octets);
	cr_expect(same, "%s: %zu octets, not %zu times \"%s\"", name, len,
		  count, piece);
}

Test(pages, text_of_many_pieces)
{
	static const struct {
		const char *name, *header, *piece, *expected;
		bool html;
	} cases[] = {
		{"quoted-printable",
		 LARGE_TEXT("plain; charset=utf-8", "quoted-printable"),
		 "gr=C3=BC= \t\r\n\xc3\x9f = \r\ne =3D = end\r\n",
		 "gr\xc3\xbc\xc3\x9f e = = end\r\n", false},
		{"format=flowed",
		 LARGE_TEXT("plain; charset=utf-8; format=flowed", "8bit"),
		 ">flows \r\n> on\r\n> \xc3\xbc\nno quote\n",
		 "> flows on\r\n> \xc3\xbc\r\nno quote\r\n", false},
		{"text/enriched", LARGE_TEXT("enriched; charset=utf-8", "8bit"),
		 "<bold>a & b</bold>\r\n<<c>", "<b>a &amp; b</b>\r\n&lt;c&gt;",
		 true},
		{"lines in CR", "Subject: a\r\r", "one\rtwo\r",
		 "one\r\ntwo\r\n", false},
		{"yEnc that does not end", "\r\n",
		 "=ybegin line=128 size=9 name=a\r\nline\r\n",
		 "=ybegin line=128 size=9 name=a\r\nline\r\n", false},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		size_t count = 0;
		g_autoptr(GBytes) message =
			message_of(cases[i].header, cases[i].piece, &count);
		AUTO(propset) set = convert_mapped(message);
		GBytes *html = propset_binary(set, PR_HTML);
		const char *text = propset_text(set, PR_BODY);

		if (cases[i].html)
			expect_repeated(cases[i].name,
					g_bytes_get_data(html, NULL),
					g_bytes_get_size(html),
					cases[i].expected, count);
		else
			expect_repeated(cases[i].name, text,
					text ? strlen(text) : 0,
					cases[i].expected, count);
	}
}

/* The content of each was let go once the next was decoded out of it. */
Test(pages, messages_in_quoted_printable_within_each_other)
{
	size_t count = 0;
	g_autoptr(GBytes) message = message_of(
		LARGE_NESTED LARGE_NESTED LARGE_NESTED "Subject: in\r\n\r\n",
		LARGE_LINE "\r\n", &count);
	AUTO(propset) set = convert_mapped(message);
	const struct propset *in = set;

	for (int i = 0; i < 3; i++) {
		cr_assert_eq(propset_attachment_count(in), 1);
		in = propset_embedded(propset_attachment(in, 0));
		cr_assert(in);
	}
	expect_text("nested", in, PR_SUBJECT, "in");
	expect_repeated("nested", propset_text(in, PR_BODY),
			strlen(propset_text(in, PR_BODY)), LARGE_LINE "\r\n",
			count);
}

/* What is signed stays as it stands, messages within it as well. */
Test(pages, a_signed_message_within_an_encoded_one)
{
	static const char header[] = LARGE_NESTED
		"Content-Type: multipart/signed; boundary=3Db;\r\n"
		"\tprotocol=3D\"application/pkcs7-signature\"\r\n\r\n"
		"--b\r\n"
		"Content-Type: message/rfc822\r\n"
		"Content-Transfer-Encoding: quoted-printable\r\n\r\n\r\n";
	static const char kept[] =
		"--b\r\n"
		"Content-Type: message/rfc822\r\n"
		"Content-Transfer-Encoding: quoted-printable\r\n\r\n\r\n";
	size_t count = 0;
	g_autoptr(GBytes) message =
		message_of(header, LARGE_LINE "\r\n", &count);
	AUTO(propset) set = convert_mapped(message);
	const struct propset *in = NULL;
	GBytes *whole = NULL;
	const char *data = NULL;
	const char *at = NULL;
	gsize len = 0;

	cr_assert_eq(propset_attachment_count(set), 1);
	in = propset_embedded(propset_attachment(set, 0));
	cr_assert(in && propset_attachment_count(in) == 1);
	whole = propset_binary(propset_attachment(in, 0), PR_ATTACH_DATA_BIN);
	cr_assert(whole);
	data = g_bytes_get_data(whole, &len);
	at = g_strstr_len(data, (gssize)len, kept);
	cr_assert(at);
	at += strlen(kept);
	expect_repeated("signed", at, (size_t)(data + len - at),
			LARGE_LINE "\r\n", count);
}

/* A line of it that ends where a piece does: lines of 7, 39 and 63 octets. */
Test(pages, uuencode_with_a_line_end_at_a_border)
{
	static const char header[] =
		"Content-Type: application/x-foo\r\n"
		"Content-Transfer-Encoding: x-uuencode\r\n\r\n"
		"begin 644 a\r\n"
		"#9F]O\r\n#9F]O\r\n#9F]O\r\n#9F]O\r\n"
		";9F]O9F]O9F]O9F]O9F]O9F]O9F]O9F]O9F]O\r\n";
	static const char line[] = "M9F]O9F]O9F]O9F]O9F]O9F]O9F]O9F]O9F]O9F]O"
				   "9F]O9F]O9F]O9F]O9F]O\r\n";
	size_t count = 0;
	g_autoptr(GBytes) message = message_of(header, line, &count);
	AUTO(propset) set = convert_mapped(message);
	GBytes *bytes = NULL;

	cr_assert_eq((PAGES_PIECE - 4 * 7 - 39) % (sizeof(line) - 1), 0);
	cr_assert_eq(propset_attachment_count(set), 1);
	bytes = propset_binary(propset_attachment(set, 0), PR_ATTACH_DATA_BIN);
	cr_assert(bytes);
	expect_repeated("uuencode", g_bytes_get_data(bytes, NULL),
			g_bytes_get_size(bytes), "foo", 13 + 15 * count);
}
