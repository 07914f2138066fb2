/*
 * Folders: roles, names, paths; making stores with their default folders.
 */
#include "nearest.h"
#include "store_internal.h"

#include <string.h>

static const char *const folder_role_names[FOLDER_ROLES] = {
	[FOLDER_PLAIN] = "",
	[FOLDER_INBOX] = "Inbox",
	[FOLDER_OUTBOX] = "Outbox",
	[FOLDER_SENT] = "Sent Items",
	[FOLDER_DELETED] = "Deleted Items",
	[FOLDER_DRAFTS] = "Drafts",
	[FOLDER_JUNK] = "Junk E-mail",
	[FOLDER_CALENDAR] = "Calendar",
	[FOLDER_CONTACTS] = "Contacts",
	[FOLDER_TASKS] = "Tasks",
	[FOLDER_NOTES] = "Notes",
	[FOLDER_JOURNAL] = "Journal",
};

const char *folder_role_name(enum folder_role role)
{
	return folder_role_names[role];
}

enum folder_role folder_role_parse(const char *name)
{
	static const struct {
		const char *name;
		enum folder_role role;
	} others[] = {
		{"Junk", FOLDER_JUNK},       {"\\Junk", FOLDER_JUNK},
		{"Trash", FOLDER_DELETED},   {"\\Trash", FOLDER_DELETED},
		{"Sent", FOLDER_SENT},       {"\\Sent", FOLDER_SENT},
		{"\\Drafts", FOLDER_DRAFTS},
	};

	for (int i = FOLDER_PLAIN + 1; i < FOLDER_ROLES; i++)
		if (g_ascii_strcasecmp(name, folder_role_names[i]) == 0)
			return (enum folder_role)i;
	for (size_t i = 0; i < G_N_ELEMENTS(others); i++)
		if (g_ascii_strcasecmp(name, others[i].name) == 0)
			return others[i].role;
	return FOLDER_PLAIN;
}

int folder_name_check(const char *name, struct fault *fault)
{
	size_t len = strlen(name);
	bool is_clean = g_utf8_validate(name, -1, NULL);

	for (const char *p = name; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			is_clean = false;
	if (!is_clean || len == 0 || len > 255 || strcmp(name, ".") == 0 ||
	    strcmp(name, "..") == 0 || name[len - 1] == '\\')
		return fault_set(
			fault, FAULT_BAD_ARGUMENT,
			"'%s' is no name of a folder: 1 to 255 octets of UTF-8 without control characters, not '.' or '..', no '\\' at the end",
			is_clean ? name : "?");
	return 0;
}

int folder_insert(struct store *store, int64_t store_id, int64_t parent,
		  enum folder_role role, const char *name, int64_t *ret_folder,
		  struct fault *fault)
{
	g_autofree char *key = address_fold(name);
	int64_t change;

	if (store_bump(store, store_id, &change, fault) ||
	    sql_run(store, fault,
		    "INSERT INTO hierarchy (type, parent, store, change,"
		    " messages, unread, role, name, name_key)"
		    " VALUES (2, ?, ?, ?, 0, 0, ?, ?, ?)",
		    "iiidtt", parent, store_id, change, (int)role, name, key))
		return -1;
	*ret_folder = sqlite3_last_insert_rowid(store->db);
	/* Where mail goes. */
	store->settings_touched = true;
	return 0;
}

int folder_make_store(struct store *store, const char *name, bool with_folders,
		      int64_t *ret_store, struct fault *fault)
{
	int64_t calendar = 0;
	int64_t folder;
	int64_t id;

	if (sql_run(store, fault,
		    "INSERT INTO hierarchy (type, messages, unread, horizon,"
		    " name) VALUES (1, 0, 0, 0, ?)",
		    "t", name))
		return -1;
	id = sqlite3_last_insert_rowid(store->db);
	for (int i = FOLDER_INBOX; with_folders && i < FOLDER_ROLES; i++) {
		if (folder_insert(store, id, id, (enum folder_role)i,
				  folder_role_names[i], &folder, fault))
			return -1;
		if (i == FOLDER_CALENDAR)
			calendar = folder;
	}
	if (calendar && store_acl_set(store, calendar, GROUP_EVERYONE,
				      "read,visible", fault))
		return -1;
	*ret_store = id;
	return 0;
}

int store_public(struct store *store, int64_t *ret_store, struct fault *fault)
{
	/* The first store ever made. */
	int rc = sql_get(store, fault, ret_store,
			 "SELECT id FROM hierarchy WHERE type = 1"
			 " AND parent IS NULL ORDER BY id LIMIT 1",
			 "");

	if (rc == 0)
		return fault_set(fault, FAULT_NOT_FOUND,
				 "there is no public store");
	return rc < 0 ? -1 : 0;
}

int folder_with_role(struct store *store, int64_t store_id,
		     enum folder_role role, int64_t *ret_folder,
		     struct fault *fault)
{
	return sql_get(store, fault, ret_folder,
		       "SELECT id FROM hierarchy WHERE store = ? AND role = ?"
		       " AND type = 2 AND role > 0 AND deleted IS NULL",
		       "id", store_id, (int)role);
}

int store_folder_by_role(struct store *store, int64_t store_id,
			 enum folder_role role, int64_t *ret_folder,
			 struct fault *fault)
{
	int rc = folder_with_role(store, store_id, role, ret_folder, fault);

	if (rc == 0)
		return fault_set(fault, FAULT_NOT_FOUND, "no folder %s there",
				 folder_role_names[role]);
	return rc < 0 ? -1 : 0;
}

int folder_child(struct store *store, int64_t parent, const char *name,
		 int64_t *ret_folder, struct fault *fault)
{
	g_autofree char *key = address_fold(name);

	return sql_get(store, fault, ret_folder,
		       "SELECT id FROM hierarchy WHERE parent = ?"
		       " AND name_key = ? AND type = 2 AND deleted IS NULL",
		       "it", parent, key);
}

int folder_free_name(struct store *store, int64_t parent, const char *name,
		     char **ret_name, struct fault *fault)
{
	g_autofree char *candidate = g_strdup(name);
	int64_t taken;

	for (int n = 2;; n++) {
		int rc = folder_child(store, parent, candidate, &taken, fault);

		if (rc < 0)
			return -1;
		if (rc == 0)
			break;
		g_free(candidate);
		/* Room for the number within 255 octets. */
		candidate = g_strdup_printf(
			"%.*s (%d)",
			(int)(g_utf8_offset_to_pointer(
				      name, MIN(g_utf8_strlen(name, -1), 60)) -
			      name),
			name, n);
	}
	*ret_name = g_steal_pointer(&candidate);
	return 0;
}

int folder_store(struct store *store, int64_t folder, int64_t *ret_store,
		 struct fault *fault)
{
	int rc = sql_get(store, fault, ret_store,
			 "SELECT coalesce(store, id) FROM hierarchy"
			 " WHERE id = ? AND type IN (1, 2)"
			 " AND deleted IS NULL",
			 "i", folder);

	if (rc == 0)
		return fault_set(fault, FAULT_NOT_FOUND,
				 "no folder %" G_GINT64_FORMAT, folder);
	return rc < 0 ? -1 : 0;
}

int store_of_folder(struct store *store, int64_t folder, int64_t *ret_store,
		    struct fault *fault)
{
	return folder_store(store, folder, ret_store, fault);
}

int folder_is_below(struct store *store, int64_t folder, int64_t ancestor,
		    struct fault *fault)
{
	int64_t found;

	return sql_get(store, fault, &found,
		       "WITH RECURSIVE up (id, parent) AS ("
		       " SELECT id, parent FROM hierarchy WHERE id = ?1"
		       " UNION ALL SELECT h.id, h.parent FROM up"
		       "  JOIN hierarchy h ON h.id = up.parent)"
		       " SELECT 1 FROM up WHERE id = ?2",
		       "ii", folder, ancestor);
}

static int folder_add_to_store(struct store *store, int64_t store_id,
			       const struct counter_change *by, int64_t change,
			       struct fault *fault)
{
	store->touched |= STORE_TOUCHED_CHANGES;
	return sql_run(store, fault,
		       "UPDATE hierarchy SET messages = messages + ?,"
		       " unread = unread + ?, size = size + ?, change = ?"
		       " WHERE id = ? AND type = 1",
		       "iiiii", by->messages, by->unread, by->size, change,
		       store_id);
}

static int folder_add(struct store *store, int64_t folder,
		      const struct counter_change *by, struct fault *fault)
{
	return sql_run(store, fault,
		       "UPDATE hierarchy SET messages = messages + ?,"
		       " unread = unread + ?, size = size + ?"
		       " WHERE id = ? AND type = 2",
		       "iiii", by->messages, by->unread, by->size, folder);
}

static int folder_next_change(struct store *store, int64_t store_id,
			      int64_t *ret_change, struct fault *fault)
{
	/* RETURNING would have SQLite copy each page, to be able to take the
	 * statement back. */
	int rc = sql_get(store, fault, ret_change,
			 "SELECT change + 1 FROM hierarchy"
			 " WHERE id = ? AND type = 1",
			 "i", store_id);

	if (rc == 0)
		return fault_set(fault, FAULT_NOT_FOUND,
				 "no store %" G_GINT64_FORMAT, store_id);
	return rc < 0 ? -1 : 0;
}

int folder_count_as(struct store *store, int64_t store_id, int64_t folder,
		    const struct counter_change *by, int64_t change,
		    struct fault *fault)
{
	return folder_add_to_store(store, store_id, by, change, fault) ||
			       folder_add(store, folder, by, fault)
		       ? -1
		       : 0;
}

int folder_count(struct store *store, int64_t store_id, int64_t folder,
		 const struct counter_change *by, int64_t *ret_change,
		 struct fault *fault)
{
	if (folder_next_change(store, store_id, ret_change, fault))
		return -1;
	return folder_count_as(store, store_id, folder, by, *ret_change, fault);
}

int folder_count_move(struct store *store, int64_t store_id, int64_t from,
		      const struct counter_change *off, int64_t to,
		      const struct counter_change *on, int64_t *ret_change,
		      struct fault *fault)
{
	const struct counter_change both = {
		.messages = off->messages + on->messages,
		.unread = off->unread + on->unread,
		.size = off->size + on->size,
	};

	if (folder_next_change(store, store_id, ret_change, fault) ||
	    folder_add_to_store(store, store_id, &both, *ret_change, fault) ||
	    folder_add(store, from, off, fault) ||
	    folder_add(store, to, on, fault))
		return -1;
	return 0;
}

/* ---- paths ---------------------------------------------------------------
 */

void folder_append_name(GString *path, const char *name)
{
	for (; *name; name++) {
		if (*name == '/')
			g_string_append_c(path, '\\');
		g_string_append_c(path, *name);
	}
}

/* "a/b\/c" -> a, b/c; empty parts are left out. */
GPtrArray *folder_split(const char *path, char separator)
{
	GPtrArray *parts = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GString) part = g_string_new(NULL);

	for (;; path++) {
		if (*path == '\\' && path[1] == separator && separator) {
			g_string_append_c(part, separator);
			path++;
		} else if (*path && *path != separator) {
			g_string_append_c(part, *path);
		} else {
			if (part->len)
				g_ptr_array_add(parts, g_strdup(part->str));
			g_string_truncate(part, 0);
			if (!*path)
				return parts;
		}
	}
}

/* Where a path begins: the store's top, or the public store's. */
static int folder_path_root(struct store *store, int64_t store_id,
			    GPtrArray *parts, int64_t *ret_root,
			    struct fault *fault)
{
	*ret_root = store_id;
	if (parts->len < 2 ||
	    g_ascii_strcasecmp(g_ptr_array_index(parts, 0), "Public") != 0)
		return 0;
	g_ptr_array_remove_index(parts, 0);
	return store_public(store, ret_root, fault);
}

/* One step of a path: 1 found, 0 not, -1 fault. */
static int folder_step(struct store *store, int64_t root, int64_t at,
		       const char *name, int64_t *ret_folder,
		       struct fault *fault)
{
	enum folder_role role =
		at == root ? folder_role_parse(name) : FOLDER_PLAIN;

	if (role != FOLDER_PLAIN) {
		int rc = folder_with_role(store, root, role, ret_folder, fault);

		if (rc)
			return rc;
	}
	return folder_child(store, at, name, ret_folder, fault);
}

/* No such folder; at the top, perhaps a role was meant. */
static int folder_missing(const char *path, const char *name, bool is_top,
			  struct fault *fault)
{
	const char *known[FOLDER_ROLES] = {0};
	g_autofree char *hint = NULL;

	for (int i = FOLDER_INBOX; is_top && i < FOLDER_ROLES; i++)
		known[i - FOLDER_INBOX] = folder_role_names[i];
	hint = nearest_hint(name, known);
	return fault_set(fault, FAULT_NOT_FOUND, "no folder '%s'%s", path,
			 hint);
}

int store_folder_find(struct store *store, int64_t store_id, const char *path,
		      char separator, int64_t *ret_folder, struct fault *fault)
{
	g_autoptr(GPtrArray) parts = folder_split(path, separator);
	int64_t root;
	int64_t at;

	if (folder_path_root(store, store_id, parts, &root, fault))
		return -1;
	at = root;
	for (guint i = 0; i < parts->len; i++) {
		const char *name = g_ptr_array_index(parts, i);
		int rc = folder_step(store, root, at, name, &at, fault);

		if (rc < 0)
			return -1;
		if (rc == 0)
			return folder_missing(path, name, at == store_id,
					      fault);
	}
	if (!parts->len)
		return fault_set(fault, FAULT_NOT_FOUND, "no folder '%s'",
				 path);
	*ret_folder = at;
	return 0;
}

int store_folder_path_check(const char *path, char separator,
			    struct fault *fault)
{
	g_autoptr(GPtrArray) parts = folder_split(path, separator);

	if (!parts->len || parts->len > FOLDER_DEPTH_MAX)
		return fault_set(fault, FAULT_BAD_ARGUMENT,
				 "'%s' is no path of a folder: 1 to %d names",
				 path, FOLDER_DEPTH_MAX);
	for (guint i = 0; i < parts->len; i++)
		if (folder_name_check(g_ptr_array_index(parts, i), fault))
			return -1;
	/* It would hide the public store, or be hidden by it. */
	if (parts->len == 1 &&
	    g_ascii_strcasecmp(g_ptr_array_index(parts, 0), "Public") == 0)
		return fault_set(fault, FAULT_EXISTS,
				 "Public is the public store");
	return 0;
}

int store_folder_create(struct store *store, int64_t store_id, const char *path,
			char separator, int64_t *ret_folder, bool *ret_created,
			struct fault *fault)
{
	g_autoptr(GPtrArray) parts = folder_split(path, separator);
	bool is_created = false;
	int64_t root;
	int64_t at;

	if (store_need_unit(store, fault) ||
	    store_folder_path_check(path, separator, fault) ||
	    folder_path_root(store, store_id, parts, &root, fault))
		return -1;
	at = root;
	for (guint i = 0; i < parts->len; i++) {
		const char *name = g_ptr_array_index(parts, i);
		int rc = folder_step(store, root, at, name, &at, fault);

		if (rc < 0)
			return -1;
		if (rc == 1)
			continue;
		if (folder_insert(store, root, at, FOLDER_PLAIN, name, &at,
				  fault))
			return -1;
		is_created = true;
	}
	*ret_folder = at;
	if (ret_created)
		*ret_created = is_created;
	return 0;
}
