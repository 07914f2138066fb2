/*
 * Who may send in whose name: grants of send-as and send-on-behalf, and the
 * passwords that show who somebody is.
 */
#ifndef OKAPI_STORE_SENDERS_H
#define OKAPI_STORE_SENDERS_H

#include "store.h"

enum sender_grant {
	SENDER_GRANT_AS = 1,        /* as if they were the user */
	SENDER_GRANT_ON_BEHALF = 2, /* for the user, and it says who did */
};

/* Unit.  who (a user or a group) may send in the name of the user. */
NODISCARD int store_sender_grant(struct store *store, const char *user,
				 const char *who, enum sender_grant grant,
				 struct fault *fault);
/* Unit.  FAULT_NOT_FOUND if who may not. */
NODISCARD int store_sender_revoke(struct store *store, const char *user,
				  const char *who, enum sender_grant grant,
				  struct fault *fault);
/* Names of users and groups that may, sorted; owned (g_strfreev). */
NODISCARD int store_sender_list(struct store *store, int64_t user,
				enum sender_grant grant, char ***ret_who,
				struct fault *fault);

/* What an address is to a user who wants to send from it. */
enum sender_standing {
	SENDER_OWN,       /* theirs */
	SENDER_NOBODYS,   /* no user has it */
	SENDER_AS,        /* of a user in whose name they may send */
	SENDER_ON_BEHALF, /* likewise, saying that they did */
	SENDER_DENIED,    /* of somebody else */
};
struct store_sender {
	enum sender_standing standing;
	char *name;    /* login of the user who has it, "" if nobody has */
	char *email;   /* that user's primary address, or "" */
	int64_t store; /* that user's, or 0 */
};
void store_sender_free(struct store_sender *sender);
AUTO_DEFINE(store_sender, store_sender_free);
/* By address or alias, with a detail or without; of inactive users, too.  One
 * who is granted both sends on behalf. */
NODISCARD int store_sender_look(struct store *store, int64_t user,
				const char *address,
				struct store_sender **ret_sender,
				struct fault *fault);

/* What is kept of a user's password. */
struct store_secrets {
	char *password; /* scrypt hash; "": none is set */
	char *scram;    /* scram_keys_make(), "": not known yet */
};
void store_secrets_free(struct store_secrets *secrets);
AUTO_DEFINE(store_secrets, store_secrets_free);
NODISCARD int store_secrets_get(struct store *store, int64_t user,
				struct store_secrets **ret_secrets,
				struct fault *fault);
/* Some 40 ms; false for "". */
bool password_matches(const char *password, const char *hash);
/* The keys of SCRAM for those who set their password before they were kept.
 * Reading: is there still a password without them?  Unit: sets them. */
NODISCARD int store_scram_is_complete(struct store *store, bool *ret_complete,
				      struct fault *fault);
NODISCARD int store_scram_set(struct store *store, int64_t user,
			      const char *keys, struct fault *fault);

#endif
