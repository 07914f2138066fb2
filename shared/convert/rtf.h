/*
 * Compressed RTF as what it says.  Private to shared/convert.
 */
#ifndef OKAPI_CONVERT_RTF_H
#define OKAPI_CONVERT_RTF_H

#include "context.h"

/*
 * PR_RTF_COMPRESSED (MS-OXRTFCP) as plain text, lines ended by LF, or, if it
 * was HTML once, as that HTML (MS-OXRTFEX 2.2.3.2); UTF-8.  Owned; NULL if it
 * is no compressed RTF.  Linear in what it is decompressed to, of which at most
 * 16 MB are read.
 */
char *rtf_text(const struct convert_context *context, struct span compressed,
	       bool *ret_is_html);

/* rtf_unpack.c: PR_RTF_COMPRESSED as RTF.  Owned, NULL if it is none. */
GString *rtf_unpack(struct span compressed);

#endif
