/*
 * A scanner of raw header fields: names and unfolded values, nothing decoded.
 * For the few questions that must not depend on conversion: loops, junk,
 * whether a message says who it is.
 */
#ifndef OKAPI_HEADER_H
#define OKAPI_HEADER_H

#include "base.h"

/* Calls each for every field of the header that has one of names (ends with
 * NULL; case-blind), in order, until it returns false.  name and value are
 * borrowed for the call; both are unfolded (line ends taken out) and stripped.
 * Other fields cost a look at their name. */
void header_scan(const char *message, size_t len, const char *const *names,
		 bool (*each)(void *context, const char *name,
			      const char *value),
		 void *context);

/* How many fields of that name (case-blind) there are. */
size_t header_count(const char *message, size_t len, const char *name);

/* Has a field of that name a value that begins with prefix (both case-blind;
 * blanks of prefix stripped)? */
bool header_has_value(const char *message, size_t len, const char *name,
		      const char *prefix);

/* Does it say who it is: a Received or a Message-ID field? */
bool header_is_identified(const char *message, size_t len);

/* Does it begin with an mbox line ("From sender date")?  "From : a@b" is a
 * field, with a blank before its colon (RFC 5322 4.5.2). */
bool header_has_mbox_line(const char *message, size_t len);

#endif
