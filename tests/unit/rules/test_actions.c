/*
 * vnd.okapi.forward, vnd.okapi.reply, vnd.okapi.setproperty: what they put into
 * the plan, and what is wrong in them.
 */
#include "cases.h"

#define F(rest) "require [\"copy\",\"vnd.okapi.forward\"];\nforward " rest ";"
#define A(rest)                                                                \
 "require [\"vnd.okapi.reply\",\"variables\",\"fileinto\"];\nreply " rest ";"
#define S(rest)                                                                \
 "require [\"fileinto\",\"copy\",\"variables\","                               \
 "\"vnd.okapi.setproperty\"];\n" rest

static const struct sieve_case forwards[] = {
	{"it takes the place of the keep", F("\"a@b.c\""), NULL,
	 "forward a@b.c"},
	{":copy", F(":copy \"a@b.c\""), NULL, "forward a@b.c; +keep"},
	{":attachment, :subject, :message",
	 F(":attachment :subject \"s\" :message \"m\" \"a@b.c\""), NULL,
	 "forward a@b.c :attachment :subject s \"m\""},
	{"each address once", F("[\"a@b.c\",\"d@e.f\",\"A@b.c\"]"), NULL,
	 "forward a@b.c, d@e.f"},
	{"the same twice is once",
	 F(":copy \"a@b.c\"") "forward :copy \"a@b.c\";", NULL,
	 "forward a@b.c; +keep"},
	{"inline and as attachment are two",
	 F(":copy \"a@b.c\"") "forward :attachment :copy \"a@b.c\";", NULL,
	 "forward a@b.c; forward a@b.c :attachment; +keep"},
	{"addresses count as redirects do",
	 F("[\"a@b.c\",\"d@b.c\",\"e@b.c\"]") "redirect \"f@b.c\";"
					      "redirect \"g@b.c\";",
	 NULL,
	 "failed r1 2:52: number of redirect actions exceeds policy limit: "
	 "more than 4; +keep"},
	{"more addresses than that",
	 F("[\"a@b.c\",\"d@b.c\",\"e@b.c\",\"f@b.c\",\"g@b.c\"]"), NULL,
	 "failed r1 2:1: number of redirect actions exceeds policy limit: "
	 "more than 4; +keep"},
	{"not with reject",
	 "require [\"reject\",\"vnd.okapi.forward\"];\nreject \"x\";"
	 "forward \"a@b.c\";",
	 NULL, "failed r1 2:12: reject and forward do not go together; +keep"},
	{"no address", F("\"nobody\""), NULL,
	 "error 2:9: \"nobody\" is no mail address"},
	{"two forms", F(":inline :attachment \"a@b.c\""), NULL,
	 "error 2:17: :attachment after another tag of its kind"},
	{":from is an address", F(":from \"me\" \"a@b.c\""), NULL,
	 "error 2:15: \"me\" is no mail address"},
	{"it is to be required", "forward \"a@b.c\";", NULL,
	 "error 1:1: forward needs require \"vnd.okapi.forward\""},
};

Test(actions, forward)
{
	CASE_RUN(forwards);
}

static const struct sieve_case replies[] = {
	{"it leaves the keep alone", A("\"hello\""), NULL,
	 "reply \"hello\"; +keep"},
	{":subject and variables",
	 A(":subject \"re\" \"x\"") "set \"v\" \"1\"; reply \"n${v}\";", NULL,
	 "reply :subject re \"x\"; reply \"n1\"; +keep"},
	{"the same twice is once", A("\"x\"") "reply \"x\";", NULL,
	 "reply \"x\"; +keep"},
	{"with a move", A("\"x\"") "fileinto \"y\";", NULL,
	 "reply \"x\"; fileinto y"},
	{":from that came out wrong",
	 A("\"x\"") "set \"v\" \"1\"; reply :from \"${v}\" \"y\";", NULL,
	 "failed r1 2:24: reply: \"1\" is no mail address; +keep"},
	{"it is to be required", "reply \"x\";", NULL,
	 "error 1:1: reply needs require \"vnd.okapi.reply\""},
};

Test(actions, reply)
{
	CASE_RUN(replies);
}

static const struct sieve_case properties[] = {
	{"it holds for the implicit keep",
	 S("setproperty \"PR_IMPORTANCE\" \"2\";"), NULL,
	 "keep PR_IMPORTANCE=2"},
	{"and for what comes after it",
	 S("fileinto :copy \"a\"; setproperty \"PR_IMPORTANCE\" \"2\";"
	   "fileinto \"b\";"),
	 NULL, "fileinto a; fileinto b PR_IMPORTANCE=2"},
	{"the last one holds",
	 S("setproperty \"PR_IMPORTANCE\" \"2\";"
	   "setproperty \"PR_IMPORTANCE\" \"0\";"),
	 NULL, "keep PR_IMPORTANCE=0"},
	{"a rule that fails has set nothing",
	 S("setproperty \"PR_IMPORTANCE\" \"2\"; fileinto \"${x}\";"), NULL,
	 "failed r1 2:34: fileinto: invalid folder name \"\"; +keep"},
	{"several rules are one",
	 S("setproperty \"PR_IMPORTANCE\" \"2\";") CASE_NEXT
	 "require \"fileinto\"; fileinto \"x\";",
	 NULL, "fileinto x PR_IMPORTANCE=2"},
	{"unknown", S("setproperty \"PR_NONE\" \"2\";"), NULL,
	 "error 2:13: the property \"PR_NONE\" is unknown"},
	{"not for rules", S("setproperty \"PR_SUBJECT\" \"x\";"), NULL,
	 "error 2:13: the property \"PR_SUBJECT\" is not for rules to set"},
	{"no number", S("setproperty \"PR_IMPORTANCE\" \"high\";"), NULL,
	 "error 2:29: \"high\" is not a number that fits, as PR_IMPORTANCE "
	 "wants it"},
	{"too large", S("setproperty \"PR_IMPORTANCE\" \"4294967296\";"), NULL,
	 "error 2:29: \"4294967296\" is not a number that fits, as "
	 "PR_IMPORTANCE wants it"},
	{"no type for it", S("setproperty \"PR_SEARCH_KEY\" \"x\";"), NULL,
	 "error 2:29: \"x\" is of no type that a rule can set, as "
	 "PR_SEARCH_KEY wants it"},
	{"two values", S("setproperty \"PR_IMPORTANCE\" [\"1\", \"2\"];"), NULL,
	 "error 2:35: \"PR_IMPORTANCE\" takes one value"},
	{"two values of a name that came out",
	 S("set \"n\" \"PR_IMPORTANCE\"; setproperty \"${n}\" [\"1\", \"2\"];"),
	 NULL,
	 "failed r1 2:26: setproperty: PR_IMPORTANCE takes one value; +keep"},
	{"categories, blanks and all",
	 S("setproperty \"keywords\" [\"Red Category\", \"Gr\xc3\xbcn\"];"
	   "setproperty \"Keywords\" \"red category\";"),
	 NULL, "keep (Red Category,Gr\xc3\xbcn)"},
	{"beside flags, and whatever the flags of an action are",
	 "require [\"vnd.okapi.setproperty\", \"imap4flags\", \"fileinto\"];"
	 "addflag \"Work\"; setproperty \"Keywords\" \"Red Category\";"
	 "removeflag \"Red Category\"; fileinto \"a\";"
	 "fileinto :flags \"\\\\Seen\" \"b\"; fileinto :flags \"x\" \"b\";",
	 NULL, "fileinto a (Work,Red Category); fileinto b (x,Red Category)"},
	{"several rules assign several",
	 S("setproperty \"Keywords\" \"Red Category\";") CASE_NEXT S(
		 "setproperty \"Keywords\" \"Boss\"; fileinto \"${x}\";")
		 CASE_NEXT S("setproperty \"Keywords\" \"Two Words\";"),
	 NULL,
	 "failed r2 2:32: fileinto: invalid folder name \"\"; "
	 "keep (Red Category,Two Words)"},
	{"a comma would divide it", S("setproperty \"Keywords\" \"a, b\";"),
	 NULL, "error 2:24: \"a, b\" is not the name of a category"},
	{"nothing is none", S("setproperty \"Keywords\" \"${x}\";"), NULL,
	 "failed r1 2:1: setproperty: Keywords, \"\": not the name of a "
	 "category; +keep"},
	{"came out wrong",
	 S("set \"v\" \"high\"; setproperty \"PR_IMPORTANCE\" \"${v}\";"), NULL,
	 "failed r1 2:17: setproperty: PR_IMPORTANCE, \"high\": not a number "
	 "that fits; +keep"},
};

Test(actions, setproperty)
{
	CASE_RUN(properties);
}
