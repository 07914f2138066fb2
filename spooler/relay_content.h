/*
 * The content of a message as SMTP carries it, in pieces, so that sending takes
 * a piece of memory and not a message.  Pure.
 *
 * A bare LF ends a line, a stray CR becomes a blank (so that no server can see
 * an end of data where there is none), the last line ends (RFC 5321 2.3.8).
 */
#ifndef OKAPI_RELAY_CONTENT_H
#define OKAPI_RELAY_CONTENT_H

#include "base.h"

#define RELAY_PIECE 65536

struct relay_content {
	const uint8_t *at; /* borrowed until the last piece */
	const uint8_t *end;
	bool for_data; /* for DATA: dots are stuffed, a lone one ends it (RFC
			  5321 4.5.2); otherwise for BDAT (RFC 3030 2) */
	bool in_line;
	bool is_over;
};

void relay_content_init(struct relay_content *content, const void *octets,
			size_t len, bool for_data);
/* Appends the next piece, some RELAY_PIECE octets; false: there was none. */
bool relay_content_next(struct relay_content *content, GByteArray *out);

/* How many octets BDAT has to announce; counts ends of lines only. */
size_t relay_content_size(const void *octets, size_t len);

#endif
