/*
 * Composing delivery status notifications; see report.h.
 */
#include "report.h"

#include "charset.h"
#include "field.h"
#include "net.h"

#include <string.h>

#define REPORT_LINE_MAX     900
#define REPORT_ORIGINAL_MAX (1024 * 1024) /* of a message that is returned */

static const struct report_words {
	const char *action;
	const char *subject;
	const char *intro;
	const char *class;
} report_words[] = {
	[REPORT_FAILED] =
		{"failed", "Undeliverable: ",
		 "Your message could not be delivered to these recipients:\r\n",
		 "REPORT.IPM.Note.NDR"},
	[REPORT_DELAYED] =
		{"delayed", "Delayed: ",
		 "Your message has not been delivered yet to these recipients."
		 "\r\nIt is tried again; you need not send it anew.\r\n",
		 "REPORT.IPM.Note.Delayed.DR"},
	[REPORT_RELAYED] =
		{"relayed", "Relayed: ",
		 "Your message went to a host that does not report delivery:"
		 "\r\n",
		 "REPORT.IPM.Note.Relayed.DR"},
	[REPORT_SENT] =
		{"relayed", "Sent after all: ",
		 "Your message, of whose delay you were told, has been sent to:"
		 "\r\n",
		 "REPORT.IPM.Note.Relayed.DR"},
	[REPORT_DELIVERED] = {"delivered", "Delivered: ",
			      "Your message was delivered to:\r\n",
			      "REPORT.IPM.Note.DR"},
};

static void report_put(GByteArray *out, const char *format, ...)
	PRINTF_LIKE(2, 3);

static void report_put(GByteArray *out, const char *format, ...)
{
	va_list args;
	g_autofree char *text = NULL;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	g_byte_array_append(out, (const guint8 *)text, (guint)strlen(text));
}

enum report_action report_action(const struct report *report)
{
	enum report_action worst = REPORT_DELIVERED;

	for (size_t i = 0; i < report->recipient_count; i++)
		worst = MIN(worst, report->recipients[i].action);
	return worst;
}

static void report_put_header(GByteArray *out, const struct report *report,
			      const char *boundary)
{
	const struct report_words *words = &report_words[report_action(report)];
	g_autofree char *date = field_date_local(report->now);
	g_autofree char *id = field_message_id(report->now, report->hostname);
	g_autofree char *about = field_clean(report->subject, 200);
	g_autofree char *subject = g_strconcat(words->subject, about, NULL);
	g_autofree char *encoded = field_encoded_words(g_strchomp(subject));
	g_autofree char *to = field_clean(report->to, REPORT_LINE_MAX);

	report_put(out,
		   "From: \"Mail Delivery System\" <MAILER-DAEMON@%s>\r\n"
		   "To: <%s>\r\n"
		   "Subject: %s\r\n"
		   "Date: %s\r\n"
		   "Message-ID: <%s>\r\n"
		   "Auto-Submitted: auto-replied\r\n"
		   "MIME-Version: 1.0\r\n"
		   "Content-Type: multipart/report; "
		   "report-type=delivery-status;\r\n"
		   "\tboundary=\"%s\"\r\n\r\n",
		   report->origin, to, encoded, date, id, boundary);
}

/* A failure that could have gone away, had there been more time. */
static const char *const given_up =
	"It was tried again and again until now, and is no longer.";

/* What people read: one paragraph an action. */
static void report_put_text(GByteArray *out, const struct report *report)
{
	report_put(out,
		   "Content-Type: text/plain; charset=utf-8\r\n"
		   "Content-Transfer-Encoding: 8bit\r\n\r\n"
		   "This is Okapi at %s.\r\n",
		   report->hostname);
	for (int action = REPORT_FAILED; action <= REPORT_DELIVERED; action++) {
		bool is_first = true;

		for (size_t i = 0; i < report->recipient_count; i++) {
			const struct report_recipient *recipient =
				&report->recipients[i];
			g_autofree char *address = field_clean(
				recipient->address, REPORT_LINE_MAX);
			g_autofree char *reply =
				field_clean(recipient->reply, REPORT_LINE_MAX);

			if ((int)recipient->action != action)
				continue;
			if (is_first)
				report_put(out, "\r\n%s",
					   report_words[action].intro);
			is_first = false;
			report_put(out, "\r\n<%s>\r\n", address);
			if (*reply)
				report_put(out, "    %s%s\r\n",
					   recipient->from_relay
						   ? "the relay host said: "
						   : "",
					   reply);
			if (action == REPORT_FAILED &&
			    recipient->status[0] == '4')
				report_put(out, "    %s\r\n", given_up);
		}
	}
	if (report_action(report) == REPORT_DELAYED) {
		g_autofree char *until = field_date_local(report->retry_until);

		report_put(out, "\r\nIt will be tried until %s.\r\n", until);
	}
	report_put(out, "\r\n");
}

/* For a field of a part that is ASCII; owned. */
static char *report_ascii(const char *text)
{
	char *clean = field_clean(text, REPORT_LINE_MAX);
	char *to = clean;

	for (const char *p = clean; *p; p = g_utf8_next_char(p))
		*to++ = *p & 0x80 ? '?' : *p;
	*to = '\0';
	return clean;
}

/* RFC 3464 2.3.1; an address beyond ASCII has the type of one.  Owned. */
static char *report_original(const char *orcpt)
{
	const char *semicolon = strchr(orcpt, ';');

	return semicolon && !g_str_is_ascii(orcpt)
		       ? field_report_address(semicolon + 1)
		       : report_ascii(orcpt);
}

/* "host:port" by its name or as an address literal (RFC 3464 2.3.5); a socket
 * of this machine has neither.  Owned. */
static char *report_remote(const char *relay)
{
	const char *port = strrchr(relay, ':');
	size_t len = port ? (size_t)(port - relay) : strlen(relay);
	g_autofree char *host = NULL;
	g_autofree char *literal = NULL;

	if (g_str_has_prefix(relay, "unix:"))
		return g_strconcat("x-unix;", relay + strlen("unix:"), NULL);
	if (len > 2 && relay[0] == '[' && relay[len - 1] == ']')
		host = g_strndup(relay + 1, len - 2);
	else
		host = g_strndup(relay, len);
	literal = net_literal(host);
	return g_strconcat("dns;", literal, NULL);
}

static void report_put_recipient(GByteArray *out, const struct report *report,
				 const struct report_recipient *recipient)
{
	g_autofree char *address = field_report_address(recipient->address);
	g_autofree char *reply = report_ascii(recipient->reply);
	g_autofree char *date = field_date_local(report->now);

	report_put(out, "\r\n");
	if (recipient->orcpt) {
		g_autofree char *orcpt = report_original(recipient->orcpt);

		report_put(out, "Original-Recipient: %s\r\n", orcpt);
	}
	report_put(out,
		   "Final-Recipient: %s\r\n"
		   "Action: %s\r\n"
		   "Status: %s\r\n",
		   address, report_words[recipient->action].action,
		   recipient->status);
	if (recipient->from_relay && *report->relay) {
		g_autofree char *remote = report_remote(report->relay);

		report_put(out, "Remote-MTA: %s\r\n", remote);
	}
	if (*reply)
		report_put(out, "Diagnostic-Code: %s;%s\r\n",
			   recipient->from_relay ? "smtp" : "X-Okapi", reply);
	report_put(out, "Last-Attempt-Date: %s\r\n", date);
	if (recipient->action == REPORT_DELAYED) {
		g_autofree char *until = field_date_local(report->retry_until);

		report_put(out, "Will-Retry-Until: %s\r\n", until);
	}
}

/* What programs read (RFC 3464 2). */
static void report_put_status(GByteArray *out, const struct report *report)
{
	g_autofree char *arrived = field_date_local(report->arrived);

	report_put(out, "Content-Type: message/delivery-status\r\n\r\n");
	if (report->envid) {
		g_autofree char *envid =
			field_clean(report->envid, REPORT_LINE_MAX);

		report_put(out, "Original-Envelope-Id: %s\r\n", envid);
	}
	report_put(out, "Reporting-MTA: dns;%s\r\nArrival-Date: %s\r\n",
		   report->hostname, arrived);
	for (size_t i = 0; i < report->recipient_count; i++)
		report_put_recipient(out, report, &report->recipients[i]);
	report_put(out, "\r\n");
}

/* The length of the header of the original, without the empty line. */
static size_t report_header_len(const char *octets, size_t len)
{
	size_t at = 0;

	while (at < len) {
		const char *lf = memchr(octets + at, '\n', len - at);
		size_t next = lf ? (size_t)(lf - octets) + 1 : len;
		size_t line = next - at;

		if ((line == 1 && octets[at] == '\n') ||
		    (line == 2 && octets[at] == '\r'))
			return at;
		at = next;
	}
	return len;
}

static void report_put_original(GByteArray *out, const struct report *report)
{
	bool headers_only = report->headers_only ||
			    report->original_len > REPORT_ORIGINAL_MAX ||
			    report_action(report) != REPORT_FAILED;
	size_t len = headers_only ? report_header_len(report->original,
						      report->original_len)
				  : report->original_len;

	report_put(out, "Content-Type: %s\r\n",
		   headers_only ? "text/rfc822-headers" : "message/rfc822");
	if (!charset_is_seven_bit(report->original, len))
		report_put(out, "Content-Transfer-Encoding: 8bit\r\n");
	report_put(out, "\r\n");
	g_byte_array_append(out, report->original, (guint)len);
	if (out->data[out->len - 1] != '\n')
		report_put(out, "\r\n");
}

GByteArray *report_compose(const struct report *report)
{
	GByteArray *out =
		g_byte_array_sized_new((guint)report->original_len + 4096);
	g_autofree char *boundary =
		g_strdup_printf("=_okapi_%08x%08x%08x", g_random_int(),
				g_random_int(), g_random_int());

	report_put_header(out, report, boundary);
	report_put(out, "--%s\r\n", boundary);
	report_put_text(out, report);
	report_put(out, "--%s\r\n", boundary);
	report_put_status(out, report);
	report_put(out, "--%s\r\n", boundary);
	report_put_original(out, report);
	report_put(out, "\r\n--%s--\r\n", boundary);
	return out;
}

void report_set_class(struct propset *set, enum report_action action)
{
	const char *class = propset_text(set, PR_MESSAGE_CLASS);

	if (!class || !g_str_has_prefix(class, "REPORT."))
		propset_set_text(set, PR_MESSAGE_CLASS,
				 report_words[action].class);
}
