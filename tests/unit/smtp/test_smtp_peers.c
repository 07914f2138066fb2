/*
 * What Dovecot's server is tested with (its lib-smtp: server-errors,
 * command-parser, params, address), by the names it has there, on ours.  Where
 * we answer otherwise the row says why.
 */
#include "dialogue.h"

static const struct smtp_options lmtp_dsn = {
	.protocol = SMTP_PROTOCOL_LMTP,
	.hostname = "mx.test",
	.product = "Okapi",
	.size_limit = 1000,
	.offer_dsn = true,
	.offer_smtputf8 = true,
	.offer_binarymime = true,
};

Test(smtp_peers, server_errors)
{
	static const struct dialogue dialogues[] = {
		{"bad command: a tab behind the verb", "LHLO\tfrop\r\nNOOP\r\n",
		 "500/5.5.2 250/2.0.0", "", SMTP_NEXT_READ},
		{"hanging command payload", ENVELOPE "DATA\r\nTo be continued",
		 OK3 "354", EVENTS3 "begin;", SMTP_NEXT_READ},
		{"bad HELO", "LHLO\r\nHELO frop\r\nEHLO frop\r\nLHLO frop\r\n",
		 "501/5.5.4 500/5.5.1 500/5.5.1 250", "hello frop;",
		 SMTP_NEXT_READ},
		{"bad MAIL",
		 HELLO
		 "MAIL FROM:h@x\r\nMAIL FROM: h@x\r\nMAIL FROM:\r\n"
		 "MAIL FROM: \r\nMAIL FROM: BODY=7BIT\r\nMAIL FROM:<>\r\n",
		 "250 501/5.5.4 501/5.5.4 501/5.5.4 501/5.5.4 501/5.5.4 "
		 "250/2.1.0",
		 NULL, SMTP_NEXT_READ},
		{"bad RCPT",
		 HELLO MAIL
		 "RCPT TO:h@x\r\nRCPT TO: h@x\r\nRCPT TO:\r\nRCPT TO: \r\n"
		 "RCPT TO: NOTIFY=NEVER\r\nRCPT TO:<h@x>\r\n",
		 "250 250/2.1.0 501/5.5.4 501/5.5.4 501/5.5.4 501/5.5.4 "
		 "501/5.5.4 250/2.1.5",
		 NULL, SMTP_NEXT_READ},
		{"MAIL workarounds, RCPT workarounds: blanks and tabs",
		 HELLO "MAIL FROM:\t <a@x>\r\nRCPT TO:\t<b@x>\r\n"
		       "RCPT TO: \t<c@x>\r\n",
		 "250 250/2.1.0 250/2.1.5 250/2.1.5", NULL, SMTP_NEXT_READ},
		{"bad VRFY: we look nobody up, so any argument is one",
		 "VRFY\r\nVRFY \"hendrik\r\nVRFY \"hendrik\"\r\n",
		 "501/5.5.4 252/2.0.0 252/2.0.0", "", SMTP_NEXT_READ},
		{"bad NOOP: the argument is ignored (RFC 5321 4.1.1.9)",
		 "NOOP\r\nNOOP \"frop\r\nNOOP fr\"op\r\nNOOP \"frop\"\r\n",
		 "250/2.0.0 250/2.0.0 250/2.0.0 250/2.0.0", "", SMTP_NEXT_READ},
		{"DATA without MAIL", HELLO "DATA\r\n.\r\nRSET\r\n",
		 "250 503/5.5.1 500/5.5.2 250/2.0.0", "hello c;",
		 SMTP_NEXT_READ},
		{"DATA without RCPT", HELLO MAIL "DATA\r\n.\r\nRSET\r\n",
		 "250 250/2.1.0 503/5.5.1 500/5.5.2 250/2.0.0",
		 "hello c;mail <a@x>;reset;", SMTP_NEXT_READ},
		{"Bad pipelined DATA",
		 HELLO MAIL "RCPT TO:<<b@x>\r\nDATA\r\nFROP!\r\nDATA\r\n"
			    "FROP!\r\n.\r\nQUIT\r\n",
		 "250 250/2.1.0 501/5.1.3 503/5.5.1 500/5.5.2 503/5.5.1 "
		 "500/5.5.2 500/5.5.2 221/2.0.0",
		 "hello c;mail <a@x>;reset;", SMTP_NEXT_CLOSE},
		{"Bad pipelined DATA #2",
		 HELLO MAIL "DATA\r\nDATA\r\n" RCPT "BDAT 0\r\n",
		 "250 250/2.1.0 503/5.5.1 503/5.5.1 250/2.1.5 250/2.0.0", NULL,
		 SMTP_NEXT_READ},
		{"DATA with BINARYMIME",
		 HELLO "MAIL FROM:<a@x> BODY=BINARYMIME\r\n" RCPT
		       "DATA\r\n.\r\nRSET\r\n",
		 OK3 "503/5.5.1 500/5.5.2 250/2.0.0", NULL, SMTP_NEXT_READ},
		{"Bad pipelined MAIL",
		 HELLO MAIL RCPT "RCPT TO:<c@x>\r\n" MAIL
				 "DATA\r\nFROP!\r\n.\r\nQUIT\r\n",
		 OK3 "250/2.1.5 503/5.5.1 354 250/2.1.5 250/2.1.5 221/2.0.0",
		 EVENTS3 "rcpt <c@x>;begin;finish 2;reset;", SMTP_NEXT_CLOSE},
	};

	PLAY(&lmtp_dsn, dialogues);
}

/* Whole, and octet by octet. */
Test(smtp_peers, command_parser)
{
	static const struct dialogue dialogues[] = {
		{"valid",
		 "RSET\r\nRSET    \r\nLHLO c     \r\n"
		 "VRFY \"Sherlock Holmes\"\r\n"
		 "MAIL FROM:<a@x> ENVID=frop\r\nRCPT TO:<b@x> NOTIFY=NEVER\r\n"
		 "RSET\r\nMAIL FROM:<f\xc3\xb6\xc3\xa4@\xc3\xb6\xc3\xa4>\r\n",
		 "250/2.0.0 250/2.0.0 250 252/2.0.0 250/2.1.0 250/2.1.5 "
		 "250/2.0.0 250/2.1.0",
		 NULL, SMTP_NEXT_READ},
		{"no command",
		 "B52\r\nBELL\x08\r\nINSANELYREDICULOUSLYLONGCOMMANDNAME\r\n",
		 "500/5.5.2 500/5.5.2 500/5.5.2", "", SMTP_NEXT_READ},
		{"a bare CR", "RSET\rQUIT\r\n", "500/5.5.2", "",
		 SMTP_NEXT_READ},
		{"UTF-8 that is cut, in a verb nobody knows",
		 "FROP \xf1\r\nFROP \xf1\x80\r\nFROP \xf1\x80\x80\r\n",
		 "500/5.5.2 500/5.5.2 500/5.5.2", "", SMTP_NEXT_READ},
		{"and at the end of all there is", "FROP \xf1\x80\x80\x80", "",
		 "", SMTP_NEXT_READ},
		{"in a path",
		 HELLO "MAIL FROM:<f\xc3\xb6\xc3\xa4@\xc3\xb6\xc3>\r\n" MAIL
		       "RCPT TO:<f\xc3\xb6@\xc3\xb6\xc3>\r\n",
		 "250 501/5.1.3 250/2.1.0 501/5.1.3", NULL, SMTP_NEXT_READ},
	};

	PLAY(&lmtp_dsn, dialogues);
	for (size_t i = 0; i < G_N_ELEMENTS(dialogues); i++) {
		struct recorder recorder;
		struct smtp_server *server;
		g_autofree char *codes = NULL;

		recorder_init(&recorder);
		server = smtp_server_new(&lmtp_dsn, &recorder_handler,
					 &recorder);
		for (const char *p = dialogues[i].input; *p; p++)
			(void)smtp_server_feed(server, p, 1);
		codes = recorder_codes(smtp_server_output(server)->str);
		cr_expect_str_eq(codes, dialogues[i].codes, "%s: got \"%s\"",
				 dialogues[i].name, codes);
		smtp_server_free(server);
		recorder_clear(&recorder);
	}
}

struct param_case {
	const char *param;
	const char *code;
};

/* Each in a session of its own, behind before. */
static void params(const char *before, const struct param_case *cases,
		   size_t count, const char *codes_before)
{
	for (size_t i = 0; i < count; i++) {
		g_autofree char *input =
			g_strdup_printf("%s %s\r\n", before, cases[i].param);
		g_autofree char *codes =
			g_strdup_printf("%s %s", codes_before, cases[i].code);
		struct dialogue dialogue = {cases[i].param, input, codes, NULL,
					    SMTP_NEXT_READ};

		play(&lmtp_dsn, &dialogue, strlen(input));
	}
}

Test(smtp_peers, mail_params)
{
	static const struct param_case cases[] = {
		{"BODY=7BIT", "250/2.1.0"},
		{"BODY=8BITMIME", "250/2.1.0"},
		{"BODY=BINARYMIME", "250/2.1.0"},
		{"BODY=FROP", "501/5.5.4"},
		{"ENVID=AABBCCDD", "250/2.1.0"},
		{"ENVID=AA+2BBB+3DCC+2BDD", "250/2.1.0"},
		{"ENVID=++", "501/5.5.4"},
		{"ENVID=", "501/5.5.4"},
		{"RET=HDRS", "250/2.1.0"},
		{"RET=FULL", "250/2.1.0"},
		{"RET=HDR", "501/5.5.4"},
		{"SIZE=267", "250/2.1.0"},
		{"SIZE=267914296", "552/5.3.4"},
		{"SIZE=ABC", "501/5.5.4"},
		{"FROP=friep", "555/5.5.4"},
		/* No AUTH over LMTP, so no AUTH= either (RFC 4954 5). */
		{"AUTH=<>", "555/5.5.4"},
		{"AUTH=++", "555/5.5.4"},
		/* A parser that read on (CVE-2020-28022). */
		{"=", "501/5.5.4"},
		{"\"", "501/5.5.4"},
		{"SIZE=\"1\"", "501/5.5.4"},
		{"SIZE=1 =2", "501/5.5.4"},
		{"ENVID=+", "501/5.5.4"},
		{"ENVID=+0", "501/5.5.4"},
	};

	params(HELLO "MAIL FROM:<a@x>", cases, G_N_ELEMENTS(cases), "250");
}

Test(smtp_peers, rcpt_params)
{
	static const struct param_case cases[] = {
		{"ORCPT=rfc822;e+3Dmc2@example.com", "250/2.1.5"},
		{"ORCPT=rfc822;<e+3Dmc2@example.com>", "250/2.1.5"},
		{"ORCPT=rfc822;user+2Bdetail", "250/2.1.5"},
		{"ORCPT=rfc822;<user+2Bdetail>", "250/2.1.5"},
		{"ORCPT=rfc822;", "501/5.5.4"},
		{"ORCPT=rfc822;<>", "501/5.5.4"},
		{"ORCPT=rfc822;+3C+3E", "501/5.5.4"},
		{"ORCPT=rfc822;++", "501/5.5.4"},
		{"ORCPT=++", "501/5.5.4"},
		{"NOTIFY=SUCCESS", "250/2.1.5"},
		{"NOTIFY=FAILURE", "250/2.1.5"},
		{"NOTIFY=DELAY", "250/2.1.5"},
		{"NOTIFY=NEVER", "250/2.1.5"},
		{"NOTIFY=SUCCESS,FAILURE,DELAY", "250/2.1.5"},
		{"NOTIFY=FROP", "501/5.5.4"},
		{"NOTIFY=NEVER,SUCCESS", "501/5.5.4"},
		{"FROP=friep", "555/5.5.4"},
	};

	params(HELLO MAIL "RCPT TO:<b@x>", cases, G_N_ELEMENTS(cases),
	       "250 250/2.1.0");
}

/* "smtp mailbox", "smtp path": valid and invalid. */
Test(smtp_peers, addresses)
{
	static const struct {
		const char *path;
		bool valid;
	} cases[] = {
		{"user", true}, /* a login name is one here */
		{"user@domain.tld", true},
		{"1234567890@domain.tld", true},
		{"_______@domain.tld", true},
		{"firstname.lastname@domain.tld", true},
		{"firstname+lastname@domain.tld", true},
		{"firstname-lastname@domain.tld", true},
		{"\"user\"@domain.tld", true},
		{"\"user@frop\"@domain.tld", true},
		{"user@127.0.0.1", true},
		{"user@[127.0.0.1]", true},
		{"user@[IPv6:::1]", true},
		{"user@[IPv6:::127.0.0.1]", true},
		{"email@-example.com", true},
		{"xn--l8jegik@example.com", true},
		{".email@example.com", true}, /* it gets quotes */
		{"email.@example.com", true},
		{"email..email@example.com", true},
		{"", false},
		{"\"user@domain.tld", false},
		{"us\"er@domain.tld", false},
		{"user@frop@domain.tld", false},
		{"user frop@domain.tld", false},
		{"user\\frop@domain.tld", false},
		{"user@.tld", false},
		{"user@a$.tld", false},
		{"user@a..tld", false},
		{"user@[]", false},
		{"user@[", false},
		{"user@[AA]", false},
		{"user@[AA", false},
		{"user@[127.0.0]", false},
		{"user@[256.256.256.256]", false},
		{"user@[127.0.0.1", false},
		{"user@[::1]", false},
		{"user@[IPv6:flierp]", false},
		{"user@[IPv6:aa:bb::cc::dd]", false},
		{"user@[IPv6::1]", false},
		{"user@[IPv6:::1", false},
		{"user@[Gen:]", false},
		{"user@[Gen:Hopsa", false},
		{"user@[Gen-:Hopsa]", false},
		{"#@%^%#$@#$@#.com", false},
		{"@example.com", false},
		{"Eric Mail <email@example.com>", false},
		{"email@example@example.com", false},
		{"email@example.com (Eric Mail)", false},
		{"email@example..com", false},
		{"<user@domain.tld", false},
		{"fr\top@domain.tld", false},
		{"frop@$%^$%^.tld", false},
		{"\"frop\\\"@example.com", false},
		{"@otherdomain.tld,@yetanotherdomain.tld:user@domain.tld",
		 true},
		{"@otherdomain.tld,@yetanotherdomain.tld.user@domain.tld",
		 false},
		{"@###domain.tld,@yetanotherdomain.tld.user@domain.tld", false},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *input = g_strdup_printf(
			HELLO MAIL "RCPT TO:<%s>\r\n", cases[i].path);
		struct recorder recorder;
		struct smtp_server *server;

		recorder_init(&recorder);
		server = smtp_server_new(&lmtp_dsn, &recorder_handler,
					 &recorder);
		(void)smtp_server_feed(server, input, strlen(input));
		cr_expect_eq(strstr(smtp_server_output(server)->str,
				    "\r\n250 2.1.5 ") != NULL,
			     cases[i].valid, "<%s>: %s", cases[i].path,
			     smtp_server_output(server)->str);
		smtp_server_free(server);
		recorder_clear(&recorder);
	}
}
