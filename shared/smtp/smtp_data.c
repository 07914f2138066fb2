/*
 * DATA, BDAT and XDELIVER: the octets of a message and the answer at its end.
 *
 * The end of data is CRLF.CRLF and nothing else; a dot is taken off only
 * behind CRLF; every other octet, NUL, bare CR and bare LF included, belongs to
 * the message.  What a client claims (SIZE, the length of a chunk) is counted,
 * never allocated.
 */
#include "smtp_private.h"

#include <string.h>

/* Octets of the message.  After the first failure the rest is thrown away. */
static void smtp_message_octets(struct smtp_server *server, const char *octets,
				size_t len)
{
	/* What is behind the arguments of XDELIVER, its handler counts. */
	int64_t limit = server->delivers ? 0 : server->options->size_limit;

	if (len == 0 || server->failed.kind != FAULT_NONE)
		return;
	server->received += (int64_t)len;
	if (limit > 0 && server->received > limit)
		fault_set(&server->failed, FAULT_TOO_BIG,
			  "The message is larger than %" G_GINT64_FORMAT
			  " octets",
			  limit);
	else if (server->handler->data(server->context, octets, len,
				       &server->failed) < 0)
		smtp_fault_default(&server->failed);
}

static void smtp_message_answer(struct smtp_server *server,
				const struct fault *reply)
{
	bool lmtp = server->options->protocol == SMTP_PROTOCOL_LMTP;

	if (reply->kind != FAULT_NONE)
		smtp_reply_fault(server, reply);
	else
		smtp_reply(server, 250, lmtp ? "2.1.5" : "2.0.0", "%s",
			   *reply->text ? reply->text : "OK");
}

/* The message is complete: a reply for each accepted recipient (RFC 2033
 * 4.2), or one. */
static void smtp_message_end(struct smtp_server *server)
{
	size_t count = server->options->protocol == SMTP_PROTOCOL_LMTP
			       ? server->rcpt_accepted
			       : 1;
	g_autofree struct fault *replies = g_new0(struct fault, count);

	server->input = SMTP_INPUT_COMMAND;
	for (size_t i = 0; i < count; i++) {
		if (server->failed.kind != FAULT_NONE)
			replies[i] = server->failed;
		else
			smtp_fault_default(&replies[i]);
	}
	if (server->failed.kind == FAULT_NONE)
		server->handler->finish(server->context, replies, count);
	for (size_t i = 0; i < count; i++)
		smtp_message_answer(server, &replies[i]);
	smtp_reset(server);
}

static int smtp_message_begin(struct smtp_server *server, struct fault *fault)
{
	server->received = 0;
	fault_clear(&server->failed);
	if (!server->handler->data_begin ||
	    server->handler->data_begin(server->context, fault) == 0)
		return 0;
	smtp_fault_default(fault);
	return -1;
}

static bool smtp_has_recipient(const struct smtp_server *server)
{
	return server->delivers || server->rcpt_accepted > 0 ||
	       (server->rcpt_optional && server->rcpt_tried == 0);
}

/* ---- DATA ---- */

static const char *smtp_data_check(const struct smtp_server *server)
{
	if (!smtp_has_recipient(server))
		return "No valid recipients";
	if (server->body_binary)
		return "BODY=BINARYMIME needs BDAT";
	return NULL;
}

void smtp_cmd_data(struct smtp_server *server, char *args G_GNUC_UNUSED)
{
	struct fault fault = {0};
	const char *wrong = smtp_data_check(server);

	if (wrong) {
		smtp_reply_sequence(server, wrong);
	} else if (smtp_message_begin(server, &fault) < 0) {
		smtp_reply_fault(server, &fault);
		smtp_reset(server);
	} else {
		smtp_reply(server, 354, NULL, "End with CRLF.CRLF");
		server->dot = SMTP_DOT_LINE;
		server->input = SMTP_INPUT_DATA;
	}
}

/* From what is no dot at the start of a line to the next one in [p, end), or to
 * the end.  Dots are rarer than lines where much comes: base64 has none. */
static const char *smtp_data_skip_text(struct smtp_server *server,
				       const char *p, const char *end)
{
	const char *at = p;

	while ((at = memchr(at, '.', (size_t)(end - at)))) {
		if (at - p >= 2 && at[-2] == '\r' && at[-1] == '\n') {
			server->dot = SMTP_DOT_LINE;
			return at;
		}
		at++;
	}
	if (end[-1] == '\r')
		server->dot = SMTP_DOT_CR;
	else if (end - p >= 2 && end[-2] == '\r' && end[-1] == '\n')
		server->dot = SMTP_DOT_LINE;
	else
		server->dot = SMTP_DOT_TEXT;
	return end;
}

size_t smtp_data_feed(struct smtp_server *server, const char *octets,
		      size_t len)
{
	const char *p = octets;
	const char *end = octets + len;
	const char *run = p; /* [run, p) is not yet handed over */

	while (p < end) {
		switch (server->dot) {
		case SMTP_DOT_LINE:
			if (*p != '.') {
				p = smtp_data_skip_text(server, p, end);
				continue;
			}
			smtp_message_octets(server, run, (size_t)(p - run));
			run = ++p;
			server->dot = SMTP_DOT_DOT;
			continue;
		case SMTP_DOT_DOT:
			if (*p == '\r') {
				run = ++p;
				server->dot = SMTP_DOT_DOT_CR;
				continue;
			}
			break;
		case SMTP_DOT_DOT_CR:
			if (*p == '\n') {
				smtp_message_end(server);
				return (size_t)(p + 1 - octets);
			}
			smtp_message_octets(server, "\r", 1);
			break;
		case SMTP_DOT_CR:
			if (*p == '\n') {
				p++;
				server->dot = SMTP_DOT_LINE;
				continue;
			}
			break;
		case SMTP_DOT_TEXT:
			break;
		}
		p = smtp_data_skip_text(server, p, end);
	}
	smtp_message_octets(server, run, (size_t)(p - run));
	return len;
}

/* ---- BDAT (RFC 3030) ---- */

static int smtp_chunk_parse(char *args, int64_t *ret_size, bool *ret_last,
			    struct fault *fault)
{
	char *last = strchr(args, ' ');
	int64_t size = 0;

	if (last) {
		*last++ = '\0';
		last = g_strstrip(last);
	}
	if ((last && g_ascii_strcasecmp(last, "LAST") != 0) ||
	    !smtp_parse_number(args, &size))
		return fault_set(fault, FAULT_BAD_ARGUMENT,
				 "Syntax: BDAT length [LAST]");
	if (size == INT64_MAX)
		return fault_set(fault, FAULT_BAD_ARGUMENT,
				 "The length is too large");
	*ret_size = size;
	*ret_last = last != NULL;
	return 0;
}

/* The one reply to a message of XDELIVER; one that has failed is not waited
 * for. */
static void smtp_deliver_end(struct smtp_server *server)
{
	struct fault verdict = server->failed;
	int code = server->handler->delivered(server->context, &verdict);
	const char *status =
		verdict.kind == FAULT_NONE ? "2.1.5" : fault_status(&verdict);

	smtp_reply(server, fault_reply(&verdict), status, "exit=%d %s", code,
		   verdict.text);
	smtp_reset(server);
}

static void smtp_chunk_end(struct smtp_server *server)
{
	bool has_failed = server->failed.kind != FAULT_NONE;

	server->input = SMTP_INPUT_COMMAND;
	if (server->chunk_refused)
		smtp_reply_sequence(server, server->state == SMTP_STATE_MAIL
						    ? "No valid recipients"
						    : "MAIL first");
	else if (server->delivers && (server->chunk_last || has_failed))
		smtp_deliver_end(server);
	else if (server->chunk_last)
		smtp_message_end(server);
	else if (has_failed)
		smtp_reply_fault(server, &server->failed);
	else
		smtp_reply(server, 250, "2.0.0",
			   "%" G_GINT64_FORMAT " octets received",
			   server->chunk_size);
}

void smtp_cmd_bdat(struct smtp_server *server, char *args)
{
	struct fault fault = {0};
	int64_t size = 0;
	bool last = false;

	/* How many octets follow is not known: none may be taken for commands
	 * (RFC 3030 2). */
	if (smtp_chunk_parse(args, &size, &last, &fault) < 0) {
		smtp_error_fault(server, &fault);
		server->input = SMTP_INPUT_CLOSED;
		return;
	}
	server->chunk_size = size;
	server->chunk_left = size;
	server->chunk_last = last;
	server->chunk_refused =
		server->state != SMTP_STATE_BDAT && !smtp_has_recipient(server);
	if (!server->chunk_refused && server->state != SMTP_STATE_BDAT) {
		server->state = SMTP_STATE_BDAT;
		if (smtp_message_begin(server, &fault) < 0)
			server->failed = fault;
	}
	server->input = SMTP_INPUT_CHUNK;
	if (size == 0)
		smtp_chunk_end(server);
}

size_t smtp_chunk_feed(struct smtp_server *server, const char *octets,
		       size_t len)
{
	if ((int64_t)len > server->chunk_left)
		len = (size_t)server->chunk_left;
	if (!server->chunk_refused)
		smtp_message_octets(server, octets, len);
	server->chunk_left -= (int64_t)len;
	if (server->chunk_left == 0)
		smtp_chunk_end(server);
	return len;
}

/* ---- XDELIVER (Okapi's own) ---- */

void smtp_cmd_xdeliver(struct smtp_server *server, char *args)
{
	struct fault fault = {0};
	int64_t arguments = 0;

	if (!server->options->allow_deliver || !server->handler->deliver) {
		smtp_error(server, 500, "5.5.2", "Unknown command");
	} else if (!smtp_parse_number(args, &arguments)) {
		smtp_error(server, 501, "5.5.4", "Syntax: XDELIVER length");
	} else if (server->handler->deliver(server->context, arguments,
					    &fault) < 0) {
		smtp_fault_default(&fault);
		smtp_reply_fault(server, &fault);
	} else {
		server->open = true;
		server->delivers = true;
		server->smtputf8 = true; /* of the reply */
		server->state = SMTP_STATE_DELIVER;
		smtp_reply(server, 250, "2.0.0", "OK");
	}
}
