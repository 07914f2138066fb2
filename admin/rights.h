/*
 * What a command may do for the user of --as.
 */
#ifndef OKAPI_ADMIN_RIGHTS_H
#define OKAPI_ADMIN_RIGHTS_H

#include "base.h"
#include "fault.h"

struct admin;

/* May the command that was parsed be run with the rights of admin->as, in the
 * store that is open?  Whatever the table does not know is for administrators:
 * FAULT_NOT_ALLOWED. */
NODISCARD int rights_check(struct admin *admin, struct fault *fault);

/* May that user do all of these (enum store_right) in a folder?  Without --as,
 * and for administrators, yes. */
NODISCARD int rights_may(struct admin *admin, int64_t folder, unsigned rights,
			 bool *ret_may, struct fault *fault);

#endif
