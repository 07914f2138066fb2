/*
 * Octets read as UTF-8, in a way that was chosen for them, a piece after the
 * other.  Private to charset*.c.
 */
#ifndef OKAPI_CHARSET_READ_H
#define OKAPI_CHARSET_READ_H

#include "charset_mend.h"

struct charset_reading {
	const char *codec;  /* "utf-8", or what iconv(3) calls it */
	charset_mend *mend; /* what is done before; NULL: nothing */
};

enum charset_how {
	CHARSET_STRICT = 1 << 0, /* nothing is replaced or dropped */
	CHARSET_SPEND = 1 << 1,  /* nobody reads the octets again */
};

/* Is the codec one that iconv(3) knows? */
bool charset_codec_is_known(const char *codec);

/* The text.  What cannot be read becomes U+FFFD, NULs are dropped; ret_clean:
 * there was none of both.  Large octets that are spent leave memory meanwhile.
 * Owned; NULL if the codec is unknown or, if strict, it is not clean: then
 * nothing was spent. */
char *charset_read(const struct charset_reading *reading, const void *data,
		   size_t len, unsigned how, bool *ret_clean);
/* Would it be clean?  Looks no further than what is not. */
bool charset_reads(const struct charset_reading *reading, const void *data,
		   size_t len);
/* Would it be that text, cleanly? */
bool charset_reads_as(const struct charset_reading *reading, const void *data,
		      size_t len, const char *text);
/* Do two codecs say the same of them, cleanly both? */
bool charset_reads_alike(const struct charset_reading *a,
			 const struct charset_reading *b, const void *data,
			 size_t len);

#endif
