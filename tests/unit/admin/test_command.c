/*
 * The command line: nouns, verbs, options in any place, and what is refused.
 */
#include "admin/admin.h"

#include <criterion/criterion.h>
#include <string.h>

struct parsed {
	struct admin admin;
	bool help;
	bool version;
	struct fault fault;
	int rc;
	char **argv;
};

/* Words divided by blanks; the fixture lives until parsed_clear(). */
static void parse(struct parsed *p, const char *line)
{
	memset(p, 0, sizeof(*p));
	p->argv = g_strsplit(line, " ", -1);
	p->rc = command_parse(&p->admin, (int)g_strv_length(p->argv), p->argv,
			      &p->help, &p->version, &p->fault);
}

static void parsed_clear(struct parsed *p)
{
	admin_clear(&p->admin);
	g_strfreev(p->argv);
}

Test(command, options_stand_before_or_after_arguments)
{
	static const char *const lines[] = {
		"x user create --email a@b anna -o store_path=/x --admin",
		"x -o store_path=/x user create anna --email=a@b --admin",
		"x user create --admin anna --email a@b -ostore_path=/x",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
		struct parsed p;

		parse(&p, lines[i]);
		cr_assert_eq(p.rc, 0, "%s: %s", lines[i], p.fault.text);
		cr_expect_str_eq(admin_arg(&p.admin, 0), "anna");
		cr_expect_str_eq(admin_option(&p.admin, "email"), "a@b");
		cr_expect(admin_has(&p.admin, "admin"));
		cr_expect_not(admin_has(&p.admin, "inactive"));
		cr_expect_str_eq(p.admin.overrides->pdata[0], "store_path=/x");
		parsed_clear(&p);
	}
}

Test(command, two_dashes_end_the_options)
{
	struct parsed p;

	parse(&p, "x junk block anna -- -odd@example.org");
	cr_assert_eq(p.rc, 0, "%s", p.fault.text);
	cr_assert_str_eq(admin_arg(&p.admin, 1), "-odd@example.org");
	parsed_clear(&p);
	parse(&p, "x rule check -");
	cr_assert_eq(p.rc, 0, "%s", p.fault.text);
	cr_assert_str_eq(admin_arg(&p.admin, 0), "-");
	parsed_clear(&p);
}

Test(command, an_option_may_repeat_only_where_the_table_says_so)
{
	struct parsed p;

	parse(&p, "x user set anna --alias a --alias b");
	cr_assert_eq(p.rc, 0, "%s", p.fault.text);

	g_autofree const char **all = admin_option_all(&p.admin, "alias");

	cr_assert_str_eq(all[1], "b");
	cr_assert_null(all[2]);
	parsed_clear(&p);
	parse(&p, "x user set anna --email a --email b");
	cr_assert_eq(p.rc, -1);
	cr_assert_eq(p.fault.kind, FAULT_USAGE);
	parsed_clear(&p);
}

Test(command, what_is_wrong_is_told)
{
	static const struct {
		const char *line;
		const char *text;
	} cases[] = {
		{"x", "no command"},
		{"x usr list", "did you mean \"user\"?"},
		{"x zzzzzzzz", "unknown command \"zzzzzzzz\""},
		{"x user", "user what?"},
		{"x user lst", "did you mean \"list\"?"},
		{"x user create anna --emial a@b", "did you mean \"email\"?"},
		{"x user create anna --email", "needs a value"},
		{"x user create anna --admin=yes", "takes no value"},
		{"x user show", "too few arguments"},
		{"x user show a b", "too many arguments"},
		{"x user list -z", "unknown option"},
		{"x user list -o store_path", "key=value"},
		{"x user show \xff", "not valid UTF-8"},
		{"x init now", "too many arguments"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct parsed p;

		parse(&p, cases[i].line);
		cr_expect_eq(p.rc, -1, "%s", cases[i].line);
		cr_expect(strstr(p.fault.text, cases[i].text), "%s: %s",
			  cases[i].line, p.fault.text);
		parsed_clear(&p);
	}
}

Test(command, help_and_version_win)
{
	struct parsed p;

	parse(&p, "x user --help");
	cr_assert_eq(p.rc, 0);
	cr_assert(p.help);
	cr_assert_str_eq(p.admin.noun->name, "user");
	parsed_clear(&p);
	parse(&p, "x --version nonsense");
	cr_assert_eq(p.rc, 0);
	cr_assert(p.version);
	parsed_clear(&p);
}

/* Every row can be reached, has a text, and its options are not those that
 * all commands have. */
Test(command, the_table_is_sound)
{
	const struct noun *const *nouns = command_nouns();

	for (; *nouns; nouns++) {
		cr_expect_eq(command_find_noun((*nouns)->name), *nouns);
		for (const struct command *c = (*nouns)->commands; c->verb;
		     c++) {
			cr_expect_eq(command_find(*nouns, c->verb), c);
			cr_expect(c->run && c->text && *c->text);
			for (const struct command_option *o = c->options;
			     o && o->name; o++)
				cr_expect(strcmp(o->name, "json") != 0 &&
					  strcmp(o->name, "yes") != 0 &&
					  o->text);
		}
	}
}

Test(command, numbers_are_whole_and_not_negative)
{
	static const char *const bad[] = {
		"",   "x",  "-1",     "1x",
		" 1", "+1", "1;drop", "99999999999999999999"};
	int64_t n = 0;
	struct fault fault = {0};

	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
		cr_expect_eq(admin_number("ID", bad[i], &n, &fault), -1, "%s",
			     bad[i]);
	cr_assert_eq(admin_number("ID", "42", &n, &fault), 0);
	cr_assert_eq(n, 42);
}
