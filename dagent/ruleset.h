/*
 * The scripts that one recipient's mail meets: sieve_before, the user's rules
 * that are on, sieve_after, and what these include.
 */
#ifndef OKAPI_DAGENT_RULESET_H
#define OKAPI_DAGENT_RULESET_H

#include "mail.h"
#include "rules/sieve.h"

struct ruleset;

/* Empty; all three borrowed until ruleset_free(). */
struct ruleset *ruleset_new(struct mail *mail, struct store *store,
			    struct mail_recipient *to);
void ruleset_free(struct ruleset *ruleset);
AUTO_DEFINE(ruleset, ruleset_free);

/* Adds a script of the configuration; "" is none.  Fails where it cannot be
 * read. */
NODISCARD int ruleset_add_file(struct ruleset *ruleset, const char *path,
			       struct fault *fault);
/* Adds the user's rules, those for out of office while it is on, and
 * sieve_after. */
NODISCARD int ruleset_add_user(struct ruleset *ruleset, struct fault *fault);
size_t ruleset_count(const struct ruleset *ruleset);

/* Those that compile, in their order; what they and what they include look at
 * is added to needs; the others are blamed.  Owned, the scripts borrowed from
 * the set. */
struct sieve_rule *ruleset_list(struct ruleset *ruleset, size_t *ret_count,
				struct mail_needs *needs);
/* What the scripts that this recipient's mail meets look at, without a word on
 * what is wrong with them. */
void ruleset_foresee(struct mail *mail, struct store *store,
		     struct mail_recipient *to, struct mail_needs *needs);
/* A script to include: another rule of the user's, on or off, or NAME.sieve of
 * sieve_global.  Borrowed from the set; NULL with a fault, without one where
 * there is none of that name. */
const struct sieve_script *ruleset_find(struct ruleset *ruleset,
					enum sieve_location location,
					const char *name, struct fault *fault);
/* The user's addresses, looked up once; borrowed from the set. */
NODISCARD int ruleset_own(struct ruleset *ruleset, const char *const **ret_own,
			  struct fault *fault);

/* A rule went wrong: told once, to the log and to the user's list. */
void ruleset_blame(struct ruleset *ruleset, const char *name, const char *text);
/* The same of what failed while it ran; what is temporary is no rule's fault
 * but ruleset_trouble()'s. */
void ruleset_on_error(struct ruleset *ruleset, const char *name,
		      const struct fault *fault);
/* What a script asked could not be told, and was answered with no: trouble, if
 * that is temporary. */
void ruleset_doubt(struct ruleset *ruleset, const struct fault *fault);
/* Fails if a script, or what one asked, could not be had for now. */
NODISCARD int ruleset_trouble(const struct ruleset *ruleset,
			      struct fault *fault);
/* Rules that failed the last time and did not now are well again. */
void ruleset_absolve(struct ruleset *ruleset);

#endif
