/*
 * HTML to plain text.  Private to shared/convert.
 */
#ifndef OKAPI_CONVERT_HTML_H
#define OKAPI_CONVERT_HTML_H

#include "context.h"

/* html_text.c: HTML (UTF-8) as plain text, lines ended by LF.  Linear; what is
 * too much is noted and left out.  Owned. */
char *html_to_text(struct convert_context *context, const char *html,
		   size_t len);

/* html_entity.c: reads the character reference behind a '&'.  Returns how many
 * octets it has, its ';' included; 0 if it is none: the '&' stands for itself.
 */
size_t html_entity(const char *at, const char *end, gunichar *ret_c);

#endif
