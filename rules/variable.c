/*
 * Variables: their names, values, and strings that refer to them.
 */
#include "variable.h"

#include <string.h>

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

int sieve_variables_check(const char *text, const char **ret_why)
{
	int found = 0;

	for (; *text; text++) {
		size_t len = reference_length(text);

		if (!len)
			continue;
		if (memchr(text, '.', len)) {
			*ret_why = "there are no variables with a namespace";
			return -1;
		}
		if (g_ascii_isdigit(text[2]) && len > strlen("${0}")) {
			*ret_why = "match variables go from ${0} to ${9}";
			return -1;
		}
		found = 1;
	}
	return found;
}

bool sieve_variable_name_is_valid(const char *name)
{
	if (!g_ascii_isalpha(*name) && *name != '_')
		return false;
	while (g_ascii_isalnum(*name) || *name == '_')
		name++;
	return *name == '\0';
}

const char *sieve_variable_get(const struct sieve_run *run, const char *name)
{
	g_autofree char *key = g_ascii_strdown(name, -1);
	const char *value = g_hash_table_lookup(run->variables, key);

	return value ? value : "";
}

void sieve_variable_set(struct sieve_run *run, const char *name,
			const char *value)
{
	char *key = g_ascii_strdown(name, -1);
	size_t len = strlen(value);

	if (!g_hash_table_contains(run->variables, key) &&
	    g_hash_table_size(run->variables) >= RUN_VARIABLES_MAX) {
		g_free(key);
		sieve_run_fail(run, "more than %d variables",
			       RUN_VARIABLES_MAX);
		return;
	}
	if (len > RUN_VARIABLE_MAX) {
		len = RUN_VARIABLE_MAX;
		while (len > 0 && ((unsigned char)value[len] & 0xc0u) == 0x80u)
			len--;
	}
	sieve_run_spend(run, len);
	(void)g_hash_table_replace(run->variables, key, g_strndup(value, len));
}

static const char *reference_value(const struct sieve_run *run,
				   const char *name, size_t len)
{
	g_autofree char *key = g_strndup(name, len);

	if (g_ascii_isdigit(*key)) {
		const char *match = run->matches[*key - '0'];

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
