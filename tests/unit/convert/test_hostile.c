/*
 * Shapes that cost a stack, a second or a gigabyte where nobody looked: each
 * has to be converted, and soon.
 */
#include "convert_test.h"

#include "convert/mime.h"

/* Many times slower. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
# define SHAPE_TIMEOUT 120
/* strict_string_checks reads to the end of the text each time. */
# define SHAPE_CIDS 10000
#else
# define SHAPE_TIMEOUT 120
# define SHAPE_CIDS    200000
#endif

static void check(const char *name, GString *message)
{
	g_autoptr(GPtrArray) notes = g_ptr_array_new_with_free_func(g_free);
	int64_t start = g_get_monotonic_time();
	AUTO(propset) set = convert_len(message->str, message->len, notes);
	double seconds = (double)(g_get_monotonic_time() - start) / 1e6;
	GByteArray *wire = g_byte_array_new();
	g_autoptr(GBytes) bytes = NULL;
	struct fault fault = {0};
	AUTO(propset) back = NULL;
	int rc = 0;

	cr_log_info("%s: %.2f s, %zu octets, %u notes", name, seconds,
		    message->len, notes->len);
	propset_encode(set, wire);
	bytes = g_byte_array_free_to_bytes(wire);
	rc = propset_decode(bytes, &back, &fault);
	cr_expect(rc == 0, "%s: %s", name, fault.text);
	g_string_free(message, TRUE);
}

static void repeat(GString *out, const char *text, unsigned times)
{
	for (unsigned i = 0; i < times; i++)
		g_string_append(out, text);
}

Test(hostile, nested_multiparts, .timeout = SHAPE_TIMEOUT)
{
	GString *message = g_string_new(NULL);

	for (int i = 0; i < 100000; i++)
		g_string_append_printf(
			message,
			"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n"
			"--b%d\r\n",
			i, i);
	check("nested multiparts", message);
}

Test(hostile, nested_with_one_boundary, .timeout = SHAPE_TIMEOUT)
{
	GString *message = g_string_new(NULL);

	repeat(message,
	       "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n",
	       100000);
	check("one boundary", message);
}

/* libxml2 alone would take minutes for each of these. */
Test(hostile, html, .timeout = SHAPE_TIMEOUT)
{
	static const char *const shapes[] = {
		"<b>",  "</i>",     "<i></b>", "<a href=x>", "<table><tr>",
		"<!--", "<p ",      "<",       "&amp",       "a=\">\" ",
		"<td>", "<script>", "<pre>\n", "<font>",     "<!DOCTYPE ",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(shapes); i++) {
		GString *message =
			g_string_new("Content-Type: text/html\r\n\r\n");

		repeat(message, shapes[i], 1000000);
		check(shapes[i], message);
	}
}

Test(hostile, html_of_open_elements, .timeout = SHAPE_TIMEOUT)
{
	GString *message = g_string_new("Content-Type: text/html\r\n\r\n");

	repeat(message, "<b>", 500);
	repeat(message, "</i>", 1000000);
	check("ends of what is not open", message);
}

Test(hostile, html_attributes, .timeout = SHAPE_TIMEOUT)
{
	GString *message = g_string_new("Content-Type: text/html\r\n\r\n<p");

	for (int i = 0; i < 300000; i++)
		g_string_append_printf(message, " a%x=\">\"", i);
	check("attributes", message);
}

Test(hostile, nested_messages, .timeout = SHAPE_TIMEOUT)
{
	GString *message = g_string_new(NULL);

	repeat(message, "Content-Type: message/rfc822\r\n\r\n", 100000);
	check("nested messages", message);
}

Test(hostile, nested_encoded_messages, .timeout = SHAPE_TIMEOUT)
{
	GString *message = g_string_new("Subject: core\r\n\r\nx");

	for (int i = 0; i < 30 && message->len < 4000000; i++) {
		g_autofree char *base64 = g_base64_encode(
			(const guchar *)message->str, message->len);

		g_string_printf(message,
				"Content-Type: message/rfc822\r\n"
				"Content-Transfer-Encoding: base64\r\n\r\n%s",
				base64);
	}
	check("nested encoded messages", message);
}

Test(hostile, many_parts, .timeout = SHAPE_TIMEOUT)
{
	GString *message = g_string_new(
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n");

	repeat(message, "--b\r\nContent-Type: image/png\r\n\r\nx\r\n", 100000);
	check("many parts", message);
}

/* However many fields there are, each part says what it is. */
Test(hostile, fields_of_many_parts, .timeout = SHAPE_TIMEOUT)
{
	GString *message = g_string_new(
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n");
	struct propset *set = NULL;
	const struct propset *last = NULL;
	GBytes *data = NULL;

	repeat(message,
	       "--b\r\nContent-Type: image/png; name=a.png\r\n"
	       "Content-Disposition: attachment\r\nX-One: 1\r\n"
	       "Content-Transfer-Encoding: base64\r\n\r\nYWJj\r\n",
	       9990);
	set = convert_len(message->str, message->len, NULL);
	cr_assert_eq(propset_attachment_count(set), 9990);
	last = propset_attachment(set, 9989);
	data = propset_binary(last, PR_ATTACH_DATA_BIN);
	expect_text("last", last, PR_ATTACH_LONG_FILENAME, "a.png");
	cr_expect(data && g_bytes_get_size(data) == 3);
	propset_free(set);
	g_string_free(message, TRUE);
}

Test(hostile, many_fields, .timeout = SHAPE_TIMEOUT)
{
	GString *message = g_string_new(NULL);

	for (int i = 0; i < 100000; i++)
		g_string_append_printf(message, "X-%d: y\r\n", i);
	g_string_append(message, "\r\n");
	check("many fields", message);
}

Test(hostile, many_recipient_fields, .timeout = SHAPE_TIMEOUT)
{
	GString *message = g_string_new(NULL);

	repeat(message, "To: a@x, b@y, c@z\r\n", 100000);
	check("many To fields", message);
}

Test(hostile, long_field, .timeout = SHAPE_TIMEOUT)
{
	GString *message = g_string_new("Subject: ");

	repeat(message, "=?utf-8?q?x?=\r\n ", 500000);
	check("long field", message);
}

Test(hostile, many_long_fields, .timeout = SHAPE_TIMEOUT)
{
	GString *message = g_string_new(NULL);

	for (int i = 0; i < 200; i++) {
		g_string_append(message, "Received: ");
		repeat(message, "=?a?q?", 20000);
		g_string_append(message, "\r\n");
	}
	check("many long fields", message);
}

Test(hostile, many_parameters, .timeout = SHAPE_TIMEOUT)
{
	GString *message = g_string_new("Content-Type: text/plain");

	for (int i = 0; i < 100000; i++)
		g_string_append_printf(message, "; name*%d*=%%20", i);
	g_string_append(message, "\r\n\r\n");
	check("many parameters", message);
}

Test(hostile, words_in_parameters, .timeout = SHAPE_TIMEOUT)
{
	GString *message = g_string_new(
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n");

	for (int i = 0; i < 300; i++) {
		g_string_append(message,
				"--b\r\nContent-Type: image/png; name=\"");
		repeat(message, "=?a?q?", 2600);
		g_string_append(message, "\"\r\n\r\nx\r\n");
	}
	check("words in parameters", message);
}

Test(hostile, lines_of_dashes, .timeout = SHAPE_TIMEOUT)
{
	GString *message = g_string_new(NULL);

	for (int i = 0; i < 60; i++)
		g_string_append_printf(
			message,
			"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n"
			"--b%d\r\n",
			i, i);
	repeat(message, "--b\n", 2000000);
	check("lines of dashes", message);
}

Test(hostile, many_content_ids, .timeout = SHAPE_TIMEOUT)
{
	GString *message = g_string_new(
		"Content-Type: multipart/related; boundary=b\r\n\r\n"
		"--b\r\nContent-Type: text/html\r\n\r\n");

	repeat(message, "<img src=cid:x>", SHAPE_CIDS);
	for (int i = 0; i < 9000; i++)
		g_string_append_printf(message,
				       "\r\n--b\r\nContent-ID: <%d>\r\n"
				       "Content-Type: image/png\r\n\r\nx",
				       i);
	check("many content ids", message);
}

Test(hostile, zeros, .timeout = SHAPE_TIMEOUT)
{
	GString *message = g_string_new(NULL);

	g_string_set_size(message, 4000000);
	memset(message->str, 0, message->len);
	check("zeros", message);
}

/* Every cut and every flipped octet of a message that has everything. */
static const char everything[] =
	"From: =?utf-8?q?A?= <a@x>\r\nTo: g: b@y;\r\nSubject: Re: x\r\n"
	"Date: Fri, 13 Feb 2009 23:31:30 +0000\r\n"
	"Content-Type: multipart/mixed; boundary=\"b\"\r\n\r\n"
	"--b\r\nContent-Type: text/html; charset=utf-16\r\n"
	"Content-Transfer-Encoding: base64\r\n\r\n//48AHAA\r\n"
	"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: i\r\n\r\nx\r\n"
	"--b\r\nContent-Disposition: attachment; filename*0*=utf-8''%e2;\r\n"
	" filename*1=x\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
	"=41=\r\n--b--\r\n";

Test(hostile, cut_and_flipped, .timeout = SHAPE_TIMEOUT)
{
	const size_t len = sizeof(everything) - 1;

	for (size_t i = 0; i <= len; i++) {
		g_autofree char *copy = g_memdup2(everything, len + 1);

		propset_free(convert_len(copy, i, NULL));
		for (int bit = 0; bit < 8 && i < len; bit += 3) {
			copy[i] = (char)(everything[i] ^ (1 << bit));
			propset_free(convert_len(copy, len, NULL));
		}
	}
}

Test(hostile, what_is_too_deep_is_kept)
{
	GString *message = g_string_new(NULL);
	const struct propset *set = NULL;
	struct propset *root = NULL;
	unsigned depth = 0;

	repeat(message, "Content-Type: message/rfc822\r\n\r\n", 200);
	g_string_append(message, "Subject: core\r\n\r\nthe core");
	root = convert_len(message->str, message->len, NULL);
	set = root;
	while (propset_attachment_count(set) &&
	       propset_embedded(propset_attachment(set, 0))) {
		set = propset_embedded(propset_attachment(set, 0));
		depth++;
	}
	cr_expect(depth > 10 && depth <= MIME_EMBED_MAX);
	cr_assert_eq(propset_attachment_count(set), 1);
	cr_expect(
		memmem(g_bytes_get_data(
			       propset_binary(propset_attachment(set, 0),
					      PR_ATTACH_DATA_BIN),
			       NULL),
		       g_bytes_get_size(propset_binary(
			       propset_attachment(set, 0), PR_ATTACH_DATA_BIN)),
		       "the core", 8) != NULL);
	propset_free(root);
	g_string_free(message, TRUE);
}
