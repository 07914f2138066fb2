/*
 * okapi-admin config: what every setting is and where it comes from, and all
 * that is wrong with them at once.
 */
#include "admin.h"
#include "conf.h"
#include "net.h"
#include "print.h"
#include "relay_name.h"
#include "rules/redirect_sender.h"
#include "rules/reply_subject.h"
#include "rules/settings.h"
#include "spam.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

static void config_check_place(const struct conf *conf, const char *key,
			       const char *where, GPtrArray *faults)
{
	struct fault fault = {0};

	if (net_place_check(where, &fault))
		conf_add_fault(conf, key, fault.text, faults, NULL);
}

static void config_check_relay(const struct conf *conf, const char *key,
			       const char *text, GPtrArray *faults)
{
	struct relay_name name = {0};
	struct fault fault = {0};

	if (relay_name_parse(text, conf->smtp_port, &name, &fault))
		conf_add_fault(conf, key, fault.text, faults, NULL);
	relay_name_clear(&name);
}

/* Permissions are the daemons' own: only what is not there is a fault. */
static void config_check_file(const struct conf *conf, const char *key,
			      const char *path, GPtrArray *faults)
{
	g_autofree char *why = NULL;

	if (!*path || access(path, F_OK) == 0 ||
	    (errno != ENOENT && errno != ENOTDIR))
		return;
	why = g_strdup_printf("there is no %s", path);
	conf_add_fault(conf, key, why, faults, NULL);
}

/* owner is "user", "user:group" or ":group". */
static void config_check_owner(const struct conf *conf, const char *key,
			       const char *owner, GPtrArray *faults)
{
	struct fault fault = {0};
	uid_t uid;
	gid_t gid;

	if (net_owner_parse(owner, &uid, &gid, &fault))
		conf_add_fault(conf, key, fault.text, faults, NULL);
}

/* A fault that begins with its key: "spamtest_type: ...". */
static void config_add_named(const struct conf *conf, const struct fault *named,
			     GPtrArray *faults)
{
	g_auto(GStrv) parts = g_strsplit(named->text, ": ", 2);

	conf_add_fault(conf, parts[0], parts[1] ? parts[1] : "", faults, NULL);
}

/* What is well written but cannot work: a daemon would tell of the first. */
static void config_check_values(const struct conf *conf, GPtrArray *faults)
{
	struct sieve_settings sieve;
	struct fault fault = {0};
	g_autofree char *group = g_strconcat(":", conf->group, NULL);

	for (char **place = conf->lmtp_listen; *place; place++)
		config_check_place(conf, "lmtp_listen", *place, faults);
	for (char **place = conf->submission_listen; *place; place++)
		config_check_place(conf, "submission_listen", *place, faults);
	for (char **place = conf->submissions_listen; *place; place++)
		config_check_place(conf, "submissions_listen", *place, faults);
	if ((*conf->submission_listen || *conf->submissions_listen) &&
	    (!*conf->tls_cert_file || !*conf->tls_key_file))
		conf_add_fault(
			conf, "tls_cert_file",
			"submission_listen and submissions_listen need it "
			"and tls_key_file",
			faults, NULL);
	if (*conf->dagent_server)
		config_check_place(conf, "dagent_server", conf->dagent_server,
				   faults);
	if (*conf->metrics_listen)
		config_check_place(conf, "metrics_listen", conf->metrics_listen,
				   faults);
	if (net_networks_check((const char *const *)conf->lmtp_networks,
			       &fault))
		conf_add_fault(conf, "lmtp_networks", fault.text, faults, NULL);
	config_check_relay(conf, "smtp_server", conf->smtp_server, faults);
	if (*conf->smtp_fallback)
		config_check_relay(conf, "smtp_fallback", conf->smtp_fallback,
				   faults);
	if (spam_headers_check((const char *const *)conf->spam_headers, &fault))
		conf_add_fault(conf, "spam_headers", fault.text, faults, NULL);
	if (sieve_settings_of_conf(conf, &sieve, &fault))
		config_add_named(conf, &fault, faults);
	sieve_settings_clear(&sieve);
	if (sieve_redirect_sender_check(conf, &fault))
		config_add_named(conf, &fault, faults);
	if (sieve_reply_subject_check(conf, &fault))
		config_add_named(conf, &fault, faults);
	config_check_owner(conf, "lmtp_unix_owner", conf->lmtp_unix_owner,
			   faults);
	config_check_owner(conf, "user", conf->user, faults);
	if (*conf->group)
		config_check_owner(conf, "group", group, faults);
#define FILE_CHECK(key) config_check_file(conf, #key, conf->key, faults)
	FILE_CHECK(sender_rewrite);
	FILE_CHECK(sieve_before);
	FILE_CHECK(sieve_after);
	FILE_CHECK(sieve_global);
	FILE_CHECK(autoresponder);
	FILE_CHECK(smtp_tls_ca_file);
	FILE_CHECK(smtp_tls_cert_file);
	FILE_CHECK(smtp_tls_key_file);
	FILE_CHECK(smtp_password_file);
	FILE_CHECK(smtp_sender_table);
	FILE_CHECK(dagent_tls_ca_file);
	FILE_CHECK(dagent_tls_cert_file);
	FILE_CHECK(dagent_tls_key_file);
	FILE_CHECK(tls_cert_file);
	FILE_CHECK(tls_key_file);
	FILE_CHECK(tls_client_ca_file);
#undef FILE_CHECK
}

static int config_check(struct admin *admin, struct fault *fault)
{
	g_autoptr(GPtrArray) faults = g_ptr_array_new_with_free_func(g_free);
	int rc = config_load(admin, faults, fault);

	config_check_values(admin->conf, faults);
	if (rc == 0 && faults->len > 0)
		rc = fault_set(fault, FAULT_CONFIG, "%s",
			       (const char *)faults->pdata[0]);
	if (admin->json) {
		json_t *object = json_object();

		admin->told = true;
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
