/*
 * What several nouns tell of a user.
 */
#ifndef OKAPI_ADMIN_USER_H
#define OKAPI_ADMIN_USER_H

#include "store/users.h"

#include <jansson.h>

struct conf;

/* The limit that holds, in octets: the user's own or the server's. */
int64_t user_quota_of(int64_t own, int64_t server);
/* {"warn", "soft", "hard"} that hold, in MB as on the command line; owned. */
json_t *user_quota_json(const struct conf *conf, const struct store_user *user);
/* One line of text for a limit. */
void user_print_limit(const char *name, int64_t own, int64_t server);

#endif
