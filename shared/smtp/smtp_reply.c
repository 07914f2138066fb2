/*
 * Replies: one place that writes lines, counts errors and sees that text from
 * elsewhere cannot break a reply.
 */
#include "smtp_private.h"

#include <stdio.h>
#include <string.h>

/* Text is ASCII unless the client said SMTPUTF8 (RFC 6531 3.7.4), and never
 * has control characters. */
static void smtp_clean(char *text, bool utf8)
{
	bool valid = utf8 && g_utf8_validate(text, -1, NULL);

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < 0x20 || c == 0x7f || (c >= 0x80 && !valid))
			*text = '?';
	}
}

static void smtp_put(struct smtp_server *server, int code, const char *status,
		     const char *text)
{
	GString *out = server->output;
	const char digits[] = {(char)('0' + code / 100 % 10),
			       (char)('0' + code / 10 % 10),
			       (char)('0' + code % 10), ' '};
	gsize at;

	g_string_append_len(out, digits, sizeof(digits));
	if (status) {
		g_string_append(out, status);
		g_string_append_c(out, ' ');
	}
	at = out->len;
	g_string_append_len(out, text,
			    (gssize)strnlen(text, FAULT_TEXT_MAX - 1));
	smtp_clean(out->str + at, server->smtputf8);
	g_string_append(out, "\r\n");
}

static void smtp_put_args(struct smtp_server *server, int code,
			  const char *status, const char *format, va_list args)
{
	char text[FAULT_TEXT_MAX];

	(void)vsnprintf(text, sizeof(text), format, args);
	smtp_put(server, code, status, text);
}

void smtp_reply(struct smtp_server *server, int code, const char *status,
		const char *format, ...)
{
	va_list args;

	va_start(args, format);
	smtp_put_args(server, code, status, format, args);
	va_end(args);
}

static void smtp_count_error(struct smtp_server *server)
{
	if (++server->errors < SMTP_ERRORS_MAX)
		return;
	smtp_put(server, 421, "4.7.0", "Too many errors");
	server->input = SMTP_INPUT_CLOSED;
}

void smtp_error(struct smtp_server *server, int code, const char *status,
		const char *format, ...)
{
	va_list args;

	va_start(args, format);
	smtp_put_args(server, code, status, format, args);
	va_end(args);
	smtp_count_error(server);
}

void smtp_error_fault(struct smtp_server *server, const struct fault *fault)
{
	smtp_put(server, fault_reply(fault), fault_status(fault), fault->text);
	smtp_count_error(server);
}

void smtp_fault_default(struct fault *fault)
{
	if (fault->kind == FAULT_NONE)
		fault_set(fault, FAULT_INTERNAL, "Internal error");
}

void smtp_reply_fault(struct smtp_server *server, const struct fault *fault)
{
	int code = fault_reply(fault);

	smtp_put(server, code, fault_status(fault), fault->text);
	if (code == 421)
		server->input = SMTP_INPUT_CLOSED;
}

void smtp_reply_sequence(struct smtp_server *server, const char *text)
{
	smtp_put(server, 503, "5.5.1", text);
	if (!server->excused)
		smtp_count_error(server);
}
