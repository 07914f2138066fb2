/*
 * okapi-admin quota: what users use of what they may.
 */
#include "admin.h"
#include "conf.h"
#include "print.h"
#include "user.h"

#include <stdio.h>

/* The highest limit that is reached, "" if none is. */
static const char *quota_state(const struct conf *conf,
			       const struct store_user *user)
{
	int64_t warn = user_quota_of(user->quota_warn, conf->quota_warn);
	int64_t soft = user_quota_of(user->quota_soft, conf->quota_soft);
	int64_t hard = user_quota_of(user->quota_hard, conf->quota_hard);

	if (hard && user->size >= hard)
		return "hard";
	if (soft && user->size >= soft)
		return "soft";
	return warn && user->size >= warn ? "warn" : "";
}

static json_t *quota_json(const struct conf *conf,
			  const struct store_user *user)
{
	json_t *object = json_object();
	const char *state = quota_state(conf, user);

	json_object_set_new(object, "name", print_json_text(user->name));
	json_object_set_new(object, "quota", user_quota_json(conf, user));
	json_object_set_new(object, "size", json_integer(user->size));
	json_object_set_new(object, "messages", json_integer(user->messages));
	json_object_set_new(object, "reached",
			    *state ? json_string(state) : json_null());
	return object;
}

static int quota_show(struct admin *admin, struct fault *fault)
{
	AUTO(store_user) user = NULL;
	const struct conf *conf = admin->conf;
	g_autofree char *size = NULL;
	const char *state;

	if (admin_user(admin, 0, &user, fault) < 0)
		return -1;
	if (admin->json) {
		print_json(quota_json(conf, user));
		return 0;
	}
	state = quota_state(conf, user);
	size = print_size(user->size);
	user_print_limit("warn", user->quota_warn, conf->quota_warn);
	user_print_limit("soft", user->quota_soft, conf->quota_soft);
	user_print_limit("hard", user->quota_hard, conf->quota_hard);
	printf("%-10s %s (%" G_GINT64_FORMAT " octets) in %" G_GINT64_FORMAT
	       " messages\n",
	       "used", size, user->size, user->messages);
	if (*state)
		printf("%-10s %s limit\n", "reached", state);
	return 0;
}

static int quota_check(struct admin *admin, struct fault *fault)
{
	static const char *const head[] = {"USER", "REACHED", "SIZE", NULL};
	g_autoptr(GPtrArray) users = NULL;
	struct print_list list;
	struct print_table *table = NULL;

	if (store_user_list(admin->store, &users, fault) < 0)
		return -1;
	print_list_begin(&list, admin->json);
	if (!admin->json)
		table = print_table_new(head);
	for (guint i = 0; i < users->len; i++) {
		const struct store_user *user = users->pdata[i];
		const char *state = quota_state(admin->conf, user);
		g_autofree char *size = print_size(user->size);
		const char *cells[] = {user->name, state, size};

		if (!*state)
			continue;
		if (table)
			print_table_row(table, cells);
		else
			print_list_item(&list, quota_json(admin->conf, user));
	}
	print_list_end(&list);
	if (table)
		print_table_end(table);
	return 0;
}

static const struct command quota_commands[] = {
	{"show", "USER", "limits and use of one user", quota_show, NULL,
	 COMMAND_READ | COMMAND_JSON},
	{"check", "", "lists the users that have reached a limit", quota_check,
	 NULL, COMMAND_READ | COMMAND_JSON},
	{0}};

const struct noun noun_quota = {"quota", "limits and use", quota_commands};
