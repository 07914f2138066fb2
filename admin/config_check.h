/*
 * The values of a configuration, one by one and beside each other, and the
 * files they name, as the daemons would judge them.
 */
#ifndef OKAPI_ADMIN_CONFIG_CHECK_H
#define OKAPI_ADMIN_CONFIG_CHECK_H

#include "conf.h"

/* Adds to faults ("FILE:LINE: key: ...", owned) what is well written but cannot
 * work; a daemon would tell of the first. */
void config_check_values(const struct conf *conf, GPtrArray *faults);
/* The same of the files it names: their kind, who may read them, and what is
 * in them. */
void config_check_files(const struct conf *conf, GPtrArray *faults);

#endif
