/*
 * A message and its envelope as LMTP (PIPELINING, CHUNKING), and its replies
 * told apart in the order of the commands.
 */
#include "handover.h"

#include "outcome.h"
#include "smtp/smtp_server.h"

#include <stdlib.h>
#include <string.h>

/* A recipient whose name cannot travel is none that the store could know. */
static void handover_add_rcpt(GString *out, const char *recipient,
			      const char *orcpt, struct fault *ret_fault)
{
	if (!smtp_path_check(recipient, true, false)) {
		(void)fault_set(ret_fault, FAULT_NO_RECIPIENT,
				"<%s>: no such recipient", recipient);
		return;
	}
	g_string_append_printf(out, "RCPT TO:<%s>%s\r\n", recipient, orcpt);
	fault_clear(ret_fault);
}

static bool handover_is_ascii(const struct handover *handover)
{
	bool is_ascii = g_str_is_ascii(handover->sender);

	for (size_t i = 0; handover->recipients[i]; i++)
		is_ascii = is_ascii && g_str_is_ascii(handover->recipients[i]);
	return is_ascii;
}

/* The parameter with the blank before it, or ""; owned. */
static char *handover_orcpt(const struct handover *handover)
{
	g_autofree char *xtext = handover->original
					 ? smtp_xtext_encode(handover->original)
					 : NULL;

	return xtext ? g_strconcat(" ORCPT=rfc822;", xtext, NULL)
		     : g_strdup("");
}

char *handover_format(const struct handover *handover, struct fault *ret_faults)
{
	GString *out = g_string_new("LHLO localhost\r\n");
	struct wishes wishes;
	const char *sender = handover->sender;
	g_autofree char *options = NULL;
	g_autofree char *xtext = NULL;
	g_autofree char *orcpt = handover_orcpt(handover);

	wishes_copy(handover->wishes, &wishes);
	wishes.from_stdin = true;
	if (*sender && !smtp_path_check(sender, true, false)) {
		g_free(wishes.sender);
		wishes.sender = g_strdup(sender);
		sender = "";
	}
	options = wishes_format(&wishes);
	xtext = smtp_xtext_encode(options);
	wishes_clear(&wishes);
	g_string_append_printf(
		out, "MAIL FROM:<%s> SIZE=%zu BODY=BINARYMIME%s X-OKAPI=%s\r\n",
		sender, g_bytes_get_size(handover->message),
		handover_is_ascii(handover) ? "" : " SMTPUTF8", xtext);
	for (size_t i = 0; handover->recipients[i]; i++)
		handover_add_rcpt(out, handover->recipients[i], orcpt,
				  &ret_faults[i]);
	g_string_append_printf(out, "BDAT %zu LAST\r\n",
			       g_bytes_get_size(handover->message));
	return g_string_free(out, FALSE);
}

/* One reply, lines joined by blanks; NULL at the end.  *text moves on. */
static char *handover_next_reply(const char **text, int *ret_code)
{
	GString *joined = g_string_new(NULL);

	for (;;) {
		const char *end = strstr(*text, "\r\n");
		const char *line = *text;
		bool more;

		if (!end || end - line < 3 || !g_ascii_isdigit(line[0])) {
			g_string_free(joined, TRUE);
			return NULL;
		}
		more = line[3] == '-';
		*ret_code = atoi(line);
		if (joined->len)
			g_string_append_c(joined, ' ');
		if (end - line > 4)
			g_string_append_len(joined, line + 4, end - line - 4);
		*text = end + 2;
		if (!more)
			return g_string_free(joined, FALSE);
	}
}

/* The next reply as a fault, with whether there was one. */
static bool handover_next(const char **text, struct fault *ret_fault)
{
	int code = 0;
	g_autofree char *reply = handover_next_reply(text, &code);

	if (!reply) {
		(void)fault_set(ret_fault, FAULT_NETWORK,
				"the daemon broke off before it answered");
		return false;
	}
	if (code == 354 || code / 100 == 2)
		fault_clear(ret_fault);
	else
		outcome_from_reply(code, reply, ret_fault);
	return true;
}

void handover_judge(const char *replies, size_t count, struct fault *ret_faults)
{
	g_autofree bool *is_accepted = g_new0(bool, count);
	struct fault fault = {0};

	/* Greeting, LHLO, MAIL: what refuses these refuses all.  But for its
	 * size, that is not the mail's fault. */
	for (int i = 0; i < 3; i++)
		if (!handover_next(&replies, &fault) ||
		    fault.kind != FAULT_NONE) {
			if (!fault_is_temporary(&fault) &&
			    fault.kind != FAULT_TOO_BIG)
				fault.kind = FAULT_INTERNAL;
			goto all;
		}
	for (size_t i = 0; i < count; i++) {
		if (ret_faults[i].kind != FAULT_NONE)
			continue;
		if (!handover_next(&replies, &ret_faults[i]))
			(void)fault_set(&ret_faults[i], FAULT_NETWORK,
					"the daemon broke off before it "
					"answered");
		is_accepted[i] = ret_faults[i].kind == FAULT_NONE;
	}
	for (size_t i = 0; i < count; i++)
		if (is_accepted[i])
			(void)handover_next(&replies, &ret_faults[i]);
	return;
all:
	for (size_t i = 0; i < count; i++)
		if (ret_faults[i].kind == FAULT_NONE)
			ret_faults[i] = fault;
}
