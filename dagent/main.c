/*
 * okapi-dagent: what MTAs start for each message.  It links neither the store
 * nor OpenSSL; what needs them are okapi-dagentd, with -l, and okapi-deliver,
 * where no daemon runs: it becomes them.
 */
#include "command.h"
#include "stdin_door.h"

#include <stdio.h>

static int main_serve(struct options *options, char **argv)
{
	struct fault fault = {0};

	(void)options;
	(void)stdin_door_exec("okapi-dagentd", argv, &fault);
	(void)fprintf(stderr, "okapi-dagent: %s\n", fault.text);
	return fault_exit(&fault);
}

int main(int argc, char **argv)
{
	static const struct command command = {main_serve, stdin_door_main};

	return command_main(argc, argv, &command);
}
