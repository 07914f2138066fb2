/*
 * The server side of LMTP (RFC 2033) and of submission (RFC 6409) as a state
 * machine: bytes in, replies and events out.  It knows no sockets, threads or
 * time; who drives it does (shared/serve.h), and a test is a string.
 *
 * Events are calls of struct smtp_handler; an event that fails gives the
 * fault whose reply the client sees.
 */
#ifndef OKAPI_SMTP_SERVER_H
#define OKAPI_SMTP_SERVER_H

#include "base.h"
#include "fault.h"

enum smtp_protocol {
	SMTP_PROTOCOL_LMTP,  /* LHLO; one reply per recipient after the data */
	SMTP_PROTOCOL_ESMTP, /* EHLO/HELO; one reply after the data */
};

/* Ceilings of one session, all in one place. */
#define SMTP_COMMAND_MAX    4096 /* octets of a command line, CRLF included */
#define SMTP_ERRORS_MAX     20
#define SMTP_LOGINS_MAX     3 /* AUTH that fails, before 421 */
#define SMTP_RECIPIENTS_MAX 10000
#define SMTP_PATH_MAX       1000  /* octets between the angle brackets */
#define SMTP_NAME_MAX       255   /* octets of the name after LHLO */
#define SMTP_AUTH_LINE_MAX  12288 /* RFC 4954 4: of a base64 line */

enum smtp_dsn_notify { /* RFC 3461 4.1; 0: not said */
	SMTP_NOTIFY_NEVER = 1 << 0,
	SMTP_NOTIFY_SUCCESS = 1 << 1,
	SMTP_NOTIFY_FAILURE = 1 << 2,
	SMTP_NOTIFY_DELAY = 1 << 3,
};

struct smtp_options {
	enum smtp_protocol protocol;
	const char *hostname;  /* in the greeting and the EHLO reply */
	const char *product;   /* after it, "Okapi" */
	int64_t size_limit;    /* octets; SIZE and 552 5.3.4; 0: none */
	bool offer_starttls;   /* until TLS is on */
	bool offer_dsn;        /* RFC 3461 */
	bool offer_smtputf8;   /* RFC 6531; without it every address is ASCII */
	bool offer_binarymime; /* RFC 3030; BODY=BINARYMIME is understood
				  anyway */
	bool offer_auth;       /* RFC 4954; only with handler->auth_plain, and
				  after STARTTLS where that is offered */
	/* RFC 4865: how many seconds a message may be held; 0: not offered.
	 * Then clock gives the time (microseconds since 1970). */
	int64_t future_release;
	int64_t (*clock)(void);
	bool offer_mt_priority; /* RFC 6710, by its profile MIXER */
	/* MAIL and RCPT may name a path without domain (always allowed over
	 * LMTP, where RCPT takes login names, and for RCPT TO:<postmaster>). */
	bool allow_local;
	/* Allows the parameter X-OKAPI=xtext at MAIL: delivery options that
	 * Okapi's own programs hand over (private sockets only). */
	bool allow_private;
	/* Allows XDELIVER (LMTP; the socket of okapi-dagent alone). */
	bool allow_deliver;
};

/* A MAIL command that passed the syntax and state checks.  The strings, like
 * those of struct smtp_rcpt, are borrowed for the call. */
struct smtp_mail {
	const char *reverse_path; /* "" for <>; no brackets, no source route */
	const char *no_path;      /* LMTP: what stood there and is taken for <>,
				     because it is no address; else NULL */
	int64_t size;             /* SIZE=, or -1 */
	bool body_8bit;
	bool body_binary;
	bool smtputf8;
	const char *dsn_ret;   /* "FULL", "HDRS" or NULL */
	const char *dsn_envid; /* decoded xtext, or NULL */
	const char *auth;      /* AUTH=, decoded, or NULL */
	int64_t release; /* HOLDFOR= or HOLDUNTIL=: microseconds since 1970, 0:
			    at once */
	bool has_mt_priority;
	bool mt_priority_was_changed; /* to the nearest one of the profile */
	int mt_priority; /* MT-PRIORITY=, one of the profile: -4, 0, 4 */
	const char *private_options; /* X-OKAPI=, decoded, or NULL */
};

struct smtp_rcpt {
	const char *path; /* as written between the brackets, without a
			     source route */
	unsigned dsn_notify;
	const char *dsn_orcpt; /* "rfc822;..." decoded, or NULL */
};

/* Who the client of a proxy is (XCLIENT); NULL: not said. */
struct smtp_xclient {
	const char *address; /* without "IPV6:" */
	const char *name;
	const char *helo;
};

/* hello, data_begin and reset may be NULL.  A fault whose reply is 421 ends
 * the session. */
struct smtp_handler {
	/* LHLO/EHLO/HELO with a valid name. */
	void (*hello)(void *context, const char *name);
	int (*mail)(void *context, const struct smtp_mail *mail,
		    struct fault *fault);
	int (*rcpt)(void *context, const struct smtp_rcpt *rcpt,
		    struct fault *fault);
	/* Before the first octet; may refuse with a fault.  (ESMTP with
	 * X-OKAPI: a message without any RCPT gets here, to be judged by the
	 * private options; everywhere else it is 503.) */
	int (*data_begin)(void *context, struct fault *fault);
	/* Octets of the message, unstuffed, as they come.  A fault makes the
	 * rest be read and thrown away; it is the answer at the end. */
	int (*data)(void *context, const char *octets, size_t len,
		    struct fault *fault);
	/*
	 * The whole message was received.  LMTP: the handler fills
	 * replies[0..count), one for each accepted RCPT, in order; ESMTP: one.
	 * They come as FAULT_INTERNAL: what is not answered is tried again.
	 * A reply with kind FAULT_NONE is success (fault_clear()); its text,
	 * if any, is put after "250 2.1.5 " (LMTP) or "250 2.0.0 ".
	 */
	void (*finish)(void *context, struct fault *replies, size_t count);
	/* RSET, a new hello, the end of a transaction or of the session: forget
	 * the transaction (after finish too). */
	void (*reset)(void *context);
	/*
	 * XDELIVER: a message instead of MAIL and RCPT; the first octets of its
	 * data are arguments, so many, for the handler to understand.
	 * delivered() instead of finish(): whether it failed or not, what the
	 * one reply says, and the exit code in it; verdict comes with what has
	 * failed so far.
	 */
	int (*deliver)(void *context, int64_t arguments, struct fault *fault);
	int (*delivered)(void *context, struct fault *verdict);
	/* LMTP: may this client speak for others, and what it said; the
	 * session starts anew behind it.  NULL: nobody may. */
	bool (*xclient_offered)(void *context);
	void (*xclient)(void *context, const struct smtp_xclient *client);
	/* One SASL exchange (ESMTP): verify user and password.  NULL: none. */
	int (*auth_plain)(void *context, const char *authzid, const char *user,
			  const char *password, struct fault *fault);
	/* SCRAM-SHA-256: is it offered now?  NULL: never. */
	bool (*auth_scram_offered)(void *context);
	/* The client's first and last message (shared/scram.h), not base64;
	 * ret_answer is owned by the engine.  The client is authenticated once
	 * the last one is answered. */
	int (*auth_scram_first)(void *context, const char *message,
				char **ret_answer, struct fault *fault);
	int (*auth_scram_final)(void *context, const char *message,
				char **ret_answer, struct fault *fault);
};

/* What the driver must do next. */
enum smtp_next {
	SMTP_NEXT_READ,     /* feed more */
	SMTP_NEXT_STARTTLS, /* flush output, do the handshake, then
			       smtp_server_tls_started() */
	SMTP_NEXT_CLOSE,    /* flush output, close */
};

struct smtp_server;

/* options, handler and context are borrowed until smtp_server_free(). */
struct smtp_server *smtp_server_new(const struct smtp_options *options,
				    const struct smtp_handler *handler,
				    void *context);
/* Calls handler->reset if a transaction is open. */
/* Other options from now on (borrowed as the first): what a client may do that
 * has shown who it is. */
void smtp_server_set_options(struct smtp_server *server,
			     const struct smtp_options *options);
void smtp_server_free(struct smtp_server *server);
AUTO_DEFINE(smtp_server, smtp_server_free);

/* Puts the greeting into the output. */
void smtp_server_greet(struct smtp_server *server);

/* Refuses the session instead of the greeting: "421 4.x.x text", or "554
 * 5.x.x text" for a permanent fault, and close. */
void smtp_server_refuse(struct smtp_server *server, const struct fault *fault);

/*
 * Feeds octets.  After STARTTLS whatever the client had pipelined behind it
 * is thrown away (RFC 3207 4; command injection).
 */
enum smtp_next smtp_server_feed(struct smtp_server *server, const char *octets,
				size_t len);

/* TLS is on: the session starts anew (RFC 3207 4.2), without a greeting. */
void smtp_server_tls_started(struct smtp_server *server);

/* Says that the client sent nothing further for now.  A line that ended with
 * a bare LF was answered already; what comes next is a new line then, not the
 * rest of that one up to its CRLF. */
void smtp_server_drained(struct smtp_server *server);

/* Ends the session from our side: "421 4.4.2 text" (idle) or 421 4.3.2
 * (shutdown); a transaction that is under way is forgotten. */
void smtp_server_end(struct smtp_server *server, const struct fault *fault);

/* Is the client between messages (no data being received)? */
bool smtp_server_is_idle(const struct smtp_server *server);

/* Has the client said QUIT as its last word, so that nothing comes any more?
 * One that talks on after it is believed no longer. */
bool smtp_server_has_quit(const struct smtp_server *server);

/* What waits to be sent; the driver sends it and calls g_string_truncate. */
GString *smtp_server_output(struct smtp_server *server);

/* The name given with LHLO/EHLO, "" before; borrowed. */
const char *smtp_server_peer_name(const struct smtp_server *server);

/* RFC 3461 xtext; owned. */
char *smtp_xtext_encode(const char *text);

/* Checks a path without its brackets: local part (dot-string or quoted), '@',
 * domain or address literal; utf8 allows RFC 6531.  A bare local part is
 * allowed where need_domain is false.  Pure. */
bool smtp_path_check(const char *path, bool utf8, bool need_domain);

#endif
