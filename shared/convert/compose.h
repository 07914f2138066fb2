/*
 * Composing a message: header fields and MIME parts as octets.  Private to
 * shared/convert.
 */
#ifndef OKAPI_CONVERT_COMPOSE_H
#define OKAPI_CONVERT_COMPOSE_H

#include "addresses.h"

/* ---- compose_field.c: one field, folded, no way to inject another ---------
 */

/* Unstructured text: as it is if it is ASCII, else encoded words (RFC 2047).
 */
void field_put_text(GByteArray *out, const char *name, const char *value);
/* Ids and the like: never encoded, folded at blanks. */
void field_put_raw(GByteArray *out, const char *name, const char *value);
/* GPtrArray of struct mailbox; those without an address are left out unless
 * nothing else is there. */
void field_put_addresses(GByteArray *out, const char *name,
			 const GPtrArray *mailboxes);
void field_put_date(GByteArray *out, const char *name, int64_t usec);
/* Content-Type or Content-Disposition with a name in both its forms, RFC 2231
 * and RFC 2047; param or file may be NULL. */
void field_put_params(GByteArray *out, const char *name, const char *value,
		      const char *param, const char *param_value,
		      const char *file_param, const char *file);

/* ---- compose_header.c: every field of a message but those of MIME ---------
 */

void compose_header(const struct propset *set, bool embedded, GByteArray *out);

/* ---- compose_body.c: the tree of parts, with its MIME fields --------------
 */

void compose_body(const struct propset *set, unsigned depth, GByteArray *out);

/* compose.c: a whole message; depth counts embedded ones. */
#define COMPOSE_DEPTH_MAX 32
void compose_message(const struct propset *set, unsigned depth,
		     GByteArray *out);

/* charset.c: UTF-8 text in the charset of a code page, if all of it fits;
 * NULL otherwise.  ret_name: its MIME name, static. */
GBytes *charset_encode(int codepage, const char *text, const char **ret_name);

#endif
