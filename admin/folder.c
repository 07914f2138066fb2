/*
 * okapi-admin folder: the folders of a store.
 */
#include "store/folders.h"

#include "admin.h"
#include "print.h"
#include "rights.h"
#include "store/users.h"

#include <stdio.h>
#include <string.h>

/* As other commands take it. */
static char *folder_path(const struct store_folder *folder, bool is_public)
{
	return g_strconcat(is_public ? "Public/" : "", folder->path, NULL);
}

static json_t *folder_json(const struct store_folder *folder, bool is_public)
{
	json_t *object = json_object();
	g_autofree char *path = folder_path(folder, is_public);

	json_object_set_new(object, "path", print_json_text(path));
	json_object_set_new(object, "role",
			    print_json_text(folder_role_name(folder->role)));
	json_object_set_new(object, "messages", json_integer(folder->messages));
	json_object_set_new(object, "unread", json_integer(folder->unread));
	json_object_set_new(object, "size", json_integer(folder->size));
	return object;
}

static void folder_print(GPtrArray *folders, bool is_public)
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
		g_autofree char *path = folder_path(folder, is_public);
		const char *cells[] = {path, messages, unread, size};

		print_table_row(table, cells);
	}
	print_table_end(table);
}

/* Takes away what the user of --as may not see. */
static int folder_keep_visible(struct admin *admin, GPtrArray *folders,
			       struct fault *fault)
{
	for (guint i = folders->len; i-- > 0;) {
		const struct store_folder *folder = folders->pdata[i];
		bool may_see = false;
		bool may_read = false;

		if (rights_may(admin, folder->id, STORE_RIGHT_VISIBLE, &may_see,
			       fault) < 0 ||
		    rights_may(admin, folder->id, STORE_RIGHT_READ, &may_read,
			       fault) < 0)
			return -1;
		if (!may_see && !may_read)
			g_ptr_array_remove_index(folders, i);
	}
	return 0;
}

static int folder_list(struct admin *admin, struct fault *fault)
{
	AUTO(store_user) user = NULL;
	g_autoptr(GPtrArray) folders = NULL;
	bool is_public = admin_has(admin, "public");
	struct print_list list;
	int64_t store;

	if (admin_user(admin, 0, &user, fault) < 0)
		return -1;
	store = user->store;
	if (is_public && store_public(admin->store, &store, fault) < 0)
		return -1;
	if (store_folder_list(admin->store, store, &folders, fault) < 0)
		return -1;
	if (folder_keep_visible(admin, folders, fault) < 0)
		return -1;
	if (!admin->json) {
		folder_print(folders, is_public);
		return 0;
	}
	print_list_begin(&list, true);
	for (guint i = 0; i < folders->len; i++)
		print_list_item(&list,
				folder_json(folders->pdata[i], is_public));
	print_list_end(&list);
	return 0;
}

struct folder_request {
	int64_t store;
	int64_t folder;
	const char *path;    /* of the folder */
	const char *text;    /* path or new name */
	int64_t parent;      /* 0: the one it has */
	const char *creator; /* who is to own it, or NULL */
};

/* Is the path still that folder's, now that nobody else changes it? */
static int folder_hold(struct store *store, const struct folder_request *r,
		       struct fault *fault)
{
	int64_t folder = 0;

	if (store_folder_find(store, r->store, r->path, '/', &folder, fault) <
	    0)
		return -1;
	if (folder != r->folder)
		return fault_set(fault, FAULT_NOT_FOUND,
				 "no folder '%s': it has just been moved",
				 r->path);
	return 0;
}

/* The path of all parts but the last. */
static char *folder_parent_path(char **parts)
{
	GString *path = g_string_new(NULL);

	for (; parts[0] && parts[1]; parts++) {
		g_auto(GStrv) pieces = g_strsplit(parts[0], "/", -1);
		g_autofree char *escaped = g_strjoinv("\\/", pieces);

		g_string_append_printf(path, "%s%s", path->len ? "/" : "",
				       escaped);
	}
	return g_string_free(path, FALSE);
}

/* Of a path whose last folder is missing, the topmost one that is; owned. */
static int folder_top_missing(struct store *store, int64_t store_id,
			      const char *path, char **ret_path,
			      struct fault *fault)
{
	g_autofree char *missing = g_strdup(path);

	for (;;) {
		g_auto(GStrv) parts = store_folder_split(missing, '/');
		g_autofree char *above = folder_parent_path(parts);
		struct fault why = {0};
		int64_t found = 0;

		/* The top of a store is there. */
		if (!*above || g_ascii_strcasecmp(above, "Public") == 0 ||
		    store_folder_find(store, store_id, above, '/', &found,
				      &why) == 0)
			break;
		if (why.kind != FAULT_NOT_FOUND) {
			*fault = why;
			return -1;
		}
		g_free(missing);
		missing = g_steal_pointer(&above);
	}
	*ret_path = g_steal_pointer(&missing);
	return 0;
}

static int folder_create_unit(struct store *store, void *context,
			      struct fault *fault)
{
	struct folder_request *r = context;
	g_autofree char *top = NULL;
	bool created = false;
	int64_t folder = 0;

	if (folder_top_missing(store, r->store, r->text, &top, fault) < 0 ||
	    store_folder_create(store, r->store, r->text, '/', &r->folder,
				&created, fault) < 0)
		return -1;
	if (!created)
		return fault_set(fault, FAULT_EXISTS,
				 "folder %s is there already", r->text);
	if (!r->creator)
		return 0;
	/* Rights on what is made go down from its top. */
	if (store_folder_find(store, r->store, top, '/', &folder, fault) < 0)
		return -1;
	return store_acl_set(store, folder, r->creator, "fullcontrol,owner",
			     fault);
}

/* Who makes a folder in another store owns it; NULL: nobody in particular. */
static int folder_creator(struct admin *admin, const struct store_user *user,
			  const char **ret_creator, struct fault *fault)
{
	g_auto(GStrv) parts = store_folder_split(admin_arg(admin, 1), '/');
	int64_t store = user->store;

	*ret_creator = NULL;
	if (!admin->as || admin->as->admin)
		return 0;
	if (parts[0] && parts[1] &&
	    g_ascii_strcasecmp(parts[0], "Public") == 0 &&
	    store_public(admin->store, &store, fault) < 0)
		return -1;
	if (store != admin->as->store)
		*ret_creator = admin->as->name;
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
	if (folder_creator(admin, user, &request.creator, fault) < 0)
		return -1;
	return store_run(admin->store, folder_create_unit, &request, fault);
}

static int folder_move_unit(struct store *store, void *context,
			    struct fault *fault)
{
	const struct folder_request *r = context;

	if (folder_hold(store, r, fault) < 0)
		return -1;
	return store_folder_move(store, r->folder, r->parent, r->text, fault);
}

/* NEW is a name, or a path, whose parent has to exist. */
static int folder_rename(struct admin *admin, struct fault *fault)
{
	AUTO(store_user) user = NULL;
	struct folder_request request = {0};
	const char *new = admin_arg(admin, 2);
	g_auto(GStrv) parts = store_folder_split(new, '/');
	g_autofree char *parent = folder_parent_path(parts);
	guint count = g_strv_length(parts);

	if (count == 0)
		return fault_set(fault, FAULT_BAD_ARGUMENT,
				 "'%s' is no name of a folder", new);
	request.text = parts[count - 1];
	if (admin_user(admin, 0, &user, fault) < 0 ||
	    admin_folder(admin, user, admin_arg(admin, 1), &request.folder,
			 fault) < 0)
		return -1;
	request.store = user->store;
	request.path = admin_arg(admin, 1);
	if (count > 1 &&
	    admin_folder(admin, user, parent, &request.parent, fault) < 0)
		return -1;
	return store_run(admin->store, folder_move_unit, &request, fault);
}

/* PARENT is a folder, or "/" for the top of the store it is in. */
static int folder_move(struct admin *admin, struct fault *fault)
{
	AUTO(store_user) user = NULL;
	struct folder_request request = {0};
	const char *parent = admin_arg(admin, 2);

	if (admin_user(admin, 0, &user, fault) < 0 ||
	    admin_folder(admin, user, admin_arg(admin, 1), &request.folder,
			 fault) < 0)
		return -1;
	request.store = user->store;
	request.path = admin_arg(admin, 1);
	if (strcmp(parent, "/") == 0
		    ? store_of_folder(admin->store, request.folder,
				      &request.parent, fault) < 0
		    : admin_folder(admin, user, parent, &request.parent,
				   fault) < 0)
		return -1;
	return store_run(admin->store, folder_move_unit, &request, fault);
}

static int folder_localize_unit(struct store *store, void *context,
				struct fault *fault)
{
	const struct folder_request *r = context;

	return store_folder_localize(store, r->store, r->text, fault);
}

static int folder_localize(struct admin *admin, struct fault *fault)
{
	AUTO(store_user) user = NULL;
	struct folder_request request = {.text = admin_arg(admin, 1)};

	if (admin_user(admin, 0, &user, fault) < 0)
		return -1;
	request.store = user->store;
	return store_run(admin->store, folder_localize_unit, &request, fault);
}

static int folder_delete_unit(struct store *store, void *context,
			      struct fault *fault)
{
	const struct folder_request *r = context;

	if (folder_hold(store, r, fault) < 0)
		return -1;
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
	request.store = user->store;
	request.path = admin_arg(admin, 1);
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
	{"rename", "USER PATH NEW", "gives a folder another name or path",
	 folder_rename, NULL, COMMAND_WRITE},
	{"move", "USER PATH PARENT",
	 "puts a folder below another, or / for the top", folder_move, NULL,
	 COMMAND_WRITE},
	{"localize", "USER LANGUAGE",
	 "names Inbox, Sent Items ... in de, en, es, fr, it or nl",
	 folder_localize, NULL, COMMAND_WRITE},
	{"delete", "USER PATH",
	 "moves a folder to Deleted Items; from there it goes", folder_delete,
	 NULL, COMMAND_WRITE},
	{0}};

const struct noun noun_folder = {"folder", "the folders of a user",
				 folder_commands};
