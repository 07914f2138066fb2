/*
 * The command line by GOption, and what options may not stand together.
 */
#include "options.h"

#include "conf_syntax.h"
#include "option_table.h"
#include "usage.h"

#include <string.h>

#define OPTIONS_LETTERS_MAX 1000 /* with their dashes */

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
	gboolean listen, daemonize, qmail, silent, version, help;
	gboolean junk, create, read, now, no_notify, strip, address_only;
	int verbose;
};

static gboolean options_count(const char *name, const char *value, void *data,
			      GError **error)
{
	struct options_raw *raw = data;

	(void)name;
	(void)value;
	(void)error;
	raw->verbose++;
	return TRUE;
}

/* clang-format off */
#define ENTRY_FLAG(field)  0, G_OPTION_ARG_NONE, &raw->field
#define ENTRY_TEXT(field)  0, G_OPTION_ARG_FILENAME, &raw->field
#define ENTRY_LIST(field)  0, G_OPTION_ARG_FILENAME_ARRAY, &raw->field
#define ENTRY_COUNT(field) G_OPTION_FLAG_NO_ARG, G_OPTION_ARG_CALLBACK, \
	(void *)options_count
#define OPTION(kind, letter, name, field, text, value) \
	{ name, letter, ENTRY_##kind(field), text, value },
/* clang-format on */

/* Fills raw, which lives as long as the context; owned. */
static GOptionContext *options_context(struct options_raw *raw)
{
	GOptionContext *context = g_option_context_new(NULL);
	GOptionGroup *group = g_option_group_new(NULL, NULL, NULL, raw, NULL);
	const GOptionEntry entries[] = {
#include "options.def"
		{G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY,
		 &raw->recipients, NULL, NULL},
		{NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL},
	};

	g_option_context_set_help_enabled(context, FALSE);
	g_option_context_set_summary(
		context, "Delivers a message from standard input to the store "
			 "of each recipient.");
	g_option_group_add_entries(group, entries);
	g_option_context_set_main_group(context, group);
	return context;
}

#undef OPTION

static gboolean options_read(struct options_raw *raw, char ***argv,
			     GError **error)
{
	g_autoptr(GOptionContext) context = options_context(raw);

	return g_option_context_parse_strv(context, argv, error);
}

void options_print_help(void)
{
	struct options_raw raw = {0};
	g_autoptr(GOptionContext) context = options_context(&raw);

	usage_print(context, "okapi-dagent",
		    "RECIPIENT... (or -l: serve LMTP)");
}

/* The letter with a value in a cluster like "-jFInbox", its end if there is
 * none; NULL for what is no cluster. */
static const char *options_find_valued(const char *arg)
{
	const struct option_row *row;

	if (arg[0] != '-' || arg[1] == '-')
		return NULL;
	for (arg++; *arg; arg++) {
		row = option_by_letter(*arg);
		if (row && row->has_value)
			break;
	}
	return arg;
}

static bool options_takes_next(const char *arg)
{
	const char *letter = options_find_valued(arg);
	const struct option_row *row =
		letter ? NULL
		: g_str_has_prefix(arg, "--")
			? option_by_name(arg + 2, strlen(arg + 2))
			: NULL;

	return letter ? *letter && !letter[1] : row && row->has_value;
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

/* GOption takes some octets of the stack for each letter of a cluster and keeps
 * them to its end: of all clusters together there may not be too many. */
static bool options_is_too_long(char *const *argv)
{
	size_t letters = 0;

	for (char *const *arg = argv + 1; *arg && strcmp(*arg, "--"); arg++) {
		if (options_find_valued(*arg))
			letters += strlen(*arg);
		if (letters > OPTIONS_LETTERS_MAX)
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
	options->help = raw->help;
	options->verbose = raw->verbose;
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
	parsed = !options_is_too_long(expanded) &&
		 options_read(&raw, &rest, &error);
	g_strfreev(rest);
	if (!parsed) {
		ret_options->listen =
			options_glimpse(expanded, 'l', "--listen") ||
			options_glimpse(expanded, 'd', "--daemonize");
		ret_options->qmail = options_glimpse(expanded, 'q', "--qmail");
		ret_options->silent =
			options_glimpse(expanded, 's', "--silent");
		return fault_set(fault, FAULT_USAGE, "%s",
				 error ? error->message
				       : "too many letters of options");
	}
	options_take(&raw, ret_options);
	if (!ret_options->version && !ret_options->help &&
	    (options_check_wishes(&raw, fault) ||
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
