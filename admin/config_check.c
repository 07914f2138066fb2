/*
 * What is well written in a configuration but cannot work.
 */
#include "config_check.h"

#include "net.h"
#include "relay_name.h"
#include "rules/redirect_sender.h"
#include "rules/reply_subject.h"
#include "rules/settings.h"
#include "rules/sieve.h"
#include "spam.h"
#include "tls.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* What a setting names. */
enum config_file {
	CONFIG_FILE,
	CONFIG_SECRET, /* a file that its owner alone can read */
	CONFIG_PROGRAM,
	CONFIG_DIRECTORY,
	CONFIG_WRITTEN, /* a file, or nothing yet */
};

static const char *config_file_fault(enum config_file kind,
				     const struct stat *st)
{
	if (kind == CONFIG_DIRECTORY)
		return S_ISDIR(st->st_mode) ? NULL : "is no directory";
	if (S_ISDIR(st->st_mode))
		return "is a directory";
	if (kind == CONFIG_SECRET && st->st_mode & (S_IRWXG | S_IRWXO))
		return "can be read by others: chmod 600 it";
	if (kind == CONFIG_PROGRAM &&
	    !(st->st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)))
		return "cannot be executed";
	return NULL;
}

/* Who may read it is seen by the daemons. */
static void config_check_file(const struct conf *conf, const char *key,
			      const char *path, enum config_file kind,
			      GPtrArray *faults)
{
	g_autofree char *why = NULL;
	const char *wrong;
	struct stat st;

	if (!*path)
		return;
	if (stat(path, &st) == 0) {
		wrong = config_file_fault(kind, &st);
		if (!wrong)
			return;
		why = g_strdup_printf("%s %s", path, wrong);
	} else if (kind != CONFIG_WRITTEN &&
		   (errno == ENOENT || errno == ENOTDIR)) {
		why = g_strdup_printf("there is no %s", path);
	} else {
		return;
	}
	conf_add_fault(conf, key, why, faults, NULL);
}

static void config_check_files(const struct conf *conf, GPtrArray *faults)
{
	const struct {
		const char *key;
		const char *path;
		enum config_file kind;
	} rows[] = {
#define ROW(key, kind) {#key, conf->key, CONFIG_##kind}
		ROW(store_path, WRITTEN),
		ROW(log_file, WRITTEN),
		ROW(pid_file, WRITTEN),
		ROW(sender_rewrite, FILE),
		ROW(sieve_before, FILE),
		ROW(sieve_after, FILE),
		ROW(sieve_global, DIRECTORY),
		ROW(autoresponder, PROGRAM),
		ROW(smtp_tls_ca_file, FILE),
		ROW(smtp_tls_cert_file, FILE),
		ROW(smtp_tls_key_file, FILE),
		ROW(smtp_password_file, SECRET),
		ROW(smtp_sender_table, SECRET),
		ROW(dagent_tls_ca_file, FILE),
		ROW(dagent_tls_cert_file, FILE),
		ROW(dagent_tls_key_file, FILE),
		ROW(tls_cert_file, FILE),
		ROW(tls_key_file, FILE),
		ROW(tls_client_ca_file, FILE),
#undef ROW
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
		config_check_file(conf, rows[i].key, rows[i].path, rows[i].kind,
				  faults);
}

/* All that is wrong with a script of the site; what cannot be read here is not
 * judged. */
static void config_check_script(const struct conf *conf, const char *key,
				const char *path,
				const struct sieve_settings *settings,
				GPtrArray *faults)
{
	const struct sieve_compile_options options = {.settings = settings};
	g_autoptr(GArray) errors =
		g_array_new(FALSE, FALSE, sizeof(struct sieve_error));
	g_autofree char *text = NULL;
	AUTO(sieve_script) script = NULL;
	gsize len = 0;

	if (!*path || !g_file_get_contents(path, &text, &len, NULL))
		return;
	script = sieve_compile_all(path, text, len, &options, errors);
	for (guint i = 0; i < errors->len; i++) {
		const struct sieve_error *error =
			&g_array_index(errors, struct sieve_error, i);
		g_autofree char *why =
			g_strdup_printf("%s:%u:%u: %s", path, error->line,
					error->column, error->text);

		conf_add_fault(conf, key, why, faults, NULL);
	}
}

static bool config_can_read(const char *path)
{
	return !*path || access(path, R_OK) == 0;
}

/* What is in the files, as far as whoever asks may read them. */
static void config_check_certificates(const struct conf *conf,
				      GPtrArray *faults)
{
	AUTO(tls_context) context = NULL;
	struct fault fault = {0};

	if (!*conf->tls_cert_file || !*conf->tls_key_file ||
	    !config_can_read(conf->tls_cert_file) ||
	    !config_can_read(conf->tls_key_file) ||
	    !config_can_read(conf->tls_client_ca_file))
		return;
	if (tls_context_new(conf->tls_cert_file, conf->tls_key_file,
			    conf->tls_client_ca_file, &context, &fault))
		conf_add_fault(conf, "tls_cert_file", fault.text, faults, NULL);
}

/* The same for what is shown to others, and what they show. */
static void config_check_client(const struct conf *conf, const char *key,
				const struct tls_client_options *options,
				GPtrArray *faults)
{
	struct ssl_ctx_st *ctx = NULL;
	struct fault fault = {0};

	if ((!*options->ca_file && !*options->cert_file) ||
	    !config_can_read(options->ca_file) ||
	    !config_can_read(options->cert_file) ||
	    !config_can_read(options->key_file))
		return;
	if (tls_client_ctx_new(options, &ctx, &fault))
		conf_add_fault(conf, key, fault.text, faults, NULL);
	else
		tls_client_ctx_free(ctx);
}

static void config_check_clients(const struct conf *conf, GPtrArray *faults)
{
	const struct tls_client_options relay = {
		.host = "localhost",
		.ca_file = conf->smtp_tls_ca_file,
		.cert_file = conf->smtp_tls_cert_file,
		.key_file = conf->smtp_tls_key_file,
	};
	const struct tls_client_options dagent = {
		.host = "localhost",
		.ca_file = conf->dagent_tls_ca_file,
		.cert_file = conf->dagent_tls_cert_file,
		.key_file = conf->dagent_tls_key_file,
	};

	config_check_client(conf,
			    *relay.ca_file ? "smtp_tls_ca_file"
					   : "smtp_tls_cert_file",
			    &relay, faults);
	config_check_client(conf,
			    *dagent.ca_file ? "dagent_tls_ca_file"
					    : "dagent_tls_cert_file",
			    &dagent, faults);
}

/* As route.c judges the key that the relay host is shown. */
static void config_check_relay_key(const struct conf *conf, GPtrArray *faults)
{
	bool has_key = *conf->smtp_tls_key_file;
	const char *key = has_key ? "smtp_tls_key_file" : "smtp_tls_cert_file";
	const char *path =
		has_key ? conf->smtp_tls_key_file : conf->smtp_tls_cert_file;
	g_autofree char *why = NULL;
	struct stat st;

	if (has_key && !*conf->smtp_tls_cert_file) {
		conf_add_fault(conf, key, "it needs smtp_tls_cert_file", faults,
			       NULL);
	} else if (*path && stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
		   st.st_mode & S_IRWXO) {
		why = g_strdup_printf("%s can be read by others: chmod 600 it",
				      path);
		conf_add_fault(conf, key, why, faults, NULL);
	}
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
	if (sieve_settings_of_conf(conf, &sieve, &fault)) {
		config_add_named(conf, &fault, faults);
	} else {
		config_check_script(conf, "sieve_before", conf->sieve_before,
				    &sieve, faults);
		config_check_script(conf, "sieve_after", conf->sieve_after,
				    &sieve, faults);
	}
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
	config_check_relay_key(conf, faults);
	config_check_files(conf, faults);
	config_check_certificates(conf, faults);
	config_check_clients(conf, faults);
}
