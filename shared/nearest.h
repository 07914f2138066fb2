/*
 * The known word that was probably meant.
 */
#ifndef OKAPI_NEAREST_H
#define OKAPI_NEAREST_H

#include "base.h"

/* The one closest to what was typed, by edit distance, case-blind; NULL if
 * none is near.  known: NULL-terminated; borrowed from it. */
const char *nearest_word(const char *typed, const char *const *known);

/* "; did you mean \"X\"?", or "" if none is near; owned. */
char *nearest_hint(const char *typed, const char *const *known);

#endif
