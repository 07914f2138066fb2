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

Test(compose, deep_sets_end, .timeout = 20)
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
