/*
 * okapi-admin --as USER: one table of what a command needs to be run for a
 * user who is no administrator.  In their own store users may do what the table
 * has; in others' what the folder's rights say; nothing else.
 */
#include "rights.h"

#include "admin.h"
#include "mail.h"
#include "store/folders.h"

#include <string.h>

#define RIGHTS_TAKE (STORE_RIGHT_READ | STORE_RIGHT_DELETE_ALL)

static const struct rights_row {
	const char *noun;
	const char *verb;
	unsigned folder_arg; /* the argument that is a folder; 0: none */
	unsigned folder;     /* rights there */
	unsigned message_arg;
	unsigned message;    /* rights in the folder it is in */
	unsigned parent_arg; /* a folder something is put below */
	bool own;            /* in their own store only */
} rights_rows[] = {
	{"user", "show", 0, 0, 0, 0, 0, true},
	{"quota", "show", 0, 0, 0, 0, 0, true},
	{"folder", "list", 0, 0, 0, 0, 0, false},
	{"folder", "create", 0, 0, 0, 0, 1, false},
	{"folder", "rename", 1, STORE_RIGHT_OWNER, 0, 0, 2, false},
	{"folder", "move", 1, STORE_RIGHT_OWNER, 0, 0, 2, false},
	{"folder", "delete", 1, STORE_RIGHT_OWNER, 0, 0, 0, false},
	{"folder", "localize", 0, 0, 0, 0, 0, true},
	{"acl", "list", 1, STORE_RIGHT_OWNER, 0, 0, 0, false},
	{"acl", "set", 1, STORE_RIGHT_OWNER, 0, 0, 0, false},
	{"acl", "remove", 1, STORE_RIGHT_OWNER, 0, 0, 0, false},
	{"mail", "list", 1, STORE_RIGHT_READ, 0, 0, 0, false},
	{"mail", "export", 1, STORE_RIGHT_READ, 0, 0, 0, false},
	{"mail", "show", 0, 0, 1, STORE_RIGHT_READ, 0, false},
	{"mail", "import", 1, STORE_RIGHT_CREATE, 0, 0, 1, false},
	{"mail", "copy", 2, STORE_RIGHT_CREATE, 1, STORE_RIGHT_READ, 0, false},
	{"mail", "move", 2, STORE_RIGHT_CREATE, 1, RIGHTS_TAKE, 0, false},
	{"mail", "delete", 0, 0, 1, STORE_RIGHT_DELETE_ALL, 0, false},
	{"mail", "restore", 0, 0, 0, 0, 0, true},
	{"mail", "submit", 0, 0, 1, RIGHTS_TAKE, 0, true},
	{"mail", "recall", 0, 0, 1, RIGHTS_TAKE, 0, true},
	{"rule", "put", 0, 0, 0, 0, 0, true},
	{"rule", "set", 0, 0, 0, 0, 0, true},
	{"rule", "get", 0, 0, 0, 0, 0, true},
	{"rule", "list", 0, 0, 0, 0, 0, true},
	{"rule", "enable", 0, 0, 0, 0, 0, true},
	{"rule", "disable", 0, 0, 0, 0, 0, true},
	{"rule", "remove", 0, 0, 0, 0, 0, true},
	{"rule", "run", 0, 0, 0, 0, 0, true},
	{"oof", "on", 0, 0, 0, 0, 0, true},
	{"oof", "off", 0, 0, 0, 0, 0, true},
	{"oof", "show", 0, 0, 0, 0, 0, true},
	{"junk", "allow", 0, 0, 0, 0, 0, true},
	{"junk", "block", 0, 0, 0, 0, 0, true},
	{"junk", "list", 0, 0, 0, 0, 0, true},
	{"junk", "remove", 0, 0, 0, 0, 0, true},
	{"contact", "add", 0, 0, 0, 0, 0, true},
	{"contact", "list", 0, 0, 0, 0, 0, true},
	{"contact", "remove", 0, 0, 0, 0, 0, true},
	{"contact", "import", 0, 0, 0, 0, 0, true},
	{"contact", "export", 0, 0, 0, 0, 0, true},
	{"changes", "", 0, 0, 0, 0, 0, true},
	{"watch", "", 0, 0, 0, 0, 0, true},
};

static const struct rights_row *rights_find(const struct admin *admin)
{
	for (size_t i = 0; i < G_N_ELEMENTS(rights_rows); i++)
		if (strcmp(rights_rows[i].noun, admin->noun->name) == 0 &&
		    strcmp(rights_rows[i].verb, admin->command->verb) == 0)
			return &rights_rows[i];
	return NULL;
}

int rights_may(struct admin *admin, int64_t folder, unsigned rights,
	       bool *ret_may, struct fault *fault)
{
	if (!admin->as || admin->as->admin) {
		*ret_may = true;
		return 0;
	}
	return store_acl_may(admin->store, folder, admin->as->id, rights,
			     ret_may, fault);
}

static int rights_need(struct admin *admin, int64_t folder, unsigned rights,
		       const char *what, struct fault *fault)
{
	bool may = false;

	if (rights_may(admin, folder, rights, &may, fault) < 0)
		return -1;
	if (!may)
		return fault_set(fault, FAULT_NOT_ALLOWED,
				 "%s has no right to do that in %s",
				 admin->as->name, what);
	return 0;
}

static int rights_folder(struct admin *admin, const struct store_user *user,
			 const char *path, unsigned rights, struct fault *fault)
{
	int64_t folder = 0;

	if (admin_place(admin, user, path, &folder, fault) < 0)
		return -1;
	return rights_need(admin, folder, rights, path, fault);
}

/* The right to put a folder at a path, or below what of it is there. */
static int rights_parent(struct admin *admin, const struct store_user *user,
			 const char *path, struct fault *fault)
{
	g_auto(GStrv) parts = store_folder_split(path, '/');
	g_autofree char *left = g_strdup(path);
	struct fault why = {0};
	int64_t folder = user->store;
	char *slash;

	if (g_strv_length(parts) > 1 &&
	    g_ascii_strcasecmp(parts[0], "Public") == 0 &&
	    store_public(admin->store, &folder, fault) < 0)
		return -1;
	for (;;) {
		int64_t found = 0;

		if (store_folder_find(admin->store, user->store, left, '/',
				      &found, &why) == 0) {
			folder = found;
			break;
		}
		if (why.kind != FAULT_NOT_FOUND) {
			*fault = why;
			return -1;
		}
		slash = strrchr(left, '/');
		if (!slash)
			break;
		*slash = '\0';
	}
	return rights_need(admin, folder, STORE_RIGHT_CREATE_FOLDER, path,
			   fault);
}

static int rights_message(struct admin *admin, const struct store_user *user,
			  const char *id, unsigned rights, struct fault *fault)
{
	AUTO(store_message) message = NULL;

	if (mail_find(admin, user, id, &message, fault) < 0)
		return -1;
	return rights_need(admin, message->folder, rights, message->folder_path,
			   fault);
}

/* The words of the command, held against its row. */
static int rights_words(struct admin *admin, const struct rights_row *row,
			const struct store_user *user, struct fault *fault)
{
	const char *folder =
		row->folder_arg ? admin_arg(admin, row->folder_arg) : NULL;
	const char *message =
		row->message_arg ? admin_arg(admin, row->message_arg) : NULL;
	const char *parent =
		row->parent_arg ? admin_arg(admin, row->parent_arg) : NULL;
	const char *option = admin_option(admin, "folder");
	bool is_own = user->id == admin->as->id;

	/* An archive holds rules and lists too, and makes folders. */
	if (!is_own && !admin->as->admin &&
	    (admin_has(admin, "archive") ||
	     (strcmp(row->verb, "import") == 0 &&
	      mail_is_archive(admin_arg(admin, 2)))))
		return fault_set(fault, FAULT_NOT_ALLOWED,
				 "%s has no right to an archive of %s",
				 admin->as->name, user->name);
	/* "/" and no folder at all: the whole store. */
	if (row->folder_arg && (!folder || strcmp(folder, "/") == 0))
		return is_own ? 0
			      : rights_need(admin, user->store,
					    STORE_RIGHT_OWNER, "that store",
					    fault);
	if (folder &&
	    rights_folder(admin, user, folder, row->folder, fault) < 0)
		return -1;
	if (message &&
	    rights_message(admin, user, message, row->message, fault) < 0)
		return -1;
	/* All of the public store, whatever its folders' own rights say. */
	if (option && rights_folder(admin, user, option,
				    g_ascii_strcasecmp(option, "Public") == 0
					    ? STORE_RIGHT_OWNER
					    : RIGHTS_TAKE,
				    fault) < 0)
		return -1;
	/* An import may make folders only where it reads a directory. */
	if (parent && strcmp(row->verb, "import") == 0 &&
	    !g_file_test(admin_arg(admin, 2), G_FILE_TEST_IS_DIR))
		return 0;
	/* A name alone stays where it is. */
	if (parent && strcmp(row->verb, "rename") == 0 && !strchr(parent, '/'))
		return 0;
	return parent ? rights_parent(admin, user, parent, fault) : 0;
}

int rights_check(struct admin *admin, struct fault *fault)
{
	const struct rights_row *row = rights_find(admin);
	AUTO(store_user) user = NULL;

	if (!admin->as->active)
		return fault_set(fault, FAULT_NOT_ALLOWED,
				 "%s is inactive and acts for nobody",
				 admin->as->name);
	if (admin->as->admin)
		return 0;
	if (!row)
		return fault_set(fault, FAULT_NOT_ALLOWED,
				 "%s %s is for administrators",
				 admin->noun->name, admin->command->verb);
	if (admin_user(admin, 0, &user, fault) < 0)
		return -1;
	if (row->own && user->id != admin->as->id)
		return fault_set(fault, FAULT_NOT_ALLOWED,
				 "%s may do that for nobody else",
				 admin->as->name);
	return rights_words(admin, row, user, fault);
}
