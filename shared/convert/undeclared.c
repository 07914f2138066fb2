/*
 * Text of which nobody says in what charset it is.
 */
#include "text.h"
#include "utf8.h"

#include <string.h>

const char *charset_guess(const struct convert_context *context,
			  const void *data, size_t len)
{
	const char *fallback = context->options->default_charset;

	if (charset_is_japanese(data, len))
		return "iso-2022-jp";
	if (charset_is_seven_bit(data, len))
		return "us-ascii";
	if (utf8_is_valid(data, len))
		return "utf-8";
	return fallback && !charset_is_ascii(fallback) &&
			       charset_is_known(fallback)
		       ? fallback
		       : "windows-1252";
}

char *charset_decode_undeclared(const struct convert_context *context,
				const void *data, size_t len)
{
	const char *name = charset_guess(context, data, len);

	/* Most fields of a header are. */
	if (!strcmp(name, "us-ascii") && len && !memchr(data, '\0', len))
		return g_strndup(data, len);
	return charset_decode(charset_is_ascii(name) ? "utf-8" : name, data,
			      len);
}
