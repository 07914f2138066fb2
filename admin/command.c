/*
 * The command table and its parser: noun, verb, arguments and options, told
 * apart before anything has an effect.
 */
#include "admin.h"

#include "nearest.h"

#include <string.h>

static const struct noun *const nouns[] = {
	&noun_init,    &noun_user,       &noun_group,   &noun_folder,
	&noun_acl,     &noun_mail,       &noun_rule,    &noun_oof,
	&noun_junk,    &noun_contact,    &noun_queue,   &noun_quota,
	&noun_store,   &noun_config,     &noun_convert, &noun_watch,
	&noun_changes, &noun_completion, NULL};

const struct noun *const *command_nouns(void)
{
	return nouns;
}

const struct noun *command_find_noun(const char *name)
{
	for (size_t i = 0; nouns[i]; i++)
		if (strcmp(nouns[i]->name, name) == 0)
			return nouns[i];
	return NULL;
}

const struct command *command_find(const struct noun *noun, const char *verb)
{
	for (const struct command *c = noun->commands; c->verb; c++)
		if (strcmp(c->verb, verb) == 0)
			return c;
	return NULL;
}

static int command_unknown(const char *what, const char *typed,
			   GPtrArray *known, const char *hint,
			   struct fault *fault)
{
	const char *near;

	g_ptr_array_add(known, NULL);
	near = nearest_word(typed, (const char *const *)known->pdata);
	if (near)
		return fault_set(fault, FAULT_USAGE,
				 "unknown %s \"%s\"; did you mean \"%s\"?",
				 what, typed, near);
	return fault_set(fault, FAULT_USAGE, "unknown %s \"%s\" (%s)", what,
			 typed, hint);
}

static int command_unknown_noun(const char *typed, struct fault *fault)
{
	g_autoptr(GPtrArray) known = g_ptr_array_new();

	for (size_t i = 0; nouns[i]; i++)
		g_ptr_array_add(known, (gpointer)(uintptr_t)nouns[i]->name);
	return command_unknown("command", typed, known,
			       "okapi-admin --help lists them", fault);
}

/* The noun that has this verb, if there is just one. */
static const struct noun *command_only_noun_with(const char *verb)
{
	const struct noun *only = NULL;

	for (size_t i = 0; nouns[i]; i++) {
		if (!*verb || !command_find(nouns[i], verb))
			continue;
		if (only)
			return NULL;
		only = nouns[i];
	}
	return only;
}

static int command_unknown_verb(const struct noun *noun, const char *typed,
				struct fault *fault)
{
	g_autoptr(GPtrArray) known = g_ptr_array_new();
	g_autofree char *what = g_strdup_printf("%s command", noun->name);
	g_autofree char *hint =
		g_strdup_printf("okapi-admin %s --help lists them", noun->name);
	const struct noun *other = command_only_noun_with(typed);

	if (other)
		return fault_set(fault, FAULT_USAGE,
				 "unknown %s \"%s\"; did you mean \"%s %s\"?",
				 what, typed, other->name, typed);
	for (const struct command *c = noun->commands; c->verb; c++)
		g_ptr_array_add(known, (gpointer)(uintptr_t)c->verb);
	return command_unknown(what, typed, known, hint, fault);
}

/* Calls each for the options of the command, or, before the verb, of any
 * command of the noun, until it says true. */
static bool command_each_option(
	const struct admin *admin,
	bool (*each)(const struct command_option *option, void *context),
	void *context)
{
	const struct command *c = admin->command;

	if (!c && admin->noun)
		c = admin->noun->commands;
	for (; c && c->verb; c++) {
		for (const struct command_option *o = c->options; o && o->name;
		     o++)
			if (each(o, context))
				return true;
		if (admin->command)
			break;
	}
	return false;
}

static bool command_note_option(const struct command_option *option,
				void *context)
{
	g_ptr_array_add(context, (gpointer)(uintptr_t)option->name);
	return false;
}

static int command_unknown_option(const struct admin *admin, const char *typed,
				  struct fault *fault)
{
	static const char *const common[] = {"json",    "yes", "help",
					     "version", "as",  "config"};
	g_autoptr(GPtrArray) known = g_ptr_array_new();

	(void)command_each_option(admin, command_note_option, known);
	for (size_t i = 0; i < G_N_ELEMENTS(common); i++)
		g_ptr_array_add(known, (gpointer)(uintptr_t)common[i]);
	return command_unknown("option", typed, known,
			       "--help after the command lists them", fault);
}

/* Reading position in the command line. */
struct command_line {
	struct admin *admin;
	int argc;
	char **argv;
	int next;
	bool ended; /* by "--" */
	bool *ret_help;
	bool *ret_version;
};

/* The value of an option: what follows '=', or the next word. */
static int command_value(struct command_line *line, const char *name,
			 const char *attached, const char **ret_value,
			 struct fault *fault)
{
	if (attached) {
		*ret_value = attached;
		return 0;
	}
	if (line->next >= line->argc)
		return fault_set(fault, FAULT_USAGE, "%s needs a value", name);
	*ret_value = line->argv[line->next++];
	return 0;
}

static int command_no_value(const char *name, const char *attached,
			    struct fault *fault)
{
	if (attached)
		return fault_set(fault, FAULT_USAGE, "--%s takes no value",
				 name);
	return 0;
}

/* Options that every command has.  Returns 1 if it was one. */
static int command_common_option(struct command_line *line, const char *name,
				 const char *attached, struct fault *fault)
{
	struct admin *admin = line->admin;
	const struct {
		const char *name;
		bool *set;
	} switches[] = {{"json", &admin->json},
			{"yes", &admin->yes},
			{"help", line->ret_help},
			{"version", line->ret_version}};

	for (size_t i = 0; i < G_N_ELEMENTS(switches); i++) {
		if (strcmp(switches[i].name, name) != 0)
			continue;
		*switches[i].set = true;
		return command_no_value(name, attached, fault) < 0 ? -1 : 1;
	}
	if (strcmp(name, "as") == 0)
		return command_value(line, "--as", attached, &admin->as_name,
				     fault) < 0
			       ? -1
			       : 1;
	if (strcmp(name, "config") != 0)
		return 0;
	return command_value(line, "--config", attached, &admin->config_path,
			     fault) < 0
		       ? -1
		       : 1;
}

struct command_wanted {
	const char *name;
	const struct command_option *found;
};

static bool command_is_option(const struct command_option *option,
			      void *context)
{
	struct command_wanted *wanted = context;

	if (strcmp(option->name, wanted->name) != 0)
		return false;
	wanted->found = option;
	return true;
}

/* The option of that name, or NULL; command_check() holds one that came before
 * the verb to that verb. */
static const struct command_option *
command_find_option(const struct admin *admin, const char *name)
{
	struct command_wanted wanted = {name, NULL};

	(void)command_each_option(admin, command_is_option, &wanted);
	return wanted.found;
}

static int command_long_option(struct command_line *line, const char *word,
			       struct fault *fault)
{
	struct admin *admin = line->admin;
	const char *equals = strchr(word, '=');
	g_autofree char *name =
		equals ? g_strndup(word + 2, (gsize)(equals - word - 2))
		       : g_strdup(word + 2);
	const char *attached = equals ? equals + 1 : NULL;
	const struct command_option *option = command_find_option(admin, name);
	const char *value = "";
	int rc = command_common_option(line, name, attached, fault);

	if (rc != 0)
		return rc < 0 ? -1 : 0;
	if (!option)
		return command_unknown_option(admin, name, fault);
	if (!option->arg && command_no_value(name, attached, fault) < 0)
		return -1;
	if (option->arg &&
	    command_value(line, word, attached, &value, fault) < 0)
		return -1;
	if (!option->repeat && admin_has(admin, name))
		return fault_set(fault, FAULT_USAGE, "--%s is given twice",
				 name);
	g_ptr_array_add(admin->options, (gpointer)(uintptr_t)option);
	g_ptr_array_add(admin->values, (gpointer)(uintptr_t)value);
	return 0;
}

static int command_short_option(struct command_line *line, const char *word,
				struct fault *fault)
{
	struct admin *admin = line->admin;
	const char *attached = word[2] ? word + 2 : NULL;
	const char *value = NULL;

	if (strcmp(word, "-V") == 0) {
		*line->ret_version = true;
		return 0;
	}
	if (strcmp(word, "-h") == 0) {
		*line->ret_help = true;
		return 0;
	}
	if (word[1] == 'c')
		return command_value(line, "-c", attached, &admin->config_path,
				     fault);
	if (word[1] == 'o') {
		if (command_value(line, "-o", attached, &value, fault) < 0)
			return -1;
		if (!strchr(value, '='))
			return fault_set(fault, FAULT_USAGE,
					 "-o takes key=value, not \"%s\"",
					 value);
		g_ptr_array_add(admin->overrides, (gpointer)(uintptr_t)value);
		return 0;
	}
	return fault_set(fault, FAULT_USAGE,
			 "unknown option \"%s\" (--help lists them)", word);
}

/* A word that is no option: noun, then verb, then arguments. */
static int command_word(struct command_line *line, const char *word,
			struct fault *fault)
{
	struct admin *admin = line->admin;

	if (!admin->noun) {
		admin->noun = command_find_noun(word);
		if (!admin->noun)
			return command_unknown_noun(word, fault);
		/* A noun that stands alone is its own command. */
		admin->command = command_find(admin->noun, "");
		return 0;
	}
	if (!admin->command) {
		admin->command = command_find(admin->noun, word);
		if (!admin->command)
			return command_unknown_verb(admin->noun, word, fault);
		return 0;
	}
	g_ptr_array_add(admin->args, (gpointer)(uintptr_t)word);
	return 0;
}

/* Is this argument bytes of a file name, or text? */
static bool command_is_path(const char *token)
{
	return strstr(token, "FILE") || strstr(token, "DIR") ||
	       strstr(token, "MESSAGE");
}

static int command_check_text(const char *what, const char *value,
			      struct fault *fault)
{
	if (command_is_path(what) || g_utf8_validate(value, -1, NULL))
		return 0;
	return fault_set(fault, FAULT_REFUSED_INPUT, "%s is not valid UTF-8",
			 what);
}

/* Checks the number of arguments against the table's "USER [FOLDER]". */
static int command_check_args(const struct admin *admin, struct fault *fault)
{
	const struct command *command = admin->command;
	g_auto(GStrv) tokens = g_strsplit(command->args, " ", -1);
	size_t min = 0;
	size_t max = 0;
	const char *blank = *command->verb ? " " : "";

	for (size_t i = 0; tokens[i]; i++) {
		if (!*tokens[i])
			continue;
		if (*tokens[i] != '[')
			min++;
		max = strstr(tokens[i], "...") ? SIZE_MAX : i + 1;
	}
	if (admin->args->len < min || admin->args->len > max)
		return fault_set(fault, FAULT_USAGE,
				 "too %s arguments: okapi-admin %s%s%s %s",
				 admin->args->len < min ? "few" : "many",
				 admin->noun->name, blank, command->verb,
				 command->args);
	for (size_t i = 0, t = 0; i < admin->args->len; i++) {
		if (command_check_text(tokens[t], admin_arg(admin, i), fault) <
		    0)
			return -1;
		if (tokens[t + 1])
			t++;
	}
	return 0;
}

static int command_check(const struct admin *admin, struct fault *fault)
{
	if (!admin->noun)
		return fault_set(fault, FAULT_USAGE,
				 "no command (okapi-admin --help lists them)");
	if (!admin->command)
		return fault_set(fault, FAULT_USAGE,
				 "%s what? (okapi-admin %s --help)",
				 admin->noun->name, admin->noun->name);
	for (size_t i = 0; i < admin->options->len; i++) {
		const struct command_option *o = admin->options->pdata[i];

		if (!command_find_option(admin, o->name))
			return command_unknown_option(admin, o->name, fault);
		if (o->arg &&
		    command_check_text(o->arg, admin->values->pdata[i], fault) <
			    0)
			return fault_prefix(fault, "--%s", o->name);
	}
	return command_check_args(admin, fault);
}

static int command_step(struct command_line *line, struct fault *fault)
{
	const char *word = line->argv[line->next++];

	if (line->ended || word[0] != '-' || !word[1])
		return command_word(line, word, fault);
	if (strcmp(word, "--") == 0) {
		line->ended = true;
		return 0;
	}
	if (word[1] == '-')
		return command_long_option(line, word, fault);
	return command_short_option(line, word, fault);
}

int command_parse(struct admin *admin, int argc, char **argv, bool *ret_help,
		  bool *ret_version, struct fault *fault)
{
	struct command_line line = {.admin = admin,
				    .argc = argc,
				    .argv = argv,
				    .next = 1,
				    .ret_help = ret_help,
				    .ret_version = ret_version};

	admin->overrides = g_ptr_array_new();
	admin->args = g_ptr_array_new();
	admin->options = g_ptr_array_new();
	admin->values = g_ptr_array_new();
	while (line.next < argc && !*ret_version)
		if (command_step(&line, fault) < 0)
			return -1;
	g_ptr_array_add(admin->overrides, NULL);
	if (*ret_help || *ret_version)
		return 0;
	return command_check(admin, fault);
}
