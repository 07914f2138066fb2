/*
 * Wishes: what the caller of okapi-dagent asked of one delivery, by option or
 * environment.  They travel to the daemon in the private parameter X-OKAPI of
 * MAIL, as "key=value" pairs divided by '&', values percent-encoded.
 */
#ifndef OKAPI_DAGENT_WISHES_H
#define OKAPI_DAGENT_WISHES_H

#include "base.h"
#include "fault.h"

struct wishes {
	char *folder;        /* -F or -P: path; NULL: none */
	bool in_public;      /* the path is in the public store */
	char separator;      /* -p */
	bool create;         /* -C */
	bool junk;           /* -j */
	bool read;           /* -r */
	bool now;            /* -n */
	bool no_notify;      /* -N */
	bool strip_domain;   /* -e */
	bool address_only;   /* -R */
	bool from_stdin;     /* duplicates only with Received or Message-ID */
	char *autoresponder; /* -a; NULL: as configured */
	char *detail;        /* $EXTENSION; NULL: none */
	char *sender;        /* envelope sender that is no SMTP path; NULL */
};

void wishes_init(struct wishes *wishes);
void wishes_clear(struct wishes *wishes);
void wishes_copy(const struct wishes *from, struct wishes *ret_to);

/* The wire form, without the xtext around it; owned. */
char *wishes_format(const struct wishes *wishes);
/* ret_wishes is clear before.  FAULT_UNSUPPORTED for an unknown key (a newer
 * client), FAULT_BAD_ARGUMENT for a faulty value. */
NODISCARD int wishes_parse(const char *text, struct wishes *ret_wishes,
			   struct fault *fault);

#endif
