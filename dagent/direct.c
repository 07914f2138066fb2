/*
 * One message from standard input straight into the store, or to the daemon of
 * another machine.
 *
 * MTAs read stdout and stderr as one, and the first thing there has to be the
 * enhanced status code: so what the log or a library writes to stderr is held
 * back until the line is out.
 */
#include "direct.h"

#include "agent.h"
#include "conf.h"
#include "daemon.h"
#include "deliver.h"
#include "digest.h"
#include "log.h"
#include "mail.h"
#include "outcome.h"
#include "remote.h"
#include "resolve.h"
#include "stdin_door.h"

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

/* ---- delivery ---- */

static void direct_set_original(struct mail_recipient *to,
				const struct options *options)
{
	const char *original = stdin_door_original(options);

	if (!to || !original)
		return;
	to->original = g_strdup(original);
	to->dsn_orcpt = g_strconcat("rfc822;", original, NULL);
}

static void direct_deliver(struct agent *agent, struct store *store,
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
		else
			deliver_log_refusal(mail, path, &ret_faults[i]);
		direct_set_original(found[i], options);
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

static int direct_open_and_deliver(const struct options *options,
				   const struct conf *conf,
				   const struct input *input,
				   const char *sender, struct fault *ret_faults,
				   struct fault *fault)
{
	AUTO(agent) agent = NULL;
	struct store *store = NULL;

	/* What root would make in the store, the daemon could not read. */
	if (geteuid() == 0 && daemon_drop_privileges(conf, fault))
		return -1;
	if (agent_new(conf, &options->wishes, false, &agent, fault) ||
	    agent_take_store(agent, &store, fault))
		return -1;
	store_keep_log_short(store);
	direct_deliver(agent, store, options, input, sender, ret_faults);
	agent_give_store(agent, store);
	return 0;
}

static int direct_send(struct options *options, const struct conf *conf,
		       const struct input *input, const char *sender,
		       struct fault *ret_faults, struct fault *fault)
{
	const struct handover handover = {
		.sender = sender,
		.recipients = options->recipients,
		.original = stdin_door_original(options),
		.message = input->bytes,
		.wishes = &options->wishes,
		.timeout_ms = conf->lmtp_timeout * 1000,
	};

	if (*conf->dagent_server)
		return remote_send(conf, &handover, ret_faults, fault);
	if (direct_open_and_deliver(options, conf, input, sender, ret_faults,
				    fault) == 0)
		return 0;
	if (!fault_is_temporary(fault))
		fault->kind = FAULT_INTERNAL;
	return fault_prefix(fault, "no daemon and no store");
}

static int direct_run(struct options *options, struct fault *fault)
{
	AUTO(conf) conf = NULL;
	size_t count = g_strv_length(options->recipients);
	g_autofree struct fault *faults = g_new0(struct fault, count);
	AUTO(input) input = g_new0(struct input, 1);
	g_autofree char *sender = NULL;

	if (direct_conf(options, &conf, fault) ||
	    stdin_door_read(options, conf, input, fault))
		return -1;
	sender = stdin_door_sender(options, input);
	if (direct_send(options, conf, input, sender, faults, fault))
		return -1;
	*fault = *outcome_of_many(faults, count);
	return 0;
}

int direct_main(struct options *options)
{
	struct fault fault = {0};
	int code;

	direct_hold_stderr();
	(void)direct_run(options, &fault);
	code = outcome_report(&fault, options->qmail, options->silent);
	direct_release_stderr(options->silent);
	return code;
}
