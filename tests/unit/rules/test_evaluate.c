/*
 * RFC 5228 at work: tests, actions, several scripts as one, run-time errors.
 */
#include "cases.h"

static const struct sieve_case tests[] = {
	{"true and false", "if true {keep;} if false {discard;}", NULL, "keep"},
	{"not", "if not false {discard;}", NULL, "discard"},
	{"allof", "if allof(true,true,true) {discard;}", NULL, "discard"},
	{"allof, one false", "if allof(true,false) {discard;}", NULL, "+keep"},
	{"anyof", "if anyof(false,true) {discard;}", NULL, "discard"},
	{"anyof, none", "if anyof(false,false) {discard;}", NULL, "+keep"},
	{"nested", "if not allof(not false, anyof(false, not true)) {discard;}",
	 NULL, "discard"},
	{"elsif", "if false {discard;} elsif true {keep;} else {stop;}", NULL,
	 "keep"},
	{"second elsif",
	 "if false {} elsif false {} elsif true {discard;} else {keep;}", NULL,
	 "discard"},
	{"else", "if false {stop;} elsif false {stop;} else {discard;}", NULL,
	 "discard"},
	{"only the first branch",
	 "if true {} elsif true {discard;} else "
	 "{discard;}",
	 NULL, "+keep"},
	{"after a chain", "if true {keep;} else {stop;} discard;", NULL,
	 "keep; discard"},
	{"header :is", IF("", "header \"x-spam-score\" \"7.5\""), NULL, YES},
	{"header :is is whole", IF("", "header \"x-spam-score\" \"7\""), NULL,
	 NO},
	{"header, any of many keys",
	 IF("", "header \"x-count\" [\"1\",\"042\"]"), NULL, YES},
	{"header, any of many fields",
	 IF("", "header [\"nope\",\"X-Count\"] \"042\""), NULL, YES},
	{"header, second of two fields",
	 IF("", "header :contains \"received\" \"from b\""), NULL, YES},
	{"header not there", IF("", "header :contains \"nope\" \"\""), NULL,
	 NO},
	{"empty header, empty key", IF("", "header \"x-empty\" \"\""), NULL,
	 YES},
	{"empty header contains the empty key",
	 IF("", "header :contains \"x-empty\" \"\""), NULL, YES},
	{"header :contains", IF("", "header :contains \"subject\" \"list\""),
	 NULL, YES},
	{"header :contains beyond ASCII",
	 IF("", "header :contains \"subject\" \"gr\xc3\xbc\xc3\x9f\""), NULL,
	 YES},
	{"i;ascii-casemap knows ASCII only",
	 IF("", "header :contains \"subject\" \"GR\xc3\x9c\""), NULL, NO},
	{"i;unicode-casemap",
	 IF(",\"comparator-i;unicode-casemap\"",
	    "header :comparator \"i;unicode-casemap\" :contains \"subject\" "
	    "\"GR\xc3\x9cSSE\""),
	 NULL, YES},
	{"i;octet",
	 IF("", "header :comparator \"i;octet\" :contains "
		"\"subject\" \"list\""),
	 NULL, NO},
	{"header :matches", IF("", "header :matches \"subject\" \"[list]*\""),
	 NULL, YES},
	{":matches is whole", IF("", "header :matches \"subject\" \"[list]\""),
	 NULL, NO},
	{":matches with a quoted star",
	 IF("", "header :matches \"subject\" \"*e \\\\* 50*\""), NULL, YES},
	{":matches with a quoted question mark",
	 IF("", "header :matches \"subject\" \"*off\\\\?\""), NULL, YES},
	{":matches ? is a character",
	 IF("", "header :matches \"subject\" \"[list] Gr??e *\""), NULL, YES},
	{":matches ? is one", IF("", "header :matches \"x-count\" \"?42?\""),
	 NULL, NO},
	{"i;ascii-numeric",
	 IF(",\"comparator-i;ascii-numeric\"",
	    "header :comparator \"i;ascii-numeric\" \"x-count\" \"42\""),
	 NULL, YES},
	{"i;ascii-numeric stops at the first non-digit",
	 IF(",\"comparator-i;ascii-numeric\"",
	    "header :comparator \"i;ascii-numeric\" \"x-spam-score\" \"7\""),
	 NULL, YES},
	{"i;ascii-numeric, no numbers are equal",
	 IF(",\"comparator-i;ascii-numeric\"",
	    "header :comparator \"i;ascii-numeric\" \"subject\" \"x\""),
	 NULL, YES},
	{"exists", IF("", "exists [\"from\",\"To\",\"X-EMPTY\"]"), NULL, YES},
	{"exists, one missing", IF("", "exists [\"from\",\"nope\"]"), NULL, NO},
	{"size :over", IF("", "size :over 999"), NULL, YES},
	{"size :over is not at", IF("", "size :over 1000"), NULL, NO},
	{"size :under is not at", IF("", "size :under 1000"), NULL, NO},
	{"size :under", IF("", "size :under 1001"), NULL, YES},
	{"address", IF("", "address \"from\" \"ann.lee+news@example.org\""),
	 NULL, YES},
	{"address is not the display name",
	 IF("", "address :contains \"from\" \"Ann Lee\""), NULL, NO},
	{"address :all", IF("", "address :all \"cc\" \"joe@other.example\""),
	 NULL, YES},
	{"address :localpart",
	 IF("", "address :localpart \"from\" \"ann.lee+news\""), NULL, YES},
	{"address :domain", IF("", "address :domain \"from\" \"example.org\""),
	 NULL, YES},
	{"address in a group",
	 IF("", "address :is \"to\" \"eve@okapi.example\""), NULL, YES},
	{"address of several fields",
	 IF("", "address :domain :is [\"from\",\"cc\"] \"other.example\""),
	 NULL, YES},
	{"address of a field that came unparsed",
	 IF("", "address :localpart \"x-original-to\" [\"b\"]"),
	 "X-Original-To: \"A, B\" <a@x>, b@y (c, d)", YES},
	{"address, quoted comma is no address",
	 IF("", "address :all \"x-original-to\" \"A\""),
	 "X-Original-To: \"A, B\" <a@x>", NO},
	{"address without a domain has no parts",
	 IF("", "address :localpart \"x-original-to\" \"root\""),
	 "X-Original-To: root", NO},
	{"address without a domain is all of it",
	 IF("", "address \"x-original-to\" \"root\""), "X-Original-To: root",
	 YES},
	{"envelope from",
	 IF(",\"envelope\"", "envelope \"from\" \"Ann.Lee@example.org\""), NULL,
	 YES},
	{"envelope to",
	 IF(",\"envelope\"", "envelope :localpart \"TO\" \"bob+lists\""), NULL,
	 YES},
	{"envelope :domain",
	 IF(",\"envelope\"",
	    "envelope :domain [\"from\",\"to\"] \"okapi.example\""),
	 NULL, YES},
	{"header without fields", IF("", "header :contains \"a\" \"\""), "",
	 NO},
};

Test(evaluate, tests)
{
	CASE_RUN(tests);
}

#define R "require [\"fileinto\",\"copy\",\"reject\",\"imap4flags\"];"

static const struct sieve_case actions[] = {
	{"keep", "keep;", NULL, "keep"},
	{"keep twice", "keep; keep;", NULL, "keep"},
	{"discard", "discard;", NULL, "discard"},
	{"discard twice", "discard; discard;", NULL, "discard"},
	{"discard cancels the implicit keep only", R "fileinto \"a\"; discard;",
	 NULL, "fileinto a; discard"},
	{"keep and discard", "discard; keep;", NULL, "discard; keep"},
	{"fileinto", R "fileinto \"a/b\";", NULL, "fileinto a/b"},
	{"fileinto :copy", R "fileinto :copy \"a\";", NULL,
	 "fileinto a; +keep"},
	{"fileinto, then :copy", R "fileinto \"a\"; fileinto :copy \"b\";",
	 NULL, "fileinto a; fileinto b"},
	{"the same folder twice", R "fileinto \"a\"; fileinto \"a\";", NULL,
	 "fileinto a"},
	{"the same folder, copied first",
	 R "fileinto :copy \"a\"; fileinto \"a\";", NULL, "fileinto a"},
	{"keep is fileinto INBOX", R "keep; fileinto \"inbox\";", NULL, "keep"},
	{"fileinto INBOX and the implicit keep", R "fileinto :copy \"INBOX\";",
	 NULL, "fileinto INBOX"},
	{"other stores", R "fileinto \"user:eve/Inbox\";", NULL,
	 "fileinto user:eve/Inbox"},
	{"redirect", "redirect \"a@b.example\";", NULL, "redirect a@b.example"},
	{"redirect :copy", R "redirect :copy \"a@b.example\";", NULL,
	 "redirect a@b.example; +keep"},
	{"redirect twice",
	 "redirect \"a@b.example\"; redirect \"A@B.example\";", NULL,
	 "redirect a@b.example"},
	{"four redirects",
	 "redirect \"a@b.c\"; redirect \"b@b.c\"; redirect \"c@b.c\"; "
	 "redirect \"d@b.c\"; redirect \"a@b.c\";",
	 NULL,
	 "redirect a@b.c; redirect b@b.c; redirect c@b.c; redirect d@b.c"},
	{"five redirects",
	 "redirect \"a@b.c\"; redirect \"b@b.c\"; redirect \"c@b.c\"; redirect "
	 "\"d@b.c\";\n redirect \"e@b.c\";",
	 NULL,
	 "failed r1 2:2: number of redirect actions exceeds policy limit: more than 4; +keep"},
	{"five redirects in two rules",
	 "redirect \"a@b.c\"; redirect \"b@b.c\"; redirect "
	 "\"c@b.c\";" CASE_NEXT "redirect \"d@b.c\"; redirect \"e@b.c\";",
	 NULL,
	 "failed r2 1:19: number of redirect actions exceeds policy limit: more than 4; redirect a@b.c; redirect "
	 "b@b.c; redirect c@b.c; +keep"},
	{"reject", R "reject \"go away\";", NULL, "reject go away"},
	{"ereject", "require \"ereject\"; ereject \"no\";", NULL, "reject no"},
	{"reject and discard", R "reject \"no\"; discard;", NULL,
	 "reject no; discard"},
	{"reject and keep", R "reject \"no\"; keep;", NULL,
	 "failed r1 1:64: reject and keep do not go together; +keep"},
	{"fileinto and reject", R "fileinto \"a\"; reject \"no\";", NULL,
	 "failed r1 1:65: reject and fileinto do not go together; +keep"},
	{"reject and redirect", R "reject \"n\"; redirect \"a@b.c\";", NULL,
	 "failed r1 1:63: reject and redirect do not go together; +keep"},
	{"reject twice", R "reject \"n\"; reject \"m\";", NULL,
	 "failed r1 1:63: reject and reject do not go together; +keep"},
	{"reject in one rule, keep in the next",
	 R "reject \"n\";" CASE_NEXT "keep;", NULL,
	 "failed r2 1:1: reject and keep do not go together; reject n"},
	{"stop", "stop; discard;", NULL, "+keep; stop"},
	{"stop in a block", "if true { discard; stop; } keep;", NULL,
	 "discard; stop"},
};

Test(evaluate, actions)
{
	CASE_RUN(actions);
}

static const struct sieve_case several[] = {
	{"no rule", "", NULL, "+keep"},
	{"in order", R "fileinto :copy \"a\";" CASE_NEXT R "fileinto \"b\";",
	 NULL, "fileinto a; fileinto b"},
	{"one implicit keep", "discard;" CASE_NEXT "", NULL, "discard"},
	{"stop ends all", "stop;" CASE_NEXT "discard;", NULL, "+keep; stop"},
	{"the same folder in two rules",
	 R "fileinto \"a\";" CASE_NEXT R "fileinto \"a\";", NULL, "fileinto a"},
	{"requires are of one rule",
	 R "fileinto \"a\";" CASE_NEXT "fileinto \"b\";", NULL,
	 "error 1:1: fileinto needs require \"fileinto\""},
	{"a failing rule does not end the others",
	 R "fileinto \"x\"; reject \"no\";" CASE_NEXT R "fileinto \"b\";", NULL,
	 "failed r1 1:65: reject and fileinto do not go together; fileinto b; "
	 "+keep"},
	{"a failing rule's stop and discard are nothing",
	 "require \"ihave\"; discard; error \"no\";" CASE_NEXT "discard;", NULL,
	 "failed r1 1:27: no; discard; +keep"},
	{"a failing rule and a keep",
	 "require \"ihave\"; error \"no\";" CASE_NEXT "keep;", NULL,
	 "failed r1 1:18: no; keep"},
	{"two failing rules",
	 "require \"ihave\"; error \"no\";" CASE_NEXT
	 "require \"ihave\";\nerror \"not\";",
	 NULL, "failed r1 1:18: no; failed r2 2:1: not; +keep"},
	{"flags are of all rules",
	 R "addflag \"\\\\Seen\";" CASE_NEXT R "addflag \"Work\"; keep;", NULL,
	 "keep (\\Seen,Work)"},
	{"flags of a failing rule are forgotten",
	 R "addflag \"A\";" CASE_NEXT "require [\"ihave\",\"imap4flags\"]; "
	   "setflag \"B\"; error \"x\";" CASE_NEXT R "keep;",
	 NULL, "failed r2 1:46: x; keep (A)"},
};

Test(evaluate, several_scripts)
{
	CASE_RUN(several);
}

static const struct sieve_case levels[] = {
	{"exit level ends the rules after it",
	 "#exit\nkeep;" CASE_NEXT "discard;" CASE_NEXT "stop;", NULL, "keep"},
	{"exit level without an action ends nothing",
	 "#exit\nif false { keep; }" CASE_NEXT "discard;", NULL, "discard"},
	{"rules for out of office run after exit level",
	 "#exit\nkeep;" CASE_NEXT "stop;" CASE_NEXT
	 "#oof\nredirect \"a@b.example\";",
	 NULL, "keep; redirect a@b.example"},
	{"both flags end those as well",
	 "#exit #oof\nkeep;" CASE_NEXT
	 "#oof\nredirect \"a@b.example\";" CASE_NEXT "discard;",
	 NULL, "keep"},
	{"both flags after exit level",
	 "#exit\nkeep;" CASE_NEXT
	 "#exit #oof\nredirect \"a@b.example\";" CASE_NEXT
	 "#oof\nredirect \"c@b.example\";",
	 NULL, "keep; redirect a@b.example"},
	{"scripts of the site run after exit level",
	 "#exit\nkeep;" CASE_NEXT "discard;" CASE_NEXT
	 "#site\nredirect \"a@b.example\";",
	 NULL, "keep; redirect a@b.example"},
	{"a rule of exit level that fails ends nothing",
	 "#exit\nrequire \"ihave\"; error \"x\";" CASE_NEXT "keep;", NULL,
	 "failed r1 2:18: x; keep"},
	{"a mark is an action",
	 "#exit\n" R "addflag \"A\";" CASE_NEXT "discard;", NULL, "keep (A)"},
};

Test(evaluate, levels)
{
	CASE_RUN(levels);
}

static struct sieve_plan *plan_of(const char *name, const char *text)
{
	AUTO(propset) set = case_set(NULL);
	struct fault fault = {0};
	static struct sieve_script *script;
	struct sieve_rule one = {0};
	struct sieve_message message = {.set = set};

	if (script)
		sieve_script_free(script);
	script = sieve_compile(name, text, strlen(text), NULL, &fault);
	cr_assert_not_null(script, "%s", fault.text);
	one.script = script;
	return sieve_evaluate(&one, 1, &message, NULL, NULL);
}

Test(evaluate, the_plan_names_the_deciding_rule)
{
	AUTO(sieve_plan) plan = plan_of("junk", "if true {\n\n  discard;\n}\n");
	AUTO(sieve_plan) none = NULL;
	AUTO(sieve_plan) flags = NULL;
	const struct sieve_action *action = plan->actions->pdata[0];

	cr_assert_str_eq(plan->rule, "junk");
	cr_assert_eq(plan->line, 3);
	cr_assert_str_eq(action->rule, "junk");
	cr_assert_eq(action->line, 3);
	cr_assert_not(sieve_plan_keeps(plan));
	none = plan_of("nothing", "if false { discard; }");
	cr_assert_null(none->rule);
	cr_assert(none->implicit_keep);
	cr_assert(sieve_plan_keeps(none));
	flags = plan_of("flags", "require \"imap4flags\";\naddflag \"A\";");
	cr_assert_not(flags->implicit_keep);
	cr_assert(sieve_plan_keeps(flags));
	cr_assert_str_eq(flags->rule, "flags");
}

Test(evaluate, actions_have_a_limit)
{
	g_autoptr(GString) text = g_string_new("require \"fileinto\";\n");
	g_autofree char *line = NULL;

	for (int i = 0; i < SIEVE_ACTIONS_MAX; i++)
		g_string_append_printf(text, "fileinto \"f%d\";\n", i);
	line = case_run(&(struct sieve_case){"", text->str, NULL, ""});
	cr_assert(g_str_has_prefix(line, "fileinto f0; "), "%s", line);
	g_free(line);
	g_string_append(text, "fileinto \"f0\"; fileinto \"more\";");
	line = case_run(&(struct sieve_case){"", text->str, NULL, ""});
	cr_assert_str_eq(
		line,
		"failed r1 34:16: total number of actions exceeds policy limit: more than 32; +keep");
}

Test(evaluate, work_has_a_limit)
{
	g_autofree char *key = g_strnfill(200, 'a');
	g_autofree char *value = g_strnfill(100000, 'a');
	g_autofree char *headers = g_strconcat("X: ", value, NULL);
	g_autoptr(GString) text = g_string_new("");
	g_autofree char *line = NULL;

	for (int i = 0; i < 100; i++)
		g_string_append_printf(
			text, "if header :matches \"x\" \"*%s?b*\" {}\n", key);
	line = case_run(&(struct sieve_case){"", text->str, headers, ""});
	cr_assert(g_str_has_suffix(line, "the rule takes too much work; +keep"),
		  "%s", line);
}

Test(evaluate, bodies_are_asked_for_where_they_are_looked_at)
{
	static const struct {
		const char *text;
		enum sieve_needs needs;
	} cases[] = {
		{"keep;", SIEVE_NEEDS_FIELDS},
		{"if header \"Subject\" \"x\" {}", SIEVE_NEEDS_FIELDS},
		{"require \"body\"; if body \"x\" {}", SIEVE_NEEDS_PARTS},
		{"require \"body\"; if body :raw \"x\" {}", SIEVE_NEEDS_HEADER},
		{"require \"vnd.okapi.property\"; if property \"PR_SUBJECT\" "
		 "\"x\" {}",
		 SIEVE_NEEDS_HEADER},
		{"require \"vnd.okapi.property\"; if property :contains "
		 "\"pr_body\" \"x\" {}",
		 SIEVE_NEEDS_ALL},
		{"require \"vnd.okapi.property\"; if property :exists "
		 "\"0x10130102\" {}",
		 SIEVE_NEEDS_ALL},
		{"require \"vnd.okapi.property\"; if property :attachment "
		 ":contains \"PR_ATTACH_DATA_BIN\" \"eA==\" {}",
		 SIEVE_NEEDS_ALL},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		AUTO(sieve_script) script = sieve_compile(
			"x", cases[i].text, strlen(cases[i].text), NULL, NULL);

		cr_assert_not_null(script);
		cr_expect_eq(sieve_script_needs(script), cases[i].needs, "%s",
			     cases[i].text);
	}
}

/* The header fields a script asks for: "" none, "*" all there are. */
Test(evaluate, fields_that_scripts_look_at)
{
	static const struct {
		const char *text;
		const char *fields;
	} cases[] = {
		{"keep; stop;", ""},
		{"if size :over 1M { discard; }", ""},
		{"require \"envelope\"; if envelope \"from\" \"a@b\" { keep; }",
		 ""},
		{"if header \"Subject\" \"x\" {} elsif exists [\"X-A\", "
		 "\"SUBJECT\"] {}",
		 "subject x-a"},
		{"if not anyof (header :is \"List-Id\" \"x\", address "
		 "[\"From\", \"Cc\"] \"y\") { stop; }",
		 "list-id from cc"},
		{"require \"date\"; if date \"Received\" \"year\" \"2026\" {}",
		 "received"},
		{"require \"date\"; if currentdate \"year\" \"2026\" {}", ""},
		{"require \"duplicate\"; if duplicate {}", "message-id"},
		{"require \"duplicate\"; if duplicate :header \"X-Id\" {}",
		 "x-id"},
		{"require [\"variables\", \"duplicate\"]; if duplicate "
		 ":uniqueid \"${a}\" {}",
		 ""},
		{"require \"encoded-character\"; if header \"${hex:53}ubject\" "
		 "\"x\" {}",
		 "subject"},
		{"require \"variables\"; set \"a\" \"To\"; if header "
		 "\"Subject\" \"${a}\" {}",
		 "subject"},
		{"require \"variables\"; set \"a\" \"To\"; if header \"${a}\" "
		 "\"x\" {}",
		 "*"},
		{"require [\"variables\", \"duplicate\"]; if duplicate :header "
		 "\"${a}\" {}",
		 "*"},
		{"require \"editheader\"; addheader \"X-A\" \"b\";", "*"},
		{"require \"vacation\"; vacation \"away\";", "*"},
		{"require \"spamtest\"; if spamtest \"3\" {}", "*"},
		{"require \"vnd.okapi.property\"; if property \"PR_SUBJECT\" "
		 "\"x\" {}",
		 "*"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		AUTO(sieve_script) script = sieve_compile(
			"x", cases[i].text, strlen(cases[i].text), NULL, NULL);
		g_autofree char *fields = NULL;

		cr_assert_not_null(script, "%s", cases[i].text);
		fields = sieve_script_needs(script) == SIEVE_NEEDS_FIELDS
				 ? g_strjoinv(" ", (char **)(uintptr_t)
							   sieve_script_fields(
								   script))
				 : g_strdup("*");
		cr_expect_str_eq(fields, cases[i].fields, "%s", cases[i].text);
	}
}

/* Beyond some number all are as well. */
Test(evaluate, a_script_of_many_fields_looks_at_all)
{
	g_autoptr(GString) text = g_string_new("if exists [\"X-0\"");
	AUTO(sieve_script) script = NULL;

	for (int i = 1; i < 65; i++)
		g_string_append_printf(text, ", \"X-%d\"", i);
	g_string_append(text, "] {}");
	script = sieve_compile("x", text->str, text->len, NULL, NULL);
	cr_expect_eq(sieve_script_needs(script), SIEVE_NEEDS_HEADER);
}
