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
};

Test(errors, all_are_told_in_order)
{
	for (size_t i = 0; i < G_N_ELEMENTS(several); i++) {
		g_autofree char *got =
			errors_of(several[i].script, strlen(several[i].script));

		cr_expect_str_eq(got, several[i].expected,
				 "%s: got\n%s\nwanted\n%s", several[i].name,
				 got, several[i].expected);
	}
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
