/*
 * PR_HTML as rules see it.
 */
#ifndef OKAPI_RULES_HTML_H
#define OKAPI_RULES_HTML_H

#include "propset.h"

/* The charset of the octets of PR_HTML, by PR_INTERNET_CPID of the set;
 * static. */
const char *sieve_html_charset(const struct propset *set);
/* The text of HTML: no tags, no script or style, the common entities resolved.
 * Owned. */
char *sieve_html_text(const char *html);

#endif
