/*
 * okapi-dagent: which of the two doors is opened.
 */
#include "options.h"
#include "outcome.h"
#include "service.h"
#include "stdin_door.h"

#include <stdio.h>
#include <sysexits.h>

int main(int argc, char **argv)
{
	struct options options;
	struct fault fault = {0};
	int code = EX_OK;

	if (options_parse(argc, argv, &options, &fault)) {
		if (options.listen) {
			(void)fprintf(stderr, "okapi-dagent: %s\n", fault.text);
			code = fault_exit(&fault);
		} else {
			outcome_soften(&fault);
			code = stdin_door_report(&options, &fault);
		}
	} else if (options.version) {
		(void)printf("okapi-dagent %s\n", OKAPI_VERSION);
	} else if (options.listen) {
		code = service_main(&options);
	} else {
		code = stdin_door_main(&options);
	}
	options_clear(&options);
	return code;
}
