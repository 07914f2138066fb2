/*
 * One table of all kinds, each with a key of its own, of one stamp at a time.
 */
#include "known.h"

#include <pthread.h>
#include <string.h>

/* Scripts of rules count here, although scripts.c has the same ones. */
#define KNOWN_OCTETS_MAX ((size_t)16 * 1024 * 1024)
/* Of an entry, besides its texts: itself, its key's and its own place in the
 * table, what malloc(3) adds. */
#define KNOWN_ENTRY_OCTETS ((size_t)256)

/* One of three. */
struct known_value {
	int64_t owner; /* the store of whose mail asks for it */
	size_t octets; /* about, with its key */
	struct store_recipient *who;
	struct rule_list *rules;
	struct store_place place;
	ptrdiff_t below; /* of place, counted from the path's beginning */
};

struct known {
	struct store_stamp *stamp; /* NULL: nothing is kept */
	pthread_mutex_t mutex;     /* of all below */
	GHashTable *table;         /* key -> struct known_value */
	size_t octets;             /* of all in it */
	uint64_t table_stamp;
};

static void known_free_value(gpointer data)
{
	struct known_value *value = data;

	if (value->who)
		store_recipient_free(value->who);
	if (value->rules)
		rule_list_unref(value->rules);
	g_free(value);
}

struct known *known_new(const char *store_path)
{
	struct known *known = g_new0(struct known, 1);

	(void)pthread_mutex_init(&known->mutex, NULL);
	known->table = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
					     known_free_value);
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

struct known_question {
	int64_t owner;
	size_t octets; /* of what is found */
};

static gboolean known_is_of(gpointer key, gpointer data, gpointer context)
{
	const struct known_value *value = data;
	struct known_question *question = context;

	(void)key;
	if (value->owner != question->owner)
		return FALSE;
	question->octets += value->octets;
	return TRUE;
}

void known_forget(struct known *known, int64_t owner)
{
	struct known_question question = {owner, 0};

	if (!known)
		return;
	(void)pthread_mutex_lock(&known->mutex);
	(void)g_hash_table_foreach_remove(known->table, known_is_of, &question);
	known->octets -= question.octets;
	(void)pthread_mutex_unlock(&known->mutex);
}

/* ---- the table ---- */

/* Under the mutex: what was kept under another stamp goes. */
static void known_turn(struct known *known, uint64_t stamp)
{
	if (known->table_stamp == stamp && known->octets < KNOWN_OCTETS_MAX)
		return;
	g_hash_table_remove_all(known->table);
	known->octets = 0;
	known->table_stamp = stamp;
}

/* A copy of what a value holds; false: there is none. */
static bool known_look(struct known *known, const char *key,
		       struct known_value *ret_value, uint64_t *ret_stamp)
{
	const struct known_value *found = NULL;

	*ret_stamp = known && known->stamp ? store_stamp_read(known->stamp) : 0;
	if (!*ret_stamp)
		return false;
	(void)pthread_mutex_lock(&known->mutex);
	if (known->table_stamp == *ret_stamp)
		found = g_hash_table_lookup(known->table, key);
	if (found) {
		*ret_value = *found;
		if (found->who)
			ret_value->who = store_recipient_copy(found->who);
		if (found->rules)
			ret_value->rules = rule_list_ref(found->rules);
	}
	(void)pthread_mutex_unlock(&known->mutex);
	return found;
}

/* value: what it holds is moved in; key: moved in. */
static void known_put(struct known *known, char *key, uint64_t stamp,
		      const struct known_value *value)
{
	struct known_value *kept = g_memdup2(value, sizeof(*value));
	const struct known_value *there;

	kept->octets += KNOWN_ENTRY_OCTETS + strlen(key);
	(void)pthread_mutex_lock(&known->mutex);
	/* One that is older than what is kept by now is of no use. */
	if (stamp >= known->table_stamp) {
		known_turn(known, stamp);
		there = g_hash_table_lookup(known->table, key);
		known->octets += kept->octets - (there ? there->octets : 0);
		g_hash_table_replace(known->table, g_steal_pointer(&key),
				     g_steal_pointer(&kept));
	}
	(void)pthread_mutex_unlock(&known->mutex);
	g_free(key);
	if (kept)
		known_free_value(kept);
}

/* ---- recipients ---- */

static char *known_key(const char *path, unsigned flags)
{
	const char kind[] = {'w', (char)('0' + flags), ' ', '\0'};

	return g_strconcat(kind, path, NULL);
}

static size_t known_text(const char *text)
{
	return text ? strlen(text) : 0;
}

struct store_recipient *known_find(struct known *known, const char *path,
				   unsigned flags, uint64_t *ret_stamp)
{
	g_autofree char *key = known_key(path, flags);
	struct known_value value = {0};

	(void)known_look(known, key, &value, ret_stamp);
	return value.who;
}

void known_keep(struct known *known, const char *path, unsigned flags,
		uint64_t stamp, const struct store_recipient *who)
{
	if (known && stamp && who->quota_hard <= 0)
		known_put(known, known_key(path, flags), stamp,
			  &(struct known_value){
				  .owner = who->store,
				  .octets = known_text(who->name) +
					    known_text(who->email) +
					    known_text(who->detail),
				  .who = store_recipient_copy(who)});
}

/* ---- rules ---- */

static char *known_rules_key(int64_t store_id)
{
	return g_strdup_printf("rules %" G_GINT64_FORMAT, store_id);
}

struct rule_list *known_find_rules(struct known *known, int64_t store_id,
				   uint64_t *ret_stamp)
{
	g_autofree char *key = known_rules_key(store_id);
	struct known_value value = {0};

	(void)known_look(known, key, &value, ret_stamp);
	return value.rules;
}

void known_keep_rules(struct known *known, int64_t store_id, uint64_t stamp,
		      struct rule_list *rules)
{
	if (known && stamp)
		known_put(known, known_rules_key(store_id), stamp,
			  &(struct known_value){
				  .owner = store_id,
				  .octets = rules->octets,
				  .rules = rule_list_ref(rules),
			  });
}

/* ---- places ---- */

static char *known_place_key(const struct known_place *question)
{
	return g_strdup_printf(
		"place %" G_GINT64_FORMAT " %" G_GINT64_FORMAT " %zu %s %s",
		question->owner->user, question->owner->store,
		question->special_use ? strlen(question->special_use) : 0,
		question->special_use ? question->special_use : "",
		question->path);
}

bool known_find_place(struct known *known, const struct known_place *question,
		      struct store_place *ret_place, uint64_t *ret_stamp)
{
	g_autofree char *key = known_place_key(question);
	struct known_value value = {0};

	if (!known_look(known, key, &value, ret_stamp))
		return false;
	*ret_place = value.place;
	/* It ends what was asked for. */
	ret_place->below = question->path + value.below;
	return true;
}

void known_keep_place(struct known *known, const struct known_place *question,
		      uint64_t stamp, const struct store_place *place)
{
	if (known && stamp && place->folder && place->may)
		known_put(known, known_place_key(question), stamp,
			  &(struct known_value){
				  .owner = question->owner->store,
				  .place = *place,
				  .below = place->below - question->path,
			  });
}
