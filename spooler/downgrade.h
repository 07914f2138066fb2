/*
 * A message for a relay host without 8BITMIME (RFC 6152 3): parts with 8-bit
 * text become quoted-printable.  Pure; decoded, every part says what it said.
 *
 * The header is left as it is, as Postfix leaves it: no encoding of a field
 * that is not understood could be undone.
 */
#ifndef OKAPI_DOWNGRADE_H
#define OKAPI_DOWNGRADE_H

#include "base.h"

#define DOWNGRADE_DEPTH_MAX 64

/* Appends the message to out.  False where it cannot be done without harm: a
 * signature would break, or a part has 8-bit octets in a form that allows
 * none; out is of no use then. */
NODISCARD bool downgrade_message(const void *octets, size_t len,
				 GByteArray *out);

#endif
