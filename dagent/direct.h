/*
 * Delivery from standard input without a daemon here: the store is opened, or
 * dagent_server gets it.
 */
#ifndef OKAPI_DAGENT_DIRECT_H
#define OKAPI_DAGENT_DIRECT_H

#include "options.h"

/* Delivers and reports; the exit code. */
int direct_main(struct options *options);

#endif
