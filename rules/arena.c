/*
 * A bump allocator, so that nodes of a script need no frees of their own.
 */
#include "arena.h"

#include <string.h>

#define CHUNK_SIZE 4096u
#define ALIGNMENT  16u

struct owned {
	struct owned *next;
	void *object;
	GDestroyNotify destroy;
};

struct sieve_arena {
	GPtrArray *chunks;
	struct owned *owned;
	char *free;
	size_t left;
	size_t size; /* of all chunks */
};

struct sieve_arena *sieve_arena_new(void)
{
	struct sieve_arena *arena = g_new0(struct sieve_arena, 1);

	arena->chunks = g_ptr_array_new_with_free_func(g_free);
	return arena;
}

void sieve_arena_free(struct sieve_arena *arena)
{
	if (!arena)
		return;
	for (struct owned *owned = arena->owned; owned; owned = owned->next)
		owned->destroy(owned->object);
	g_ptr_array_unref(arena->chunks);
	g_free(arena);
}

void *sieve_arena_alloc(struct sieve_arena *arena, size_t size)
{
	size_t want = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
	void *memory;

	if (want > CHUNK_SIZE / 4) { /* large ones stand alone */
		memory = g_malloc0(want);
		g_ptr_array_add(arena->chunks, memory);
		arena->size += want;
		return memory;
	}
	if (want > arena->left) {
		arena->free = g_malloc0(CHUNK_SIZE);
		arena->left = CHUNK_SIZE;
		g_ptr_array_add(arena->chunks, arena->free);
		arena->size += CHUNK_SIZE;
	}
	memory = arena->free;
	arena->free += want;
	arena->left -= want;
	return memory;
}

size_t sieve_arena_size(const struct sieve_arena *arena)
{
	return arena->size;
}

char *sieve_arena_copy(struct sieve_arena *arena, const char *text, size_t len)
{
	char *copy = sieve_arena_alloc(arena, len + 1);

	if (len)
		memcpy(copy, text, len);
	return copy;
}

void *sieve_arena_own(struct sieve_arena *arena, void *object,
		      GDestroyNotify destroy)
{
	struct owned *owned = sieve_arena_alloc(arena, sizeof(*owned));

	owned->next = arena->owned;
	owned->object = object;
	owned->destroy = destroy;
	arena->owned = owned;
	return object;
}
