/*
 * Lexer, parser, checker: what is a script, and where a faulty one is wrong.
 */
#include "cases.h"

static const struct sieve_case accepted[] = {
	{"address with a name", "redirect \"A <a@b.example>\";", NULL,
	 "redirect a@b.example"},
	{"address with needless quotation marks",
	 "redirect \"\\\"A, B\\\" <\\\"a.b\\\"@b.example>\";", NULL,
	 "redirect a.b@b.example"},
	{"header field that cannot be",
	 "if header \"Subject:\" \"x\" { discard; }", NULL, "+keep"},
	{"match variable beyond nine",
	 "require \"variables\"; if string \"a\" \"${31}\" { discard; }", NULL,
	 "+keep"},
	{"empty", "", NULL, "+keep"},
	{"blanks and comments", "\t# x\r\n/* y\n * / */ # z", NULL, "+keep"},
	{"byte order mark", "\xef\xbb\xbfkeep;", NULL, "keep"},
	{"CRLF", "if true {\r\n\tkeep;\r\n}\r\n", NULL, "keep"},
	{"case of names", "IF True { KEEP; } ELSE { Discard; }", NULL, "keep"},
	{"case of tags",
	 "if header :COMPARATOR \"i;octet\" :Is \"X-Count\" "
	 "\"042\" {keep;}",
	 NULL, "keep"},
	{"no blanks", "require\"fileinto\";fileinto\"a\";", NULL, "fileinto a"},
	{"comment between arguments",
	 "require /* a */ \"fileinto\" # b\n ; fileinto /**/ \"x\";", NULL,
	 "fileinto x"},
	{"stars in a comment", "/***/ keep; /* ** */", NULL, "keep"},
	{"escapes", "require \"fileinto\"; fileinto \"a\\\"b\\\\c\\d\";", NULL,
	 "fileinto a\"b\\cd"},
	{"multi-line text",
	 "require \"reject\"; reject text:\nline one\n..stuffed\n.half\n.\n;",
	 NULL, "reject line one\r\n.stuffed\r\n.half\r\n"},
	{"multi-line text with comment and CRLF",
	 "require \"reject\"; reject text:  # why\r\nno\r\n.\r\n;", NULL,
	 "reject no\r\n"},
	{"multi-line text, empty", "require \"reject\"; reject text:\n.\n;",
	 NULL, "reject "},
	{"quoted string over lines", "require \"reject\"; reject \"a\nb\";",
	 NULL, "reject a\r\nb"},
	{"UTF-8 string", "require \"fileinto\"; fileinto \"\xc3\x9c\";", NULL,
	 "fileinto \xc3\x9c"},
	{"number", "if size :over 999 {discard;}", NULL, "discard"},
	{"number K", "if size :over 1K {discard;}", NULL, "+keep"},
	{"number k", "if size :under 1k {discard;}", NULL, "discard"},
	{"number M and G",
	 "if allof(size :under 1M, size :under 7G) {discard;}", NULL,
	 "discard"},
	{"largest number", "if size :under 9223372036854775807 {discard;}",
	 NULL, "discard"},
	{"largest with G", "if size :under 8589934591G {discard;}", NULL,
	 "discard"},
	{"tags in any order 1",
	 IF("", "address :domain :comparator \"i;octet\" :contains \"from\" "
		"\"ORG\""),
	 NULL, YES},
	{"tags in any order 2",
	 IF("", "address :contains :comparator \"i;octet\" :domain \"from\" "
		"\"ORG\""),
	 NULL, YES},
	{"require twice", "require \"copy\"; require [\"copy\",\"fileinto\"];",
	 NULL, "+keep"},
	{"comparators may be required",
	 "require [\"comparator-i;octet\",\"comparator-i;ascii-casemap\"];",
	 NULL, "+keep"},
	{"empty block", "if true { }", NULL, "+keep"},
	{"stop ends", "keep; stop; discard;", NULL, "keep; stop"},
	{"encoded character",
	 "require [\"fileinto\",\"encoded-character\"];"
	 "fileinto \"a${hex:40}b${unicode: 2603 40}\";",
	 NULL, "fileinto a@b\xe2\x98\x83@"},
	{"encoded character, several bytes",
	 "require [\"fileinto\",\"encoded-character\"];"
	 "fileinto \"${HEX:c3 9C}\";",
	 NULL, "fileinto \xc3\x9c"},
	{"encoded character that is none",
	 "require [\"fileinto\",\"encoded-character\"];"
	 "fileinto \"${hex:4Z}${hex:}${hex:400}${unicode:}${he\";",
	 NULL, "fileinto ${hex:4Z}${hex:}${hex:400}${unicode:}${he"},
	{"encoded character not required",
	 "require \"fileinto\"; fileinto \"${hex:40}\";", NULL,
	 "fileinto ${hex:40}"},
	{"${ is no variable without require",
	 "require \"fileinto\"; fileinto \"${a}\";", NULL, "fileinto ${a}"},
	{"text is a name too", "if not anyof(false,false) { keep; }", NULL,
	 "keep"},
};

Test(syntax, accepted)
{
	CASE_RUN(accepted);
}

static const struct sieve_case lexical[] = {
	{"NUL is told by another test; bad UTF-8", "keep;\n  \xff", NULL,
	 "error 2:3: the script is not valid UTF-8 here"},
	{"bad UTF-8 in a string", "redirect \"\xc3\x9c\xc3\x28\";", NULL,
	 "error 1:12: the script is not valid UTF-8 here"},
	{"bad UTF-8 in a comment", "# \xe2\x82\nkeep;", NULL,
	 "error 1:3: the script is not valid UTF-8 here"},
	{"open string", "keep;\nredirect \"abc;\n", NULL,
	 "error 2:10: string is not closed"},
	{"open string after backslash", "redirect \"abc\\", NULL,
	 "error 1:10: string is not closed"},
	{"open comment", "keep; /* x\n *", NULL,
	 "error 1:7: comment is not closed"},
	{"slash", "keep / keep;", NULL, "error 1:6: '/' does not belong here"},
	{"odd character", "keep;\n\t%", NULL,
	 "error 2:2: '%' does not belong here"},
	{"odd character beyond ASCII", "\xc3\xbc keep;", NULL,
	 "error 1:1: unexpected character"},
	{"control character", "keep\x01;", NULL,
	 "error 1:5: unexpected character"},
	{"column counts characters",
	 "if header \"\xc3\xa4\xc3\xb6\xc3\xbc\xe2\x82\xac\" $", NULL,
	 "error 1:18: '$' does not belong here"},
	{"number too large", "if size :over 18446744073709551616 {}", NULL,
	 "error 1:15: number is too large"},
	{"number too large by its unit", "if size :over 17179869184G {}", NULL,
	 "error 1:15: number is too large"},
	{"number with an unknown unit", "if size :over 10T {}", NULL,
	 "error 1:17: a number ends in a digit, K, M or G"},
	{"number with two units", "if size :over 10KB {}", NULL,
	 "error 1:18: a number ends in a digit, K, M or G"},
	{"negative number", "if size :over -1 {}", NULL,
	 "error 1:15: '-' does not belong here"},
	{"colon alone", "if size : over 1 {}", NULL,
	 "error 1:9: ':' is not followed by a name"},
	{"open text", "redirect text:\nabc\n", NULL,
	 "error 1:10: text: is not ended by a line with a dot"},
	{"text with more on its line", "redirect text: abc\n.\n;", NULL,
	 "error 1:16: only a comment may follow \"text:\" on its line"},
};

Test(syntax, lexical_errors)
{
	CASE_RUN(lexical);
}

static const struct sieve_case grammar[] = {
	{"missing semicolon", "keep", NULL,
	 "error 1:5: expected ';' or '{', found the end of the script"},
	{"missing semicolon before a command", "keep\ndiscard;", NULL,
	 "error 2:1: missing semicolon (';') after the keep command"},
	{"two semicolons", "keep;;", NULL,
	 "error 1:6: expected a command, found ';'"},
	{"string as command", "\"keep\";", NULL,
	 "error 1:1: expected a command, found a string"},
	{"open block", "if true { keep;", NULL,
	 "error 1:16: expected a command or '}', found the end of the script"},
	{"closing brace too many", "keep; }", NULL,
	 "error 1:7: expected a command, found '}'"},
	{"empty string list", "require [];", NULL,
	 "error 1:10: expected a string, found ']'"},
	{"string list with a comma at its end", "require [\"copy\",];", NULL,
	 "error 1:17: expected a string, found ']'"},
	{"string list without a comma", "require [\"copy\" \"date\"];", NULL,
	 "error 1:17: expected ',' or ']', found a string"},
	{"number in a string list", "require [\"copy\", 1];", NULL,
	 "error 1:18: expected a string, found a number"},
	{"open string list", "require [\"copy\";", NULL,
	 "error 1:16: expected ',' or ']', found ';'"},
	{"empty test list", "if anyof () {}", NULL,
	 "error 1:11: expected a test, found ')'"},
	{"test list without a comma", "if anyof (true false) {}", NULL,
	 "error 1:16: the true test accepts no sub-tests, but one is specified"},
	{"argument after a test list", "if anyof (true) \"x\" {}", NULL,
	 "error 1:17: expected ';' or '{', found a string"},
	{"brackets do not nest", "require [[\"copy\"]];", NULL,
	 "error 1:10: expected a string, found '['"},
};

Test(syntax, grammar_errors)
{
	CASE_RUN(grammar);
}

static const struct sieve_case meaning[] = {
	{"unknown require", "require \"nonsense\";", NULL,
	 "error 1:9: unknown extension \"nonsense\""},
	{"unknown require in a list",
	 "require [\"fileinto\",\n\t\"vnd.other\"];", NULL,
	 "error 2:2: unknown extension \"vnd.other\""},
	{"require is an exact word", "require \"Fileinto\";", NULL,
	 "error 1:9: unknown extension \"Fileinto\""},
	{"unknown comparator required", "require \"comparator-i;klingon\";",
	 NULL, "error 1:9: unknown extension \"comparator-i;klingon\""},
	{"late require", "keep;\nrequire \"copy\";", NULL,
	 "error 2:1: require must stand before all other commands"},
	{"require in a block", "if true { require \"copy\"; }", NULL,
	 "error 1:11: require must stand before all other commands"},
	{"unknown command", "keep;\n  fly \"x\";", NULL,
	 "error 2:3: unknown command \"fly\""},
	{"unknown test", "if flies \"x\" {}", NULL,
	 "error 1:4: unknown test \"flies\""},
	{"test as command", "true;", NULL,
	 "error 1:1: cannot use test 'true' as a command"},
	{"command as test", "if keep {}", NULL,
	 "error 1:4: cannot use command 'keep' as a test"},
	{"fileinto without require", "keep;\n\tfileinto \"x\";", NULL,
	 "error 2:2: fileinto needs require \"fileinto\""},
	{"copy without require", "require \"fileinto\"; fileinto :copy \"x\";",
	 NULL, "error 1:30: the tag :copy needs require \"copy\""},
	{"redirect :copy without require", "redirect :copy \"a@b.example\";",
	 NULL, "error 1:10: the tag :copy needs require \"copy\""},
	{"envelope without require", "if envelope \"from\" \"x\" {}", NULL,
	 "error 1:4: envelope needs require \"envelope\""},
	{"reject without require", "reject \"no\";", NULL,
	 "error 1:1: reject needs require \"reject\""},
	{"ereject is another word", "require \"reject\"; ereject \"no\";", NULL,
	 "error 1:19: ereject needs require \"ereject\""},
	{":create without require",
	 "require \"fileinto\"; fileinto :create \"x\";", NULL,
	 "error 1:30: the tag :create needs require \"mailbox\""},
	{":specialuse without require",
	 "require \"fileinto\"; fileinto :specialuse \"\\\\Junk\" \"x\";", NULL,
	 "error 1:30: the tag :specialuse needs require \"special-use\""},
	{":flags without require", "keep :flags \"\\\\Seen\";", NULL,
	 "error 1:6: the tag :flags needs require \"imap4flags\""},
	{"setflag without require", "setflag \"\\\\Seen\";", NULL,
	 "error 1:1: setflag needs require \"imap4flags\""},
	{":detail without require", "if address :detail \"to\" \"x\" {}", NULL,
	 "error 1:12: the tag :detail needs require \"subaddress\""},
	{":value without require", "if header :value \"gt\" \"a\" \"x\" {}",
	 NULL, "error 1:11: the tag :value needs require \"relational\""},
	{":count without require", "if header :count \"gt\" \"a\" \"1\" {}",
	 NULL, "error 1:11: the tag :count needs require \"relational\""},
	{":regex without require", "if header :regex \"a\" \"1\" {}", NULL,
	 "error 1:11: the tag :regex needs require \"regex\""},
	{":index without require", "if header :index 1 \"a\" \"1\" {}", NULL,
	 "error 1:11: the tag :index needs require \"index\""},
	{"numeric comparator without require",
	 "if header :comparator \"i;ascii-numeric\" \"a\" \"1\" {}", NULL,
	 "error 1:23: the comparator \"i;ascii-numeric\" needs require "
	 "\"comparator-i;ascii-numeric\""},
	{"body without require", "if body \"x\" {}", NULL,
	 "error 1:4: body needs require \"body\""},
	{"date without require", "if currentdate \"year\" \"2026\" {}", NULL,
	 "error 1:4: currentdate needs require \"date\""},
	{"set without require", "set \"a\" \"b\";", NULL,
	 "error 1:1: set needs require \"variables\""},
	{"environment without require", "if environment \"a\" \"b\" {}", NULL,
	 "error 1:4: environment needs require \"environment\""},
	{"ihave without require", "if ihave \"copy\" {}", NULL,
	 "error 1:4: ihave needs require \"ihave\""},
	{"property without require", "if property \"PR_SUBJECT\" \"b\" {}",
	 NULL, "error 1:4: property needs require \"vnd.okapi.property\""},
	{"mailboxexists without require", "if mailboxexists \"b\" {}", NULL,
	 "error 1:4: mailboxexists needs require \"mailbox\""},
	{"unknown tag", "if header :like \"a\" \"b\" {}", NULL,
	 "error 1:11: unknown tagged argument ':like' for the header test (it takes :is :contains :matches :comparator)"},
	{"tag of another test", "if header :localpart \"a\" \"b\" {}", NULL,
	 "error 1:11: unknown tagged argument ':localpart' for the header test (it takes :is :contains :matches :comparator)"},
	{"two match types", "if header :is :contains \"a\" \"b\" {}", NULL,
	 "error 1:15: :contains after another tag of its kind"},
	{"two address parts", "if address :all :domain \"a\" \"b\" {}", NULL,
	 "error 1:17: :domain after another tag of its kind"},
	{"tag twice", "if size :over :over 1 {}", NULL,
	 "error 1:15: :over after another tag of its kind"},
	{"tag after an argument", "if header \"a\" :is \"b\" {}", NULL,
	 "error 1:15: unexpected tag ':is' behind the other arguments of the header test"},
	{"tag at the end", "if header \"a\" \"b\" :is {}", NULL,
	 "error 1:19: unexpected tag ':is' behind the other arguments of the header test"},
	{"comparator without a name",
	 "if header :comparator :is \"a\" \"b\" "
	 "{}",
	 NULL, "error 1:23: the tag :comparator must be followed by a string"},
	{"unknown comparator",
	 "if header :comparator \"i;klingon\" \"a\" \"b\" "
	 "{}",
	 NULL, "error 1:23: unknown comparator \"i;klingon\""},
	{"numeric comparator knows no substrings",
	 "require \"comparator-i;ascii-numeric\"; if header :contains "
	 ":comparator \"i;ascii-numeric\" \"a\" \"1\" {}",
	 NULL,
	 "error 1:49: comparator \"i;ascii-numeric\" knows no substrings"},
	{"unknown relation",
	 "require \"relational\"; if header :value \"more\" \"a\" \"1\" {}",
	 NULL, "error 1:40: \"more\" is none of gt, ge, lt, le, eq, ne"},
	{"too few arguments", "if header \"a\" {}", NULL,
	 "error 1:4: the header test requires 2 positional arguments, but 1 is specified"},
	{"too many arguments", "if header \"a\" \"b\" \"c\" {}", NULL,
	 "error 1:19: too many arguments for the header test"},
	{"far too many arguments", "if header \"a\" \"b\" \"c\" \"d\" \"e\" {}",
	 NULL, "error 1:27: too many arguments for header"},
	{"keep with an argument", "keep \"x\";", NULL,
	 "error 1:6: too many arguments for the keep command"},
	{"number for a string", "require \"fileinto\"; fileinto 1;", NULL,
	 "error 1:30: the fileinto command expects a string as argument 1 (mailbox), but a number was found"},
	{"list for a string", "redirect [\"a@b.example\"];", NULL,
	 "error 1:10: the redirect command expects a string as argument 1 (address), but a string list was found"},
	{"string for a number", "if size :over \"1\" {}", NULL,
	 "error 1:15: the size test expects a number as argument 1, but a string was found"},
	{"size without a direction", "if size 10 {}", NULL,
	 "error 1:4: size takes :over or :under"},
	{"else without if", "else { keep; }", NULL,
	 "error 1:1: else must follow an if or elsif"},
	{"elsif after else", "if true {} else {}\nelsif true {}", NULL,
	 "error 2:1: elsif must follow an if or elsif"},
	{"else after another command", "if true {} keep; else {}", NULL,
	 "error 1:18: else must follow an if or elsif"},
	{"else with a test", "if true {} else true {}", NULL,
	 "error 1:17: the else command accepts no sub-tests, but one is specified"},
	{"if without a test", "if { keep; }", NULL,
	 "error 1:1: if takes one test, not in parentheses"},
	{"if with a list of tests", "if (true) { keep; }", NULL,
	 "error 1:1: if takes one test, not in parentheses"},
	{"if without a block", "if true;", NULL,
	 "error 1:1: if lacks its block in braces"},
	{"keep with a block", "keep { }", NULL,
	 "error 1:1: keep takes no block"},
	{"not with two tests", "if not (true, false) {}", NULL,
	 "error 1:4: not takes one test, not in parentheses"},
	{"anyof without parentheses", "if anyof true {}", NULL,
	 "error 1:4: anyof takes a list of tests in parentheses"},
	{"true with a test", "if true false {}", NULL,
	 "error 1:9: the true test accepts no sub-tests, but one is specified"},
	{"part of the envelope",
	 "require \"envelope\"; if envelope \"cc\" \"x\" {}", NULL,
	 "error 1:33: \"cc\" is no part of the envelope: from, to or auth"},
	{"address of redirect", "redirect \"nobody\";", NULL,
	 "error 1:10: \"nobody\" is no mail address"},
	{"address in half a bracket", "redirect \"A <a@b.example\";", NULL,
	 "error 1:10: \"A <a@b.example\" is no mail address"},
	{"two addresses", "redirect \"a@b.example, c@b.example\";", NULL,
	 "error 1:10: \"a@b.example, c@b.example\" is no mail address"},
	{"address that smuggles", "redirect \"a@b.example\r\nRCPT\";", NULL,
	 "error 1:10: \"a@b.example  RCPT\" is no mail address"},
	{"empty folder", "require \"fileinto\"; fileinto \"\";", NULL,
	 "error 1:30: \"\" is no name of a folder"},
	{"special use without its backslash",
	 "require [\"fileinto\",\"special-use\"];\n"
	 "fileinto :specialuse \"Junk\" \"x\";",
	 NULL,
	 "error 2:22: a special use begins with a backslash: \"\\\\Junk\""},
	{"encoded NUL",
	 "require \"encoded-character\";\nredirect "
	 "\"${hex:00}@b\";",
	 NULL, "error 2:10: encoded character: NUL cannot be used"},
	{"encoded surrogate",
	 "require \"encoded-character\";\nredirect \"${unicode:d800}\";", NULL,
	 "error 2:10: encoded character: there is no such Unicode character"},
	{"encoded beyond Unicode",
	 "require \"encoded-character\";\nredirect \"${unicode:110000}\";",
	 NULL,
	 "error 2:10: encoded character: there is no such Unicode character"},
	{"namespace of a variable",
	 "require [\"fileinto\",\"variables\"];\nfileinto \"${a.b}\";", NULL,
	 "error 2:10: there is no such namespace of variables"},
	{"match variable too large",
	 "require [\"fileinto\",\"variables\"];\nfileinto \"${33}\";", NULL,
	 "error 2:10: match variables go from ${0} to ${32}"},
	{"name of a variable", "require \"variables\"; set \"1a\" \"x\";", NULL,
	 "error 1:26: \"1a\" is no name of a variable"},
	{"regular expression",
	 "require \"regex\"; if header :regex \"a\" [\"x\", \"(\"] {}", NULL,
	 "error 1:45: regular expression: at char 1: missing terminating )"},
	{"the first error is told",
	 "require \"nonsense\";\nkeep \"\xff\";\nfly", NULL,
	 "error 1:9: unknown extension \"nonsense\""},
	{"error in a block", "if true {\n  if false {\n    fly;\n  }\n}", NULL,
	 "error 3:5: unknown command \"fly\""},
	{":last without :index",
	 "require \"index\"; if header :last \"a\" \"b\" {}", NULL,
	 "error 1:28: the :last tag cannot be specified without the :index tag"},
	{":index 0", "require \"index\"; if header :index 0 \"a\" \"b\" {}",
	 NULL, "error 1:35: :index counts from 1"},
};

Test(syntax, errors_of_meaning)
{
	CASE_RUN(meaning);
}

Test(syntax, a_NUL_is_refused)
{
	struct sieve_error error = {0};
	struct fault fault = {0};

	cr_assert_null(sieve_compile("x", "keep;\n \0;", 9, &error, &fault));
	cr_assert_eq(error.line, 2);
	cr_assert_eq(error.column, 2);
	cr_assert_str_eq(error.text, "NUL is not allowed in a script");
	cr_assert_eq(fault.kind, FAULT_REFUSED_INPUT);
}

static char *nested(const char *open, const char *close, int depth,
		    const char *begin, const char *inner, const char *end)
{
	GString *text = g_string_new(begin);

	for (int i = 0; i < depth; i++)
		g_string_append(text, open);
	g_string_append(text, inner);
	for (int i = 0; i < depth; i++)
		g_string_append(text, close);
	g_string_append(text, end);
	return g_string_free(text, FALSE);
}

static void expect(const char *text, const char *expected)
{
	g_autofree char *line =
		case_run(&(struct sieve_case){"", text, NULL, expected});

	cr_expect_str_eq(line, expected, "got \"%s\"", line);
}

Test(syntax, nesting_has_limits)
{
	g_autofree char *deep =
		nested("if true {", "}", SIEVE_NESTING_MAX, "", "keep;", "");
	g_autofree char *deeper =
		nested("if true {", "}", SIEVE_NESTING_MAX + 1, "", "", "");
	g_autofree char *tests =
		nested("not ", "", SIEVE_NESTING_MAX - 1, "if ", "true", "{}");
	g_autofree char *more =
		nested("not ", "", SIEVE_NESTING_MAX, "if ", "true", "{}");
	g_autofree char *lists =
		nested("anyof(", ")", 100000, "if ", "true", "{}");

	expect(deep, "keep");
	expect(deeper, "error 1:297: blocks are nested deeper than 32");
	expect(tests, "+keep");
	expect(more, "error 1:132: tests are nested deeper than 32");
	expect(lists, "error 1:196: tests are nested deeper than 32");
}

Test(syntax, a_script_has_a_size_limit)
{
	g_autofree char *text = g_strnfill(SIEVE_SCRIPT_MAX + 1, ' ');
	struct sieve_script *script;

	expect(text, "error 1:1: the script is longer than 1048576 octets");
	script = sieve_compile("x", text, SIEVE_SCRIPT_MAX, NULL, NULL);
	cr_assert_not_null(script);
	sieve_script_free(script);
}

Test(syntax, an_error_is_shown_with_its_line)
{
	static const char text[] = "keep;\r\n\tif \xc3\xa4 $\r\nstop;";
	struct sieve_error error = {2, 7, "x"};
	g_autofree char *shown =
		sieve_error_show(text, sizeof(text) - 1, &error);
	g_autofree char *end = sieve_error_show(
		"keep", 4, &(struct sieve_error){.line = 1, .column = 5});
	g_autofree char *odd = sieve_error_show(
		"a\0\033b", 4, &(struct sieve_error){.line = 1, .column = 3});
	g_autofree char *far = sieve_error_show(
		"", 0, &(struct sieve_error){.line = 9, .column = 5});

	cr_expect_str_eq(shown, "\tif \xc3\xa4 $\n\t     ^\n");
	cr_expect_str_eq(end, "keep\n    ^\n");
	cr_expect_str_eq(far, "\n^\n");
	cr_expect_str_eq(odd, "a??b\n  ^\n");
}
