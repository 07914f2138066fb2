/*
 * Octets to UTF-8: what has no charset, header text, encoded words (RFC 2047).
 * Private to shared/convert.
 */
#ifndef OKAPI_CONVERT_TEXT_H
#define OKAPI_CONVERT_TEXT_H

#include "charset.h"
#include "context.h"

/* undeclared.c */

/* The charset of octets of which none is known: ISO-2022-JP by its escapes,
 * us-ascii or UTF-8 if they are, else the default charset, else windows-1252.
 * Borrowed from the options, or static. */
const char *charset_guess(const struct convert_context *context,
			  const void *data, size_t len);
/* Their text.  Owned, never NULL. */
char *charset_decode_undeclared(const struct convert_context *context,
				const void *data, size_t len);

/* words.c */

/* A field value without its folding, as UTF-8, ends stripped, encoded words
 * as they are.  Owned. */
char *text_unfold(struct convert_context *context, struct span value);
/* The same with encoded words decoded. */
char *text_decode(struct convert_context *context, struct span value);
/* Decodes the encoded words of UTF-8 text.  Owned. */
char *words_decode(const struct convert_context *context, const char *text);
/* Makes text presentable as one line: control characters become blanks. */
void text_flatten(char *text);
#define TEXT_MARK "\xef\xbb\xbf" /* U+FEFF */

/* Without byte order marks at its beginning; text is moved.  Owned. */
char *text_without_mark(char *text);
/* With lines that end in CRLF, as MAPI has them.  Owned. */
char *text_crlf(const char *text);
/* The same; text is moved, and comes back as it is where it needs nothing. */
char *text_crlf_take(char *text);

#endif
