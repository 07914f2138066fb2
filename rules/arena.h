/*
 * Memory that is freed all at once: a compiled script lives in one arena, and
 * so does what one run of it makes.
 */
#ifndef OKAPI_RULES_ARENA_H
#define OKAPI_RULES_ARENA_H

#include "base.h"

struct sieve_arena;

struct sieve_arena *sieve_arena_new(void);
void sieve_arena_free(struct sieve_arena *arena);
AUTO_DEFINE(sieve_arena, sieve_arena_free);

/* Octets it takes, without what objects that were moved in have. */
size_t sieve_arena_size(const struct sieve_arena *arena);
/* Zeroed, aligned for any type; lives as long as the arena. */
void *sieve_arena_alloc(struct sieve_arena *arena, size_t size);
/* A copy of len octets with a NUL behind them. */
char *sieve_arena_copy(struct sieve_arena *arena, const char *text, size_t len);
/* Moves an object in: destroy(object) is called when the arena is freed.
 * Returns it. */
void *sieve_arena_own(struct sieve_arena *arena, void *object,
		      GDestroyNotify destroy);

#endif
