/*
 * What the session (session.c) and its messages that okapi-dagent hands over
 * (session_handed.c) share.
 */
#ifndef OKAPI_DAGENT_SESSION_INTERNAL_H
#define OKAPI_DAGENT_SESSION_INTERNAL_H

#include "mail.h"
#include "session.h"
#include "spool.h"

struct handed;

struct lmtp_session {
	const struct serve_session *serve;
	const struct session_door *door;
	char *login;     /* of a private peer that is not trusted; else NULL */
	bool needs_cert; /* a foreign network: TLS certificate, or nothing */
	char *helo;
	char *client;      /* address behind a proxy (XCLIENT), or NULL */
	char *client_helo; /* its name, as the proxy says; or NULL */
	struct mail *mail; /* while a transaction is open */
	int64_t size;      /* as MAIL announced it, -1 */
	struct spool *spool;
	struct digest *digest; /* of what the spool has */
	struct handed *handed; /* a message of XDELIVER, or NULL */
};

/* ---- session.c ---- */

/* Where the message is kept, of at most limit octets; and octets of it. */
void session_open_spool(struct lmtp_session *session, int64_t limit);
NODISCARD int session_keep(struct lmtp_session *session, const char *octets,
			   size_t len, struct fault *fault);
/* May this peer wish that?  What it may not, and is no reason to refuse, is
 * taken out. */
NODISCARD int session_check_wishes(struct lmtp_session *session,
				   struct wishes *wishes, struct fault *fault);
/* A recipient of the open transaction; borrowed.  NULL: refused, and logged. */
struct mail_recipient *session_recipient(struct lmtp_session *session,
					 const char *path, struct fault *fault);
/* Delivers what the spool has to the recipients; -1: to none of them. */
NODISCARD int session_deliver(struct lmtp_session *session,
			      struct fault *fault);

/* ---- session_handed.c ---- */

/* The first octets of it will be arguments, so many.  The session is borrowed,
 * and owns the result. */
NODISCARD int handed_new(struct lmtp_session *session, int64_t arguments,
			 struct handed **ret_handed, struct fault *fault);
void handed_free(struct handed *handed);
NODISCARD int handed_add(struct handed *handed, const char *octets, size_t len,
			 struct fault *fault);
/* It is whole, or has failed (verdict).  Delivers it; the verdict that speaks
 * for all recipients, and the exit code. */
int handed_end(struct handed *handed, struct fault *verdict);

#endif
