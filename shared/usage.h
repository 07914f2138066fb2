/*
 * --help.
 */
#ifndef OKAPI_USAGE_H
#define OKAPI_USAGE_H

#include <glib.h>

/* What GOption makes of its table, below a first line like that of our other
 * programs, which reads the same in every locale. */
void usage_print(GOptionContext *context, const char *name, const char *args);

#endif
