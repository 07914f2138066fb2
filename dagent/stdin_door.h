/*
 * The stdin door: one message from standard input or a file, to the running
 * daemon or, without one, to okapi-deliver, which opens the store.
 */
#ifndef OKAPI_DAGENT_STDIN_DOOR_H
#define OKAPI_DAGENT_STDIN_DOOR_H

#include "conf.h"
#include "input.h"
#include "options.h"

/* Delivers and reports; the exit code. */
int stdin_door_main(struct options *options, char **argv);

/* Becomes that program of this installation, with the same arguments.  Returns
 * on failure only. */
int stdin_door_exec(const char *name, char **argv, struct fault *fault);

/* Reads the message; also what the environment says of the recipient goes into
 * the wishes. */
NODISCARD int stdin_door_read(struct options *options, const struct conf *conf,
			      struct input *ret_input, struct fault *fault);
/* $ORIGINAL_RECIPIENT, as Postfix and OpenSMTPD set it for what an alias was;
 * borrowed.  NULL where there is none, where it is no ASCII address, or for
 * several recipients. */
const char *stdin_door_original(const struct options *options);
/* The envelope sender by options and environment; owned. */
char *stdin_door_sender(const struct options *options,
			const struct input *input);

#endif
