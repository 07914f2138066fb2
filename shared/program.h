/*
 * What every program of Okapi is: one of an installation, and one that a write
 * does not end.  Without GLib, for okapi-dagent has none.
 */
#ifndef OKAPI_PROGRAM_H
#define OKAPI_PROGRAM_H

#include <stdbool.h>

#define PROGRAM_PATH_MAX 4096

/* Beside the running program (a build tree), in libexec under the same prefix
 * (an installation that was moved), else in LIBEXECDIR.  False: it is nowhere.
 */
bool program_find(const char *name, char ret_path[PROGRAM_PATH_MAX]);

/*
 * Ignores SIGPIPE and SIGXFSZ: a write to somebody who is gone, or beyond
 * RLIMIT_FSIZE (Postfix sets it to mailbox_size_limit for what it starts),
 * fails with an errno, and the exit code tells of it.  First in main().
 */
void program_ignore_signals(void);

/* Undoes that, and blocks nothing: between fork(2) and exec(2) of a program
 * that is not ours.  Async-signal-safe. */
void program_restore_signals(void);

/*
 * Where a program was started without standard input, output or error, the
 * next file it opens would take that place: what is printed would go into it.
 * Afterwards reading the one and writing the others fails with EBADF, as
 * before, and no file stands there.  First in main(), too.
 */
void program_fill_standard(void);

#endif
