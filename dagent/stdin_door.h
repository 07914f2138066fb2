/*
 * The stdin door: what the command line and the environment of okapi-dagent say
 * of one message, for who delivers it: the daemon, to which it was handed over
 * (session_handed.c), or okapi-deliver and okapi-dagentd (direct.c).
 */
#ifndef OKAPI_DAGENT_STDIN_DOOR_H
#define OKAPI_DAGENT_STDIN_DOOR_H

#include "conf.h"
#include "door.h"
#include "input.h"
#include "options.h"

/* The variables, by enum door_variable; NULL: not set.  Borrowed. */
struct stdin_variables {
	const char *values[DOOR_VARIABLES];
};

/* Of this process. */
void stdin_door_environment(struct stdin_variables *ret_variables);
/* "NAME=value"; what is none of them says nothing. */
void stdin_door_variable(struct stdin_variables *variables,
			 const char *setting);

/* What the MTA cut off the recipient: $EXTENSION, or $LOCAL_PART_SUFFIX with
 * its delimiter.  Owned; NULL: none, or longer than an address. */
char *stdin_door_detail(const struct stdin_variables *variables,
			const struct conf *conf);
/* $ORIGINAL_RECIPIENT, as Postfix and OpenSMTPD set it for what an alias was;
 * borrowed.  NULL where there is none, where it is no ASCII address, or for
 * several recipients. */
const char *stdin_door_original(const struct stdin_variables *variables,
				const struct options *options);
/* The envelope sender by options, environment and message; owned. */
char *stdin_door_sender(const struct stdin_variables *variables,
			const struct options *options,
			const struct input *input);

#endif
