/*
 * Messages as bytes in files: what the stdin door does to them, mbox, dates.
 * Pure.
 */
#ifndef OKAPI_ADMIN_EML_H
#define OKAPI_ADMIN_EML_H

#include "base.h"

/* As the stdin door takes a message: every LF without CR becomes CRLF, a
 * missing last line end is added, nothing else changes; owned. */
GBytes *eml_to_crlf(const char *data, size_t len);
/* As files on Unix have it: CRLF becomes LF; owned. */
GByteArray *eml_to_lf(const char *data, size_t len);

/* A whole file with one message: an mbox "From " line before it is dropped,
 * then eml_to_crlf(); owned. */
GBytes *eml_of_file(GBytes *file);

/* Does the data begin like an mbox, with a "From " line? */
bool eml_is_mbox(const char *data, size_t len);

/* One message of an mbox. */
struct eml_mbox_message {
	const char *data; /* below its From_ line; borrowed from the file */
	size_t len;       /* without the blank line before the next one */
	char *sender;     /* of the From_ line, "" for MAILER-DAEMON; owned */
	int64_t received; /* 0 if the line has no date that is understood */
};
/* Takes the message at *offset and moves *offset behind it; false at the
 * end. */
bool eml_mbox_next(const char *file, size_t len, size_t *offset,
		   struct eml_mbox_message *ret_message);

/* mboxrd: puts a '>' before each line that is "From " after any number of
 * '>', and a line end at the end; takes LF.  Appends to out. */
void eml_mbox_quote(const char *data, size_t len, GByteArray *out);
/* The way back; owned. */
GByteArray *eml_mbox_unquote(const char *data, size_t len);

/* "Mon Nov 23 06:03:11 2026", UTC, as From_ lines have it; owned. */
char *eml_from_date(int64_t usec);
/* The date of a From_ line or of RFC 5322 3.3; 0 if it is none. */
int64_t eml_parse_date(const char *text);

/* Where the header block ends (behind its last line, before the blank one). */
size_t eml_header_len(const char *data, size_t len);
/* The first value of a header field, unfolded; NULL if there is none; owned. */
char *eml_header(const char *data, size_t len, const char *name);
/* The message without the fields of that name; owned. */
GBytes *eml_without_headers(GBytes *message, const char *const *names);

#endif
