/*
 * Delivery for MTAs that run a program: read, hand over, report.
 *
 * MTAs read stdout and stderr as one, and the first thing there has to be the
 * enhanced status code: so what the log or a library writes to stderr is held
 * back until the line is out.
 */
#include "stdin_door.h"

#include "agent.h"
#include "conf.h"
#include "daemon.h"
#include "deliver.h"
#include "digest.h"
#include "handover.h"
#include "input.h"
#include "log.h"
#include "mail.h"
#include "outcome.h"
#include "resolve.h"
#include "service.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>

/* ---- stderr, later ---- */

static int stdin_door_stderr = -1; /* the real one, while it is held back */

static void stdin_door_hold_stderr(void)
{
	AUTOCLOSE int memory = memfd_create("okapi-stderr", MFD_CLOEXEC);

	stdin_door_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	if (memory >= 0 && stdin_door_stderr >= 0)
		(void)dup2(memory, STDERR_FILENO);
}

static void stdin_door_release_stderr(bool silent)
{
	char buffer[4096];
	ssize_t n;
	off_t offset = 0;

	if (stdin_door_stderr < 0)
		return;
	while (!silent &&
	       (n = pread(STDERR_FILENO, buffer, sizeof(buffer), offset)) > 0) {
		offset += n;
		if (write(stdin_door_stderr, buffer, (size_t)n) < 0)
			break;
	}
	(void)dup2(stdin_door_stderr, STDERR_FILENO);
	base_close_fd(&stdin_door_stderr);
}

int stdin_door_report(const struct options *options, const struct fault *fault)
{
	if (fault->kind != FAULT_NONE && !options->silent) {
		g_autofree char *line = outcome_line(fault);

		(void)printf("%s\n", line);
		(void)fflush(stdout);
	}
	stdin_door_release_stderr(options->silent);
	return outcome_exit(fault, options->qmail);
}

/* ---- set-up ---- */

/* On stderr only what an MTA's log should have, unless -v asks for more. */
static void stdin_door_set_log_level(const struct options *options,
				     const struct conf *conf)
{
	bool is_stderr =
		conf->log_method == CONF_LOG_STDERR ||
		conf->log_method == CONF_LOG_JOURNAL ||
		(conf->log_method == CONF_LOG_AUTO && !*conf->log_file);
	int level = (int)conf->log_level;

	if (is_stderr)
		level = MIN(level, LOG_LEVEL_WARNING);
	log_set_level(level + options->verbose);
}

static int stdin_door_conf(const struct options *options,
			   struct conf **ret_conf, struct fault *fault)
{
	AUTO(conf) conf = NULL;

	if (conf_load(options->config, (const char *const *)options->overrides,
		      &conf, NULL, fault) == 0 &&
	    log_open("okapi-dagent", conf, fault) == 0) {
		stdin_door_set_log_level(options, conf);
		*ret_conf = g_steal_pointer(&conf);
		return 0;
	}
	outcome_soften(fault);
	return -1;
}

static int stdin_door_read(const struct options *options,
			   const struct conf *conf, struct input *ret_input,
			   struct fault *fault)
{
	AUTOCLOSE int file = -1;

	if (!options->file)
		return input_read(STDIN_FILENO, conf->message_size_limit,
				  ret_input, fault);
	file = open(options->file, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return fault_set_errno(fault, FAULT_IO, errno, "cannot read %s",
				       options->file);
	return input_read(file, conf->message_size_limit, ret_input, fault);
}

/* ---- without a daemon ---- */

static void stdin_door_deliver(struct agent *agent, struct store *store,
			       const struct options *options,
			       const struct input *input, const char *sender,
			       struct fault *ret_faults)
{
	AUTO(mail) mail = mail_new(agent, sender);
	g_autofree struct mail_recipient **found = g_new0(
		struct mail_recipient *, g_strv_length(options->recipients));
	struct fault refusal = {0};
	uint8_t sha256[DIGEST_SIZE];
	size_t size = 0;
	const void *octets = g_bytes_get_data(input->bytes, &size);

	digest_sha256(octets, size, sha256);
	mail->wishes.from_stdin = true;
	for (size_t i = 0; options->recipients[i]; i++) {
		struct store_recipient *who = NULL;
		const char *path = options->recipients[i];

		if (resolve_recipient(mail, store, path, &who,
				      &ret_faults[i]) == 0)
			found[i] = mail_add_recipient(mail, path, who);
	}
	if (mail->recipients->len == 0)
		return;
	if (mail_set_content(mail, input->bytes, sha256, &refusal) == 0) {
		deliver_decide(mail, store);
		deliver_save(mail, store);
	}
	for (size_t i = 0; options->recipients[i]; i++)
		if (found[i])
			ret_faults[i] = refusal.kind != FAULT_NONE
						? refusal
						: found[i]->verdict;
}

static int stdin_door_direct(const struct options *options,
			     const struct conf *conf, const struct input *input,
			     const char *sender, struct fault *ret_faults,
			     struct fault *fault)
{
	AUTO(agent) agent = NULL;
	struct store *store = NULL;

	(void)signal(SIGPIPE, SIG_IGN);
	/* What root would make in the store, the daemon could not read. */
	if (geteuid() == 0 && daemon_drop_privileges(conf, fault))
		return -1;
	if (agent_new(conf, &options->wishes, false, &agent, fault) ||
	    agent_take_store(agent, &store, fault))
		return -1;
	stdin_door_deliver(agent, store, options, input, sender, ret_faults);
	agent_give_store(agent, store);
	return 0;
}

/* ---- the way of a message ---- */

static int stdin_door_send(const struct options *options,
			   const struct conf *conf, const struct input *input,
			   const char *sender, struct fault *ret_faults,
			   struct fault *fault)
{
	g_autofree char *socket = service_socket(conf);
	const struct handover handover = {
		.socket = socket,
		.sender = sender,
		.recipients = options->recipients,
		.message = input->bytes,
		.wishes = &options->wishes,
		.timeout_ms = conf->lmtp_timeout * 1000,
	};
	struct fault no_daemon = {0};

	if (handover_send(&handover, ret_faults, &no_daemon) == 0)
		return 0;
	if (stdin_door_direct(options, conf, input, sender, ret_faults,
			      fault) == 0)
		return 0;
	if (!fault_is_temporary(fault))
		fault->kind = FAULT_INTERNAL;
	return fault_prefix(fault, "no daemon (%s) and no store",
			    no_daemon.text);
}

static int stdin_door_run(struct options *options, struct fault *fault)
{
	AUTO(conf) conf = NULL;
	size_t count = g_strv_length(options->recipients);
	g_autofree struct fault *faults = g_new0(struct fault, count);
	g_autofree char *sender = NULL;
	const char *extension = g_getenv("EXTENSION");
	struct input input = {0};
	int result;

	if (stdin_door_conf(options, &conf, fault) ||
	    stdin_door_read(options, conf, &input, fault))
		return -1;
	if (extension && *extension)
		options->wishes.detail = g_strdup(extension);
	sender = input_guess_sender(options->sender, g_getenv("SENDER"),
				    g_getenv("RPLINE"), &input.head);
	result = stdin_door_send(options, conf, &input, sender, faults, fault);
	input_clear(&input);
	if (result == 0)
		*fault = *outcome_of_many(faults, count);
	return result;
}

int stdin_door_main(struct options *options)
{
	struct fault fault = {0};

	stdin_door_hold_stderr();
	(void)stdin_door_run(options, &fault);
	return stdin_door_report(options, &fault);
}
