/*
 * Messages that are written for a user: automatic replies, and what rules
 * reply and forward.
 */
#ifndef OKAPI_DAGENT_LETTER_H
#define OKAPI_DAGENT_LETTER_H

#include "base.h"

enum letter_kind {
	LETTER_VACATION, /* out of office, vacation */
	LETTER_REPLY,
	LETTER_FORWARD,
};

struct letter {
	enum letter_kind kind;
	const char *from; /* address */
	const char *from_name;
	const char *const *to; /* addresses, NULL-terminated */
	const char *to_name;   /* of the first of them; NULL, "": not known */
	const char *subject;
	const char *body;       /* UTF-8; NULL only beside attached */
	const char *html;       /* the same as HTML; NULL, "": none */
	bool is_mime;           /* the body is a MIME entity, its head first */
	GBytes *attached;       /* a message, byte for byte; NULL */
	const char *trace;      /* header lines put on top, or NULL */
	const char *message_id; /* of the letter, without brackets */
	const char *in_reply_to;
	const char *references;
	int64_t time;
};

/* The header lines that say that no person wrote it (RFC 3834 5); static. */
const char *letter_marks(enum letter_kind kind);
/* The letter as RFC 5322 text with CRLF; owned.  Pure. */
GBytes *letter_format(const struct letter *letter);

#endif
