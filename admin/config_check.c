/*
 * What is well written in a configuration but cannot work.
 */
#include "config_check.h"

#include "net.h"
#include "relay_name.h"
#include "rules/redirect_sender.h"
#include "rules/reply_subject.h"
#include "rules/settings.h"
#include "spam.h"

#include <string.h>

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

/* Every place once: nobody can listen twice at the same. */
static void config_check_listener(const struct conf *conf, const char *key,
				  const char *where, GHashTable *places,
				  GPtrArray *faults)
{
	g_autofree char *why = NULL;

	config_check_place(conf, key, where, faults);
	if (g_hash_table_add(places, (gpointer)(uintptr_t)where))
		return;
	why = g_strdup_printf("%s is named twice", where);
	conf_add_fault(conf, key, why, faults, NULL);
}

static void config_check_listeners(const struct conf *conf, GPtrArray *faults)
{
	g_autoptr(GHashTable) places =
		g_hash_table_new(g_str_hash, g_str_equal);

	for (char **place = conf->lmtp_listen; *place; place++)
		config_check_listener(conf, "lmtp_listen", *place, places,
				      faults);
	for (char **place = conf->submission_listen; *place; place++)
		config_check_listener(conf, "submission_listen", *place, places,
				      faults);
	for (char **place = conf->submissions_listen; *place; place++)
		config_check_listener(conf, "submissions_listen", *place,
				      places, faults);
	if (*conf->metrics_listen)
		config_check_listener(conf, "metrics_listen",
				      conf->metrics_listen, places, faults);
}

static void config_check_command(const struct conf *conf, GPtrArray *faults)
{
	g_auto(GStrv) words = NULL;
	g_autoptr(GError) error = NULL;

	if (!*conf->smtp_token_command)
		return;
	if (!g_shell_parse_argv(conf->smtp_token_command, NULL, &words, &error))
		conf_add_fault(conf, "smtp_token_command", error->message,
			       faults, NULL);
	else if (!*conf->smtp_user)
		conf_add_fault(conf, "smtp_token_command", "it needs smtp_user",
			       faults, NULL);
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

void config_check_values(const struct conf *conf, GPtrArray *faults)
{
	struct sieve_settings sieve;
	struct fault fault = {0};
	g_autofree char *group = g_strconcat(":", conf->group, NULL);

	config_check_listeners(conf, faults);
	if ((*conf->submission_listen || *conf->submissions_listen) &&
	    (!*conf->tls_cert_file || !*conf->tls_key_file))
		conf_add_fault(conf,
			       *conf->submission_listen ? "submission_listen"
							: "submissions_listen",
			       "it needs tls_cert_file and tls_key_file",
			       faults, NULL);
	if (*conf->dagent_server)
		config_check_place(conf, "dagent_server", conf->dagent_server,
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
	if (strchr(conf->user, ':'))
		conf_add_fault(conf, "user",
			       "there is no user with a colon in the name; "
			       "the group is the key group",
			       faults, NULL);
	else
		config_check_owner(conf, "user", conf->user, faults);
	if (*conf->group)
		config_check_owner(conf, "group", group, faults);
	config_check_command(conf, faults);
}
