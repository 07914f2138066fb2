/*
 * The plan: which actions go together, and which become one.
 */
#ifndef OKAPI_RULES_PLAN_H
#define OKAPI_RULES_PLAN_H

#include "sieve.h"

struct sieve_plan *sieve_plan_new(void);
struct sieve_action *sieve_action_new(enum sieve_action_kind kind);
struct sieve_vacation *sieve_vacation_new(void);
struct sieve_letter *sieve_letter_new(void);
/* key is copied. */
struct sieve_mark *sieve_mark_new(const char *key, int64_t seconds,
				  bool is_new);
void sieve_mark_free(struct sieve_mark *mark);
void sieve_action_free(struct sieve_action *action);

/* Would action do again what one of actions does?  Then returns that one. */
struct sieve_action *sieve_action_find_same(const GPtrArray *actions,
					    const struct sieve_action *action);
/* Why action may not stand beside one of actions (RFC 5429 section 2.5), or
 * NULL. */
const char *sieve_action_conflict(const GPtrArray *actions,
				  const struct sieve_action *action);
/* Adds the flags and :create of one to the other. */
void sieve_action_merge(struct sieve_action *into,
			const struct sieve_action *from);
size_t sieve_action_count(const GPtrArray *actions,
			  enum sieve_action_kind kind);
/* Addresses that actions send to: of redirects and forwards. */
size_t sieve_action_addresses(const GPtrArray *actions);
/* The properties of one over those of the other, which may be NULL and is
 * made then. */
void sieve_properties_merge(struct propset **into, const struct propset *from);

#endif
