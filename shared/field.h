/*
 * Values of header fields as they are written: dates, message ids, encoded
 * words, other people's text without what could break a line.
 */
#ifndef OKAPI_FIELD_H
#define OKAPI_FIELD_H

#include "base.h"

/* "Mon, 23 Nov 2026 10:00:00 +0000" (RFC 5322 3.3), in UTC or in the zone of
 * this machine; time in microseconds since 1970; owned. */
char *field_date_utc(int64_t time);
char *field_date_local(int64_t time);

/* A Message-ID without its brackets (RFC 5322 3.6.4); owned. */
char *field_message_id(int64_t now, const char *hostname);

/* Is it printable ASCII alone? */
bool field_is_plain(const char *text);

/* UTF-8 text as encoded words (RFC 2047), folded; what is plain, as it is;
 * owned. */
char *field_encoded_words(const char *text);

/* Appends "phrase <address>" to what is there of a field.  The address stands
 * on a line of its own where one with encoded words would have more than 76
 * octets (RFC 2047 2). */
void field_append_mailbox(GString *out, const char *phrase,
			  const char *address);

/* Appends text as a quoted string (RFC 5322 3.2.4; RFC 5228 2.4.2 has the
 * same form). */
void field_append_quoted(GString *out, const char *text);

/* The quote that closes the one at *at, or NULL; borrowed. */
const char *field_quoted_end(const char *at);

/* An address as a report tells it to programs (RFC 3464 2.3.1): "rfc822;a@b",
 * or as RFC 6533 3 writes what is not ASCII where 8 bits may not be:
 * "utf-8;j\x{FC}rgen@b"; owned. */
char *field_report_address(const char *address);

/* Text as one line of valid UTF-8 without control characters and double
 * blanks, cut at max octets; owned. */
char *field_clean(const char *text, size_t max);

#endif
