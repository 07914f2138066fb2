/*
 * okapi-admin mail: listing messages and moving them about; the table of the
 * noun.
 */
#include "mail.h"

#include "print.h"
#include "propset.h"
#include "store/folders.h"
#include "store/queue.h"

#include <stdio.h>
#include <string.h>

int mail_find(struct admin *admin, const struct store_user *user,
	      const char *id, struct store_message **ret_message,
	      struct fault *fault)
{
	struct fault first = {0};
	int64_t number = 0;
	int64_t shared = 0;

	if (admin_number("ID", id, &number, fault) < 0)
		return -1;
	if (store_message_get(admin->store, user->store, number, ret_message,
			      &first) == 0)
		return 0;
	if (first.kind == FAULT_NOT_FOUND &&
	    store_public(admin->store, &shared, fault) == 0 &&
	    store_message_get(admin->store, shared, number, ret_message,
			      fault) == 0)
		return 0;
	*fault = first;
	return -1;
}

/* IMAP's names for what IMAP has, plain words for the rest. */
static json_t *mail_flags_json(const struct store_message *message)
{
	static const struct {
		unsigned flag;
		const char *name;
	} names[] = {{MESSAGE_READ, "\\Seen"},
		     {MESSAGE_FLAGGED, "\\Flagged"},
		     {MESSAGE_ANSWERED, "\\Answered"},
		     {MESSAGE_DRAFT, "\\Draft"},
		     {MESSAGE_UNSENT, "unsent"},
		     {MESSAGE_SUBMITTED, "submitted"},
		     {MESSAGE_FAILED, "failed"}};
	json_t *flags = json_array();

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		if (message->flags & names[i].flag)
			json_array_append_new(flags,
					      json_string(names[i].name));
	for (char **k = message->keywords; k && *k; k++)
		json_array_append_new(flags, print_json_text(*k));
	return flags;
}

json_t *mail_json(const struct store_message *message)
{
	json_t *object = json_object();
	const struct {
		const char *name;
		const char *text;
	} texts[] = {{"folder", message->folder_path},
		     {"subject", message->subject},
		     {"sender", message->sender},
		     {"sender_name", message->sender_name},
		     {"to", message->to}};

	json_object_set_new(object, "id", json_integer(message->id));
	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
		json_object_set_new(
			object, texts[i].name,
			print_json_text(texts[i].text ? texts[i].text : ""));
	json_object_set_new(object, "received",
			    print_json_time(message->received));
	json_object_set_new(object, "size", json_integer(message->size));
	json_object_set_new(object, "read",
			    json_boolean(message->flags & MESSAGE_READ));
	json_object_set_new(object, "flags", mail_flags_json(message));
	json_object_set_new(object, "message_class",
			    print_json_text(message->message_class));
	json_object_set_new(object, "message_id",
			    print_json_text(message->message_id
						    ? message->message_id
						    : ""));
	json_object_set_new(object, "attachments",
			    json_integer(message->attachments));
	return object;
}

static void mail_print_line(const struct store_message *message, bool folders)
{
	g_autofree char *received = print_time(message->received, false);
	g_autofree char *size = print_size(message->size);
	g_autofree char *sender = print_fit(message->sender, 28);
	g_autofree char *subject = print_clean(message->subject);
	g_autofree char *folder = print_clean(message->folder_path);

	printf("%6" G_GINT64_FORMAT " %c%c%c %s %6s  %s  %s%s%s%s\n",
	       message->id, message->flags & MESSAGE_READ ? ' ' : 'N',
	       message->flags & MESSAGE_FLAGGED ? 'F' : ' ',
	       message->attachments ? '@' : ' ', received, size, sender,
	       folders ? folder : "", folders ? ": " : "", subject, "");
}

struct mail_list_context {
	struct print_list list;
	bool folders;
};

static int mail_list_each(const struct store_message *message, void *context,
			  struct fault *fault)
{
	struct mail_list_context *c = context;

	if (c->list.json)
		print_list_item(&c->list, mail_json(message));
	else
		mail_print_line(message, c->folders);
	return ferror(stdout) ? admin_flush(fault) : 0;
}

static int mail_list(struct admin *admin, struct fault *fault)
{
	AUTO(store_user) user = NULL;
	const char *path = admin_arg(admin, 1);
	struct mail_list_context context = {.folders = !path};
	int64_t store = 0;
	int64_t folder = 0;

	if (admin_user(admin, 0, &user, fault) < 0 ||
	    admin_folder_in(admin, user, path, &store, &folder, fault) < 0)
		return -1;
	print_list_begin(&context.list, admin->json);
	if (store_message_list(admin->store, store, folder, mail_list_each,
			       &context, fault) < 0)
		return -1;
	print_list_end(&context.list);
	return 0;
}

/* ---- move, copy, delete, restore ---- */

struct mail_work {
	int64_t message;
	int64_t folder;
	int64_t copy;
	bool permanently;
	const GArray *ids; /* of int64_t, to restore */
};

static int mail_target(struct admin *admin, struct mail_work *work,
		       struct fault *fault)
{
	AUTO(store_user) user = NULL;
	AUTO(store_message) message = NULL;

	if (admin_user(admin, 0, &user, fault) < 0 ||
	    mail_find(admin, user, admin_arg(admin, 1), &message, fault) < 0 ||
	    admin_folder(admin, user, admin_arg(admin, 2), &work->folder,
			 fault) < 0)
		return -1;
	work->message = message->id;
	return 0;
}

static int mail_move_unit(struct store *store, void *context,
			  struct fault *fault)
{
	const struct mail_work *work = context;

	return store_message_move(store, work->message, work->folder, fault);
}

static int mail_move(struct admin *admin, struct fault *fault)
{
	struct mail_work work = {0};

	if (mail_target(admin, &work, fault) < 0)
		return -1;
	return store_run(admin->store, mail_move_unit, &work, fault);
}

static int mail_copy_unit(struct store *store, void *context,
			  struct fault *fault)
{
	struct mail_work *work = context;

	return store_message_copy(store, work->message, work->folder,
				  &work->copy, fault);
}

static int mail_copy(struct admin *admin, struct fault *fault)
{
	struct mail_work work = {0};

	if (mail_target(admin, &work, fault) < 0 ||
	    store_run(admin->store, mail_copy_unit, &work, fault) < 0)
		return -1;
	admin_tell(admin, "id", work.copy, "%" G_GINT64_FORMAT, work.copy);
	return 0;
}

static int mail_delete_unit(struct store *store, void *context,
			    struct fault *fault)
{
	const struct mail_work *work = context;

	return store_message_delete(store, work->message, work->permanently,
				    fault);
}

static int mail_delete(struct admin *admin, struct fault *fault)
{
	AUTO(store_user) user = NULL;
	AUTO(store_message) message = NULL;
	g_autofree char *subject = NULL;
	struct mail_work work = {.permanently = admin_has(admin, "permanent")};

	if (admin_user(admin, 0, &user, fault) < 0 ||
	    mail_find(admin, user, admin_arg(admin, 1), &message, fault) < 0)
		return -1;
	subject = print_clean(message->subject);
	if (work.permanently &&
	    admin_confirm(admin, fault,
			  "Delete message %" G_GINT64_FORMAT " (%s) without "
			  "Deleted Items in between?",
			  message->id, subject) < 0)
		return -1;
	work.message = message->id;
	return store_run(admin->store, mail_delete_unit, &work, fault);
}

static int mail_restore_unit(struct store *store, void *context,
			     struct fault *fault)
{
	const struct mail_work *work = context;

	for (guint i = 0; i < work->ids->len; i++)
		if (store_message_restore(store,
					  g_array_index(work->ids, int64_t, i),
					  fault) < 0)
			return -1;
	return 0;
}

/* What --folder names, where "Public" is the whole store: what a folder that is
 * gone held is found by no path. */
static int mail_restore_place(struct admin *admin,
			      const struct store_user *user, int64_t *ret_store,
			      int64_t *ret_folder, struct fault *fault)
{
	const char *path = admin_option(admin, "folder");

	if (!path || g_ascii_strcasecmp(path, "Public") != 0)
		return admin_folder_in(admin, user, path, ret_store, ret_folder,
				       fault);
	*ret_folder = 0;
	return store_public(admin->store, ret_store, fault);
}

/* A named message is marked deleted, or lies in Deleted Items. */
static int mail_restore_named(struct admin *admin,
			      const struct store_user *user, const char *text,
			      const GArray *deleted, GArray *ids,
			      struct fault *fault)
{
	AUTO(store_message) message = NULL;
	AUTO(store_folder) folder = NULL;
	int64_t id = 0;
	bool known = false;

	if (admin_number("ID", text, &id, fault) < 0)
		return -1;
	for (guint i = 0; i < deleted->len; i++)
		known = known || g_array_index(deleted, int64_t, i) == id;
	if (!known) {
		if (store_message_get(admin->store, user->store, id, &message,
				      fault) < 0 ||
		    store_folder_get(admin->store, message->folder, &folder,
				     fault) < 0)
			return -1;
		if (folder->role != FOLDER_DELETED)
			return fault_set(fault, FAULT_NOT_FOUND,
					 "message %" G_GINT64_FORMAT
					 " is not deleted",
					 id);
	}
	g_array_append_val(ids, id);
	return 0;
}

/* What is marked deleted: all, or in one folder, or the named ones. */
static int mail_restore_select(struct admin *admin,
			       const struct store_user *user, GArray *ids,
			       struct fault *fault)
{
	const char *since = admin_option(admin, "since");
	g_autoptr(GArray) deleted = NULL;
	int64_t store = 0;
	int64_t folder = 0;
	int64_t time = 0;

	if (since && print_time_parse(since, &time, fault) < 0)
		return -1;
	if (mail_restore_place(admin, user, &store, &folder, fault) < 0 ||
	    store_message_list_deleted(admin->store, store, folder, time,
				       &deleted, fault) < 0)
		return -1;
	if (admin->args->len == 1)
		g_array_append_vals(ids, deleted->data, deleted->len);
	for (guint i = 1; i < admin->args->len; i++)
		if (mail_restore_named(admin, user, admin_arg(admin, i),
				       deleted, ids, fault) < 0)
			return -1;
	return 0;
}

/* What came back, by the folder it is in now. */
static int mail_restore_tell(struct admin *admin, const struct store_user *user,
			     const GArray *ids, struct fault *fault)
{
	g_autoptr(GHashTable) counts =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_autoptr(GList) folders = NULL;
	struct print_list list;

	for (guint i = 0; i < ids->len; i++) {
		AUTO(store_message) message = NULL;
		g_autofree char *id = g_strdup_printf(
			"%" G_GINT64_FORMAT, g_array_index(ids, int64_t, i));
		guint count;

		if (mail_find(admin, user, id, &message, fault) < 0)
			return -1;
		count = GPOINTER_TO_UINT(
			g_hash_table_lookup(counts, message->folder_path));
		g_hash_table_insert(counts, g_strdup(message->folder_path),
				    GUINT_TO_POINTER(count + 1));
	}
	print_list_begin(&list, admin->json);
	if (!admin->json)
		printf("restored: %u\n", ids->len);
	folders = g_list_sort(g_hash_table_get_keys(counts),
			      (GCompareFunc)strcmp);
	for (const GList *at = folders; at; at = at->next) {
		guint count =
			GPOINTER_TO_UINT(g_hash_table_lookup(counts, at->data));
		g_autofree char *clean = print_clean(at->data);
		json_t *object;

		if (!admin->json) {
			printf("%6u to %s\n", count, clean);
			continue;
		}
		object = json_object();
		json_object_set_new(object, "folder",
				    print_json_text(at->data));
		json_object_set_new(object, "messages", json_integer(count));
		print_list_item(&list, object);
	}
	print_list_end(&list);
	return 0;
}

struct mail_deleted_list {
	struct print_list list;
	char *home; /* of the one before */
};

static int mail_deleted_each(const struct store_deleted *message, void *context,
			     struct fault *fault)
{
	struct mail_deleted_list *c = context;
	g_autofree char *received = print_time(message->received, false);
	g_autofree char *size = print_size(message->size);
	g_autofree char *sender = print_fit(message->sender, 28);
	g_autofree char *subject = print_clean(message->subject);
	g_autofree char *home = print_clean(message->home);
	json_t *object;

	if (!c->list.json) {
		if (g_strcmp0(c->home, message->home) != 0)
			printf("%s%s:\n", c->home ? "\n" : "", home);
		g_free(c->home);
		c->home = g_strdup(message->home);
		printf("%6" G_GINT64_FORMAT " %s %6s  %s  %s\n", message->id,
		       received, size, sender, subject);
		return ferror(stdout) ? admin_flush(fault) : 0;
	}
	object = json_object();
	json_object_set_new(object, "id", json_integer(message->id));
	json_object_set_new(object, "folder", print_json_text(message->home));
	json_object_set_new(object, "subject",
			    print_json_text(message->subject));
	json_object_set_new(object, "sender", print_json_text(message->sender));
	json_object_set_new(object, "received",
			    print_json_time(message->received));
	json_object_set_new(object, "deleted",
			    print_json_time(message->deleted));
	json_object_set_new(object, "size", json_integer(message->size));
	print_list_item(&c->list, object);
	return 0;
}

/* What could be restored, by the folder it came from. */
static int mail_restore_list(struct admin *admin, struct fault *fault)
{
	AUTO(store_user) user = NULL;
	const char *since = admin_option(admin, "since");
	struct mail_deleted_list context = {0};
	int64_t store = 0;
	int64_t folder = 0;
	int64_t time = 0;
	int rc;

	if (admin->args->len > 1)
		return fault_set(fault, FAULT_USAGE,
				 "--list names no messages: it shows their "
				 "IDs");
	if (admin_user(admin, 0, &user, fault) < 0 ||
	    (since && print_time_parse(since, &time, fault) < 0) ||
	    mail_restore_place(admin, user, &store, &folder, fault) < 0)
		return -1;
	print_list_begin(&context.list, admin->json);
	rc = store_message_each_deleted(admin->store, store, folder, time,
					mail_deleted_each, &context, fault);
	print_list_end(&context.list);
	g_free(context.home);
	return rc;
}

static int mail_restore(struct admin *admin, struct fault *fault)
{
	AUTO(store_user) user = NULL;
	g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(int64_t));
	struct mail_work work = {.ids = ids};

	if (admin_has(admin, "list"))
		return mail_restore_list(admin, fault);
	if (admin->args->len > 1 &&
	    (admin_has(admin, "folder") || admin_has(admin, "since")))
		return fault_set(fault, FAULT_USAGE,
				 "name IDs or say --folder and --since, not "
				 "both");
	if (admin_user(admin, 0, &user, fault) < 0 ||
	    mail_restore_select(admin, user, ids, fault) < 0 ||
	    store_run(admin->store, mail_restore_unit, &work, fault) < 0)
		return -1;
	return mail_restore_tell(admin, user, ids, fault);
}

/* ---- recall ---- */

struct mail_recall {
	int64_t store;
	int64_t message;
	struct fault left_out;
};

static int mail_recall_unit(struct store *store, void *context,
			    struct fault *fault)
{
	struct mail_recall *recall = context;

	return store_queue_recall(store, recall->store, recall->message,
				  &recall->left_out, fault);
}

static int mail_recall(struct admin *admin, struct fault *fault)
{
	AUTO(store_user) user = NULL;
	AUTO(store_message) message = NULL;
	struct mail_recall recall;

	if (admin_user(admin, 0, &user, fault) < 0 ||
	    mail_find(admin, user, admin_arg(admin, 1), &message, fault) < 0)
		return -1;
	recall = (struct mail_recall){user->store, message->id, {0}};
	if (store_run(admin->store, mail_recall_unit, &recall, fault) < 0)
		return -1;
	if (recall.left_out.kind != FAULT_NONE)
		fprintf(stderr, "okapi-admin: taken back, but without %s\n",
			recall.left_out.text);
	return 0;
}

/* ---- the table ---- */

static const struct command_option mail_show_options[] = {
	{"raw", NULL, "the message byte for byte", false},
	{"props", NULL, "every property by its MAPI name", false},
	{"data", NULL, "with the bytes of large binary values", false},
	{0}};

static const struct command_option mail_export_options[] = {
	{"mbox", "FILE", "into a new mbox (mboxrd), - for stdout", false},
	{"maildir", "DIR", "into a Maildir; folders as Maildir++", false},
	{"archive", "FILE",
	 "all there is of them, and of the user's settings, into a new file",
	 false},
	{"keep-going", NULL, "tell what cannot be read and leave it out",
	 false},
	{0}};

static const struct command_option mail_delete_options[] = {
	{"permanent", NULL, "not by way of Deleted Items", false}, {0}};

static const struct command_option mail_restore_options[] = {
	{"list", NULL, "show what could be, by the folder it came from", false},
	{"folder", "PATH", "those that were deleted from this folder", false},
	{"since", "TIME", "those that were deleted since then", false},
	{0}};

static const struct command_option mail_submit_options[] = {
	{"props", "FILE", "compose from a property set (JSON), - for stdin",
	 false},
	{0}};

static const struct command mail_commands[] = {
	{"list", "USER [FOLDER]", "messages, in order of delivery", mail_list,
	 NULL, COMMAND_READ | COMMAND_JSON},
	{"show", "USER ID", "one message, for people", mail_show,
	 mail_show_options, COMMAND_READ | COMMAND_JSON},
	{"export", "USER [FOLDER]", "writes messages into files", mail_export,
	 mail_export_options, COMMAND_READ | COMMAND_JSON},
	{"import", "USER FOLDER FILE|DIR",
	 "takes an mbox, a Maildir, an archive or one message", mail_import,
	 NULL, COMMAND_WRITE | COMMAND_JSON},
	{"move", "USER ID FOLDER", "into another folder", mail_move, NULL,
	 COMMAND_WRITE},
	{"copy", "USER ID FOLDER", "into another folder; prints the new id",
	 mail_copy, NULL, COMMAND_WRITE | COMMAND_JSON},
	{"delete", "USER ID", "to Deleted Items; from there: marks it deleted",
	 mail_delete, mail_delete_options, COMMAND_WRITE},
	{"restore", "USER [ID...]", "brings back what was marked deleted",
	 mail_restore, mail_restore_options, COMMAND_WRITE | COMMAND_JSON},
	{"submit", "USER [ID]", "sends a message, or one composed from --props",
	 mail_submit, mail_submit_options, COMMAND_WRITE | COMMAND_JSON},
	{"recall", "USER ID", "takes back a message of the Outbox that waits",
	 mail_recall, NULL, COMMAND_WRITE},
	{0}};

const struct noun noun_mail = {"mail", "messages", mail_commands};
