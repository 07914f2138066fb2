/*
 * Trace headers: the lines Okapi puts on top of each copy (RFC 5321 4.4).
 */
#ifndef OKAPI_DAGENT_TRACE_H
#define OKAPI_DAGENT_TRACE_H

#include "base.h"

struct trace {
	const char *reverse_path;
	const char *recipient; /* as the MTA named it */
	/* Over LMTP; helo NULL: no Received line. */
	const char *helo;
	const char *peer;
	const char *hostname;
	bool is_tls;
	bool is_utf8; /* SMTPUTF8 */
	const char *id;
	int64_t time;
};

/* Return-Path, Delivered-To and, over LMTP, Received; CRLF line ends; what
 * could break a line is left out of values.  Owned. */
char *trace_format(const struct trace *trace);

/* The Received line alone, "" without helo; owned. */
char *trace_format_received(const struct trace *trace);

#endif
