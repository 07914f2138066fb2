/*
 * Delivery for MTAs that run a program: read, hand over, report.
 *
 * The daemon is looked for before anything is read: without one, okapi-deliver
 * finds standard input as it was.  What needs TLS is okapi-dagentd's.
 */
#include "stdin_door.h"

#include "handover.h"
#include "net.h"
#include "outcome.h"
#include "program.h"
#include "smtp/smtp_server.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* After this long at reading, the daemon may have lost its patience. */
#define STDIN_DOOR_SLOW_US (2 * USEC_PER_SEC)
#define ORIGINAL_LEN_MAX   320 /* local part, @, domain */

int stdin_door_exec(const char *name, char **argv, struct fault *fault)
{
	g_autofree char *program = program_find(name);

	if (!program)
		return fault_set(fault, FAULT_INTERNAL,
				 "%s is missing beside okapi-dagent and in %s",
				 name, OKAPI_LIBEXECDIR);
	(void)execv(program, argv);
	return fault_set_errno(fault, FAULT_INTERNAL, errno, "%s", program);
}

/* What the MTA cut off the recipient: $EXTENSION as Postfix and OpenSMTPD set
 * it, $LOCAL_PART_SUFFIX with its delimiter as Exim does.  Owned; NULL: none.
 */
static char *stdin_door_detail(const struct conf *conf)
{
	const char *extension = g_getenv("EXTENSION");
	const char *suffix = g_getenv("LOCAL_PART_SUFFIX");

	if (extension && *extension)
		return g_strdup(extension);
	if (suffix && *suffix && strchr(conf->recipient_delimiter, *suffix))
		return g_strdup(suffix + 1);
	return NULL;
}

const char *stdin_door_original(const struct options *options)
{
	const char *original = g_getenv("ORIGINAL_RECIPIENT");

	if (!original || options->recipients[1] ||
	    strlen(original) > ORIGINAL_LEN_MAX || !g_str_is_ascii(original) ||
	    !smtp_path_check(original, false, false))
		return NULL;
	return original;
}

int stdin_door_read(struct options *options, const struct conf *conf,
		    struct input *ret_input, struct fault *fault)
{
	AUTOCLOSE int file = -1;

	options->wishes.detail = stdin_door_detail(conf);

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
		.original = stdin_door_original(options),
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
		return stdin_door_exec("okapi-dagentd", argv, fault);
	socket = handover_socket(conf);
	if (net_unix_connect(socket, conf->lmtp_timeout * 1000, &fd,
			     &no_daemon) == 0)
		return stdin_door_hand_over(options, conf, socket, &fd, fault);
	(void)stdin_door_exec("okapi-deliver", argv, fault);
	return fault_prefix(fault, "no daemon (%s)", no_daemon.text);
}

int stdin_door_main(struct options *options, char **argv)
{
	struct fault fault = {0};

	(void)stdin_door_run(options, argv, &fault);
	return outcome_report(&fault, options->qmail, options->silent);
}
