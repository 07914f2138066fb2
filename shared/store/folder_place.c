/*
 * Where a folder is and what it is called: renaming, moving, and the names of
 * the folders with a role in other languages.
 */
#include "store_internal.h"

#include <string.h>

/* May a folder of that role have this name below parent?  At the top, the name
 * of another role, or of the public store, would hide it. */
static int folder_place_free(struct store *store, int64_t folder,
			     const struct folder_row *place, int64_t parent,
			     const char *name, struct fault *fault)
{
	enum folder_role other = folder_role_parse(name);
	int64_t taken = folder;

	if (folder_child(store, parent, name, &taken, fault) < 0)
		return -1;
	if (taken != folder ||
	    (parent == place->store &&
	     ((other != FOLDER_PLAIN && other != place->role) ||
	      g_ascii_strcasecmp(name, "Public") == 0)))
		return fault_set(fault, FAULT_EXISTS,
				 "a folder %s exists already", name);
	return 0;
}

static int folder_place_check(struct store *store, int64_t folder,
			      const struct folder_row *place, int64_t parent,
			      struct fault *fault)
{
	int64_t target;
	int below;

	if (parent == place->parent)
		return 0;
	if (place->role != FOLDER_PLAIN)
		return fault_set(fault, FAULT_NOT_ALLOWED,
				 "the folder %s belongs to the store: it stays "
				 "where it is",
				 place->name);
	if (folder_store(store, parent, &target, fault))
		return -1;
	if (target != place->store)
		return fault_set(fault, FAULT_NOT_ALLOWED,
				 "the folder %s stays in its store: move the "
				 "messages",
				 place->name);
	/* NOLINTNEXTLINE(readability-suspicious-call-argument) */
	below = folder_is_below(store, parent, folder, fault);
	if (below < 0)
		return -1;
	if (below)
		return fault_set(fault, FAULT_BAD_ARGUMENT,
				 "the folder %s cannot be moved into itself",
				 place->name);
	return 0;
}

int store_folder_move(struct store *store, int64_t folder, int64_t parent,
		      const char *name, struct fault *fault)
{
	FOLDER_ROW place = {0};
	g_autofree char *key = NULL;
	int64_t change;

	if (store_need_unit(store, fault) ||
	    (name && folder_name_check(name, fault)) ||
	    folder_row_get(store, folder, &place, fault))
		return -1;
	parent = parent ? parent : place.parent;
	name = name ? name : place.name;
	if (folder_place_check(store, folder, &place, parent, fault) ||
	    folder_place_free(store, folder, &place, parent, name, fault) ||
	    store_bump(store, place.store, &change, fault))
		return -1;
	key = address_fold(name);
	return sql_run(store, fault,
		       "UPDATE hierarchy SET parent = ?, origin = NULL,"
		       " name = ?, name_key = ?, change = ? WHERE id = ?",
		       "ittii", parent, name, key, change, folder);
}

/* Where a deleted folder goes back to: the folder it was deleted from, or the
 * one it is in, which comes back first. */
static int folder_home(struct store *store, int64_t parent, int64_t origin,
		       int64_t *ret_parent, struct fault *fault)
{
	int64_t deleted = 0;
	int rc = 0;

	*ret_parent = parent;
	if (origin)
		rc = sql_get(store, fault, ret_parent,
			     "SELECT id FROM hierarchy WHERE id = ?"
			     " AND type IN (1, 2) AND deleted IS NULL",
			     "i", origin);
	if (rc)
		return rc < 0 ? -1 : 0;
	rc = sql_get(store, fault, &deleted,
		     "SELECT 1 FROM hierarchy WHERE id = ? AND type = 2"
		     " AND deleted IS NOT NULL",
		     "i", parent);
	if (rc <= 0)
		return rc;
	return folder_undelete(store, parent, fault);
}

int folder_undelete(struct store *store, int64_t folder, struct fault *fault)
{
	g_autofree char *name = NULL;
	g_autofree char *key = NULL;
	FOLDER_ROW place = {0};
	int64_t origin;
	int64_t parent;
	int64_t change;
	ROWS rows = {0};
	int rc;

	if (rows_open(store, &rows, fault,
		      "SELECT store, parent, origin, name FROM hierarchy"
		      " WHERE id = ? AND type = 2 AND deleted IS NOT NULL",
		      "i", folder))
		return -1;
	rc = rows_next(&rows, fault);
	if (rc <= 0)
		return rc;
	place.store = rows_int(&rows, 0);
	place.parent = rows_int(&rows, 1);
	origin = rows_int(&rows, 2);
	place.name = rows_text(&rows, 3);
	rows_end(&rows);
	if (folder_home(store, place.parent, origin, &parent, fault) ||
	    folder_free_name(store, parent, place.name, &name, fault) ||
	    store_bump(store, place.store, &change, fault))
		return -1;
	key = address_fold(name);
	return sql_run(store, fault,
		       "UPDATE hierarchy SET deleted = NULL, origin = NULL,"
		       " parent = ?, name = ?, name_key = ?, change = ?"
		       " WHERE id = ?",
		       "ittii", parent, name, key, change, folder);
}

/* ---- languages ------------------------------------------------------------
 */

/* By role, as mail programs of that language call them. */
static const struct {
	const char *language;
	const char *names[FOLDER_ROLES];
} folder_languages[] = {
	{"de",
	 {"", "Posteingang", "Postausgang", "Gesendete Objekte",
	  "Gelöschte Objekte", "Entwürfe", "Junk-E-Mail", "Kalender",
	  "Kontakte", "Aufgaben", "Notizen", "Journal"}},
	{"es",
	 {"", "Bandeja de entrada", "Bandeja de salida", "Elementos enviados",
	  "Elementos eliminados", "Borradores", "Correo no deseado",
	  "Calendario", "Contactos", "Tareas", "Notas", "Diario"}},
	{"fr",
	 {"", "Boîte de réception", "Boîte d'envoi", "Éléments envoyés",
	  "Éléments supprimés", "Brouillons", "Courrier indésirable",
	  "Calendrier", "Contacts", "Tâches", "Notes", "Journal"}},
	{"it",
	 {"", "Posta in arrivo", "Posta in uscita", "Posta inviata",
	  "Posta eliminata", "Bozze", "Posta indesiderata", "Calendario",
	  "Contatti", "Attività", "Note", "Diario"}},
	{"nl",
	 {"", "Postvak IN", "Postvak UIT", "Verzonden items",
	  "Verwijderde items", "Concepten", "Ongewenste e-mail", "Agenda",
	  "Contactpersonen", "Taken", "Notities", "Logboek"}},
};

static const char *folder_localized(const char *language, enum folder_role role)
{
	for (size_t i = 0; i < G_N_ELEMENTS(folder_languages); i++)
		if (g_ascii_strcasecmp(language,
				       folder_languages[i].language) == 0)
			return folder_languages[i].names[role];
	return g_ascii_strcasecmp(language, "en") == 0 ? folder_role_name(role)
						       : NULL;
}

/* One folder gets its name, or the next one that is free. */
static int folder_localize_one(struct store *store, int64_t store_id,
			       enum folder_role role, const char *wanted,
			       struct fault *fault)
{
	FOLDER_ROW place = {0};
	g_autofree char *key = address_fold(wanted);
	g_autofree char *has = NULL;
	g_autofree char *name = NULL;
	struct fault why = {0};
	int64_t folder;

	if (store_folder_by_role(store, store_id, role, &folder, &why)) {
		if (why.kind == FAULT_NOT_FOUND)
			return 0;
		*fault = why;
		return -1;
	}
	if (folder_row_get(store, folder, &place, fault))
		return -1;
	has = address_fold(place.name);
	if (strcmp(has, key) != 0 &&
	    folder_free_name(store, store_id, wanted, &name, fault))
		return -1;
	return store_folder_move(store, folder, 0, name ? name : wanted, fault);
}

int store_folder_localize(struct store *store, int64_t store_id,
			  const char *language, struct fault *fault)
{
	if (store_need_unit(store, fault))
		return -1;
	if (!folder_localized(language, FOLDER_INBOX))
		return fault_set(fault, FAULT_BAD_ARGUMENT,
				 "no names in '%s': de, en, es, fr, it, nl",
				 language);
	for (int i = FOLDER_INBOX; i < FOLDER_ROLES; i++) {
		enum folder_role role = (enum folder_role)i;

		if (folder_localize_one(store, store_id, role,
					folder_localized(language, role),
					fault))
			return -1;
	}
	return 0;
}

char **store_folder_split(const char *path, char separator)
{
	GPtrArray *parts = folder_split(path, separator);

	g_ptr_array_set_free_func(parts, NULL);
	g_ptr_array_add(parts, NULL);
	return (char **)g_ptr_array_free(parts, FALSE);
}

bool store_folder_is_same(const char *a, char a_separator, const char *b,
			  char b_separator)
{
	g_autoptr(GPtrArray) first = folder_split(a, a_separator);
	g_autoptr(GPtrArray) second = folder_split(b, b_separator);

	if (first->len != second->len)
		return false;
	for (guint i = 0; i < first->len; i++) {
		g_autofree char *x = address_fold(first->pdata[i]);
		g_autofree char *y = address_fold(second->pdata[i]);

		if (strcmp(x, y) != 0)
			return false;
	}
	return true;
}
