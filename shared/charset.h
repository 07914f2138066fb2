/*
 * Charsets by their names in mail and by their Windows code pages (MS-UCODEREF
 * 2.2.1): octets to UTF-8 and back.
 */
#ifndef OKAPI_CHARSET_H
#define OKAPI_CHARSET_H

#include "base.h"

enum {
	CODEPAGE_UTF16 = 1200,
	CODEPAGE_UTF16_BE = 1201,
	CODEPAGE_ASCII = 20127,
	CODEPAGE_LATIN1 = 28591,
	CODEPAGE_UTF7 = 65000,
	CODEPAGE_UTF8 = 65001,
};

/* Decodes bytes of a charset by its MIME name or one of its known misnomers.
 * What cannot be decoded becomes U+FFFD; NULs are dropped.  Owned; NULL if the
 * charset is unknown. */
char *charset_decode(const char *name, const void *data, size_t len);
/* The same of octets that nobody reads again, and that are not the message's:
 * large ones leave memory while they are read. */
char *charset_decode_spent(const char *name, void *data, size_t len);
/* The same by code page; ret_clean: nothing was replaced or dropped.  Owned;
 * NULL if the code page is unknown. */
char *charset_decode_codepage(int codepage, const void *data, size_t len,
			      bool *ret_clean);

/* Is it one that can be decoded? */
bool charset_is_known(const char *name);
/* Can these octets be, without anything replaced or dropped? */
bool charset_is_clean(const char *name, const void *data, size_t len);
/* Windows code page of a charset: 65001 if it has none. */
int charset_codepage(const char *name);
/* The other way: the MIME name of a code page, NULL if it has none that mail
 * may have (UTF-16 is none). */
const char *charset_name_of(int codepage);
/* The code page by which any reader takes the octets for the text that they
 * were decoded to by name: that of the charset, or of the wider one that mail
 * of that name is read by (octets of windows-1252 in iso-8859-1).  65001 if
 * there is none, so that they have to become UTF-8; also for UTF-7, in which
 * HTML hides from who filters it, and UTF-16 (MS-OXCMAIL 2.1.3.3.1).  text:
 * what they were decoded to, or NULL where that is yet to be done. */
int charset_exact_codepage(const char *name, const void *data, size_t len,
			   const char *text);

/* UTF-8 text in the charset of a code page, if all of it fits and comes back;
 * NULL otherwise, and for UTF-7 and UTF-16.  ret_name: its MIME name, static.
 */
GBytes *charset_encode(int codepage, const char *text, const char **ret_name);

/* Is it us-ascii, or nothing at all: may stand for any 8-bit text? */
bool charset_is_ascii(const char *name);
/* Has it the escape sequences of ISO-2022-JP (RFC 1468), which nothing else
 * has? */
bool charset_is_japanese(const char *data, size_t len);
/* Are all octets below 0x80? */
bool charset_is_seven_bit(const char *data, size_t len);

#endif
