/*
 * okapi-admin quota: what users use of what they may.
 */
#include "admin.h"
#include "conf.h"
#include "print.h"
#include "quota_warn.h"
#include "user.h"

#include <stdio.h>

/* The highest limit that is reached, "" if none is. */
static const char *quota_state(const struct admin *admin,
			       const struct store_user *user)
{
	switch (store_quota_level(admin->store, user)) {
	case QUOTA_HARD:
		return "hard";
	case QUOTA_SOFT:
		return "soft";
	case QUOTA_WARN:
		return "warn";
	case QUOTA_BELOW:
		break;
	}
	return "";
}

static json_t *quota_json(const struct admin *admin,
			  const struct store_user *user)
{
	json_t *object = json_object();
	const char *state = quota_state(admin, user);

	json_object_set_new(object, "name", print_json_text(user->name));
	json_object_set_new(object, "quota",
			    user_quota_json(admin->conf, user));
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
		print_json(quota_json(admin, user));
		return 0;
	}
	state = quota_state(admin, user);
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

struct quota_report {
	struct print_list list;
	struct print_table *table; /* NULL: as JSON */
};

static void quota_tell(struct quota_report *report, const struct admin *admin,
		       const struct store_user *user, bool warned)
{
	g_autofree char *size = print_size(user->size);
	const char *cells[] = {user->name, quota_state(admin, user), size,
			       warned ? "told now" : "told before"};
	json_t *object;

	if (report->table) {
		print_table_row(report->table, cells);
		return;
	}
	object = quota_json(admin, user);
	json_object_set_new(object, "warned", json_boolean(warned));
	print_list_item(&report->list, object);
}

static int quota_check(struct admin *admin, struct fault *fault)
{
	static const char *const head[] = {"USER", "REACHED", "SIZE", "WARNING",
					   NULL};
	g_autoptr(GPtrArray) users = NULL;
	struct quota_report report = {0};
	guint failed = 0;

	if (store_user_list(admin->store, &users, fault) < 0)
		return -1;
	print_list_begin(&report.list, admin->json);
	if (!admin->json)
		report.table = print_table_new(head);
	for (guint i = 0; i < users->len; i++) {
		const struct store_user *user = users->pdata[i];
		struct fault why = {0};
		bool warned = false;

		/* One user's trouble is not that of those behind. */
		if (quota_warn(admin, user, users, &warned, &why) < 0) {
			if (failed++ == 0)
				*fault = why;
			fprintf(stderr, "okapi-admin: %s: %s\n", user->name,
				why.text);
			if (why.kind == FAULT_STORE_BUSY ||
			    why.kind == FAULT_DISK_FULL)
				break; /* so it is for all of them */
			continue;
		}
		if (*quota_state(admin, user))
			quota_tell(&report, admin, user, warned);
	}
	print_list_end(&report.list);
	if (report.table)
		print_table_end(report.table);
	admin->told = failed > 0;
	return failed ? -1 : 0;
}

static const struct command quota_commands[] = {
	{"show", "USER", "limits and use of one user", quota_show, NULL,
	 COMMAND_READ | COMMAND_JSON},
	{"check", "",
	 "warns users who have crossed a limit, once a crossing; lists them",
	 quota_check, NULL, COMMAND_WRITE | COMMAND_JSON},
	{0}};

const struct noun noun_quota = {"quota", "limits and use", quota_commands};
