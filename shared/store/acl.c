/*
 * Folder rights: who may do what in whose folder.
 *
 * Names and bits are MAPI's (MS-OXCPERM 2.2.7, as Kopano shows them).  An
 * entry holds for the folder and, until one of them has an entry for the same
 * user or a group of theirs, for the folders below.  Groups may be members of
 * groups.
 */
#include "nearest.h"
#include "store_internal.h"

#include <string.h>

static const struct acl_right {
	const char *name;
	unsigned bit;
} acl_rights[] = {
	{"read", STORE_RIGHT_READ},
	{"create", STORE_RIGHT_CREATE},
	{"edit-own", STORE_RIGHT_EDIT_OWN},
	{"delete-own", STORE_RIGHT_DELETE_OWN},
	{"edit-all", STORE_RIGHT_EDIT_ALL},
	{"delete-all", STORE_RIGHT_DELETE_ALL},
	{"create-folder", STORE_RIGHT_CREATE_FOLDER},
	{"owner", STORE_RIGHT_OWNER},
	{"contact", STORE_RIGHT_CONTACT},
	{"visible", STORE_RIGHT_VISIBLE},
};

/* What else is understood: Kopano's names of single rights, and of the sets
 * that its tools offer. */
static const struct acl_right acl_synonyms[] = {
	{"read_items", STORE_RIGHT_READ},
	{"create_items", STORE_RIGHT_CREATE},
	{"edit_own", STORE_RIGHT_EDIT_OWN},
	{"delete_own", STORE_RIGHT_DELETE_OWN},
	{"edit_all", STORE_RIGHT_EDIT_ALL},
	{"delete_all", STORE_RIGHT_DELETE_ALL},
	{"create_subfolders", STORE_RIGHT_CREATE_FOLDER},
	{"folder_owner", STORE_RIGHT_OWNER},
	{"folder_contact", STORE_RIGHT_CONTACT},
	{"folder_visible", STORE_RIGHT_VISIBLE},
	{"none", 0},
	{"norights", 0},
	{"readonly", 0x401},
	{"secretary", 0x47b},
	{"fullcontrol", 0x4fb},
};

static bool acl_find(const struct acl_right *rights, size_t count,
		     const char *word, unsigned *bits)
{
	for (size_t k = 0; k < count; k++) {
		if (g_ascii_strcasecmp(word, rights[k].name) != 0)
			continue;
		*bits |= rights[k].bit;
		return true;
	}
	return false;
}

static int acl_unknown(const char *word, struct fault *fault)
{
	const char *known[G_N_ELEMENTS(acl_rights) +
			  G_N_ELEMENTS(acl_synonyms) + 1] = {0};
	g_autofree char *hint = NULL;
	size_t count = 0;

	for (size_t k = 0; k < G_N_ELEMENTS(acl_rights); k++)
		known[count++] = acl_rights[k].name;
	for (size_t k = 0; k < G_N_ELEMENTS(acl_synonyms); k++)
		known[count++] = acl_synonyms[k].name;
	hint = nearest_hint(word, known);
	return fault_set(
		fault, FAULT_BAD_ARGUMENT,
		"'%s' is no right: read, create, edit-own, delete-own, edit-all, delete-all, create-folder, owner, contact, visible, none; or readonly, secretary, fullcontrol%s",
		word, hint);
}

static int acl_parse(const char *rights, unsigned *ret_bits,
		     struct fault *fault)
{
	g_auto(GStrv) words = g_strsplit_set(rights, ", ", 0);
	unsigned bits = 0;

	for (size_t i = 0; words[i]; i++)
		if (words[i][0] &&
		    !acl_find(acl_rights, G_N_ELEMENTS(acl_rights), words[i],
			      &bits) &&
		    !acl_find(acl_synonyms, G_N_ELEMENTS(acl_synonyms),
			      words[i], &bits))
			return acl_unknown(words[i], fault);
	*ret_bits = bits;
	return 0;
}

static char *acl_format(unsigned bits)
{
	GString *text = g_string_new(NULL);

	for (size_t k = 0; k < G_N_ELEMENTS(acl_rights); k++)
		if (bits & acl_rights[k].bit)
			g_string_append_printf(text, "%s%s",
					       text->len ? "," : "",
					       acl_rights[k].name);
	if (!text->len)
		g_string_append(text, "none");
	return g_string_free(text, FALSE);
}

static void acl_free_element(gpointer data)
{
	struct store_acl_entry *entry = data;

	g_free(entry->who);
	g_free(entry->rights);
	g_free(entry);
}

int store_acl_list(struct store *store, int64_t folder, GPtrArray **ret_entries,
		   struct fault *fault)
{
	g_autoptr(GPtrArray) entries =
		g_ptr_array_new_with_free_func(acl_free_element);
	ROWS rows = {0};
	int rc;

	if (rows_open(store, &rows, fault,
		      "SELECT u.name, a.rights FROM acl a"
		      " JOIN users u ON u.id = a.who WHERE a.folder = ?"
		      " ORDER BY u.kind DESC, u.name_key",
		      "i", folder))
		return -1;
	while ((rc = rows_next(&rows, fault)) == 1) {
		struct store_acl_entry *entry =
			g_new0(struct store_acl_entry, 1);

		entry->who = rows_text(&rows, 0);
		entry->rights = acl_format((unsigned)rows_int(&rows, 1));
		g_ptr_array_add(entries, entry);
	}
	if (rc)
		return -1;
	*ret_entries = g_steal_pointer(&entries);
	return 0;
}

int store_acl_set(struct store *store, int64_t folder, const char *who,
		  const char *rights, struct fault *fault)
{
	unsigned bits = 0;
	int64_t store_id;
	int64_t change;
	int64_t id;

	if (store_need_unit(store, fault) || acl_parse(rights, &bits, fault) ||
	    folder_store(store, folder, &store_id, fault) ||
	    user_id_by_name(store, who, 0, &id, fault) ||
	    store_bump(store, store_id, &change, fault))
		return -1;
	return sql_run(store, fault,
		       "INSERT INTO acl (folder, who, rights) VALUES (?, ?, ?)"
		       " ON CONFLICT (folder, who)"
		       " DO UPDATE SET rights = excluded.rights",
		       "iid", folder, id, (int)bits);
}

int store_acl_remove(struct store *store, int64_t folder, const char *who,
		     struct fault *fault)
{
	int64_t store_id;
	int64_t change;
	int64_t id;

	if (store_need_unit(store, fault) ||
	    folder_store(store, folder, &store_id, fault) ||
	    user_id_by_name(store, who, 0, &id, fault) ||
	    store_bump(store, store_id, &change, fault) ||
	    sql_run(store, fault,
		    "DELETE FROM acl WHERE folder = ? AND who = ?", "ii",
		    folder, id))
		return -1;
	if (!sqlite3_changes(store->db))
		return fault_set(fault, FAULT_NOT_FOUND,
				 "%s has no entry there", who);
	return 0;
}

int store_acl_may(struct store *store, int64_t folder, int64_t user,
		  unsigned rights, bool *ret_may, struct fault *fault)
{
	int64_t bits = 0;
	int rc;

	/* The owner of the store may do everything in it. */
	rc = sql_get(store, fault, &bits,
		     "SELECT 1 FROM hierarchy f JOIN users u"
		     " ON u.store = coalesce(f.store, f.id)"
		     " WHERE f.id = ? AND u.id = ?",
		     "ii", folder, user);
	if (rc < 0)
		return -1;
	if (rc == 1) {
		*ret_may = true;
		return 0;
	}
	/* The nearest folder upwards with an entry decides. */
	rc = sql_get(store, fault, &bits,
		     "WITH RECURSIVE up (id, parent, depth) AS ("
		     " SELECT id, parent, 0 FROM hierarchy WHERE id = ?1"
		     " UNION ALL SELECT h.id, h.parent, up.depth + 1"
		     "  FROM up JOIN hierarchy h ON h.id = up.parent),"
		     " me (id) AS (SELECT id FROM users"
		     "  WHERE id = ?2 OR name_key = 'everyone'"
		     "  UNION SELECT g.usergroup FROM me"
		     "  JOIN usergroup_acl g ON g.member = me.id)"
		     " SELECT max(a.rights & 1) | max(a.rights & 2)"
		     "  | max(a.rights & 8) | max(a.rights & 16)"
		     "  | max(a.rights & 32) | max(a.rights & 64)"
		     "  | max(a.rights & 128) | max(a.rights & 256)"
		     "  | max(a.rights & 512) | max(a.rights & 1024)"
		     " FROM up JOIN acl a ON a.folder = up.id"
		     " WHERE a.who IN (SELECT id FROM me)"
		     " GROUP BY up.depth ORDER BY up.depth LIMIT 1",
		     "ii", folder, user);
	if (rc < 0)
		return -1;
	if (bits & STORE_RIGHT_OWNER)
		bits = ~INT64_C(0);
	*ret_may = rc == 1 && ((unsigned)bits & rights) == rights;
	return 0;
}
