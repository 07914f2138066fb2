/*
 * What of a message somebody looks at: how deep it is to be converted, and of
 * its header which fields.
 */
#ifndef OKAPI_DAGENT_MAIL_NEEDS_H
#define OKAPI_DAGENT_MAIL_NEEDS_H

#include "base.h"

/* How much of a message is converted; each has all of the one before. */
enum mail_depth {
	MAIL_NOTHING,
	MAIL_SUMMARY, /* what lists show, which is what the store keeps */
	MAIL_FIELDS,  /* and some fields of the header */
	MAIL_HEADERS, /* every property of the header, and its fields */
	MAIL_PARTS,   /* bodies, and what each MIME part holds */
	MAIL_WHOLE,   /* attachments, too */
};

/* All zero: nothing. */
struct mail_needs {
	enum mail_depth depth;
	GPtrArray *fields; /* of char *, lower case; NULL: none.  Owned */
};

void mail_needs_clear(struct mail_needs *needs);
void mail_needs_add(struct mail_needs *needs, enum mail_depth depth);
/* The name is in lower case, and copied. */
void mail_needs_add_field(struct mail_needs *needs, const char *name);

/* Is what is wanted among what there is? */
bool mail_needs_cover(const struct mail_needs *there,
		      const struct mail_needs *wanted);
/* The names as conversion takes them, NULL-terminated; borrowed. */
const char *const *mail_needs_fields(struct mail_needs *needs);

#endif
