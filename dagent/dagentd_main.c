/*
 * okapi-dagentd: the part of okapi-dagent that has the store: the daemon, and
 * delivery from standard input where no daemon runs.
 */
#include "command.h"
#include "direct.h"
#include "service.h"

static int dagentd_serve(struct options *options, char **argv)
{
	(void)argv;
	return service_main(options);
}

static int dagentd_deliver(struct options *options, char **argv)
{
	(void)argv;
	return direct_main(options);
}

int main(int argc, char **argv)
{
	static const struct command command = {dagentd_serve, dagentd_deliver};

	return command_main(argc, argv, &command);
}
