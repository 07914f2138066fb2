/*
 * The values of a configuration, one by one and beside each other, as the
 * daemons would judge them.
 */
#ifndef OKAPI_ADMIN_CONFIG_CHECK_H
#define OKAPI_ADMIN_CONFIG_CHECK_H

#include "conf.h"

/* Adds to faults ("FILE:LINE: key: ...", owned) what is well written but cannot
 * work; a daemon would tell of the first. */
void config_check_values(const struct conf *conf, GPtrArray *faults);

#endif
