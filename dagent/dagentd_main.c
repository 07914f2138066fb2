/*
 * okapi-dagentd: the part of okapi-dagent that has store and TLS: the daemon,
 * and the hand-over to the daemon of another machine.
 */
#include "alone.h"
#include "command.h"
#include "remote.h"
#include "service.h"

static int dagentd_serve(struct options *options, char **argv)
{
	(void)argv;
	return service_main(options);
}

static int dagentd_send(const struct direct_letter *letter,
			struct fault *ret_faults, struct fault *fault)
{
	const struct handover handover = {
		.sender = letter->sender,
		.recipients = letter->options->recipients,
		.original = letter->original,
		.message = letter->bytes,
		.wishes = &letter->options->wishes,
		.timeout_ms = letter->conf->lmtp_timeout * 1000,
	};

	/* The configuration may have changed since okapi-dagent read it. */
	if (!*letter->conf->dagent_server)
		return alone_send(letter, NULL, ret_faults, fault);
	return remote_send(letter->conf, &handover, ret_faults, fault);
}

static int dagentd_deliver(struct options *options, char **argv)
{
	(void)argv;
	return direct_main(options, dagentd_send);
}

int main(int argc, char **argv)
{
	static const struct command command = {dagentd_serve, dagentd_deliver};

	return command_main(argc, argv, &command);
}
