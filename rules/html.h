/*
 * PR_HTML as rules see it.
 */
#ifndef OKAPI_RULES_HTML_H
#define OKAPI_RULES_HTML_H

#include "propset.h"

/* The octets of PR_HTML as UTF-8, by PR_INTERNET_CPID of the set; what does
 * not convert is replaced.  Owned. */
char *sieve_html_to_utf8(const struct propset *set, const char *html,
			 size_t len);
/* Its text: no tags, no script or style, the common entities resolved.
 * Owned. */
char *sieve_html_text(const char *html);

#endif
