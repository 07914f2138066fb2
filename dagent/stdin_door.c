/*
 * Delivery for MTAs that run a program: read, hand over, report.
 *
 * The daemon is looked for before anything is read: without one, okapi-dagentd
 * finds standard input as it was.  It also does what needs TLS.
 */
#include "stdin_door.h"

#include "handover.h"
#include "net.h"
#include "outcome.h"
#include "program.h"

#include <errno.h>
#include <fcntl.h>

#define STDIN_DOOR_PROGRAM "okapi-dagentd"
/* After this long at reading, the daemon may have lost its patience. */
#define STDIN_DOOR_SLOW_US (2 * USEC_PER_SEC)

int stdin_door_exec(char **argv, struct fault *fault)
{
	g_autofree char *program = program_find(STDIN_DOOR_PROGRAM);

	if (!program)
		return fault_set(fault, FAULT_INTERNAL,
				 "%s is missing beside okapi-dagent and in %s",
				 STDIN_DOOR_PROGRAM, OKAPI_LIBEXECDIR);
	(void)execv(program, argv);
	return fault_set_errno(fault, FAULT_INTERNAL, errno, "%s", program);
}

int stdin_door_read(struct options *options, const struct conf *conf,
		    struct input *ret_input, struct fault *fault)
{
	const char *extension = g_getenv("EXTENSION");
	AUTOCLOSE int file = -1;

	if (extension && *extension)
		options->wishes.detail = g_strdup(extension);

	if (!options->file)
		return input_read(STDIN_FILENO, conf->message_size_limit,
				  ret_input, fault);
	file = open(options->file, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return fault_set_errno(fault, FAULT_IO, errno, "cannot read %s",
				       options->file);
	return input_read(file, conf->message_size_limit, ret_input, fault);
}

char *stdin_door_sender(const struct options *options,
			const struct input *input)
{
	return input_guess_sender(options->sender, g_getenv("SENDER"),
				  g_getenv("RPLINE"), &input->head);
}

/* A message that came slowly is handed over on a fresh connection. */
static int stdin_door_refresh(const char *socket, int64_t timeout_ms,
			      int64_t since, int *fd, struct fault *fault)
{
	if (g_get_monotonic_time() - since < STDIN_DOOR_SLOW_US)
		return 0;
	base_close_fd(fd);
	return net_unix_connect(socket, timeout_ms, fd, fault);
}

static int stdin_door_hand_over(struct options *options,
				const struct conf *conf, const char *socket,
				int *fd, struct fault *fault)
{
	size_t count = g_strv_length(options->recipients);
	g_autofree struct fault *faults = g_new0(struct fault, count);
	int64_t timeout_ms = conf->lmtp_timeout * 1000;
	int64_t since = g_get_monotonic_time();
	g_autofree char *sender = NULL;
	AUTO(input) input = g_new0(struct input, 1);
	struct handover handover;

	if (stdin_door_read(options, conf, input, fault) ||
	    stdin_door_refresh(socket, timeout_ms, since, fd, fault))
		return -1;
	sender = stdin_door_sender(options, input);
	handover = (struct handover){
		.sender = sender,
		.recipients = options->recipients,
		.message = input->bytes,
		.wishes = &options->wishes,
		.timeout_ms = timeout_ms,
	};
	handover_send(*fd, &handover, faults);
	*fault = *outcome_of_many(faults, count);
	return 0;
}

static int stdin_door_run(struct options *options, char **argv,
			  struct fault *fault)
{
	AUTO(conf) conf = NULL;
	AUTOCLOSE int fd = -1;
	g_autofree char *socket = NULL;
	struct fault no_daemon = {0};

	if (conf_read(options->config, (const char *const *)options->overrides,
		      &conf, NULL, fault)) {
		outcome_soften(fault);
		return -1;
	}
	if (*conf->dagent_server)
		return stdin_door_exec(argv, fault);
	socket = handover_socket(conf);
	if (net_unix_connect(socket, conf->lmtp_timeout * 1000, &fd,
			     &no_daemon) == 0)
		return stdin_door_hand_over(options, conf, socket, &fd, fault);
	(void)stdin_door_exec(argv, fault);
	return fault_prefix(fault, "no daemon (%s)", no_daemon.text);
}

int stdin_door_main(struct options *options, char **argv)
{
	struct fault fault = {0};

	(void)stdin_door_run(options, argv, &fault);
	return outcome_report(&fault, options->qmail, options->silent);
}
