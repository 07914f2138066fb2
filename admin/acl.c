/*
 * okapi-admin acl: who may do what in a folder.
 */
#include "admin.h"
#include "print.h"
#include "store/folders.h"
#include "store/users.h"

#include <stdio.h>

struct acl_request {
	int64_t folder;
	const char *who;
	const char *rights;
};

static int acl_find(struct admin *admin, struct acl_request *request,
		    struct fault *fault)
{
	AUTO(store_user) user = NULL;

	request->who = admin_arg(admin, 2);
	request->rights = admin_arg(admin, 3);
	if (admin_user(admin, 0, &user, fault) < 0)
		return -1;
	return admin_place(admin, user, admin_arg(admin, 1), &request->folder,
			   fault);
}

static json_t *acl_json(const struct store_acl_entry *entry)
{
	g_auto(GStrv) rights = g_strsplit(entry->rights, ",", -1);
	json_t *object = json_object();

	json_object_set_new(object, "who", print_json_text(entry->who));
	json_object_set_new(object, "rights",
			    print_json_texts((const char *const *)rights));
	return object;
}

static int acl_list(struct admin *admin, struct fault *fault)
{
	static const char *const head[] = {"WHO", "RIGHTS", NULL};
	struct acl_request request = {0};
	g_autoptr(GPtrArray) entries = NULL;
	struct print_list list;
	struct print_table *table;

	if (acl_find(admin, &request, fault) < 0 ||
	    store_acl_list(admin->store, request.folder, &entries, fault) < 0)
		return -1;
	if (admin->json) {
		print_list_begin(&list, true);
		for (guint i = 0; i < entries->len; i++)
			print_list_item(&list, acl_json(entries->pdata[i]));
		print_list_end(&list);
		return 0;
	}
	table = print_table_new(head);
	for (guint i = 0; i < entries->len; i++) {
		const struct store_acl_entry *entry = entries->pdata[i];
		const char *cells[] = {entry->who, entry->rights};

		print_table_row(table, cells);
	}
	print_table_end(table);
	return 0;
}

static int acl_set_unit(struct store *store, void *context, struct fault *fault)
{
	const struct acl_request *r = context;

	return store_acl_set(store, r->folder, r->who, r->rights, fault);
}

static int acl_set(struct admin *admin, struct fault *fault)
{
	struct acl_request request = {0};

	if (!*admin_arg(admin, 3))
		return fault_set(fault, FAULT_BAD_ARGUMENT,
				 "'' is no right: none takes all away");
	if (acl_find(admin, &request, fault) < 0)
		return -1;
	return store_run(admin->store, acl_set_unit, &request, fault);
}

static int acl_remove_unit(struct store *store, void *context,
			   struct fault *fault)
{
	const struct acl_request *r = context;

	return store_acl_remove(store, r->folder, r->who, fault);
}

static int acl_remove(struct admin *admin, struct fault *fault)
{
	struct acl_request request = {0};

	if (acl_find(admin, &request, fault) < 0)
		return -1;
	return store_run(admin->store, acl_remove_unit, &request, fault);
}

static const struct command acl_commands[] = {
	{"list", "USER PATH", "who may do what in a folder", acl_list, NULL,
	 COMMAND_READ | COMMAND_JSON},
	{"set", "USER PATH WHO RIGHTS",
	 "gives a user or group rights (read,create,...)", acl_set, NULL,
	 COMMAND_WRITE},
	{"remove", "USER PATH WHO", "takes them away", acl_remove, NULL,
	 COMMAND_WRITE},
	{0}};

const struct noun noun_acl = {"acl", "rights on folders", acl_commands};
