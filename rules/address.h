/*
 * Parts of mail addresses, and a simple way to find them in header fields
 * that came without.
 */
#ifndef OKAPI_RULES_ADDRESS_H
#define OKAPI_RULES_ADDRESS_H

#include "base.h"

enum address_part {
	ADDRESS_ALL,
	ADDRESS_LOCALPART,
	ADDRESS_DOMAIN,
	ADDRESS_USER,   /* RFC 5233: before the delimiter */
	ADDRESS_DETAIL, /* behind it */
};

/*
 * A part of an address; owned, or NULL if it has none (then no key matches).
 * The null address "" is "" in every part.  delimiters: of the detail, the
 * first of any of them divides.
 */
char *sieve_address_part(const char *address, enum address_part part,
			 const char *delimiters);

/* The addresses in the text of a field, by commas, angle brackets and
 * quotation marks; owned. */
char **sieve_address_split(const char *text);

/* The address of a mailbox as a user writes it, "Ann <ann@example.org>" or
 * ann@example.org alone, quotation marks that it does not need taken away;
 * owned, NULL unless there is just one that mail could be sent to. */
char *sieve_address_of(const char *mailbox);

/* Could mail be sent there: local@domain, no blanks, no control characters? */
bool sieve_address_is_valid(const char *address);

#endif
