/*
 * The stdin door: one message from standard input or a file, to the running
 * daemon or, without one, straight into the store.
 */
#ifndef OKAPI_DAGENT_STDIN_DOOR_H
#define OKAPI_DAGENT_STDIN_DOOR_H

#include "options.h"

/* Delivers and reports; the exit code. */
int stdin_door_main(struct options *options);

/* Prints the line of a fault (none for FAULT_NONE, or silent) and returns the
 * exit code. */
int stdin_door_report(const struct options *options, const struct fault *fault);

#endif
