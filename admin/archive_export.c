/*
 * okapi-admin mail export --archive: folders, messages with all that is known
 * of each copy, and what the user set (rules, senders, out of office).
 *
 * Not in it: rights in folders, the password, addresses and quota, which
 * belong to the account; what is marked deleted; what waits in the queue.
 */
#include "archive.h"
#include "digest.h"
#include "json_out.h"
#include "mail.h"
#include "print.h"
#include "progress.h"
#include "propset.h"
#include "store/folders.h"
#include "store/settings.h"

struct archive_export {
	struct store *store;
	struct archive_writer *writer;
	GHashTable *folders; /* paths that are in it */
	struct progress progress;
	int64_t count;
	int64_t left; /* could not be read */
	const struct admin *admin;
};

static int export_folder(struct archive_export *export, const char *path,
			 enum folder_role role, struct fault *fault)
{
	if (!g_hash_table_add(export->folders, g_strdup(path)))
		return 0;
	return archive_put(export->writer, "folder",
			   json_pack("{s:s, s:s}", "path", path, "role",
				     folder_role_name(role)),
			   NULL, 0, fault);
}

static int export_folders(struct archive_export *export, int64_t store_id,
			  struct fault *fault)
{
	g_autoptr(GPtrArray) folders = NULL;

	if (store_folder_list(export->store, store_id, &folders, fault))
		return -1;
	for (guint i = 0; i < folders->len; i++) {
		const struct store_folder *folder = folders->pdata[i];

		if (export_folder(export, folder->path, folder->role, fault))
			return -1;
	}
	return 0;
}

/* ---- messages ---- */

static json_t *export_message_json(const struct store_message *m, size_t trace,
				   const uint8_t *content,
				   const struct propset *own)
{
	uint8_t hash[DIGEST_SIZE];
	char hex[DIGEST_HEX_SIZE];
	json_t *object = json_object();

	digest_sha256(content, (size_t)m->size, hash);
	digest_format(hash, hex);
	json_object_set_new(object, "folder", print_json_text(m->folder_path));
	json_object_set_new(object, "received", json_integer(m->received));
	/* A copy of what waits in the queue waits in none. */
	json_object_set_new(
		object, "flags",
		json_integer(m->flags & ~(unsigned)MESSAGE_SUBMITTED));
	json_object_set_new(object, "keywords",
			    print_json_texts((const char *const *)m->keywords));
	json_object_set_new(object, "trace", json_integer((json_int_t)trace));
	json_object_set_new(object, "size", json_integer(m->size));
	json_object_set_new(object, "sha256", json_string(hex));
	json_object_set_new(object, "properties", propset_to_json(own, true));
	return object;
}

static int export_message(const struct store_message *m, void *context,
			  struct fault *fault)
{
	struct archive_export *export = context;
	AUTO(propset) own = propset_new();
	g_autoptr(GBytes) bytes = NULL;
	const uint8_t *data;
	gsize len = 0;
	size_t trace;

	if (store_message_bytes(export->store, m->id, false, &bytes, fault) ||
	    store_message_own(export->store, m->id, own, fault))
		return mail_export_broken(export->admin, m->id, &export->left,
					  fault);
	data = g_bytes_get_data(bytes, &len);
	if ((int64_t)len < m->size) {
		(void)fault_set(fault, FAULT_IO,
				"its size is not that of its octets");
		return mail_export_broken(export->admin, m->id, &export->left,
					  fault);
	}
	if (export_folder(export, m->folder_path, FOLDER_PLAIN, fault))
		return fault_prefix(fault, "message %" G_GINT64_FORMAT, m->id);
	trace = len - (size_t)m->size;
	progress_tell(&export->progress, ++export->count, 0);
	return archive_put(export->writer, "message",
			   export_message_json(m, trace, data + trace, own),
			   data, len, fault);
}

/* ---- what the user set ---- */

static int export_rules(struct archive_export *export, int64_t store_id,
			struct fault *fault)
{
	g_autoptr(GPtrArray) rules = NULL;

	if (store_rule_list(export->store, store_id, &rules, fault))
		return -1;
	for (guint i = 0; i < rules->len; i++) {
		const struct store_rule *rule = rules->pdata[i];
		json_t *value = json_pack("{s:I, s:b, s:I}", "sequence",
					  (json_int_t)rule->sequence, "enabled",
					  rule->enabled, "flags",
					  (json_int_t)rule->flags);

		json_object_set_new(value, "name", print_json_text(rule->name));
		json_object_set_new(value, "script",
				    print_json_text(rule->script));
		if (archive_put(export->writer, "rule", value, NULL, 0, fault))
			return -1;
	}
	return 0;
}

static int export_junk(struct archive_export *export, int64_t store_id,
		       struct fault *fault)
{
	g_autoptr(GPtrArray) entries = NULL;

	if (store_junk_list(export->store, store_id, &entries, fault))
		return -1;
	for (guint i = 0; i < entries->len; i++) {
		const struct junk_entry *entry = entries->pdata[i];
		json_t *value = json_pack("{s:b}", "allow",
					  entry->verdict == JUNK_ALLOW);

		json_object_set_new(value, "pattern",
				    print_json_text(entry->pattern));
		if (archive_put(export->writer, "junk", value, NULL, 0, fault))
			return -1;
	}
	return 0;
}

static int export_oof(struct archive_export *export, int64_t store_id,
		      struct fault *fault)
{
	AUTO(store_oof) oof = NULL;
	json_t *value;

	if (store_oof_get(export->store, store_id, &oof, fault))
		return -1;
	value = json_pack("{s:b, s:I, s:I, s:I}", "on", oof->on, "from",
			  (json_int_t)oof->from, "until",
			  (json_int_t)oof->until, "external",
			  (json_int_t)oof->external);
	json_object_set_new(value, "subject", print_json_text(oof->subject));
	json_object_set_new(value, "message", print_json_text(oof->message));
	json_object_set_new(value, "html", print_json_text(oof->html));
	json_object_set_new(value, "external_message",
			    print_json_text(oof->external_message));
	json_object_set_new(value, "external_html",
			    print_json_text(oof->external_html));
	return archive_put(export->writer, "oof", value, NULL, 0, fault);
}

static int export_all(struct archive_export *export, int64_t store_id,
		      int64_t folder, struct fault *fault)
{
	if ((!folder && export_folders(export, store_id, fault)) ||
	    store_message_list(export->store, store_id, folder, export_message,
			       export, fault))
		return -1;
	if (folder)
		return 0;
	if (export_rules(export, store_id, fault) ||
	    export_junk(export, store_id, fault))
		return -1;
	return export_oof(export, store_id, fault);
}

int mail_export_archive(struct admin *admin, const struct store_user *user,
			int64_t store_id, int64_t folder, const char *path,
			int64_t *ret_count, int64_t *ret_left,
			struct fault *fault)
{
	g_autoptr(GHashTable) folders =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	AUTO(archive_writer) writer = NULL;
	struct archive_export export = {
		.store = admin->store, .folders = folders, .admin = admin};
	int rc;

	if (archive_create(path, user->name, &writer, fault))
		return -1;
	export.writer = writer;
	progress_begin(&export.progress, "messages");
	rc = export_all(&export, store_id, folder, fault);
	progress_end(&export.progress);
	if (rc)
		return -1;
	*ret_count = export.count;
	*ret_left = export.left;
	return archive_finish(writer, fault);
}
