/*
 * The extensions a script may require, by name and number.
 */
#ifndef OKAPI_RULES_EXTENSION_H
#define OKAPI_RULES_EXTENSION_H

#include "base.h"

enum extension {
	EXTENSION_NONE, /* of the base language */
	EXTENSION_FILEINTO,
	EXTENSION_COPY,
	EXTENSION_ENVELOPE,
	EXTENSION_ENCODED_CHARACTER,
	EXTENSION_COMPARATOR_OCTET,
	EXTENSION_COMPARATOR_ASCII_CASEMAP,
	EXTENSION_COMPARATOR_ASCII_NUMERIC,
	EXTENSION_COMPARATOR_UNICODE_CASEMAP,
	EXTENSION_REJECT,
	EXTENSION_EREJECT,
	EXTENSION_SPECIAL_USE,
	EXTENSION_MAILBOX,
	EXTENSION_IMAP4FLAGS,
	EXTENSION_SUBADDRESS,
	EXTENSION_RELATIONAL,
	EXTENSION_PROPERTY,
	EXTENSION_BODY,
	EXTENSION_VARIABLES,
	EXTENSION_DATE,
	EXTENSION_INDEX,
	EXTENSION_REGEX,
	EXTENSION_IHAVE,
	EXTENSION_ENVIRONMENT,
	EXTENSION_VACATION,
	EXTENSION_VACATION_SECONDS,
	EXTENSION_FCC,
	EXTENSION_DUPLICATE,
	EXTENSIONS
};

#define EXTENSION_BIT(extension) (UINT64_C(1) << (extension))

/* EXTENSION_NONE if there is none of that name (compared as octets). */
enum extension extension_find(const char *name);
/* The bits of an extension and of what it brings along. */
uint64_t extension_bits(enum extension extension);
/* "fileinto"; "" for EXTENSION_NONE. */
const char *extension_name(enum extension extension);

#endif
