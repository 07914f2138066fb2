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

/* The same of whom mail is to go to, which ascii_only refuses what is not ASCII
 * (there is no SMTPUTF8); ret_problem: why not, to go on from the mailbox,
 * static. */
char *sieve_address_of_target(const char *mailbox, bool ascii_only,
			      const char **ret_problem);

/* Could mail be sent there: local@domain, no blanks, no control characters? */
bool sieve_address_is_valid(const char *address);

#endif
