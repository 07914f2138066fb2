/*
 * The table of sender_rewrite, and what completing makes of it.
 */
#include "rewrite.h"
#include "spooler/fixup.h"

#include <criterion/criterion.h>
#include <glib/gstdio.h>
#include <string.h>

static int table(const char *text, struct rewrite **ret_rewrite,
		 struct fault *fault)
{
	g_autofree char *path = NULL;
	int fd = g_file_open_tmp("okapi-rewrite-XXXXXX", &path, NULL);
	int rc;

	cr_assert(fd >= 0);
	(void)close(fd);
	cr_assert(g_file_set_contents(path, text, -1, NULL));
	rc = rewrite_read(path, ret_rewrite, fault);
	(void)g_unlink(path);
	return rc;
}

Test(rewrite, the_most_exact_line_holds)
{
	static const struct {
		const char *address;
		const char *other; /* NULL: none */
	} cases[] = {
		{"anna@home.example", "a@isp.example"},
		{"ANNA@Home.Example", "a@isp.example"},
		{"bert@home.example", "bert@company.example"},
		{"x@elsewhere.example", "account@isp.example"},
		{"", NULL},
	};
	AUTO(rewrite) rewrite = NULL;
	struct fault fault = {0};

	cr_assert_eq(table("# none\n\n  anna@home.example\t a@isp.example \r\n"
			   "@home.example @company.example\n"
			   "* account@isp.example",
			   &rewrite, &fault),
		     0, "%s", fault.text);
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *other =
			rewrite_find(rewrite, cases[i].address);

		cr_expect_eq(g_strcmp0(other, cases[i].other), 0, "%s: %s",
			     cases[i].address, other);
	}
	cr_expect_null(rewrite_find(NULL, "a@b"));
}

Test(rewrite, tables_that_are_none)
{
	static const char *const cases[] = {
		"a@b\n",     "a@b c@d e@f\n",      "nobody c@d\n",
		"a@b *\n",   "a@b c@d\nA@b e@f\n", "@ a@b\n",
		"a@b c@d>\n"};
	struct fault fault = {0};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		AUTO(rewrite) rewrite = NULL;

		cr_expect_eq(table(cases[i], &rewrite, &fault), -1, "%s",
			     cases[i]);
		cr_expect_eq(fault.kind, FAULT_CONFIG);
		cr_expect(strstr(fault.text, i == 4 ? ":2: " : ":1: "), "%s",
			  fault.text);
	}
}

Test(rewrite, in_fields_that_say_who_sent_it)
{
	static const char *const pairs[] = {"a@b.c", "x@y", NULL};
	static const struct {
		const char *message;
		enum fixup_sender sender;
		const char *expected;
	} cases[] = {
		{"From: A <a@b.c>\r\nTo: a@b.c\r\n", FIXUP_SENDER_KEEP,
		 "From: A <x@y>\r\nTo: a@b.c\r\n"},
		{"From: aa@b.c, a@b.c.d,\r\n a@b.c\r\n", FIXUP_SENDER_KEEP,
		 "From: aa@b.c, a@b.c.d,\r\n x@y\r\n"},
		{"From: z@z\r\nSender: q@q\r\n", FIXUP_SENDER_DROP,
		 "From: z@z\r\n"},
		{"Sender: q@q\r\n (folded)\r\nFrom: z@z\r\n", FIXUP_SENDER_SET,
		 "From: z@z\r\nSender: \"N\" <x@y>\r\n"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GByteArray) out = g_byte_array_new();
		const struct fixup_options options = {
			.from_address = "f@f",
			.origin = "o",
			.hostname = "h",
			.sender = cases[i].sender,
			.sender_address = "a@b.c",
			.sender_name = "N",
			.rewrites = pairs,
		};
		struct fixup_found found;

		fixup_message(cases[i].message, strlen(cases[i].message),
			      &options, out, &found);
		g_byte_array_append(out, (const guint8 *)"", 1);
		cr_expect(g_str_has_prefix((const char *)out->data,
					   cases[i].expected),
			  "%s", (const char *)out->data);
	}
}
