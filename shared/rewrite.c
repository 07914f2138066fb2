/*
 * Other addresses for senders; see rewrite.h.
 */
#include "rewrite.h"

#include "smtp/smtp_server.h"

#include <string.h>

struct rewrite {
	GHashTable *rows; /* folded address, "@domain" or "*" -> new */
};

void rewrite_free(struct rewrite *rewrite)
{
	if (!rewrite)
		return;
	g_hash_table_unref(rewrite->rows);
	g_free(rewrite);
}

/* "a@b" or "@b". */
static bool rewrite_check(const char *text)
{
	g_autofree char *whole =
		*text == '@' ? g_strconcat("x", text, NULL) : g_strdup(text);

	return smtp_path_check(whole, true, true);
}

struct rewrite *rewrite_new(void)
{
	struct rewrite *rewrite = g_new0(struct rewrite, 1);

	rewrite->rows =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	return rewrite;
}

int rewrite_add(struct rewrite *rewrite, char *line, struct fault *fault)
{
	g_auto(GStrv) words = g_strsplit_set(g_strstrip(line), " \t", -1);
	const char *parts[3] = {0};
	size_t count = 0;
	g_autofree char *old = NULL;

	if (!*line || *line == '#')
		return 0;
	if (!g_utf8_validate(line, -1, NULL))
		return fault_set(fault, FAULT_CONFIG, "it is not UTF-8");
	for (char **word = words; *word; word++)
		if (**word && count < G_N_ELEMENTS(parts))
			parts[count++] = *word;
	if (count != 2)
		return fault_set(fault, FAULT_CONFIG,
				 "an address and what is sent instead of it");
	for (size_t i = 0; i < 2; i++)
		if (!rewrite_check(parts[i]) &&
		    !(i == 0 && strcmp(parts[i], "*") == 0))
			return fault_set(fault, FAULT_CONFIG,
					 "'%s' is no address and no @domain",
					 parts[i]);
	old = g_utf8_casefold(parts[0], -1);
	if (g_hash_table_contains(rewrite->rows, old))
		return fault_set(fault, FAULT_CONFIG, "%s stands here twice",
				 parts[0]);
	g_hash_table_insert(rewrite->rows, g_steal_pointer(&old),
			    g_strdup(parts[1]));
	return 0;
}

int rewrite_read(const char *path, struct rewrite **ret_rewrite,
		 struct fault *fault)
{
	AUTO(rewrite) rewrite = NULL;
	g_autoptr(GError) error = NULL;
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;

	*ret_rewrite = NULL;
	if (!*path)
		return 0;
	if (!g_file_get_contents(path, &text, NULL, &error))
		return fault_set(fault, FAULT_CONFIG, "sender_rewrite: %s",
				 error->message);
	rewrite = rewrite_new();
	lines = g_strsplit(text, "\n", -1);
	for (size_t i = 0; lines[i]; i++)
		if (rewrite_add(rewrite, lines[i], fault) != 0)
			return fault_prefix(fault, "sender_rewrite: %s:%zu",
					    path, i + 1);
	*ret_rewrite = g_steal_pointer(&rewrite);
	return 0;
}

char *rewrite_find(const struct rewrite *rewrite, const char *address)
{
	g_autofree char *key = NULL;
	const char *domain;
	const char *new;

	if (!rewrite || !*address)
		return NULL;
	key = g_utf8_casefold(address, -1);
	domain = strrchr(key, '@');
	new = g_hash_table_lookup(rewrite->rows, key);
	if (!new &&domain)
		new = g_hash_table_lookup(rewrite->rows, domain);
	if (!new)
		new = g_hash_table_lookup(rewrite->rows, "*");
	if (!new)
		return NULL;
	if (*new != '@')
		return g_strdup(new);
	domain = strrchr(address, '@');
	return g_strdup_printf("%.*s%s",
			       domain ? (int)(domain - address)
				      : (int)strlen(address),
			       address, new);
}
