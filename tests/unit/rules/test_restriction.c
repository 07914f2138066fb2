/*
 * Every MAPI restriction (MS-OXCDATA 2.12) in its Sieve form, by its name:
 * that it holds, that it does not, and what a property that is not there does.
 */
#include "cases.h"

#define R(test)       IF(",\"vnd.okapi.property\"", test)
#define RX(x, test)   IF(",\"vnd.okapi.property\"" x, test)
#define HIGH          "property \"PR_IMPORTANCE\" \"2\""
#define LOW           "property \"PR_IMPORTANCE\" \"0\""
#define RELOP(op, n)  R("property :value \"" op "\" \"PR_IMPORTANCE\" \"" n "\"")
#define OCTETS(op, n) R("property :size :value \"" op "\" \"PR_SEARCH_KEY\" " n)
#define COMPARE(op, a, b)                                                      \
 R("property :compare :value \"" op "\" \"" a "\" \"" b "\"")

static const struct sieve_case logic[] = {
	{"RES_AND", R("allof(" HIGH ", not " LOW ")"), NULL, YES},
	{"RES_AND, one does not hold", R("allof(" HIGH "," LOW ")"), NULL, NO},
	{"RES_OR", R("anyof(" LOW "," HIGH ")"), NULL, YES},
	{"RES_OR, none holds", R("anyof(" LOW "," LOW ")"), NULL, NO},
	{"RES_NOT", R("not " LOW), NULL, YES},
	{"RES_NOT of what holds", R("not " HIGH), NULL, NO},
	{"RES_NOT over a property that is not there holds",
	 R("not property \"PR_SENSITIVITY\" \"0\""), NULL, YES},
};

Test(restriction, logic)
{
	CASE_RUN(logic);
}

/* The subject is "[List] Grüße", the search key the octets "SMTP:A". */
static const struct sieve_case content[] = {
	{"FL_FULLSTRING with FL_IGNORECASE",
	 R("property :is \"PR_SUBJECT\" \"[LIST] GR\xc3\x9cSSE\""), NULL, YES},
	{"FL_FULLSTRING, a part is not enough",
	 R("property :is \"PR_SUBJECT\" \"[list]\""), NULL, NO},
	{"FL_FULLSTRING without FL_IGNORECASE",
	 R("property :is :comparator \"i;octet\" \"PR_SUBJECT\" "
	   "\"[LIST] Gr\xc3\xbc\xc3\x9f"
	   "e\""),
	 NULL, NO},
	{"FL_SUBSTRING with FL_IGNORECASE",
	 R("property :contains \"PR_SUBJECT\" \"IST] gr\""), NULL, YES},
	{"FL_SUBSTRING without FL_IGNORECASE",
	 R("property :contains :comparator \"i;octet\" \"PR_SUBJECT\" "
	   "\"IST] gr\""),
	 NULL, NO},
	{"FL_PREFIX with FL_IGNORECASE",
	 R("property :matches \"PR_SUBJECT\" \"[list*\""), NULL, YES},
	{"FL_PREFIX, it stands elsewhere",
	 R("property :matches \"PR_SUBJECT\" \"Gr*\""), NULL, NO},
	{"FL_PREFIX without FL_IGNORECASE",
	 R("property :matches :comparator \"i;octet\" \"PR_SUBJECT\" "
	   "\"[list*\""),
	 NULL, NO},
	{"RES_CONTENT of binary, FL_FULLSTRING",
	 R("property \"PR_SEARCH_KEY\" \"U01UUDpB\""), NULL, YES},
	{"RES_CONTENT of binary has regard to case",
	 R("property \"PR_SEARCH_KEY\" \"c210cDph\""), NULL, NO},
	{"RES_CONTENT of binary, FL_SUBSTRING: octets, not base64",
	 R("property :contains \"PR_SEARCH_KEY\" \"VFA6\""), NULL, YES},
	{"RES_CONTENT of binary, FL_SUBSTRING, base64 alike is not enough",
	 R("property :contains \"PR_SEARCH_KEY\" \"UUDp\""), NULL, NO},
	{"RES_CONTENT of binary, FL_PREFIX",
	 R("property :matches \"PR_SEARCH_KEY\" \"U01UUA==*\""), NULL, YES},
	{"RES_CONTENT of binary, FL_PREFIX, it stands elsewhere",
	 R("property :matches \"PR_SEARCH_KEY\" \"VFA6*\""), NULL, NO},
	{"RES_CONTENT of what is not there",
	 R("property :contains \"PR_LIST_HELP\" \"\""), NULL, NO},
	{"RES_CONTENT of binary takes base64",
	 R("property \"PR_SEARCH_KEY\" \"SMTP:A\""), NULL,
	 "error 2:29: \"SMTP:A\" is not base64, as PR_SEARCH_KEY is"},
};

Test(restriction, content)
{
	CASE_RUN(content);
}

static const struct sieve_case property[] = {
	{"RELOP_LT", RELOP("lt", "3"), NULL, YES},
	{"RELOP_LT, equal", RELOP("lt", "2"), NULL, NO},
	{"RELOP_LE, equal", RELOP("le", "2"), NULL, YES},
	{"RELOP_LE, greater", RELOP("le", "1"), NULL, NO},
	{"RELOP_GT", RELOP("gt", "1"), NULL, YES},
	{"RELOP_GT, equal", RELOP("gt", "2"), NULL, NO},
	{"RELOP_GE, equal", RELOP("ge", "2"), NULL, YES},
	{"RELOP_GE, less", RELOP("ge", "3"), NULL, NO},
	{"RELOP_EQ", RELOP("eq", "2"), NULL, YES},
	{"RELOP_EQ, another", RELOP("eq", "1"), NULL, NO},
	{"RELOP_NE", RELOP("ne", "1"), NULL, YES},
	{"RELOP_NE, equal", RELOP("ne", "2"), NULL, NO},
	{"RELOP_RE", R("property :regex \"PR_SUBJECT\" \"^.list. gr\""), NULL,
	 YES},
	{"RELOP_RE, no match", R("property :regex \"PR_SUBJECT\" \"^list\""),
	 NULL, NO},
	{"RES_PROPERTY of text",
	 R("property :value \"gt\" \"PR_SUBJECT\" \"[LIS\""), NULL, YES},
	{"RES_PROPERTY of a boolean", R("property \"PR_HASATTACH\" \"true\""),
	 NULL, YES},
	{"RES_PROPERTY of a time",
	 R("property :value \"lt\" \"PR_CLIENT_SUBMIT_TIME\" "
	   "\"2026-11-23T04:57:01Z\""),
	 NULL, YES},
	{"RES_PROPERTY of binary",
	 R("property :value \"gt\" \"PR_SEARCH_KEY\" \"U01UUDo=\""), NULL, YES},
	{"RES_PROPERTY of what is not there, RELOP_NE too",
	 R("property :value \"ne\" \"PR_SENSITIVITY\" \"7\""), NULL, NO},
	{"RES_PROPERTY of another type",
	 R("property \"PR_IMPORTANCE\" \"high\""), NULL,
	 "error 2:29: \"high\" is not a number, as PR_IMPORTANCE is"},
};

Test(restriction, property)
{
	CASE_RUN(property);
}

static const struct sieve_case compare[] = {
	{"RES_COMPAREPROPS, RELOP_EQ by default",
	 R("property :compare \"PR_IMPORTANCE\" \"PR_IMPORTANCE\""), NULL, YES},
	{"RELOP_EQ, not equal", COMPARE("eq", "PR_IMPORTANCE", "PR_PRIORITY"),
	 NULL, NO},
	{"RELOP_GT", COMPARE("gt", "PR_IMPORTANCE", "PR_PRIORITY"), NULL, YES},
	{"RELOP_GT, less", COMPARE("gt", "PR_PRIORITY", "PR_IMPORTANCE"), NULL,
	 NO},
	{"RELOP_GE", COMPARE("ge", "PR_IMPORTANCE", "PR_PRIORITY"), NULL, YES},
	{"RELOP_LT", COMPARE("lt", "PR_PRIORITY", "PR_IMPORTANCE"), NULL, YES},
	{"RELOP_LE", COMPARE("le", "PR_PRIORITY", "PR_IMPORTANCE"), NULL, YES},
	{"RELOP_NE", COMPARE("ne", "PR_PRIORITY", "PR_IMPORTANCE"), NULL, YES},
	{"with the size that the message has",
	 COMPARE("lt", "PR_IMPORTANCE", "PR_MESSAGE_SIZE"), NULL, YES},
	{"of an attachment",
	 R("property :attachment :compare :value \"ne\" "
	   "\"PR_ATTACH_LONG_FILENAME\" \"PR_ATTACH_MIME_TAG\""),
	 NULL, YES},
	{"one is not there", COMPARE("ne", "PR_IMPORTANCE", "PR_SENSITIVITY"),
	 NULL, NO},
	{"of two types", COMPARE("eq", "PR_IMPORTANCE", "PR_SUBJECT"), NULL,
	 "error 2:50: PR_IMPORTANCE and PR_SUBJECT cannot be compared"},
	{"with a match type",
	 R("property :compare :contains \"PR_SUBJECT\" \"PR_SUBJECT\""), NULL,
	 "error 2:22: a match type goes with keys"},
};

Test(restriction, compareprops)
{
	CASE_RUN(compare);
}

static const struct sieve_case bits[] = {
	{"BMR_NEZ", R("property :bitmask \"PR_MESSAGE_FLAGS\" \"0x10\""), NULL,
	 YES},
	{"BMR_NEZ, any of the bits",
	 R("property :bitmask \"PR_MESSAGE_FLAGS\" \"0x11\""), NULL, YES},
	{"BMR_NEZ, none", R("property :bitmask \"PR_MESSAGE_FLAGS\" \"1\""),
	 NULL, NO},
	{"BMR_EQZ", R("property :bitmask :zero \"PR_MESSAGE_FLAGS\" \"1\""),
	 NULL, YES},
	{"BMR_EQZ, set", R("property :bitmask :zero \"PR_MESSAGE_FLAGS\" 2"),
	 NULL, NO},
	{"RES_BITMASK of what is not there",
	 R("property :bitmask :zero \"PR_SENSITIVITY\" \"1\""), NULL, NO},
};

Test(restriction, bitmask)
{
	CASE_RUN(bits);
}

static const struct sieve_case sizes[] = {
	{"RES_SIZE, RELOP_EQ", OCTETS("eq", "6"), NULL, YES},
	{"RES_SIZE, RELOP_NE", OCTETS("ne", "6"), NULL, NO},
	{"RES_SIZE, RELOP_LT", OCTETS("lt", "7"), NULL, YES},
	{"RES_SIZE, RELOP_LE", OCTETS("le", "6"), NULL, YES},
	{"RES_SIZE, RELOP_GT", OCTETS("gt", "6"), NULL, NO},
	{"RES_SIZE, RELOP_GE", OCTETS("ge", "6"), NULL, YES},
	{"RES_SIZE of what is not there",
	 R("property :size :under \"PR_LIST_HELP\" 9"), NULL, NO},
	{"PR_MESSAGE_SIZE is a number, RES_PROPERTY",
	 R("property :value \"ge\" \"PR_MESSAGE_SIZE\" \"1000\""), NULL, YES},
};

Test(restriction, size)
{
	CASE_RUN(sizes);
}

static const struct sieve_case exist[] = {
	{"RES_EXIST", R("property :exists \"PR_IMPORTANCE\""), NULL, YES},
	{"RES_EXIST, not there", R("property :exists \"PR_SENSITIVITY\""), NULL,
	 NO},
	{"RES_EXIST of the class: every message", /* as Outlook writes it */
	 R("property :exists \"PR_MESSAGE_SIZE\""), NULL, YES},
};

Test(restriction, exist)
{
	CASE_RUN(exist);
}

/* bob@okapi.example is in To, joe@other.example in Cc. */
static const struct sieve_case rows[] = {
	{"RES_SUBRESTRICTION, recipients",
	 R("property :recipient \"PR_SMTP_ADDRESS\" \"joe@other.example\""),
	 NULL, YES},
	{"RES_SUBRESTRICTION, attachments",
	 R("property :attachment :matches \"PR_ATTACH_LONG_FILENAME\" "
	   "\"*.pdf\""),
	 NULL, YES},
	{"several conditions of one recipient",
	 R("anyrecipient allof(property \"PR_RECIPIENT_TYPE\" \"2\", "
	   "property :contains \"PR_SMTP_ADDRESS\" \"joe@\")"),
	 NULL, YES},
	{"conditions that no one recipient fulfils",
	 R("anyrecipient allof(property \"PR_RECIPIENT_TYPE\" \"1\", "
	   "property :contains \"PR_SMTP_ADDRESS\" \"joe@\")"),
	 NULL, NO},
	{"fulfilled by two recipients, each one",
	 R("allof(property :recipient \"PR_RECIPIENT_TYPE\" \"1\", "
	   "property :recipient :contains \"PR_SMTP_ADDRESS\" \"joe@\")"),
	 NULL, YES},
	{"no recipient at all is so",
	 R("not anyrecipient not "
	   "property :exists \"PR_SMTP_ADDRESS\""),
	 NULL, YES},
	{"several conditions of one attachment",
	 R("anyattachment allof(property :value \"gt\" \"PR_ATTACH_SIZE\" "
	   "\"100000\", property \"PR_ATTACH_MIME_TAG\" "
	   "\"application/pdf\")"),
	 NULL, YES},
	{"within, the message is asked by its scope",
	 R("anyrecipient allof(" LOW ")"), NULL, NO},
	{"within, :message is the message",
	 R("anyrecipient property :message \"PR_IMPORTANCE\" \"2\""), NULL,
	 YES},
	{"after it the message is asked again",
	 R("allof(anyrecipient property \"PR_RECIPIENT_TYPE\" \"1\", " HIGH
	   ")"),
	 NULL, YES},
	{"it takes one test", R("anyrecipient (" HIGH "," LOW ")"), NULL,
	 "error 2:4: anyrecipient takes one test, not in parentheses"},
	{"it is brought by vnd.okapi.property", IF("", "anyrecipient true"),
	 NULL, "error 2:4: anyrecipient needs require \"vnd.okapi.property\""},
};

Test(restriction, subrestriction)
{
	CASE_RUN(rows);
}

static const struct sieve_case others[] = {
	{"RES_COUNT of a table's rows",
	 RX(",\"relational\"",
	    "property :recipient :count \"ge\" \"PR_SMTP_ADDRESS\" \"2\""),
	 NULL, YES},
	{"RES_COUNT, fewer rows",
	 RX(",\"relational\"",
	    "property :recipient :count \"gt\" \"PR_SMTP_ADDRESS\" \"2\""),
	 NULL, NO},
	{"RES_COMMENT is a comment", R("/* RES_COMMENT: PR_RULE_NAME */ " HIGH),
	 NULL, YES},
	{"RES_ANNOTATION is one, too", R("# RES_ANNOTATION\n" HIGH), NULL, YES},
	{"RES_NULL", R("true"), NULL, YES},
};

Test(restriction, others)
{
	CASE_RUN(others);
}
