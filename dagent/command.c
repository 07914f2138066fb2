/*
 * From the command line to one of the two doors.
 */
#include "command.h"

#include "outcome.h"
#include "program.h"

#include <stdio.h>
#include <sysexits.h>

static int command_refuse(const struct options *options, struct fault *fault)
{
	if (options->listen) {
		(void)fprintf(stderr, "okapi-dagent: %s\n", fault->text);
		return fault_exit(fault);
	}
	outcome_soften(fault);
	return outcome_report(fault, options->qmail, options->silent);
}

int command_main(int argc, char **argv, const struct command *command)
{
	struct options options;
	struct fault fault = {0};
	int code = EX_OK;

	program_fill_standard();
	program_ignore_signals();
	if (options_parse(argc, argv, &options, &fault))
		code = command_refuse(&options, &fault);
	else if (options.help)
		options_print_help();
	else if (options.version)
		(void)printf("okapi-dagent %s\n", OKAPI_VERSION);
	else if (options.listen)
		code = command->serve(&options, argv);
	else
		code = command->deliver(&options, argv);
	options_clear(&options);
	return code;
}
