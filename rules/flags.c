/*
 * IMAP flags and keywords.
 */
#include "flags.h"

#include "run.h"

#include <string.h>

GPtrArray *sieve_flags_new(void)
{
	return g_ptr_array_new_with_free_func(g_free);
}

/* "\Seen" and its like, or an IMAP atom. */
static bool is_flag(const char *flag)
{
	static const char *const system_flags[] = {
		"\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft",
	};

	if (*flag == '\\') {
		for (size_t i = 0; i < G_N_ELEMENTS(system_flags); i++)
			if (g_ascii_strcasecmp(flag, system_flags[i]) == 0)
				return true;
		return false;
	}
	for (const char *c = flag; *c; c++)
		if ((unsigned char)*c <= 0x20 || (unsigned char)*c >= 0x7f ||
		    strchr("(){%*\"\\]", *c))
			return false;
	return *flag != '\0' && strlen(flag) <= 255;
}

static bool find(const GPtrArray *flags, const char *flag, guint *ret_at)
{
	for (guint i = 0; i < flags->len; i++) {
		if (g_ascii_strcasecmp(flags->pdata[i], flag) != 0)
			continue;
		*ret_at = i;
		return true;
	}
	return false;
}

void sieve_flags_put(GPtrArray *flags, const char *flag)
{
	guint at;

	if (flags->len < RUN_FLAGS_MAX && !find(flags, flag, &at))
		g_ptr_array_add(flags, g_strdup(flag));
}

void sieve_flags_add(GPtrArray *flags, const char *text)
{
	g_auto(GStrv) words = g_strsplit_set(text, " \t\r\n", -1);

	for (char **word = words; *word; word++)
		if (is_flag(*word))
			sieve_flags_put(flags, *word);
}

void sieve_flags_remove(GPtrArray *flags, const char *text)
{
	g_auto(GStrv) words = g_strsplit_set(text, " \t\r\n", -1);
	guint at;

	for (char **word = words; *word; word++)
		if (find(flags, *word, &at))
			g_ptr_array_remove_index(flags, at);
}

char *sieve_flags_format(const GPtrArray *flags)
{
	GString *text = g_string_new(NULL);

	for (guint i = 0; i < flags->len; i++) {
		if (i > 0)
			g_string_append_c(text, ' ');
		g_string_append(text, flags->pdata[i]);
	}
	return g_string_free(text, FALSE);
}
