/*
 * The completion scripts: each walks the words before the cursor to the noun,
 * the verb and the place of the argument, and looks up in tables that are made
 * from the command table what may stand there.
 */
#include "completion.h"

#include "admin.h"

#include <string.h>

/* Options that every command has, with what their values are. */
static const struct command_option completion_common[] = {
	{"config", "FILE", "configuration", false},
	{"as", "USER", "with the rights of this user", false},
	{"json", NULL, "one JSON document", false},
	{"yes", NULL, "do not ask", false},
	{"help", NULL, "usage", false},
	{"version", NULL, "version", false},
	{0}};

typedef void completion_option_fn(GString *script,
				  const struct command_option *option);
typedef void completion_command_fn(GString *script, const struct noun *noun,
				   const struct command *command);

static void completion_each_option(GString *script,
				   const struct command *command,
				   completion_option_fn *each)
{
	const struct command_option *o;

	for (o = command->options; o && o->name; o++)
		each(script, o);
	for (o = completion_common; o->name; o++)
		each(script, o);
}

static void completion_each_command(GString *script,
				    completion_command_fn *each)
{
	const struct noun *const *nouns = command_nouns();

	for (; *nouns; nouns++)
		for (const struct command *c = (*nouns)->commands; c->verb; c++)
			each(script, *nouns, c);
}

static bool completion_stands_alone(const struct noun *noun)
{
	return !*noun->commands->verb;
}

/* Appends text in single quotes, as all three shells read them. */
static void completion_quote(GString *script, const char *text)
{
	g_autofree char *quoted = g_shell_quote(text);

	g_string_append(script, quoted);
}

/* ---- bash ----------------------------------------------------------------
 */

static void bash_option(GString *script, const struct command_option *option)
{
	g_autofree char *kind =
		option->arg ? completion_kind(option->arg) : NULL;

	g_string_append_printf(script, " --%s%s%s", option->name,
			       kind ? "=" : "", kind ? kind : "");
}

static void bash_command(GString *script, const struct noun *noun,
			 const struct command *command)
{
	g_autofree char *kinds = completion_kinds(command);

	g_string_append_printf(script, "\t'%s %s')\n\t\toptions='", noun->name,
			       command->verb);
	completion_each_option(script, command, bash_option);
	g_string_append_printf(script, "'\n\t\targs='%s' ;;\n", kinds);
}

static void bash_verbs(GString *script, const struct noun *noun)
{
	g_string_append_printf(script, "\t%s) verbs='", noun->name);
	for (const struct command *c = noun->commands; c->verb; c++)
		g_string_append_printf(script, " %s", c->verb);
	g_string_append(script, "' ;;\n");
}

static const char bash_walk[] =
	"# What a word of some kind may be.\n"
	"_okapi_admin_reply() {\n"
	"\tcase $1 in\n"
	"\tfiles) compopt -o default 2>/dev/null; COMPREPLY=() ;;\n"
	"\tusers) COMPREPLY=($(compgen -W \"$(okapi-admin user list "
	"2>/dev/null |\n"
	"\t\tawk 'NR > 1 { print $1 }')\" -- \"$2\")) ;;\n"
	"\twords:*)\n"
	"\t\tset -- \"${1#words:}\" \"$2\"\n"
	"\t\tCOMPREPLY=($(compgen -W \"${1//|/ }\" -- \"$2\")) ;;\n"
	"\t*) COMPREPLY=() ;;\n"
	"\tesac\n"
	"}\n"
	"\n"
	"# The kind of an option's value, empty if it takes none.\n"
	"_okapi_admin_value() {\n"
	"\tlocal option\n"
	"\tcase $1 in -c | --config) echo files ;; -o) echo none ;; esac\n"
	"\tfor option in $options; do\n"
	"\t\t[[ $option == \"$1\"=* && $1 != --config ]] && echo "
	"\"${option#*=}\"\n"
	"\tdone\n"
	"}\n"
	"\n"
	"_okapi_admin() {\n"
	"\tlocal cur=${COMP_WORDS[COMP_CWORD]} noun= verb= verbs= options= "
	"args=\n"
	"\tlocal i=1 position=0 word kind last=\n"
	"\t_okapi_admin_table\n"
	"\twhile ((i < COMP_CWORD)); do\n"
	"\t\tword=${COMP_WORDS[i]}\n"
	"\t\tcase $word in\n"
	"\t\t-?*)\n"
	"\t\t\tkind=$(_okapi_admin_value \"$word\")\n"
	"\t\t\tif [[ $kind ]]; then\n"
	"\t\t\t\t((i++))\n"
	"\t\t\t\t[[ ${COMP_WORDS[i]} == = ]] && ((i++))\n"
	"\t\t\t\tif ((i >= COMP_CWORD)); then\n"
	"\t\t\t\t\t[[ $cur == = ]] && cur=\n"
	"\t\t\t\t\t_okapi_admin_reply \"$kind\" \"$cur\"\n"
	"\t\t\t\t\treturn\n"
	"\t\t\t\tfi\n"
	"\t\t\tfi ;;\n"
	"\t\t*)\n"
	"\t\t\tif [[ ! $noun ]]; then noun=$word\n"
	"\t\t\telif [[ ! $verb && $verbs ]]; then verb=$word\n"
	"\t\t\telse ((position++)); fi\n"
	"\t\t\t_okapi_admin_table ;;\n"
	"\t\tesac\n"
	"\t\t((i++))\n"
	"\tdone\n"
	"\tif [[ $cur == -* ]]; then\n"
	"\t\tCOMPREPLY=($(compgen -W \"-c -o ${options//=+([^ ])/}\" -- "
	"\"$cur\"))\n"
	"\telif [[ ! $noun ]]; then\n"
	"\t\tCOMPREPLY=($(compgen -W \"$nouns\" -- \"$cur\"))\n"
	"\telif [[ ! $verb && $verbs ]]; then\n"
	"\t\tCOMPREPLY=($(compgen -W \"$verbs\" -- \"$cur\"))\n"
	"\telse\n"
	"\t\tfor kind in $args; do\n"
	"\t\t\tlast=$kind\n"
	"\t\t\t((position-- == 0)) && break\n"
	"\t\t\t[[ $kind == *... ]] && break\n"
	"\t\t\tlast=none\n"
	"\t\tdone\n"
	"\t\t_okapi_admin_reply \"${last%...}\" \"$cur\"\n"
	"\tfi\n"
	"}\n"
	"complete -F _okapi_admin okapi-admin\n";

char *completion_bash(void)
{
	GString *script = g_string_new(
		"# bash completion of okapi-admin, made by okapi-admin "
		"completion bash.\nshopt -s extglob\n\n"
		"# Sets what may follow $noun and $verb.\n"
		"_okapi_admin_table() {\n\tnouns='");
	const struct noun *const *nouns = command_nouns();

	for (size_t i = 0; nouns[i]; i++)
		g_string_append_printf(script, " %s", nouns[i]->name);
	g_string_append(script, "'\n\tverbs=\n\tcase $noun in\n");
	for (size_t i = 0; nouns[i]; i++)
		if (!completion_stands_alone(nouns[i]))
			bash_verbs(script, nouns[i]);
	g_string_append(script, "\tesac\n\tcase \"$noun $verb\" in\n");
	completion_each_command(script, bash_command);
	g_string_append(script, "\t*)\n\t\toptions='");
	for (const struct command_option *o = completion_common; o->name; o++)
		bash_option(script, o);
	g_string_append(script, "'\n\t\targs= ;;\n\tesac\n}\n\n");
	g_string_append(script, bash_walk);
	return g_string_free(script, FALSE);
}

/* ---- zsh -----------------------------------------------------------------
 */

/* 'word:what it is' */
static void zsh_described(GString *script, const char *dashes, const char *word,
			  const char *text)
{
	g_autofree char *pair = g_strdup_printf("%s%s:%s", dashes, word, text);

	g_string_append_c(script, ' ');
	completion_quote(script, pair);
}

static void zsh_option(GString *script, const struct command_option *option)
{
	zsh_described(script, "--", option->name, option->text);
}

static void zsh_value(GString *script, const struct command_option *option)
{
	g_autofree char *kind =
		option->arg ? completion_kind(option->arg) : NULL;

	if (kind)
		g_string_append_printf(script, " --%s '%s'", option->name,
				       kind);
}

static void zsh_command(GString *script, const struct noun *noun,
			const struct command *command)
{
	g_autofree char *kinds = completion_kinds(command);
	g_auto(GStrv) words = g_strsplit(kinds, " ", -1);

	g_string_append_printf(script, "\t('%s %s')\n\t\toptions=(", noun->name,
			       command->verb);
	completion_each_option(script, command, zsh_option);
	g_string_append(script, ")\n\t\tvalues+=(");
	completion_each_option(script, command, zsh_value);
	g_string_append(script, ")\n\t\targs=(");
	for (char **word = words; *word; word++)
		g_string_append_printf(script, " '%s'", *word);
	g_string_append(script, ") ;;\n");
}

static void zsh_verbs(GString *script, const struct noun *noun)
{
	g_string_append_printf(script, "\t(%s) verbs=(", noun->name);
	for (const struct command *c = noun->commands; c->verb; c++)
		zsh_described(script, "", c->verb, c->text);
	g_string_append(script, ") ;;\n");
}

static const char zsh_walk[] =
	"# What a word of some kind may be.\n"
	"_okapi_admin_reply() {\n"
	"\tcase $1 in\n"
	"\t(files) _files ;;\n"
	"\t(users) compadd -- ${${(f)\"$(okapi-admin user list "
	"2>/dev/null)\"}[2,-1]%% *} ;;\n"
	"\t(words:*) compadd -- ${(s:|:)${1#words:}} ;;\n"
	"\t(*) _message argument ;;\n"
	"\tesac\n"
	"}\n"
	"\n"
	"_okapi_admin() {\n"
	"\tlocal noun= verb= word=\n"
	"\tlocal -a nouns verbs options args\n"
	"\tlocal -A values\n"
	"\tinteger i=2 position=1\n"
	"\t_okapi_admin_table\n"
	"\twhile ((i < CURRENT)); do\n"
	"\t\tword=${(Q)words[i]}\n"
	"\t\tcase $word in\n"
	"\t\t(--*=*) ;;\n"
	"\t\t(-?*)\n"
	"\t\t\tif (($+values[$word])); then\n"
	"\t\t\t\t((++i == CURRENT)) && {\n"
	"\t\t\t\t\t_okapi_admin_reply $values[$word]\n"
	"\t\t\t\t\treturn\n"
	"\t\t\t\t}\n"
	"\t\t\tfi ;;\n"
	"\t\t(*)\n"
	"\t\t\tif [[ -z $noun ]]; then noun=$word\n"
	"\t\t\telif [[ -z $verb && -n $verbs ]]; then verb=$word\n"
	"\t\t\telse ((position++)); fi\n"
	"\t\t\t_okapi_admin_table ;;\n"
	"\t\tesac\n"
	"\t\t((i++))\n"
	"\tdone\n"
	"\tword=$words[CURRENT]\n"
	"\tif [[ $word == --*=* ]]; then\n"
	"\t\tcompset -P '*='\n"
	"\t\t_okapi_admin_reply ${values[${word%%=*}]:-none}\n"
	"\telif [[ $word == -* ]]; then _describe option options\n"
	"\telif [[ -z $noun ]]; then _describe command nouns\n"
	"\telif [[ -z $verb && -n $verbs ]]; then _describe command verbs\n"
	"\telse\n"
	"\t\t((position > $#args)) && [[ $args[-1] == *... ]] && "
	"position=$#args\n"
	"\t\t_okapi_admin_reply ${${args[position]%...}:-none}\n"
	"\tfi\n"
	"}\n"
	"\n"
	"_okapi_admin \"$@\"\n";

char *completion_zsh(void)
{
	GString *script = g_string_new(
		"#compdef okapi-admin\n"
		"# zsh completion of okapi-admin, made by okapi-admin "
		"completion zsh.\n\n"
		"# Sets what may follow $noun and $verb.\n"
		"_okapi_admin_table() {\n"
		"\tverbs=()\n\targs=()\n\tvalues=(-c files -o none)\n"
		"\tnouns=(");
	const struct noun *const *nouns = command_nouns();

	for (size_t i = 0; nouns[i]; i++)
		zsh_described(script, "", nouns[i]->name, nouns[i]->text);
	g_string_append(script, ")\n\tcase $noun in\n");
	for (size_t i = 0; nouns[i]; i++)
		if (!completion_stands_alone(nouns[i]))
			zsh_verbs(script, nouns[i]);
	g_string_append(script, "\tesac\n\tcase \"$noun $verb\" in\n");
	completion_each_command(script, zsh_command);
	g_string_append(script, "\t(*)\n\t\toptions=(");
	for (const struct command_option *o = completion_common; o->name; o++)
		zsh_option(script, o);
	g_string_append(script, ")\n\t\tvalues+=(");
	for (const struct command_option *o = completion_common; o->name; o++)
		zsh_value(script, o);
	g_string_append(script, ") ;;\n\tesac\n}\n\n");
	g_string_append(script, zsh_walk);
	return g_string_free(script, FALSE);
}

/* ---- fish ----------------------------------------------------------------
 */

/* What fish is told of a kind of word. */
static void fish_kind(GString *script, const char *kind)
{
	if (strcmp(kind, "files") == 0) {
		g_string_append(script, " -F");
	} else if (strcmp(kind, "users") == 0) {
		g_string_append(script, " -a '(__okapi_admin_users)'");
	} else if (g_str_has_prefix(kind, "words:")) {
		g_autofree char *words = g_strdup(kind + strlen("words:"));

		g_string_append_printf(script, " -a '%s'",
				       g_strdelimit(words, "|", ' '));
	}
}

static void fish_option(GString *script, const char *condition,
			const struct command_option *option)
{
	g_autofree char *kind =
		option->arg ? completion_kind(option->arg) : NULL;

	g_string_append_printf(script, "complete -c okapi-admin %s%s -l %s",
			       condition, option->arg ? " -r" : "",
			       option->name);
	if (kind && strcmp(kind, "files") != 0)
		g_string_append(script, " -f");
	if (kind)
		fish_kind(script, kind);
	g_string_append(script, " -d ");
	completion_quote(script, option->text);
	g_string_append_c(script, '\n');
}

static void fish_arguments(GString *script, const struct noun *noun,
			   const struct command *command)
{
	g_autofree char *kinds = completion_kinds(command);
	g_auto(GStrv) words = g_strsplit(kinds, " ", -1);

	for (size_t i = 0; words[i]; i++) {
		bool repeats = g_str_has_suffix(words[i], "...");
		g_autofree char *kind =
			repeats ? g_strndup(words[i], strlen(words[i]) - 3)
				: g_strdup(words[i]);

		if (strcmp(kind, "none") == 0)
			continue;
		g_string_append_printf(script,
				       "complete -c okapi-admin -n "
				       "'__okapi_admin_at %s \"%s\" %s %zu'",
				       noun->name, command->verb,
				       repeats ? "-ge" : "-eq", i);
		fish_kind(script, kind);
		g_string_append_c(script, '\n');
	}
}

static void fish_command(GString *script, const struct noun *noun,
			 const struct command *command)
{
	g_autofree char *condition = g_strdup_printf(
		"-n '__okapi_admin_at %s \"%s\"'", noun->name, command->verb);

	for (const struct command_option *o = command->options; o && o->name;
	     o++)
		fish_option(script, condition, o);
	fish_arguments(script, noun, command);
}

/* Which options take a value, for the walk. */
static void fish_values(GString *script, const struct noun *noun,
			const struct command *command)
{
	bool any = false;

	for (const struct command_option *o = command->options; o && o->name;
	     o++)
		any = any || o->arg;
	if (!any)
		return;
	g_string_append_printf(script, "\tcase '%s %s'\n\t\tprintf '%%s\\n'",
			       noun->name, command->verb);
	for (const struct command_option *o = command->options; o && o->name;
	     o++)
		if (o->arg)
			g_string_append_printf(script, " --%s", o->name);
	g_string_append(script, "\n");
}

static const char fish_walk[] =
	"# Sets noun, verb and position by the words before the cursor.\n"
	"function __okapi_admin_walk --no-scope-shadowing\n"
	"\tset -l words (commandline -opc)\n"
	"\tset -l skip no\n"
	"\tfor word in $words[2..-1]\n"
	"\t\tif test $skip = yes\n"
	"\t\t\tset skip no\n"
	"\t\telse if contains -- \"$word\" -c -o --config --as\n"
	"\t\t\tset skip yes\n"
	"\t\telse if string match -q -- '-?*' \"$word\"\n"
	"\t\t\tif contains -- \"$word\" (__okapi_admin_valued \"$noun "
	"$verb\")\n"
	"\t\t\t\tset skip yes\n"
	"\t\t\tend\n"
	"\t\telse if test -z \"$noun\"\n"
	"\t\t\tset noun $word\n"
	"\t\telse if test -z \"$verb\"; and not contains -- \"$noun\" "
	"$__okapi_admin_alone\n"
	"\t\t\tset verb $word\n"
	"\t\telse\n"
	"\t\t\tset position (math $position + 1)\n"
	"\t\tend\n"
	"\tend\n"
	"end\n"
	"\n"
	"# Is this the noun, and the verb, and the place of the argument?\n"
	"function __okapi_admin_at\n"
	"\tset -l noun ''\n"
	"\tset -l verb ''\n"
	"\tset -l position 0\n"
	"\t__okapi_admin_walk\n"
	"\ttest \"$noun\" = \"$argv[1]\"; or return 1\n"
	"\ttest (count $argv) -ge 2; or begin\n"
	"\t\ttest -z \"$verb\"\n"
	"\t\treturn\n"
	"\tend\n"
	"\ttest \"$verb\" = \"$argv[2]\"; or return 1\n"
	"\ttest (count $argv) -lt 4; or test $position $argv[3] $argv[4]\n"
	"end\n"
	"\n"
	"function __okapi_admin_users\n"
	"\tokapi-admin user list 2>/dev/null | awk 'NR > 1 { print $1 }'\n"
	"end\n"
	"\n"
	"complete -c okapi-admin -f\n"
	"complete -c okapi-admin -s c -r -F -d 'configuration'\n"
	"complete -c okapi-admin -s o -x -d 'one setting'\n";

static void fish_word(GString *script, const char *noun, const char *word,
		      const char *text)
{
	g_string_append_printf(script,
			       "complete -c okapi-admin -n '__okapi_admin_at "
			       "\"%s\"' -a %s -d ",
			       noun, word);
	completion_quote(script, text);
	g_string_append_c(script, '\n');
}

static void fish_words(GString *script, const struct noun *noun)
{
	fish_word(script, "", noun->name, noun->text);
	if (completion_stands_alone(noun))
		return;
	for (const struct command *c = noun->commands; c->verb; c++)
		fish_word(script, noun->name, c->verb, c->text);
}

char *completion_fish(void)
{
	GString *script =
		g_string_new("# fish completion of okapi-admin, made by "
			     "okapi-admin completion fish.\n\n"
			     "set -g __okapi_admin_alone");
	const struct noun *const *nouns = command_nouns();

	for (size_t i = 0; nouns[i]; i++)
		if (completion_stands_alone(nouns[i]))
			g_string_append_printf(script, " %s", nouns[i]->name);
	g_string_append(script,
			"\n\n# Options of a command that take a value.\n"
			"function __okapi_admin_valued\n"
			"\tswitch \"$argv[1]\"\n");
	completion_each_command(script, fish_values);
	g_string_append(script, "\tend\nend\n\n");
	g_string_append(script, fish_walk);
	for (const struct command_option *o = completion_common; o->name; o++)
		fish_option(script, "", o);
	for (size_t i = 0; nouns[i]; i++)
		fish_words(script, nouns[i]);
	completion_each_command(script, fish_command);
	return g_string_free(script, FALSE);
}
