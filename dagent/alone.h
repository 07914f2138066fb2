/*
 * A message straight into the store: where no daemon runs.
 */
#ifndef OKAPI_DAGENT_ALONE_H
#define OKAPI_DAGENT_ALONE_H

#include "direct.h"

/* Delivers in this process, as the owner of the store where root started it.
 * What goes wrong before there is a verdict for each is temporary. */
direct_send_fn alone_send;

#endif
