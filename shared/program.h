/*
 * Where Okapi's own programs are that nobody calls by hand.
 */
#ifndef OKAPI_PROGRAM_H
#define OKAPI_PROGRAM_H

/* Beside the running program (a build tree), in libexec under the same prefix
 * (an installation that was moved), else in LIBEXECDIR.  Owned; NULL if it is
 * nowhere. */
char *program_find(const char *name);

#endif
