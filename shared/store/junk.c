/*
 * Junk lists: senders and domains a user always or never wants.
 */
#include "store_internal.h"

#include <string.h>

/* The key of an address or, "@" before it or not, of a domain. */
static char *junk_key(const char *pattern)
{
	g_autofree char *at = NULL;
	g_autofree char *key = NULL;

	if (pattern[0] == '@')
		pattern++;
	if (strchr(pattern, '@'))
		return address_key(pattern);
	/* A domain: as that of an address. */
	at = g_strconcat("x@", pattern, NULL);
	key = address_key(at);
	return g_strdup(key + strlen("x@"));
}

static void junk_free_element(gpointer data)
{
	struct junk_entry *entry = data;

	g_free(entry->pattern);
	g_free(entry);
}

int store_junk_list(struct store *store, int64_t store_id,
		    GPtrArray **ret_entries, struct fault *fault)
{
	g_autoptr(GPtrArray) entries =
		g_ptr_array_new_with_free_func(junk_free_element);
	ROWS rows = {0};
	int rc;

	if (rows_open(store, &rows, fault,
		      "SELECT pattern, verdict FROM junk WHERE store = ?"
		      " ORDER BY pattern",
		      "i", store_id))
		return -1;
	while ((rc = rows_next(&rows, fault)) == 1) {
		struct junk_entry *entry = g_new0(struct junk_entry, 1);

		entry->pattern = rows_text(&rows, 0);
		entry->verdict = (enum junk_verdict)rows_int(&rows, 1);
		g_ptr_array_add(entries, entry);
	}
	if (rc)
		return -1;
	*ret_entries = g_steal_pointer(&entries);
	return 0;
}

/* What a domain may have: letters, digits, what is not ASCII (before it is an
 * A-label), and no empty label. */
static bool junk_is_domain(const char *domain)
{
	bool is_label = false;

	for (; *domain; domain++) {
		unsigned char c = (unsigned char)*domain;

		if (c == '.' ? !is_label
			     : !(g_ascii_isalnum(c) || c == '-' || c == '_' ||
				 c >= 0x80))
			return false;
		is_label = c != '.';
	}
	return is_label;
}

/* "[192.0.2.1]", "[IPv6:2001:db8::1]": the address of a host (RFC 5321
 * 4.1.3). */
static bool junk_is_literal(const char *domain)
{
	size_t len = strlen(domain);

	return len > 2 && domain[0] == '[' && domain[len - 1] == ']' &&
	       strspn(domain + 1, "0123456789abcdefghijklmnopqrstuvwxyz.:") ==
		       len - 2;
}

static bool junk_is_pattern(const char *key)
{
	const char *at = strrchr(key, '@');
	const char *domain = at ? at + 1 : key;

	if (strpbrk(key, " \t\r\n<>,") || at == key)
		return false;
	return junk_is_domain(domain) || junk_is_literal(domain);
}

int store_junk_set(struct store *store, int64_t store_id, const char *pattern,
		   enum junk_verdict verdict, struct fault *fault)
{
	g_autofree char *key = junk_key(pattern);
	int64_t change;

	if (verdict != JUNK_ALLOW && verdict != JUNK_BLOCK)
		return fault_set(fault, FAULT_BAD_ARGUMENT,
				 "a junk entry allows or blocks");
	if (!junk_is_pattern(key))
		return fault_set(fault, FAULT_BAD_ADDRESS,
				 "'%s' is neither an address nor a domain",
				 pattern);
	if (store_need_unit(store, fault) ||
	    store_bump(store, store_id, &change, fault))
		return -1;
	return sql_run(store, fault,
		       "INSERT OR REPLACE INTO junk (store, pattern, verdict)"
		       " VALUES (?, ?, ?)",
		       "itd", store_id, key, (int)verdict);
}

int store_junk_remove(struct store *store, int64_t store_id,
		      const char *pattern, struct fault *fault)
{
	g_autofree char *key = junk_key(pattern);
	int64_t change;

	if (store_need_unit(store, fault) ||
	    store_bump(store, store_id, &change, fault) ||
	    sql_run(store, fault,
		    "DELETE FROM junk WHERE store = ? AND pattern = ?", "it",
		    store_id, key))
		return -1;
	if (!sqlite3_changes(store->db))
		return fault_set(fault, FAULT_NOT_FOUND,
				 "%s is in neither list", pattern);
	return 0;
}

/*
 * The address decides before its domain, a domain before the one above it
 * (mail.example.com, example.com).
 */
int store_junk_look(struct store *store, int64_t store_id, const char *address,
		    enum junk_verdict *ret_verdict, char **ret_pattern,
		    struct fault *fault)
{
	g_autofree char *key = address_key(address);
	const char *pattern = key;
	int64_t verdict = JUNK_UNKNOWN;

	while (pattern && *pattern) {
		const char *at = strrchr(pattern, '@');
		const char *dot = strchr(pattern, '.');
		int rc = sql_get(store, fault, &verdict,
				 "SELECT verdict FROM junk"
				 " WHERE store = ? AND pattern = ?",
				 "it", store_id, pattern);

		if (rc < 0)
			return -1;
		if (rc == 1)
			break;
		pattern = at ? at + 1 : dot ? dot + 1 : NULL;
	}
	*ret_verdict = (enum junk_verdict)verdict;
	*ret_pattern = verdict == JUNK_UNKNOWN ? NULL : g_strdup(pattern);
	return 0;
}
