/*
 * A table by path and flags, of one stamp at a time.
 */
#include "known.h"

#include <pthread.h>

#define KNOWN_MAX 4096 /* recipients; some 1 MB */

struct known {
	struct store_stamp *stamp; /* NULL: nothing is kept */
	pthread_mutex_t mutex;     /* of all below */
	GHashTable *table;         /* key -> struct store_recipient */
	uint64_t table_stamp;
};

static void known_free_recipient(gpointer recipient)
{
	store_recipient_free(recipient);
}

struct known *known_new(const char *store_path)
{
	struct known *known = g_new0(struct known, 1);

	(void)pthread_mutex_init(&known->mutex, NULL);
	known->table = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
					     known_free_recipient);
	if (store_stamp_open(store_path, &known->stamp, NULL))
		known->stamp = NULL;
	return known;
}

void known_free(struct known *known)
{
	if (!known)
		return;
	store_stamp_close(known->stamp);
	g_hash_table_destroy(known->table);
	(void)pthread_mutex_destroy(&known->mutex);
	g_free(known);
}

static char *known_key(const char *path, unsigned flags)
{
	return g_strdup_printf("%u %s", flags, path);
}

/* Under the mutex: what was kept under another stamp goes. */
static void known_turn(struct known *known, uint64_t stamp)
{
	if (known->table_stamp == stamp &&
	    g_hash_table_size(known->table) < KNOWN_MAX)
		return;
	g_hash_table_remove_all(known->table);
	known->table_stamp = stamp;
}

struct store_recipient *known_find(struct known *known, const char *path,
				   unsigned flags, uint64_t *ret_stamp)
{
	g_autofree char *key = NULL;
	const struct store_recipient *found = NULL;
	struct store_recipient *copy = NULL;

	*ret_stamp = known->stamp ? store_stamp_read(known->stamp) : 0;
	if (!*ret_stamp)
		return NULL;
	key = known_key(path, flags);
	(void)pthread_mutex_lock(&known->mutex);
	if (known->table_stamp == *ret_stamp)
		found = g_hash_table_lookup(known->table, key);
	if (found)
		copy = store_recipient_copy(found);
	(void)pthread_mutex_unlock(&known->mutex);
	return copy;
}

void known_keep(struct known *known, const char *path, unsigned flags,
		uint64_t stamp, const struct store_recipient *who)
{
	if (!stamp || who->quota_hard > 0)
		return;
	(void)pthread_mutex_lock(&known->mutex);
	/* One that is older than what is kept by now is of no use. */
	if (stamp >= known->table_stamp) {
		known_turn(known, stamp);
		g_hash_table_replace(known->table, known_key(path, flags),
				     store_recipient_copy(who));
	}
	(void)pthread_mutex_unlock(&known->mutex);
}
