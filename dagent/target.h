/*
 * The target: the folder where mail goes that no rule moves.
 */
#ifndef OKAPI_DAGENT_TARGET_H
#define OKAPI_DAGENT_TARGET_H

#include "mail.h"
#include "store/folders.h"

enum target_kind {
	TARGET_INBOX, /* rules and junk have a say */
	TARGET_JUNK,
	TARGET_FOLDER, /* -F, -P */
};

struct target {
	enum target_kind kind;
	int64_t folder; /* 0: to be created */
	int64_t store;  /* that has it */
	char *path;
	char separator;
};
void target_clear(struct target *target);

/* As -F, -P and -C ask; a missing folder without -C falls back to the Inbox,
 * with a warning in the log. */
NODISCARD int target_find(const struct mail *mail, struct store *store,
			  const struct mail_recipient *to,
			  struct target *ret_target, struct fault *fault);
/* Makes it Junk E-mail, unless the store has none. */
void target_set_junk(const struct mail_recipient *to, struct target *target);

/* Adds the copy that goes there to the recipient's plan; borrowed. */
struct plan_copy *target_keep(const struct target *target, struct plan *plan);

#endif
