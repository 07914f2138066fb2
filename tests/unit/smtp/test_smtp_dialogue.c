/*
 * Whole dialogues: what the client sends, the codes it gets, what the handler
 * was told.
 */
#include "dialogue.h"

Test(smtp_dialogue, a_message)
{
	static const struct dialogue dialogues[] = {
		{"one recipient", ENVELOPE "DATA\r\nhi\r\n.\r\nQUIT\r\n",
		 OK3 "354 250/2.1.5 221/2.0.0", EVENTS3 "begin;finish 1;reset;",
		 SMTP_NEXT_CLOSE},
		{"a reply for each accepted recipient, in order",
		 HELLO MAIL
		 "RCPT TO:<b@x>\r\nRCPT TO:<unknown@x>\r\nRCPT TO:<reject@x>\r\n"
		 "RCPT TO:<later@x>\r\nRCPT TO:<b@x>\r\nDATA\r\n.\r\n",
		 "250 250/2.1.0 250/2.1.5 550/5.1.1 250/2.1.5 250/2.1.5 "
		 "250/2.1.5 354 250/2.1.5 550/5.7.1 451/4.3.0 250/2.1.5",
		 NULL, SMTP_NEXT_READ},
		{"what the handler does not answer is tried again",
		 HELLO MAIL "RCPT TO:<mute@x>\r\nDATA\r\n.\r\n",
		 OK3 "354 451/4.3.0", NULL, SMTP_NEXT_READ},
		{"a refusal without a fault is tried again",
		 HELLO MAIL "RCPT TO:<wordless@x>\r\n",
		 "250 250/2.1.0 451/4.3.0", NULL, SMTP_NEXT_READ},
		{"421 of the handler ends the session",
		 HELLO MAIL "RCPT TO:<leaving@x>\r\nNOOP\r\n",
		 "250 250/2.1.0 421/4.3.2", NULL, SMTP_NEXT_CLOSE},
		{"two messages",
		 ENVELOPE "DATA\r\n.\r\n" MAIL RCPT "DATA\r\n.\r\n",
		 OK3 "354 250/2.1.5 250/2.1.0 250/2.1.5 354 250/2.1.5", NULL,
		 SMTP_NEXT_READ},
		{"full and busy mailboxes at RCPT",
		 HELLO MAIL "RCPT TO:<full@x>\r\nRCPT TO:<busy@x>\r\n",
		 "250 250/2.1.0 552/5.2.2 451/4.3.0", NULL, SMTP_NEXT_READ},
		{"no valid recipient",
		 HELLO MAIL "RCPT TO:<unknown@x>\r\nDATA\r\n",
		 "250 250/2.1.0 550/5.1.1 503/5.5.1", NULL, SMTP_NEXT_READ},
		{"data_begin refuses DATA",
		 HELLO "MAIL FROM:<nobegin@x>\r\n" RCPT "DATA\r\n" MAIL,
		 OK3 "451/4.3.0 250/2.1.0", NULL, SMTP_NEXT_READ},
		{"a failure while reading is the answer at the end",
		 HELLO "MAIL FROM:<nodata@x>\r\n" RCPT RCPT
		       "DATA\r\nabc\r\n.\r\nNOOP\r\n",
		 OK3 "250/2.1.5 354 452/4.3.1 452/4.3.1 250/2.0.0", NULL,
		 SMTP_NEXT_READ},
		{"a message pipelined behind a DATA that is refused is commands",
		 HELLO MAIL "RCPT TO:<unknown@x>\r\nDATA\r\nSubject: x\r\n"
			    "\r\nRCPT TO:<b@x>\r\n.\r\n",
		 "250 250/2.1.0 550/5.1.1 503/5.5.1 500/5.5.2 500/5.5.2 "
		 "250/2.1.5 500/5.5.2",
		 NULL, SMTP_NEXT_READ},
		{"MAIL refused: what was pipelined behind it is refused, too",
		 HELLO "MAIL FROM:<refused@x>\r\n" RCPT "DATA\r\nNOOP\r\n",
		 "250 550/5.7.1 503/5.5.1 503/5.5.1 250/2.0.0", "hello c;",
		 SMTP_NEXT_READ},
	};

	PLAY(&recorder_lmtp, dialogues);
}

Test(smtp_dialogue, sequence)
{
	static const struct dialogue dialogues[] = {
		{"MAIL before LHLO", MAIL, "503/5.5.1", "", SMTP_NEXT_READ},
		{"RCPT before MAIL", HELLO RCPT, "250 503/5.5.1", NULL,
		 SMTP_NEXT_READ},
		{"DATA before MAIL", HELLO "DATA\r\n", "250 503/5.5.1", NULL,
		 SMTP_NEXT_READ},
		{"DATA before RCPT", HELLO MAIL "DATA\r\n",
		 "250 250/2.1.0 503/5.5.1", NULL, SMTP_NEXT_READ},
		{"MAIL twice", HELLO MAIL MAIL, "250 250/2.1.0 503/5.5.1", NULL,
		 SMTP_NEXT_READ},
		{"RSET forgets", ENVELOPE "RSET\r\nDATA\r\n",
		 OK3 "250/2.0.0 503/5.5.1", EVENTS3 "reset;", SMTP_NEXT_READ},
		{"a new LHLO forgets", ENVELOPE "LHLO d\r\nDATA\r\n",
		 OK3 "250 503/5.5.1", EVENTS3 "reset;hello d;", SMTP_NEXT_READ},
		{"QUIT in a message", ENVELOPE "QUIT\r\nNOOP\r\n",
		 OK3 "221/2.0.0", EVENTS3 "reset;", SMTP_NEXT_CLOSE},
		{"harmless commands, anywhere",
		 "NOOP\r\nNOOP x\r\nRSET\r\nVRFY joe\r\nHELP\r\nhelp mail\r\n",
		 "250/2.0.0 250/2.0.0 250/2.0.0 252/2.0.0 214/2.0.0 "
		 "214/2.0.0",
		 "", SMTP_NEXT_READ},
		{"verbs are case-blind, blanks at the end are nothing",
		 "lhlo  c \r\nmail from:<a@x>  \r\nRcpt To:<b@x>\r\nquit \r\n",
		 OK3 "221/2.0.0", NULL, SMTP_NEXT_CLOSE},
		{"LMTP refuses HELO and EHLO", "HELO c\r\nEHLO c\r\n",
		 "500/5.5.1 500/5.5.1", "", SMTP_NEXT_READ},
		{"unknown commands", "XYZZY\r\n\r\n \r\nEXPN staff\r\n",
		 "500/5.5.2 500/5.5.2 500/5.5.2 502/5.5.1", "", SMTP_NEXT_READ},
		{"arguments where none belong",
		 "LHLO\r\nLHLO c\r\nRSET x\r\nQUIT x\r\nVRFY\r\nMAIL\r\n"
		 "STARTTLS x\r\n",
		 "501/5.5.4 250 501/5.5.4 501/5.5.4 501/5.5.4 501/5.5.4 "
		 "501/5.5.4",
		 NULL, SMTP_NEXT_READ},
		{"names that are none",
		 "LHLO a b\r\nLHLO <x>\r\nLHLO (x)\r\nLHLO \xff\r\n"
		 "LHLO [127.0.0.1]\r\nLHLO [IPv6:::1]\r\nLHLO b\xc3\xbc.de\r\n",
		 "501/5.5.4 501/5.5.4 501/5.5.4 501/5.5.4 250 250 250", NULL,
		 SMTP_NEXT_READ},
		{"STARTTLS without a certificate", HELLO "STARTTLS\r\n",
		 "250 502/5.5.1", NULL, SMTP_NEXT_READ},
		{"AUTH is no command of LMTP", HELLO "AUTH PLAIN =\r\n",
		 "250 500/5.5.1", NULL, SMTP_NEXT_READ},
	};

	PLAY(&recorder_lmtp, dialogues);
}

Test(smtp_dialogue, parameters)
{
	static const struct dialogue dialogues[] = {
		{"SIZE and BODY",
		 HELLO "MAIL FROM:<a@x> SIZE=1000 BODY=8BITMIME SMTPUTF8\r\n",
		 "250 250/2.1.0", "hello c;mail <a@x> size=1000 8bit utf8;",
		 SMTP_NEXT_READ},
		{"SIZE too large", HELLO "MAIL FROM:<a@x> SIZE=1001\r\n",
		 "250 552/5.3.4", NULL, SMTP_NEXT_READ},
		{"SIZE beyond any number",
		 HELLO "MAIL FROM:<a@x> SIZE=99999999999999999999\r\n",
		 "250 552/5.3.4", NULL, SMTP_NEXT_READ},
		{"SIZE that is no number",
		 HELLO "MAIL FROM:<a@x> SIZE=1k\r\nMAIL FROM:<a@x> SIZE\r\n"
		       "MAIL FROM:<a@x> SIZE=\r\nMAIL FROM:<a@x> SIZE=-1\r\n"
		       "MAIL FROM:<a@x> SIZE=999999999999999999999\r\n",
		 "250 501/5.5.4 501/5.5.4 501/5.5.4 501/5.5.4 501/5.5.4", NULL,
		 SMTP_NEXT_READ},
		{"BODY=7BIT, names and values are case-blind",
		 HELLO "MAIL FROM:<a@x> body=7bit\r\n", "250 250/2.1.0", NULL,
		 SMTP_NEXT_READ},
		{"BODY of another kind", HELLO "MAIL FROM:<a@x> BODY=9BIT\r\n",
		 "250 501/5.5.4", NULL, SMTP_NEXT_READ},
		{"DATA after BINARYMIME",
		 HELLO "MAIL FROM:<a@x> BODY=BINARYMIME\r\n" RCPT "DATA\r\n",
		 OK3 "503/5.5.1", NULL, SMTP_NEXT_READ},
		{"BDAT after BINARYMIME",
		 HELLO "MAIL FROM:<a@x> BODY=BINARYMIME\r\n" RCPT
		       "BDAT 2 LAST\r\nab",
		 OK3 "250/2.1.5",
		 "hello c;mail <a@x> binary;rcpt <b@x>;begin;finish 1;reset;",
		 SMTP_NEXT_READ},
		{"twice the same", HELLO "MAIL FROM:<a@x> SIZE=1 SIZE=2\r\n",
		 "250 501/5.5.4", NULL, SMTP_NEXT_READ},
		{"unknown ones",
		 HELLO "MAIL FROM:<a@x> FOO=bar\r\n" MAIL
		       "RCPT TO:<b@x> BAR\r\n",
		 "250 555/5.5.4 250/2.1.0 555/5.5.4", NULL, SMTP_NEXT_READ},
		{"ones that are not offered",
		 HELLO "MAIL FROM:<a@x> RET=FULL\r\n"
		       "MAIL FROM:<a@x> AUTH=<>\r\n"
		       "MAIL FROM:<a@x> X-OKAPI=x\r\n" MAIL
		       "RCPT TO:<b@x> NOTIFY=NEVER\r\n",
		 "250 555/5.5.4 555/5.5.4 555/5.5.4 250/2.1.0 555/5.5.4", NULL,
		 SMTP_NEXT_READ},
		{"ones of the other command",
		 HELLO MAIL "RCPT TO:<b@x> SIZE=1\r\n",
		 "250 250/2.1.0 555/5.5.4", NULL, SMTP_NEXT_READ},
		{"broken ones",
		 HELLO "MAIL FROM:<a@x> =x\r\nMAIL FROM:<a@x> =\r\n"
		       "MAIL FROM:<a@x> A==\r\nMAIL FROM:<a@x> \"A\"=b\r\n"
		       "MAIL FROM:<a@x> A=\xc3\r\nMAIL FROM:<a@x>SIZE=1\r\n",
		 "250 501/5.5.4 501/5.5.4 501/5.5.4 501/5.5.4 501/5.5.4 "
		 "501/5.5.4",
		 NULL, SMTP_NEXT_READ},
	};

	PLAY(&recorder_lmtp, dialogues);
}

Test(smtp_dialogue, addresses)
{
	static const struct dialogue dialogues[] = {
		{"paths need brackets",
		 HELLO "MAIL FROM:a@x\r\nMAIL FROM:<a@x\r\nMAIL <a@x>\r\n"
		       "MAIL TO:<a@x>\r\n" MAIL "RCPT TO:b@x\r\nRCPT b@x\r\n",
		 "250 501/5.5.4 501/5.5.4 501/5.5.4 501/5.5.4 250/2.1.0 "
		 "501/5.5.4 501/5.5.4",
		 NULL, SMTP_NEXT_READ},
		{"a blank before the path, as some clients have it",
		 HELLO "MAIL FROM: <a@x>\r\n", "250 250/2.1.0", NULL,
		 SMTP_NEXT_READ},
		{"the null path, for MAIL only",
		 HELLO "MAIL FROM:<>\r\nRCPT TO:<>\r\n",
		 "250 250/2.1.0 501/5.1.3", "hello c;mail <>;", SMTP_NEXT_READ},
		{"source routes are dropped",
		 HELLO "MAIL FROM:<@r,@s.t:a@x>\r\nRCPT TO:<@r:b@x>\r\n",
		 "250 250/2.1.0 250/2.1.5", "hello c;mail <a@x>;rcpt <b@x>;",
		 SMTP_NEXT_READ},
		{"source routes that are none",
		 HELLO "MAIL FROM:<@r,s:a@x>\r\nMAIL FROM:<@:a@x>\r\n"
		       "MAIL FROM:<@r:>\r\nMAIL FROM:<@r>\r\n",
		 "250 501/5.1.3 501/5.1.3 501/5.1.3 501/5.1.3", NULL,
		 SMTP_NEXT_READ},
		{"quoted local parts stay as they are",
		 HELLO "MAIL FROM:<\"a b\"@x>\r\nRCPT TO:<\"a>\\\"b\"@x>\r\n",
		 "250 250/2.1.0 250/2.1.5",
		 "hello c;mail <\"a b\"@x>;rcpt <\"a>\\\"b\"@x>;",
		 SMTP_NEXT_READ},
		{"login names and postmaster",
		 HELLO MAIL "RCPT TO:<joe>\r\nRCPT TO:<Postmaster>\r\n",
		 "250 250/2.1.0 250/2.1.5 250/2.1.5",
		 "hello c;mail <a@x>;rcpt <joe>;rcpt <Postmaster>;",
		 SMTP_NEXT_READ},
		{"a sender without domain is no reason to bounce",
		 HELLO "MAIL FROM:<root>\r\n", "250 250/2.1.0",
		 "hello c;mail <root>;", SMTP_NEXT_READ},
		{"nor is one that is no address: an empty local part",
		 HELLO "MAIL FROM:<\"\"@x> SIZE=1\r\n", "250 250/2.1.0",
		 "hello c;mail <> size=1;", SMTP_NEXT_READ},
		{"control characters", HELLO "MAIL FROM:<\"a\x01\"@x>\r\n",
		 "250 250/2.1.0", "hello c;mail <>;", SMTP_NEXT_READ},
		{"a quote that does not end",
		 HELLO "MAIL FROM:<u\"ser@x> SIZE=1\r\n", "250 250/2.1.0",
		 "hello c;mail <> size=1;", SMTP_NEXT_READ},
		{"noise", HELLO "MAIL FROM:</@)$@)BLAARGH!@#$$>\r\n",
		 "250 250/2.1.0", "hello c;mail <>;", SMTP_NEXT_READ},
		{"octets that are no text are no sender",
		 HELLO "MAIL FROM:<j\xfcrgen@x>\r\nMAIL FROM:<\xc3>\r\n",
		 "250 501/5.1.3 501/5.1.3", NULL, SMTP_NEXT_READ},
		{"UTF-8 that was not announced",
		 HELLO "MAIL FROM:<j\xc3\xbcrgen@x>\r\n", "250 250/2.1.0",
		 "hello c;mail <j\xc3\xbcrgen@x>;", SMTP_NEXT_READ},
		{"dots at the wrong place get the quotes they need",
		 HELLO "MAIL FROM:<a..b@x> BODY=8BITMIME\r\n", "250 250/2.1.0",
		 "hello c;mail <\"a..b\"@x> 8bit;", SMTP_NEXT_READ},
		{"a recipient's, too; but it has to be one",
		 HELLO MAIL "RCPT TO:<a..b@x> NOTIFY=NEVER\r\n"
			    "RCPT TO:<.a.@x>\r\nRCPT TO:<u\"ser@x>\r\n"
			    "RCPT TO:<a..b>\r\nRCPT TO:<a..b@.x>\r\n",
		 "250 250/2.1.0 555/5.5.4 250/2.1.5 501/5.1.3 501/5.1.3 "
		 "501/5.1.3",
		 "hello c;mail <a@x>;rcpt <\".a.\"@x>;", SMTP_NEXT_READ},
		{"an empty quoted local part (CVE-2020-10967)",
		 HELLO MAIL "RCPT TO:<\"\"@d>\r\nNOOP\r\n",
		 "250 250/2.1.0 501/5.1.3 250/2.0.0", NULL, SMTP_NEXT_READ},
		{"truncated UTF-8 (CVE-2020-7046)",
		 HELLO "MAIL FROM:<a@x> SMTPUTF8\r\nRCPT TO:<\xc3>\r\n"
		       "RCPT TO:<a\xe2\x82@x>\r\nRCPT TO:<a@\xf0\x9f\x98>\r\n",
		 "250 250/2.1.0 501/5.1.3 501/5.1.3 501/5.1.3", NULL,
		 SMTP_NEXT_READ},
		{"UTF-8 with SMTPUTF8",
		 HELLO "MAIL FROM:<j\xc3\xbcrgen@x> SMTPUTF8\r\n"
		       "RCPT TO:<b@m\xc3\xbcller.de>\r\n",
		 "250 250/2.1.0 250/2.1.5", NULL, SMTP_NEXT_READ},
		{"UTF-8 without SMTPUTF8",
		 HELLO MAIL "RCPT TO:<b@m\xc3\xbcller.de>\r\n",
		 "250 250/2.1.0 553/5.6.7", NULL, SMTP_NEXT_READ},
		{"shell, SQL and option characters are addresses (they reach "
		 "the handler as they are)",
		 HELLO
		 "MAIL FROM:<`id`@x>\r\nRCPT TO:<$(id)@x>\r\n"
		 "RCPT TO:<a'/**/or/**/1=1--@x>\r\nRCPT TO:<-oQ/tmp@x>\r\n",
		 "250 250/2.1.0 501/5.1.3 250/2.1.5 250/2.1.5",
		 "hello c;mail <`id`@x>;rcpt <a'/**/or/**/1=1--@x>;"
		 "rcpt <-oQ/tmp@x>;",
		 SMTP_NEXT_READ},
	};

	PLAY(&recorder_lmtp, dialogues);
}

Test(smtp_dialogue, submission)
{
	static const struct dialogue dialogues[] = {
		{"EHLO and HELO, one reply after the data",
		 EHLO MAIL RCPT RCPT "DATA\r\n.\r\nHELO d\r\n",
		 OK3 "250/2.1.5 354 250/2.0.0 250",
		 EVENTS3 "rcpt <b@x>;begin;finish 1;reset;hello d;",
		 SMTP_NEXT_READ},
		{"LHLO is no command of SMTP", "LHLO c\r\n", "500/5.5.1", "",
		 SMTP_NEXT_READ},
		{"a sender is an address",
		 EHLO "MAIL FROM:<a..b@x>\r\nMAIL FROM:<u\"ser@x>\r\n"
		      "MAIL FROM:<j\xc3\xbcrgen@x>\r\n",
		 "250 501/5.1.3 501/5.1.3 553/5.6.7", NULL, SMTP_NEXT_READ},
		{"a sender needs a domain", EHLO "MAIL FROM:<root>\r\n",
		 "250 501/5.1.3", NULL, SMTP_NEXT_READ},
		{"a recipient needs a domain",
		 EHLO MAIL "RCPT TO:<joe>\r\nRCPT TO:<postmaster>\r\n",
		 "250 250/2.1.0 501/5.1.3 250/2.1.5", NULL, SMTP_NEXT_READ},
		{"DSN",
		 EHLO
		 "MAIL FROM:<a@x> RET=hdrs ENVID=QQ+2B+3D\r\n"
		 "RCPT TO:<b@x> NOTIFY=SUCCESS,delay ORCPT=rfc822;b+2Bc@x\r\n"
		 "RCPT TO:<b@x> NOTIFY=NEVER\r\n"
		 "RCPT TO:<b@x> ORCPT=rfc822;<d@x>\r\n",
		 OK3 "250/2.1.5 250/2.1.5",
		 "hello c;mail <a@x> ret=HDRS envid=QQ+=;"
		 "rcpt <b@x> notify=10 orcpt=rfc822;b+c@x;"
		 "rcpt <b@x> notify=1;rcpt <b@x> orcpt=rfc822;d@x;",
		 SMTP_NEXT_READ},
		{"broken DSN",
		 EHLO
		 "MAIL FROM:<a@x> RET=ALL\r\nMAIL FROM:<a@x> ENVID=+0D+0A\r\n"
		 "MAIL FROM:<a@x> ENVID=+2\r\n" MAIL
		 "RCPT TO:<b@x> NOTIFY=NEVER,DELAY\r\n"
		 "RCPT TO:<b@x> NOTIFY=\r\nRCPT TO:<b@x> ORCPT=b@x\r\n"
		 "RCPT TO:<b@x> ORCPT=rfc822;+0D+0Ax\r\n",
		 "250 501/5.5.4 501/5.5.4 501/5.5.4 250/2.1.0 501/5.5.4 "
		 "501/5.5.4 501/5.5.4 501/5.5.4",
		 NULL, SMTP_NEXT_READ},
		{"AUTH= of MAIL",
		 EHLO "MAIL FROM:<a@x> AUTH=<>\r\nRSET\r\n"
		      "MAIL FROM:<a@x> AUTH=e+2Bf@x\r\nRSET\r\n"
		      "MAIL FROM:<a@x> AUTH=+0D\r\n",
		 "250 250/2.1.0 250/2.0.0 250/2.1.0 250/2.0.0 501/5.5.4",
		 "hello c;mail <a@x> auth=<>;reset;mail <a@x> "
		 "auth=e+f@x;reset;",
		 SMTP_NEXT_READ},
		{"private options, without a recipient",
		 EHLO "MAIL FROM:<a@x> X-OKAPI=t+20j\r\nDATA\r\n.\r\n",
		 "250 250/2.1.0 354 250/2.0.0",
		 "hello c;mail <a@x> private=t j;begin;finish 1;reset;",
		 SMTP_NEXT_READ},
		{"private options, but the recipient was refused",
		 EHLO "MAIL FROM:<a@x> X-OKAPI=t\r\nRCPT TO:<unknown@x>\r\n"
		      "DATA\r\n",
		 "250 250/2.1.0 550/5.1.1 503/5.5.1", NULL, SMTP_NEXT_READ},
		{"AUTH PLAIN at once", EHLO "AUTH PLAIN AGpvZQBzZWNyZXQ=\r\n",
		 "250 235/2.7.0", "hello c;auth /joe/secret;", SMTP_NEXT_READ},
		{"AUTH PLAIN with a challenge, twice is wrong",
		 EHLO "AUTH plain\r\nAGpvZQBzZWNyZXQ=\r\nAUTH PLAIN =\r\n",
		 "250 334 235/2.7.0 503/5.5.1", NULL, SMTP_NEXT_READ},
		{"AUTH LOGIN",
		 EHLO "AUTH LOGIN\r\nam9l\r\nc2VjcmV0\r\nNOOP\r\n",
		 "250 334 334 235/2.7.0 250/2.0.0", "hello c;auth /joe/secret;",
		 SMTP_NEXT_READ},
		{"AUTH LOGIN with the name at once, wrong password",
		 EHLO "AUTH LOGIN am9l\r\nd3Jvbmc=\r\n", "250 334 535/5.7.8",
		 "hello c;auth /joe/wrong;", SMTP_NEXT_READ},
		{"AUTH while the store is away",
		 EHLO "AUTH PLAIN AGJyb2tlbgB4\r\n", "250 454/4.7.0", NULL,
		 SMTP_NEXT_READ},
		{"AUTH cancelled", EHLO "AUTH LOGIN\r\nam9l\r\n*\r\nNOOP\r\n",
		 "250 334 334 501/5.7.0 250/2.0.0", "hello c;", SMTP_NEXT_READ},
		{"AUTH that is no base64 (CVE-2025-59028)",
		 EHLO "AUTH PLAIN !!!\r\nAUTH PLAIN AGp\r\nAUTH PLAIN =\r\n"
		      "AUTH PLAIN Zm9v\r\nAUTH PLAIN AGpvZQBzZWNyZXQ=\r\n",
		 "250 501/5.5.2 501/5.5.2 501/5.5.2 501/5.5.2 235/2.7.0", NULL,
		 SMTP_NEXT_READ},
		{"AUTH of another kind", EHLO "AUTH CRAM-MD5\r\n",
		 "250 504/5.5.4", NULL, SMTP_NEXT_READ},
		{"AUTH before EHLO and in a message",
		 "AUTH PLAIN =\r\n" EHLO MAIL "AUTH PLAIN =\r\n",
		 "503/5.5.1 250 250/2.1.0 503/5.5.1", NULL, SMTP_NEXT_READ},
	};

	PLAY(&recorder_esmtp, dialogues);
}

/* base64: first Zmlyc3Q=, final ZmluYWw=, more bW9yZQ==, proof cHJvb2Y= */
Test(smtp_dialogue, scram)
{
	static const struct dialogue dialogues[] = {
		{"the whole exchange",
		 EHLO "AUTH SCRAM-SHA-256 Zmlyc3Q=\r\nZmluYWw=\r\n\r\n"
		      "AUTH PLAIN =\r\n",
		 "250 334 334 235/2.7.0 503/5.5.1",
		 "hello c;scram first;proof final;", SMTP_NEXT_READ},
		{"without an initial response, \"=\" for nothing at the end",
		 EHLO "AUTH scram-sha-256\r\nZmlyc3Q=\r\nZmluYWw=\r\n=\r\n",
		 "250 334 334 334 235/2.7.0", NULL, SMTP_NEXT_READ},
		{"not SCRAM", EHLO "AUTH SCRAM-SHA-256 ZmluYWw=\r\nNOOP\r\n",
		 "250 501/5.5.2 250/2.0.0", "hello c;scram final;",
		 SMTP_NEXT_READ},
		{"a wrong password",
		 EHLO "AUTH SCRAM-SHA-256 Zmlyc3Q=\r\nZmlyc3Q=\r\nNOOP\r\n",
		 "250 334 535/5.7.8 250/2.0.0", NULL, SMTP_NEXT_READ},
		{"NUL", EHLO "AUTH SCRAM-SHA-256 Zmlyc3QA\r\n", "250 501/5.5.2",
		 "hello c;", SMTP_NEXT_READ},
		{"cancelled",
		 EHLO "AUTH SCRAM-SHA-256 Zmlyc3Q=\r\n*\r\n"
		      "AUTH PLAIN AGpvZQBzZWNyZXQ=\r\n",
		 "250 334 501/5.7.0 235/2.7.0", NULL, SMTP_NEXT_READ},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(dialogues); i++)
		play_with(&recorder_esmtp, &recorder_scram_handler,
			  &dialogues[i], strlen(dialogues[i].input));
}

Test(smtp_dialogue, who_is_wrong_too_often_is_sent_away)
{
	static const struct dialogue dialogues[] = {
		{"passwords",
		 EHLO "AUTH PLAIN AGpvZQB4\r\nAUTH PLAIN AGpvZQB4\r\n"
		      "AUTH PLAIN AGpvZQB4\r\nAUTH PLAIN AGpvZQBzZWNyZXQ=\r\n",
		 "250 535/5.7.8 535/5.7.8 535/5.7.8 421/4.7.0", NULL,
		 SMTP_NEXT_CLOSE},
	};

	PLAY(&recorder_esmtp, dialogues);
}

Test(smtp_dialogue, future_release)
{
	static const struct dialogue dialogues[] = {
		{"for some seconds, until a time, in another zone",
		 EHLO "MAIL FROM:<a@x> HOLDFOR=60\r\nRSET\r\n"
		      "MAIL FROM:<a@x> HOLDUNTIL=2026-11-23T10:00:10Z\r\n"
		      "RSET\r\n"
		      "MAIL FROM:<a@x> HOLDUNTIL=2026-11-23T12:00:10+02:00\r\n",
		 "250 250/2.1.0 250/2.0.0 250/2.1.0 250/2.0.0 250/2.1.0",
		 "hello c;mail <a@x> release=1795428060;reset;"
		 "mail <a@x> release=1795428010;reset;"
		 "mail <a@x> release=1795428010;",
		 SMTP_NEXT_READ},
		{"a time that is over",
		 EHLO "MAIL FROM:<a@x> HOLDUNTIL=2020-11-23T10:00:10Z\r\n",
		 "250 250/2.1.0", NULL, SMTP_NEXT_READ},
		{"later than may be, both, broken",
		 EHLO "MAIL FROM:<a@x> HOLDFOR=86401\r\n"
		      "MAIL FROM:<a@x> HOLDUNTIL=2026-11-24T10:00:01Z\r\n"
		      "MAIL FROM:<a@x> HOLDFOR=9 "
		      "HOLDUNTIL=2026-11-23T10:00:10Z\r\n"
		      "MAIL FROM:<a@x> HOLDFOR=-1\r\n"
		      "MAIL FROM:<a@x> HOLDFOR=1234567890\r\n"
		      "MAIL FROM:<a@x> HOLDFOR\r\n"
		      "MAIL FROM:<a@x> HOLDUNTIL=tomorrow\r\n"
		      "MAIL FROM:<a@x> HOLDUNTIL=2026-11-23T10:00:10\r\n",
		 "250 501/5.5.4 501/5.5.4 501/5.5.4 501/5.5.4 501/5.5.4 "
		 "501/5.5.4 501/5.5.4 501/5.5.4",
		 NULL, SMTP_NEXT_READ},
	};
	static const struct dialogue unknown = {
		"not offered", EHLO "MAIL FROM:<a@x> HOLDFOR=60\r\n",
		"250 555/5.5.4", NULL, SMTP_NEXT_READ};
	struct smtp_options options = recorder_esmtp;

	options.future_release = 86400;
	options.clock = recorder_clock;
	PLAY(&options, dialogues);
	play(&recorder_esmtp, &unknown, strlen(unknown.input));
}

Test(smtp_dialogue, mt_priority)
{
	static const struct dialogue dialogues[] = {
		{"those of the profile",
		 EHLO "MAIL FROM:<a@x> MT-PRIORITY=4\r\nRSET\r\n"
		      "MAIL FROM:<a@x> MT-PRIORITY=0\r\nRSET\r\n"
		      "MAIL FROM:<a@x> mt-priority=-4\r\n",
		 "250 250/2.1.0 250/2.0.0 250/2.1.0 250/2.0.0 250/2.1.0",
		 "hello c;mail <a@x> priority=4;reset;"
		 "mail <a@x> priority=0;reset;mail <a@x> priority=-4;",
		 SMTP_NEXT_READ},
		{"another one becomes one of those",
		 EHLO "MAIL FROM:<a@x> MT-PRIORITY=9\r\nRSET\r\n"
		      "MAIL FROM:<a@x> MT-PRIORITY=-1\r\n",
		 "250 250/2.3.6 250/2.0.0 250/2.3.6",
		 "hello c;mail <a@x> priority=4;reset;mail <a@x> priority=-4;",
		 SMTP_NEXT_READ},
		{"none at all",
		 EHLO "MAIL FROM:<a@x> MT-PRIORITY=10\r\n"
		      "MAIL FROM:<a@x> MT-PRIORITY=-0\r\n"
		      "MAIL FROM:<a@x> MT-PRIORITY=+1\r\n"
		      "MAIL FROM:<a@x> MT-PRIORITY=-\r\n"
		      "MAIL FROM:<a@x> MT-PRIORITY\r\n"
		      "MAIL FROM:<a@x> MT-PRIORITY=1 MT-PRIORITY=1\r\n",
		 "250 501/5.5.4 501/5.5.4 501/5.5.4 501/5.5.4 501/5.5.4 "
		 "501/5.5.4",
		 NULL, SMTP_NEXT_READ},
	};
	static const struct dialogue unknown = {
		"not offered", EHLO "MAIL FROM:<a@x> MT-PRIORITY=1\r\n",
		"250 555/5.5.4", NULL, SMTP_NEXT_READ};
	struct smtp_options options = recorder_esmtp;

	options.offer_mt_priority = true;
	PLAY(&options, dialogues);
	play(&recorder_esmtp, &unknown, strlen(unknown.input));
}

Test(smtp_dialogue, lines_that_are_no_commands)
{
	static const struct dialogue dialogues[] = {
		{"bare LF is answered at once", "NOOP\n", "500/5.5.2", "",
		 SMTP_NEXT_READ},
		{"what follows a bare LF is not executed",
		 HELLO MAIL "RCPT TO:<b@x>\nRCPT TO:<c@x>\r\nNOOP\r\n",
		 "250 250/2.1.0 500/5.5.2 250/2.0.0", "hello c;mail <a@x>;",
		 SMTP_NEXT_READ},
		{"each bare LF counts", "a\nb\nc\r\nNOOP\r\n",
		 "500/5.5.2 500/5.5.2 250/2.0.0", "", SMTP_NEXT_READ},
		{"bare CR", "NO\rOP\r\nNOOP\r\r\nNOOP\r\n",
		 "500/5.5.2 500/5.5.2 250/2.0.0", "", SMTP_NEXT_READ},
	};
	static const struct dialogue nul = {
		"NUL", HELLO "RSET\0\r\nNO\0OP\r\nNOOP\r\n",
		"250 500/5.5.2 500/5.5.2 250/2.0.0", "hello c;",
		SMTP_NEXT_READ};

	PLAY(&recorder_lmtp, dialogues);
	play(&recorder_lmtp, &nul,
	     sizeof(HELLO "RSET\0\r\nNO\0OP\r\nNOOP\r\n") - 1);
}

Test(smtp_dialogue, long_lines)
{
	static const struct {
		const char *name;
		size_t len; /* with CRLF */
		const char *codes;
	} cases[] = {
		{"as long as may be", SMTP_COMMAND_MAX, "250/2.0.0 250/2.0.0"},
		{"one too many", SMTP_COMMAND_MAX + 1, "500/5.5.2 250/2.0.0"},
		{"64 KiB (CVE-2019-16928)", 65536, "500/5.5.2 250/2.0.0"},
		{"10 MB", 10000000, "500/5.5.2 250/2.0.0"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GString) input = g_string_new("NOOP ");

		while (input->len < cases[i].len - 2)
			g_string_append_c(input, 'x');
		g_string_append(input, "\r\nNOOP\r\n");
		struct dialogue dialogue = {cases[i].name, input->str,
					    cases[i].codes, "", SMTP_NEXT_READ};

		play(&recorder_lmtp, &dialogue, input->len);
	}
}

Test(smtp_dialogue, long_lines_of_auth)
{
	static const struct {
		const char *name;
		size_t len; /* with CRLF */
		const char *codes;
	} cases[] = {
		/* All 'A' is base64 of NUL only: no PLAIN response. */
		{"as long as may be", SMTP_AUTH_LINE_MAX - 2,
		 "250 334 501/5.5.2 250/2.0.0"},
		{"one too many", SMTP_AUTH_LINE_MAX + 1,
		 "250 334 500/5.5.6 250/2.0.0"},
		{"64 KiB", 65536, "250 334 500/5.5.6 250/2.0.0"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GString) input = g_string_new(EHLO "AUTH PLAIN\r\n");
		size_t begin = input->len;

		while (input->len < begin + cases[i].len - 2)
			g_string_append_c(input, 'A');
		g_string_append(input, "\r\nNOOP\r\n");
		struct dialogue dialogue = {cases[i].name, input->str,
					    cases[i].codes, "hello c;",
					    SMTP_NEXT_READ};

		play(&recorder_esmtp, &dialogue, input->len);
	}
}

Test(smtp_dialogue, too_many_errors)
{
	static const char *const cases[] = {"XYZZY\r\n", "NOOP\n", "NO\rOP\r\n",
					    "\r\n", "MAIL\r\n"};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct recorder recorder;
		struct smtp_server *server;
		enum smtp_next next = SMTP_NEXT_READ;
		int fed = 0;

		recorder_init(&recorder);
		server = smtp_server_new(&recorder_lmtp, &recorder_handler,
					 &recorder);
		for (; next == SMTP_NEXT_READ && fed < 100; fed++) {
			g_string_truncate(smtp_server_output(server), 0);
			next = smtp_server_feed(server, cases[i],
						strlen(cases[i]));
		}
		cr_expect_eq(fed, SMTP_ERRORS_MAX, "case %zu: %d", i, fed);
		cr_expect(strstr(smtp_server_output(server)->str,
				 "\r\n421 4.7.0 "));
		cr_expect_eq(next, SMTP_NEXT_CLOSE);
		smtp_server_free(server);
		recorder_clear(&recorder);
	}
}

/* An MTA that pipelines many recipients must not lose its session because
 * they, or the sender, are refused. */
Test(smtp_dialogue, refusals_are_no_errors)
{
	static const char *const begins[] = {
		HELLO MAIL, HELLO "MAIL FROM:<refused@x>\r\n",
		HELLO "MAIL FROM:<a@x> SIZE=5000\r\n"};

	for (size_t i = 0; i < G_N_ELEMENTS(begins); i++) {
		struct recorder recorder;
		struct smtp_server *server;
		g_autoptr(GString) input = g_string_new(begins[i]);

		for (int n = 0; n < 200; n++)
			g_string_append(input, "RCPT TO:<unknown@x>\r\n");
		g_string_append(input, "DATA\r\n");
		recorder_init(&recorder);
		server = smtp_server_new(&recorder_lmtp, &recorder_handler,
					 &recorder);
		cr_expect_eq(smtp_server_feed(server, input->str, input->len),
			     SMTP_NEXT_READ, "case %zu", i);
		cr_expect_null(strstr(smtp_server_output(server)->str, "421"));
		smtp_server_free(server);
		recorder_clear(&recorder);
	}
}

Test(smtp_dialogue, too_many_recipients)
{
	struct recorder recorder;
	struct smtp_server *server;
	g_autoptr(GString) input = g_string_new(HELLO MAIL);
	const char *last;

	for (int n = 0; n <= SMTP_RECIPIENTS_MAX; n++)
		g_string_append_printf(input, "RCPT TO:<u%d@x>\r\n", n);
	recorder_init(&recorder);
	server = smtp_server_new(&recorder_lmtp, &recorder_handler, &recorder);
	cr_expect_eq(smtp_server_feed(server, input->str, input->len),
		     SMTP_NEXT_READ);
	last = strstr(smtp_server_output(server)->str, "452 4.5.3 ");
	cr_assert_not_null(last);
	cr_expect_eq(strstr(last, "\r\n")[2], '\0');
	cr_expect_eq(recorder.rcpts->len, SMTP_RECIPIENTS_MAX);
	smtp_server_free(server);
	recorder_clear(&recorder);
}

Test(smtp_dialogue, what_is_offered)
{
	static const struct {
		const char *name;
		enum smtp_protocol protocol;
		bool tls, dsn, auth;
		const char *output;
		bool more; /* SCRAM, FUTURERELEASE */
		bool ascii;
	} cases[] = {
		{"LMTP without SMTPUTF8", SMTP_PROTOCOL_LMTP, false, false,
		 false,
		 "250-mx.test\r\n250-PIPELINING\r\n250-ENHANCEDSTATUSCODES\r\n"
		 "250-8BITMIME\r\n250-SIZE 1000\r\n250 CHUNKING\r\n",
		 false, true},
		{"LMTP", SMTP_PROTOCOL_LMTP, false, false, false,
		 "250-mx.test\r\n250-PIPELINING\r\n250-ENHANCEDSTATUSCODES\r\n"
		 "250-8BITMIME\r\n250-SMTPUTF8\r\n250-SIZE 1000\r\n"
		 "250 CHUNKING\r\n",
		 false, false},
		{"LMTP with a certificate", SMTP_PROTOCOL_LMTP, true, false,
		 true,
		 "250-mx.test\r\n250-PIPELINING\r\n250-ENHANCEDSTATUSCODES\r\n"
		 "250-8BITMIME\r\n250-SMTPUTF8\r\n250-SIZE 1000\r\n"
		 "250-STARTTLS\r\n250 CHUNKING\r\n",
		 false, false},
		{"submission", SMTP_PROTOCOL_ESMTP, false, true, true,
		 "250-mx.test\r\n250-PIPELINING\r\n250-ENHANCEDSTATUSCODES\r\n"
		 "250-8BITMIME\r\n250-SMTPUTF8\r\n250-SIZE 1000\r\n"
		 "250-DSN\r\n250-AUTH PLAIN LOGIN\r\n250 CHUNKING\r\n",
		 false, false},
		{"submission with SCRAM and a time to hold for",
		 SMTP_PROTOCOL_ESMTP, false, false, true,
		 "250-mx.test\r\n250-PIPELINING\r\n250-ENHANCEDSTATUSCODES\r\n"
		 "250-8BITMIME\r\n250-SMTPUTF8\r\n250-SIZE 1000\r\n"
		 "250-AUTH SCRAM-SHA-256 PLAIN LOGIN\r\n"
		 "250-FUTURERELEASE 86400 2026-11-24T10:00:00Z\r\n"
		 "250-MT-PRIORITY MIXER\r\n250 CHUNKING\r\n",
		 true, false},
		{"submission: passwords only over TLS", SMTP_PROTOCOL_ESMTP,
		 true, false, true,
		 "250-mx.test\r\n250-PIPELINING\r\n250-ENHANCEDSTATUSCODES\r\n"
		 "250-8BITMIME\r\n250-SMTPUTF8\r\n250-SIZE 1000\r\n"
		 "250-STARTTLS\r\n250 CHUNKING\r\n",
		 false, false},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct smtp_options options = recorder_lmtp;
		struct recorder recorder;
		struct smtp_server *server;

		options.protocol = cases[i].protocol;
		options.offer_starttls = cases[i].tls;
		options.offer_dsn = cases[i].dsn;
		options.offer_smtputf8 = !cases[i].ascii;
		options.offer_auth = cases[i].auth;
		options.future_release = cases[i].more ? 86400 : 0;
		options.clock = recorder_clock;
		options.offer_mt_priority = cases[i].more;
		recorder_init(&recorder);
		server = smtp_server_new(&options,
					 cases[i].more ? &recorder_scram_handler
						       : &recorder_handler,
					 &recorder);
		(void)smtp_server_feed(
			server,
			options.protocol == SMTP_PROTOCOL_LMTP ? HELLO : EHLO,
			sizeof(HELLO) - 1);
		cr_expect_str_eq(smtp_server_output(server)->str,
				 cases[i].output, "%s: %s", cases[i].name,
				 smtp_server_output(server)->str);
		smtp_server_free(server);
		recorder_clear(&recorder);
	}
}

/* What the proxy says, what the handler hears, and the codes. */
Test(smtp_dialogue, xclient)
{
	static const struct {
		const char *name, *input, *log, *codes;
	} cases[] = {
		{"an address and a name",
		 "XCLIENT ADDR=192.0.2.7 NAME=mail.example HELO=spike.example",
		 "xclient 192.0.2.7 mail.example spike.example;", "220"},
		{"IPv6", "xclient addr=IPV6:2001:db8::7",
		 "xclient 2001:db8::7 - -;", "220"},
		{"not known", "XCLIENT ADDR=[UNAVAILABLE] NAME=[TEMPUNAVAIL]",
		 "xclient - - -;", "220"},
		{"what is not kept",
		 "XCLIENT PORT=25 PROTO=ESMTP LOGIN=x DESTADDR=192.0.2.1 "
		 "DESTPORT=25",
		 "xclient - - -;", "220"},
		{"xtext", "XCLIENT HELO=a+2Eb", "xclient - - a.b;", "220"},
		{"no attribute", "XCLIENT COLOUR=red", "", "501"},
		{"no value", "XCLIENT ADDR", "", "501"},
		{"no address", "XCLIENT ADDR=192.0.2", "", "501"},
		{"IPv6 without its prefix", "XCLIENT ADDR=2001:db8::7", "",
		 "501"},
		{"no xtext", "XCLIENT HELO=a+2", "", "501"},
		{"no xtext in what is ignored", "XCLIENT LOGIN=a+2", "", "501"},
		{"a line end in a name", "XCLIENT HELO=a+0D+0Ab", "", "501"},
		{"nothing", "XCLIENT", "", "501"},
		{"within a message", "LHLO c\r\n" MAIL "XCLIENT ADDR=192.0.2.7",
		 "hello c;mail <a@x>;", "503"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *input =
			g_strconcat(cases[i].input, "\r\n", NULL);
		struct recorder recorder;
		struct smtp_server *server;
		const char *last;

		recorder_init(&recorder);
		server = smtp_server_new(&recorder_lmtp,
					 &recorder_proxy_handler, &recorder);
		(void)smtp_server_feed(server, input, strlen(input));
		g_string_truncate(smtp_server_output(server),
				  smtp_server_output(server)->len - 2);
		last = strrchr(smtp_server_output(server)->str, '\n');
		last = last ? last + 1 : smtp_server_output(server)->str;
		cr_expect(g_str_has_prefix(last, cases[i].codes), "%s: %s",
			  cases[i].name, last);
		cr_expect_str_eq(recorder.log->str, cases[i].log, "%s: %s",
				 cases[i].name, recorder.log->str);
		smtp_server_free(server);
		recorder_clear(&recorder);
	}
}

Test(smtp_dialogue, xclient_begins_anew)
{
	struct recorder recorder;
	struct smtp_server *server;
	static const char input[] = "LHLO c\r\nXCLIENT ADDR=192.0.2.7\r\n" MAIL;

	recorder_init(&recorder);
	server = smtp_server_new(&recorder_lmtp, &recorder_proxy_handler,
				 &recorder);
	(void)smtp_server_feed(server, input, strlen(input));
	cr_expect(strstr(smtp_server_output(server)->str,
			 "250-XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR "
			 "DESTPORT\r\n"));
	cr_expect(strstr(smtp_server_output(server)->str,
			 "\r\n503 5.5.1 LHLO first\r\n"));
	smtp_server_free(server);
	recorder_clear(&recorder);
}

Test(smtp_dialogue, starttls_throws_away_what_was_pipelined)
{
	static const char input[] =
		ENVELOPE "RSET\r\nSTARTTLS\r\nNOOP\r\n" MAIL;
	static const char after[] = MAIL HELLO "STARTTLS\r\n";
	struct smtp_options options = recorder_lmtp;
	struct recorder recorder;
	struct smtp_server *server;
	g_autofree char *codes = NULL;

	options.offer_starttls = true;
	recorder_init(&recorder);
	server = smtp_server_new(&options, &recorder_handler, &recorder);
	cr_expect_eq(smtp_server_feed(server, input, sizeof(input) - 1),
		     SMTP_NEXT_STARTTLS);
	cr_expect(g_str_has_suffix(smtp_server_output(server)->str,
				   "\r\n220 2.0.0 Ready to start TLS\r\n"));
	cr_expect_eq(smtp_server_feed(server, MAIL, sizeof(MAIL) - 1),
		     SMTP_NEXT_STARTTLS);
	g_string_truncate(smtp_server_output(server), 0);
	smtp_server_tls_started(server);
	cr_expect_str_eq(smtp_server_peer_name(server), "");
	cr_expect_eq(smtp_server_feed(server, after, sizeof(after) - 1),
		     SMTP_NEXT_READ);
	cr_expect_null(strstr(smtp_server_output(server)->str, "250-STARTTLS"));
	codes = recorder_codes(smtp_server_output(server)->str);
	cr_expect_str_eq(codes, "503/5.5.1 250 503/5.5.1");
	cr_expect_str_eq(recorder.log->str, EVENTS3 "reset;hello c;");
	smtp_server_free(server);
	recorder_clear(&recorder);
}

Test(smtp_dialogue, ends_from_our_side)
{
	struct recorder recorder;
	struct smtp_server *server;
	struct fault fault = {0};

	recorder_init(&recorder);
	server = smtp_server_new(&recorder_lmtp, &recorder_handler, &recorder);
	smtp_server_greet(server);
	cr_expect_str_eq(smtp_server_output(server)->str,
			 "220 mx.test LMTP Okapi\r\n");
	cr_expect(smtp_server_is_idle(server));
	(void)smtp_server_feed(server, ENVELOPE "DATA\r\nx",
			       sizeof(ENVELOPE "DATA\r\nx") - 1);
	cr_expect_not(smtp_server_is_idle(server));
	g_string_truncate(smtp_server_output(server), 0);
	fault_set(&fault, FAULT_NETWORK, "idle");
	smtp_server_end(server, &fault);
	cr_expect_str_eq(smtp_server_output(server)->str,
			 "421 4.4.2 mx.test idle\r\n");
	cr_expect_str_eq(recorder.log->str, EVENTS3 "begin;reset;");
	cr_expect_eq(smtp_server_feed(server, "\r\n.\r\n", 5), SMTP_NEXT_CLOSE);
	smtp_server_free(server);

	server = smtp_server_new(&recorder_lmtp, &recorder_handler, NULL);
	fault_set(&fault, FAULT_NOT_ALLOWED, "not from there");
	smtp_server_refuse(server, &fault);
	cr_expect_str_eq(smtp_server_output(server)->str,
			 "554 5.7.1 not from there\r\n");
	cr_expect_eq(smtp_server_feed(server, "NOOP\r\n", 6), SMTP_NEXT_CLOSE);
	smtp_server_free(server);
	recorder_clear(&recorder);
}

/* Whoever talks on after QUIT is read to the end, or the kernel would reset
 * the connection and take the last reply with it. */
Test(smtp_dialogue, quit_is_the_last_word)
{
	static const struct {
		const char *input;
		bool has_quit;
	} cases[] = {
		{"LHLO c\r\n", false},
		{"LHLO c\r\nQUIT\r\n", true},
		{"LHLO c\r\nQUIT\r\nNOOP\r\n", false},
		{"LHLO c\r\nQUIT\r\n\n", false},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct recorder recorder;
		struct smtp_server *server;

		recorder_init(&recorder);
		server = smtp_server_new(&recorder_lmtp, &recorder_handler,
					 &recorder);
		(void)smtp_server_feed(server, cases[i].input,
				       strlen(cases[i].input));
		cr_expect_eq(smtp_server_has_quit(server), cases[i].has_quit,
			     "%s", cases[i].input);
		smtp_server_free(server);
		recorder_clear(&recorder);
	}
}

/* A client that ends its lines with LF is told so, and may go on. */
Test(smtp_dialogue, a_pause_after_a_bare_lf)
{
	struct recorder recorder;
	struct smtp_server *server;
	g_autofree char *codes = NULL;

	recorder_init(&recorder);
	server = smtp_server_new(&recorder_lmtp, &recorder_handler, &recorder);
	(void)smtp_server_feed(server, "NOOP\n", 5);
	smtp_server_drained(server);
	(void)smtp_server_feed(server, "NOOP\r\n", 6);
	codes = recorder_codes(smtp_server_output(server)->str);
	cr_expect_str_eq(codes, "500/5.5.2 250/2.0.0");
	smtp_server_free(server);
	recorder_clear(&recorder);
}

/* A message of a program of ours: one reply, which says how to exit. */
Test(smtp_dialogue, xdeliver)
{
	static const struct dialogue dialogues[] = {
		{"all at once", "XDELIVER 2\r\nBDAT 4 LAST\r\nabcdQUIT\r\n",
		 "250/2.0.0 250/2.1.5 221/2.0.0",
		 "deliver 2;begin;delivered abcd;reset;", SMTP_NEXT_CLOSE},
		{"in chunks, after LHLO",
		 HELLO "XDELIVER 0\r\nBDAT 1\r\naBDAT 0\r\nBDAT 1 LAST\r\nb",
		 "250 250/2.0.0 250/2.0.0 250/2.0.0 250/2.1.5",
		 "hello c;deliver 0;begin;delivered ab;reset;", SMTP_NEXT_READ},
		{"refused", "XDELIVER 1\r\nBDAT 6 LAST\r\nreject",
		 "250/2.0.0 550/5.7.1",
		 "deliver 1;begin;delivered reject;reset;", SMTP_NEXT_READ},
		{"too many arguments: what follows is read all the same",
		 "XDELIVER 1001\r\nBDAT 4 LAST\r\nQUITNOOP\r\n",
		 "452/4.5.3 503/5.5.1 250/2.0.0", "", SMTP_NEXT_READ},
		{"a length that is none",
		 "XDELIVER -1\r\nXDELIVER x\r\nXDELIVER\r\nXDELIVER 1 2\r\n",
		 "501/5.5.4 501/5.5.4 501/5.5.4 501/5.5.4", "", SMTP_NEXT_READ},
		{"nothing but BDAT goes with it",
		 "XDELIVER 1\r\n" MAIL RCPT "DATA\r\nXDELIVER 1\r\nRSET\r\n",
		 "250/2.0.0 503/5.5.1 503/5.5.1 503/5.5.1 503/5.5.1 250/2.0.0",
		 "deliver 1;reset;", SMTP_NEXT_READ},
		{"not within a message",
		 HELLO MAIL "XDELIVER 1\r\n" RCPT "XDELIVER 1\r\n",
		 "250 250/2.1.0 503/5.5.1 250/2.1.5 503/5.5.1", NULL,
		 SMTP_NEXT_READ},
		{"larger than other messages may be: the handler counts",
		 "XDELIVER 1\r\nBDAT 1001\r\n"
		 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
		 "250/2.0.0", NULL, SMTP_NEXT_READ},
	};
	static const struct dialogue refused = {"where it is not allowed",
						"XDELIVER 1\r\n", "500/5.5.2",
						"", SMTP_NEXT_READ};
	struct smtp_options options = recorder_lmtp;

	play_with(&recorder_lmtp, &recorder_deliver_handler, &refused,
		  strlen(refused.input));
	options.allow_deliver = true;
	play(&options, &refused, strlen(refused.input));
	for (size_t i = 0; i < G_N_ELEMENTS(dialogues); i++)
		play_with(&options, &recorder_deliver_handler, &dialogues[i],
			  strlen(dialogues[i].input));
}

Test(smtp_dialogue, xdeliver_says_how_to_exit)
{
	static const char input[] = "XDELIVER 0\r\nBDAT 6 LAST\r\nreject";
	struct smtp_options options = recorder_lmtp;
	struct recorder recorder;
	struct smtp_server *server;

	options.allow_deliver = true;
	recorder_init(&recorder);
	server =
		smtp_server_new(&options, &recorder_deliver_handler, &recorder);
	(void)smtp_server_feed(server, input, strlen(input));
	cr_expect_str_eq(smtp_server_output(server)->str,
			 "250 2.0.0 OK\r\n550 5.7.1 exit=77 by a rule\r\n");
	smtp_server_free(server);
	recorder_clear(&recorder);
}
