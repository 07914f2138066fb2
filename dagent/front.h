/*
 * The front: what okapi-dagent is when an MTA starts it for a message.  It
 * finds the daemon, hands over what it was given, and says what it is told.
 * Without GLib, so that it can be linked to a C library that starts fast.
 */
#ifndef OKAPI_DAGENT_FRONT_H
#define OKAPI_DAGENT_FRONT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What it has to know of the command line itself. */
struct front_options {
	const char *config; /* -c, or NULL */
	const char *file;   /* -f, or NULL */
	char **overrides;   /* values of -o, NULL-terminated; owned */
	bool qmail;
	bool silent;
	bool serves;     /* -l or -d */
	bool is_for_all; /* --help, -V, or what it does not know */
};
void front_options_read(char *const *argv, struct front_options *ret_options);
void front_options_clear(struct front_options *options);

/* Where the daemon is, by file and overrides. */
struct front_conf {
	char *run_dir;
	char *dagent_server;
	int64_t timeout_ms; /* of a daemon that says nothing */
};
/* False: conf_read() would find a fault.  ret_conf is always to be cleared. */
bool front_conf_read(const struct front_options *options,
		     struct front_conf *ret_conf);
void front_conf_clear(struct front_conf *conf);

/* Hands standard input, or the file, over on a connected socket (moved); path
 * is its place, timeout_ms how long the daemon may say nothing.  Prints the
 * outcome; the exit code. */
int front_hand_over(int fd, const char *path, char *const *argv,
		    const struct front_options *options, int64_t timeout_ms);
/* -1: nobody listens there; errno. */
int front_connect(const char *path, int64_t timeout_ms);

/* Prints a temporary failure, "4.3.0 ...", in one line; the exit code. */
int front_fail(const struct front_options *options, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
