/*
 * Content-Type and Content-Disposition parameters, read by GMime.
 *
 * GMime undoes RFC 2231.  Encoded words, which senders put there against the
 * RFC, are hidden from it: it would lose some of them, and looks for the end
 * of each anew.
 */
#include "params.h"

#include <gmime/gmime.h>
#include <string.h>

#define PARAMS_LEN_MAX 16384
#define HIDDEN_MARK    '\001' /* for the '?' of "=?" */

struct mime_params {
	GHashTable *values; /* name in lower case -> decoded text */
};

static void hide_words(char *text)
{
	for (char *at = strstr(text, "=?"); at; at = strstr(at + 2, "=?"))
		at[1] = HIDDEN_MARK;
}

static char *show_words(const struct convert_context *context,
			const char *value)
{
	g_autofree char *text = g_utf8_make_valid(value, -1);
	char *decoded = NULL;

	for (char *at = text; *at; at++)
		if (*at == HIDDEN_MARK)
			*at = '?';
	decoded = words_decode(context, text);
	text_flatten(decoded);
	return decoded;
}

/* The first of a name counts, but "name*=" before "name=" (RFC 6266 4.3). */
static void add_param(const struct convert_context *context,
		      struct mime_params *params, GMimeParam *param)
{
	const char *value = g_mime_param_get_value(param);
	g_autofree char *name =
		g_ascii_strdown(g_mime_param_get_name(param), -1);
	bool extended = g_mime_param_get_encoding_method(param) ==
			GMIME_PARAM_ENCODING_METHOD_RFC2231;

	if (!value ||
	    (!extended && g_hash_table_contains(params->values, name)))
		return;
	/* RFC 2231 4: neither charset nor language. */
	if (extended && g_str_has_prefix(value, "''"))
		value += 2;
	g_hash_table_insert(params->values, g_steal_pointer(&name),
			    show_words(context, value));
}

struct mime_params *mime_params_parse(struct convert_context *context,
				      const char *text)
{
	struct mime_params *params = g_new0(struct mime_params, 1);
	g_autofree char *copy = g_strndup(text, PARAMS_LEN_MAX);
	g_autofree char *valid = g_utf8_make_valid(copy, -1);
	GMimeParamList *list = NULL;

	if (strlen(text) > PARAMS_LEN_MAX)
		convert_note(context, "a parameter list was cut");
	params->values =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	hide_words(valid);
	list = g_mime_param_list_parse(NULL, valid);
	if (!list)
		return params;
	for (int i = 0; i < g_mime_param_list_length(list); i++)
		add_param(context, params,
			  g_mime_param_list_get_parameter_at(list, i));
	g_object_unref(list);
	return params;
}

void mime_params_free(struct mime_params *params)
{
	if (!params)
		return;
	g_hash_table_unref(params->values);
	g_free(params);
}

const char *mime_params_get(const struct mime_params *params, const char *name)
{
	return params ? g_hash_table_lookup(params->values, name) : NULL;
}
