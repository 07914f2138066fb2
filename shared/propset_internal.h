/*
 * The inside of a property set, for the files propset*.c only.
 */
#ifndef OKAPI_PROPSET_INTERNAL_H
#define OKAPI_PROPSET_INTERNAL_H

#include "propset.h"

#define PROPSET_NAMES_MAX 0x7ffe
#define PROPSET_PROPS_MAX 0x8000 /* of one set: look-ups are linear */
/* Octets of a value that is not copied, into the wire form or out of it. */
#define PROPSET_SHARED_MIN 65536

struct propset {
	GArray *props;   /* of struct prop */
	GArray *names;   /* of struct prop_name; NULL: none */
	GArray *headers; /* of struct header_field; NULL: none */
	GArray *parts;   /* of struct mime_part; NULL: none */
	GPtrArray *recipients;
	GPtrArray *attachments;
	struct propset *embedded; /* of an attachment */
};

/* A GDestroyNotify for struct header_address. */
void propset_header_address_free(void *address);

#endif
