/*
 * A message straight into the store: where no daemon runs.
 */
#ifndef OKAPI_DAGENT_ALONE_H
#define OKAPI_DAGENT_ALONE_H

#include "convert/helper.h"
#include "direct.h"

/* Delivers in this process, as the owner of the store where root started it.
 * What goes wrong before there is a verdict for each is temporary.  serve: as
 * for helper_pool_warm(); otherwise a direct_send_fn. */
NODISCARD int alone_send(const struct direct_letter *letter,
			 helper_serve_fn *serve, struct fault *ret_faults,
			 struct fault *fault);

#endif
