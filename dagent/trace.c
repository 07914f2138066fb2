/*
 * Writing trace headers.
 */
#include "trace.h"
#include "field.h"
#include "net.h"

#include <time.h>

/* Nothing a client says may end a line or a bracket. */
static char *trace_clean(const char *text)
{
	GString *out = g_string_new(NULL);

	for (; *text; text++)
		if ((unsigned char)*text >= 0x20 && *text != 0x7f &&
		    *text != '<' && *text != '>')
			g_string_append_c(out, *text);
	return g_string_free(out, FALSE);
}

char *trace_format_received(const struct trace *trace)
{
	g_autofree char *date = NULL;
	g_autofree char *helo = NULL;
	g_autofree char *recipient = NULL;
	g_autofree char *address = NULL;

	if (!trace->helo)
		return g_strdup("");
	address = net_literal(trace->peer);
	date = field_date_utc(trace->time);
	helo = trace_clean(trace->helo);
	recipient = trace_clean(trace->recipient);
	return g_strdup_printf(
		"Received: from %s (%s)\r\n"
		"\tby %s (Okapi " OKAPI_VERSION ") with LMTP%s id %s\r\n"
		"\tfor <%s>; %s\r\n",
		helo, address, trace->hostname, trace->is_tls ? "S" : "",
		trace->id, recipient, date);
}

char *trace_format(const struct trace *trace)
{
	g_autofree char *reverse_path = trace_clean(trace->reverse_path);
	g_autofree char *recipient = trace_clean(trace->recipient);
	g_autofree char *received = trace_format_received(trace);

	return g_strdup_printf("Return-Path: <%s>\r\nDelivered-To: %s\r\n%s",
			       reverse_path, recipient, received);
}
