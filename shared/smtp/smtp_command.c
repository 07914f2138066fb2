/*
 * The command table, and the commands that are not about a message.
 */
#include "smtp_private.h"

#include <string.h>

#define ANY_STATE                                                              \
 (SMTP_STATE_START | SMTP_STATE_READY | SMTP_STATE_MAIL | SMTP_STATE_RCPT |    \
  SMTP_STATE_BDAT | SMTP_STATE_DELIVER)
#define IN_MESSAGE (SMTP_STATE_MAIL | SMTP_STATE_RCPT | SMTP_STATE_BDAT)

enum smtp_for {
	SMTP_FOR_LMTP = 1 << SMTP_PROTOCOL_LMTP,
	SMTP_FOR_ESMTP = 1 << SMTP_PROTOCOL_ESMTP,
	SMTP_FOR_BOTH = SMTP_FOR_LMTP | SMTP_FOR_ESMTP,
};

enum smtp_args {
	SMTP_ARGS_NONE,
	SMTP_ARGS_NEEDED,
	SMTP_ARGS_ANY,
};

struct smtp_command_row {
	const char *verb;
	enum smtp_for protocols;
	unsigned states; /* of enum smtp_state: where it is allowed */
	enum smtp_args args;
	void (*run)(struct smtp_server *server, char *args);
};

/* A name that may stand in a trace header: a domain, an address literal, or
 * what clients use instead. */
bool smtp_name_check(const char *name)
{
	if (strlen(name) > SMTP_NAME_MAX || !g_utf8_validate(name, -1, NULL))
		return false;
	for (const char *p = name; *p; p++)
		if ((unsigned char)*p < 0x80 && !g_ascii_isalnum(*p) &&
		    !strchr(".-_:[]", *p))
			return false;
	return true;
}

static bool smtp_hello(struct smtp_server *server, const char *name)
{
	if (!smtp_name_check(name)) {
		smtp_error(server, 501, "5.5.4",
			   "That is not the name of a host");
		return false;
	}
	smtp_reset(server);
	server->state = SMTP_STATE_READY;
	g_strlcpy(server->peer_name, name, sizeof(server->peer_name));
	if (server->handler->hello)
		server->handler->hello(server->context, name);
	return true;
}

static void smtp_cmd_helo(struct smtp_server *server, char *args)
{
	if (smtp_hello(server, args))
		smtp_reply(server, 250, NULL, "%s", server->options->hostname);
}

static void smtp_offer(struct smtp_server *server, const char *what)
{
	g_string_append_printf(server->output, "250-%s\r\n", what);
}

static void smtp_offer_size(struct smtp_server *server)
{
	if (server->options->size_limit > 0)
		g_string_append_printf(server->output,
				       "250-SIZE %" G_GINT64_FORMAT "\r\n",
				       server->options->size_limit);
	else
		smtp_offer(server, "SIZE");
}

/* RFC 4865 4: how long, and until when, a message may be held. */
static void smtp_offer_release(struct smtp_server *server)
{
	const struct smtp_options *options = server->options;
	int64_t latest =
		options->clock() / USEC_PER_SEC + options->future_release;
	g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(latest);
	g_autofree char *text = g_date_time_format(time, "%Y-%m-%dT%H:%M:%SZ");

	g_string_append_printf(server->output,
			       "250-FUTURERELEASE %" G_GINT64_FORMAT " %s\r\n",
			       options->future_release, text);
}

/* EHLO and LHLO. */
static void smtp_cmd_ehlo(struct smtp_server *server, char *args)
{
	const struct smtp_options *options;

	if (!smtp_hello(server, args))
		return;
	options = server->options; /* which the handler may have changed */
	smtp_offer(server, options->hostname);
	smtp_offer(server, "PIPELINING");
	smtp_offer(server, "ENHANCEDSTATUSCODES");
	smtp_offer(server, "8BITMIME");
	if (options->offer_smtputf8)
		smtp_offer(server, "SMTPUTF8");
	smtp_offer_size(server);
	if (options->offer_starttls && !server->tls)
		smtp_offer(server, "STARTTLS");
	if (options->offer_dsn)
		smtp_offer(server, "DSN");
	if (smtp_auth_offered(server))
		g_string_append_printf(server->output, "250-AUTH %s\r\n",
				       smtp_auth_mechanisms(server));
	if (options->future_release > 0)
		smtp_offer_release(server);
	if (options->offer_mt_priority)
		smtp_offer(server, "MT-PRIORITY MIXER");
	if (options->allow_private)
		smtp_offer(server, "X-OKAPI");
	if (options->offer_binarymime)
		smtp_offer(server, "BINARYMIME");
	if (smtp_xclient_offered(server))
		smtp_offer(server, "XCLIENT NAME ADDR PORT PROTO HELO LOGIN "
				   "DESTADDR DESTPORT");
	smtp_reply(server, 250, NULL, "CHUNKING");
}

static void smtp_cmd_rset(struct smtp_server *server, char *args G_GNUC_UNUSED)
{
	smtp_reset(server);
	smtp_reply(server, 250, "2.0.0", "OK");
}

static void smtp_cmd_noop(struct smtp_server *server, char *args G_GNUC_UNUSED)
{
	smtp_reply(server, 250, "2.0.0", "OK");
}

static void smtp_cmd_quit(struct smtp_server *server, char *args G_GNUC_UNUSED)
{
	smtp_reset(server);
	smtp_reply(server, 221, "2.0.0", "Bye");
	server->has_quit = true;
	server->input = SMTP_INPUT_CLOSED;
}

static void smtp_cmd_vrfy(struct smtp_server *server, char *args G_GNUC_UNUSED)
{
	smtp_reply(server, 252, "2.0.0", "Try RCPT");
}

static void smtp_cmd_help(struct smtp_server *server, char *args G_GNUC_UNUSED)
{
	smtp_reply(server, 214, "2.0.0", "See RFC %s",
		   server->options->protocol == SMTP_PROTOCOL_LMTP ? "2033"
								   : "6409");
}

static void smtp_cmd_expn(struct smtp_server *server, char *args G_GNUC_UNUSED)
{
	smtp_error(server, 502, "5.5.1", "Not supported");
}

static void smtp_cmd_starttls(struct smtp_server *server,
			      char *args G_GNUC_UNUSED)
{
	if (server->tls) {
		smtp_reply_sequence(server, "TLS is on already");
	} else if (!server->options->offer_starttls) {
		smtp_error(server, 502, "5.5.1", "No certificate is set");
	} else {
		smtp_reset(server);
		smtp_reply(server, 220, "2.0.0", "Ready to start TLS");
		server->input = SMTP_INPUT_TLS;
	}
}

static const struct smtp_command_row smtp_commands[] = {
	{"LHLO", SMTP_FOR_LMTP, ANY_STATE, SMTP_ARGS_NEEDED, smtp_cmd_ehlo},
	{"EHLO", SMTP_FOR_ESMTP, ANY_STATE, SMTP_ARGS_NEEDED, smtp_cmd_ehlo},
	{"HELO", SMTP_FOR_ESMTP, ANY_STATE, SMTP_ARGS_NEEDED, smtp_cmd_helo},
	{"MAIL", SMTP_FOR_BOTH, SMTP_STATE_READY, SMTP_ARGS_NEEDED,
	 smtp_cmd_mail},
	{"RCPT", SMTP_FOR_BOTH, SMTP_STATE_MAIL | SMTP_STATE_RCPT,
	 SMTP_ARGS_NEEDED, smtp_cmd_rcpt},
	{"DATA", SMTP_FOR_BOTH, SMTP_STATE_MAIL | SMTP_STATE_RCPT,
	 SMTP_ARGS_NONE, smtp_cmd_data},
	/* Out of sequence its octets have to be read all the same. */
	{"BDAT", SMTP_FOR_BOTH, ANY_STATE, SMTP_ARGS_NEEDED, smtp_cmd_bdat},
	{"RSET", SMTP_FOR_BOTH, ANY_STATE, SMTP_ARGS_NONE, smtp_cmd_rset},
	{"NOOP", SMTP_FOR_BOTH, ANY_STATE, SMTP_ARGS_ANY, smtp_cmd_noop},
	{"QUIT", SMTP_FOR_BOTH, ANY_STATE, SMTP_ARGS_NONE, smtp_cmd_quit},
	{"VRFY", SMTP_FOR_BOTH, ANY_STATE, SMTP_ARGS_NEEDED, smtp_cmd_vrfy},
	{"HELP", SMTP_FOR_BOTH, ANY_STATE, SMTP_ARGS_ANY, smtp_cmd_help},
	{"EXPN", SMTP_FOR_BOTH, ANY_STATE, SMTP_ARGS_ANY, smtp_cmd_expn},
	{"STARTTLS", SMTP_FOR_BOTH, SMTP_STATE_START | SMTP_STATE_READY,
	 SMTP_ARGS_NONE, smtp_cmd_starttls},
	{"XCLIENT", SMTP_FOR_LMTP, SMTP_STATE_START | SMTP_STATE_READY,
	 SMTP_ARGS_NEEDED, smtp_cmd_xclient},
	{"XDELIVER", SMTP_FOR_LMTP, SMTP_STATE_START | SMTP_STATE_READY,
	 SMTP_ARGS_NEEDED, smtp_cmd_xdeliver},
	{"AUTH", SMTP_FOR_ESMTP, SMTP_STATE_READY, SMTP_ARGS_NEEDED,
	 smtp_cmd_auth},
};

static const struct smtp_command_row *smtp_command_find(const char *verb)
{
	for (size_t i = 0; i < G_N_ELEMENTS(smtp_commands); i++)
		if (g_ascii_strcasecmp(smtp_commands[i].verb, verb) == 0)
			return &smtp_commands[i];
	return NULL;
}

/* Why a command is not allowed here. */
static const char *smtp_sequence_text(const struct smtp_server *server,
				      const struct smtp_command_row *row)
{
	if (server->state == SMTP_STATE_START)
		return server->options->protocol == SMTP_PROTOCOL_LMTP
			       ? "LHLO first"
			       : "EHLO first";
	if (server->state == SMTP_STATE_BDAT)
		return "Not after BDAT";
	if (server->state == SMTP_STATE_DELIVER)
		return "BDAT first";
	if (row->states & IN_MESSAGE)
		return "MAIL first";
	return "Not within a message";
}

/* Splits "VERB args"; blanks around args are dropped. */
static char *smtp_command_args(char *line)
{
	char *args = strchr(line, ' ');

	if (!args)
		return line + strlen(line);
	*args = '\0';
	return g_strstrip(args + 1);
}

void smtp_command(struct smtp_server *server, char *line)
{
	char *args = smtp_command_args(line);
	const struct smtp_command_row *row = smtp_command_find(line);

	if (!row)
		smtp_error(server, 500, "5.5.2", "Unknown command");
	else if (!(row->protocols & (1U << server->options->protocol)))
		smtp_error(server, 500, "5.5.1", "Not a command of %s",
			   server->options->protocol == SMTP_PROTOCOL_LMTP
				   ? "LMTP: use LHLO"
				   : "SMTP");
	else if (!(row->states & server->state))
		smtp_reply_sequence(server, smtp_sequence_text(server, row));
	else if (row->args == SMTP_ARGS_NONE && *args)
		smtp_error(server, 501, "5.5.4", "%s takes no argument",
			   row->verb);
	else if (row->args == SMTP_ARGS_NEEDED && !*args)
		smtp_error(server, 501, "5.5.4", "%s needs an argument",
			   row->verb);
	else
		row->run(server, args);
}
