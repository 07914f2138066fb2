/*
 * okapi-sendmail: what programs call as sendmail, mailq or newaliases.
 */
#include "conf.h"
#include "program.h"
#include "sendmail.h"

#include <stdio.h>

static const char sendmail_help[] =
	"Usage: okapi-sendmail [options] [RECIPIENT...]\n"
	"Puts the message on stdin into the outgoing queue.\n"
	"\n"
	"  -t               recipients from To, Cc and Bcc, too\n"
	"  -i, -oi          a lone dot does not end the message\n"
	"  -f ADDR, -r ADDR envelope sender (\"\" or <>: null)\n"
	"  -F NAME          full name, for a From that is missing\n"
	"  -B 7BIT|8BITMIME body type\n"
	"  -N WHEN          never, or some of success,failure,delay\n"
	"  -R full|hdrs     how much a report returns\n"
	"  -V ENVID         envelope id for reports\n"
	"  -bm              submit (the default)\n"
	"  -bp, mailq       list the queue\n"
	"  -bs              speak SMTP on stdin and stdout\n"
	"  -bi, -I          newaliases: nothing to do\n"
	"  -q               try to send what waits, now\n"
	"  -v               say what became of it\n"
	"  --config FILE    configuration (default: $OKAPI_CONFIG)\n"
	"\n"
	"Other options of sendmail are accepted and do nothing.\n";

static int sendmail_fail(const struct fault *fault)
{
	(void)fprintf(stderr, "okapi-sendmail: %s\n", fault->text);
	return fault_exit(fault);
}

int main(int argc, char **argv)
{
	struct sendmail_args args;
	struct fault fault = {0};
	AUTO(conf) conf = NULL;
	int status;

	program_fill_standard();
	program_ignore_signals();
	if (sendmail_args_parse(argc, argv, &args, &fault) != 0)
		return sendmail_fail(&fault);
	if (args.mode == SENDMAIL_HELP) {
		(void)fputs(sendmail_help, stdout);
		status = 0;
	} else if (args.mode == SENDMAIL_VERSION) {
		(void)puts("okapi-sendmail " OKAPI_VERSION);
		status = 0;
	} else if (args.mode == SENDMAIL_NOTHING) {
		status = 0;
	} else if (conf_load(args.config, NULL, &conf, NULL, &fault) != 0) {
		status = sendmail_fail(&fault);
	} else {
		status = sendmail_run(conf, &args);
	}
	if (fflush(stdout) != 0 && status == 0)
		status = 74;
	sendmail_args_clear(&args);
	return status;
}
