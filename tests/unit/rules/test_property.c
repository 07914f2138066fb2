/*
 * vnd.okapi.property: every MAPI restriction in its Sieve form.
 */
#include "cases.h"

#define P(test)     IF(",\"vnd.okapi.property\"", "property " test)
#define PX(x, test) IF(",\"vnd.okapi.property\"" x, "property " test)

static const struct sieve_case matching[] = {
	{"text is case-blind, beyond ASCII too",
	 P("\"PR_SUBJECT\" \"[LIST] GR\xc3\x9cSSE\""), NULL, YES},
	{":contains", P(":contains \"PR_SUBJECT\" \"list\""), NULL, YES},
	{":matches", P(":matches \"PR_SUBJECT\" \"[*]*\""), NULL, YES},
	{":message is the default",
	 P(":message :contains \"PR_SUBJECT\" \"list\""), NULL, YES},
	{"comparator",
	 P(":comparator \"i;octet\" :contains \"PR_SUBJECT\" "
	   "\"list\""),
	 NULL, NO},
	{"any of the keys", P(":contains \"PR_SUBJECT\" [\"x\",\"list\"]"),
	 NULL, YES},
	{"by tag", P(":contains \"0x0037001f\" \"list\""), NULL, YES},
	{"by tag of another text type", P(":contains \"0x0037001E\" \"list\""),
	 NULL, YES},
	{"names are case-blind", P(":contains \"pr_subject\" \"list\""), NULL,
	 YES},
	{"number", P("\"PR_IMPORTANCE\" \"2\""), NULL, YES},
	{"number in hexadecimal", P("\"PR_IMPORTANCE\" \"0x2\""), NULL, YES},
	{"number is not text", P("\"PR_IMPORTANCE\" \"02\""), NULL, YES},
	{"negative number", P("\"PR_PRIORITY\" \"-1\""), NULL, YES},
	{"number as text", P(":matches \"PR_IMPORTANCE\" \"?\""), NULL, YES},
	{"boolean", P("\"PR_HASATTACH\" \"true\""), NULL, YES},
	{"boolean as number", P("\"PR_HASATTACH\" \"0\""), NULL, NO},
	{"time", P("\"PR_CLIENT_SUBMIT_TIME\" \"2026-11-23T05:57:00+01:00\""),
	 NULL, YES},
	{"time as text",
	 P(":matches \"PR_CLIENT_SUBMIT_TIME\" \"2026-11-23T04:57:00Z\""), NULL,
	 YES},
	{"binary is base64", P("\"PR_SEARCH_KEY\" \"U01UUDpB\""), NULL, YES},
	{"HTML is text", P(":contains \"PR_HTML\" \"<B>W\""), NULL, YES},
	{"body", P(":contains \"PR_BODY\" \"second\""), NULL, YES},
	{"not there", P(":contains \"PR_LIST_HELP\" \"\""), NULL, NO},
	{":regex", PX(",\"regex\"", ":regex \"PR_SUBJECT\" \"^.list\""), NULL,
	 YES},
	{":regex needs no require of its own",
	 P(":regex \"PR_SUBJECT\" \"^.list\""), NULL, YES},
	{":value gt", P(":value \"gt\" \"PR_IMPORTANCE\" \"1\""), NULL, YES},
	{":value lt with a negative", P(":value \"lt\" \"PR_PRIORITY\" \"0\""),
	 NULL, YES},
	{":value ge", P(":value \"ge\" \"PR_IMPORTANCE\" \"3\""), NULL, NO},
	{":value le", P(":value \"le\" \"PR_IMPORTANCE\" \"2\""), NULL, YES},
	{":value ne", P(":value \"ne\" \"PR_IMPORTANCE\" \"1\""), NULL, YES},
	{":value eq", P(":value \"eq\" \"PR_IMPORTANCE\" \"2\""), NULL, YES},
	{":value of a size is by number",
	 P(":attachment :value \"gt\" \"PR_ATTACH_SIZE\" \"99999\""), NULL,
	 YES},
	{":value of a time",
	 P(":value \"lt\" \"PR_CLIENT_SUBMIT_TIME\" \"2026-11-24\""), NULL,
	 YES},
	{":value of text", P(":value \"gt\" \"PR_SUBJECT\" \"[Lis\""), NULL,
	 YES},
	{":value of a missing one is false",
	 P(":value \"ne\" \"PR_SENSITIVITY\" \"0\""), NULL, NO},
	{"size of the message without the property",
	 P(":value \"ge\" \"PR_MESSAGE_SIZE\" \"1000\""), NULL, YES},
	{"the user is in To", P("\"PR_MESSAGE_TO_ME\" \"true\""), NULL, YES},
	{"the user is in Cc by another address",
	 P("\"PR_MESSAGE_CC_ME\" \"true\""), NULL, YES},
	{"the user is a recipient", P("\"PR_MESSAGE_RECIP_ME\" \"true\""), NULL,
	 YES},
	{":count needs relational", P(":count \"ge\" \"PR_SUBJECT\" \"1\""),
	 NULL, "error 2:13: the tag :count needs require \"relational\""},
};

Test(property, matching)
{
	CASE_RUN(matching);
}

static const struct sieve_case scopes[] = {
	{":recipient",
	 P(":recipient \"PR_SMTP_ADDRESS\" "
	   "\"JOE@other.example\""),
	 NULL, YES},
	{":recipient, none",
	 P(":recipient :contains \"PR_SMTP_ADDRESS\" "
	   "\"zoe\""),
	 NULL, NO},
	{":recipient by number", P(":recipient \"PR_RECIPIENT_TYPE\" \"2\""),
	 NULL, YES},
	{":attachment",
	 P(":attachment :matches \"PR_ATTACH_LONG_FILENAME\" "
	   "\"*.pdf\""),
	 NULL, YES},
	{":attachment :exists", P(":attachment :exists \"PR_ATTACH_SIZE\""),
	 NULL, YES},
	{":attachment :exists, none",
	 P(":attachment :exists \"PR_ATTACH_CONTENT_ID\""), NULL, NO},
	{"a property of the attachment is not the message's",
	 P(":exists \"PR_ATTACH_SIZE\""), NULL, NO},
	{"tags in any order",
	 P(":contains :attachment \"PR_ATTACH_MIME_TAG\" \"pdf\""), NULL, YES},
};

Test(property, scopes)
{
	CASE_RUN(scopes);
}

static const struct sieve_case modes[] = {
	{":exists", P(":exists \"PR_IMPORTANCE\""), NULL, YES},
	{":exists, not", P(":exists \"PR_SENSITIVITY\""), NULL, NO},
	{":bitmask", P(":bitmask \"PR_MESSAGE_FLAGS\" \"0x10\""), NULL, YES},
	{":bitmask of a number", P(":bitmask \"PR_MESSAGE_FLAGS\" 16"), NULL,
	 YES},
	{":bitmask, any bit", P(":bitmask \"PR_MESSAGE_FLAGS\" \"0x11\""), NULL,
	 YES},
	{":bitmask, none", P(":bitmask \"PR_MESSAGE_FLAGS\" \"1\""), NULL, NO},
	{":bitmask :zero", P(":bitmask :zero \"PR_MESSAGE_FLAGS\" \"1\""), NULL,
	 YES},
	{":bitmask :zero, set",
	 P(":bitmask :zero \"PR_MESSAGE_FLAGS\" "
	   "\"2\""),
	 NULL, NO},
	{":bitmask of what is not there",
	 P(":bitmask :zero \"PR_SENSITIVITY\" \"1\""), NULL, NO},
	{":size :over", P(":size :over \"PR_BODY\" 20"), NULL, YES},
	{":size :under", P(":size :under \"PR_BODY\" 20"), NULL, NO},
	{":size :value", P(":size :value \"eq\" \"PR_BODY\" 26"), NULL, YES},
	{":size with a number as text",
	 P(":size :value \"eq\" \"PR_SEARCH_KEY\" \"6\""), NULL, YES},
	{":size of an attachment's bytes",
	 P(":attachment :size :over \"PR_ATTACH_DATA_BIN\" 7"), NULL, YES},
	{":size of a number", P(":size :value \"eq\" \"PR_IMPORTANCE\" 4"),
	 NULL, YES},
};

Test(property, modes)
{
	CASE_RUN(modes);
}

static const struct sieve_case errors[] = {
	{"unknown name", P("\"PR_NONSENSE\" \"x\""), NULL,
	 "error 2:13: unknown property \"PR_NONSENSE\""},
	{"faulty tag", P("\"0x37\" \"x\""), NULL,
	 "error 2:13: unknown property \"0x37\""},
	{"key is no number", P("\"PR_IMPORTANCE\" [\"1\",\"high\"]"), NULL,
	 "error 2:34: \"high\" is not a number, as PR_IMPORTANCE is"},
	{"key is no time",
	 P(":value \"gt\" \"PR_CLIENT_SUBMIT_TIME\" "
	   "\"yesterday\""),
	 NULL,
	 "error 2:49: \"yesterday\" is not a time as in 2026-11-23T05:58:00Z, "
	 "as PR_CLIENT_SUBMIT_TIME is"},
	{"key is no boolean", P("\"PR_HASATTACH\" \"yes\""), NULL,
	 "error 2:28: \"yes\" is not true or false, as PR_HASATTACH is"},
	{"two scopes", P(":message :recipient \"PR_SUBJECT\" \"x\""), NULL,
	 "error 2:22: :recipient after another tag of its kind"},
	{"two modes", P(":exists :bitmask \"PR_SUBJECT\" \"x\""), NULL,
	 "error 2:21: :bitmask after another tag of its kind"},
	{":exists with keys", P(":exists \"PR_SUBJECT\" \"x\""), NULL,
	 "error 2:34: too many arguments for the property test"},
	{":exists with a match type", P(":exists :is \"PR_SUBJECT\""), NULL,
	 "error 2:21: a match type goes with keys"},
	{":zero alone", P(":zero \"PR_SUBJECT\" \"x\""), NULL,
	 "error 2:13: :zero goes with :bitmask"},
	{":over alone", P(":over \"PR_SUBJECT\" \"x\""), NULL,
	 "error 2:13: :over and :under go with :size alone"},
	{":size alone", P(":size \"PR_SUBJECT\" 5"), NULL,
	 "error 2:4: :size takes :over, :under or :value"},
	{"mask is no number", P(":bitmask \"PR_MESSAGE_FLAGS\" \"read\""), NULL,
	 "error 2:41: \"read\" is not a number"},
	{"list of names", P("[\"PR_SUBJECT\"] \"x\""), NULL,
	 "error 2:13: the property test expects a string as argument 1, but a string list was found"},
	{"unknown relation", P(":value \"over\" \"PR_SUBJECT\" \"x\""), NULL,
	 "error 2:20: \"over\" is none of gt, ge, lt, le, eq, ne"},
	{"name that came out wrong",
	 "require [\"variables\",\"vnd.okapi.property\"];\n"
	 "if property :exists \"${x}\" {}",
	 NULL, "failed r1 2:1: property: unknown property \"\"; +keep"},
};

Test(property, errors)
{
	CASE_RUN(errors);
}
