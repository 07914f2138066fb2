/*
 * What every program of Okapi is: one of an installation, and one that a write
 * does not end.
 */
#ifndef OKAPI_PROGRAM_H
#define OKAPI_PROGRAM_H

/* Beside the running program (a build tree), in libexec under the same prefix
 * (an installation that was moved), else in LIBEXECDIR.  Owned; NULL if it is
 * nowhere. */
char *program_find(const char *name);

/*
 * Ignores SIGPIPE and SIGXFSZ: a write to somebody who is gone, or beyond
 * RLIMIT_FSIZE (Postfix sets it to mailbox_size_limit for what it starts),
 * fails with an errno, and the exit code tells of it.  First in main().
 */
void program_ignore_signals(void);

#endif
