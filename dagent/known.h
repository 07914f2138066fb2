/*
 * What the store said before: recipients, rules of users, places that rules
 * name.  Kept as long as the stamp of settings stays the same, some megabytes
 * of them.  Not recipients with a quota, whose use changes with each delivery.
 */
#ifndef OKAPI_DAGENT_KNOWN_H
#define OKAPI_DAGENT_KNOWN_H

#include "rule_list.h"
#include "store/place.h"
#include "store/users.h"

struct known;

/* Thread-safe.  Owned; where the stamp cannot be read nothing is kept. */
struct known *known_new(const char *store_path);
void known_free(struct known *known);
AUTO_DEFINE(known, known_free);

/* What was known for mail to a store is asked again: it was of no use. */
void known_forget(struct known *known, int64_t owner);

/* Of each kind: what is known, or NULL (false); ret_stamp goes to
 * known_keep...() with what the store says then.  known may be NULL: then
 * nothing is, and nothing is kept. */

/* The recipient of that path and those flags; owned. */
struct store_recipient *known_find(struct known *known, const char *path,
				   unsigned flags, uint64_t *ret_stamp);
void known_keep(struct known *known, const char *path, unsigned flags,
		uint64_t stamp, const struct store_recipient *who);

/* The rules of a store; owned, rule_list_unref(). */
struct rule_list *known_find_rules(struct known *known, int64_t store_id,
				   uint64_t *ret_stamp);
void known_keep_rules(struct known *known, int64_t store_id, uint64_t stamp,
		      struct rule_list *rules);

/* Where mail for a folder goes, as store_place_find() has it. */
struct known_place {
	const struct store_place_owner *owner;
	const char *path;
	const char *special_use; /* or NULL */
};
bool known_find_place(struct known *known, const struct known_place *question,
		      struct store_place *ret_place, uint64_t *ret_stamp);
/* A folder that is there and may be used; others are not kept. */
void known_keep_place(struct known *known, const struct known_place *question,
		      uint64_t stamp, const struct store_place *place);

#endif
