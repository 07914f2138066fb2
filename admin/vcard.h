/*
 * Contacts as vCards (RFC 6350, and 2.1 and 3.0 as far as they agree): what a
 * contact is listed and found by is read, all else stays in the card.  Pure.
 */
#ifndef OKAPI_ADMIN_VCARD_H
#define OKAPI_ADMIN_VCARD_H

#include "base.h"
#include "fault.h"

struct vcard {
	char *text; /* the card, with CRLF; owned, as all others */
	char *name; /* FN, or N, ORG, EMAIL where there is none; "" */
	char *surname;
	char *given;
	char *company;
	char *email; /* the preferred one, else the first; "" */
	char *work;  /* telephones */
	char *mobile;
	char *home;
};
void vcard_free(struct vcard *card);
AUTO_DEFINE(vcard, vcard_free);

/* The cards of a file: GPtrArray of struct vcard, owned (frees its elements).
 * FAULT_REFUSED_INPUT with the line if it is not such a file, or not UTF-8. */
NODISCARD int vcard_parse(const char *data, size_t len, GPtrArray **ret_cards,
			  struct fault *fault);

/* The text of a new card of version 4.0; NULL and "" are left out; owned. */
char *vcard_format(const char *name, const char *email, const char *company,
		   const char *phone);

#endif
