/*
 * okapi-admin folder: the folders of a store.
 */
#include "store/folders.h"

#include "admin.h"
#include "print.h"
#include "store/users.h"

#include <stdio.h>
#include <string.h>

static json_t *folder_json(const struct store_folder *folder)
{
	json_t *object = json_object();

	json_object_set_new(object, "path", print_json_text(folder->path));
	json_object_set_new(object, "role",
			    print_json_text(folder_role_name(folder->role)));
	json_object_set_new(object, "messages", json_integer(folder->messages));
	json_object_set_new(object, "unread", json_integer(folder->unread));
	json_object_set_new(object, "size", json_integer(folder->size));
	return object;
}

static void folder_print(GPtrArray *folders)
{
	static const char *const head[] = {"FOLDER", "MESSAGES", "UNREAD",
					   "SIZE", NULL};
	struct print_table *table = print_table_new(head);

	for (guint i = 0; i < folders->len; i++) {
		const struct store_folder *folder = folders->pdata[i];
		g_autofree char *messages =
			g_strdup_printf("%" G_GINT64_FORMAT, folder->messages);
		g_autofree char *unread =
			g_strdup_printf("%" G_GINT64_FORMAT, folder->unread);
		g_autofree char *size = print_size(folder->size);
		const char *cells[] = {folder->path, messages, unread, size};

		print_table_row(table, cells);
	}
	print_table_end(table);
}

static int folder_list(struct admin *admin, struct fault *fault)
{
	AUTO(store_user) user = NULL;
	g_autoptr(GPtrArray) folders = NULL;
	struct print_list list;
	int64_t store;

	if (admin_user(admin, 0, &user, fault) < 0)
		return -1;
	store = user->store;
	if (admin_has(admin, "public") &&
	    store_public(admin->store, &store, fault) < 0)
		return -1;
	if (store_folder_list(admin->store, store, &folders, fault) < 0)
		return -1;
	if (!admin->json) {
		folder_print(folders);
		return 0;
	}
	print_list_begin(&list, true);
	for (guint i = 0; i < folders->len; i++)
		print_list_item(&list, folder_json(folders->pdata[i]));
	print_list_end(&list);
	return 0;
}

struct folder_request {
	int64_t store;
	int64_t folder;
	const char *text; /* path or new name */
};

static int folder_create_unit(struct store *store, void *context,
			      struct fault *fault)
{
	struct folder_request *r = context;
	bool created = false;

	if (store_folder_create(store, r->store, r->text, '/', &r->folder,
				&created, fault) < 0)
		return -1;
	if (!created)
		return fault_set(fault, FAULT_EXISTS,
				 "folder %s is there already", r->text);
	return 0;
}

static int folder_create(struct admin *admin, struct fault *fault)
{
	AUTO(store_user) user = NULL;
	struct folder_request request = {0};

	if (admin_user(admin, 0, &user, fault) < 0)
		return -1;
	request.store = user->store;
	request.text = admin_arg(admin, 1);
	return store_run(admin->store, folder_create_unit, &request, fault);
}

static int folder_rename_unit(struct store *store, void *context,
			      struct fault *fault)
{
	const struct folder_request *r = context;

	return store_folder_rename(store, r->folder, r->text, fault);
}

/* Where the last part of a path begins; '\/' does not divide. */
static const char *folder_last_part(const char *path)
{
	const char *last = path;

	for (const char *p = path; *p; p++) {
		if (*p == '\\' && p[1])
			p++;
		else if (*p == '/')
			last = p + 1;
	}
	return last;
}

/* NEW is a name, or a path with the same parent. */
static int folder_rename(struct admin *admin, struct fault *fault)
{
	AUTO(store_user) user = NULL;
	struct folder_request request = {0};
	const char *path = admin_arg(admin, 1);
	const char *new = admin_arg(admin, 2);
	size_t parent = (size_t)(folder_last_part(path) - path);

	if (admin_user(admin, 0, &user, fault) < 0 ||
	    admin_folder(admin, user, path, &request.folder, fault) < 0)
		return -1;
	request.text = folder_last_part(new);
	if (request.text != new && ((size_t)(request.text - new) != parent ||
				    strncmp(new, path, parent) != 0))
		return fault_set(fault, FAULT_USAGE,
				 "a folder can get another name but not "
				 "another parent in this version");
	return store_run(admin->store, folder_rename_unit, &request, fault);
}

static int folder_delete_unit(struct store *store, void *context,
			      struct fault *fault)
{
	const struct folder_request *r = context;

	return store_folder_delete(store, r->folder, fault);
}

static int folder_delete(struct admin *admin, struct fault *fault)
{
	AUTO(store_user) user = NULL;
	struct folder_request request = {0};

	if (admin_user(admin, 0, &user, fault) < 0 ||
	    admin_folder(admin, user, admin_arg(admin, 1), &request.folder,
			 fault) < 0)
		return -1;
	if (admin_confirm(admin, fault,
			  "Delete folder %s of %s and all below it?",
			  admin_arg(admin, 1), user->name) < 0)
		return -1;
	return store_run(admin->store, folder_delete_unit, &request, fault);
}

static const struct command_option folder_list_options[] = {
	{"public", NULL, "those of the public store instead", false}, {0}};

static const struct command folder_commands[] = {
	{"list", "USER", "folders with counters", folder_list,
	 folder_list_options, COMMAND_READ | COMMAND_JSON},
	{"create", "USER PATH", "makes a folder and what is missing above it",
	 folder_create, NULL, COMMAND_WRITE},
	{"rename", "USER PATH NEW", "gives a folder another name",
	 folder_rename, NULL, COMMAND_WRITE},
	{"delete", "USER PATH",
	 "moves a folder to Deleted Items; from there it goes", folder_delete,
	 NULL, COMMAND_WRITE},
	{0}};

const struct noun noun_folder = {"folder", "the folders of a user",
				 folder_commands};
