/*
 * What the programs of the dagent have in common: okapi-dagent, which is small
 * and hands over, okapi-deliver, which has the store, and okapi-dagentd, which
 * serves.
 */
#ifndef OKAPI_DAGENT_COMMAND_H
#define OKAPI_DAGENT_COMMAND_H

#include "options.h"

/* The two forms of the command line; each gives the exit code. */
struct command {
	int (*serve)(struct options *options, char **argv);   /* -l */
	int (*deliver)(struct options *options, char **argv); /* stdin */
};

/* Parses the command line, answers what needs no more than that (--help, -V,
 * usage errors), or goes on; the exit code. */
int command_main(int argc, char **argv, const struct command *command);

#endif
