/*
 * What every attachment has, whatever it came in.  Private to shared/convert.
 */
#ifndef OKAPI_CONVERT_ATTACH_H
#define OKAPI_CONVERT_ATTACH_H

#include "context.h"

/* attach_name.c: a name as a file may have it: no path, nothing that a file
 * system or a shell takes for something else.  Owned; NULL if nothing of it is
 * left. */
char *attach_clean_name(const char *name);
/* PR_ATTACH_LONG_FILENAME, _FILENAME (8.3), _EXTENSION, PR_DISPLAY_NAME. */
void attach_set_name(struct propset *attachment, const char *name);
/* ".jpg" for image/jpeg; ".bin" for what is not known.  Static. */
const char *attach_extension(const char *type, const char *subtype);

/* The other way, for what came without a type.  Owned. */
char *attach_type(const char *name);

/* attach.c: PR_ATTACH_SIZE and PR_ATTACH_DATA_BIN, as the options want it. */
void attach_set_data(const struct convert_context *context,
		     struct propset *attachment, GBytes *bytes);
/* Where it is shown, what type it is of: what nobody said. */
void attach_set_defaults(struct propset *attachment);
/* PR_HASATTACH, from the attachments that are there. */
void attach_summarize(struct propset *set);

#endif
