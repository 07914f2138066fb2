/*
 * What the files are that a configuration names, and what is in them.  What
 * whoever asks may not read is not judged: the daemons will.
 */
#include "config_check.h"

#include "relay_name.h"
#include "rewrite.h"
#include "rules/settings.h"
#include "rules/sieve.h"
#include "sender_table.h"
#include "tls.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
	if (kind != CONFIG_WRITTEN && !S_ISREG(st->st_mode) &&
	    (kind == CONFIG_SECRET || !S_ISCHR(st->st_mode)))
		return "is no file";
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

/* The spooler reads a password for a login only. */
static const char *config_password_file(const struct conf *conf)
{
	return *conf->smtp_user && !*conf->smtp_token_command
		       ? conf->smtp_password_file
		       : "";
}

static void config_check_named(const struct conf *conf, GPtrArray *faults)
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
		{"smtp_password_file", config_password_file(conf),
		 CONFIG_SECRET},
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

static bool config_can_read(const char *path)
{
	return !*path || access(path, R_OK) == 0;
}

/* The text of a file, owned, or NULL: a FIFO or a socket is none. */
static char *config_read(const char *path, gsize *ret_len)
{
	char *text = NULL;
	struct stat st;

	if (*path && stat(path, &st) == 0 && S_ISREG(st.st_mode))
		(void)g_file_get_contents(path, &text, ret_len, NULL);
	return text;
}

/* ---- scripts ---- */

/* All that is wrong with a script of the site. */
static void config_check_script(const struct conf *conf, const char *key,
				const char *path,
				const struct sieve_settings *settings,
				GPtrArray *faults)
{
	const struct sieve_compile_options options = {.settings = settings};
	g_autoptr(GArray) errors =
		g_array_new(FALSE, FALSE, sizeof(struct sieve_error));
	gsize len = 0;
	g_autofree char *text = config_read(path, &len);
	AUTO(sieve_script) script = NULL;

	if (!text)
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

static void config_check_scripts(const struct conf *conf, GPtrArray *faults)
{
	struct sieve_settings sieve;
	struct fault fault = {0};

	if (sieve_settings_of_conf(conf, &sieve, &fault) == 0) {
		config_check_script(conf, "sieve_before", conf->sieve_before,
				    &sieve, faults);
		config_check_script(conf, "sieve_after", conf->sieve_after,
				    &sieve, faults);
	}
	sieve_settings_clear(&sieve);
}

/* ---- tables ---- */

/* Judges a line, which it may change, as the spooler does. */
typedef int (*config_line)(void *context, char *line, struct fault *fault);

static int config_sender_line(void *context, char *line, struct fault *fault)
{
	const struct conf *conf = context;
	struct sender_table_line parsed;
	struct relay_name name = {0};
	int rc;

	if (sender_table_parse(line, &parsed, fault))
		return -1;
	if (!parsed.sender)
		return 0;
	rc = relay_name_parse(parsed.relay, conf->smtp_port, &name, fault);
	relay_name_clear(&name);
	return rc;
}

static int config_rewrite_line(void *context, char *line, struct fault *fault)
{
	return rewrite_add(context, line, fault);
}

static void config_check_lines(const struct conf *conf, const char *key,
			       const char *path, config_line check,
			       void *context, GPtrArray *faults)
{
	gsize len = 0;
	g_autofree char *text = config_read(path, &len);
	g_auto(GStrv) lines = text ? g_strsplit(text, "\n", -1) : NULL;

	for (size_t i = 0; lines && lines[i]; i++) {
		struct fault fault = {0};
		g_autofree char *why = NULL;

		if (check(context, lines[i], &fault) == 0)
			continue;
		why = g_strdup_printf("%s:%zu: %s", path, i + 1, fault.text);
		conf_add_fault(conf, key, why, faults, NULL);
	}
}

static void config_check_tables(const struct conf *conf, GPtrArray *faults)
{
	AUTO(rewrite) rewrite = rewrite_new();

	config_check_lines(conf, "sender_rewrite", conf->sender_rewrite,
			   config_rewrite_line, rewrite, faults);
	config_check_lines(conf, "smtp_sender_table", conf->smtp_sender_table,
			   config_sender_line, (void *)(uintptr_t)conf, faults);
}

/* ---- certificates and keys ---- */

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

void config_check_files(const struct conf *conf, GPtrArray *faults)
{
	config_check_named(conf, faults);
	config_check_scripts(conf, faults);
	config_check_tables(conf, faults);
	config_check_relay_key(conf, faults);
	config_check_certificates(conf, faults);
	config_check_clients(conf, faults);
}
