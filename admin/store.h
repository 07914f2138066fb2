/*
 * The part of the noun store that has a file of its own.
 */
#ifndef OKAPI_ADMIN_STORE_H
#define OKAPI_ADMIN_STORE_H

#include "admin.h"

NODISCARD int store_stats(struct admin *admin, struct fault *fault);

#endif
