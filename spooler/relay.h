/*
 * One connection to the relay host: messages in, a verdict per recipient out.
 *
 * Every outcome that is not known is RELAY_RETRY: a connection that breaks
 * between the final dot and the reply, a reply that makes no sense, a session
 * that never came about.  Only a complete 2xx reply to the message is
 * RELAY_SENT, only a complete 5xx to MAIL, RCPT, DATA or the message is
 * RELAY_FAILED (RFC 5321 4.2.1).
 */
#ifndef OKAPI_RELAY_H
#define OKAPI_RELAY_H

#include "base.h"
#include "conf.h"
#include "fault.h"

/* Where to relay to, and what was learned of it. */
struct relay_place {
	char *host; /* without brackets, or the path of a unix socket */
	char *port; /* "" for a unix socket */
	bool implicit_tls;
	struct ssl_ctx_st *tls_ctx; /* owned; NULL: no TLS (tls.h) */
	/* Of the last connections, atomically: */
	int is_far;          /* round trips are what sending costs */
	int has_backlog;     /* messages come one behind the other, and it
				takes them that way (PIPELINING) */
	int has_chunking;    /* takes BDAT */
	int bdat_refused;    /* offers it and does not know it */
	int is_wordy;        /* its replies are not for libesmtp */
	int beyond_libesmtp; /* offers what only our own transport knows */
	unsigned bindings_refused; /* types of them, see relay_hello.c */
};

/* From what relay_name.h takes apart.  Pure; the place is cleared with
 * relay_place_clear(). */
NODISCARD int relay_place_parse(const char *text, int64_t default_port,
				struct relay_place *ret_place,
				struct fault *fault);
void relay_place_clear(struct relay_place *place);
/* "host:port" for logs and reports; owned. */
char *relay_place_format(const struct relay_place *place);

/* How long the relay host may take (RFC 5321 4.5.3.2): for a connection, its
 * greeting and each reply to EHLO, AUTH, MAIL and RCPT, for the 354, for taking
 * a block of the message, for the reply to its end. */
struct relay_timeouts {
	int64_t connect_ms;
	int64_t command_ms;
	int64_t data_ms;
	int64_t block_ms;
	int64_t end_ms;
};

/* Who we are to the relay host. */
struct relay_login {
	const char *user;          /* "": nobody, no AUTH */
	const char *password;      /* with user; "" with a token */
	const char *token_command; /* "": no OAuth; see relay_token_get() */
	bool unverified;           /* also where nothing vouches for it */
};

struct relay_options {
	const char *hostname; /* for EHLO */
	bool smtputf8;        /* may be used, where the relay host has it */
	enum conf_tls_level tls;
	struct relay_login login;
	struct relay_timeouts timeouts;
};

enum relay_verdict {
	RELAY_RETRY,
	RELAY_SENT,
	RELAY_FAILED,
};

struct relay_recipient {
	const char *address;
	unsigned dsn_notify;   /* enum smtp_dsn_notify */
	const char *dsn_orcpt; /* "rfc822;..." or NULL */
	void *user_data;
	/* The outcome: owned by whoever owns the recipient. */
	enum relay_verdict verdict;
	char status[16]; /* enhanced code, as the relay gave it or X.0.0 */
	char *reply;     /* "550 5.1.1 no such user", one line of UTF-8 */
	bool from_relay; /* reply is the relay host's own words */
};

struct relay_message {
	const char *reverse_path;
	const void *octets;
	size_t len;
	bool body_8bit;
	const char *dsn_ret;   /* "FULL", "HDRS" or NULL */
	const char *dsn_envid; /* or NULL */
	struct relay_recipient *recipients;
	size_t recipient_count;
	bool dsn_was_offered; /* outcome: the relay host answers for DSN */
	/* Outcome: the connection ended before the relay host had a word on
	 * this message, and not because of it; recipients may have none. */
	bool untouched;
	void *user_data;
};

/* Where messages come from and go to; called in the thread of relay_run(). */
struct relay_source {
	/* The next message for this connection, or NULL: it is closed. */
	struct relay_message *(*next)(void *context);
	/* Every recipient of the message has its outcome now. */
	void (*done)(void *context, struct relay_message *message);
	/* A message's content is about to go out: returns once what was done
	 * is recorded, or the connection was cut. */
	void (*settle)(void *context);
	void *context;
};

/* The handle by which another thread ends a connection. */
struct relay_control;
struct relay_control *relay_control_new(void);
void relay_control_free(struct relay_control *control);
/* Cuts the connection that runs under it, and every later one. */
void relay_control_cut(struct relay_control *control);
bool relay_control_was_cut(struct relay_control *control);

/* Once per process, before the first thread. */
void relay_init(void);

/*
 * Connects to the place and sends first, then whatever source gives.  Where the
 * place has several addresses, and one does not answer or does not get as far
 * as MAIL, the next is asked; not so if it is the login that was refused for
 * good (FAULT_NOT_ALLOWED), or the connection was cut (FAULT_SHUTDOWN).
 *
 * -1: the relay host did not get as far as MAIL (unreachable, greeting, EHLO,
 * TLS or AUTH failed); done() was not called for first, whose recipients have
 * no outcome but those that can never be told (relay_form.h), and
 * the fault says why in words fit for a log line or a report.
 * 0: done() was called once for first and for every message from source.
 */
NODISCARD int relay_run(struct relay_place *place,
			const struct relay_options *options,
			struct relay_control *control,
			struct relay_message *first,
			const struct relay_source *source, struct fault *fault);

/*
 * The first line that a command (words as in a shell, run without one) prints
 * within half a minute: an OAuth token; owned.  It is kept for a minute, or
 * until relay_token_forget().
 */
NODISCARD int relay_token_get(const char *command, char **ret_token,
			      struct fault *fault);
void relay_token_forget(const char *command);

/* A file that nobody but its owner can read; key: the setting that names it.
 * Owned. */
NODISCARD int relay_secret_read(const char *key, const char *path,
				char **ret_text, struct fault *fault);

/* The first line of a file that nobody but its owner can read; owned. */
NODISCARD int relay_password_read(const char *path, char **ret_password,
				  struct fault *fault);

#endif
