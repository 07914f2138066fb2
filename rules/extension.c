/*
 * The table behind extension.h.
 */
#include "extension.h"

#include <string.h>

static const char *const extension_names[EXTENSIONS + 1] = {
	[EXTENSION_NONE] = "",
	[EXTENSION_FILEINTO] = "fileinto",
	[EXTENSION_COPY] = "copy",
	[EXTENSION_ENVELOPE] = "envelope",
	[EXTENSION_ENCODED_CHARACTER] = "encoded-character",
	[EXTENSION_COMPARATOR_OCTET] = "comparator-i;octet",
	[EXTENSION_COMPARATOR_ASCII_CASEMAP] = "comparator-i;ascii-casemap",
	[EXTENSION_COMPARATOR_ASCII_NUMERIC] = "comparator-i;ascii-numeric",
	[EXTENSION_COMPARATOR_UNICODE_CASEMAP] = "comparator-i;unicode-casemap",
	[EXTENSION_REJECT] = "reject",
	[EXTENSION_EREJECT] = "ereject",
	[EXTENSION_SPECIAL_USE] = "special-use",
	[EXTENSION_MAILBOX] = "mailbox",
	[EXTENSION_IMAP4FLAGS] = "imap4flags",
	[EXTENSION_SUBADDRESS] = "subaddress",
	[EXTENSION_RELATIONAL] = "relational",
	[EXTENSION_PROPERTY] = "vnd.okapi.property",
	[EXTENSION_BODY] = "body",
	[EXTENSION_VARIABLES] = "variables",
	[EXTENSION_DATE] = "date",
	[EXTENSION_INDEX] = "index",
	[EXTENSION_REGEX] = "regex",
	[EXTENSION_IHAVE] = "ihave",
	[EXTENSION_ENVIRONMENT] = "environment",
	[EXTENSION_VACATION] = "vacation",
	[EXTENSION_VACATION_SECONDS] = "vacation-seconds",
	[EXTENSION_FCC] = "fcc",
	[EXTENSION_DUPLICATE] = "duplicate",
	[EXTENSION_EDITHEADER] = "editheader",
	[EXTENSION_INCLUDE] = "include",
	[EXTENSION_SPAMTEST] = "spamtest",
	[EXTENSION_SPAMTESTPLUS] = "spamtestplus",
	[EXTENSION_VIRUSTEST] = "virustest",
	[EXTENSION_ENVELOPE_DSN] = "envelope-dsn",
	[EXTENSION_MIME] = "mime",
	[EXTENSION_FOREVERYPART] = "foreverypart",
	[EXTENSION_EXTRACTTEXT] = "extracttext",
	[EXTENSION_FORWARD] = "vnd.okapi.forward",
	[EXTENSION_REPLY] = "vnd.okapi.reply",
	[EXTENSION_SETPROPERTY] = "vnd.okapi.setproperty",
};

enum extension extension_find(const char *name)
{
	if (strcmp(name, "imapflags") == 0) /* its name while a draft */
		return EXTENSION_IMAP4FLAGS;
	for (int i = EXTENSION_NONE + 1; i < EXTENSIONS; i++)
		if (strcmp(extension_names[i], name) == 0)
			return (enum extension)i;
	return EXTENSION_NONE;
}

uint64_t extension_bits(enum extension extension)
{
	uint64_t bits = EXTENSION_BIT(extension);

	/* RFC 6131 section 2 */
	if (extension == EXTENSION_VACATION_SECONDS)
		bits |= EXTENSION_BIT(EXTENSION_VACATION);
	if (extension == EXTENSION_SPAMTESTPLUS) /* RFC 5235 section 2.2 */
		bits |= EXTENSION_BIT(EXTENSION_SPAMTEST);
	return bits;
}

const char *extension_name(enum extension extension)
{
	return extension_names[extension];
}
