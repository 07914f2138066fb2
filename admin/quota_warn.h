/*
 * The three warnings about a quota: what they say and who gets them.
 */
#ifndef OKAPI_ADMIN_QUOTA_WARN_H
#define OKAPI_ADMIN_QUOTA_WARN_H

#include "base.h"
#include "fault.h"

struct admin;
struct store_user;

/*
 * Tells the user, and the administrators, of the highest limit that the user
 * has crossed since the last time; once a crossing, in one unit with the note
 * that it was told.  Who fell below a limit is told again at the next
 * crossing.  users: all of the store.
 */
NODISCARD int quota_warn(struct admin *admin, const struct store_user *user,
			 GPtrArray *users, bool *ret_warned,
			 struct fault *fault);

#endif
