/*
 * What a report would do to a mailing list.
 */
#ifndef OKAPI_MAILING_LIST_H
#define OKAPI_MAILING_LIST_H

#include "base.h"

struct mailing_list {
	/* It went through a list (List-Id, RFC 2919; List-Post, RFC 2369), or
	 * is sent in bulk (Precedence): nobody waits for it. */
	bool is_bulk;
	/* The reverse path is the list itself, where its mail is posted to: a
	 * report would go to everybody. */
	bool is_posted_to;
};

/* Looks at the header of a message that has this reverse path. */
struct mailing_list mailing_list_of(const char *message, size_t len,
				    const char *reverse_path);

#endif
