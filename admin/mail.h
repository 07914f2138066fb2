/*
 * The parts of the noun mail: one file each.
 */
#ifndef OKAPI_ADMIN_MAIL_H
#define OKAPI_ADMIN_MAIL_H

#include "admin.h"
#include "store/messages.h"
#include "store/users.h"

#include <jansson.h>

struct propset;

/* A message of the user's store, or of the public one, by the text of its id.
 * Owned result. */
NODISCARD int mail_find(struct admin *admin, const struct store_user *user,
			const char *id, struct store_message **ret_message,
			struct fault *fault);

/* The object of `mail list`; owned. */
json_t *mail_json(const struct store_message *message);

/* The verbs that have a file of their own. */
NODISCARD int mail_show(struct admin *admin, struct fault *fault);
NODISCARD int mail_export(struct admin *admin, struct fault *fault);
NODISCARD int mail_import(struct admin *admin, struct fault *fault);
NODISCARD int mail_submit(struct admin *admin, struct fault *fault);
/* A message that could not be read, and why: -1, or with --keep-going, where
 * reading it later would not help, it is told, counted in left, and 0. */
NODISCARD int mail_export_broken(const struct admin *admin, int64_t message,
				 int64_t *left, struct fault *fault);
/* mail export --archive: one folder of a store, or (0) all with what the user
 * set.  ret_count: messages; ret_left: those that could not be read. */
NODISCARD int mail_export_archive(struct admin *admin,
				  const struct store_user *user,
				  int64_t store_id, int64_t folder,
				  const char *path, int64_t *ret_count,
				  int64_t *ret_left, struct fault *fault);
/* Does a file begin as an archive does?  Asked before it is read: one may be
 * larger than memory. */
bool mail_is_archive(const char *path);

#endif
