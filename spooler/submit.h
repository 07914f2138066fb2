/*
 * Submitting one message: from an envelope and octets to the sender's Outbox
 * and the outgoing queue.  Both doors (the submission socket and the drop
 * directory) lead here.
 */
#ifndef OKAPI_SUBMIT_H
#define OKAPI_SUBMIT_H

#include "base.h"
#include "conf.h"
#include "convert/helper.h"
#include "dropfile.h"
#include "fault.h"
#include "net.h"
#include "settings.h"
#include "store/senders.h"
#include "store/store.h"

/* What submitting needs; thread-safe. */
struct submit;

/* A reference to settings is taken; committer and helpers are borrowed until
 * submit_free(). */
NODISCARD int submit_new(struct settings *settings, struct committer *committer,
			 struct helper_pool *helpers,
			 struct submit **ret_submit, struct fault *fault);
void submit_free(struct submit *submit);
/* For messages from now on; those under way keep what they began with. */
void submit_set_settings(struct submit *submit, struct settings *settings);
/* A reference to those in force. */
struct settings *submit_settings(struct submit *submit);
AUTO_DEFINE(submit, submit_free);

/* Who submits, by uid or by password: nothing else is believed. */
struct submit_caller {
	uid_t uid;
	char login[256]; /* "" if the uid has no name */
	int unknown; /* errno: whether it has one cannot be told now; or 0 */
	bool is_trusted; /* may send as anybody: root, ourselves, trusted_users
			  */
	bool is_remote;  /* by password, over the network; there is no uid */
	char *trace;     /* header lines on top of what is remote, or NULL;
			    borrowed */
};
void submit_caller_init(const struct conf *conf, uid_t uid,
			struct submit_caller *ret_caller);

/* Who logs in with this login name or address, if an active user does:
 * ret_name (owned login) and ret_secrets, else NULL.  0, or -1 if the store
 * cannot tell. */
NODISCARD int submit_find_login(struct submit *submit, const char *user,
				char **ret_name,
				struct store_secrets **ret_secrets,
				struct fault *fault);
/* Has every password its keys of SCRAM, so that it can be offered? */
bool submit_has_scram(struct submit *submit);
/* Makes them for a user whose password is from before; what fails is logged. */
void submit_set_scram(struct submit *submit, const char *name,
		      const char *password);

/*
 * Submits a message (lines as they came; completed here as fixup.h says).
 * Returns 0 once it is on disk.  Faults: FAULT_NOT_ALLOWED (the caller has no
 * store; the text says what to do), FAULT_BAD_ADDRESS, FAULT_NOT_A_MESSAGE (no
 * recipients, empty), FAULT_TOO_BIG, FAULT_LOOP, FAULT_MAILBOX_FULL (soft
 * quota), and the temporary ones of the store.
 */
NODISCARD int submit_message(struct submit *submit,
			     const struct submit_caller *caller,
			     const struct envelope *envelope,
			     const void *octets, size_t len,
			     int64_t *ret_queue_id, struct fault *fault);

/*
 * Tells by a report in an Inbox that a message will never be submitted: the
 * caller, or (for a caller who may say so) whose address the sender is, or
 * submit_default_user, or postmaster.  envelope may be NULL: nothing is known
 * of it.  0 told; 1: none of them has a store; -1.
 */
NODISCARD int submit_tell(struct submit *submit,
			  const struct submit_caller *caller,
			  const struct envelope *envelope, const void *octets,
			  size_t len, const struct fault *why,
			  struct fault *fault);

#endif
