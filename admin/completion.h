/*
 * What a shell needs to know of an argument: how its words are completed.
 */
#ifndef OKAPI_ADMIN_COMPLETION_H
#define OKAPI_ADMIN_COMPLETION_H

#include "base.h"

struct command;
struct noun;

/* How a word of the table ("FILE|-", "USER", "yes|no") is completed: "files",
 * "users", "words:yes|no" or "none"; owned. */
char *completion_kind(const char *token);
/* Of the positional arguments of a command, blanks between; one that repeats
 * has "..." behind it; owned. */
char *completion_kinds(const struct command *command);

/* The script for a shell; owned. */
char *completion_bash(void);
char *completion_zsh(void);
char *completion_fish(void);

#endif
