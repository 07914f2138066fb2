/*
 * Variables: their names, values, and strings that refer to them.
 */
#include "variable.h"

#include <string.h>

#define GLOBAL "global." /* RFC 6609 section 3.4.2 */

/* "global.name"? */
static bool is_global(const char *name, size_t len)
{
	return len > strlen(GLOBAL) &&
	       g_ascii_strncasecmp(name, GLOBAL, strlen(GLOBAL)) == 0 &&
	       !g_ascii_isdigit(name[strlen(GLOBAL)]) &&
	       !memchr(name + strlen(GLOBAL), '.', len - strlen(GLOBAL));
}

/* The table a variable is in; key: in lower case, without its namespace from
 * then on. */
static GHashTable *find_table(const struct sieve_run *run, const char **key)
{
	if (g_str_has_prefix(*key, GLOBAL)) {
		*key += strlen(GLOBAL);
		return run->globals;
	}
	return g_hash_table_contains(run->declared, *key) ? run->globals
							  : run->variables;
}

/* The reference text begins with ("${name}"): its octets, or 0.  The name is
 * at text + 2. */
static size_t reference_length(const char *text)
{
	size_t len = 2;

	if (text[0] != '$' || text[1] != '{')
		return 0;
	if (g_ascii_isdigit(text[len])) {
		while (g_ascii_isdigit(text[len]))
			len++;
	} else {
		if (!g_ascii_isalpha(text[len]) && text[len] != '_')
			return 0;
		while (g_ascii_isalnum(text[len]) || text[len] == '_' ||
		       text[len] == '.')
			len++;
	}
	return text[len] == '}' ? len + 1 : 0;
}

GHashTable *sieve_variables_new(void)
{
	return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
}

GHashTable *sieve_names_new(void)
{
	return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

int sieve_variables_check(const char *text, bool has_globals,
			  const char **ret_why)
{
	int found = 0;

	for (; *text; text++) {
		size_t len = reference_length(text);

		if (!len)
			continue;
		if (memchr(text, '.', len) &&
		    !(has_globals && is_global(text + 2, len - 3))) {
			*ret_why = "there is no such namespace of variables";
			return -1;
		}
		if (g_ascii_isdigit(text[2]) &&
		    g_ascii_strtoull(text + 2, NULL, 10) >= RUN_MATCHES) {
			*ret_why = "match variables go from ${0} to ${32}";
			return -1;
		}
		found = 1;
	}
	return found;
}

bool sieve_variable_name_is_valid(const char *name)
{
	if (g_ascii_strncasecmp(name, GLOBAL, strlen(GLOBAL)) == 0)
		name += strlen(GLOBAL);
	if ((!g_ascii_isalpha(*name) && *name != '_') ||
	    strlen(name) > RUN_VARIABLE_NAME)
		return false;
	while (g_ascii_isalnum(*name) || *name == '_')
		name++;
	return *name == '\0';
}

size_t sieve_variable_max(const struct sieve_run *run)
{
	const struct sieve_settings *settings = run->message->settings;

	return settings && settings->variable_max ? settings->variable_max
						  : RUN_VARIABLE_MAX;
}

const char *sieve_variable_get(const struct sieve_run *run, const char *name)
{
	g_autofree char *key = g_ascii_strdown(name, -1);
	const char *at = key;
	GHashTable *table = find_table(run, &at);
	const char *value = g_hash_table_lookup(table, at);

	return value ? value : "";
}

void sieve_variable_set(struct sieve_run *run, const char *name,
			const char *value)
{
	g_autofree char *key = g_ascii_strdown(name, -1);
	const char *at = key;
	GHashTable *table = find_table(run, &at);
	size_t max = sieve_variable_max(run);
	size_t len = strlen(value);

	if (!g_hash_table_contains(table, at) &&
	    g_hash_table_size(table) >= RUN_VARIABLES_MAX) {
		sieve_run_fail(run, "more than %d variables",
			       RUN_VARIABLES_MAX);
		return;
	}
	if (len > max) {
		len = max;
		while (len > 0 && ((unsigned char)value[len] & 0xc0u) == 0x80u)
			len--;
	}
	sieve_run_spend(run, len);
	(void)g_hash_table_replace(table, g_strdup(at), g_strndup(value, len));
}

static const char *reference_value(const struct sieve_run *run,
				   const char *name, size_t len)
{
	g_autofree char *key = g_strndup(name, len);

	if (g_ascii_isdigit(*key)) {
		guint64 number = g_ascii_strtoull(key, NULL, 10);
		const char *match =
			number < RUN_MATCHES ? run->matches[number] : NULL;

		return match ? match : "";
	}
	return sieve_variable_get(run, key);
}

char *sieve_variables_expand(struct sieve_run *run, const char *text)
{
	GString *result = g_string_new(NULL);

	sieve_run_spend(run, 8 * strlen(text));
	while (*text && result->len <= RUN_STRING_MAX) {
		size_t len = reference_length(text);

		if (len) {
			g_string_append(result, reference_value(run, text + 2,
								len - 3));
			text += len;
		} else {
			g_string_append_c(result, *text++);
		}
	}
	sieve_run_spend(run, 4 * result->len + 1); /* memory, too */
	if (result->len > RUN_STRING_MAX)
		sieve_run_fail(run, "string is longer than %d octets",
			       RUN_STRING_MAX);
	return g_string_free(result, FALSE);
}
