/*
 * Relaying with libesmtp: what its three files share, and the only place that
 * includes that library.
 *
 * libesmtp runs a session to its end within one call (relay_esmtp.c); its
 * callbacks are used to see each outcome as soon as it is known, and to hang
 * the next message on while the connection stands (esmtp_message.c).  What it
 * keeps to itself (the words of a greeting, how AUTH went, which extensions
 * there are) is read along in the monitor callback, which sees every octet
 * outside of messages (esmtp_watch.c).
 */
#ifndef OKAPI_RELAY_ESMTP_H
#define OKAPI_RELAY_ESMTP_H

#include "relay_form.h"
#include "relay_transport.h"
#include "relay_wire.h"

#include <stddef.h>

#include <auth-client.h>
#include <libesmtp.h>

/* Declared by libesmtp.h only after OpenSSL's headers, which stay out. */
int smtp_starttls_set_ctx(smtp_session_t session, struct ssl_ctx_st *ctx);

/* What the relay host was last asked. */
enum relay_asked {
	ASKED_NOTHING, /* its greeting is awaited */
	ASKED_EHLO,
	ASKED_STARTTLS,
	ASKED_AUTH,
	ASKED_MAIL, /* the session is open */
};

struct relay_session {
	struct relay_place *place;
	const struct relay_options *options;
	const struct relay_source *source;
	smtp_session_t smtp;
	auth_context_t auth;
	struct relay_wire *wire;
	struct relay_message *message; /* under way */
	smtp_message_t smtp_message;
	enum relay_asked asked;
	bool is_loopback;
	bool may_start_tls;
	bool tls_tried;
	bool tls_on;
	bool tls_unverified; /* any certificate will do, and did */
	bool auth_done;
	bool is_first;   /* nothing came before the message under way */
	int64_t ehlo_at; /* monotonic */
	struct relay_offer offer;
	GByteArray *recoded;  /* of the message under way, or NULL */
	bool is_unfit;        /* the first message needs another form */
	bool is_quitting;     /* what comes now is about QUIT */
	size_t rcpt_asked;    /* recipients of the message under way */
	size_t rcpt_count;    /* replies to RCPT of them */
	size_t rcpt_taken;    /* 2xx of them */
	size_t replies;       /* since MAIL, as they are read along */
	size_t replies_taken; /* 2xx of those to RCPT */
	GString *line;        /* of the relay host, as far as it came */
	GString *reply;       /* its last complete reply, lines joined */
	bool reply_is_open;   /* more lines follow */
	size_t reply_len;     /* octets of its lines, as far as it came */
	char word[16];        /* of a line of the EHLO reply */
	size_t word_len;
	struct fault fault; /* why the session did not open */
};

/* ---- esmtp_message.c ---- */

/* Hangs a message on the session. */
void relay_add(struct relay_session *session, struct relay_message *message);
/* Fits it to what is offered; session->is_unfit says that not all of its
 * recipients can have it. */
void relay_fit(struct relay_session *session, struct relay_message *message);
/* The message under way has come to its end, whatever that is. */
void relay_finish(struct relay_session *session);
/* And the next is hung on.  To be called only where libesmtp has yet to look
 * for its next message. */
void relay_next(struct relay_session *session);

/* ---- esmtp_watch.c ---- */

/* libesmtp's monitor callback; arg: the session. */
void relay_monitor(const char *octets, int len, int writing, void *arg);

#endif
