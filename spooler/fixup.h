/*
 * What a submission server may add to a message (RFC 6409 8): the fields that
 * RFC 5322 3.6 demands, MIME fields for 8-bit text without any, a domain for
 * addresses that have none.  Bcc goes, and a leading mbox "From " line (it
 * would make a text of the whole message).  Nothing else changes.
 *
 * Works on lines and fields only; it understands no more of a message than
 * that, and takes any octets.
 */
#ifndef OKAPI_FIXUP_H
#define OKAPI_FIXUP_H

#include "base.h"

/* What becomes of the field Sender. */
enum fixup_sender {
	FIXUP_SENDER_KEEP,
	FIXUP_SENDER_DROP, /* sent as somebody else */
	FIXUP_SENDER_SET,  /* sent on behalf of somebody else */
};

struct fixup_options {
	const char *from_address; /* for a From that is missing */
	const char *from_name;    /* its display name, UTF-8; "" none */
	const char *origin;       /* domain of unqualified addresses */
	const char *hostname;     /* right side of a Message-ID */
	int64_t now;
	enum fixup_sender sender;
	const char *sender_address;
	const char *sender_name;
	/* Addresses in From, Sender and their Resent- kin that are written
	 * otherwise: old, new, old, new ..., NULL; NULL: none. */
	const char *const *rewrites;
};

struct fixup_found {
	bool has_bcc;  /* there was a Bcc or Resent-Bcc */
	bool has_8bit; /* the result has octets above 127 */
};

/* Appends the fixed message to out. */
void fixup_message(const void *octets, size_t len,
		   const struct fixup_options *options, GByteArray *out,
		   struct fixup_found *ret_found);

/* A message from stdin as lines with CRLF: a bare LF is a line end, the last
 * line gets one, a leading mbox "From " line goes.  Appends to out. */
void fixup_from_stdin(const void *octets, size_t len, GByteArray *out);

/* An address field with a domain for each address that has none ("root" and
 * "Root <root>", not group names or comments); owned.  Pure. */
char *fixup_qualify_field(const char *field, const char *origin);

/* What a field says of who a message is for; RFC 5322 3.6.6: in one that has
 * any of the Resent- fields, the others do not count. */
enum fixup_role {
	FIXUP_NO_ROLE = 0,
	FIXUP_NAMES = 1 << 0,  /* To, Cc, Bcc and their Resent- kin */
	FIXUP_RESENT = 1 << 1, /* Resent-Date and the like */
};
/* The names of all that have a role, ending with NULL. */
extern const char *const fixup_role_names[];
/* Of a field by its name: enum fixup_role.  Pure. */
unsigned fixup_role(const char *name);

/* Has the value of an address field anything but names of groups, comments and
 * blanks?  Pure. */
bool fixup_names_somebody(const char *value);

/* "local" -> "local@origin"; others, and "", as they are; owned. */
char *fixup_qualify(const char *address, const char *origin);

#endif
