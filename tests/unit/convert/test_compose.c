/*
 * Composing: typical mail comes back, no value gets out of its field, lines
 * stay short, Bcc stays in.
 */
#include "roundtrip.h"

#include "convert/compose.h"

#define DATA "tests/data/convert"

Test(compose, typical_mail_comes_back)
{
	g_autoptr(GDir) directory = g_dir_open(DATA, 0, NULL);
	const char *name = NULL;
	unsigned count = 0;

	cr_assert(directory, "no %s", DATA);
	while ((name = g_dir_read_name(directory))) {
		g_autofree char *path = g_build_filename(DATA, name, NULL);
		g_autofree char *data = NULL;
		g_autofree char *why = NULL;
		gsize len = 0;

		if (!g_str_has_suffix(name, ".eml"))
			continue;
		cr_assert(g_file_get_contents(path, &data, &len, NULL));
		why = roundtrip(data, len);
		cr_expect(!why, "%s: %s", name, why);
		count++;
	}
	cr_expect(count >= 15, "%u messages", count);
}

/* What is composed of a set; owned, NUL-terminated. */
static char *compose(const struct propset *set)
{
	GByteArray *out = NULL;
	struct fault fault = {0};

	convert_init();
	cr_assert(convert_to_rfc822(set, &out, &fault) == 0, "%s", fault.text);
	g_byte_array_append(out, (const guint8 *)"", 1);
	return (char *)g_byte_array_free(out, FALSE);
}

static unsigned fields_named(const char *message, const char *name)
{
	g_autofree char *start = g_strconcat("\n", name, ":", NULL);
	g_autofree char *all = g_strconcat("\n", message, NULL);
	unsigned count = 0;

	for (const char *at = all; (at = strcasestr(at, start)); at++)
		count++;
	return count;
}

/* Every text of a message with a line break and a field in it. */
Test(compose, no_value_brings_a_field)
{
	static const char evil[] = "x\r\nEvil: y\r\n\r\nEvil: body";
	AUTO(propset) set = propset_new();
	g_autofree char *message = NULL;
	struct propset *child = propset_new();
	uint32_t named = propset_named_tag(set, "PS_INTERNET_HEADERS", "x-a", 0,
					   PT_UNICODE);
	uint32_t bad = propset_named_tag(set, "PS_INTERNET_HEADERS",
					 "x-b: c\r\nEvil", 0, PT_UNICODE);

	for (size_t i = 0; i < proptag_count(); i++)
		if (PROP_TYPE(proptag_at(i)) == PT_UNICODE)
			propset_set_text(set, proptag_at(i), evil);
	propset_set_bool(set, PR_READ_RECEIPT_REQUESTED, true);
	propset_set_text(set, PR_BODY, "body");
	propset_set_text(set, named, evil);
	propset_set_text(set, bad, evil);
	for (size_t i = 0; i < proptag_count(); i++)
		if (PROP_TYPE(proptag_at(i)) == PT_UNICODE)
			propset_set_text(child, proptag_at(i), evil);
	propset_set_number(child, PR_RECIPIENT_TYPE, 1);
	propset_set_number(child, PR_ATTACH_METHOD, 1);
	propset_set_binary_copy(child, PR_ATTACH_DATA_BIN, "x", 1);
	propset_add_recipient(set, child);
	child = propset_new();
	for (size_t i = 0; i < proptag_count(); i++)
		if (PROP_TYPE(proptag_at(i)) == PT_UNICODE)
			propset_set_text(child, proptag_at(i), evil);
	propset_set_binary_copy(child, PR_ATTACH_DATA_BIN, "x", 1);
	propset_add_attachment(set, child);
	message = compose(set);
	cr_expect_eq(fields_named(message, "Evil"), 0, "%s", message);
}

Test(compose, lines_are_short_and_end_in_crlf)
{
	AUTO(propset) set = propset_new();
	g_autofree char *message = NULL;
	GString *text = g_string_new(NULL);
	size_t line = 0;

	for (int i = 0; i < 5000; i++)
		g_string_append(text, "x");
	propset_set_text(set, PR_SUBJECT, text->str);
	propset_set_text(set, PR_INTERNET_REFERENCES, text->str);
	propset_set_text(set, PR_SENDER_NAME, text->str);
	propset_set_text(set, PR_SENDER_EMAIL_ADDRESS, text->str);
	propset_set_text(set, PR_LIST_HELP, text->str);
	g_string_append(text, "\nlone line feed\rlone return");
	propset_set_text(set, PR_BODY, text->str);
	propset_set_binary_copy(set, PR_HTML, text->str, text->len);
	message = compose(set);
	for (const char *c = message; *c; c++) {
		if (*c == '\r') {
			cr_assert(c[1] == '\n');
			cr_expect(line <= 998, "a line of %zu", line);
			line = 0;
			c++;
			continue;
		}
		cr_assert(*c != '\n');
		line++;
	}
	g_string_free(text, TRUE);
}

/* RFC 2047 2: a line with an encoded word has 76 characters at most. */
Test(compose, lines_of_encoded_words_are_shorter)
{
	static const char *const signs[] = {"\xc3\xbc", "\xe6\xbc\xa2",
					    "\xf0\x9f\xa6\x92"};

	for (size_t i = 0; i < G_N_ELEMENTS(signs); i++) {
		AUTO(propset) set = propset_new();
		g_autoptr(GString) text = g_string_new(NULL);
		g_autofree char *message = NULL;
		g_auto(GStrv) lines = NULL;

		while (text->len < 250)
			g_string_append(text, signs[i]);
		propset_set_text(set, PR_SUBJECT, text->str);
		propset_set_text(set, PR_CONVERSATION_TOPIC, text->str);
		propset_set_text(set, PR_SENT_REPRESENTING_NAME, text->str);
		propset_set_text(set, PR_SENT_REPRESENTING_SMTP_ADDRESS,
				 "somebody@some.where.example.org");
		message = compose(set);
		lines = g_strsplit(message, "\r\n", -1);
		for (char **line = lines; *line && **line; line++)
			cr_expect(!strstr(*line, "=?") || strlen(*line) <= 76,
				  "%zu: %s", strlen(*line), *line);
	}
}

Test(compose, bcc_stays_in)
{
	AUTO(propset) set = convert("From: a@x\r\nTo: b@x\r\nBcc: secret@x\r\n"
				    "Subject: s\r\n\r\nbody\r\n");
	g_autofree char *message = compose(set);

	cr_expect(!strstr(message, "secret"));
	cr_expect(!strcasestr(message, "bcc"));
}

Test(compose, nobody_left)
{
	AUTO(propset) set = convert("From: a@x\r\nBcc: secret@x\r\n\r\nb\r\n");
	g_autofree char *message = compose(set);

	cr_expect(strstr(message, "To: undisclosed-recipients:;\r\n"));
	cr_expect_eq(fields_named(message, "To"), 1);
}

Test(compose, one_of_each)
{
	AUTO(propset) set =
		convert("From: a@x\r\nSender: s@x\r\nReply-To: r@x\r\n"
			"To: b@x\r\nSubject: s\r\nX-Priority: 1\r\n"
			"Date: Mon, 23 Nov 2026 06:00:00 +0000\r\n"
			"Message-ID: <m@x>\r\nX-Other: o\r\n\r\nbody\r\n");
	g_autofree char *message = compose(set);
	static const char *const names[] = {
		"From",         "Sender",     "Reply-To",   "To",
		"Subject",      "Date",       "Message-ID", "MIME-Version",
		"Content-Type", "X-Priority", "Importance", "X-Other",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		cr_expect_eq(fields_named(message, names[i]), 1, "%s: %u",
			     names[i], fields_named(message, names[i]));
}

/* MS-OXCMAIL 2.1.3.1.4 */
Test(compose, sender_in_other_capitals_is_nobody_else)
{
	static const struct {
		const char *from, *sender;
		unsigned fields;
	} cases[] = {
		{"a@x", "A@X", 0},
		{"Anna <a@x>", "ANNA <a@x>", 0},
		{"a@x", "A@x <a@x>", 0},
		{"Anna <a@x>", "a@x", 1},
		{"Anna <a@x>", "Anna <b@x>", 1},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *source = g_strdup_printf(
			"From: %s\r\nSender: %s\r\n\r\nbody\r\n", cases[i].from,
			cases[i].sender);
		AUTO(propset) set = convert(source);
		g_autofree char *message = compose(set);

		cr_expect_eq(fields_named(message, "Sender"), cases[i].fields,
			     "%s, %s", cases[i].from, cases[i].sender);
	}
}

/* What the HTML names with "&amp;" lies beside it. */
Test(compose, image_named_by_a_reference)
{
	AUTO(propset) set =
		convert("Content-Type: multipart/related; boundary=b\r\n\r\n"
			"--b\r\nContent-Type: text/html\r\n\r\n"
			"<img src=\"cid:a&amp;b@x\">\r\n--b\r\n"
			"Content-Type: image/png\r\nContent-ID: <a&b@x>\r\n"
			"\r\nx\r\n--b--\r\n");
	g_autofree char *message = compose(set);

	cr_expect(strstr(message, "multipart/related"), "%s", message);
}

/* A part that contains what would be the boundary. */
Test(compose, boundaries_are_found_nowhere_else)
{
	g_autofree char *first = NULL;
	g_autofree char *second = NULL;
	AUTO(propset) set = convert("Subject: s\r\n\r\nbody\r\n");
	AUTO(propset) back = NULL;
	struct propset *child = propset_new();

	propset_set_binary_copy(child, PR_ATTACH_DATA_BIN, "x", 1);
	propset_add_attachment(set, child);
	first = compose(set);
	propset_set_text(set, PR_BODY, first);
	second = compose(set);
	back = convert(second);
	expect_text("the message in itself", back, PR_BODY, first);
	cr_expect_eq(propset_attachment_count(back), 1);
}

Test(compose, nothing_is_no_message)
{
	AUTO(propset) set = propset_new();
	GByteArray *out = NULL;
	struct fault fault = {0};

	cr_expect(convert_to_rfc822(set, &out, &fault) != 0);
	cr_expect_eq(fault.kind, FAULT_REFUSED_INPUT);
}

/* Sizes and hashes cannot be sent: an empty attachment would be a loss. */
Test(compose, missing_bytes_are_refused)
{
	static const uint8_t hash[32] = {0};
	static const uint32_t tags[] = {PR_HTML, PR_ATTACH_DATA_BIN};

	for (size_t i = 0; i < G_N_ELEMENTS(tags); i++) {
		AUTO(propset) set = propset_new();
		struct propset *child = propset_new();
		GByteArray *out = NULL;
		struct fault fault = {0};

		propset_set_text(set, PR_SUBJECT, "s");
		propset_set_binary_digest(i ? child : set, tags[i], 10, hash);
		propset_add_attachment(set, child);
		cr_expect(convert_to_rfc822(set, &out, &fault) != 0);
		cr_expect_eq(fault.kind, FAULT_REFUSED_INPUT);
	}
}

/* What a client sets, and what has to stand in the message for it. */
static const struct {
	const char *name;
	uint32_t tag;
	const char *value;
	const char *expected; /* NULL: as it is without */
} written[] = {
	{"ascii is us-ascii", PR_BODY, "Hello", "charset=\"us-ascii\""},
	{"western is iso-8859-1", PR_BODY, "caf\xc3\xa9",
	 "charset=\"iso-8859-1\""},
	{"the euro is in neither", PR_BODY, "10 \xe2\x82\xac",
	 "charset=\"utf-8\""},
	{"a control octet would be read as another letter", PR_BODY,
	 "a\xc2\x85z", "charset=\"utf-8\""},
	{"a blank in an address", PR_SENT_REPRESENTING_EMAIL_ADDRESS,
	 "john doe@x.example", "From: \"john doe\"@x.example\r\n"},
	{"quotes stay", PR_SENT_REPRESENTING_EMAIL_ADDRESS,
	 "\"john doe\"@x.example", "From: \"john doe\"@x.example\r\n"},
	{"two at signs", PR_SENT_REPRESENTING_EMAIL_ADDRESS, "a@b@x.example",
	 "From: \"a@b\"@x.example\r\n"},
	{"dots that may not stand there", PR_SENT_REPRESENTING_EMAIL_ADDRESS,
	 "a..b@x.example", "From: \"a..b\"@x.example\r\n"},
	{"a comma in a domain: nobody's", PR_SENT_REPRESENTING_EMAIL_ADDRESS,
	 "a@x,example", "From: \"a@x,example\":;\r\n"},
	{"a quote that is never closed", PR_SENT_REPRESENTING_EMAIL_ADDRESS,
	 "a\"b@x.example", "From: \"a\\\"b\"@x.example\r\n"},
	{"a quote without a domain", PR_SENT_REPRESENTING_EMAIL_ADDRESS,
	 "q\"u\\o", "From: <\"q\\\"u\\\\o\">\r\n"},
	{"a colon without a domain", PR_SENT_REPRESENTING_EMAIL_ADDRESS, "a:b",
	 "From: <\"a:b\">\r\n"},
	{"a colon in a domain: nobody's", PR_SENT_REPRESENTING_EMAIL_ADDRESS,
	 "a@x:25", "From: \"a@x:25\":;\r\n"},
	{"an address of IPv6", PR_SENT_REPRESENTING_EMAIL_ADDRESS,
	 "a@[IPv6:::1]", "From: a@[IPv6:::1]\r\n"},
	{"one that is not closed", PR_SENT_REPRESENTING_EMAIL_ADDRESS,
	 "a@[192.0.2.1", "From: \"a@[192.0.2.1\":;\r\n"},
	{"blanks in a domain", PR_SENT_REPRESENTING_EMAIL_ADDRESS,
	 "a@x . example", "From: a@x.example\r\n"},
	{"an address of other letters", PR_SENT_REPRESENTING_EMAIL_ADDRESS,
	 "j\xc3\xb6rg@x.example", "From: j\xc3\xb6rg@x.example\r\n"},
	{"fax", PR_MESSAGE_CLASS, "IPM.Note.Microsoft.Fax",
	 "Content-Class: fax\r\n"},
	{"custom", PR_MESSAGE_CLASS, "IPM.Note.Custom.Order",
	 "Content-Class: urn:content-class:custom.Order\r\n"},
	{"read", PR_MESSAGE_CLASS, "REPORT.IPM.Note.IPNRN",
	 "Disposition: manual-action/MDN-sent-automatically; displayed\r\n"},
	{"not read", PR_MESSAGE_CLASS, "REPORT.IPM.Note.IPNNRN",
	 "Disposition: manual-action/MDN-sent-automatically; deleted\r\n"},
	{"a report", PR_MESSAGE_CLASS, "REPORT.IPM.Note.NDR",
	 "report-type=\"delivery-status\""},
};

/* A field of ids has one at least (RFC 5322 3.6.4). */
Test(compose, no_field_without_its_value)
{
	static const uint32_t tags[] = {
		PR_INTERNET_MESSAGE_ID, PR_IN_REPLY_TO_ID,
		PR_INTERNET_REFERENCES, PR_INTERNET_PRECEDENCE, PR_LIST_HELP};
	g_autofree char *long_id = g_strnfill(2000, 'a');
	const char *const values[] = {"", " ", "\r\n", long_id};

	for (size_t i = 0; i < G_N_ELEMENTS(tags); i++)
		for (size_t k = 0; k < G_N_ELEMENTS(values); k++) {
			AUTO(propset) set = propset_new();
			g_autofree char *message = NULL;

			propset_set_text(set, PR_SUBJECT, "s");
			propset_set_text(set, tags[i], values[k]);
			message = compose(set);
			cr_expect_null(strstr(message, ":\r\n"), "%zu: %s", k,
				       message);
		}
}

Test(compose, what_clients_set)
{
	for (size_t i = 0; i < G_N_ELEMENTS(written); i++) {
		AUTO(propset) set = propset_new();
		g_autofree char *message = NULL;

		propset_set_text(set, PR_SUBJECT, "s");
		propset_set_text(set, PR_SENT_REPRESENTING_EMAIL_ADDRESS,
				 "a@x");
		propset_set_text(set, written[i].tag, written[i].value);
		message = compose(set);
		cr_expect(strstr(message, written[i].expected), "%s: %s",
			  written[i].name, message);
	}
}

/* HTML alone gets its plain text; and comes back as it was. */
Test(compose, html_has_plain_text_beside_it)
{
	static const char html[] = "<p>Gr\xc3\xbc\xc3\x9f"
				   "e</p>";
	AUTO(propset) set = propset_new();
	AUTO(propset) back = NULL;
	g_autofree char *message = NULL;

	propset_set_text(set, PR_SUBJECT, "s");
	propset_set_binary_copy(set, PR_HTML, html, strlen(html));
	message = compose(set);
	back = convert(message);
	expect_text("html", back, PR_BODY,
		    "Gr\xc3\xbc\xc3\x9f"
		    "e\r\n");
	cr_expect(g_bytes_equal(propset_binary(back, PR_HTML),
				propset_binary(set, PR_HTML)));
	cr_expect_eq(propset_attachment_count(back), 0);
}

/* Somebody else's winmail.dat stays an attachment: the key goes with it. */
Test(compose, correlation_key)
{
	AUTO(propset) set = propset_new();
	AUTO(propset) back = NULL;
	g_autofree char *message = NULL;

	propset_set_text(set, PR_SUBJECT, "s");
	propset_set_binary_copy(set, PR_TNEF_CORRELATION_KEY, "<k@x>", 6);
	message = compose(set);
	cr_expect(strstr(message, "\r\nX-MS-TNEF-Correlator: <k@x>\r\n"));
	back = convert(message);
	cr_expect(g_bytes_equal(propset_binary(back, PR_TNEF_CORRELATION_KEY),
				propset_binary(set, PR_TNEF_CORRELATION_KEY)));
}

/* A receipt made of properties alone is read as one. */
Test(compose, read_receipt)
{
	AUTO(propset) set = propset_new();
	AUTO(propset) back = NULL;
	g_autofree char *message = NULL;

	propset_set_text(set, PR_MESSAGE_CLASS, "REPORT.IPM.Note.IPNRN");
	propset_set_text(set, PR_SUBJECT, "Read: s");
	propset_set_text(set, PR_SENDER_EMAIL_ADDRESS, "a@x");
	propset_set_text(set, PR_ORIGINAL_MESSAGE_ID, "<1@y>");
	propset_set_binary_copy(set, PR_PARENT_KEY, "\1\2\3", 3);
	message = compose(set);
	cr_expect(strstr(message, "\r\nFinal-Recipient: rfc822;a@x\r\n"));
	back = convert(message);
	expect_text("receipt", back, PR_MESSAGE_CLASS, "REPORT.IPM.Note.IPNRN");
	expect_text("receipt", back, PR_ORIGINAL_MESSAGE_ID, "<1@y>");
	cr_expect(propset_binary(back, PR_PARENT_KEY));
}

/* So is a report, with the recipients it tells of. */
Test(compose, delivery_report)
{
	AUTO(propset) set = propset_new();
	AUTO(propset) back = NULL;
	g_autofree char *message = NULL;
	struct propset *row = propset_add_recipient(set, propset_new());

	propset_set_text(set, PR_MESSAGE_CLASS, "REPORT.IPM.Note.NDR");
	propset_set_text(set, PR_SUBJECT, "Undeliverable: s");
	propset_set_text(set, PR_SENDER_EMAIL_ADDRESS, "postmaster@x");
	propset_set_number(row, PR_RECIPIENT_TYPE, 1);
	propset_set_text(row, PR_EMAIL_ADDRESS, "b@y");
	propset_set_number(row, PR_NDR_STATUS_CODE, 511);
	propset_set_text(row, PR_SUPPLEMENTARY_INFO, "<y #5.1.1 unknown>");
	message = compose(set);
	cr_expect(strstr(message, "\r\nStatus: 5.1.1\r\n"), "%s", message);
	cr_expect(strstr(message, "\r\nTo: undisclosed-recipients:;\r\n"));
	back = convert(message);
	expect_text("report", back, PR_MESSAGE_CLASS, "REPORT.IPM.Note.NDR");
	cr_assert_eq(propset_recipient_count(back), 1);
	row = propset_recipient(back, 0);
	expect_text("report", row, PR_SMTP_ADDRESS, "b@y");
	expect_text("report", row, PR_SUPPLEMENTARY_INFO, "<y #5.1.1 unknown>");
}

/* An id that no line can hold is left out, not cut: it would be another's. */
Test(compose, long_ids)
{
	AUTO(propset) set = propset_new();
	g_autofree char *message = NULL;
	g_autofree char *fits = g_strnfill(990, 'x');
	g_autofree char *long_one = g_strnfill(1200, 'x');
	g_autofree char *both = g_strconcat("<1@y> <", long_one, "@y>", NULL);
	g_autofree char *id = g_strconcat("<", fits, "@y>", NULL);

	propset_set_text(set, PR_SUBJECT, "s");
	propset_set_text(set, PR_INTERNET_MESSAGE_ID, id);
	propset_set_text(set, PR_INTERNET_REFERENCES, both);
	message = compose(set);
	cr_expect(strstr(message, id));
	cr_expect(strstr(message, "\r\nReferences: <1@y>\r\n"));
}

/* Nothing of one organization's servers leaves it (MS-OXCMAIL 2.1.3.2.4). */
Test(compose, internal_fields_stay_in)
{
	AUTO(propset) set = propset_new();
	g_autofree char *message = NULL;
	static const char *const names[] = {
		"x-ms-exchange-organization-scl",
		"X-MS-Exchange-Forest-Secret",
		"X-Microsoft-Exchange-Organization-A",
	};

	propset_set_text(set, PR_SUBJECT, "s");
	propset_set_number(set, PR_CONTENT_FILTER_SCL, 5);
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		propset_set_text(set,
				 propset_named_tag(set, "PS_INTERNET_HEADERS",
						   names[i], 0, PT_UNICODE),
				 "secret");
	message = compose(set);
	cr_expect(!strstr(message, "secret"), "%s", message);
	cr_expect(!strcasestr(message, "Exchange"), "%s", message);
}

/* Dates and places of attachments come back. */
Test(compose, attachment_details)
{
	static const char message[] =
		"From: a@x\r\nSubject: s\r\nMIME-Version: 1.0\r\n"
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
		"--b\r\n\r\nHello\r\n"
		"--b\r\nContent-Type: application/pdf\r\n"
		"Content-Base: http://x/\r\nContent-Location: a.pdf\r\n"
		"Content-Disposition: attachment; filename=a.pdf;\r\n"
		" creation-date=\"Fri, 13 Feb 2009 23:31:30 +0000\";\r\n"
		" modification-date=\"Fri, 13 Feb 2009 23:31:31 +0000\"\r\n"
		"\r\nx\r\n--b--\r\n";
	g_autofree char *why = roundtrip(message, strlen(message));

	cr_expect(!why, "%s", why);
}

Test(compose, too_deep_is_refused)
{
	struct propset *set = propset_new();
	GByteArray *out = NULL;
	struct fault fault = {0};

	propset_set_text(set, PR_SUBJECT, "core");
	for (int i = 0; i < 120; i++) {
		struct propset *outer = propset_new();
		struct propset *attachment = propset_new();

		propset_set_embedded(attachment, set);
		propset_set_text(outer, PR_SUBJECT, "shell");
		propset_add_attachment(outer, attachment);
		set = outer;
	}
	cr_expect(convert_to_rfc822(set, &out, &fault) != 0);
	cr_expect_eq(fault.kind, FAULT_REFUSED_INPUT);
	propset_free(set);
}

Test(compose, deep_sets_end, .timeout = 120)
{
	struct propset *set = propset_new();
	g_autofree char *message = NULL;

	propset_set_text(set, PR_SUBJECT, "core");
	for (int i = 0; i < 60; i++) {
		struct propset *outer = propset_new();
		struct propset *attachment = propset_new();

		propset_set_text(outer, PR_SUBJECT, "shell");
		propset_set_embedded(attachment, set);
		propset_add_attachment(outer, attachment);
		set = outer;
	}
	message = compose(set);
	cr_expect(message != NULL);
	propset_free(set);
}
