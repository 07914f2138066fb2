/*
 * Octets to UTF-8: charsets, header text, encoded words (RFC 2047).  Private
 * to shared/convert.
 */
#ifndef OKAPI_CONVERT_TEXT_H
#define OKAPI_CONVERT_TEXT_H

#include "context.h"

/* charset.c */

/* Decodes bytes of a charset by its MIME name or one of its known misnomers.
 * What cannot be decoded becomes U+FFFD; NULs are dropped.  Owned; NULL if the
 * charset is unknown. */
char *charset_decode(const char *name, const void *data, size_t len);

/* Bytes of which no charset is known: UTF-8 if they are, else the default
 * charset, else windows-1252.  Owned, never NULL. */
char *charset_decode_undeclared(const struct convert_context *context,
				const void *data, size_t len);

/* Windows code page of a charset (MS-OXCMAIL 2.2.3.4): 65001 if it has none.
 */
int charset_codepage(const char *name);
/* The other way: the MIME name of a code page, NULL if it has none. */
const char *charset_name_of(int codepage);
/* Is it us-ascii, or nothing at all: may stand for any 8-bit text? */
bool charset_is_ascii(const char *name);
/* Has it the escape sequences of ISO-2022-JP (RFC 1468), which nothing else
 * has? */
bool charset_is_japanese(const char *data, size_t len);
/* Opens the common converters, so that the sandboxed helper has them. */
void charset_preload(void);

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
/* With lines that end in CRLF, as MAPI has them.  Owned. */
char *text_crlf(const char *text);

#endif
