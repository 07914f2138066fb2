/*
 * The command line by GOption, and what options may not stand together.
 */
#include "options.h"

#include "conf.h"
#include "program.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

/* What GOption fills; struct wishes has bools, GOption wants gboolean. */
struct options_raw {
	char *config;
	char **overrides;
	char *file;
	char *folder;
	char *public_folder;
	char *separator;
	char *autoresponder;
	char *sender;
	char **recipients;
	gboolean listen, daemonize, qmail, silent, version;
	gboolean junk, create, read, now, no_notify, strip, address_only;
};

static int options_verbose;

static gboolean options_count_verbose(const char *name, const char *value,
				      void *data, GError **error)
{
	(void)name;
	(void)value;
	(void)data;
	(void)error;
	options_verbose++;
	return TRUE;
}

/* clang-format off */
#define FLAG(letter, name, field, text) \
	{ name, letter, 0, G_OPTION_ARG_NONE, &raw->field, text, NULL }
#define TEXT(letter, name, field, text, what) \
	{ name, letter, 0, G_OPTION_ARG_FILENAME, &raw->field, text, what }
/* clang-format on */

static gboolean options_read(struct options_raw *raw, char ***argv,
			     GError **error)
{
	gboolean help = FALSE;
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);
	const GOptionEntry entries[] = {
		TEXT('c', "config", config,
		     "configuration (default: $OKAPI_CONFIG or " CONF_DEFAULT_FILE
		     ")",
		     "FILE"),
		{"option", 'o', 0, G_OPTION_ARG_FILENAME_ARRAY, &raw->overrides,
		 "one setting, wins over the file; repeatable", "KEY=VALUE"},
		FLAG('l', "listen", listen, "serve LMTP on lmtp_listen"),
		FLAG('d', "daemonize", daemonize,
		     "serve LMTP in the background, with pid_file"),
		TEXT('f', "file", file, "read the message from FILE", "FILE"),
		FLAG('j', "junk", junk, "deliver to Junk E-mail"),
		TEXT('F', "folder", folder, "deliver to this folder", "PATH"),
		TEXT('P', "public", public_folder,
		     "deliver to this folder of the public store", "PATH"),
		TEXT('p', "separator", separator,
		     "what divides PATH (default /)", "SEP"),
		FLAG('C', "create", create, "create a folder that is missing"),
		TEXT('a', "autoresponder", autoresponder,
		     "auto-reply program, wins over the configuration",
		     "PROGRAM"),
		FLAG('q', "qmail", qmail, "exit codes as qmail wants them"),
		FLAG('r', "read", read, "store as already read"),
		FLAG('n', "now", now, "delivery time is now"),
		FLAG('N', "no-notify", no_notify, "no new-mail notification"),
		FLAG('e', "strip-domain", strip,
		     "drop @domain from RECIPIENT before look-up"),
		FLAG('R', "address-only", address_only,
		     "RECIPIENT must be an e-mail address"),
		TEXT(0, "sender", sender, "envelope sender", "ADDR"),
		FLAG('s', "silent", silent, "print nothing"),
		{"verbose", 'v', G_OPTION_FLAG_NO_ARG, G_OPTION_ARG_CALLBACK,
		 (void *)options_count_verbose, "log more, repeatable", NULL},
		{"help", 'h', 0, G_OPTION_ARG_NONE, &help, "this text", NULL},
		FLAG('V', "version", version, "print the version"),
		{G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY,
		 &raw->recipients, NULL, NULL},
		{NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL},
	};

	options_verbose = 0;
	g_option_context_set_help_enabled(context, FALSE);
	g_option_context_set_summary(
		context, "Delivers a message from standard input to the store "
			 "of each recipient.");
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse_strv(context, argv, error))
		return FALSE;
	if (help) {
		program_print_help(context, "okapi-dagent",
				   "RECIPIENT... (or -l: serve LMTP)");
		exit(EX_OK);
	}
	return TRUE;
}

#undef FLAG
#undef TEXT

/* Options that take a value, by letter and by name. */
static const char options_valued[] = "cofFPpa";
static const char *const options_valued_names[] = {
	"--config", "--option",    "--file",          "--folder",
	"--public", "--separator", "--autoresponder", "--sender",
};

/* The letter with a value in a cluster like "-jFInbox", or NULL. */
static const char *options_find_valued(const char *arg)
{
	if (arg[0] != '-' || arg[1] == '-')
		return NULL;
	return arg + strcspn(arg, options_valued);
}

static bool options_takes_next(const char *arg)
{
	const char *letter = options_find_valued(arg);

	for (size_t i = 0; i < G_N_ELEMENTS(options_valued_names); i++)
		if (strcmp(arg, options_valued_names[i]) == 0)
			return true;
	return letter && *letter && !letter[1];
}

/* argv with "-FInbox" as "-F" "Inbox", which GOption does not know; owned. */
static char **options_expand(int argc, char *const *argv)
{
	GPtrArray *out = g_ptr_array_new();
	bool is_value = true; /* argv[0] */

	for (int i = 0; i < argc; i++) {
		const char *letter = options_find_valued(argv[i]);

		if (!is_value && strcmp(argv[i], "--") == 0) {
			for (; i < argc; i++)
				g_ptr_array_add(out, g_strdup(argv[i]));
			break;
		}
		if (!is_value && letter && *letter && letter[1]) {
			g_ptr_array_add(
				out, g_strndup(argv[i],
					       (gsize)(letter + 1 - argv[i])));
			g_ptr_array_add(out, g_strdup(letter + 1));
			continue;
		}
		g_ptr_array_add(out, g_strdup(argv[i]));
		is_value = !is_value && options_takes_next(argv[i]);
	}
	g_ptr_array_add(out, NULL);
	return (char **)g_ptr_array_free(out, FALSE);
}

/* Was a flag given, on an expanded command line that GOption refused (and then
 * set nothing)? */
static bool options_glimpse(char *const *argv, char letter, const char *name)
{
	for (char *const *arg = argv + 1; *arg && strcmp(*arg, "--"); arg++) {
		if ((*arg)[0] == '-' && (*arg)[1] != '-' &&
		    strchr(*arg, letter))
			return true;
		if (strcmp(*arg, name) == 0)
			return true;
		if (options_takes_next(*arg) && arg[1])
			arg++;
	}
	return false;
}

static void options_take(struct options_raw *raw, struct options *options)
{
	struct wishes *wishes = &options->wishes;

	options->config = raw->config;
	options->overrides = raw->overrides;
	options->file = raw->file;
	options->sender = raw->sender;
	options->recipients = raw->recipients;
	options->listen = raw->listen || raw->daemonize;
	options->daemonize = raw->daemonize;
	options->qmail = raw->qmail;
	options->silent = raw->silent;
	options->version = raw->version;
	options->verbose = options_verbose;
	wishes->folder = raw->folder ? raw->folder : raw->public_folder;
	wishes->in_public = !raw->folder && raw->public_folder;
	wishes->create = raw->create;
	wishes->junk = raw->junk;
	wishes->read = raw->read;
	wishes->now = raw->now;
	wishes->no_notify = raw->no_notify;
	wishes->strip_domain = raw->strip;
	wishes->address_only = raw->address_only;
	wishes->autoresponder = raw->autoresponder;
	if (raw->separator)
		wishes->separator = raw->separator[0];
}

/* What cannot be meant, whatever the mode. */
static int options_check_wishes(const struct options_raw *raw,
				struct fault *fault)
{
	if (raw->strip && raw->address_only)
		return fault_set(fault, FAULT_USAGE,
				 "-e and -R exclude each other");
	if (raw->folder && raw->public_folder)
		return fault_set(fault, FAULT_USAGE,
				 "-F and -P exclude each other");
	if (raw->junk && (raw->folder || raw->public_folder))
		return fault_set(fault, FAULT_USAGE, "-j excludes -F and -P");
	if (raw->separator && strlen(raw->separator) != 1)
		return fault_set(fault, FAULT_USAGE,
				 "-p wants one character, not '%s'",
				 raw->separator);
	if ((raw->folder && !*raw->folder) ||
	    (raw->public_folder && !*raw->public_folder))
		return fault_set(fault, FAULT_USAGE, "the folder has no name");
	return 0;
}

static int options_check_mode(const struct options *options,
			      struct fault *fault)
{
	bool named = options->recipients && options->recipients[0];

	if (options->listen && named)
		return fault_set(fault, FAULT_USAGE,
				 "-l takes no recipient ('%s'): LMTP names "
				 "them",
				 options->recipients[0]);
	if (options->listen && (options->file || options->sender))
		return fault_set(fault, FAULT_USAGE,
				 "-l excludes -f and --sender");
	if (options->listen && options->qmail)
		return fault_set(fault, FAULT_USAGE, "-l excludes -q");
	if (!options->listen && !named)
		return fault_set(fault, FAULT_USAGE,
				 "no recipient given; see okapi-dagent --help");
	/* A variable that nobody set: not a person who does not exist. */
	for (size_t i = 0; named && options->recipients[i]; i++)
		if (!*options->recipients[i])
			return fault_set(fault, FAULT_USAGE,
					 "a recipient is empty");
	return 0;
}

int options_parse(int argc, char *const *argv, struct options *ret_options,
		  struct fault *fault)
{
	struct options_raw raw = {0};
	g_autoptr(GError) error = NULL;
	g_auto(GStrv) expanded = options_expand(argc, argv);
	char **rest = g_strdupv(expanded);
	gboolean parsed;

	memset(ret_options, 0, sizeof(*ret_options));
	wishes_init(&ret_options->wishes);
	parsed = options_read(&raw, &rest, &error);
	g_strfreev(rest);
	if (!parsed) {
		ret_options->listen =
			options_glimpse(expanded, 'l', "--listen") ||
			options_glimpse(expanded, 'd', "--daemonize");
		ret_options->qmail = options_glimpse(expanded, 'q', "--qmail");
		ret_options->silent =
			options_glimpse(expanded, 's', "--silent");
		return fault_set(fault, FAULT_USAGE, "%s", error->message);
	}
	options_take(&raw, ret_options);
	if (!ret_options->version && (options_check_wishes(&raw, fault) ||
				      options_check_mode(ret_options, fault))) {
		g_free(raw.separator);
		if (raw.folder)
			g_free(raw.public_folder);
		return -1;
	}
	g_free(raw.separator);
	return 0;
}

void options_clear(struct options *options)
{
	g_free(options->config);
	g_strfreev(options->overrides);
	g_free(options->file);
	g_free(options->sender);
	g_strfreev(options->recipients);
	wishes_clear(&options->wishes);
	memset(options, 0, sizeof(*options));
}
