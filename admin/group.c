/*
 * okapi-admin group: groups, for folder rights.
 */
#include "admin.h"
#include "print.h"
#include "store/users.h"

#include <stdio.h>

struct group_request {
	const char *group;
	GPtrArray *words; /* the group, then members; borrowed */
};

static int group_create_unit(struct store *store, void *context,
			     struct fault *fault)
{
	const struct group_request *r = context;

	return store_group_create(store, r->group, fault);
}

static int group_delete_unit(struct store *store, void *context,
			     struct fault *fault)
{
	const struct group_request *r = context;

	return store_group_delete(store, r->group, fault);
}

static int group_add_unit(struct store *store, void *context,
			  struct fault *fault)
{
	const struct group_request *r = context;

	for (guint i = 1; i < r->words->len; i++)
		if (store_group_add(store, r->group, r->words->pdata[i], fault))
			return -1;
	return 0;
}

static int group_remove_unit(struct store *store, void *context,
			     struct fault *fault)
{
	const struct group_request *r = context;

	for (guint i = 1; i < r->words->len; i++)
		if (store_group_remove(store, r->group, r->words->pdata[i],
				       fault))
			return -1;
	return 0;
}

static int group_run(struct admin *admin, store_unit_fn *unit,
		     struct fault *fault)
{
	struct group_request request = {admin_arg(admin, 0), admin->args};

	return store_run(admin->store, unit, &request, fault);
}

static int group_create(struct admin *admin, struct fault *fault)
{
	return group_run(admin, group_create_unit, fault);
}

static int group_delete(struct admin *admin, struct fault *fault)
{
	if (admin_confirm(admin, fault, "Delete group %s?",
			  admin_arg(admin, 0)) < 0)
		return -1;
	return group_run(admin, group_delete_unit, fault);
}

static int group_add(struct admin *admin, struct fault *fault)
{
	return group_run(admin, group_add_unit, fault);
}

static int group_remove(struct admin *admin, struct fault *fault)
{
	return group_run(admin, group_remove_unit, fault);
}

static json_t *group_json(const struct store_group *group)
{
	json_t *object = json_object();

	json_object_set_new(object, "name", print_json_text(group->name));
	json_object_set_new(
		object, "members",
		print_json_texts((const char *const *)group->members));
	return object;
}

static int group_list(struct admin *admin, struct fault *fault)
{
	static const char *const head[] = {"GROUP", "MEMBERS", NULL};
	g_autoptr(GPtrArray) groups = NULL;
	struct print_list list;
	struct print_table *table;

	if (store_group_list(admin->store, &groups, fault) < 0)
		return -1;
	if (admin->json) {
		print_list_begin(&list, true);
		for (guint i = 0; i < groups->len; i++)
			print_list_item(&list, group_json(groups->pdata[i]));
		print_list_end(&list);
		return 0;
	}
	table = print_table_new(head);
	for (guint i = 0; i < groups->len; i++) {
		const struct store_group *group = groups->pdata[i];
		g_autofree char *members = g_strjoinv(" ", group->members);
		const char *cells[] = {group->name, members};

		print_table_row(table, cells);
	}
	print_table_end(table);
	return 0;
}

static const struct command group_commands[] = {
	{"create", "NAME", "makes a group", group_create, NULL, COMMAND_WRITE},
	{"delete", "NAME", "removes a group", group_delete, NULL,
	 COMMAND_WRITE},
	{"list", "", "all groups with their members", group_list, NULL,
	 COMMAND_READ | COMMAND_JSON},
	{"add", "GROUP MEMBER...", "makes users or groups members", group_add,
	 NULL, COMMAND_WRITE},
	{"remove", "GROUP MEMBER...", "ends their membership", group_remove,
	 NULL, COMMAND_WRITE},
	{0}};

const struct noun noun_group = {"group", "groups of users", group_commands};
