/*
 * The engine itself: octets into lines, lines into commands, and the life of
 * a session.
 */
#include "smtp_private.h"

#include <string.h>

struct smtp_server *smtp_server_new(const struct smtp_options *options,
				    const struct smtp_handler *handler,
				    void *context)
{
	struct smtp_server *server = g_new0(struct smtp_server, 1);

	server->options = options;
	server->handler = handler;
	server->context = context;
	server->output = g_string_sized_new(512);
	server->state = SMTP_STATE_START;
	server->input = SMTP_INPUT_COMMAND;
	return server;
}

void smtp_server_set_options(struct smtp_server *server,
			     const struct smtp_options *options)
{
	server->options = options;
}

void smtp_server_free(struct smtp_server *server)
{
	if (!server)
		return;
	smtp_reset(server);
	g_string_free(server->output, TRUE);
	g_free(server->auth_user);
	explicit_bzero(server->line, sizeof(server->line));
	g_free(server);
}

void smtp_reset(struct smtp_server *server)
{
	if (server->open && server->handler->reset)
		server->handler->reset(server->context);
	server->open = false;
	server->excused = false;
	server->smtputf8 = false;
	server->body_binary = false;
	server->rcpt_optional = false;
	server->delivers = false;
	server->rcpt_tried = 0;
	server->rcpt_accepted = 0;
	server->received = 0;
	fault_clear(&server->failed);
	/* XDELIVER needs no hello, and is none. */
	if (server->state != SMTP_STATE_START)
		server->state = *server->peer_name ? SMTP_STATE_READY
						   : SMTP_STATE_START;
}

void smtp_server_greet(struct smtp_server *server)
{
	smtp_reply(server, 220, NULL, "%s %s %s", server->options->hostname,
		   server->options->protocol == SMTP_PROTOCOL_LMTP ? "LMTP"
								   : "ESMTP",
		   server->options->product);
}

void smtp_server_refuse(struct smtp_server *server, const struct fault *fault)
{
	struct fault why = *fault;

	smtp_fault_default(&why);
	smtp_reply(server, fault_is_temporary(&why) ? 421 : 554,
		   fault_status(&why), "%s", why.text);
	server->input = SMTP_INPUT_CLOSED;
}

void smtp_server_end(struct smtp_server *server, const struct fault *fault)
{
	smtp_reset(server);
	smtp_reply(server, 421, fault_status(fault), "%s %s",
		   server->options->hostname, fault->text);
	server->input = SMTP_INPUT_CLOSED;
}

void smtp_server_tls_started(struct smtp_server *server)
{
	smtp_reset(server);
	server->tls = true;
	server->authenticated = false;
	server->state = SMTP_STATE_START;
	server->input = SMTP_INPUT_COMMAND;
	server->peer_name[0] = '\0';
	server->line_len = 0;
	server->line_last = '\0';
}

void smtp_server_drained(struct smtp_server *server)
{
	if (server->line_after_bare && server->line_last == '\n' &&
	    !server->line_too_long)
		server->line_after_bare = false;
}

bool smtp_server_is_idle(const struct smtp_server *server)
{
	return server->input != SMTP_INPUT_DATA &&
	       server->input != SMTP_INPUT_CHUNK &&
	       server->state != SMTP_STATE_BDAT;
}

bool smtp_server_has_quit(const struct smtp_server *server)
{
	return server->has_quit;
}

GString *smtp_server_output(struct smtp_server *server)
{
	return server->output;
}

const char *smtp_server_peer_name(const struct smtp_server *server)
{
	return server->peer_name;
}

/* ---- lines ---- */

/* Keeps what fits; the rest of a line that does not is thrown away. */
static void smtp_line_append(struct smtp_server *server, const char *octets,
			     size_t len)
{
	size_t max = server->input == SMTP_INPUT_AUTH ? SMTP_AUTH_LINE_MAX
						      : SMTP_COMMAND_MAX;

	if (server->line_too_long || server->line_after_bare)
		return;
	if (len > max - server->line_len) {
		server->line_too_long = true;
		return;
	}
	memcpy(server->line + server->line_len, octets, len);
	server->line_len += len;
}

/* A line that ended with CRLF; line holds it if it was not too long. */
static void smtp_line_done(struct smtp_server *server)
{
	bool too_long = server->line_too_long;
	bool after_bare = server->line_after_bare;
	size_t len = server->line_len;
	char *line = server->line;

	server->line_len = 0;
	server->line_too_long = false;
	server->line_after_bare = false;
	if (too_long && server->input == SMTP_INPUT_AUTH) {
		smtp_auth_too_long(server);
		return;
	}
	if (too_long) {
		smtp_error(server, 500, "5.5.2", "Line too long");
		return;
	}
	if (after_bare)
		return;
	len -= 2;
	line[len] = '\0';
	if (memchr(line, '\0', len) || memchr(line, '\r', len))
		smtp_error(server, 500, "5.5.2", "Bare CR or NUL in a command");
	else if (server->input == SMTP_INPUT_AUTH)
		smtp_auth_line(server, line);
	else
		smtp_command(server, line);
}

static size_t smtp_line_feed(struct smtp_server *server, const char *octets,
			     size_t len)
{
	const char *lf = memchr(octets, '\n', len);
	size_t used = lf ? (size_t)(lf - octets) + 1 : len;
	char before = used >= 2 ? octets[used - 2] : server->line_last;

	smtp_line_append(server, octets, used);
	server->line_last = octets[used - 1];
	if (!lf)
		return used;
	if (before == '\r') {
		smtp_line_done(server);
	} else if (!server->line_too_long) {
		/* Answered at once: the client may be waiting for it. */
		server->line_len = 0;
		server->line_after_bare = true;
		smtp_error(server, 500, "5.5.2", "Bare LF in a command");
	}
	return used;
}

/* ---- the engine ---- */

static size_t smtp_feed_some(struct smtp_server *server, const char *octets,
			     size_t len)
{
	switch (server->input) {
	case SMTP_INPUT_COMMAND:
	case SMTP_INPUT_AUTH:
		return smtp_line_feed(server, octets, len);
	case SMTP_INPUT_DATA:
		return smtp_data_feed(server, octets, len);
	case SMTP_INPUT_CHUNK:
		return smtp_chunk_feed(server, octets, len);
	case SMTP_INPUT_TLS:
		break;
	case SMTP_INPUT_CLOSED:
		server->has_quit = false;
		break;
	}
	return len;
}

enum smtp_next smtp_server_feed(struct smtp_server *server, const char *octets,
				size_t len)
{
	while (len > 0) {
		size_t used = smtp_feed_some(server, octets, len);

		octets += used;
		len -= used;
	}
	if (server->input == SMTP_INPUT_CLOSED) {
		smtp_reset(server);
		return SMTP_NEXT_CLOSE;
	}
	return server->input == SMTP_INPUT_TLS ? SMTP_NEXT_STARTTLS
					       : SMTP_NEXT_READ;
}
