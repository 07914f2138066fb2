/*
 * Recipients that were looked up before: kept as long as the stamp of settings
 * stays the same.  Not those with a quota, whose use changes with each
 * delivery.
 */
#ifndef OKAPI_DAGENT_KNOWN_H
#define OKAPI_DAGENT_KNOWN_H

#include "store/users.h"

struct known;

/* Thread-safe.  Owned; where the stamp cannot be read nothing is kept. */
struct known *known_new(const char *store_path);
void known_free(struct known *known);
AUTO_DEFINE(known, known_free);

/* The recipient of that path and those flags, owned, or NULL; ret_stamp goes
 * to known_keep() with what the store says then. */
struct store_recipient *known_find(struct known *known, const char *path,
				   unsigned flags, uint64_t *ret_stamp);
void known_keep(struct known *known, const char *path, unsigned flags,
		uint64_t stamp, const struct store_recipient *who);

#endif
