/*
 * Content-Type and Content-Disposition parameters, read by GMime.
 *
 * GMime decodes RFC 2231 and, where senders put it against the RFC, RFC 2047.
 * What is quadratic in it (many "=?" in one value) or fails in it (octets that
 * are no UTF-8) is kept away from it here.
 */
#include "params.h"

#include <gmime/gmime.h>
#include <string.h>

#define PARAMS_LEN_MAX   16384
#define PARAMS_WORDS_MAX 256 /* "=?" in one field */

struct mime_params {
	GMimeParamList *list;
};

/* Breaks encoded words beyond the ceiling, so that nobody looks for them. */
static void limit_words(char *text)
{
	unsigned words = 0;

	for (char *at = strstr(text, "=?"); at; at = strstr(at + 2, "=?"))
		if (++words > PARAMS_WORDS_MAX)
			at[1] = ' ';
}

struct mime_params *mime_params_parse(struct convert_context *context,
				      const char *text)
{
	struct mime_params *params = g_new0(struct mime_params, 1);
	g_autofree char *copy = g_strndup(text, PARAMS_LEN_MAX);
	g_autofree char *valid = g_utf8_make_valid(copy, -1);

	if (strlen(text) > PARAMS_LEN_MAX)
		convert_note(context, "a parameter list was cut");
	limit_words(valid);
	params->list = g_mime_param_list_parse(NULL, valid);
	return params;
}

void mime_params_free(struct mime_params *params)
{
	if (!params)
		return;
	if (params->list)
		g_object_unref(params->list);
	g_free(params);
}

const char *mime_params_get(const struct mime_params *params, const char *name)
{
	GMimeParam *param = NULL;
	const char *value = NULL;

	if (!params || !params->list)
		return NULL;
	param = g_mime_param_list_get_parameter(params->list, name);
	value = param ? g_mime_param_get_value(param) : NULL;
	return value && g_utf8_validate(value, -1, NULL) ? value : NULL;
}
