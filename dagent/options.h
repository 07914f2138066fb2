/*
 * The command line of okapi-dagent.
 */
#ifndef OKAPI_DAGENT_OPTIONS_H
#define OKAPI_DAGENT_OPTIONS_H

#include "base.h"
#include "fault.h"
#include "wishes.h"

struct options {
	char *config;     /* -c, or NULL */
	char **overrides; /* -o key=value, NULL-terminated, or NULL */
	char *file;       /* -f, or NULL */
	char *sender;     /* --sender; NULL: to be guessed */
	char **recipients;
	bool listen;
	bool daemonize;
	bool qmail;
	bool silent;
	bool version;
	bool help;
	int verbose;
	struct wishes wishes;
};

/*
 * Parses argv (not changed).  On failure FAULT_USAGE; ret_options then still
 * says listen, qmail and silent, as far as they could be made out, for they
 * decide how the error is reported. ret_options is always to be cleared with
 * options_clear().
 */
NODISCARD int options_parse(int argc, char *const *argv,
			    struct options *ret_options, struct fault *fault);
void options_clear(struct options *options);

/* What --help says. */
void options_print_help(void);

#endif
