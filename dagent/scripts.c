/*
 * The cache of compiled scripts.
 */
#include "scripts.h"

#include "rules/sieve.h"
#include "store/settings.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

#define SCRIPTS_OCTETS_MAX                                                     \
 ((size_t)16 * 1024 * 1024) /* then the cache begins anew */

struct scripts {
	pthread_mutex_t lock;
	GHashTable *by_key; /* char * -> struct script */
	size_t octets;      /* of those that were put in */
};

struct script *script_ref(struct script *script)
{
	g_atomic_int_inc(&script->references);
	return script;
}

void script_unref(struct script *script)
{
	if (!g_atomic_int_dec_and_test(&script->references))
		return;
	if (script->compiled)
		sieve_script_free(script->compiled);
	g_free(script->name);
	g_free(script->error);
	g_free(script);
}

size_t script_size(const struct script *script)
{
	return sizeof(*script) +
	       (script->compiled ? sieve_script_size(script->compiled) : 0);
}

static void script_unref_data(gpointer data)
{
	script_unref(data);
}

struct scripts *scripts_new(void)
{
	struct scripts *scripts = g_new0(struct scripts, 1);

	pthread_mutex_init(&scripts->lock, NULL);
	scripts->by_key = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
						script_unref_data);
	return scripts;
}

void scripts_free(struct scripts *scripts)
{
	g_hash_table_unref(scripts->by_key);
	pthread_mutex_destroy(&scripts->lock);
	g_free(scripts);
}

static struct script *script_compile(const char *name, const char *text,
				     size_t len)
{
	struct script *script = g_new0(struct script, 1);
	struct sieve_error error = {0};
	struct fault fault = {0};

	script->references = 1;
	script->name = g_strdup(name);
	script->compiled = sieve_compile(name, text, len, &error, &fault);
	if (!script->compiled)
		script->error = g_strdup(fault.text);
	return script;
}

static struct script *scripts_find(struct scripts *scripts, const char *key)
{
	struct script *script;

	pthread_mutex_lock(&scripts->lock);
	script = g_hash_table_lookup(scripts->by_key, key);
	if (script)
		script_ref(script);
	pthread_mutex_unlock(&scripts->lock);
	return script;
}

static void scripts_keep(struct scripts *scripts, const char *key,
			 struct script *script)
{
	pthread_mutex_lock(&scripts->lock);
	if (scripts->octets >= SCRIPTS_OCTETS_MAX) {
		g_hash_table_remove_all(scripts->by_key);
		scripts->octets = 0;
	}
	scripts->octets += strlen(key) + script_size(script);
	g_hash_table_replace(scripts->by_key, g_strdup(key),
			     script_ref(script));
	pthread_mutex_unlock(&scripts->lock);
}

struct script *scripts_of_rule(struct scripts *scripts,
			       const struct store_rule *rule)
{
	g_autofree char *key =
		g_strdup_printf("%" G_GINT64_FORMAT ":%" G_GINT64_FORMAT ":%s",
				rule->id, rule->version, rule->name);
	struct script *script = scripts_find(scripts, key);

	if (script)
		return script;
	script = script_compile(rule->name, rule->script, strlen(rule->script));
	scripts_keep(scripts, key, script);
	return script;
}

static int scripts_read(const char *path, char **ret_text, size_t *ret_len,
			struct fault *fault)
{
	g_autoptr(GError) error = NULL;

	if (g_file_get_contents(path, ret_text, ret_len, &error))
		return 0;
	return fault_set(fault, FAULT_IO, "cannot read Sieve script: %s",
			 error->message);
}

int scripts_of_file(struct scripts *scripts, const char *path,
		    struct script **ret_script, struct fault *fault)
{
	g_autofree char *key = NULL;
	g_autofree char *text = NULL;
	struct script *script;
	struct stat st;
	size_t len = 0;

	if (stat(path, &st) < 0)
		return fault_set_errno(fault, FAULT_IO, errno,
				       "cannot read Sieve script %s", path);
	if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode))
		return fault_set(fault, FAULT_IO,
				 "cannot read Sieve script %s: it is no file",
				 path);
	key = g_strdup_printf("%s:%lld:%lld.%09ld:%llu", path,
			      (long long)st.st_size,
			      (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
			      (unsigned long long)st.st_ino);
	script = scripts_find(scripts, key);
	if (!script) {
		if (scripts_read(path, &text, &len, fault))
			return -1;
		script = script_compile(path, text, len);
		scripts_keep(scripts, key, script);
	}
	*ret_script = script;
	return 0;
}
