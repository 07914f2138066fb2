/*
 * The table of charsets.  Private to charset*.c.
 */
#ifndef OKAPI_CHARSET_NAMES_H
#define OKAPI_CHARSET_NAMES_H

#include "charset.h"

#define CHARSET_CODEC_GB  "GB18030"
#define CHARSET_CODEC_JP  "ISO-2022-JP-2"
#define CHARSET_CODEC_EUC "EUC-JP"
#define CHARSET_CODEC_HZ  "HZ" /* RFC 1843; iconv(3) has none */
#define CHARSET_CODEC_MAX 64

struct charset {
	const char *name;  /* in mail */
	const char *iconv; /* what iconv(3) reads it by; NULL: the same */
	int codepage;      /* of Windows */
};

/* By its name, or one of its known misnomers; NULL: none. */
const struct charset *charset_find(const char *name);

static inline bool charset_is_utf16(int codepage)
{
	return codepage == CODEPAGE_UTF16 || codepage == CODEPAGE_UTF16_BE;
}

/* What iconv(3) calls a code page that the table has, without what we read into
 * charsets of its name. */
void charset_codec_of(int codepage, char codec[CHARSET_CODEC_MAX]);

#endif
