/*
 * Opens the store and delivers one message, as a session of the daemon would.
 */
#include "alone.h"

#include "agent.h"
#include "daemon.h"
#include "deliver.h"
#include "digest.h"
#include "mail.h"
#include "resolve.h"

static void alone_deliver(struct agent *agent, struct store *store,
			  const struct direct_letter *letter,
			  struct fault *ret_faults)
{
	const struct options *options = letter->options;
	AUTO(mail) mail = mail_new(agent, letter->sender);
	g_autofree struct mail_recipient **found = g_new0(
		struct mail_recipient *, g_strv_length(options->recipients));
	struct fault refusal = {0};
	uint8_t sha256[DIGEST_SIZE];
	GBytes *bytes = letter->bytes;
	size_t size = 0;
	const void *octets = g_bytes_get_data(bytes, &size);
	int64_t started = g_get_monotonic_time();

	digest_sha256(octets, size, sha256);
	mail->wishes.from_stdin = true;
	for (size_t i = 0; options->recipients[i]; i++) {
		struct store_recipient *who = NULL;
		const char *path = options->recipients[i];

		if (resolve_recipient(mail, store, path, &who,
				      &ret_faults[i]) == 0)
			found[i] = mail_add_recipient(mail, path, who);
		else
			deliver_log_refusal(mail, path, (int64_t)size, started,
					    &ret_faults[i]);
		if (found[i])
			mail_set_original(found[i], letter->original);
	}
	if (mail->recipients->len == 0)
		return;
	if (mail_set_content(mail, bytes, sha256, &refusal) == 0) {
		deliver_decide(mail, store);
		deliver_save(mail, store);
	}
	for (size_t i = 0; options->recipients[i]; i++)
		if (found[i])
			ret_faults[i] = refusal.kind != FAULT_NONE
						? refusal
						: found[i]->verdict;
}

static int alone_open_and_deliver(const struct direct_letter *letter,
				  helper_serve_fn *serve,
				  struct fault *ret_faults, struct fault *fault)
{
	AUTO(agent) agent = NULL;
	struct store *store = NULL;

	/* What root would make in the store, the daemon could not read. */
	if (geteuid() == 0 && daemon_drop_privileges(letter->conf, fault))
		return -1;
	if (agent_new(letter->conf, &letter->options->wishes, false, serve,
		      &agent, fault) ||
	    agent_take_store(agent, &store, fault))
		return -1;
	store_keep_log_short(store);
	alone_deliver(agent, store, letter, ret_faults);
	agent_give_store(agent, store);
	return 0;
}

int alone_send(const struct direct_letter *letter, helper_serve_fn *serve,
	       struct fault *ret_faults, struct fault *fault)
{
	if (alone_open_and_deliver(letter, serve, ret_faults, fault) == 0)
		return 0;
	if (!fault_is_temporary(fault))
		fault->kind = FAULT_INTERNAL;
	return fault_prefix(fault, "no daemon and no store");
}
