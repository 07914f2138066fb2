/*
 * Content-Type and Content-Disposition parameters: RFC 2231 with our charsets,
 * and encoded words, which senders put there against RFC 2047.
 */
#include "params.h"

#include "param.h"

#include <string.h>

#define PARAMS_LEN_MAX 16384

struct mime_params {
	GTree *values; /* name in lower case -> struct param */
};

static char *decode(void *context, const char *charset, const char *octets,
		    size_t len)
{
	char *text = charset_is_ascii(charset)
			     ? NULL
			     : charset_decode(charset, octets, len);

	return text ? text : charset_decode_undeclared(context, octets, len);
}

static gboolean show_words(gpointer name, gpointer value, gpointer context)
{
	struct param *param = value;
	g_autofree char *text = param->text;

	param->text = param->is_extended ? g_steal_pointer(&text)
					 : words_decode(context, text);
	/* A boundary may begin with a blank (RFC 2046 5.1.1). */
	if (strcmp(name, "boundary") != 0 || *param->text != ' ')
		text_flatten(param->text);
	return FALSE;
}

struct mime_params *mime_params_parse(struct convert_context *context,
				      const char *text)
{
	struct mime_params *params = g_new0(struct mime_params, 1);
	g_autofree char *copy = g_strndup(text, PARAMS_LEN_MAX);
	g_autofree char *valid = g_utf8_make_valid(copy, -1);

	if (strlen(text) > PARAMS_LEN_MAX)
		convert_note(context, "a parameter list was cut");
	params->values = param_parse(valid, decode, context);
	g_tree_foreach(params->values, show_words, context);
	return params;
}

void mime_params_free(struct mime_params *params)
{
	if (!params)
		return;
	g_tree_unref(params->values);
	g_free(params);
}

const char *mime_params_get(const struct mime_params *params, const char *name)
{
	const struct param *param =
		params ? g_tree_lookup(params->values, name) : NULL;

	return param ? param->text : NULL;
}
