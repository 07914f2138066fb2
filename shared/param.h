/*
 * Parameters of MIME header fields: "; charset=utf-8; filename*0*=..." (RFC
 * 2045 5.1, RFC 2231), and what is written in their place.  For conversion
 * and for rules.
 */
#ifndef OKAPI_PARAM_H
#define OKAPI_PARAM_H

#include "base.h"

struct param {
	char *text;       /* UTF-8 */
	bool is_extended; /* by RFC 2231: what it says is no encoded word */
};

/* Octets of a charset ("": none was named) as UTF-8.  Owned, never NULL. */
typedef char *param_decode_fn(void *context, const char *charset,
			      const char *octets, size_t len);

/*
 * Reads parameters from text (unfolded, UTF-8), which is what follows a type:
 * by their names in lower case (char *), struct param, both owned by the
 * tree.  Sections of one value (RFC 2231 3) are joined by their numbers,
 * whatever their order, and decoded together, for senders split characters
 * between them; of two with one number or name the first counts, and of
 * "name*=", "name*0=" and "name=" the one named first here.
 *
 * Forgiven are: no semicolon, a value with blanks and no quotes, a quote that
 * never closes, a backslash that quotes nothing.  Linear time but for the
 * sorting of sections.
 */
GTree *param_parse(const char *text, param_decode_fn *decode, void *context);

#endif
