/*
 * Address fields: what the RFC allows, what is seen, what is hostile.
 */
#include "convert_test.h"

#include "convert/addresses.h"

static const struct convert_options options = {.default_charset =
						       "windows-1252"};

/* "display|address|group" of each mailbox, joined by newlines; owned. */
static char *parse(const char *value, size_t len)
{
	struct convert_context context = {.options = &options};
	g_autoptr(GPtrArray) got =
		addresses_parse(&context, (struct span){value, len});
	GString *out = g_string_new(NULL);

	for (guint i = 0; i < got->len; i++) {
		const struct mailbox *mailbox = g_ptr_array_index(got, i);

		g_string_append_printf(out, "%s%s|%s|%s", i ? "\n" : "",
				       mailbox->display, mailbox->address,
				       mailbox->group ? mailbox->group : "");
	}
	return g_string_free(out, FALSE);
}

static const struct {
	const char *name, *value, *expected;
} cases[] = {
	{"bare", "john@example.org", "|john@example.org|"},
	{"angle", "<john@example.org>", "|john@example.org|"},
	{"name", "John Doe <john@example.org>", "John Doe|john@example.org|"},
	{"quoted", "\"Doe, John\" <j@x>", "Doe, John|j@x|"},
	{"quoted pairs", "\"a \\\"b\\\" c\" <j@x>", "a \"b\" c|j@x|"},
	{"comment as name", "j@x (John Doe)", "John Doe|j@x|"},
	{"comment within", "John (the one) Doe <j@x>", "John Doe|j@x|"},
	{"nested comment", "j@x (a (b) c)", "a (b) c|j@x|"},
	{"list", "a@x, b@y", "|a@x|\n|b@y|"},
	{"empty elements", ",, a@x,, b@y,", "|a@x|\n|b@y|"},
	{"folded", "a@x,\r\n\tb@y", "|a@x|\n|b@y|"},
	{"group", "team: a@x, B <b@y>;", "|a@x|team\nB|b@y|team"},
	{"group and more", "team: a@x;, c@z", "|a@x|team\n|c@z|"},
	{"empty group", "undisclosed-recipients:;", ""},
	{"empty group in angles", "<undisclosed recipients:;>", ""},
	{"empty group in angles, more", "<undisclosed:;>, <b@y>", "|b@y|"},
	{"empty group of a host", "<undisclosed:@x;>", ""},
	{"empty group with a name", "A <undisclosed:;>", "A||"},
	{"empty group, host behind", "undisclosed:;@x, b@y", "|b@y|"},
	{"quotes of its own in angles", "J <'j@x'>", "J|j@x|"},
	{"quotes around all in angles", "<\"j@x\">", "|j@x|"},
	{"words in angles", "<Undisclosed Recipients>",
	 "Undisclosed Recipients||"},
	{"name and words in angles", "A <at home>", "A||"},
	{"quotes in angles", "<\"john doe\">", "|\"john doe\"|"},
	{"route", "<@relay,@two:j@x>", "|j@x|"},
	{"mailto", "mailto:j@x", "|j@x|"},
	{"mailto in angles", "J <mailto:j@x>", "J|j@x|"},
	{"doubled angles", "J <<j@x>>", "J|j@x|"},
	{"open angle", "J <j@x", "J|j@x|"},
	{"open angle, more", "J <j@x, k@y", "J|j@x|\n|k@y|"},
	{"open quote", "\"John <j@x>", "John|j@x|"},
	{"unquoted comma", "van Doe, John <j@x>", "van Doe, John|j@x|"},
	{"no angles", "John Doe j@x", "John Doe|j@x|"},
	{"no comma", "a@x b@y  c@z", "|a@x|\n|b@y|\n|c@z|"},
	{"words behind", "j@x John Doe", "John Doe|j@x|"},
	{"blanks around @", "john @ example . org", "|john@example.org|"},
	{"local user", "root", "|root|"},
	{"local users", "root, john", "|root|\n|john|"},
	{"name only", "Mail Delivery System", "Mail Delivery System||"},
	{"quoted local part", "\"john doe\"@x", "|\"john doe\"@x|"},
	{"domain literal", "j@[192.0.2.1]", "|j@[192.0.2.1]|"},
	{"null", "<>", ""},
	{"null with name", "MAILER-DAEMON <>", "MAILER-DAEMON||"},
	{"encoded word", "=?utf-8?q?J=C3=B6rg?= <j@x>", "J\xc3\xb6rg|j@x|"},
	{"encoded comma", "=?utf-8?q?Doe=2C_J?= <j@x>", "Doe, J|j@x|"},
	{"bare comma in encoded word", "=?utf-8?q?Doe,_J?= <j@x>",
	 "Doe, J|j@x|"},
	{"encoded in quotes", "\"=?utf-8?q?J=C3=B6rg?=\" <j@x>",
	 "J\xc3\xb6rg|j@x|"},
	{"two encoded words", "=?utf-8?q?J=C3?= =?utf-8?q?=B6rg?= <j@x>",
	 "J\xc3\xb6rg|j@x|"},
	{"raw latin-1", "J\xf6rg <j@x>", "J\xc3\xb6rg|j@x|"},
	{"raw utf-8", "J\xc3\xb6rg <j\xc3\xb6@x>", "J\xc3\xb6rg|j\xc3\xb6@x|"},
	{"name is an address", "\"j@x\" <k@y>", "j@x|k@y|"},
	{"unquoted name is an address", "j@x <k@y>", "j@x|k@y|"},
	{"dots in name", "J. R. Doe <j@x>", "J. R. Doe|j@x|"},
	{"semicolons", "a@x; b@y", "|a@x|\n|b@y|"},
	{"blank within", "<john doe@x>", "|johndoe@x|"},
	{"comments within", "<a(b)@x(c)>", "|a@x|"},
	{"open within", "<a@x <b@y>", "|a@x|"},
	{"closed twice", "a@x>", "|a@x|"},
	{"name behind", "A <a@x> B <b@y>", "A|a@x|"},
	{"address as name", "a@x <b@y>", "a@x|b@y|"},
	{"archived", "x at y (Name)", "Name||"},
	{"nothing", "", ""},
	{"blanks", " \t\r\n ", ""},
};

Test(addresses, table)
{
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *got =
			parse(cases[i].value, strlen(cases[i].value));

		cr_expect_str_eq(got, cases[i].expected,
				 "%s: got \"%s\", not \"%s\"", cases[i].name,
				 got, cases[i].expected);
	}
}

/* Each of these costs a second or a stack in a parser that is not linear. */
Test(addresses, hostile, .timeout = 120)
{
	static const char *const patterns[] = {
		"a@b ",   "a:", "(",     "\"",    "<",        "a a, ",    "=?",
		"=?a?q?", "\\", "a@b, ", "a@b <", "(a) <b> ", ";:,<>@()",
	};
	const size_t len = 262144;

	for (size_t i = 0; i < G_N_ELEMENTS(patterns); i++) {
		GString *value = g_string_new(NULL);
		g_autofree char *got = NULL;

		while (value->len < len)
			g_string_append(value, patterns[i]);
		got = parse(value->str, value->len);
		cr_expect(got != NULL);
		g_string_free(value, TRUE);
	}
}

Test(addresses, entry_ids_come_back)
{
	struct mailbox mailbox = {.display = (char *)(uintptr_t) "J\xc3\xb6rg",
				  .address = (char *)(uintptr_t) "j@x"};
	g_autoptr(GBytes) id = mailbox_entryid(&mailbox);
	g_autoptr(GBytes) key = mailbox_search_key(&mailbox);
	gsize len = 0;
	const uint8_t *data = g_bytes_get_data(id, &len);
	struct mailbox *back = mailbox_from_entryid(data, len);

	cr_assert(back);
	cr_expect_str_eq(back->display, mailbox.display);
	cr_expect_str_eq(back->address, mailbox.address);
	mailbox_free(back);
	cr_expect_str_eq(g_bytes_get_data(key, &len), "SMTP:J@X");
	cr_expect(len == strlen("SMTP:J@X") + 1);
	for (gsize cut = 0; cut < g_bytes_get_size(id); cut++)
		cr_expect(!mailbox_from_entryid(data, cut), "cut at %zu", cut);
}

Test(addresses, lists_of_entry_ids_come_back)
{
	struct convert_context context = {.options = &options};
	static const char value[] = "A <a@x>, Bb <bb@y>, c@z";
	g_autoptr(GPtrArray) list =
		addresses_parse(&context, (struct span){value, strlen(value)});
	g_autoptr(GBytes) flat = mailboxes_flatten(list);
	gsize len = 0;
	const uint8_t *data = g_bytes_get_data(flat, &len);
	g_autoptr(GPtrArray) back = mailboxes_unflatten(data, len);

	cr_assert(back->len == 3);
	cr_expect_str_eq(
		((struct mailbox *)g_ptr_array_index(back, 1))->address,
		"bb@y");
	for (gsize cut = 0; cut < len; cut++) {
		g_autofree uint8_t *copy = g_memdup2(data, cut);
		g_autoptr(GPtrArray) some = mailboxes_unflatten(copy, cut);

		cr_expect(some->len <= 3);
	}
}
