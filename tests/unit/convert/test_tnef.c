/*
 * winmail.dat: decoded in its place, kept whole where that cannot be.
 */
#include "charset.h"
#include "convert/tnef_block.h"
#include "convert_test.h"

#define LEVEL_MESSAGE    1
#define LEVEL_ATTACHMENT 2

/* ---- streams --------------------------------------------------------------
 */

static void put(GByteArray *out, uint64_t number, unsigned octets)
{
	for (unsigned i = 0; i < octets; i++) {
		guint8 octet = (guint8)(number >> (8 * i));

		g_byte_array_append(out, &octet, 1);
	}
}

static void put_attribute(GByteArray *out, unsigned level, uint32_t id,
			  const void *data, size_t len)
{
	const uint8_t *octets = data;
	uint16_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum = (uint16_t)(sum + octets[i]);
	put(out, level, 1);
	put(out, id, 4);
	put(out, len, 4);
	g_byte_array_append(out, octets, (guint)len);
	put(out, sum, 2);
}

static void put_padded(GByteArray *out, const void *data, size_t len)
{
	put(out, len, 4);
	g_byte_array_append(out, data, (guint)len);
	put(out, 0, -len & 3);
}

static void put_wide(GByteArray *out, const char *text)
{
	glong units = 0;
	g_autofree gunichar2 *wide =
		g_utf8_to_utf16(text, -1, NULL, &units, NULL);

	put_padded(out, wide, ((size_t)units + 1) * 2);
}

static void put_text(GByteArray *out, uint32_t id, const char *text)
{
	put(out, id << 16 | PT_UNICODE, 4);
	put(out, 1, 4);
	put_wide(out, text);
}

static void put_binary(GByteArray *out, uint32_t tag, const void *data,
		       size_t len)
{
	put(out, tag, 4);
	put(out, 1, 4);
	put_padded(out, data, len);
}

static const uint8_t public_strings[16] = {0x29, 0x03, 0x02, 0x00, 0x00, 0x00,
					   0x00, 0x00, 0xc0, 0x00, 0x00, 0x00,
					   0x00, 0x00, 0x00, 0x46};

#define LONG_NAME                                                              \
 "a name of more than fifty letters, as many programs have them, \xe2\x82\xac"

static GByteArray *block_of_message(const char *key)
{
	GByteArray *out = g_byte_array_new();

	put(out, 9, 4);
	put_text(out, PROP_ID(PR_MESSAGE_CLASS), "IPM.Task");
	put_text(out, PROP_ID(PR_SUBJECT), "another subject");
	put_text(out, PROP_ID(PR_SENDER_NAME), "another sender");
	put_text(out, 0x3a06, "Anna \xf0\x9f\x98\x80");
	put_binary(out, PR_HTML, "<p>\xe4<img src=cid:i@x>", 22);
	put(out, PROP_TAG(PT_LONG, PROP_ID(PR_INTERNET_CPID)), 4);
	put(out, 28591, 4);
	put_binary(out, PR_TNEF_CORRELATION_KEY, key, strlen(key) + 1);
	put(out, PROP_TAG(0x0006, 0x6801), 4); /* money: 8 octets */
	put(out, 1, 8);
	put(out, PROP_TAG(PT_MV_UNICODE, 0x8000), 4);
	g_byte_array_append(out, public_strings, sizeof(public_strings));
	put(out, 1, 4);
	put_wide(out, LONG_NAME);
	put(out, 2, 4);
	put_wide(out, "one");
	put_wide(out, "two");
	return out;
}

static GByteArray *stream_new(void)
{
	GByteArray *out = g_byte_array_new();

	put(out, 0x223e9f78, 4);
	put(out, 1, 2);
	return out;
}

static void put_attachment(GByteArray *out, const char *name, const char *data)
{
	static const uint8_t rend[14] = {1};
	static const uint8_t date[14] = {0xd9, 0x07, 2, 0,  13, 0, 23,
					 0,    31,   0, 30, 0,  5};

	put_attribute(out, LEVEL_ATTACHMENT, 0x00069002, rend, sizeof(rend));
	put_attribute(out, LEVEL_ATTACHMENT, 0x00018010, name,
		      strlen(name) + 1);
	put_attribute(out, LEVEL_ATTACHMENT, 0x00038013, date, sizeof(date));
	put_attribute(out, LEVEL_ATTACHMENT, 0x0006800f, data, strlen(data));
}

static GByteArray *stream_with(const char *key)
{
	GByteArray *out = stream_new();
	GByteArray *block = block_of_message(key);

	put_attribute(out, LEVEL_MESSAGE, 0x00069003, block->data, block->len);
	put_attachment(out, "a.txt", "octets");
	put_attachment(out, "", "");
	g_byte_array_unref(block);
	return out;
}

/* A message with this stream as winmail.dat behind its text; takes stream. */
static struct propset *message_with(const char *fields, GByteArray *stream)
{
	g_autofree char *base64 = g_base64_encode(stream->data, stream->len);
	g_autofree char *message = g_strdup_printf(
		"From: a@x\r\nSubject: s\r\n%s"
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
		"--b\r\n\r\n%s\r\n--b\r\nContent-Type: application/ms-tnef;"
		" name=winmail.dat\r\nContent-Transfer-Encoding: base64\r\n"
		"\r\n%s\r\n--b--\r\n",
		fields, strstr(fields, "Empty") ? "" : "text", base64);

	g_byte_array_unref(stream);
	return convert(message);
}

static void expect_whole(const char *name, const struct propset *set)
{
	cr_assert_eq(propset_attachment_count(set), 1, "%s: %zu attachments",
		     name, propset_attachment_count(set));
	expect_text(name, propset_attachment(set, 0), PR_ATTACH_LONG_FILENAME,
		    "winmail.dat");
	expect_text(name, propset_attachment(set, 0), PR_ATTACH_MIME_TAG,
		    "application/octet-stream");
	expect_text(name, set, PR_MESSAGE_CLASS, "IPM.Note");
	cr_expect(!propset_has(set, PR_HTML), "%s", name);
}

/* ---- what becomes of them -------------------------------------------------
 */

Test(tnef, merged)
{
	AUTO(propset) set = message_with("", stream_with("<k@x>"));
	const struct propset *attachment = NULL;
	const struct prop *many = NULL;
	uint32_t named = propset_named_tag(set, "PS_PUBLIC_STRINGS", LONG_NAME,
					   0, PT_MV_UNICODE);
	GBytes *html = propset_binary(set, PR_HTML);

	expect_text("class", set, PR_MESSAGE_CLASS, "IPM.Task");
	expect_text("subject of the header", set, PR_SUBJECT, "s");
	expect_text("sender of the header", set, PR_SENDER_NAME, "a@x");
	expect_text("text of its own", set, PR_BODY, "text");
	expect_text("surrogates", set, PROP_TAG(PT_UNICODE, 0x3a06),
		    "Anna \xf0\x9f\x98\x80");
	expect_number("native", set, PR_NATIVE_BODY, 3);
	expect_number("code page", set, PR_INTERNET_CPID, 28591);
	cr_expect(html && memmem(g_bytes_get_data(html, NULL),
				 g_bytes_get_size(html), "<p>\xe4<", 5));
	many = propset_find(set, named);
	cr_assert(many);
	cr_expect_str_eq(many->value.texts[1], "two");
	cr_assert_eq(propset_attachment_count(set), 2);
	attachment = propset_attachment(set, 0);
	expect_text("name", attachment, PR_ATTACH_LONG_FILENAME, "a.txt");
	expect_number("size", attachment, PR_ATTACH_SIZE, 6);
	expect_number("changed", attachment, PR_LAST_MODIFICATION_TIME,
		      1234567890000000);
	expect_text("no name", propset_attachment(set, 1),
		    PR_ATTACH_LONG_FILENAME, "attachment2.bin");
	expect_number("empty", propset_attachment(set, 1), PR_ATTACH_SIZE, 0);
	cr_expect(propset_bool(set, PR_HASATTACH));
}

static GByteArray *stream_of_numbers(const uint32_t *pairs, size_t count)
{
	GByteArray *out = stream_new();
	GByteArray *block = g_byte_array_new();

	put(block, count, 4);
	for (size_t i = 0; i < count; i++) {
		put(block, pairs[2 * i], 4);
		put(block, pairs[2 * i + 1], 4);
	}
	put_attribute(out, LEVEL_MESSAGE, 0x00069003, block->data, block->len);
	g_byte_array_unref(block);
	return out;
}

/* What the header says wins; what it does not is not known better by us. */
Test(tnef, importance)
{
	static const uint32_t urgent[] = {PR_IMPORTANCE, 2, PR_SENSITIVITY, 3};
	static const uint32_t low[] = {PR_PRIORITY, UINT32_MAX};
	static const struct {
		const char *name, *header;
		const uint32_t *pairs;
		size_t count;
		int importance, priority, sensitivity;
	} cases[] = {
		{"of the stream", "", urgent, 2, 2, 1, 3},
		{"priority alone", "", low, 1, 0, -1, 0},
		{"of neither", "", NULL, 0, 1, 0, 0},
		{"of the header",
		 "Importance: low\r\nSensitivity: Personal\r\n", urgent, 2, 0,
		 -1, 1},
		{"the header says that it is usual",
		 "X-Priority: 3\r\nSensitivity: Normal\r\n", urgent, 2, 1, 0,
		 0},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		AUTO(propset) set = message_with(
			cases[i].header,
			stream_of_numbers(cases[i].pairs, cases[i].count));

		expect_number(cases[i].name, set, PR_IMPORTANCE,
			      cases[i].importance);
		expect_number(cases[i].name, set, PR_PRIORITY,
			      cases[i].priority);
		expect_number(cases[i].name, set, PR_SENSITIVITY,
			      cases[i].sensitivity);
	}
}

Test(tnef, text_of_html_where_there_is_none)
{
	AUTO(propset) set = message_with("Empty: 1\r\n", stream_with("<k@x>"));

	expect_text("plain", set, PR_BODY, "\xc3\xa4\r\n");
}

/* A stream whose only body is this RTF, uncompressed (MS-OXRTFCP 2.1.3.2). */
static struct propset *message_of_rtf(const char *rtf)
{
	GByteArray *out = stream_new();
	GByteArray *block = g_byte_array_new();
	GByteArray *value = g_byte_array_new();
	struct propset *set = NULL;

	put(value, strlen(rtf) + 12, 4);
	put(value, strlen(rtf), 4);
	put(value, 0x414c454d, 4);
	put(value, 0, 4);
	g_byte_array_append(value, (const guint8 *)rtf, (guint)strlen(rtf));
	put(block, 1, 4);
	put_binary(block, PR_RTF_COMPRESSED, value->data, value->len);
	put_attribute(out, LEVEL_MESSAGE, 0x00069003, block->data, block->len);
	g_byte_array_unref(block);
	g_byte_array_unref(value);
	set = message_with("Empty: 1\r\n", out);
	return set;
}

Test(tnef, rtf_alone)
{
	AUTO(propset) plain = message_of_rtf("{\\rtf1 Hi {\\b you}\\par x}");
	AUTO(propset) html =
		message_of_rtf("{\\rtf1\\fromhtml1 {\\*\\htmltag64 <p>}Hi "
			       "{\\*\\htmltag84 <b>}you{\\*\\htmltag92 </b>}}");
	GBytes *bytes = propset_binary(html, PR_HTML);
	gsize len = 0;
	const char *data = bytes ? g_bytes_get_data(bytes, &len) : "";

	expect_text("plain", plain, PR_BODY, "Hi you\r\nx");
	expect_number("plain", plain, PR_NATIVE_BODY, 2);
	cr_expect(!propset_has(plain, PR_HTML));
	cr_expect(propset_has(plain, PR_RTF_COMPRESSED));
	cr_expect(propset_bool(plain, PR_RTF_IN_SYNC));
	cr_expect(propset_has(html, PR_RTF_IN_SYNC) &&
		  !propset_bool(html, PR_RTF_IN_SYNC));
	expect_text("html", html, PR_BODY, "Hi you\r\n");
	expect_number("html", html, PR_NATIVE_BODY, 3);
	cr_expect(len == 16 && !memcmp(data, "<p>Hi <b>you</b>", len), "%.*s",
		  (int)len, data);
}

/* UTF-16 is full of zeros. */
Test(tnef, html_of_sixteen_bits)
{
	static const char html[] = "<\0p\0>\0\x17\x01\0";
	GByteArray *block = g_byte_array_new();
	GByteArray *out = stream_new();
	AUTO(propset) set = NULL;
	GBytes *bytes = NULL;
	gsize len = 0;
	const char *data = NULL;

	put(block, 2, 4);
	put_binary(block, PR_HTML, html, sizeof(html));
	put(block, PROP_TAG(PT_LONG, PROP_ID(PR_INTERNET_CPID)), 4);
	put(block, CODEPAGE_UTF16, 4);
	put_attribute(out, LEVEL_MESSAGE, 0x00069003, block->data, block->len);
	g_byte_array_unref(block);
	set = message_with("Empty: 1\r\n", out);
	bytes = propset_binary(set, PR_HTML);
	data = bytes ? g_bytes_get_data(bytes, &len) : "";
	cr_expect(len == 5 && !memcmp(data, "<p>\xc4\x97", len), "%.*s",
		  (int)len, data);
	expect_number("html", set, PR_INTERNET_CPID, CODEPAGE_UTF8);
}

Test(tnef, correlation)
{
	static const struct {
		const char *name, *field;
		bool merged;
	} cases[] = {
		{"the same", "X-MS-TNEF-Correlator: <k@x>\r\n", true},
		{"another", "X-MS-TNEF-Correlator: <other@x>\r\n", false},
		{"none", "", true},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		AUTO(propset) set =
			message_with(cases[i].field, stream_with("<k@x>"));

		if (cases[i].merged)
			expect_text(cases[i].name, set, PR_MESSAGE_CLASS,
				    "IPM.Task");
		else
			expect_whole(cases[i].name, set);
	}
}

/* Nothing of a stream that is broken anywhere is used: it is kept as it is. */
Test(tnef, every_cut_is_kept)
{
	g_autoptr(GByteArray) stream = stream_with("<k@x>");

	for (guint len = 0; len < stream->len; len++) {
		GByteArray *cut = g_byte_array_new();
		AUTO(propset) set = NULL;
		g_autofree char *name = g_strdup_printf("%u octets", len);

		g_byte_array_append(cut, stream->data, len);
		set = message_with("", cut);
		if (strcmp(propset_text(set, PR_MESSAGE_CLASS), "IPM.Note"))
			continue; /* it ended between two attributes */
		expect_whole(name, set);
		expect_number(name, propset_attachment(set, 0), PR_ATTACH_SIZE,
			      len);
	}
}

/* Senders get it wrong; what is in it is sound all the same. */
Test(tnef, wrong_checksum)
{
	GByteArray *stream = stream_with("<k@x>");

	stream->data[stream->len - 1] ^= 1;
	AUTO(propset) set = message_with("", stream);

	expect_text("class", set, PR_MESSAGE_CLASS, "IPM.Task");
	cr_expect_eq(propset_attachment_count(set), 2);
}

/* Nothing but a checksum is missing. */
Test(tnef, no_last_checksum)
{
	for (guint missing = 1; missing <= 2; missing++) {
		GByteArray *stream = stream_with("<k@x>");
		AUTO(propset) set = NULL;

		g_byte_array_set_size(stream, stream->len - missing);
		set = message_with("", stream);
		expect_text("class", set, PR_MESSAGE_CLASS, "IPM.Task");
		cr_expect_eq(propset_attachment_count(set), 2);
	}
}

Test(tnef, classes)
{
	static const struct {
		const char *given, *expected;
	} cases[] = {
		{"IPM.Microsoft Mail.Note", "IPM.Note"},
		{"IPM.Microsoft Schedule.MtgReq",
		 "IPM.Schedule.Meeting.Request"},
		{"IPM.Microsoft Schedule.MtgRespA",
		 "IPM.Schedule.Meeting.Resp.Tent"},
		{"IPM.Contact", "IPM.Contact"},
		{"IPC.Any", "IPM.Note"},
		{"IPM.\r\nBcc", "IPM.Note"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		GByteArray *stream = stream_new();
		AUTO(propset) set = NULL;

		put_attribute(stream, LEVEL_MESSAGE, 0x00078008, cases[i].given,
			      strlen(cases[i].given) + 1);
		put_attachment(stream, "x", "x");
		set = message_with("", stream);
		expect_text(cases[i].given, set, PR_MESSAGE_CLASS,
			    cases[i].expected);
	}
}

static const uint8_t iid_message[16] = {0x07, 0x03, 0x02, 0x00, 0x00, 0x00,
					0x00, 0x00, 0xc0, 0x00, 0x00, 0x00,
					0x00, 0x00, 0x00, 0x46};

/* An embedded message: a stream within a property of an attachment. */
static GByteArray *stream_around(GByteArray *inner)
{
	GByteArray *out = stream_new();
	GByteArray *object = g_byte_array_new();
	GByteArray *block = g_byte_array_new();
	static const uint8_t rend[14] = {1};

	g_byte_array_append(object, iid_message, sizeof(iid_message));
	g_byte_array_append(object, inner->data, inner->len);
	put(block, 2, 4);
	put(block, PR_ATTACH_METHOD, 4);
	put(block, 5, 4);
	put_binary(block, PROP_TAG(PT_OBJECT, PROP_ID(PR_ATTACH_DATA_BIN)),
		   object->data, object->len);
	put_attribute(out, LEVEL_ATTACHMENT, 0x00069002, rend, sizeof(rend));
	put_attribute(out, LEVEL_ATTACHMENT, 0x00069005, block->data,
		      block->len);
	g_byte_array_unref(inner);
	g_byte_array_unref(object);
	g_byte_array_unref(block);
	return out;
}

Test(tnef, embedded_message)
{
	AUTO(propset) set =
		message_with("", stream_around(stream_with("<k@x>")));
	const struct propset *inner = NULL;

	cr_assert_eq(propset_attachment_count(set), 1);
	inner = propset_embedded(propset_attachment(set, 0));
	cr_assert(inner);
	expect_text("subject", inner, PR_SUBJECT, "another subject");
	expect_text("sender", inner, PR_SENDER_NAME, "another sender");
	expect_text("class", inner, PR_MESSAGE_CLASS, "IPM.Task");
	expect_text("name", propset_attachment(set, 0), PR_DISPLAY_NAME,
		    "another subject");
	cr_expect_eq(propset_attachment_count(inner), 2);
}

static void put_row(GByteArray *table, uint32_t type, const char *name,
		    const char *addrtype, const char *address)
{
	put(table, 4, 4);
	put(table, PR_RECIPIENT_TYPE, 4);
	put(table, type, 4);
	put_text(table, PROP_ID(PR_DISPLAY_NAME), name);
	put_text(table, PROP_ID(PR_ADDRTYPE), addrtype);
	put_text(table, PROP_ID(PR_EMAIL_ADDRESS), address);
}

/* cut: octets of the table that are missing. */
static struct propset *message_with_rows(size_t cut)
{
	GByteArray *stream = stream_with("<k@x>");
	g_autoptr(GByteArray) table = g_byte_array_new();

	put(table, 4, 4);
	put_row(table, 1, "Anna", "SMTP", "anna@example.org");
	put_row(table, 0x10000002, "", "SMTP", "bert@example.org");
	put_row(table, 0, "Sender", "SMTP", "sender@example.org");
	put_row(table, 3, "Carl", "EX", "/o=x/cn=carl");
	put_attribute(stream, LEVEL_MESSAGE, 0x00069004, table->data,
		      table->len - cut);
	return message_with("", stream_around(stream));
}

/* MS-OXTNEF 2.1.3.3.22; of the message around it, its header has them. */
Test(tnef, recipients_of_an_embedded_message)
{
	AUTO(propset) set = message_with_rows(0);
	const struct propset *inner =
		propset_embedded(propset_attachment(set, 0));

	cr_expect_eq(propset_recipient_count(set), 0);
	cr_assert_eq(propset_recipient_count(inner), 3);
	expect_text("name", propset_recipient(inner, 0), PR_DISPLAY_NAME,
		    "Anna");
	expect_text("address", propset_recipient(inner, 0), PR_SMTP_ADDRESS,
		    "anna@example.org");
	expect_text("no name", propset_recipient(inner, 1), PR_DISPLAY_NAME,
		    "bert@example.org");
	cr_expect_eq(propset_number(propset_recipient(inner, 1),
				    PR_RECIPIENT_TYPE, 0),
		     2);
	expect_text("another kind", propset_recipient(inner, 2), PR_ADDRTYPE,
		    "EX");
	expect_text("its address", propset_recipient(inner, 2),
		    PR_EMAIL_ADDRESS, "/o=x/cn=carl");
}

Test(tnef, recipients_that_are_broken_are_left_out)
{
	AUTO(propset) set = message_with_rows(12);
	const struct propset *inner =
		propset_embedded(propset_attachment(set, 0));

	cr_assert(inner);
	cr_expect_eq(propset_recipient_count(inner), 0);
	expect_text("the rest", inner, PR_SUBJECT, "another subject");
}

/* Four octets of a stream each, but not of memory. */
Test(tnef, rows_without_properties_are_bounded)
{
	g_autoptr(GByteArray) table = g_byte_array_new();
	g_autoptr(GPtrArray) rows = NULL;
	unsigned values = 3;
	struct span span;

	put(table, 3, 4);
	for (int i = 0; i < 3; i++)
		put(table, 0, 4);
	span = (struct span){(char *)table->data, table->len};
	rows = tnef_block_read_rows(span, &values);
	cr_assert(rows);
	cr_expect_eq(rows->len, 3);
	cr_expect_eq(values, 0);
	values = 2;
	cr_expect_null(tnef_block_read_rows(span, &values));
}

Test(tnef, too_deep_is_octets)
{
	GByteArray *stream = stream_with("<k@x>");
	const struct propset *set = NULL;
	struct propset *root = NULL;
	unsigned depth = 0;

	for (int i = 0; i < 200; i++)
		stream = stream_around(stream);
	root = message_with("", stream);
	set = root;
	while (propset_attachment_count(set) &&
	       propset_embedded(propset_attachment(set, 0))) {
		set = propset_embedded(propset_attachment(set, 0));
		depth++;
	}
	cr_expect(depth > 2 && depth < 20, "%u", depth);
	cr_expect(propset_has(propset_attachment(set, 0), PR_ATTACH_DATA_BIN));
	propset_free(root);
}

/* 100,000 attachments in 7 MB would be a gigabyte of properties. */
Test(tnef, too_many_are_kept_whole, .timeout = 120)
{
	GByteArray *stream = stream_new();
	AUTO(propset) set = NULL;

	for (int i = 0; i < 100000; i++)
		put_attachment(stream, "x", "");
	set = message_with("", stream);
	expect_whole("too many", set);
}

Test(tnef, too_many_values_are_kept_whole, .timeout = 120)
{
	GByteArray *stream = stream_new();
	GByteArray *block = g_byte_array_new();
	AUTO(propset) set = NULL;

	put(block, 1, 4);
	put(block, PROP_TAG(PT_MV_UNICODE, 0x3a58), 4);
	put(block, 1000000, 4);
	for (int i = 0; i < 1000000; i++)
		put(block, 0, 4);
	put_attribute(stream, LEVEL_MESSAGE, 0x00069003, block->data,
		      block->len);
	g_byte_array_unref(block);
	set = message_with("", stream);
	expect_whole("too many values", set);
}

Test(tnef, by_its_name_alone)
{
	g_autoptr(GByteArray) stream = stream_with("<k@x>");
	g_autofree char *base64 = g_base64_encode(stream->data, stream->len);
	g_autofree char *message = g_strconcat(
		"Content-Type: application/octet-stream; name=WINMAIL.DAT\r\n"
		"Content-Transfer-Encoding: base64\r\n\r\n",
		base64, NULL);
	AUTO(propset) set = convert(message);

	expect_text("class", set, PR_MESSAGE_CLASS, "IPM.Task");
}
