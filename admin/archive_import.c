/*
 * okapi-admin mail import of an archive (archive.h): first all of it is read
 * and checked, then taken, so that of a bad one nothing is.
 *
 * To the top of the store ("/") folders go where they were, those with a role
 * by it, and what the user set comes along where nothing is in its place;
 * below a folder only folders and messages.  A copy that is there already (the
 * same octets, delivered at the same time, in the same folder) is not made
 * again: importing twice, or going on after a kill, doubles nothing.
 */
#include "archive.h"
#include "digest.h"
#include "json_out.h"
#include "mail_import.h"
#include "propset.h"
#include "store/folders.h"
#include "store/settings.h"

#include <string.h>

/* The end of the year 9999: ISO 8601 has no time after it. */
#define ARCHIVE_TIME_MAX INT64_C(253402300799999999)

/* Where a folder of the archive is in the store. */
struct archive_place {
	int64_t id;
	char *path;
};

struct archive_import {
	struct mail_import *import;
	bool is_check;      /* nothing is to be done yet */
	GHashTable *places; /* path in the archive: struct archive_place */
	GHashTable *copies; /* that were there before: key, how many */
};

static void archive_place_free(gpointer data)
{
	struct archive_place *place = data;

	if (!place)
		return;
	g_free(place->path);
	g_free(place);
}

static int archive_bad(const char *what, struct fault *fault)
{
	return fault_set(fault, FAULT_REFUSED_INPUT, "%s", what);
}

/* ---- members ---- */

static int archive_text(const json_t *object, const char *name,
			const char **ret_text, struct fault *fault)
{
	const json_t *value = json_object_get(object, name);

	if (!json_is_string(value))
		return fault_set(fault, FAULT_REFUSED_INPUT, "%s: no text",
				 name);
	*ret_text = json_string_value(value);
	return 0;
}

static int archive_number(const json_t *object, const char *name, int64_t max,
			  int64_t *ret_number, struct fault *fault)
{
	const json_t *value = json_object_get(object, name);

	if (!json_is_integer(value) || json_integer_value(value) < 0 ||
	    json_integer_value(value) > max)
		return fault_set(fault, FAULT_REFUSED_INPUT,
				 "%s: no number that may be", name);
	*ret_number = json_integer_value(value);
	return 0;
}

static int archive_bool(const json_t *object, const char *name, bool *ret_bool,
			struct fault *fault)
{
	const json_t *value = json_object_get(object, name);

	if (!json_is_boolean(value))
		return fault_set(fault, FAULT_REFUSED_INPUT,
				 "%s: not true or false", name);
	*ret_bool = json_is_true(value);
	return 0;
}

/* ---- folders ---- */

struct archive_folder {
	struct archive_import *all;
	enum folder_role role;
	const char *path;
	struct archive_place *place;
};

/* "a/b\/c" -> "a": what is before the last name; owned; NULL at the top. */
static char *archive_parent(const char *path)
{
	for (size_t i = strlen(path); i-- > 1;)
		if (path[i] == '/' && path[i - 1] != '\\')
			return g_strndup(path, i);
	return NULL;
}

/* What the folder is called here, for those above it may have other names. */
static char *archive_path_here(const struct archive_folder *folder)
{
	const struct mail_import *import = folder->all->import;
	g_autofree char *parent = archive_parent(folder->path);
	const struct archive_place *above =
		parent ? g_hash_table_lookup(folder->all->places, parent)
		       : NULL;

	if (above)
		return g_strconcat(above->path, folder->path + strlen(parent),
				   NULL);
	if (import->folder)
		return g_strconcat(import->folder_path, "/", folder->path,
				   NULL);
	return g_strdup(folder->path);
}

/* The folder of that role, or the one of that path, made if it is missing. */
static int archive_folder_id(struct store *store,
			     const struct archive_folder *folder,
			     int64_t *ret_id, struct fault *fault)
{
	const struct mail_import *import = folder->all->import;
	struct fault why = {.kind = FAULT_NOT_FOUND};

	if (!import->folder && folder->role != FOLDER_PLAIN &&
	    store_folder_by_role(store, import->user->store, folder->role,
				 ret_id, &why) == 0)
		return 0;
	if (why.kind != FAULT_NOT_FOUND) {
		*fault = why;
		return -1;
	}
	return store_folder_create(store, import->user->store,
				   folder->place->path, '/', ret_id, NULL,
				   fault);
}

static int archive_folder_unit(struct store *store, void *context,
			       struct fault *fault)
{
	struct archive_folder *folder = context;
	AUTO(store_folder) found = NULL;
	int64_t id;

	if (archive_folder_id(store, folder, &id, fault))
		return -1;
	folder->place->id = id;
	if (folder->all->import->folder)
		return 0;
	/* One that is found by its role may be called otherwise here. */
	if (store_folder_get(store, id, &found, fault))
		return -1;
	g_free(folder->place->path);
	folder->place->path = g_steal_pointer(&found->path);
	return 0;
}

/* A first name that leads out of the store. */
static bool archive_is_public(const char *path)
{
	g_auto(GStrv) parts = store_folder_split(path, '/');

	return parts[0] && g_ascii_strcasecmp(parts[0], "Public") == 0;
}

/* Could there be such a folder?  Below another one Public is but a name. */
static int archive_path_check(const struct archive_folder *folder,
			      struct fault *fault)
{
	struct fault why = {0};

	if (store_folder_path_check(folder->path, '/', &why) &&
	    why.kind != FAULT_EXISTS) {
		*fault = why;
		return -1;
	}
	if (!folder->all->import->folder && archive_is_public(folder->path))
		return archive_bad("the folder is not of this store", fault);
	return 0;
}

static int archive_take_folder(struct archive_import *all,
			       const struct archive_record *record,
			       struct fault *fault)
{
	struct archive_folder folder = {.all = all};
	const char *role = "";

	if (archive_text(record->value, "path", &folder.path, fault) ||
	    archive_text(record->value, "role", &role, fault) ||
	    archive_path_check(&folder, fault))
		return -1;
	folder.role = folder_role_parse(role);
	if (*role && folder.role == FOLDER_PLAIN)
		return archive_bad("there is no such role", fault);
	if (g_hash_table_contains(all->places, folder.path))
		return archive_bad("the folder is there twice", fault);
	folder.place = g_new0(struct archive_place, 1);
	folder.place->path = archive_path_here(&folder);
	g_hash_table_insert(all->places, g_strdup(folder.path), folder.place);
	if (all->is_check)
		return store_folder_path_check(folder.place->path, '/', fault);
	return store_run(all->import->admin->store, archive_folder_unit,
			 &folder, fault);
}

/* ---- messages ---- */

static int archive_keywords(const json_t *message, struct import_item *item,
			    struct fault *fault)
{
	const json_t *array = json_object_get(message, "keywords");
	size_t count = json_array_size(array);

	if (!json_is_array(array))
		return archive_bad("keywords: no array", fault);
	item->keywords = g_new0(char *, count + 1);
	for (size_t i = 0; i < count; i++) {
		const char *word = json_string_value(json_array_get(array, i));

		if (!word || !*word)
			return archive_bad("keywords: no text", fault);
		item->keywords[i] = g_strdup(word);
	}
	return 0;
}

static int archive_octets(const struct archive_record *record,
			  struct import_item *item, struct fault *fault)
{
	int64_t trace = 0;
	gsize len = 0;
	const char *octets = g_bytes_get_data(record->octets, &len);

	if (archive_number(record->value, "trace", (int64_t)len, &trace, fault))
		return -1;
	if (memchr(octets, '\0', (size_t)trace))
		return archive_bad("the trace headers have a NUL", fault);
	item->trace = g_strndup(octets, (gsize)trace);
	item->bytes = g_bytes_new_from_bytes(record->octets, (gsize)trace,
					     len - (gsize)trace);
	return 0;
}

/* What was set at the copy: nothing that the store would refuse later. */
static int archive_own(const json_t *message, struct import_item *item,
		       struct fault *fault)
{
	if (propset_from_json(json_object_get(message, "properties"),
			      &item->own, fault))
		return -1;
	for (size_t i = 0; i < propset_count(item->own); i++)
		if (PROP_ID(propset_at(item->own, i)->tag) >= PROP_ID_NAMED)
			return archive_bad(
				"a named property cannot be set at a copy",
				fault);
	return 0;
}

/* A message that is not converted yet. */
static int archive_item(const struct archive_import *all,
			const struct archive_record *record,
			struct import_item *item, struct fault *fault)
{
	const struct archive_place *place;
	int64_t flags = 0;
	const char *folder = "";

	if (archive_text(record->value, "folder", &folder, fault) ||
	    archive_number(record->value, "received", ARCHIVE_TIME_MAX,
			   &item->received, fault) ||
	    archive_number(record->value, "flags", 127, &flags, fault) ||
	    archive_keywords(record->value, item, fault) ||
	    archive_octets(record, item, fault) ||
	    archive_own(record->value, item, fault))
		return -1;
	place = g_hash_table_lookup(all->places, folder);
	if (!place)
		return archive_bad("its folder did not come before it", fault);
	item->folder_id = place->id;
	item->folder = g_strdup("");
	item->sender = g_strdup("");
	item->flags = (unsigned)flags & ~(unsigned)MESSAGE_SUBMITTED;
	return 0;
}

/* Is it one of those that were there before?  1, 0, -1. */
static int archive_is_there(struct archive_import *all,
			    const struct import_item *item, struct fault *fault)
{
	uint8_t hash[DIGEST_SIZE];
	char hex[DIGEST_HEX_SIZE];
	g_autofree char *key = NULL;
	gpointer known;
	gsize len = 0;
	const void *data = g_bytes_get_data(item->bytes, &len);
	int64_t count = 0;

	digest_sha256(data, len, hash);
	digest_format(hash, hex);
	key = g_strdup_printf("%" G_GINT64_FORMAT " %" G_GINT64_FORMAT " %s",
			      item->folder_id, item->received, hex);
	if (g_hash_table_lookup_extended(all->copies, key, NULL, &known))
		count = GPOINTER_TO_INT(known);
	else if (store_message_count(all->import->admin->store, item->folder_id,
				     item->received, hash, &count, fault))
		return -1;
	g_hash_table_insert(all->copies, g_steal_pointer(&key),
			    GINT_TO_POINTER((gint)MAX(count - 1, 0)));
	return count > 0;
}

static int archive_take_message(struct archive_import *all,
				const struct archive_record *record,
				struct fault *fault)
{
	struct import_item *item = g_new0(struct import_item, 1);
	int rc = archive_item(all, record, item, fault);

	if (rc == 0 && !all->is_check) {
		rc = archive_is_there(all, item, fault);
		if (rc == 0)
			return import_put(all->import, item, fault);
		all->import->known += rc == 1;
	}
	import_item_free(item);
	return rc < 0 ? -1 : 0;
}

/* ---- what the user set ---- */

struct archive_setting {
	int64_t store;
	struct store_rule rule;
	struct junk_entry junk;
	struct store_oof oof;
};

static int archive_rule_unit(struct store *store, void *context,
			     struct fault *fault)
{
	const struct archive_setting *s = context;
	AUTO(store_rule) known = NULL;
	struct fault none = {0};

	if (store_rule_get(store, s->store, s->rule.name, &known, &none) == 0)
		return 0;
	if (none.kind != FAULT_NOT_FOUND) {
		*fault = none;
		return -1;
	}
	if (store_rule_put(store, s->store, s->rule.name, s->rule.script,
			   s->rule.sequence, s->rule.enabled, fault))
		return -1;
	return store_rule_set_flags(store, s->store, s->rule.name,
				    s->rule.flags, fault);
}

static int archive_take_rule(struct archive_import *all,
			     const struct archive_record *record,
			     struct fault *fault)
{
	struct archive_setting s = {.store = all->import->user->store};
	const json_t *value = record->value;
	const char *name = "";
	const char *script = "";
	int64_t flags = 0;

	if (archive_text(value, "name", &name, fault) ||
	    archive_text(value, "script", &script, fault) ||
	    archive_number(value, "sequence", G_MAXINT32, &s.rule.sequence,
			   fault) ||
	    archive_number(value, "flags", 255, &flags, fault) ||
	    archive_bool(value, "enabled", &s.rule.enabled, fault))
		return -1;
	if (!*name || strlen(name) > 255 || s.rule.sequence < 1 ||
	    flags & ~(ST_ONLY_WHEN_OOF | ST_EXIT_LEVEL))
		return archive_bad("no rule that may be", fault);
	if (all->is_check || all->import->folder)
		return 0;
	s.rule.name = (char *)(uintptr_t)name;
	s.rule.script = (char *)(uintptr_t)script;
	s.rule.flags = (unsigned)flags;
	return store_run(all->import->admin->store, archive_rule_unit, &s,
			 fault);
}

static int archive_junk_unit(struct store *store, void *context,
			     struct fault *fault)
{
	const struct archive_setting *s = context;
	g_autoptr(GPtrArray) entries = NULL;

	if (store_junk_list(store, s->store, &entries, fault))
		return -1;
	for (guint i = 0; i < entries->len; i++) {
		const struct junk_entry *entry = entries->pdata[i];

		if (strcmp(entry->pattern, s->junk.pattern) == 0)
			return 0;
	}
	return store_junk_set(store, s->store, s->junk.pattern, s->junk.verdict,
			      fault);
}

static int archive_take_junk(struct archive_import *all,
			     const struct archive_record *record,
			     struct fault *fault)
{
	struct archive_setting s = {.store = all->import->user->store};
	const char *pattern = "";
	bool allow = false;

	if (archive_text(record->value, "pattern", &pattern, fault) ||
	    archive_bool(record->value, "allow", &allow, fault))
		return -1;
	if (!*pattern || strlen(pattern) > 320)
		return archive_bad("no address or domain", fault);
	if (all->is_check || all->import->folder)
		return 0;
	s.junk.pattern = (char *)(uintptr_t)pattern;
	s.junk.verdict = allow ? JUNK_ALLOW : JUNK_BLOCK;
	return store_run(all->import->admin->store, archive_junk_unit, &s,
			 fault);
}

static int archive_oof_unit(struct store *store, void *context,
			    struct fault *fault)
{
	const struct archive_setting *s = context;
	AUTO(store_oof) now = NULL;

	if (store_oof_get(store, s->store, &now, fault))
		return -1;
	if (now->on || *now->subject || *now->message || *now->html)
		return 0;
	return store_oof_set(store, s->store, &s->oof, fault);
}

static int archive_take_oof(struct archive_import *all,
			    const struct archive_record *record,
			    struct fault *fault)
{
	struct archive_setting s = {.store = all->import->user->store};
	const json_t *value = record->value;
	struct {
		const char *name;
		char **text;
	} texts[] = {{"subject", &s.oof.subject},
		     {"message", &s.oof.message},
		     {"html", &s.oof.html},
		     {"external_message", &s.oof.external_message},
		     {"external_html", &s.oof.external_html}};
	int64_t external = 0;

	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		const char *text = "";

		if (archive_text(value, texts[i].name, &text, fault))
			return -1;
		*texts[i].text = (char *)(uintptr_t)text;
	}
	if (archive_bool(value, "on", &s.oof.on, fault) ||
	    archive_number(value, "from", ARCHIVE_TIME_MAX, &s.oof.from,
			   fault) ||
	    archive_number(value, "until", ARCHIVE_TIME_MAX, &s.oof.until,
			   fault) ||
	    archive_number(value, "external", OOF_EXTERNAL_NONE, &external,
			   fault))
		return -1;
	s.oof.external = (enum oof_external)external;
	if (all->is_check || all->import->folder)
		return 0;
	return store_run(all->import->admin->store, archive_oof_unit, &s,
			 fault);
}

/* ---- all of it ---- */

static int archive_take(struct archive_import *all,
			const struct archive_record *record,
			struct fault *fault)
{
	static const struct {
		const char *kind;
		int (*take)(struct archive_import *all,
			    const struct archive_record *record,
			    struct fault *fault);
	} kinds[] = {{"folder", archive_take_folder},
		     {"message", archive_take_message},
		     {"rule", archive_take_rule},
		     {"junk", archive_take_junk},
		     {"oof", archive_take_oof}};

	for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
		if (strcmp(kinds[i].kind, record->kind) == 0)
			return kinds[i].take(all, record, fault);
	return archive_bad("no kind of record that is known", fault);
}

/* Once through the archive. */
static int archive_pass(struct archive_import *all,
			struct archive_reader *reader, const char *path,
			struct fault *fault)
{
	int64_t number = 0;
	int rc;

	for (;;) {
		ARCHIVE_RECORD record = {0};

		rc = archive_next(reader, &record, fault);
		if (rc <= 0)
			return rc;
		number++;
		if (archive_take(all, &record, fault))
			return fault_prefix(fault,
					    "%s: record %" G_GINT64_FORMAT,
					    path, number);
		if (all->is_check)
			progress_tell(&all->import->progress, number, 0);
	}
}

int import_archive(struct mail_import *import, const char *path,
		   struct fault *fault)
{
	g_autoptr(GHashTable) places = g_hash_table_new_full(
		g_str_hash, g_str_equal, g_free, archive_place_free);
	g_autoptr(GHashTable) copies =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	struct archive_import all = {.import = import,
				     .is_check = true,
				     .places = places,
				     .copies = copies};
	AUTO(archive_reader) reader = NULL;

	import->progress.what = "records checked";
	if (archive_open(path, &reader, fault) ||
	    archive_pass(&all, reader, path, fault))
		return -1;
	g_hash_table_remove_all(places);
	all.is_check = false;
	import->progress.what = "messages";
	if (archive_rewind(reader, fault) ||
	    archive_pass(&all, reader, path, fault))
		return -1;
	return import_flush(import, fault);
}
