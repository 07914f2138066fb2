/*
 * What is told of scripts that are wrong: every error, where it is, and the
 * caret under it.
 */
#include "rules/sieve.h"

#include <criterion/criterion.h>
#include <string.h>

struct error_case {
	const char *name;
	const char *script;
	const char *expected; /* "LINE:COLUMN: TEXT" each on its line */
};

/* Owned. */
static char *errors_of(const char *text, size_t len)
{
	g_autoptr(GArray) errors =
		g_array_new(FALSE, FALSE, sizeof(struct sieve_error));
	GString *out = g_string_new(NULL);

	sieve_script_free(sieve_compile_all("x", text, len, NULL, errors));
	for (guint i = 0; i < errors->len; i++) {
		const struct sieve_error *error =
			&g_array_index(errors, struct sieve_error, i);

		g_string_append_printf(out, "%s%u:%u: %s", i ? "\n" : "",
				       error->line, error->column, error->text);
	}
	return g_string_free(out, FALSE);
}

static const struct error_case several[] = {
	{"each command has its own",
	 "keep 1;\nrequire \"fileinto\";\nfileinto;\nstop \"x\";",
	 "1:6: too many arguments for the keep command\n"
	 "2:1: require must stand before all other commands\n"
	 "3:1: fileinto needs require \"fileinto\"\n"
	 "4:6: too many arguments for the stop command"},
	{"several in one command",
	 "require \"encoded-character\";\n"
	 "redirect \"${unicode:110000}\";\n"
	 "if header [\"a\", \"${unicode:d800}\", \"${hex:0}\"] 5 {}",
	 "2:10: encoded character: there is no such Unicode character\n"
	 "3:17: encoded character: there is no such Unicode character\n"
	 "3:36: encoded character: NUL cannot be used\n"
	 "3:48: the header test expects a string list as argument 2 (key "
	 "list), but a number was found"},
	{"a faulty require is one error, and what it asks for is known",
	 "require [\"fileinto\", \"nonesuch\"] true;\nfileinto \"a\";",
	 "1:34: the require command accepts no sub-tests, but one is "
	 "specified"},
	{"an unknown tag is told once of a command",
	 "keep :x;\nif header :x \"a\" \"b\" {}\nif header :x \"a\" \"b\" {}",
	 "1:6: unknown tagged argument ':x' for the keep command (it takes "
	 "none)\n"
	 "2:11: unknown tagged argument ':x' for the header test (it takes "
	 ":is :contains :matches :comparator)"},
	{"an unknown command is told once, also before what is no token",
	 "kep $;\nkep;\nredirekt \"a\";",
	 "1:1: unknown command \"kep\"\n"
	 "1:5: '$' does not belong here\n"
	 "3:1: unknown command \"redirekt\""},
	{"a test stands where an argument is missing",
	 "require \"fileinto\";\nfileinto true;\nredirect \"a@b.example\" true;",
	 "2:1: the fileinto command requires 1 positional argument, but 0 are "
	 "specified\n"
	 "3:24: the redirect command accepts no sub-tests, but one is "
	 "specified"},
	{"a tag lost its colon", "if header contains \"subject\" \"x\" {}",
	 "1:4: the header test requires 2 positional arguments, but 0 are "
	 "specified\n"
	 "1:11: missing colon (':') before the contains tag of the header "
	 "test"},
	{"a semicolon is missing",
	 "redirect \"a@b.example\"\nkeep;\nredirect \"a@b.example\"\nkep;",
	 "2:1: missing semicolon (';') after the redirect command\n"
	 "4:1: missing semicolon (';') after the redirect command"},
	{"special uses begin with a backslash",
	 "require \"special-use\";\n"
	 "if specialuse_exists [\"\\\\Sent\", \"Junk\"] {}",
	 "2:33: a special use begins with a backslash: \"\\\\Junk\""},
	{"name of a variable is too long",
	 "require \"variables\";\n"
	 "set \"a234567890123456789012345678901234567890123456789012345678901"
	 "2345\" \"x\";",
	 "2:5: \"a234567890123456789012345678901234567890\" is no name of a "
	 "variable"},
	{"characters beyond 64 bits",
	 "require \"encoded-character\";\n"
	 "redirect \"${unicode:333333333}\";\n"
	 "redirect \"${unicode:33333333333333333}\";",
	 "2:10: encoded character: there is no such Unicode character\n"
	 "3:10: encoded character: there is no such Unicode character"},
	{"a NUL spoils the field",
	 "require [\"editheader\",\"encoded-character\"];\n"
	 "addheader \"X\" \"a${hex:00}b\";",
	 "2:15: encoded character: NUL cannot be used\n"
	 "2:15: the value \"a${hex:00}b\" is invalid"},
	{"a require that lacks its semicolon still requires",
	 "require [\"fileinto\", \"imap4flags\"]\n"
	 "if true { addflag \"x\"; fileinto \"a\"; }\nfileinto \"b\";",
	 "2:1: missing semicolon (';') after the require command"},
};

static void check_all(const struct error_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		g_autofree char *got =
			errors_of(cases[i].script, strlen(cases[i].script));

		cr_expect_str_eq(got, cases[i].expected,
				 "%s: got\n%s\nwanted\n%s", cases[i].name, got,
				 cases[i].expected);
	}
}

Test(errors, all_are_told_in_order)
{
	check_all(several, G_N_ELEMENTS(several));
}

/* Each class of error there is, command by command. */
static const struct error_case classes[] = {
	{"lexer: a number that is too large",
	 "if size :over 18446744073709551616 {}", "1:15: number is too large"},
	{"lexer: a number by its unit", "if size :over 34359738368G {}",
	 "1:15: number is too large"},
	{"lexer: a string that does not end", "redirect \"a",
	 "1:10: string is not closed"},
	{"lexer: a text that does not end",
	 "require \"reject\"; reject text:\nx",
	 "1:26: text: is not ended by a line with a dot"},
	{"lexer: a comment that does not end", "/* keep;",
	 "1:1: comment is not closed"},
	{"lexer: a character that nothing begins with", "keep @;",
	 "1:6: '@' does not belong here"},
	{"parser: no end of a command", "keep",
	 "1:5: expected ';' or '{', found the end of the script"},
	{"parser: no end of a block", "if true { keep;",
	 "1:16: expected a command or '}', found the end of the script"},
	{"parser: a brace too many", "keep; }",
	 "1:7: expected a command, found '}'"},
	{"parser: a list that is empty", "if header [] \"x\" {}",
	 "1:12: expected a string, found ']'"},
	{"parser: a list that is not closed", "if header [\"a\" \"x\" {}",
	 "1:16: expected ',' or ']', found a string"},
	{"parser: tests that are not closed", "if anyof (true, false {}",
	 "1:23: expected ',' or ')', found '{'"},
	{"if: no test", "if { keep; }",
	 "1:1: if takes one test, not in parentheses"},
	{"if: no block", "if true;", "1:1: if lacks its block in braces"},
	{"if: a list of tests", "if (true, false) {}",
	 "1:1: if takes one test, not in parentheses"},
	{"if: an argument", "if \"x\" true {}",
	 "1:4: too many arguments for the if command"},
	{"elsif: without if", "keep; elsif true {}",
	 "1:7: elsif must follow an if or elsif"},
	{"else: after else", "if true {} else {} else {}",
	 "1:20: else must follow an if or elsif"},
	{"else: with a test", "if true {} else if false {}",
	 "1:17: \"else if\" is written elsif"},
	{"if: as a test", "if if true {}",
	 "1:4: cannot use command 'if' as a test"},
	{"require: nothing", "require;",
	 "1:1: the require command requires 1 positional argument, but 0 are specified"},
	{"require: no string", "require 5;",
	 "1:9: the require command expects a string list as argument 1, but a number was found"},
	{"require: two", "require \"copy\" \"fileinto\";",
	 "1:16: too many arguments for the require command"},
	{"require: what there is not", "require [\"copy\", \"_none\"];",
	 "1:18: unknown extension \"_none\""},
	{"require: what needs none", "require \"redirect\";",
	 "1:9: unknown extension \"redirect\""},
	{"require: after another command", "keep; require \"copy\";",
	 "1:7: require must stand before all other commands"},
	{"require: in a block", "if true { require \"copy\"; }",
	 "1:11: require must stand before all other commands"},
	{"require: a block", "require \"copy\" {}",
	 "1:1: require takes no block"},
	{"header: an unknown tag", "if header :all \"a\" \"b\" {}",
	 "1:11: unknown tagged argument ':all' for the header test (it takes :is :contains :matches :comparator)"},
	{"header: a number for names", "if header 1 \"b\" {}",
	 "1:11: the header test expects a string list as argument 1 (header names), but a number was found"},
	{"header: a number for keys", "if header \"a\" 1 {}",
	 "1:15: the header test expects a string list as argument 2 (key list), but a number was found"},
	{"header: no keys", "if header \"a\" {}",
	 "1:4: the header test requires 2 positional arguments, but 1 is specified"},
	{"header: as a command", "header \"a\" \"b\";",
	 "1:1: cannot use test 'header' as a command"},
	{"header: a test behind it", "if header \"a\" \"b\" true {}",
	 "1:19: the header test accepts no sub-tests, but one is specified"},
	{"header: two match types", "if header :is :contains \"a\" \"b\" {}",
	 "1:15: :contains after another tag of its kind"},
	{"address: a field without addresses",
	 "if address \"subject\" \"b\" {}",
	 "1:12: the header field 'subject' is not allowed for the address test: it holds no addresses (the header test looks at any field)"},
	{"address: two parts", "if address :domain :all \"from\" \"b\" {}",
	 "1:20: :all after another tag of its kind"},
	{"envelope: a part there is not",
	 "require \"envelope\"; if envelope \"body\" \"b\" {}",
	 "1:33: \"body\" is no part of the envelope: from, to or auth"},
	{"envelope: not required", "if envelope \"from\" \"b\" {}",
	 "1:4: envelope needs require \"envelope\""},
	{"exists: a number", "if exists 1 {}",
	 "1:11: the exists test expects a string list as argument 1 (header names), but a number was found"},
	{"size: neither over nor under", "if size 1 {}",
	 "1:4: size takes :over or :under"},
	{"size: both", "if size :over :under 1 {}",
	 "1:15: :under after another tag of its kind"},
	{"size: no number", "if size :over \"1\" {}",
	 "1:15: the size test expects a number as argument 1, but a string was found"},
	{"stop: with an argument", "stop \"x\";",
	 "1:6: too many arguments for the stop command"},
	{"stop: with a block", "stop {}", "1:1: stop takes no block"},
	{"keep: with a test", "keep true;",
	 "1:6: the keep command accepts no sub-tests, but one is specified"},
	{"discard: with a string", "discard \"x\";",
	 "1:9: too many arguments for the discard command"},
	{"fileinto: no folder", "require \"fileinto\"; fileinto;",
	 "1:21: the fileinto command requires 1 positional argument, but 0 are specified"},
	{"fileinto: two", "require \"fileinto\"; fileinto \"a\" \"b\";",
	 "1:34: too many arguments for the fileinto command"},
	{"fileinto: an empty name", "require \"fileinto\"; fileinto \"\";",
	 "1:30: \"\" is no name of a folder"},
	{"fileinto: a tag of an extension",
	 "require \"fileinto\"; fileinto :copy \"a\";",
	 "1:30: the tag :copy needs require \"copy\""},
	{"redirect: no address", "redirect \"a b\";",
	 "1:10: \"a b\" is no mail address"},
	{"redirect: two addresses", "redirect \"a@b.example, c@d.example\";",
	 "1:10: \"a@b.example, c@d.example\" is no mail address"},
	{"comparator: none there is",
	 "if header :comparator \"i;klingon\" \"a\" \"b\" {}",
	 "1:23: unknown comparator \"i;klingon\""},
	{"comparator: no string", "if header :comparator 1 \"a\" \"b\" {}",
	 "1:23: the tag :comparator must be followed by a string"},
	{"comparator: of variables",
	 "require \"variables\"; if header :comparator \"${a}\" \"a\" \"b\" {}",
	 "1:44: no variables are allowed here"},
	{"match type: no substrings of numbers",
	 "require \"comparator-i;ascii-numeric\"; if header :contains :comparator \"i;ascii-numeric\" \"a\" \"b\" {}",
	 "1:49: comparator \"i;ascii-numeric\" knows no substrings"},
	{"relational: no relation",
	 "require \"relational\"; if header :value \"is\" \"a\" \"b\" {}",
	 "1:40: \"is\" is none of gt, ge, lt, le, eq, ne"},
	{"relational: no word",
	 "require \"relational\"; if header :value 5 \"a\" \"b\" {}",
	 "1:40: the tag :value must be followed by a string"},
	{"encoded character: none there is",
	 "require \"encoded-character\"; redirect \"${unicode:110000}@x\";",
	 "1:39: encoded character: there is no such Unicode character"},
	{"regex: is none", "require \"regex\"; if header :regex \"a\" \"(\" {}",
	 "1:39: regular expression: at char 1: missing terminating )"},
	{"variables: no name", "require \"variables\"; set \"1\" \"x\";",
	 "1:26: \"1\" is no name of a variable"},
	{"variables: no namespace",
	 "require \"variables\"; redirect \"${a.b}\";",
	 "1:31: there is no such namespace of variables"},
	{"variables: a modifier twice",
	 "require \"variables\"; set :lower :upper \"a\" \"x\";",
	 "1:33: :upper after another tag of its kind"},
	{"variables: a match there is not",
	 "require \"variables\"; redirect \"${99}\";",
	 "1:31: match variables go from ${0} to ${32}"},
	{"include: a name that is none",
	 "require \"include\"; include \"a/b\";",
	 "1:28: \"a/b\" is no name of a script"},
	{"include: of variables",
	 "require [\"include\",\"variables\"]; include \"${a}\";",
	 "1:42: no variables are allowed in the name of an included script"},
	{"global: used before",
	 "require [\"include\",\"variables\"]; set \"a\" \"x\"; global \"a\";",
	 "1:54: the variable a is in use already, and local"},
	{"imap4flags: no list", "require \"imap4flags\"; setflag;",
	 "1:23: the setflag command requires 1 positional argument, but 0 are specified"},
	{"imap4flags: as a test", "require \"imap4flags\"; if addflag \"x\" {}",
	 "1:26: cannot use command 'addflag' as a test"},
	{"reject: no reason", "require \"reject\"; reject;",
	 "1:19: the reject command requires 1 positional argument, but 0 are specified"},
	{"vacation: no reason", "require \"vacation\"; vacation;",
	 "1:21: the vacation command requires 1 positional argument, but 0 are specified"},
	{"vacation: no address",
	 "require \"vacation\"; vacation :from \"x\" \"y\";",
	 "1:36: \"x\" is no mail address"},
	{"vacation: days and seconds",
	 "require [\"vacation\",\"vacation-seconds\"]; vacation :days 1 :seconds 2 \"y\";",
	 "1:59: :seconds after another tag of its kind"},
	{"date: no such part",
	 "require \"date\"; if date \"date\" \"century\" \"x\" {}",
	 "1:32: \"century\" is no part of a date"},
	{"date: a zone that is none",
	 "require \"date\"; if date :zone \"CET\" \"date\" \"hour\" \"x\" {}",
	 "1:31: \"CET\" is no time zone such as \"+0100\""},
	{"index: zero", "require \"index\"; if header :index 0 \"a\" \"b\" {}",
	 "1:35: :index counts from 1"},
	{"index: last without it",
	 "require \"index\"; if header :last \"a\" \"b\" {}",
	 "1:28: the :last tag cannot be specified without the :index tag"},
	{"body: no type", "require \"body\"; if body :content :is \"b\" {}",
	 "1:34: the tag :content must be followed by a string list"},
	{"duplicate: two ids",
	 "require \"duplicate\"; if duplicate :header \"a\" :uniqueid \"b\" {}",
	 "1:47: :uniqueid after another tag of its kind"},
	{"duplicate: last without seconds",
	 "require \"duplicate\"; if duplicate :seconds \"x\" {}",
	 "1:44: the tag :seconds must be followed by a number"},
	{"editheader: no name",
	 "require \"editheader\"; addheader \"a:\" \"b\";",
	 "1:33: the field name \"a:\" is invalid"},
	{"editheader: index of last",
	 "require \"editheader\"; deleteheader :last \"a\";",
	 "1:36: the :last tag cannot be specified without the :index tag"},
	{"spamtest: a string", "require \"spamtest\"; if spamtest 5 {}",
	 "1:33: the spamtest test expects a string as argument 1 (key list), but a number was found"},
	{"special-use: no backslash",
	 "require [\"fileinto\",\"special-use\"]; fileinto :specialuse \"Junk\" \"x\";",
	 "1:58: a special use begins with a backslash: \"\\\\Junk\""},
	{"ihave: what is not there, outside of it", "if ihave \"copy\" {}",
	 "1:4: ihave needs require \"ihave\""},
	{"environment: two names",
	 "require \"environment\"; if environment [\"a\"] \"b\" {}",
	 "1:39: the environment test expects a string as argument 1, but a string list was found"},
	{"property: no such one",
	 "require \"vnd.okapi.property\"; if property \"PR_NONE\" \"x\" {}",
	 "1:43: unknown property \"PR_NONE\""},
	{"typos: a colon too few", "if header contains \"a\" \"b\" {}",
	 "1:4: the header test requires 2 positional arguments, but 0 are specified\n1:11: missing colon (':') before the contains tag of the header test"},
	{"typos: a semicolon too few", "keep\nstop;",
	 "2:1: missing semicolon (';') after the keep command"},
	{"typos: a name", "if heder \"a\" \"b\" {}",
	 "1:4: unknown test \"heder\""},
};

Test(errors, every_class_is_told_where_it_is)
{
	check_all(classes, G_N_ELEMENTS(classes));
}

Test(errors, more_arguments_than_any_command_takes)
{
	g_autoptr(GString) text = g_string_new("if header");
	g_autofree char *got = NULL;

	for (int i = 0; i < 33; i++)
		g_string_append(text, " \"a\"");
	g_string_append(text, " {}");
	got = errors_of(text->str, text->len);
	cr_expect_str_eq(got, "1:139: header has more than 32 arguments");
}

Test(errors, no_more_than_a_screenful)
{
	g_autoptr(GString) text = g_string_new(NULL);
	g_autofree char *got = NULL;
	size_t lines = 1;

	for (int i = 0; i < 1000; i++)
		g_string_append(text, "keep 1;\n");
	got = errors_of(text->str, text->len);
	for (const char *at = got; (at = strchr(at, '\n')); at++)
		lines++;
	cr_expect_eq(lines, SIEVE_ERRORS_MAX);
}

/* ---- the caret ---- */

struct caret_case {
	const char *name;
	const char *script;
	const char *expected; /* what sieve_error_show() makes of the first */
};

static const struct caret_case carets[] = {
	{"a blank for a blank", "  keep 1;", "  keep 1;\n       ^\n"},
	{"a tab for a tab", "if true {\n\t\tkeep\t1;\n}",
	 "\t\tkeep\t1;\n\t\t    \t^\n"},
	{"columns are characters", "/* \xc3\xbc\xe2\x82\xac */ keep 1;",
	 "/* \xc3\xbc\xe2\x82\xac */ keep 1;\n              ^\n"},
	{"CRLF is no part of the line", "stop;\r\nkeep 1;\r\nstop;\r\n",
	 "keep 1;\n     ^\n"},
	{"a byte order mark has no width", "\xef\xbb\xbfkeep 1;",
	 "keep 1;\n     ^\n"},
	{"the end of the script", "if true {", "if true {\n         ^\n"},
	{"behind the last line end", "if true {\n", "\n^\n"},
	{"an empty script's only line", "}", "}\n^\n"},
	{"what a terminal would obey is not shown", "keep \x1b[2J;",
	 "keep ?[2J;\n     ^\n"},
	{"a string that is not closed", "redirect \"a\nb",
	 "redirect \"a\n         ^\n"},
};

static char *show_first(const char *text, size_t len)
{
	struct sieve_error error = {0};
	struct fault fault = {0};
	AUTO(sieve_script)
	script = sieve_compile("x", text, len, &error, &fault);

	cr_assert_null(script);
	return sieve_error_show(text, len, &error);
}

Test(errors, caret_stands_under_the_fault)
{
	for (size_t i = 0; i < G_N_ELEMENTS(carets); i++) {
		g_autofree char *got =
			show_first(carets[i].script, strlen(carets[i].script));

		cr_expect_str_eq(got, carets[i].expected, "%s: got\n%s",
				 carets[i].name, got);
	}
}

/* A line of a megabyte is not shown whole: what stands around the fault is. */
Test(errors, very_long_line)
{
	g_autoptr(GString) text = g_string_new("/*");
	g_autofree char *got = NULL;
	g_auto(GStrv) lines = NULL;

	for (int i = 0; i < 1000; i++)
		g_string_append(text, "\xc3\xbc");
	g_string_append(text, "*/keep 1; /*");
	for (int i = 0; i < 5000; i++)
		g_string_append(text, "y");
	g_string_append(text, "*/");
	got = show_first(text->str, text->len);
	lines = g_strsplit(got, "\n", -1);
	cr_assert_eq(g_strv_length(lines), 3);
	cr_expect(g_utf8_validate(got, -1, NULL));
	cr_expect_leq(g_utf8_strlen(lines[0], -1), 160);
	cr_expect_eq(g_utf8_offset_to_pointer(lines[0],
					      (glong)strlen(lines[1]) - 1)[0],
		     '1', "%s", got);
}
