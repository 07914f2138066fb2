/*
 * Writing trace headers.
 */
#include "trace.h"
#include "field.h"
#include "net.h"

#define TRACE_PRODUCT "Okapi " OKAPI_VERSION

/* Nothing a client says may end a line or a bracket. */
static void trace_add(GString *out, const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text >= 0x20 && *text != 0x7f &&
		    *text != '<' && *text != '>')
			g_string_append_c(out, *text);
}

static void trace_add_received(GString *out, const struct trace *trace)
{
	g_autofree char *address = NULL;
	g_autofree char *date = NULL;

	if (!trace->helo)
		return;
	address = net_literal(trace->peer);
	date = field_date_utc(trace->time);
	g_string_append(out, "Received: from ");
	trace_add(out, trace->helo);
	g_string_append(out, " (");
	g_string_append(out, address);
	g_string_append(out, ")\r\n\tby ");
	g_string_append(out, trace->hostname);
	/* RFC 3848, RFC 6531 4.3 */
	g_string_append_printf(out, " (" TRACE_PRODUCT ") with %sLMTP%s id ",
			       trace->is_utf8 ? "UTF8" : "",
			       trace->is_tls ? "S" : "");
	g_string_append(out, trace->id);
	g_string_append(out, "\r\n\tfor <");
	trace_add(out, trace->recipient);
	g_string_append(out, ">; ");
	g_string_append(out, date);
	g_string_append(out, "\r\n");
}

char *trace_format_received(const struct trace *trace)
{
	GString *out = g_string_sized_new(256);

	trace_add_received(out, trace);
	return g_string_free(out, FALSE);
}

char *trace_format(const struct trace *trace)
{
	GString *out = g_string_sized_new(384);

	g_string_append(out, "Return-Path: <");
	trace_add(out, trace->reverse_path);
	g_string_append(out, ">\r\nDelivered-To: ");
	trace_add(out, trace->recipient);
	g_string_append(out, "\r\n");
	trace_add_received(out, trace);
	return g_string_free(out, FALSE);
}
