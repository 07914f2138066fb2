/*
 * okapi-admin init: creates the store, or brings an older one up to date.
 */
#include "admin.h"
#include "conf.h"
#include "print.h"

#include <stdio.h>

static int init_run(struct admin *admin, struct fault *fault)
{
	const struct conf *conf = admin->conf;
	g_autofree char *dir = g_path_get_dirname(conf->store_path);
	bool created = false;

	if (store_create(conf->store_path, conf->store_timeout * 1000, &created,
			 fault) < 0)
		return admin_not_allowed(dir, W_OK | X_OK, fault);
	if (admin->json)
		print_json(json_pack("{s:s, s:b}", "store_path",
				     conf->store_path, "created", created));
	else
		printf("%s: %s\n", conf->store_path,
		       created ? "store created"
			       : "store is there and up to date");
	return 0;
}

static const struct command init_commands[] = {
	{"", "", "creates the store; does nothing to one that is there",
	 init_run, NULL, COMMAND_JSON},
	{0}};

const struct noun noun_init = {"init", "create the store", init_commands};
