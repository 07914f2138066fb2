/*
 * okapi-admin config: what every setting is and where it comes from, and all
 * that is wrong with them at once.
 */
#include "admin.h"
#include "conf.h"
#include "config_check.h"
#include "print.h"

#include <stdio.h>
#include <string.h>

static void config_tell(struct admin *admin, const GPtrArray *faults)
{
	const GPtrArray *warnings = admin->conf->warnings;

	for (guint i = 0; i < warnings->len; i++)
		fprintf(stderr, "okapi-admin: warning: %s\n",
			(const char *)warnings->pdata[i]);
	for (guint i = 0; i < faults->len; i++)
		fprintf(stderr, "okapi-admin: %s\n",
			(const char *)faults->pdata[i]);
	admin->told = faults->len > 0;
}

/* All faults of the file; the configuration is there in any case. */
static int config_load(struct admin *admin, GPtrArray *faults,
		       struct fault *fault)
{
	return conf_load(admin->config_path,
			 (const char *const *)admin->overrides->pdata,
			 &admin->conf, faults, fault);
}

static json_t *config_json(const struct conf *conf)
{
	json_t *object = json_object();

	for (size_t i = 0; i < conf_option_count(); i++) {
		g_autofree char *value = conf_option_format(conf, i);
		json_t *option = json_object();

		json_object_set_new(option, "value", print_json_text(value));
		json_object_set_new(option, "default",
				    print_json_text(conf_option_default(i)));
		json_object_set_new(
			option, "origin",
			print_json_text(conf_option_origin(conf, i)));
		json_object_set_new(object, conf_option_key(i), option);
	}
	return object;
}

static int config_show(struct admin *admin, struct fault *fault)
{
	g_autoptr(GPtrArray) faults = g_ptr_array_new_with_free_func(g_free);
	static const char *const head[] = {"KEY", "VALUE", "DEFAULT", "ORIGIN",
					   NULL};
	struct print_table *table;

	if (config_load(admin, faults, fault)) {
		if (!admin->json)
			config_tell(admin, faults);
		return -1;
	}
	if (admin->json) {
		print_json(config_json(admin->conf));
		return 0;
	}
	config_tell(admin, faults);
	table = print_table_new(head);
	for (size_t i = 0; i < conf_option_count(); i++) {
		g_autofree char *value = conf_option_format(admin->conf, i);
		const char *cells[] = {
			conf_option_key(i), *value ? value : "-",
			*conf_option_default(i) ? conf_option_default(i) : "-",
			conf_option_origin(admin->conf, i)};

		print_table_row(table, cells);
	}
	print_table_end(table);
	return 0;
}

static int config_check(struct admin *admin, struct fault *fault)
{
	g_autoptr(GPtrArray) faults = g_ptr_array_new_with_free_func(g_free);
	int rc = config_load(admin, faults, fault);

	config_check_values(admin->conf, faults);
	config_check_files(admin->conf, faults);
	if (rc == 0 && faults->len > 0)
		rc = fault_set(fault, FAULT_CONFIG, "%s",
			       (const char *)faults->pdata[0]);
	if (admin->json) {
		json_t *object = json_object();

		admin->told = rc != 0;
		g_ptr_array_add(faults, NULL);
		g_ptr_array_add(admin->conf->warnings, NULL);
		json_object_set_new(object, "ok", json_boolean(rc == 0));
		json_object_set_new(
			object, "errors",
			print_json_texts((const char *const *)faults->pdata));
		json_object_set_new(
			object, "warnings",
			print_json_texts((const char *const *)
						 admin->conf->warnings->pdata));
		print_json(object);
		return rc;
	}
	config_tell(admin, faults);
	if (rc == 0)
		printf("%s: no error\n",
		       *admin->conf->path ? admin->conf->path : "defaults");
	return rc;
}

static const struct command config_commands[] = {
	{"show", "", "every key with value, default and origin", config_show,
	 NULL, COMMAND_JSON | COMMAND_NO_CONF},
	{"check", "", "tells all errors of the configuration at once",
	 config_check, NULL, COMMAND_JSON | COMMAND_NO_CONF},
	{0}};

const struct noun noun_config = {"config", "the configuration",
				 config_commands};
