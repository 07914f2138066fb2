/*
 * Attachments: names, types, bytes, what is shown within the text, embedded
 * messages.
 */
#include "convert/attach.h"
#include "convert_test.h"

/* A message with one attachment of these fields; owned. */
static char *with_part(const char *fields, const char *content)
{
	return g_strdup_printf(
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
		"--b\r\n\r\ntext\r\n--b\r\n%s\r\n%s\r\n--b--\r\n",
		fields, content);
}

static const struct {
	const char *name, *fields;
	uint32_t tag;
	const char *expected;
} cases[] = {
	{"type", "Content-Type: Image/PNG\r\n", PR_ATTACH_MIME_TAG,
	 "image/png"},
	{"no type", "Content-Disposition: attachment\r\n", PR_ATTACH_MIME_TAG,
	 "text/plain"},
	{"a type that is none, named",
	 "Content-Type: application-x-gzip; name=a.gz\r\n", PR_ATTACH_MIME_TAG,
	 "application/octet-stream"},
	{"a type that is none, a file",
	 "Content-Type: gz\r\nContent-Disposition: inline; filename=a.gz\r\n",
	 PR_ATTACH_LONG_FILENAME, "a.gz"},
	{"disposition name",
	 "Content-Type: image/png; name=a.png\r\n"
	 "Content-Disposition: attachment; filename=b.png\r\n",
	 PR_ATTACH_LONG_FILENAME, "b.png"},
	{"type name", "Content-Type: image/png; name=a.png\r\n",
	 PR_ATTACH_LONG_FILENAME, "a.png"},
	{"no name", "Content-Type: image/png\r\n", PR_ATTACH_LONG_FILENAME,
	 "attachment1.png"},
	{"extension", "Content-Type: image/png; name=a.b.png\r\n",
	 PR_ATTACH_EXTENSION, ".png"},
	{"no extension", "Content-Type: image/png; name=README\r\n",
	 PR_ATTACH_EXTENSION, ""},
	{"short name", "Content-Type: image/png; name=\"A long name.jpeg\"\r\n",
	 PR_ATTACH_FILENAME, "Alongn~1.jpe"},
	{"rfc 2231",
	 "Content-Type: image/png\r\nContent-Disposition: attachment;\r\n"
	 " filename*=utf-8''%e2%82%ac.png\r\n",
	 PR_ATTACH_LONG_FILENAME, "\xe2\x82\xac.png"},
	{"rfc 2231 pieces",
	 "Content-Type: image/png\r\nContent-Disposition: attachment;\r\n"
	 " filename*0*=utf-8''%e2%82; filename*1*=%ac; filename*2=.png\r\n",
	 PR_ATTACH_LONG_FILENAME, "\xe2\x82\xac.png"},
	{"rfc 2231 latin-1",
	 "Content-Type: image/png\r\nContent-Disposition: attachment;\r\n"
	 " filename*=iso-8859-1'de'%e4.png\r\n",
	 PR_ATTACH_LONG_FILENAME, "\xc3\xa4.png"},
	{"rfc 2231 without charset",
	 "Content-Type: image/png\r\nContent-Disposition: attachment;\r\n"
	 " filename=x.txt; filename*1*=png; filename*0*=''a.\r\n",
	 PR_ATTACH_LONG_FILENAME, "a.png"},
	{"rfc 2047",
	 "Content-Type: image/png; name=\"=?utf-8?q?=E2=82=AC.png?=\"\r\n",
	 PR_ATTACH_LONG_FILENAME, "\xe2\x82\xac.png"},
	{"rfc 2047, folded",
	 "Content-Type: image/png; name=\"=?utf-8?q?=E2=82=AC?=\r\n"
	 " =?utf-8?q?.png?=\"\r\n",
	 PR_ATTACH_LONG_FILENAME, "\xe2\x82\xac.png"},
	{"rfc 2047, padded",
	 "Content-Type: image/png; name=\"=?iso-8859-1?B?xA==?=\r\n"
	 " =?iso-8859-1?B?5C5wbmc=?=\"\r\n",
	 PR_ATTACH_LONG_FILENAME, "\xc3\x84\xc3\xa4.png"},
	{"both forms",
	 "Content-Type: image/png\r\nContent-Disposition: attachment;\r\n"
	 " filename=a.png; filename*=utf-8''b.png\r\n",
	 PR_ATTACH_LONG_FILENAME, "b.png"},
	{"raw utf-8", "Content-Type: image/png; name=\"\xe2\x82\xac.png\"\r\n",
	 PR_ATTACH_LONG_FILENAME, "\xe2\x82\xac.png"},
	{"raw latin-1", "Content-Type: image/png; name=\"\xe4.png\"\r\n",
	 PR_ATTACH_LONG_FILENAME, "\xc3\xa4.png"},
	{"unquoted blanks", "Content-Type: image/png; name=a b.png\r\n",
	 PR_ATTACH_LONG_FILENAME, "a b.png"},
	{"path", "Content-Type: image/png; name=\"../../etc/x.png\"\r\n",
	 PR_ATTACH_LONG_FILENAME, ".._.._etc_x.png"},
	{"windows path", "Content-Type: image/png; name=\"C:\\\\x.png\"\r\n",
	 PR_ATTACH_LONG_FILENAME, "C__x.png"},
	{"name of dots", "Content-Type: image/png; name=\"..\"\r\n",
	 PR_ATTACH_LONG_FILENAME, "attachment1.png"},
	{"content-id", "Content-Type: image/png\r\nContent-ID: <x@y>\r\n",
	 PR_ATTACH_CONTENT_ID, "x@y"},
	{"location",
	 "Content-Type: image/png\r\nContent-Location: http://x\r\n",
	 PR_ATTACH_CONTENT_LOCATION, "http://x"},
	{"charset", "Content-Type: text/csv; charset=koi8-r\r\n",
	 PR_TEXT_ATTACHMENT_CHARSET, "koi8-r"},
	{"unknown encoding",
	 "Content-Type: image/png\r\nContent-Transfer-Encoding: x-y\r\n",
	 PR_ATTACH_MIME_TAG, "application/octet-stream"},
};

Test(attach, table)
{
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *message = with_part(cases[i].fields, "x");
		AUTO(propset) set = convert(message);

		cr_assert_eq(propset_attachment_count(set), 1, "%s",
			     cases[i].name);
		expect_text(cases[i].name, propset_attachment(set, 0),
			    cases[i].tag, cases[i].expected);
		cr_expect(propset_bool(set, PR_HASATTACH));
	}
}

static const struct {
	const char *name, *encoding, *content, *octets;
	size_t len;
} contents[] = {
	{"identity", "8bit", "a\r\nb", "a\r\nb", 4},
	{"base64", "base64", "AAEC\r\n/w==", "\0\1\2\xff", 4},
	{"base64 without padding", "base64", "AAEC\r\n/w", "\0\1\2\xff", 4},
	{"base64 with rubbish", "base64", "A A*EC\r\n/w==", "\0\1\2\xff", 4},
	{"base64 with a footer", "base64", "AAEC/w==\r\n__\r\nA list",
	 "\0\1\2\xff", 4},
	{"base64 twice", "base64", "AA==\r\nAQ==", "\0\1", 2},
	{"quoted-printable", "quoted-printable", "=00=\r\n=FFx", "\0\xffx", 3},
	{"uuencode", "x-uuencode", "begin 644 f\r\n#0V%T\r\n`\r\nend", "Cat",
	 3},
	{"empty", "base64", "", "", 0},
	{"unknown", "x-other", "=41", "=41", 3},
};

Test(attach, a_name_that_is_cut_keeps_its_extension)
{
	static const struct {
		const char *name, *extension;
		size_t len; /* of the name before it */
	} names[] = {
		{"an extension", ".png", 300},
		{"just too long", ".png", 252},
		{"none", "", 300},
		{"no extension any more", ".of.a.very_long_word_indeed", 300},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *start = g_strnfill(names[i].len, 'n');
		g_autofree char *long_name =
			g_strconcat(start, names[i].extension, NULL);
		g_autofree char *name = attach_clean_name(long_name);

		cr_expect_eq(strlen(name), 255, "%s: %zu", names[i].name,
			     strlen(name));
		cr_expect_eq(g_str_has_suffix(name, names[i].extension), i != 3,
			     "%s: %s", names[i].name, name);
	}
}

Test(attach, contents)
{
	for (size_t i = 0; i < G_N_ELEMENTS(contents); i++) {
		g_autofree char *fields =
			g_strdup_printf("Content-Type: application/x\r\n"
					"Content-Transfer-Encoding: %s\r\n",
					contents[i].encoding);
		g_autofree char *message =
			with_part(fields, contents[i].content);
		AUTO(propset) set = convert(message);
		GBytes *got = propset_binary(propset_attachment(set, 0),
					     PR_ATTACH_DATA_BIN);
		gsize len = 0;
		const char *data = got ? g_bytes_get_data(got, &len) : NULL;

		cr_expect(got && len == contents[i].len &&
				  !memcmp(data ? data : "", contents[i].octets,
					  len),
			  "%s: %zu octets", contents[i].name, len);
		expect_number(contents[i].name, propset_attachment(set, 0),
			      PR_ATTACH_SIZE, (int64_t)contents[i].len);
	}
}

Test(attach, image_in_html_is_hidden)
{
	AUTO(propset) set = convert(
		"Content-Type: multipart/related; boundary=b\r\n\r\n"
		"--b\r\nContent-Type: text/html\r\n\r\n"
		"<img src=\"cid:a%40b\">\r\n"
		"--b\r\nContent-Type: image/png\r\nContent-ID: <a@b>\r\n\r\n"
		"x\r\n--b\r\nContent-Type: image/png\r\n"
		"Content-ID: <other>\r\n\r\nx\r\n--b--\r\n");

	cr_assert_eq(propset_attachment_count(set), 2);
	expect_number("shown", propset_attachment(set, 0), PR_ATTACH_FLAGS, 4);
	cr_expect(
		propset_bool(propset_attachment(set, 0), PR_ATTACHMENT_HIDDEN));
	expect_number("other", propset_attachment(set, 1), PR_ATTACH_FLAGS, 0);
	cr_expect(propset_bool(set, PR_HASATTACH));
}

/* What an attribute may have for an id, and that it comes back so. */
Test(attach, references_to_images)
{
	static const struct {
		const char *reference, *id;
		bool is_shown;
	} uses[] = {
		{"src=\"cid:a&amp;b@x\"", "a&b@x", true},
		{"src=\"cid:a&#64;x\"", "a@x", true},
		{"src=\"cid:a&#x40;x\"", "a@x", true},
		{"src=\"cid:a&#38;%40x\"", "a&@x", true},
		{"style=\"background:url(&quot;cid:a@x&quot;)\"", "a@x", true},
		{"style=\"background:url(&#39;cid:a@x&#39;)\"", "a@x", true},
		{"src=\"cid:a&b;@x\"", "a&b;@x", true},
		{"src=\"cid:a&#0;x\"", "a", false},
		{"src=\"cid:a&#;x\"", "a&#;x", true},
		{"src=\"cid:a&amp;b\"", "a", false},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(uses); i++) {
		g_autofree char *message = g_strdup_printf(
			"Content-Type: multipart/related; boundary=b\r\n\r\n"
			"--b\r\nContent-Type: text/html\r\n\r\n<img %s>\r\n"
			"--b\r\nContent-Type: image/png\r\n"
			"Content-ID: <%s>\r\n\r\nx\r\n--b--\r\n",
			uses[i].reference, uses[i].id);
		AUTO(propset) set = convert(message);

		cr_expect_eq(propset_bool(propset_attachment(set, 0),
					  PR_ATTACHMENT_HIDDEN),
			     uses[i].is_shown, "%s", uses[i].reference);
	}
}

/* What a delivery without rules asks for: all but the content. */
Test(attach, sketch)
{
	static const char message[] =
		"Subject: s\r\nContent-Type: multipart/related; boundary=b\r\n"
		"\r\n--b\r\nContent-Type: text/html\r\n\r\n"
		"<img src=\"cid:i@x\">\r\n--b\r\nContent-Type: image/png\r\n"
		"Content-ID: <i@x>\r\nContent-Transfer-Encoding: base64\r\n\r\n"
		"AAAA\r\n--b\r\nContent-Type: application/pdf; name=a.pdf\r\n"
		"\r\npdf\r\n--b--\r\n";
	const struct convert_options options = {
		.flags = CONVERT_SKETCH | CONVERT_HEADERS,
		.default_charset = "windows-1252",
	};
	AUTO(propset) set = NULL;
	const struct propset *image;
	const struct propset *pdf;

	convert_init();
	set = convert_to_propset(message, sizeof(message) - 1, &options, NULL);
	cr_assert_eq(propset_attachment_count(set), 2);
	image = propset_attachment(set, 0);
	pdf = propset_attachment(set, 1);
	cr_expect(propset_bool(image, PR_ATTACHMENT_HIDDEN));
	cr_expect_not(propset_bool(pdf, PR_ATTACHMENT_HIDDEN));
	cr_expect(propset_bool(set, PR_HASATTACH));
	expect_text("name", pdf, PR_ATTACH_LONG_FILENAME, "a.pdf");
	expect_text("subject", set, PR_SUBJECT, "s");
	cr_expect_null(propset_find(pdf, PR_ATTACH_DATA_BIN));
	cr_expect_null(propset_find(set, PR_HTML));
}

/* RFC 1740; MS-OXCMAIL 2.2.4.2 */
#define APPLE(rest)                                                            \
 "Content-Type: multipart/mixed; boundary=b\r\n\r\n"                           \
 "--b\r\n\r\ntext\r\n--b\r\nContent-Type: multipart/appledouble;"              \
 " boundary=c\r\n\r\n--c\r\nContent-Type: application/applefile;"              \
 " name=\"a.jpg\"\r\n\r\nresources\r\n" rest "--c--\r\n--b--\r\n"

Test(attach, apple_double)
{
	AUTO(propset) set =
		convert(APPLE("--c\r\nContent-Type: image/jpeg\r\n\r\nx\r\n"));
	struct propset *attachment = NULL;
	uint32_t fork = 0;

	cr_assert_eq(propset_attachment_count(set), 1);
	attachment = propset_attachment(set, 0);
	fork = propset_named_tag(attachment, "PSETID_Attachment",
				 "AttachmentMacInfo", 0, PT_BINARY);
	expect_text("name", attachment, PR_ATTACH_LONG_FILENAME, "a.jpg");
	expect_text("type", attachment, PR_ATTACH_MIME_TAG, "image/jpeg");
	expect_number("size", attachment, PR_ATTACH_SIZE, 1);
	cr_expect(propset_binary(attachment, fork) &&
		  g_bytes_get_size(propset_binary(attachment, fork)) == 9);
	expect_text("body", set, PR_BODY, "text");
}

Test(attach, apple_file_alone_is_kept)
{
	AUTO(propset) set = convert(APPLE(""));

	cr_assert_eq(propset_attachment_count(set), 1);
	expect_text("type", propset_attachment(set, 0), PR_ATTACH_MIME_TAG,
		    "application/applefile");
	expect_number("size", propset_attachment(set, 0), PR_ATTACH_SIZE, 9);
}

/* RFC 2046 5.2.2, 5.2.3: what is elsewhere is not fetched, what is a part of a
 * message is not put together. */
Test(attach, partial_and_external_are_octets)
{
	static const char *const types[] = {
		"message/partial; number=1; total=2; id=x",
		"message/external-body; access-type=URL; URL=\"http://x/\"",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
		g_autofree char *fields =
			g_strdup_printf("Content-Type: %s\r\n", types[i]);
		g_autofree char *message =
			with_part(fields, "Content-Type: text/html\r\n\r\n<p>");
		AUTO(propset) set = convert(message);
		struct propset *attachment = NULL;

		cr_assert_eq(propset_attachment_count(set), 1, "%s", types[i]);
		attachment = propset_attachment(set, 0);
		expect_number(types[i], attachment, PR_ATTACH_METHOD, 1);
		cr_expect_null(propset_embedded(attachment));
		expect_number(types[i], attachment, PR_ATTACH_SIZE, 30);
		expect_text(types[i], set, PR_BODY, "text");
	}
}

Test(attach, embedded_message)
{
	g_autofree char *message =
		with_part("Content-Type: message/rfc822\r\n",
			  "Subject: inner\r\nFrom: i@x\r\n\r\nbody");
	AUTO(propset) set = convert(message);
	struct propset *attachment = propset_attachment(set, 0);
	struct propset *inner = propset_embedded(attachment);

	expect_number("method", attachment, PR_ATTACH_METHOD, 5);
	expect_text("name", attachment, PR_DISPLAY_NAME, "inner");
	cr_assert(inner);
	expect_text("subject", inner, PR_SUBJECT, "inner");
	expect_text("body", inner, PR_BODY, "body");
	cr_expect(!propset_has(inner, PR_TRANSPORT_MESSAGE_HEADERS));
}

Test(attach, encoded_embedded_message)
{
	g_autofree char *message =
		with_part("Content-Type: message/rfc822\r\n"
			  "Content-Transfer-Encoding: base64\r\n",
			  "U3ViamVjdDogaW5uZXINCg0KYm9keQ==");
	AUTO(propset) set = convert(message);
	struct propset *inner = propset_embedded(propset_attachment(set, 0));

	cr_assert(inner);
	expect_text("subject", inner, PR_SUBJECT, "inner");
	expect_text("body", inner, PR_BODY, "body");
}

Test(attach, digest_parts_are_messages)
{
	AUTO(propset) set =
		convert("Content-Type: multipart/digest; boundary=b\r\n\r\n"
			"--b\r\n\r\nSubject: one\r\n\r\nx\r\n"
			"--b\r\n\r\nSubject: two\r\n\r\nx\r\n--b--\r\n");

	cr_assert_eq(propset_attachment_count(set), 2);
	expect_text("two", propset_embedded(propset_attachment(set, 1)),
		    PR_SUBJECT, "two");
}

/* What was signed must come out octet for octet. */
Test(attach, signed_entity_is_whole)
{
	static const char type[] =
		"Content-Type: multipart/signed; boundary=b;\r\n"
		" protocol=\"application/pkcs7-signature\"";
	static const char content[] =
		"--b\r\nX: 1\r\n\r\nsigned  \r\n"
		"--b\r\nContent-Type: application/pkcs7-signature\r\n\r\nx\r\n"
		"--b--\r\n";
	g_autofree char *message =
		g_strconcat("Subject: s\r\n", type, "\r\n\r\n", content, NULL);
	g_autofree char *whole = g_strconcat(type, "\r\n\r\n", content, NULL);
	AUTO(propset) set = convert(message);
	GBytes *got =
		propset_binary(propset_attachment(set, 0), PR_ATTACH_DATA_BIN);
	gsize len = 0;
	const char *data = g_bytes_get_data(got, &len);

	cr_assert_eq(propset_attachment_count(set), 1);
	cr_expect(len == strlen(whole) && !memcmp(data, whole, len));
	expect_text("shown", set, PR_BODY, "signed  ");
}
