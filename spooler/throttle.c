/*
 * The rate of each user's submissions; see throttle.h.
 */
#include "throttle.h"

#include <pthread.h>

#define THROTTLE_USERS_MAX 10000
#define THROTTLE_MINUTE    (60 * USEC_PER_SEC)

struct throttle {
	pthread_mutex_t lock;
	/* user -> when the bucket is, or was, full again: as far in the future
	 * as what was taken takes to come back */
	GHashTable *full_at;
};

struct throttle *throttle_new(void)
{
	struct throttle *throttle = g_new0(struct throttle, 1);

	pthread_mutex_init(&throttle->lock, NULL);
	throttle->full_at = g_hash_table_new_full(g_int64_hash, g_int64_equal,
						  g_free, g_free);
	return throttle;
}

void throttle_free(struct throttle *throttle)
{
	if (!throttle)
		return;
	g_hash_table_unref(throttle->full_at);
	pthread_mutex_destroy(&throttle->lock);
	g_free(throttle);
}

static gboolean throttle_is_full(gpointer key G_GNUC_UNUSED, gpointer value,
				 gpointer now)
{
	return *(const int64_t *)value <= *(const int64_t *)now;
}

/* What is full again need not be remembered. */
static int64_t *throttle_find(struct throttle *throttle, int64_t user,
			      int64_t now)
{
	int64_t *full_at = g_hash_table_lookup(throttle->full_at, &user);

	if (full_at)
		return full_at;
	if (g_hash_table_size(throttle->full_at) >= THROTTLE_USERS_MAX)
		(void)g_hash_table_foreach_remove(throttle->full_at,
						  throttle_is_full, &now);
	full_at = g_new0(int64_t, 1);
	*full_at = now;
	g_hash_table_insert(throttle->full_at, g_memdup2(&user, sizeof(user)),
			    full_at);
	return full_at;
}

int throttle_take(struct throttle *throttle, int64_t user, int64_t per_minute,
		  int64_t now, struct fault *fault)
{
	int64_t *full_at;
	int64_t next;
	int64_t wait;

	if (per_minute <= 0)
		return 0;
	pthread_mutex_lock(&throttle->lock);
	full_at = throttle_find(throttle, user, now);
	next = MAX(*full_at, now) + THROTTLE_MINUTE / per_minute;
	wait = next - now - THROTTLE_MINUTE;
	if (wait <= 0)
		*full_at = next;
	pthread_mutex_unlock(&throttle->lock);
	if (wait > 0)
		return fault_set(fault, FAULT_TOO_MANY,
				 "more than %" G_GINT64_FORMAT
				 " messages a minute: try again in "
				 "%" G_GINT64_FORMAT " s",
				 per_minute, wait / USEC_PER_SEC + 1);
	return 0;
}
