/*
 * SCRAM-SHA-256 (RFC 5802, RFC 7677), the server's side, without channel
 * binding: what is kept of a password, and one exchange.  Pure but for the
 * nonce; the text of messages comes and goes without base64.
 */
#ifndef OKAPI_SCRAM_H
#define OKAPI_SCRAM_H

#include "base.h"
#include "fault.h"

/* "SCRAM-SHA-256$ITERATIONS:SALT$STOREDKEY:SERVERKEY" (RFC 5803) of
 * a password; owned.  Costs some 30 ms. */
char *scram_keys_make(const char *password);

/* What a client (spooler/relay_auth.c) shares with us: a password brought to
 * its canonical form, a name as it stands in a message; owned. */
char *scram_prepare(const char *password);
char *scram_name_escape(const char *name);

/* One exchange; it goes forward only. */
struct scram;

/* nonce: ours, for tests; NULL: a random one. */
struct scram *scram_new(const char *nonce);
void scram_free(struct scram *scram);
AUTO_DEFINE(scram, scram_free);

/* Takes the client's first message; ret_user (borrowed until scram_free()) is
 * who it says it is.  FAULT_BAD_ARGUMENT: it is none, wants channel binding, or
 * wants to act for somebody else. */
NODISCARD int scram_client_first(struct scram *scram, const char *message,
				 const char **ret_user, struct fault *fault);

/* The answer; owned.  keys: those of the user, or NULL if there are none: then
 * the exchange goes on with a salt that is the user's in this process, and
 * fails at its end, as with a wrong password. */
char *scram_server_first(struct scram *scram, const char *keys);

/* Takes the client's last message; ret_message (owned) proves us to the
 * client.  FAULT_BAD_ARGUMENT: it is none; FAULT_NOT_ALLOWED: the password is
 * wrong. */
NODISCARD int scram_client_final(struct scram *scram, const char *message,
				 char **ret_message, struct fault *fault);

#endif
