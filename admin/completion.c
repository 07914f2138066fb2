/*
 * okapi-admin completion: scripts that complete its command line in a shell,
 * made from the command table.
 */
#include "completion.h"

#include "admin.h"
#include "print.h"

#include <stdio.h>
#include <string.h>

/* "yes|no": the words themselves. */
static bool completion_is_words(const char *token)
{
	if (!strchr(token, '|'))
		return false;
	for (; *token; token++)
		if (!g_ascii_islower(*token) && *token != '|')
			return false;
	return true;
}

char *completion_kind(const char *token)
{
	if (completion_is_words(token))
		return g_strconcat("words:", token, NULL);
	if (strstr(token, "FILE") || strstr(token, "DIR") ||
	    strstr(token, "MESSAGE"))
		return g_strdup("files");
	if (strstr(token, "USER") || strstr(token, "MEMBER") ||
	    strstr(token, "WHO"))
		return g_strdup("users");
	return g_strdup("none");
}

char *completion_kinds(const struct command *command)
{
	g_auto(GStrv) tokens = g_strsplit(command->args, " ", -1);
	GString *kinds = g_string_new(NULL);

	for (char **token = tokens; *token; token++) {
		g_autofree char *kind = completion_kind(*token);

		if (**token)
			g_string_append_printf(
				kinds, "%s%s%s", kinds->len ? " " : "", kind,
				strstr(*token, "...") ? "..." : "");
	}
	return g_string_free(kinds, FALSE);
}

static int completion_tell(const struct admin *admin, const char *shell,
			   char *script)
{
	json_t *object;

	if (!admin->json) {
		fputs(script, stdout);
	} else {
		object = json_object();
		json_object_set_new(object, "shell", json_string(shell));
		json_object_set_new(object, "script", json_string(script));
		print_json(object);
	}
	g_free(script);
	return 0;
}

static int completion_run_bash(struct admin *admin, struct fault *fault)
{
	(void)fault;
	return completion_tell(admin, "bash", completion_bash());
}

static int completion_run_zsh(struct admin *admin, struct fault *fault)
{
	(void)fault;
	return completion_tell(admin, "zsh", completion_zsh());
}

static int completion_run_fish(struct admin *admin, struct fault *fault)
{
	(void)fault;
	return completion_tell(admin, "fish", completion_fish());
}

static const struct command completion_commands[] = {
	{"bash", "", "for the directory completions of bash-completion",
	 completion_run_bash, NULL, COMMAND_JSON | COMMAND_NO_CONF},
	{"zsh", "", "for a directory of $fpath, as _okapi-admin",
	 completion_run_zsh, NULL, COMMAND_JSON | COMMAND_NO_CONF},
	{"fish", "", "for vendor_completions.d, as okapi-admin.fish",
	 completion_run_fish, NULL, COMMAND_JSON | COMMAND_NO_CONF},
	{0}};

const struct noun noun_completion = {
	"completion", "scripts that complete this command line in a shell",
	completion_commands};
