/*
 * Who a recipient is: login name, address, alias, subaddress, catch-all.
 *
 * All that deliver ask here, and nowhere else: users that are not rows of the
 * store (of the system, of a directory) would be looked up in resolve_key().
 */
#include "store_internal.h"

#include <string.h>

void store_recipient_free(struct store_recipient *recipient)
{
	if (!recipient)
		return;
	g_free(recipient->name);
	g_free(recipient->email);
	g_free(recipient->detail);
	g_free(recipient);
}

struct store_recipient *
store_recipient_copy(const struct store_recipient *recipient)
{
	struct store_recipient *copy = g_new(struct store_recipient, 1);

	*copy = *recipient;
	copy->name = g_strdup(recipient->name);
	copy->email = g_strdup(recipient->email);
	copy->detail = g_strdup(recipient->detail);
	return copy;
}

#define RESOLVE_COLUMNS                                                        \
 "SELECT u.id, u.store, u.name, coalesce(p.address, ''), s.size,"              \
 " u.quota_hard, u.quota_soft,"                                                \
 " (SELECT f.id FROM hierarchy f WHERE f.store = u.store AND f.role = 1"       \
 "  AND f.type = 2 AND f.deleted IS NULL),"                                    \
 " (SELECT f.id FROM hierarchy f WHERE f.store = u.store AND f.role = 6"       \
 "  AND f.type = 2 AND f.deleted IS NULL),"                                    \
 " EXISTS (SELECT 1 FROM rules r WHERE r.store = u.store AND r.enabled),"      \
 " EXISTS (SELECT 1 FROM junk j WHERE j.store = u.store),"                     \
 " EXISTS (SELECT 1 FROM oof o WHERE o.store = u.store AND o.is_on)"           \
 " FROM users u"                                                               \
 " JOIN hierarchy s ON s.id = u.store"                                         \
 " LEFT JOIN addresses p ON p.user = u.id AND p.is_primary = 1"

static const char resolve_by_address[] =
	RESOLVE_COLUMNS " JOIN addresses a ON a.user = u.id"
			" WHERE a.address_key = ? AND u.active = 1";
static const char resolve_by_name[] =
	RESOLVE_COLUMNS " WHERE u.name_key = ? AND u.kind = 1 AND u.active = 1";

/* 1 found, 0 not, -1 fault. */
static int resolve_query(struct store *store, const char *sql, const char *key,
			 struct store_recipient **ret, struct fault *fault)
{
	struct store_recipient *found;
	ROWS rows = {0};
	int rc;

	if (rows_open(store, &rows, fault, sql, "t", key))
		return -1;
	rc = rows_next(&rows, fault);
	if (rc != 1)
		return rc;
	found = g_new0(struct store_recipient, 1);
	found->user = rows_int(&rows, 0);
	found->store = rows_int(&rows, 1);
	found->name = rows_text(&rows, 2);
	found->email = rows_text(&rows, 3);
	found->used = rows_int(&rows, 4);
	found->quota_hard = rows_int(&rows, 5);
	found->quota_soft = rows_int(&rows, 6);
	found->inbox = rows_int(&rows, 7);
	found->junk = rows_int(&rows, 8);
	found->has_rules = rows_int(&rows, 9) != 0;
	found->has_lists = rows_int(&rows, 10) != 0;
	found->has_oof = rows_int(&rows, 11) != 0;
	if (found->quota_hard == QUOTA_SERVER)
		found->quota_hard = store->policy.quota_hard;
	if (found->quota_soft == QUOTA_SERVER)
		found->quota_soft = store->policy.quota_soft;
	*ret = found;
	return 1;
}

static int resolve_key(struct store *store, const char *address, unsigned flags,
		       struct store_recipient **ret, struct fault *fault)
{
	g_autofree char *key = address_key(address);
	int rc = resolve_query(store, resolve_by_address, key, ret, fault);

	if (rc || (flags & STORE_RESOLVE_ADDRESS_ONLY))
		return rc;
	return resolve_query(store, resolve_by_name, key, ret, fault);
}

/* Where the detail of a local part begins (its delimiter), or NULL. */
static const char *resolve_delimiter(const struct store *store,
				     const char *recipient)
{
	const char *delimiters = store->policy.recipient_delimiter;
	const char *at = strrchr(recipient, '@');
	const char *found;

	if (!delimiters[0] || !recipient[0])
		return NULL;
	found = strpbrk(recipient + 1, delimiters);
	return found && (!at || found < at) ? found : NULL;
}

/* "john+lists@x" as john@x; quotes that the detail took away are closed.
 * Owned. */
static char *resolve_base(const char *recipient, const char *delimiter)
{
	const char *domain = strrchr(recipient, '@');

	return g_strdup_printf("%.*s%s%s", (int)(delimiter - recipient),
			       recipient, recipient[0] == '"' ? "\"" : "",
			       domain ? domain : "");
}

/* "john+lists@x": john@x with the detail "lists". */
static int resolve_without_detail(struct store *store, const char *recipient,
				  unsigned flags, struct store_recipient **ret,
				  struct fault *fault)
{
	const char *delimiter = resolve_delimiter(store, recipient);
	const char *domain = strrchr(recipient, '@');
	g_autofree char *base = NULL;
	bool is_quoted = recipient[0] == '"';
	size_t len;
	int rc;

	if (!delimiter)
		return 0;
	base = resolve_base(recipient, delimiter);
	rc = resolve_key(store, base, flags, ret, fault);
	if (rc != 1)
		return rc;
	len = domain ? (size_t)(domain - delimiter) - 1 : strlen(delimiter + 1);
	if (is_quoted && len)
		len--;
	(*ret)->detail = g_strndup(delimiter + 1, len);
	return 1;
}

/* Is it, with the detail or without, the address of somebody inactive?  1, 0,
 * -1. */
static int resolve_is_inactive(struct store *store, const char *recipient,
			       struct fault *fault)
{
	const char *delimiter = resolve_delimiter(store, recipient);
	g_autofree char *base = delimiter ? resolve_base(recipient, delimiter)
					  : g_strdup(recipient);
	g_autofree char *base_key = address_key(base);
	g_autofree char *key = address_key(recipient);
	int64_t found;

	return sql_get(store, fault, &found,
		       "SELECT 1 FROM addresses a JOIN users u ON u.id = a.user"
		       " WHERE a.address_key IN (?, ?) AND u.active = 0",
		       "tt", key, base_key);
}

/* Whose the rest of a domain is: the address "@domain".  What was addressed to
 * somebody inactive is nobody's. */
static int resolve_catch_all(struct store *store, const char *recipient,
			     struct store_recipient **ret, struct fault *fault)
{
	const char *at = strrchr(recipient, '@');
	g_autofree char *key = at ? address_key(at) : NULL;
	int rc;

	if (!at || at == recipient || !at[1])
		return 0;
	rc = resolve_is_inactive(store, recipient, fault);
	if (rc)
		return rc < 0 ? -1 : 0;
	return resolve_query(store, resolve_by_address, key, ret, fault);
}

int store_resolve(struct store *store, const char *recipient, unsigned flags,
		  struct store_recipient **ret, struct fault *fault)
{
	const char *at = strrchr(recipient, '@');
	g_autofree char *look =
		at && (flags & STORE_RESOLVE_STRIP_DOMAIN)
			? g_strndup(recipient, (size_t)(at - recipient))
			: g_strdup(recipient);
	int rc = 0;

	if (!(flags & STORE_RESOLVE_ADDRESS_ONLY) || at)
		rc = resolve_key(store, look, flags, ret, fault);
	if (rc == 0 && (!(flags & STORE_RESOLVE_ADDRESS_ONLY) || at))
		rc = resolve_without_detail(store, look, flags, ret, fault);
	if (rc == 0)
		rc = resolve_catch_all(store, look, ret, fault);
	if (rc < 0)
		return -1;
	if (rc == 0)
		return fault_set(fault, FAULT_NO_RECIPIENT,
				 "<%s>: no such recipient", recipient);
	return 0;
}
