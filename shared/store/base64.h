/*
 * Base64 (RFC 4648 section 4) of whole groups, as fast as tables make it:
 * every attachment passes here on its way into the store and back.
 *
 * Strict where GLib's own is lenient: what decodes encodes to the same
 * characters again, or it does not decode.
 */
#ifndef OKAPI_STORE_BASE64_H
#define OKAPI_STORE_BASE64_H

#include "base.h"

/* Characters that len octets become, padded. */
#define BASE64_SIZE(len) (((len) + 2) / 3 * 4)

/* How many characters from the start are of the alphabet ('=' is not). */
size_t base64_span(const char *text, size_t len);
/* Decodes len characters, a multiple of 4 without padding, into len / 4 * 3
 * octets; false if one is not of the alphabet (out then holds anything). */
bool base64_decode(const char *text, size_t len, uint8_t *out);
/* The same without the processor's wide instructions: what there is elsewhere,
 * and for the ends. */
bool base64_decode_by_tables(const char *text, size_t len, uint8_t *out);
/* The last group: 2 or 3 characters before the padding, into 1 or 2 octets;
 * false also if bits are set that no octet has. */
bool base64_decode_last(const char *text, size_t len, uint8_t *out);
/* Encodes len octets, padded if they are no multiple of 3; returns
 * BASE64_SIZE(len). */
size_t base64_encode(const uint8_t *data, size_t len, char *out);

#endif
