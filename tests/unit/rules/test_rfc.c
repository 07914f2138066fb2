/*
 * What the RFCs of Sieve and its extensions show by example, a case an example:
 * the same shapes with addresses of our own, and what has to come of them.
 * MIME (RFC 5703) has messages of its own in test_mime.c.
 */
#include "cases.h"

#define NL "\n"

/* The two messages of RFC 5228 section 1.2, as far as tests see them. */
#define A                                                                      \
 "Date: Tue, 1 Apr 1997 09:06:31 -0800 (PST)\n"                                \
 "From: coyote@desert.example\n"                                               \
 "To: runner@acme.example\n"                                                   \
 "Subject: A present"
#define B                                                                      \
 "From: rich!@postal.invalid\n"                                                \
 "Sender: b1ff@res.example\n"                                                  \
 "To: rube@landru.example\n"                                                   \
 "Date: Mon, 31 Mar 1997 18:26:10 -0800\n"                                     \
 "Subject: $$$ YOU, TOO $$$"

static const struct sieve_case language[] = {
	{"2.3: comments of both kinds",
	 "if size :under 100k { /* one\n still */ discard /* two */ ; } # end",
	 A, "discard"},
	{"2.4.2: a backslash before what needs none",
	 "if header :is \"subject\" \"\\A pre\\sent\" { discard; }", A,
	 "discard"},
	{"2.4.2: text:, a dot that was doubled",
	 "require \"reject\";\nreject text: # why\nOne\n..two\n.\n;", A,
	 "reject One\r\n.two\r\n"},
	{"2.4.2.1: one string is a list of one",
	 "if header :contains [\"from\"] \"coyote\" { discard; }", A,
	 "discard"},
	{"2.4.2.4: encoded characters",
	 "require \"encoded-character\";"
	 "if header :contains \"Subject\" \"$${hex:24 24}\" { discard; }",
	 B, "discard"},
	{"2.4.2.4: no code point",
	 "require \"encoded-character\";"
	 "if header \"a\" \"${unicode:200000}\" { stop; }",
	 B,
	 "error 1:43: encoded character: there is no such Unicode character"},
	{"2.5.1: a list of tests",
	 "if anyof (not exists [\"From\", \"Date\"],\n"
	 "  header :contains \"from\" \"coyote@desert\") { discard; }",
	 A, "discard"},
	{"2.7.3: i;octet has regard to case",
	 "if header :contains :comparator \"i;octet\" \"Subject\" \"a PRESENT\""
	 " { discard; }",
	 A, "+keep"},
	{"2.10.5: elsif",
	 "require \"fileinto\"; if header :contains \"from\" \"nobody\" "
	 "{ discard; } elsif header :contains [\"subject\"] [\"$$$\"] "
	 "{ discard; } else { fileinto \"INBOX\"; }",
	 B, "discard"},
	{"2.10.5: else",
	 "require \"fileinto\"; if header :contains \"from\" \"nobody\" "
	 "{ discard; } elsif header :contains [\"subject\"] [\"$$$\"] "
	 "{ discard; } else { fileinto \"INBOX\"; }",
	 A, "fileinto INBOX"},
	{"3.1: message A",
	 "if header :contains [\"From\"] [\"coyote\"] { redirect \"a@x.test\"; "
	 "} elsif header :contains \"Subject\" \"$$$\" { redirect "
	 "\"p@x.test\"; } else { redirect \"f@x.test\"; }",
	 A, "redirect a@x.test"},
	{"3.1: message B",
	 "if header :contains [\"From\"] [\"coyote\"] { redirect \"a@x.test\"; "
	 "} elsif header :contains \"Subject\" \"$$$\" { redirect "
	 "\"p@x.test\"; } else { redirect \"f@x.test\"; }",
	 B, "redirect p@x.test"},
	{"3.1: else if", "if true { } else if false { }", A,
	 "error 1:18: \"else if\" is written elsif"},
	{"4.1: fileinto",
	 "require \"fileinto\"; if header :contains [\"from\"]"
	 " \"coyote\" { fileinto \"INBOX.harassment\"; }",
	 A, "fileinto INBOX.harassment"},
	{"4.3: keep is the implicit one",
	 "if size :under 1M { keep; } else { discard; }", A, "keep"},
	{"5.1: address",
	 "if address :is :all \"from\" \"coyote@desert.example\" { discard; }",
	 A, "discard"},
	{"5.4: envelope",
	 "require \"envelope\"; if envelope :all :is \"from\" "
	 "\"ann.lee@example.org\" { discard; }",
	 A, "discard"},
	{"5.5: exists", "if not exists [\"From\",\"Date\"] { discard; }", A,
	 "+keep"},
	{"5.7: a field without a value is the empty string",
	 "if header :is [\"X-Caffeine\"] [\"\"] { discard; }",
	 "X-Caffeine:", "discard"},
	{"5.7: and contains it",
	 "if header :contains [\"X-Caffeine\"] [\"\"] { discard; }",
	 "X-Caffeine: much", "discard"},
	{"5.7: which a missing one does not",
	 "if header :contains [\"X-Caffeine\"] [\"\"] { discard; }", A,
	 "+keep"},
	{"5.7: a space is not nothing",
	 "if not header :matches \"Cc\" \"?*\" { discard; }", "Cc: a@x.test",
	 "+keep"},
	{"9: the extended example, a list",
	 "require [\"fileinto\"]; if header :is \"Sender\" \"b1ff@res.example\""
	 " { fileinto \"filter\"; } elsif address :DOMAIN :is [\"From\", "
	 "\"To\"] \"acme.example\" { keep; } elsif anyof (NOT address :all "
	 ":contains [\"To\", \"Cc\", \"Bcc\"] \"me@x.test\", header :matches "
	 "\"subject\" [\"*make*money*fast*\"]) { fileinto \"spam\"; } else { "
	 "fileinto \"personal\"; }",
	 B, "fileinto filter"},
	{"9: ... of the company",
	 "require [\"fileinto\"]; if header :is \"Sender\" \"b1ff@res.example\""
	 " { fileinto \"filter\"; } elsif address :DOMAIN :is [\"From\", "
	 "\"To\"] \"acme.example\" { keep; } else { fileinto \"personal\"; }",
	 A, "keep"},
};

Test(rfc, rfc5228_language)
{
	CASE_RUN(language);
}

static const struct sieve_case rfc5229[] = {
	{"3: no name, left as it is",
	 "require [\"variables\", \"reject\"]; reject \"&%${}! ${doh!}\";", A,
	 "reject &%${}! ${doh!}"},
	{"3: set and not set",
	 "require [\"variables\", \"reject\"]; set \"company\" \"ACME\";"
	 "reject \"${full}|${company}|${BAD${Company}|"
	 "${President, ${Company} Inc.}\";",
	 A, "reject |ACME|${BADACME|${President, ACME Inc.}"},
	{"3.1: quotes come first",
	 "require [\"variables\", \"reject\"]; set \"foo\" \"x\";"
	 "reject \"${fo\\o} ${fo\\\\o} \\${foo} \\\\${foo}\";",
	 A, "reject x ${fo\\o} x \\x"},
	{"3.1: a dollar of its own",
	 "require [\"variables\", \"reject\"]; set \"dollar\" \"$\";"
	 "set \"text\" \"regarding ${dollar}{beep}\"; reject \"${text}\";",
	 A, "reject regarding ${beep}"},
	{"3.1: encoded characters go before",
	 "require [\"encoded-character\", \"variables\"];"
	 "set \"name\" \"Ethel\";"
	 "if header \"Subject\" \"dear${hex:20 24 7b 4e}ame}\" { discard; }",
	 "Subject: dear Ethel", "discard"},
	{"3.2: as little as possible",
	 "require [\"fileinto\", \"variables\"];"
	 "if header :matches \"Subject\" \"[*] *\" "
	 "{ fileinto \"lists.${1}|${2}\"; stop; }",
	 "Subject: [acme-users] [fwd] version 1.0 is out",
	 "fileinto lists.acme-users|[fwd] version 1.0 is out; stop"},
	{"3.2: two stars",
	 "require [\"fileinto\", \"variables\"];"
	 "if address :matches [\"To\", \"Cc\"] [\"coyote@**.com\", "
	 "\"wile@**.com\"] { fileinto \"b|${0}|${1}|${2}\"; stop; }",
	 "To: coyote@ACME.Example.COM",
	 "fileinto b|coyote@ACME.Example.COM||ACME.Example; stop"},
	{"4: text with names in any case",
	 "require [\"variables\", \"vacation\", \"reject\"];"
	 "set \"honorific\" \"Mr\"; set \"last_name\" \"Coyote\";"
	 "set \"v\" text:\nDear ${HONORIFIC} ${last_name},\n.\n;"
	 "reject \"${v}\";",
	 A, "reject Dear Mr Coyote,\r\n"},
	{"4.1: modifiers",
	 "require [\"variables\", \"reject\"];"
	 "set \"a\" \"juMBlEd lETteRS\"; set :length \"l\" \"${a}\";"
	 "set :lower \"b\" \"${a}\"; set :upperfirst \"c\" \"${a}\";"
	 "set :upperfirst :lower \"d\" \"${a}\";"
	 "set :quotewildcard \"e\" \"Rock*\";"
	 "reject \"${l}|${b}|${c}|${d}|${e}\";",
	 A,
	 "reject 15|jumbled letters|JuMBlEd lETteRS|Jumbled letters|Rock\\*"},
	{"5: a word among words",
	 "require [\"variables\"]; set \"state\" \"${state} pending\";"
	 "if string :matches \" ${state} \" \"* pending *\" { discard; }",
	 A, "discard"},
};

Test(rfc, rfc5229_variables)
{
	CASE_RUN(rfc5229);
}

static const struct sieve_case replies[] = {
	{"RFC 5230 4.1: days",
	 "require \"vacation\"; vacation :days 23 :addresses [\"t@x.test\", "
	 "\"u@x.test\"] \"I'm away until October 19.\";",
	 A, "vacation I'm away until October 19. 1987200s; +keep"},
	{"RFC 5230 4.2: two replies, two senders",
	 "require \"vacation\"; if header :contains \"subject\" \"lunch\" { "
	 "vacation :handle \"ran-away\" \"I'm out\"; } else { vacation :handle "
	 "\"ran-away\" \"I'm not out\"; }",
	 A, "vacation I'm not out; +keep"},
	{"RFC 5230 4.4: MIME",
	 "require \"vacation\"; vacation :mime text:\n"
	 "Content-Type: multipart/alternative; boundary=foo\n\n"
	 "--foo\n\nI'm at the beach.\n\n--foo\n"
	 "Content-Type: text/html; charset=us-ascii\n\n<p>x</p>\n\n--foo--\n"
	 ".\n;",
	 A,
	 "vacation Content-Type: multipart/alternative; boundary=foo\r\n"
	 "\r\n--foo\r\n\r\nI'm at the beach.\r\n\r\n--foo\r\n"
	 "Content-Type: text/html; charset=us-ascii\r\n\r\n<p>x</p>"
	 "\r\n\r\n--foo--\r\n; +keep"},
	{"RFC 5230 4.7: not to all",
	 "require \"vacation\"; if header :contains \"from\" \"boss\" { keep; }"
	 " else { vacation \"Away.\"; }",
	 A, "vacation Away.; +keep"},
	{"RFC 6131 3: half an hour; the extension brings vacation",
	 "require [\"vacation-seconds\"]; vacation :addresses [\"t@x.test\"] "
	 ":seconds 1800 \"In a meeting.\";",
	 A, "vacation In a meeting. 1800s; +keep"},
	{"RFC 6131 3: to every message, as far as it goes here",
	 "require [\"vacation-seconds\"]; vacation :handle \"auto-resp\" "
	 ":seconds 0 \"Received.\";",
	 A, "vacation Received. 60s; +keep"},
	{"RFC 8580 3.1: a copy of the reply",
	 "require [\"vacation\", \"fcc\"]; vacation :days 7 :from "
	 "\"h@x.test\" :subject \"Gone\" :fcc \"INBOX.Sent\" \"Gone.\";",
	 A, "vacation Gone. 604800s from h@x.test fcc INBOX.Sent; +keep"},
	{"RFC 8580 3.2: made, with flags",
	 "require [\"vacation\", \"fcc\", \"mailbox\", \"imap4flags\"]; "
	 "vacation :fcc \"Sent\" :flags [\"\\\\Seen\"] :create \"Gone.\";",
	 A, "vacation Gone. fcc Sent; +keep"},
	{"RFC 5429 2.1: ereject",
	 "require [\"ereject\"]; if address \"from\" \"coyote@desert.example\" "
	 "{ ereject \"I no longer accept mail from this address\"; }",
	 A, "reject I no longer accept mail from this address"},
	{"RFC 5429 2.2: reject",
	 "require [\"reject\"]; if header :contains \"from\" \"coyote@\" { "
	 "reject text:\nI don't\nwant your birdseed!\n.\n ; }",
	 A, "reject I don't\r\nwant your birdseed!\r\n"},
	{"RFC 5429 2.5: relational is missing in the RFC, too",
	 "require [\"ereject\", \"spamtest\", \"comparator-i;ascii-numeric\"];\n"
	 "if spamtest :value \"ge\" :comparator \"i;ascii-numeric\" \"6\" { "
	 "ereject \"x\"; }",
	 A, "error 2:13: the tag :value needs require \"relational\""},
};

Test(rfc, replies_and_refusals)
{
	CASE_RUN(replies);
}

#define HOBBIES                                                                \
 "From: a@x.test\nTo: b@x.test\nX-Priority: 3\nReceived: one\n"                \
 "Received: two\nCc: c@x.test, d@x.test, e@x.test"

static const struct sieve_case tests[] = {
	{"RFC 5231 6: counts addresses",
	 IF(", \"relational\", \"comparator-i;ascii-numeric\"",
	    "address :count \"ge\" :comparator \"i;ascii-numeric\" "
	    "[\"to\", \"cc\"] [\"3\"]"),
	 HOBBIES, YES},
	{"RFC 5231 6: counts fields, not addresses",
	 IF(", \"relational\", \"comparator-i;ascii-numeric\"",
	    "header :count \"ge\" :comparator \"i;ascii-numeric\" "
	    "[\"to\", \"cc\"] [\"3\"]"),
	 HOBBIES, NO},
	{"RFC 5231 6: a value",
	 IF(", \"relational\", \"comparator-i;ascii-numeric\"",
	    "header :value \"lt\" :comparator \"i;ascii-numeric\" "
	    "[\"x-priority\"] [\"4\"]"),
	 HOBBIES, YES},
	{"RFC 5231 7: from M on",
	 IF(", \"relational\", \"envelope\"",
	    "address :value \"gt\" :all [\"from\"] [\"M\"]"),
	 "From: nina@x.test", YES},
	{"RFC 5232 3.1: a variable of flags",
	 "require [\"imap4flags\", \"variables\", \"fileinto\"];"
	 "setflag \"flagvar\" \"\\\\Flagged\";"
	 "fileinto :flags \"${flagvar}\" \"Boss\";",
	 A, "fileinto Boss (\\Flagged)"},
	{"RFC 5232 3.2: one list in four ways",
	 "require [\"imap4flags\", \"variables\", \"fileinto\"];"
	 "addflag \"a\" \"\\\\Deleted\"; addflag \"a\" \"\\\\Answered\";"
	 "addflag \"b\" [\"\\\\Deleted\", \"\\\\Answered\"];"
	 "addflag \"c\" \"\\\\Deleted \\\\Answered\";"
	 "if allof (string \"${a}\" \"${b}\", string \"${b}\" \"${c}\") "
	 "{ fileinto \"yes\"; }",
	 A, YES},
	{"RFC 5232 3.3: removed",
	 "require [\"imap4flags\", \"variables\", \"fileinto\"];"
	 "addflag \"v\" [\"$MDNRequired\", \"x\"]; removeflag \"v\" "
	 "\"$MDNRequired\"; fileinto :flags \"${v}\" \"list\";",
	 A, "fileinto list (x)"},
	{"RFC 5232 4: any order, any case",
	 "require [\"imap4flags\", \"fileinto\"]; addflag \"A B\";"
	 "if allof (hasflag :is \"b A\", hasflag [\"b\",\"A\"]) "
	 "{ removeflag [\"A\", \"B\"]; fileinto \"yes\"; }",
	 A, YES},
	{"RFC 5232 4: contains",
	 IF(", \"imap4flags\", \"variables\"",
	    "anyof (not true, true) { set \"v\" \"NonJunk gnus-forward "
	    "$Forwarded $Junk\"; } if allof (hasflag :contains \"v\" \"Junk\","
	    "hasflag :contains \"v\" \"forward\", hasflag :contains \"v\" "
	    "[\"label\", \"forward\"], hasflag :contains \"v\" \"junk "
	    "forward\", not hasflag :contains \"v\" \"label\")"),
	 A, YES},
	{"RFC 5232 4: counted",
	 IF(", \"imap4flags\", \"variables\", \"relational\", "
	    "\"comparator-i;ascii-numeric\"",
	    "true { set \"v\" \"A B\"; } if hasflag :count \"ge\" "
	    ":comparator \"i;ascii-numeric\" \"v\" \"2\""),
	 A, YES},
	{"RFC 5233 4: user and detail",
	 IF(", \"envelope\", \"subaddress\"",
	    "allof (envelope :user \"to\" \"bob\", envelope :detail \"to\" "
	    "\"lists\", address :user :is \"from\" \"k\", "
	    "address :detail :is \"from\" \"mtg\")"),
	 "From: k+mtg@x.test", YES},
	{"RFC 5233 4: an empty detail, and none",
	 IF(", \"subaddress\"", "allof (address :detail \"to\" \"\", "
				"not address :detail :matches \"cc\" \"*\")"),
	 "To: 5551212+@x.test\nCc: 5551212@x.test", YES},
	{"RFC 5173 5.1: raw",
	 IF(", \"body\"", "body :raw :contains \"=41 BODY\""), A, YES},
	{"RFC 5173 5.2: any text part",
	 IF(", \"body\"",
	    "body :content \"text\" :contains [\"missile\", \"hello\"]"),
	 A, YES},
	{"RFC 5173 5.2: a type, whatever it holds",
	 IF(", \"body\"", "body :content \"application/pdf\" :contains \"\""),
	 A, YES},
	{"RFC 5173 5.3: text",
	 IF(", \"body\"", "body :text :contains \"second "
			  "line\""),
	 A, YES},
	{"RFC 5183 4: where it runs",
	 IF(", \"environment\"",
	    "allof (environment :contains \"host\" \".example\", "
	    "environment :is \"location\" \"MDA\", "
	    "not environment :matches \"remote-ip\" \"*\")"),
	 A, YES},
	{"RFC 5490 3.1: a folder that is there",
	 "require [\"fileinto\", \"reject\", \"mailbox\"];"
	 "if mailboxexists \"Lists\" { fileinto \"Lists\"; } "
	 "else { reject \"No.\"; }",
	 A, "fileinto Lists"},
	{"RFC 5490 3.2: one that is made",
	 "require [\"fileinto\", \"mailbox\"]; fileinto :create \"Partners\";",
	 A, "fileinto :create Partners"},
	{"RFC 5703 4.2: addresses of a part",
	 "require [\"mime\", \"fileinto\"]; if address :mime :is :all "
	 "\"content-from\" \"tim@x.test\" { fileinto \"part\"; }",
	 "Content-From: Tim <tim@x.test>", "fileinto part"},
	{"RFC 2076: addresses of lists and services",
	 IF("", "allof (address \"x-beenthere\" \"dev@x.test\", "
		"address :domain [\"x-delivered-to\", \"for-approval\"] "
		"\"y.test\")"),
	 "X-BeenThere: dev@x.test\nX-Delivered-To: Ann <ann@y.test>", YES},
	{"RFC 8579 3: by its use",
	 IF(", \"special-use\"", "specialuse_exists \"\\\\Junk\""), A, YES},
	{"RFC 8579 4: filed by its use, made if need be",
	 "require [\"fileinto\", \"special-use\", \"mailbox\"];"
	 "fileinto :specialuse \"\\\\Junk\" :create \"Spam\";",
	 A, "fileinto :create :specialuse \\Junk Spam"},
};

Test(rfc, tests_of_extensions)
{
	CASE_RUN(tests);
}

static const struct sieve_case dates[] = {
	{"RFC 5260 4.4: in the sender's hours",
	 IF(", \"date\", \"relational\"",
	    "allof (date :value \"ge\" :originalzone \"date\" \"hour\" \"09\","
	    " date :value \"lt\" :originalzone \"date\" \"hour\" \"17\")"),
	 A, YES},
	{"RFC 5260 4.4: the weekday it came in",
	 IF(", \"date\"",
	    "anyof (date :is :originalzone \"received\" \"weekday\" \"0\", "
	    "date :is \"received\" \"weekday\" \"6\")"),
	 "Received: from a by b; Sun, 22 Nov 2026 12:00:00 +0000", YES},
	{"RFC 5260 5.1: out of hours",
	 IF(", \"date\", \"relational\"",
	    "anyof (currentdate :zone \"+0000\" :is \"weekday\" \"0\", "
	    "currentdate :zone \"+0000\" :value \"lt\" \"hour\" \"09\")"),
	 A, YES},
	{"RFC 5260 5.1: between two dates",
	 IF(", \"date\", \"relational\"",
	    "allof (currentdate :value \"ge\" \"date\" \"2026-11-01\", "
	    "currentdate :value \"le\" \"date\" \"2026-11-30\")"),
	 A, YES},
	{"RFC 5260 5.1: into the folder of the month",
	 "require [\"date\", \"variables\", \"fileinto\"];"
	 "if currentdate :matches \"month\" \"*\" { set \"m\" \"${1}\"; }"
	 "if currentdate :matches \"year\" \"*\" { set \"y\" \"${1}\"; }"
	 "fileinto \"${m}-${y}\";",
	 A, "fileinto 11-2026"},
	{"RFC 5260 6.1: the second from the top",
	 IF(", \"date\", \"relational\", \"index\"",
	    "date :value \"gt\" :index 2 :zone \"-0500\" \"received\" "
	    "\"iso8601\" \"2026-11-22T22:59:00-05:00\""),
	 "Received: from mx by a; Mon, 23 Nov 2026 05:58:00 +0100\n"
	 "Received: from b by mx; Sun, 22 Nov 2026 23:00:00 -0500",
	 YES},
	{"RFC 5260 6: the last but one",
	 IF(", \"index\"", "header :index 2 :last \"x\" \"two\""),
	 "X: one\nX: two\nX: three", YES},
};

Test(rfc, dates)
{
	CASE_RUN(dates);
}

static const struct sieve_case flow[] = {
	{"RFC 3894 2: a copy, and on",
	 "require [\"copy\", \"fileinto\"]; fileinto :copy \"incoming\";"
	 "redirect :copy \"t@x.test\";",
	 A, "fileinto incoming; redirect t@x.test; +keep"},
	{"RFC 5463 4: what is there",
	 "require [\"fileinto\", \"ihave\"];"
	 "if ihave \"copy\" { fileinto :copy \"a\"; } else { fileinto \"b\"; }",
	 A, "fileinto a; +keep"},
	{"RFC 5463 4: what is not, and need not be known",
	 "require [\"fileinto\", \"ihave\"];"
	 "if ihave \"no-such-thing\" { nosuch :thing 1; } "
	 "else { fileinto \"b\"; }",
	 A, "fileinto b"},
	{"RFC 5463 4: not both",
	 "require \"ihave\"; if not ihave [\"date\", \"no-such-thing\"] "
	 "{ discard; }",
	 A, "discard"},
	{"RFC 5463 5: error", "require \"ihave\"; error \"no way\";", A,
	 "failed r1 1:18: no way; +keep"},
	{"RFC 5435: what Okapi has not, where it stands",
	 "require [\"fileinto\",\n  \"enotify\"];\nnotify \"mailto:a@x.test\";",
	 A, "error 2:3: unknown extension \"enotify\""},
	{"RFC 5490: metadata, neither", "require \"mboxmetadata\";", A,
	 "error 1:9: unknown extension \"mboxmetadata\""},
	{"RFC 6558: convert, neither", "require [\"fileinto\", \"convert\"];",
	 A, "error 1:22: unknown extension \"convert\""},
	{"RFC 6609 3.2: globals in another syntax",
	 "require [\"variables\", \"include\"]; global \"away\";"
	 "set \"global.away\" \"1\"; if string \"${away}\" \"1\" { discard; }",
	 A, "discard"},
	{"RFC 7352 3: by the message's id",
	 "require \"duplicate\"; if duplicate :handle \"old\" { discard; }",
	 "Message-ID: <1@x>", "discard"},
	{"RFC 7352 3: the same entry",
	 "require [\"duplicate\", \"variables\"];"
	 "if header :matches \"message-id\" \"*\" { if duplicate :handle "
	 "\"old\" :uniqueid \"${0}\" { discard; } }",
	 "Message-ID: <1@x>", "discard"},
	{"RFC 7352 3: by another field",
	 "require \"duplicate\"; if duplicate :handle \"old\" :header "
	 "\"x-event\" { discard; }",
	 "X-Event: <1@x>", "discard"},
	{"RFC 7352 5.3: within a day, new for a day",
	 "require [\"duplicate\", \"variables\", \"imap4flags\", "
	 "\"fileinto\"]; if header :matches \"subject\" \"ALERT: *\" { if "
	 "duplicate :seconds 60 :uniqueid \"${1}\" { setflag \"\\\\Seen\"; } "
	 "fileinto \"Alerts\"; }",
	 "Subject: ALERT: fire", "fileinto Alerts; mark 60s"},
	{"RFC 5235 2.1: unclassified",
	 IF(", \"spamtest\", \"relational\", \"comparator-i;ascii-numeric\"",
	    "spamtest :value \"eq\" :comparator \"i;ascii-numeric\" \"0\""),
	 A, YES},
	{"RFC 5235 2.2: not even counted",
	 IF(", \"spamtestplus\", \"relational\", "
	    "\"comparator-i;ascii-numeric\"",
	    "spamtest :percent :count \"eq\" :comparator \"i;ascii-numeric\" "
	    "\"0\""),
	 A, YES},
	{"RFC 5235 2.3: no virus scan",
	 IF(", \"virustest\", \"relational\", \"comparator-i;ascii-numeric\"",
	    "virustest :value \"eq\" :comparator \"i;ascii-numeric\" \"0\""),
	 A, YES},
};

Test(rfc, flow)
{
	CASE_RUN(flow);
}
