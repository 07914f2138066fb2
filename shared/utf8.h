/*
 * Is it UTF-8, and a copy that is: what GLib does octet by octet, with whole
 * words of ASCII at a time, for most mail is that.
 */
#ifndef OKAPI_UTF8_H
#define OKAPI_UTF8_H

#include "base.h"

/* Valid UTF-8 without a zero octet (g_utf8_validate_len). */
bool utf8_is_valid(const char *text, size_t len);

/* A copy, U+FFFD for what is not valid UTF-8 (g_utf8_make_valid).  Owned. */
char *utf8_make_valid(const char *text, size_t len);

#endif
