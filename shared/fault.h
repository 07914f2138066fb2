/*
 * Faults: why something did not work, in the words a mail server needs.
 *
 * Each kind of fault stands for one line of a table: its class (temporary or
 * permanent), its enhanced status code (RFC 3463), its SMTP reply code
 * (RFC 5321) and its exit code (sysexits(3)).  A function that fails picks a
 * kind and a text; whoever answers a client looks the rest up.  Anything that
 * is not known to be final is temporary: FAULT_INTERNAL is the default.
 */
#ifndef OKAPI_FAULT_H
#define OKAPI_FAULT_H

#include "base.h"

enum fault_kind {
	FAULT_NONE = 0,

	/* Temporary: may go away, the mail is tried again. */
	FAULT_INTERNAL,     /* anything not known better: 451 4.3.0, 75 */
	FAULT_OVERTAKEN,    /* true when it was decided: deciding anew helps */
	FAULT_STORE_BUSY,   /* the store is locked or unreachable */
	FAULT_DISK_FULL,    /* 452 4.3.1 */
	FAULT_IO,           /* a read or a write went wrong */
	FAULT_SHUTDOWN,     /* 421 4.3.2 */
	FAULT_TOO_MANY,     /* sessions, recipients: 452 4.5.3 */
	FAULT_FULL_FOR_NOW, /* over quota, quota_tempfail: 452 4.2.2 */
	FAULT_CONFIG,       /* configuration or store unusable: 451 4.3.5, 78 */
	FAULT_NOT_YOURS,    /* a uid may not deliver there: 451 4.7.1, 75 */
	FAULT_NETWORK,      /* peer unreachable, connection lost: 451 4.4.2 */
	FAULT_RESYNC,       /* change number older than the horizon: 75 */

	/* Permanent: the answer will not change. */
	FAULT_NO_RECIPIENT,    /* 550 5.1.1, 67 */
	FAULT_MAILBOX_FULL,    /* 552 5.2.2, 73 */
	FAULT_TOO_BIG,         /* message_size_limit: 552 5.3.4 */
	FAULT_TOO_MANY_RCPTS,  /* of one message: 554 5.5.3 */
	FAULT_LOOP,            /* more than 100 Received: 554 5.4.6 */
	FAULT_NOT_A_MESSAGE,   /* empty input: 554 5.6.0, 65 */
	FAULT_REJECTED,        /* by a rule: 550 5.7.1, 77 */
	FAULT_BAD_SEQUENCE,    /* 503 5.5.1 */
	FAULT_BAD_COMMAND,     /* 500 5.5.2 */
	FAULT_BAD_ARGUMENT,    /* 501 5.5.4 */
	FAULT_BAD_ADDRESS,     /* 501 5.1.3 */
	FAULT_NEEDS_UTF8,      /* 553 5.6.7, RFC 6531 3.5 */
	FAULT_UNSUPPORTED,     /* parameter or option: 555 5.5.4 */
	FAULT_TOO_MANY_ERRORS, /* 421 4.7.0, closes the session */
	FAULT_USAGE,           /* command line: 64 */
	FAULT_REFUSED_INPUT,   /* a faulty script, broken file: 65 */
	FAULT_NOT_FOUND,       /* message, folder, file, rule: 66 */
	FAULT_NO_USER,         /* user or group: 67 */
	FAULT_EXISTS,          /* 73 */
	FAULT_NOT_ALLOWED,     /* 550 5.7.1, 77 */
	FAULT_AUTH_REQUIRED,   /* 530 5.7.0, 77 */
	FAULT_KINDS
};

enum fault_class {
	FAULT_CLASS_NONE = 2,
	FAULT_CLASS_TEMPORARY = 4,
	FAULT_CLASS_PERMANENT = 5,
};

#define FAULT_TEXT_MAX 480

/* A plain value: no allocation, nothing to free.  Text is one line of UTF-8
 * without CR or LF (fault_set() makes it so). */
struct fault {
	enum fault_kind kind;
	char text[FAULT_TEXT_MAX];
};

/* Sets kind and text; always returns -1, so that "return fault_set(...)"
 * reads well.  fault may be NULL. */
int fault_set(struct fault *fault, enum fault_kind kind, const char *format,
	      ...) PRINTF_LIKE(3, 4);

/* Sets a fault from errno-style number err: ENOSPC and EDQUOT become
 * FAULT_DISK_FULL, everything else the given kind; ": strerror" is added to
 * the text.  Returns -1. */
int fault_set_errno(struct fault *fault, enum fault_kind kind, int err,
		    const char *format, ...) PRINTF_LIKE(4, 5);

/* What errno says of a path that somebody named: FAULT_EXISTS,
 * FAULT_NOT_ALLOWED, FAULT_NOT_FOUND (also where it can be no path at all), or
 * FAULT_IO for what may go away. */
enum fault_kind fault_of_path(int err);

/* Puts "context: " before the text of a fault.  Returns -1. */
int fault_prefix(struct fault *fault, const char *format, ...)
	PRINTF_LIKE(2, 3);

/* Clears a fault (kind FAULT_NONE, empty text). */
void fault_clear(struct fault *fault);

enum fault_class fault_class(const struct fault *fault);
bool fault_is_temporary(const struct fault *fault);

/* The enhanced status code, "5.1.1" (static storage). */
const char *fault_status(const struct fault *fault);

/* The SMTP reply code, 550. */
int fault_reply(const struct fault *fault);

/* The sysexits(3) code, 67; programs map it further (qmail). */
int fault_exit(const struct fault *fault);

#endif
