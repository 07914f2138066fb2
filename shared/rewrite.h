/*
 * The table of sender_rewrite: addresses that a relay host insists on, in the
 * place of those that users have here.
 *
 *	# address or @domain or *	what is sent instead
 *	anna@home.example		anna.a@provider.example
 *	@home.example			@company.example
 *	*				account@provider.example
 */
#ifndef OKAPI_REWRITE_H
#define OKAPI_REWRITE_H

#include "base.h"
#include "fault.h"

struct rewrite;

/* An empty table. */
struct rewrite *rewrite_new(void);
/* A line, which is changed; one that is empty or a comment adds nothing.
 * FAULT_CONFIG. */
NODISCARD int rewrite_add(struct rewrite *rewrite, char *line,
			  struct fault *fault);
/* A file; "": no table, NULL.  FAULT_CONFIG with the line. */
NODISCARD int rewrite_read(const char *path, struct rewrite **ret_rewrite,
			   struct fault *fault);
void rewrite_free(struct rewrite *rewrite);
AUTO_DEFINE(rewrite, rewrite_free);

/* What is sent instead of an address, by its own line, its domain's, or that
 * of all; owned.  NULL: as it is ("" always is; rewrite may be NULL). */
char *rewrite_find(const struct rewrite *rewrite, const char *address);

#endif
