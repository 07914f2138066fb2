/*
 * okapi-admin init: creates the store, or brings an older one up to date.
 */
#include "admin.h"
#include "conf.h"
#include "print.h"

#include <stdio.h>

static void init_tell(const struct admin *admin,
		      const struct store_upgrade *upgrade)
{
	const char *path = admin->conf->store_path;
	int64_t now = store_schema();

	if (admin->json)
		print_json(json_pack("{s:s, s:b, s:I, s:I, s:s?}", "store_path",
				     path, "created", upgrade->from == 0,
				     "schema_before", (json_int_t)upgrade->from,
				     "schema", (json_int_t)now, "backup",
				     upgrade->backup));
	else if (upgrade->from == 0)
		printf("%s: store created\n", path);
	else if (upgrade->from == now)
		printf("%s: store is there and up to date\n", path);
	else
		printf("%s: store brought up to date, from schema "
		       "%" G_GINT64_FORMAT " to %" G_GINT64_FORMAT "\n",
		       path, upgrade->from, now);
	if (upgrade->backup && !admin->json)
		printf("%s: the store as it was; remove it once all is well\n",
		       upgrade->backup);
}

static int init_run(struct admin *admin, struct fault *fault)
{
	const struct conf *conf = admin->conf;
	g_autofree char *dir = g_path_get_dirname(conf->store_path);
	struct store_upgrade upgrade = {
		.backup_dir = admin_option(admin, "backup"),
		.no_backup = admin_has(admin, "no-backup"),
	};

	if (upgrade.backup_dir && upgrade.no_backup)
		return fault_set(fault, FAULT_USAGE,
				 "--backup and --no-backup exclude each other");
	if (store_upgrade(conf->store_path, conf->store_timeout * 1000,
			  &upgrade, fault) < 0)
		return admin_not_allowed(dir, W_OK | X_OK, fault);
	init_tell(admin, &upgrade);
	g_free(upgrade.backup);
	return 0;
}

static const struct command_option init_options[] = {
	{"backup", "DIR", "where an older store goes before it is changed",
	 false},
	{"no-backup", NULL, "changes an older store without a copy of it",
	 false},
	{0}};

static const struct command init_commands[] = {
	{"", "", "creates the store, or brings an older one up to date",
	 init_run, init_options, COMMAND_JSON},
	{0}};

const struct noun noun_init = {"init", "create the store", init_commands};
