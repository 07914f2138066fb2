/*
 * Who logs in at the submission service: passwords and SCRAM-SHA-256 against
 * the store's users, and how often an address may be wrong.
 */
#ifndef OKAPI_LOGIN_H
#define OKAPI_LOGIN_H

#include "base.h"
#include "fault.h"
#include "net.h"
#include "submit.h"

/* What all sessions share: which addresses were wrong how often; thread-safe.
 */
struct login_guard;
struct login_guard *login_guard_new(void);
void login_guard_free(struct login_guard *guard);
AUTO_DEFINE(login_guard, login_guard_free);

#define LOGIN_WRONG_MAX 10                            /* of an address */
#define LOGIN_WRONG_US  (INT64_C(600) * USEC_PER_SEC) /* in this time */

/* May the peer try now?  FAULT_TOO_MANY after LOGIN_WRONG_MAX failures within
 * LOGIN_WRONG_US.  An IPv6 address counts by its /64. */
NODISCARD int login_guard_check(struct login_guard *guard,
				const struct net_peer *peer, int64_t now,
				struct fault *fault);
/* The peer was wrong: how often by now. */
unsigned login_guard_count(struct login_guard *guard,
			   const struct net_peer *peer, int64_t now);

/* One session's exchange; guard, submit and peer are borrowed. */
struct login;
struct login *login_new(struct login_guard *guard, struct submit *submit,
			const struct net_peer *peer);
void login_free(struct login *login);
AUTO_DEFINE(login, login_free);

/* As struct smtp_handler has them.  A user is named by login or address.  What
 * is wrong is FAULT_NOT_ALLOWED, and takes as long whether there is such a user
 * or not: longer with each failure of the address. */
NODISCARD int login_plain(struct login *login, const char *authzid,
			  const char *user, const char *password,
			  struct fault *fault);
/* Has every active user's password its keys of SCRAM?  What is not known is no.
 */
bool login_scram_offered(struct login *login);
/* SCRAM-SHA-256 (RFC 5802 5, 7677): the client's first message, and its final
 * one; ret_answer is what the server says to it, owned. */
NODISCARD int login_scram_first(struct login *login, const char *message,
				char **ret_answer, struct fault *fault);
NODISCARD int login_scram_final(struct login *login, const char *message,
				char **ret_answer, struct fault *fault);

/* The login name of who has proved to be somebody, else NULL; borrowed. */
const char *login_name(const struct login *login);

#endif
