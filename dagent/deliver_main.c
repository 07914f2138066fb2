/*
 * okapi-deliver: what okapi-dagent becomes where no daemon runs.  Started for
 * one message, so it links no TLS, and libcrypto is loaded by large messages.
 */
#include "alone.h"
#include "command.h"

#include <stdio.h>
#include <sysexits.h>

static int deliver_serve(struct options *options, char **argv)
{
	(void)options;
	(void)argv;
	(void)fprintf(stderr, "okapi-deliver: -l is for okapi-dagent\n");
	return EX_USAGE;
}

static int deliver_deliver(struct options *options, char **argv)
{
	(void)argv;
	return direct_main(options, alone_send);
}

int main(int argc, char **argv)
{
	static const struct command command = {deliver_serve, deliver_deliver};

	return command_main(argc, argv, &command);
}
