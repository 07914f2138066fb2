/*
 * What submitting a message and telling why one cannot be share.
 */
#ifndef OKAPI_SUBMIT_INTERNAL_H
#define OKAPI_SUBMIT_INTERNAL_H

#include "fixup.h"
#include "store/users.h"
#include "submit.h"

#include <pthread.h>

struct submit {
	struct settings *settings; /* guarded by lock */
	struct committer *committer;
	struct helper_pool *helpers;
	struct throttle *throttle; /* submit_rate */
	struct store *store;       /* for look-ups; guarded by lock */
	pthread_mutex_t lock;
};

/* With the lock held: a user who is active, by login, or by one of their
 * addresses.  0, 1 if there is none, -1. */
NODISCARD int submit_find_user(struct submit *submit, const char *name,
			       struct store_user **ret_user,
			       struct fault *fault);
NODISCARD int submit_find_owner(struct submit *submit, const char *address,
				struct store_user **ret_user,
				struct fault *fault);

/* Whose a message is, and in whose name it goes. */
struct submit_sender {
	struct store_user *user; /* whose store it is */
	char *reverse_path;
	int64_t represented;     /* store of whom it is sent as, or 0 */
	enum fixup_sender field; /* what becomes of Sender */
	GPtrArray *rewrites;     /* for struct fixup_options */
};
void submit_sender_clear(struct submit_sender *sender);
/* By caller and envelope: the store, and an envelope sender they may have. */
NODISCARD int submit_sender_choose(struct submit *submit,
				   const struct conf *conf,
				   const struct submit_caller *caller,
				   const struct envelope *envelope,
				   struct submit_sender *ret_sender,
				   struct fault *fault);
/*
 * By what the header of the completed message says: own name, as somebody, on
 * behalf of somebody, else refused.  ret_changed: the message has to be
 * completed again, as sender now says.  FAULT_NOT_ALLOWED: it is somebody
 * else's name.
 */
NODISCARD int submit_sender_check(struct submit *submit,
				  const struct settings *settings,
				  const struct submit_caller *caller,
				  const struct propset *set,
				  struct submit_sender *sender,
				  bool *ret_changed, struct fault *fault);

#endif
