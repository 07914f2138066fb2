/*
 * One message from standard input for who delivers without a daemon here.
 *
 * MTAs read stdout and stderr as one, and the first thing there has to be the
 * enhanced status code: so what the log or a library writes to stderr is held
 * back until the line is out.
 */
#include "direct.h"

#include "log.h"
#include "outcome.h"
#include "spool.h"
#include "stdin_door.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

/* ---- stderr, later ---- */

static int direct_stderr = -1; /* the real one, while it is held back */

static void direct_hold_stderr(void)
{
	AUTOCLOSE int memory = memfd_create("okapi-stderr", MFD_CLOEXEC);

	direct_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	if (memory >= 0 && direct_stderr >= 0)
		(void)dup2(memory, STDERR_FILENO);
}

static void direct_release_stderr(bool silent)
{
	char buffer[4096];
	ssize_t n;
	off_t offset = 0;

	if (direct_stderr < 0)
		return;
	while (!silent &&
	       (n = pread(STDERR_FILENO, buffer, sizeof(buffer), offset)) > 0) {
		offset += n;
		if (write(direct_stderr, buffer, (size_t)n) < 0)
			break;
	}
	(void)dup2(direct_stderr, STDERR_FILENO);
	base_close_fd(&direct_stderr);
}

/* ---- set-up ---- */

/* On stderr only what an MTA's log should have, unless -v asks for more. */
static void direct_set_log_level(const struct options *options,
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

static int direct_conf(const struct options *options, struct conf **ret_conf,
		       struct fault *fault)
{
	AUTO(conf) conf = NULL;

	if (conf_load(options->config, (const char *const *)options->overrides,
		      &conf, NULL, fault) == 0 &&
	    log_open("okapi-dagent", conf, fault) == 0) {
		direct_set_log_level(options, conf);
		*ret_conf = g_steal_pointer(&conf);
		return 0;
	}
	outcome_soften(fault);
	return -1;
}

/* ---- the message ---- */

static int direct_keep(void *context, const char *octets, size_t len,
		       struct fault *fault)
{
	return spool_add(context, octets, len, fault);
}

/* Standard input, or the file. */
static int direct_read(const struct options *options, const struct conf *conf,
		       struct input **ret_input, GBytes **ret_bytes,
		       struct fault *fault)
{
	AUTO(spool) spool = spool_new(conf->message_size_limit);
	AUTO(input) input = input_new(direct_keep, spool);
	AUTOCLOSE int file = -1;

	if (options->file)
		file = open(options->file, O_RDONLY | O_CLOEXEC);
	if (options->file && file < 0)
		return fault_set_errno(fault, FAULT_IO, errno, "cannot read %s",
				       options->file);
	if (input_read(input, options->file ? file : STDIN_FILENO, fault) ||
	    spool_finish(spool, ret_bytes, fault))
		return -1;
	*ret_input = g_steal_pointer(&input);
	return 0;
}

static int direct_run(struct options *options, direct_send_fn *send,
		      struct fault *fault)
{
	AUTO(conf) conf = NULL;
	AUTO(input) input = NULL;
	g_autoptr(GBytes) bytes = NULL;
	g_autofree char *sender = NULL;
	size_t count = g_strv_length(options->recipients);
	g_autofree struct fault *faults = g_new0(struct fault, count);
	struct stdin_variables variables;
	struct direct_letter letter;

	if (direct_conf(options, &conf, fault) ||
	    direct_read(options, conf, &input, &bytes, fault))
		return -1;
	stdin_door_environment(&variables);
	options->wishes.detail = stdin_door_detail(&variables, conf);
	sender = stdin_door_sender(&variables, options, input);
	letter = (struct direct_letter){
		.options = options,
		.conf = conf,
		.bytes = bytes,
		.sender = sender,
		.original = stdin_door_original(&variables, options),
	};
	if (send(&letter, faults, fault))
		return -1;
	*fault = *outcome_of_many(faults, count);
	return 0;
}

int direct_main(struct options *options, direct_send_fn *send)
{
	struct fault fault = {0};
	int code;

	direct_hold_stderr();
	(void)direct_run(options, send, &fault);
	code = outcome_report(&fault, options->qmail, options->silent);
	direct_release_stderr(options->silent);
	return code;
}
