/*
 * What the files of the protocol engine share: the session and its replies.
 * Nobody outside shared/smtp/ includes this.
 */
#ifndef OKAPI_SMTP_PRIVATE_H
#define OKAPI_SMTP_PRIVATE_H

#include "smtp_server.h"

/* Where the transaction is; the command table says what is allowed where. */
enum smtp_state {
	SMTP_STATE_START = 1 << 0, /* no hello yet */
	SMTP_STATE_READY = 1 << 1, /* between messages */
	SMTP_STATE_MAIL = 1 << 2,  /* no recipient accepted yet */
	SMTP_STATE_RCPT = 1 << 3,
	SMTP_STATE_BDAT = 1 << 4,    /* between chunks */
	SMTP_STATE_DELIVER = 1 << 5, /* XDELIVER was accepted */
};

/* What the next octet is. */
enum smtp_input {
	SMTP_INPUT_COMMAND,
	SMTP_INPUT_AUTH, /* a line of a SASL exchange */
	SMTP_INPUT_DATA,
	SMTP_INPUT_CHUNK,
	SMTP_INPUT_TLS,    /* nothing, until smtp_server_tls_started() */
	SMTP_INPUT_CLOSED, /* nothing any more */
};

/* The data after DATA: what stood before the next octet (RFC 5321 4.5.2). */
enum smtp_dot {
	SMTP_DOT_LINE,   /* CRLF */
	SMTP_DOT_DOT,    /* CRLF . */
	SMTP_DOT_DOT_CR, /* CRLF . CR */
	SMTP_DOT_CR,     /* CR */
	SMTP_DOT_TEXT,   /* anything else */
};

enum smtp_auth_step {
	SMTP_AUTH_NONE,
	SMTP_AUTH_PLAIN,
	SMTP_AUTH_LOGIN_USER,
	SMTP_AUTH_LOGIN_PASSWORD,
	SMTP_AUTH_SCRAM_FIRST,
	SMTP_AUTH_SCRAM_FINAL,
	SMTP_AUTH_SCRAM_DONE, /* our proof was sent; the client says nothing */
};

struct smtp_server {
	const struct smtp_options *options;
	const struct smtp_handler *handler;
	void *context;
	GString *output;
	enum smtp_state state;
	enum smtp_input input;
	char peer_name[SMTP_NAME_MAX + 1];
	unsigned errors;
	unsigned logins_failed;
	bool tls;
	bool authenticated;
	bool has_quit;

	/* The line that is being read. */
	char line[SMTP_AUTH_LINE_MAX + 1];
	size_t line_len;
	char line_last;       /* the octet before the next one */
	bool line_too_long;   /* the rest up to CRLF is thrown away */
	bool line_after_bare; /* likewise, after a bare LF was answered */

	/* The transaction. */
	bool open;    /* the handler knows of it */
	bool excused; /* MAIL or RCPT was refused: what a pipelining client
			 sends behind it is no error of protocol */
	bool smtputf8;
	bool body_binary;
	bool rcpt_optional;
	bool delivers; /* the message is one of XDELIVER */
	size_t rcpt_tried;
	size_t rcpt_accepted;

	/* The message. */
	struct fault failed; /* the answer at its end, unless FAULT_NONE */
	int64_t received;    /* octets, unstuffed */
	enum smtp_dot dot;
	int64_t chunk_left;
	int64_t chunk_size;
	bool chunk_last;
	bool chunk_refused; /* out of sequence: consumed, then 503 */

	enum smtp_auth_step auth_step;
	char *auth_user;
};

/* ---- smtp_reply.c ---- */

/* One reply line; status is the enhanced code, NULL for none. */
void smtp_reply(struct smtp_server *server, int code, const char *status,
		const char *format, ...) PRINTF_LIKE(4, 5);
/* A reply to an error of protocol: counted, the last one closes. */
void smtp_error(struct smtp_server *server, int code, const char *status,
		const char *format, ...) PRINTF_LIKE(4, 5);
/* The same from a fault of the engine's own checks. */
void smtp_error_fault(struct smtp_server *server, const struct fault *fault);
/* The answer of the handler: not counted; 421 closes. */
void smtp_reply_fault(struct smtp_server *server, const struct fault *fault);
/* 503 5.5.1, counted unless the client is excused. */
void smtp_reply_sequence(struct smtp_server *server, const char *text);
/* A fault the handler forgot to set is temporary. */
void smtp_fault_default(struct fault *fault);

/* ---- smtp_server.c ---- */

/* Forgets the transaction, here and in the handler; keeps the hello. */
void smtp_reset(struct smtp_server *server);

/* ---- smtp_command.c: the table ---- */

/* line: no CRLF, NUL-terminated, without NUL, CR or LF inside; is written
 * into. */
void smtp_command(struct smtp_server *server, char *line);

/* A name that may stand in a trace header: a domain, an address literal, or
 * what clients use instead. */
bool smtp_name_check(const char *name);

/* ---- the commands ---- */

void smtp_cmd_mail(struct smtp_server *server, char *args);
void smtp_cmd_rcpt(struct smtp_server *server, char *args);
void smtp_cmd_data(struct smtp_server *server, char *args);
void smtp_cmd_bdat(struct smtp_server *server, char *args);
void smtp_cmd_xdeliver(struct smtp_server *server, char *args);
void smtp_cmd_auth(struct smtp_server *server, char *args);
void smtp_cmd_xclient(struct smtp_server *server, char *args);

/* ---- smtp_xclient.c ---- */

bool smtp_xclient_offered(const struct smtp_server *server);

/* ---- smtp_data.c ---- */

/* Octets after DATA or BDAT; the number that belonged to the message. */
size_t smtp_data_feed(struct smtp_server *server, const char *octets,
		      size_t len);
size_t smtp_chunk_feed(struct smtp_server *server, const char *octets,
		       size_t len);

/* ---- smtp_auth.c ---- */

void smtp_auth_line(struct smtp_server *server, char *line);
/* Ends an exchange whose line was longer than SMTP_AUTH_LINE_MAX. */
void smtp_auth_too_long(struct smtp_server *server);
bool smtp_auth_offered(const struct smtp_server *server);
/* The names of the mechanisms, "PLAIN LOGIN"; static storage. */
const char *smtp_auth_mechanisms(const struct smtp_server *server);

/* ---- smtp_path.c ---- */

/*
 * Cuts "<path>" off args: *ret_path is the path without brackets and source
 * route, *ret_rest what follows (blanks skipped).  Both point into args.
 * Finds where the path ends; smtp_path_check() tells whether it is one.
 */
NODISCARD int smtp_path_cut(char *args, char **ret_path, char **ret_rest,
			    struct fault *fault);
bool smtp_is_ascii(const char *text);
/* The path with its local part in quotes, owned, where only dots at the wrong
 * place need them ("a..b@x", as some hosts hand out); else NULL. */
char *smtp_path_quote(const char *path);

/* ---- smtp_param.c ---- */

/* Decodes in place; false if it is no xtext (then text is spoilt). */
bool smtp_xtext_decode_here(char *text);

/* One "KEYWORD[=value]" off *rest (written into); *ret_value is NULL without
 * '='.  1 parameter, 0 end, -1 fault. */
NODISCARD int smtp_param_next(char **rest, char **ret_keyword, char **ret_value,
			      struct fault *fault);

/* Reads a decimal number of digits only; false if it is none.  What is too
 * large becomes INT64_MAX. */
bool smtp_parse_number(const char *digits, int64_t *ret_number);

#endif
