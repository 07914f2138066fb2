/*
 * Reading what MTAs that run a program say by its environment.
 */
#include "stdin_door.h"

#include "smtp/smtp_server.h"

#include <string.h>

#define ORIGINAL_LEN_MAX 320 /* local part, @, domain */

static const char *const stdin_door_names[DOOR_VARIABLES] = DOOR_NAMES;

void stdin_door_environment(struct stdin_variables *ret_variables)
{
	for (size_t i = 0; i < DOOR_VARIABLES; i++)
		ret_variables->values[i] = g_getenv(stdin_door_names[i]);
}

void stdin_door_variable(struct stdin_variables *variables, const char *setting)
{
	for (size_t i = 0; i < DOOR_VARIABLES; i++) {
		size_t len = strlen(stdin_door_names[i]);

		if (strncmp(setting, stdin_door_names[i], len) == 0 &&
		    setting[len] == '=')
			variables->values[i] = setting + len + 1;
	}
}

char *stdin_door_detail(const struct stdin_variables *variables,
			const struct conf *conf)
{
	const char *extension = variables->values[DOOR_EXTENSION];
	const char *suffix = variables->values[DOOR_LOCAL_PART_SUFFIX];
	const char *detail = NULL;

	if (extension && *extension)
		detail = extension;
	else if (suffix && *suffix &&
		 strchr(conf->recipient_delimiter, *suffix))
		detail = suffix + 1;
	/* Each recipient keeps it. */
	return detail && strlen(detail) <= SMTP_PATH_MAX ? g_strdup(detail)
							 : NULL;
}

const char *stdin_door_original(const struct stdin_variables *variables,
				const struct options *options)
{
	const char *original = variables->values[DOOR_ORIGINAL_RECIPIENT];

	if (!original || options->recipients[1] ||
	    strlen(original) > ORIGINAL_LEN_MAX || !g_str_is_ascii(original) ||
	    !smtp_path_check(original, false, false))
		return NULL;
	return original;
}

char *stdin_door_sender(const struct stdin_variables *variables,
			const struct options *options,
			const struct input *input)
{
	return input_guess_sender(
		options->sender, variables->values[DOOR_SENDER],
		variables->values[DOOR_RPLINE], input_head(input));
}
