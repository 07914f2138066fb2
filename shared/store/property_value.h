/*
 * Values of properties as values of SQLite.
 */
#ifndef OKAPI_STORE_PROPERTY_VALUE_H
#define OKAPI_STORE_PROPERTY_VALUE_H

#include "propset.h"

/* A multi-valued property as one blob: texts end with NUL each, numbers are
 * eight octets (little-endian), binaries have a length of four octets before
 * them.  Owned. */
GByteArray *property_pack(const struct prop *prop);
/* Back into a set; what is broken is left out. */
void property_unpack(struct propset *set, uint32_t tag, const uint8_t *packed,
		     size_t len);

#endif
