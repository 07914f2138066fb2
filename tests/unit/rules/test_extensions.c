/*
 * The extensions, each by what its RFC promises.
 */
#include "cases.h"

#define FLAGS  "require [\"fileinto\",\"imap4flags\",\"variables\"];"
#define COUNT  ",\"relational\",\"comparator-i;ascii-numeric\""
#define NUMBER ":comparator \"i;ascii-numeric\""

static const struct sieve_case folders[] = {
	{":create",
	 "require [\"fileinto\",\"mailbox\"]; fileinto :create "
	 "\"a\";",
	 NULL, "fileinto :create a"},
	{"the last list of flags wins",
	 "require [\"imap4flags\",\"fileinto\"];\n"
	 "fileinto :flags \"a\" \"x\"; fileinto :flags [\"b\",\"c\"] \"x\";",
	 NULL, "fileinto x (b,c)"},
	{"a folder name of octets that are no UTF-8",
	 "require [\"variables\",\"encoded-character\",\"fileinto\"];\n"
	 "set \"f\" \"${hex:ff}x\";\nfileinto \"${f}\";",
	 NULL, "failed r1 3:1: fileinto: invalid folder name \"?x\"; +keep"},
	{":create is not lost when merged",
	 "require [\"fileinto\",\"mailbox\"]; fileinto \"a\"; fileinto :create "
	 "\"a\";",
	 NULL, "fileinto :create a"},
	{":specialuse",
	 "require [\"fileinto\",\"special-use\"]; fileinto :specialuse "
	 "\"\\\\Trash\" \"Deleted Items\";",
	 NULL, "fileinto :specialuse \\Trash Deleted Items"},
	{"all tags at once",
	 "require [\"fileinto\",\"special-use\",\"copy\",\"mailbox\","
	 "\"imap4flags\"]; fileinto :flags \"\\\\Seen\" :copy :specialuse "
	 "\"\\\\Junk\" :create \"Spam\";",
	 NULL, "fileinto :create :specialuse \\Junk Spam (\\Seen); +keep"},
	{"mailboxexists", IF(",\"mailbox\"", "mailboxexists \"Lists\""), NULL,
	 YES},
	{"mailboxexists, all of them",
	 IF(",\"mailbox\"", "mailboxexists [\"Inbox\",\"Nope\"]"), NULL, NO},
	{"specialuse_exists",
	 IF(",\"special-use\"", "specialuse_exists \"\\\\Junk\""), NULL, YES},
	{"specialuse_exists of a folder",
	 IF(",\"special-use\"", "specialuse_exists \"Lists\" \"\\\\Junk\""),
	 NULL, NO},
	{"specialuse_exists, none",
	 IF(",\"special-use\"", "specialuse_exists \"\\\\Archive\""), NULL, NO},
};

Test(extensions, folders)
{
	CASE_RUN(folders);
}

static const struct sieve_case flags[] = {
	{"keep :flags", FLAGS "keep :flags \"\\\\Seen\";", NULL,
	 "keep (\\Seen)"},
	{"keep :flags wins over the variable",
	 FLAGS "setflag \"\\\\Seen\"; keep :flags \"A\";", NULL, "keep (A)"},
	{"setflag replaces", FLAGS "addflag \"A\"; setflag \"B\"; keep;", NULL,
	 "keep (B)"},
	{"addflag adds each once",
	 FLAGS "addflag [\"A b\",\"a\"]; addflag \"C\"; fileinto \"x\";", NULL,
	 "fileinto x (A,b,C)"},
	{"removeflag",
	 FLAGS "setflag \"A B C\"; removeflag [\"b\",\"x\"]; "
	       "keep;",
	 NULL, "keep (A,C)"},
	{"what is no flag is left out",
	 FLAGS "setflag [\"\\\\Nope\",\"a(b\",\"\",\"\\\\seen\"]; keep;", NULL,
	 "keep (\\seen)"},
	{"the implicit keep has flags", FLAGS "setflag \"A\";", NULL,
	 "keep (A)"},
	{"flags of an earlier action stay",
	 FLAGS "setflag \"A\"; fileinto \"x\"; setflag \"B\";", NULL,
	 "fileinto x (A)"},
	{"flags in a variable",
	 FLAGS "setflag \"mine\" [\"A\",\"B\"]; removeflag \"mine\" \"A\"; "
	       "addflag \"mine\" \"C\"; keep :flags \"${mine}\";",
	 NULL, "keep (B,C)"},
	{"a variable needs variables",
	 "require \"imap4flags\"; setflag \"mine\" \"A\";", NULL,
	 "error 1:31: a variable for flags needs require \"variables\""},
	{"hasflag", FLAGS "setflag \"A B\"; if hasflag \"b\" {discard;}", NULL,
	 "discard"},
	{"hasflag :contains",
	 FLAGS "setflag \"Alpha\"; if hasflag :contains \"LPH\" {discard;}",
	 NULL, "discard"},
	{"hasflag of a variable",
	 FLAGS "setflag \"v\" \"A\"; if hasflag [\"u\",\"v\"] \"A\" "
	       "{discard;}",
	 NULL, "discard"},
	{"hasflag, none", FLAGS "if hasflag :contains \"\" {discard;}", NULL,
	 "+keep"},
	{"hasflag :count",
	 "require [\"imap4flags\"" COUNT "]; setflag \"A B\"; if hasflag "
	 ":count \"ge\" \"2\" {discard;}",
	 NULL, "discard"},
};

Test(extensions, flags)
{
	CASE_RUN(flags);
}

static const struct sieve_case parts[] = {
	{"address :user",
	 IF(",\"subaddress\"", "address :user \"from\" \"ann.lee\""), NULL,
	 YES},
	{"address :detail",
	 IF(",\"subaddress\"", "address :detail \"from\" \"news\""), NULL, YES},
	{"no detail never matches",
	 IF(",\"subaddress\"", "address :contains :detail \"cc\" \"\""), NULL,
	 NO},
	{"empty detail", IF(",\"subaddress\"", "address :detail \"to\" \"\""),
	 "To: bob+@x.example", YES},
	{"user without a detail",
	 IF(",\"subaddress\"", "address :user \"cc\" \"joe\""), NULL, YES},
	{"envelope :detail",
	 IF(",\"subaddress\",\"envelope\"", "envelope :detail \"to\" "
					    "\"LISTS\""),
	 NULL, YES},
	{"envelope :user",
	 IF(",\"subaddress\",\"envelope\"", "envelope :user \"to\" \"bob\""),
	 NULL, YES},
	{"envelope :detail of the sender",
	 IF(",\"subaddress\",\"envelope\"",
	    "envelope :matches :detail \"from\" \"*\""),
	 NULL, NO},
};

Test(extensions, subaddress)
{
	CASE_RUN(parts);
}

static const struct sieve_case relations[] = {
	{":value gt",
	 IF(COUNT, "header :value \"gt\" " NUMBER " \"x-count\" "
		   "\"41\""),
	 NULL, YES},
	{":value lt is by number",
	 IF(COUNT, "header :value \"lt\" " NUMBER " \"x-count\" \"5\""), NULL,
	 NO},
	{":value lt by octets",
	 IF(COUNT, "header :value \"lt\" :comparator \"i;octet\" \"x-count\" "
		   "\"5\""),
	 NULL, YES},
	{":value ge",
	 IF(COUNT, "header :value \"ge\" " NUMBER " \"x-count\" "
		   "\"42\""),
	 NULL, YES},
	{":value le",
	 IF(COUNT, "header :value \"le\" " NUMBER " \"x-count\" "
		   "\"42\""),
	 NULL, YES},
	{":value eq",
	 IF(COUNT, "header :value \"EQ\" " NUMBER " \"x-count\" "
		   "\"42\""),
	 NULL, YES},
	{":value ne",
	 IF(COUNT, "header :value \"ne\" " NUMBER " \"x-count\" "
		   "\"42\""),
	 NULL, NO},
	{":value with text is larger than numbers",
	 IF(COUNT, "header :value \"gt\" " NUMBER " \"subject\" \"999\""), NULL,
	 YES},
	{":count of fields",
	 IF(COUNT, "header :count \"eq\" " NUMBER " \"received\" \"2\""), NULL,
	 YES},
	{":count of none",
	 IF(COUNT, "header :count \"eq\" " NUMBER " \"nope\" \"0\""), NULL,
	 YES},
	{":count of addresses",
	 IF(COUNT, "address :count \"gt\" " NUMBER " [\"to\",\"cc\"] \"2\""),
	 NULL, YES},
	{":count of the envelope",
	 IF(COUNT ",\"envelope\"",
	    "envelope :count \"eq\" " NUMBER " [\"from\",\"to\"] \"2\""),
	 NULL, YES},
};

Test(extensions, relational)
{
	CASE_RUN(relations);
}

#define VARIABLES "require [\"fileinto\",\"variables\",\"regex\"];"
#define SET(modifiers, value, expected)                                        \
 {                                                                             \
  modifiers value,                                                             \
	  VARIABLES "set " modifiers " \"v\" \"" value                         \
		    "\"; fileinto \"[${v}]\";",                                \
	  NULL, "fileinto [" expected "]"                                      \
 }

static const struct sieve_case variables[] = {
	SET("", "a b", "a b"),
	SET(":lower", "AbC\xc3\x9c", "abc\xc3\xbc"),
	SET(":upper", "AbC\xc3\xbc", "ABC\xc3\x9c"),
	SET(":lowerfirst", "ABC", "aBC"),
	SET(":upperfirst :lower", "jULIA", "Julia"),
	SET(":upperfirst", "", ""),
	SET(":quotewildcard", "a*b?c", "a\\*b\\?c"),
	SET(":quoteregex", "a.b", "a\\.b"),
	SET(":length", "Gr\xc3\xbc\xc3\x9f", "4"),
	SET(":length", "", "0"),
	{"not set", VARIABLES "fileinto \"[${nope}]\";", NULL, "fileinto []"},
	{"names are case-blind",
	 VARIABLES "set \"Abc\" \"x\"; fileinto \"${aBC}\";", NULL,
	 "fileinto x"},
	{"in each other",
	 VARIABLES "set \"a\" \"x\"; set \"b\" \"${a}${a}\"; set \"a\" \"y\"; "
		   "fileinto \"${b}${a}\";",
	 NULL, "fileinto xxy"},
	{"what is no reference stays",
	 VARIABLES "set \"a\" \"x\"; fileinto \"${}${ a}$a${a-b}${a}\";", NULL,
	 "fileinto ${}${ a}$a${a-b}x"},
	{"not expanded twice",
	 VARIABLES "set \"a\" \"${b}{a}\"; set \"d\" \"$\"; fileinto "
		   "\"${d}{a}\";",
	 NULL, "fileinto ${a}"},
	{"what wildcards stand for",
	 VARIABLES "if header :matches \"subject\" \"[*] ???* *\" "
		   "{fileinto \"${1}|${2}|${3}|${4}|${5}|${6}|${7}\";}",
	 NULL,
	 "fileinto List|G|r|\xc3\xbc|\xc3\x9f"
	 "e|* 50% off?|"},
	{"the whole",
	 VARIABLES "if header :matches \"x-count\" \"?4*\" "
		   "{fileinto \"${0}\";}",
	 NULL, "fileinto 042"},
	{"stars are short",
	 VARIABLES "if header :matches \"x\" \"*-*-*\" "
		   "{fileinto \"${1}|${2}|${3}\";}",
	 "X: a-b-c-d", "fileinto a|b|c-d"},
	{"a failed match keeps the last one",
	 VARIABLES "if header :matches \"x-count\" \"*\" {} if header :matches "
		   "\"x-count\" \"z*\" {} fileinto \"${1}\";",
	 NULL, "fileinto 042"},
	{"groups of a regular expression",
	 VARIABLES "if header :regex \"x-spam-score\" "
		   "\"^([0-9]+)\\\\.([0-9])(x)?$\" "
		   "{fileinto \"${2}${1}[${3}]\";}",
	 NULL, "fileinto 57[]"},
	{"keys with variables",
	 VARIABLES "set \"k\" \"042\"; if header \"x-count\" \"${k}\" "
		   "{fileinto \"yes\";}",
	 NULL, YES},
	{"regular expression with variables",
	 VARIABLES "set \"k\" \"4[0-9]\"; if header :regex \"x-count\" "
		   "\"^0${k}$\" {fileinto \"yes\";}",
	 NULL, YES},
	{"faulty regular expression with variables",
	 VARIABLES "set \"k\" \"(\"; if header :regex \"x-count\" \"${k}\" {}",
	 NULL,
	 "failed r1 1:55: regular expression: at char 1: missing terminating "
	 "); +keep"},
	{"behind it the script goes on, and the mail is kept",
	 VARIABLES "set \"k\" \"(\"; if not header :regex \"x-count\" "
		   "\"${k}\" {fileinto \"yes\";}",
	 NULL,
	 "failed r1 1:55: regular expression: at char 1: missing terminating "
	 "); fileinto yes; +keep"},
	{"behind it nothing is thrown away",
	 VARIABLES "set \"k\" \"(\"; if not header :regex \"x-count\" "
		   "\"${k}\" {discard; stop;}",
	 NULL,
	 "failed r1 1:55: regular expression: at char 1: missing terminating "
	 "); +keep; stop"},
	{"nor refused",
	 "require [\"reject\", \"regex\", \"variables\"]; set \"k\" \"(\"; if "
	 "not header :regex \"x-count\" \"${k}\" {reject \"no\";}",
	 NULL,
	 "failed r1 1:56: regular expression: at char 1: missing terminating "
	 "); +keep"},
	{"nor by a rule after it",
	 VARIABLES "set \"k\" \"(\"; if header :regex \"x-count\" \"${k}\" "
		   "{}" CASE_NEXT "discard;",
	 NULL,
	 "failed r1 1:55: regular expression: at char 1: missing terminating "
	 "); discard; +keep"},
	{"but a rule after it may refuse",
	 VARIABLES "set \"k\" \"(\"; if header :regex \"x-count\" \"${k}\" "
		   "{}" CASE_NEXT "require \"reject\"; reject \"no\";",
	 NULL,
	 "failed r1 1:55: regular expression: at char 1: missing terminating "
	 "); reject no"},
	{"string",
	 VARIABLES "set \"a\" \"Hello\"; if string :contains \"${a}\" "
		   "\"ELL\" {fileinto \"yes\";}",
	 NULL, YES},
	{"string, many",
	 VARIABLES "if string [\"a\",\"b\"] \"b\" "
		   "{fileinto \"yes\";}",
	 NULL, YES},
	{"folder that came out empty", VARIABLES "fileinto \"${nope}\";", NULL,
	 "failed r1 1:42: fileinto: invalid folder name \"\"; +keep"},
	{"address that came out wrong",
	 "require \"variables\"; redirect \"${nope}\";", NULL,
	 "failed r1 1:22: redirect: \"\" is no mail address; +keep"},
	{"variables live on in the next rule",
	 "require \"variables\"; set \"a\" \"x\";" CASE_NEXT VARIABLES
	 "fileinto \"${a}${1}\";",
	 NULL, "fileinto x"},
};

Test(extensions, variables)
{
	CASE_RUN(variables);
}

Test(extensions, variables_have_limits)
{
	g_autoptr(GString) text = g_string_new(VARIABLES);
	g_autofree char *line = NULL;

	g_string_append(text, "set \"a\" \"0123456789abcdef\";");
	for (int i = 0; i < 12; i++)
		g_string_append(text, "set \"a\" \"${a}${a}\";");
	g_string_append(text, "set :length \"b\" \"${a}\"; fileinto \"${b}\";");
	line = case_run(&(struct sieve_case){"", text->str, NULL, ""});
	cr_expect_str_eq(line, "fileinto 8192");
	g_free(line);
	g_string_append(text, "fileinto \"");
	for (int i = 0; i < 9; i++)
		g_string_append(text, "${a}");
	g_string_append(text, "\";");
	line = case_run(&(struct sieve_case){"", text->str, NULL, ""});
	cr_expect(g_str_has_suffix(line,
				   "string is longer than 65536 octets; +keep"),
		  "%s", line);
	g_free(line);
	g_string_assign(text, VARIABLES);
	for (int i = 0; i < 257; i++)
		g_string_append_printf(text, "set \"v%d\" \"\";\n", i);
	line = case_run(&(struct sieve_case){"", text->str, NULL, ""});
	cr_expect_str_eq(line, "error 256:5: more than 255 variables");
}

#define DATE ",\"date\",\"relational\",\"index\""

static const struct sieve_case dates[] = {
	{"date in its own zone",
	 IF(DATE, "date :originalzone \"date\" \"hour\" \"05\""), NULL, YES},
	{"date in a given zone",
	 IF(DATE, "date :zone \"-0500\" \"date\" \"date\" \"2026-11-22\""),
	 NULL, YES},
	{"zone", IF(DATE, "date :originalzone \"date\" \"zone\" \"+0100\""),
	 NULL, YES},
	{"weekday", IF(DATE, "date :originalzone \"date\" \"weekday\" \"1\""),
	 NULL, YES},
	{"julian",
	 IF(DATE, "date :zone \"+0000\" \"date\" \"julian\" \"61367\""), NULL,
	 YES},
	{"iso8601",
	 IF(DATE, "date :originalzone \"date\" \"iso8601\" "
		  "\"2026-11-23T05:57:00+01:00\""),
	 NULL, YES},
	{"std11",
	 IF(DATE, "date :zone \"+0000\" \"date\" \"std11\" \"Mon, 23 "
		  "Nov 2026 04:57:00 +0000\""),
	 NULL, YES},
	{"year :value",
	 IF(DATE, "date :value \"ge\" :originalzone \"date\" "
		  "\"year\" \"2020\""),
	 NULL, YES},
	{"time of the topmost Received",
	 IF(DATE, "date :index 1 :originalzone \"received\" \"time\" "
		  "\"05:58:00\""),
	 NULL, YES},
	{"time of the oldest Received",
	 IF(DATE, "date :index 1 :last :originalzone \"received\" \"zone\" "
		  "\"-0500\""),
	 NULL, YES},
	{"no date", IF(DATE, "date :matches \"subject\" \"year\" \"*\""), NULL,
	 NO},
	{"currentdate",
	 IF(DATE, "currentdate :zone \"+0000\" \"iso8601\" "
		  "\"2026-11-23T05:58:00+00:00\""),
	 NULL, YES},
	{"currentdate :value",
	 IF(DATE, "allof(currentdate :zone \"+0200\" :value \"ge\" \"date\" "
		  "\"2026-11-01\", currentdate :zone \"+0200\" :value \"lt\" "
		  "\"date\" \"2026-12-01\")"),
	 NULL, YES},
	{"unknown part", IF(DATE, "currentdate \"century\" \"20\""), NULL,
	 "error 2:16: \"century\" is no part of a date"},
	{"unknown zone", IF(DATE, "currentdate :zone \"CET\" \"year\" \"20\""),
	 NULL, "error 2:22: \"CET\" is no time zone such as \"+0100\""},
	{"currentdate has no original zone",
	 IF(DATE, "currentdate :originalzone \"year\" \"20\""), NULL,
	 "error 2:16: unknown tagged argument ':originalzone' for the currentdate test (it takes :is :contains :matches :value :count :comparator :zone)"},
	{"header :index",
	 IF(DATE, "header :index 2 :contains \"received\" "
		  "\"from b\""),
	 NULL, YES},
	{"header :index, another",
	 IF(DATE, "header :index 1 :contains \"received\" \"from b\""), NULL,
	 NO},
	{"header :last",
	 IF(DATE, "header :index 1 :last :contains "
		  "\"received\" \"from b\""),
	 NULL, YES},
	{"header :index beyond",
	 IF(DATE, "header :index 3 :contains \"received\" \"\""), NULL, NO},
};

Test(extensions, date_and_index)
{
	CASE_RUN(dates);
}

static const struct sieve_case bodies[] = {
	{"body", IF(",\"body\"", "body :contains \"WORLD\""), NULL, YES},
	{"body :text is not HTML",
	 IF(",\"body\"", "body :text :contains \"<p>\""), NULL, NO},
	{"body :content html",
	 IF(",\"body\"", "body :content \"text/html\" :contains \"<p>\""), NULL,
	 YES},
	{"body :content plain",
	 IF(",\"body\"", "body :content \"text/plain\" :contains \"<p>\""),
	 NULL, NO},
	{"body :content text is every text",
	 IF(",\"body\"", "body :content \"text\" :contains \"&amp;\""), NULL,
	 YES},
	{"body :content of an attachment",
	 IF(",\"body\"", "body :content \"application/pdf\" :contains "
			 "\"%PDF\""),
	 NULL, YES},
	{"body :text of HTML is what a reader sees",
	 IF(",\"body\"", "body :text :contains \"World & more\""), NULL, YES},
	{"body :content of a multipart: what stands before its parts",
	 IF(",\"body\"", "body :content \"multipart\" :is \"before\""), NULL,
	 YES},
	{"body :content of a multipart: and behind them",
	 IF(",\"body\"", "body :content \"multipart/mixed\" :is \"behind\""),
	 NULL, YES},
	{"body :content of all types",
	 IF(",\"body\"", "body :content \"\" :contains \"PDF\""), NULL, YES},
	{"body :content with a slash at the end",
	 IF(",\"body\"", "body :content \"text/\" :contains \"\""), NULL, NO},
	{"body :content of no such type",
	 IF(",\"body\"", "body :content [\"image\",\"applic\"] :contains "
			 "\"\""),
	 NULL, NO},
	{"body :raw", IF(",\"body\"", "body :raw :contains \"=41\""), NULL,
	 YES},
	{"body :raw is not the header",
	 IF(",\"body\"", "body :raw :contains \"Subject\""), NULL, NO},
	{"body :matches", IF(",\"body\"", "body :matches \"hello*line*\""),
	 NULL, YES},
};

Test(extensions, body)
{
	CASE_RUN(bodies);
}

static const struct sieve_case others[] = {
	{"regex",
	 IF(",\"regex\"", "header :regex \"subject\" \"gr(\xc3\xbc|u)\""), NULL,
	 YES},
	{"regex is case-blind with i;ascii-casemap",
	 IF(",\"regex\"", "header :regex \"subject\" \"^.LIST\""), NULL, YES},
	{"regex with i;octet",
	 IF(",\"regex\"",
	    "header :regex :comparator \"i;octet\" \"subject\" \"LIST\""),
	 NULL, NO},
	{"regex with classes",
	 IF(",\"regex\"", "header :regex \"x-count\" \"^[[:digit:]]{3}$\""),
	 NULL, YES},
	{"regex that explodes",
	 "require \"regex\"; if header :regex \"x\" \"^(a+)+$\" {}",
	 "X: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab",
	 "failed r1 1:18: regular expression takes too much work; +keep"},
	{"environment",
	 IF(",\"environment\"", "environment \"host\" \"mx.okapi.example\""),
	 NULL, YES},
	{"environment domain",
	 IF(",\"environment\"", "environment \"domain\" \"okapi.example\""),
	 NULL, YES},
	{"environment location",
	 IF(",\"environment\"", "environment \"location\" \"MDA\""), NULL, YES},
	{"environment, unknown item",
	 IF(",\"environment\"", "environment :contains \"vnd.x\" \"\""), NULL,
	 NO},
	{"ihave",
	 "require \"ihave\"; if ihave \"fileinto\" { fileinto \"x\"; "
	 "}",
	 NULL, "fileinto x"},
	{"ihave, not there",
	 "require \"ihave\"; if ihave \"foo\" { foo \"x\"; if bar {} baz :x; } "
	 "else { keep; }",
	 NULL, "keep"},
	{"ihave, not there but run",
	 "require \"ihave\"; if not ihave \"foo\" {\n foo \"x\"; }", NULL,
	 "failed r1 2:2: unknown command \"foo\"; +keep"},
	{"ihave does not excuse what follows",
	 "require \"ihave\"; if ihave \"foo\" {} foo;", NULL,
	 "error 1:36: unknown command \"foo\""},
	{"error", "require \"ihave\"; error \"out\";", NULL,
	 "failed r1 1:18: out; +keep"},
};

Test(extensions, others)
{
	CASE_RUN(others);
}

#define VACATION                                                               \
 "require [\"vacation\",\"vacation-seconds\",\"fcc\",\"reject\"]; "

static const struct sieve_case vacations[] = {
	{"replies and keeps", VACATION "vacation \"gone\";", NULL,
	 "vacation gone; +keep"},
	{":days", VACATION "vacation :days 2 \"gone\";", NULL,
	 "vacation gone 172800s; +keep"},
	{":days, at least one", VACATION "vacation :days 0 \"gone\";", NULL,
	 "vacation gone 86400s; +keep"},
	{":days, at most a year", VACATION "vacation :days 4G \"gone\";", NULL,
	 "vacation gone 31536000s; +keep"},
	{":seconds", VACATION "vacation :seconds 1800 \"gone\";", NULL,
	 "vacation gone 1800s; +keep"},
	{":seconds, at least a minute",
	 VACATION "vacation :seconds 0 \"gone\";", NULL,
	 "vacation gone 60s; +keep"},
	{"vacation-seconds brings vacation",
	 "require \"vacation-seconds\"; vacation :seconds 60 \"gone\";", NULL,
	 "vacation gone 60s; +keep"},
	{":days and :seconds",
	 VACATION "vacation :days 1 :seconds 60 \"gone\";", NULL,
	 "error 1:74: :seconds after another tag of its kind"},
	{":seconds needs its extension",
	 "require \"vacation\"; vacation :seconds 60 \"gone\";", NULL,
	 "error 1:30: the tag :seconds needs require \"vacation-seconds\""},
	{":from", VACATION "vacation :from \"Joe <joe@x.example>\" \"gone\";",
	 NULL, "vacation gone from joe@x.example; +keep"},
	{":from that is none", VACATION "vacation :from \"Joe\" \"gone\";",
	 NULL, "error 1:72: \"Joe\" is no mail address"},
	{":fcc", VACATION "vacation :fcc \"Sent\" \"gone\";", NULL,
	 "vacation gone fcc Sent; +keep"},
	{":create without :fcc",
	 "require [\"vacation\",\"mailbox\"]; vacation :create \"gone\";", NULL,
	 "error 1:42: this tag is of use with :fcc only"},
	{"twice", VACATION "vacation \"a\"; vacation \"b\";", NULL,
	 "failed r1 1:71: vacation a second time; +keep"},
	{"of two rules the first",
	 VACATION "vacation \"a\";" CASE_NEXT VACATION "vacation \"b\";", NULL,
	 "vacation a; +keep"},
	{"not with reject", VACATION "vacation \"a\"; reject \"b\";", NULL,
	 "failed r1 1:71: reject and vacation do not go together; +keep"},
	{"all tags",
	 VACATION "vacation :subject \"s\" :addresses [\"a@b\",\"c@d\"] "
		  ":mime :handle \"h\" :days 7 \"gone\";",
	 NULL, "vacation gone 604800s; +keep"},
};

Test(extensions, vacation)
{
	CASE_RUN(vacations);
}

#define ID "Message-ID: <1@x>"

static const struct sieve_case duplicates[] = {
	{"new", IF(",\"duplicate\"", "duplicate"), ID, NO "; mark 604800s"},
	{"nothing to know it by", IF(",\"duplicate\"", "duplicate"),
	 "Subject: x", NO},
	{"known", IF(",\"duplicate\"", "duplicate :handle \"old\""), ID, YES},
	{"known by another header",
	 IF(",\"duplicate\"", "duplicate :handle \"old\" :header \"x-id\""),
	 "X-Id: <1@x>", YES},
	{"known by :uniqueid",
	 IF(",\"duplicate\"", "duplicate :handle \"old\" :uniqueid \"<1@x>\""),
	 ID, YES},
	{":last counts anew",
	 IF(",\"duplicate\"", "duplicate :handle \"old\" :last :seconds 60"),
	 ID, YES "; mark 60s"},
	{"90 days at most", IF(",\"duplicate\"", "duplicate :seconds 4G"), ID,
	 NO "; mark 7776000s"},
	{":header and :uniqueid",
	 "require \"duplicate\"; if duplicate :header \"a\" :uniqueid \"b\" "
	 "{stop;}",
	 ID, "error 1:47: :uniqueid after another tag of its kind"},
	{"what fails remembers nothing",
	 "require [\"duplicate\",\"ihave\"]; if duplicate {stop;} error "
	 "\"x\";",
	 ID, "failed r1 1:53: x; +keep"},
};

Test(extensions, duplicate)
{
	CASE_RUN(duplicates);
}
