/*
 * okapi-spooler: the command line, and the calls of libesmtp that this
 * executable takes over.
 */
#include "conf.h"
#include "program.h"
#include "relay_interpose.h"
#include "service.h"
#include "usage.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

static int main_verbose;

static gboolean main_count_verbose(const char *name, const char *value,
				   void *data, GError **error)
{
	(void)name;
	(void)value;
	(void)data;
	(void)error;
	main_verbose++;
	return TRUE;
}

struct main_raw {
	char *config;
	char **overrides;
	char **rest;
	gboolean once, daemonize, silent, version;
};

static gboolean main_parse(struct main_raw *raw, int *argc, char ***argv,
			   GError **error)
{
	gboolean help = FALSE;
	const GOptionEntry entries[] = {
		{"config", 'c', 0, G_OPTION_ARG_FILENAME, &raw->config,
		 "configuration (default: $OKAPI_CONFIG or " CONF_DEFAULT_FILE
		 ")",
		 "FILE"},
		{"option", 'o', 0, G_OPTION_ARG_FILENAME_ARRAY, &raw->overrides,
		 "one setting, wins over the file; repeatable", "KEY=VALUE"},
		{"once", 0, 0, G_OPTION_ARG_NONE, &raw->once,
		 "send what is due, then exit (75: something stays)", NULL},
		{"daemonize", 'd', 0, G_OPTION_ARG_NONE, &raw->daemonize,
		 "run in the background, with pid_file", NULL},
		{"silent", 's', 0, G_OPTION_ARG_NONE, &raw->silent,
		 "log errors only", NULL},
		{"verbose", 'v', G_OPTION_FLAG_NO_ARG, G_OPTION_ARG_CALLBACK,
		 (void *)main_count_verbose, "log more, repeatable", NULL},
		{"help", 'h', 0, G_OPTION_ARG_NONE, &help, "this text", NULL},
		{"version", 'V', 0, G_OPTION_ARG_NONE, &raw->version,
		 "print the version", NULL},
		{G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY,
		 &raw->rest, NULL, NULL},
		{NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL},
	};
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);

	g_option_context_set_help_enabled(context, FALSE);
	g_option_context_set_summary(
		context, "Sends what is in the outgoing queue to the relay "
			 "host, and takes\nmessages from okapi-sendmail.");
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, argc, argv, error))
		return FALSE;
	if (help) {
		usage_print(context, "okapi-spooler", "[SMTP_SERVER[:PORT]]");
		exit(EX_OK);
	}
	return TRUE;
}

static int main_run(const struct main_raw *raw)
{
	const struct service_options options = {
		.config = raw->config,
		.overrides = (const char *const *)raw->overrides,
		.server = raw->rest ? raw->rest[0] : NULL,
		.daemonize = raw->daemonize,
		.once = raw->once,
		.silent = raw->silent,
		.verbose = main_verbose,
	};

	return service_main(&options);
}

int main(int argc, char **argv)
{
	struct main_raw raw = {0};
	g_autoptr(GError) error = NULL;
	int code;

	program_fill_standard();
	(void)setlocale(LC_CTYPE, "C.UTF-8");
	if (!main_parse(&raw, &argc, &argv, &error)) {
		(void)fprintf(stderr, "okapi-spooler: %s\n", error->message);
		code = EX_USAGE;
	} else if (raw.version) {
		(void)puts("okapi-spooler " OKAPI_VERSION);
		code = EX_OK;
	} else if (raw.rest && raw.rest[0] && raw.rest[1]) {
		(void)fputs("okapi-spooler: only one SMTP_SERVER\n", stderr);
		code = EX_USAGE;
	} else if (raw.once && raw.daemonize) {
		(void)fputs("okapi-spooler: --once does not go with -d\n",
			    stderr);
		code = EX_USAGE;
	} else if (!relay_interpose_is_live()) {
		(void)fputs("okapi-spooler: built wrong: libesmtp does not see "
			    "its calls taken over\n",
			    stderr);
		code = EX_SOFTWARE;
	} else {
		code = main_run(&raw);
	}
	g_free(raw.config);
	g_strfreev(raw.overrides);
	g_strfreev(raw.rest);
	return code;
}
