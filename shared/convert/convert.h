/*
 * RFC 822 to property set and back (MS-OXCMAIL).  Pure: bytes in, property
 * set out; no file, no network, no store.  Runs in the helper process only,
 * for it meets hostile bytes (GMime).
 */
#ifndef OKAPI_CONVERT_H
#define OKAPI_CONVERT_H

#include "base.h"
#include "fault.h"
#include "propset.h"

enum convert_flags {
	/* With the bytes of attachments; otherwise their size and hash. */
	CONVERT_DATA = 1 << 0,
	/* With decoded header fields, for rules and junk. */
	CONVERT_HEADERS = 1 << 1,
	/* With bodies (PR_BODY, PR_HTML). */
	CONVERT_BODIES = 1 << 2,
	/* Attachments by name and type only: their content is not looked at,
	 * so they have neither size nor hash, and the text of bodies only as
	 * far as other properties need it (no PR_INTERNET_CPID). */
	CONVERT_SKETCH = 1 << 3,
	/* Only what lists show: subject, sender, display names, dates,
	 * PR_INTERNET_MESSAGE_ID, importance, class, spam level,
	 * attachments.  No recipients, no other field. */
	CONVERT_SUMMARY = 1 << 4,
	/* X-MS-Exchange-Organization-* fields of the message are believed
	 * (trust_exchange_headers). */
	CONVERT_TRUSTED = 1 << 5,
	/* With the list of MIME parts, for rules; not of embedded messages
	 * alone, for it goes into them. */
	CONVERT_PARTS = 1 << 6,
	CONVERT_ALL = CONVERT_DATA | CONVERT_HEADERS | CONVERT_BODIES,
};

struct convert_options {
	unsigned flags;
	const char *default_charset; /* of undeclared 8-bit text */
	/* CONVERT_HEADERS: only the fields of these names, case-blind,
	 * NULL-terminated; NULL: all.  A helper takes CONVERT_FIELDS_MAX octets
	 * of names, each with its NUL. */
	const char *const *fields;
};

#define CONVERT_FIELDS_MAX 4096

/* Once per process, before the first conversion. */
void convert_init(void);

/*
 * Converts a message.  Never refuses one for its content: what cannot be
 * understood is left out of the set, and notes (may be NULL) receives one
 * owned string for each such thing.  Owned result.
 */
struct propset *convert_to_propset(const void *rfc822, size_t len,
				   const struct convert_options *options,
				   GPtrArray *notes);

/*
 * Composes a message from its properties: CRLF, lines of at most 998 octets,
 * never Bcc.  Fails only if the set has nothing that could be a message.
 */
NODISCARD int convert_to_rfc822(const struct propset *set,
				GByteArray **ret_rfc822, struct fault *fault);

#endif
