/*
 * okapi-deliver: what okapi-dagent becomes where no daemon runs.
 *
 * It is started for one message, so it links no TLS, libcrypto is loaded by
 * large messages, and the helper is a copy of it, made before the store is
 * opened: it enters the same sandbox, and GMime is called by nobody else.
 */
#include "alone.h"
#include "command.h"
#include "convert/helper_serve.h"

#include <stdio.h>
#include <sysexits.h>

static int deliver_serve(struct options *options, char **argv)
{
	(void)options;
	(void)argv;
	(void)fprintf(stderr, "okapi-deliver: -l is for okapi-dagent\n");
	return EX_USAGE;
}

static int deliver_send(const struct direct_letter *letter,
			struct fault *ret_faults, struct fault *fault)
{
	return alone_send(letter, helper_serve, ret_faults, fault);
}

static int deliver_deliver(struct options *options, char **argv)
{
	(void)argv;
	return direct_main(options, deliver_send);
}

int main(int argc, char **argv)
{
	static const struct command command = {deliver_serve, deliver_deliver};

	return command_main(argc, argv, &command);
}
