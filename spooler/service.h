/*
 * okapi-spooler as a process: start, reload, stop, --once.
 */
#ifndef OKAPI_SPOOLER_SERVICE_H
#define OKAPI_SPOOLER_SERVICE_H

#include "base.h"

struct service_options {
	const char *config;           /* -c, or NULL */
	const char *const *overrides; /* -o, NULL-terminated, or NULL */
	const char *server;           /* SMTP_SERVER[:PORT], or NULL */
	bool daemonize;
	bool once;
	bool silent;
	int verbose;
};

/* Runs until it is stopped, or once; returns the exit code. */
int service_main(const struct service_options *options);

#endif
