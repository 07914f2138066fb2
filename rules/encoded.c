/*
 * Characters given by number.
 */
#include "encoded.h"

#include <string.h>

#define BLANKS " \t\r\n"

/* One number of 1 to max hexadecimal digits (RFC 5228 section 2.4.2.4): two of
 * an octet, any number of a character; 0 or -1.  One that is too large stays
 * so. */
static int take_hex(const char **text, size_t max, uint32_t *ret_value)
{
	size_t digits = strspn(*text, "0123456789abcdefABCDEF");
	uint32_t value = 0;

	if (digits < 1 || digits > max)
		return -1;
	for (size_t i = 0; i < digits; i++)
		value = MIN(value, UINT32_MAX >> 8) * 16 +
			(uint32_t)g_ascii_xdigit_value((*text)[i]);
	*text += digits;
	*ret_value = value;
	return 0;
}

static const char *put(GString *out, uint32_t value, bool is_unicode)
{
	if (value == 0)
		return "NUL cannot be used";
	if (!is_unicode) {
		g_string_append_c(out, (char)value);
		return NULL;
	}
	if (value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
		return "there is no such Unicode character";
	g_string_append_unichar(out, value);
	return NULL;
}

/*
 * The sequence text begins with: octets used, with what it stands for added to
 * out; 0 if it is none; why is set if a character cannot be.
 */
static size_t decode_one(const char *text, GString *out, const char **why)
{
	const char *at = text + 2;
	gsize mark = out->len;
	bool is_unicode;
	bool has_any = false;

	if (g_ascii_strncasecmp(at, "hex:", 4) == 0)
		is_unicode = false;
	else if (g_ascii_strncasecmp(at, "unicode:", 8) == 0)
		is_unicode = true;
	else
		return 0;
	at = strchr(at, ':') + 1;
	for (;;) {
		const char *before = at;
		uint32_t value = 0;

		at += strspn(at, BLANKS);
		if (*at == '}' && has_any)
			return (size_t)(at + 1 - text);
		if ((has_any && at == before) ||
		    take_hex(&at, is_unicode ? SIZE_MAX : 2, &value) < 0)
			break;
		has_any = true;
		if (!*why)
			*why = put(out, value, is_unicode);
	}
	g_string_truncate(out, mark);
	*why = NULL;
	return 0;
}

char *sieve_encoded_decode(const char *text, const char **ret_why)
{
	g_autoptr(GString) out = g_string_new(NULL);
	const char *why = NULL;

	while (*text) {
		size_t used = 0;

		if (text[0] == '$' && text[1] == '{')
			used = decode_one(text, out, &why);
		if (why) {
			*ret_why = why;
			return NULL;
		}
		if (!used)
			g_string_append_c(out, *text);
		text += used ? used : 1;
	}
	return g_string_free(g_steal_pointer(&out), FALSE);
}
