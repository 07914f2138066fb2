/*
 * The rules of one store, in order, each with its compiled script: what the
 * store says, made ready once for many deliveries.
 */
#ifndef OKAPI_DAGENT_RULE_LIST_H
#define OKAPI_DAGENT_RULE_LIST_H

#include "base.h"
#include "fault.h"

struct agent;
struct script;
struct store;

struct rule_list_item {
	int64_t id;
	bool is_enabled;
	bool had_error;
	unsigned flags;        /* enum store_rule_flag */
	struct script *script; /* of the list; NULL where it is not enabled */
};

/* Shared, immutable. */
struct rule_list {
	gint references;
	GArray *items; /* of struct rule_list_item */
	size_t octets; /* about what it takes in memory */
};

struct rule_list *rule_list_ref(struct rule_list *list);
void rule_list_unref(struct rule_list *list);

/* The rules of a store, as they are now: from what is known, or read and made
 * known.  Owned, rule_list_unref(). */
NODISCARD int rule_list_of(struct agent *agent, struct store *store,
			   int64_t store_id, struct rule_list **ret_list,
			   struct fault *fault);

#endif
