/*
 * Parameters of MAIL and RCPT (RFC 5321 4.1.2) and xtext (RFC 3461 4).
 */
#include "smtp_private.h"

#include <string.h>

/* One octet of xtext at *p, which moves behind it; -1 if it is none. */
static int xtext_octet(const char **p)
{
	unsigned char c = (unsigned char)*(*p)++;
	int high;
	int low;

	if (c != '+')
		return c > 0x20 && c < 0x7f && c != '=' ? c : -1;
	high = g_ascii_xdigit_value(**p);
	low = high < 0 ? -1 : g_ascii_xdigit_value((*p)[1]);
	if (low < 0)
		return -1;
	*p += 2;
	return high * 16 + low;
}

bool smtp_xtext_decode_here(char *text)
{
	const char *p = text;

	while (*p) {
		int octet = xtext_octet(&p);

		if (octet <= 0)
			return false;
		*text++ = (char)octet;
	}
	*text = '\0';
	return true;
}

char *smtp_xtext_encode(const char *text)
{
	GString *xtext = g_string_new(NULL);

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c > 0x20 && c < 0x7f && c != '+' && c != '=')
			g_string_append_c(xtext, (char)c);
		else
			g_string_append_printf(xtext, "+%02X", c);
	}
	return g_string_free(xtext, FALSE);
}

bool smtp_parse_number(const char *digits, int64_t *ret_number)
{
	int64_t number = 0;

	if (!*digits)
		return false;
	for (const char *p = digits; *p; p++) {
		if (!g_ascii_isdigit(*p))
			return false;
		if (number > (INT64_MAX - 9) / 10)
			number = INT64_MAX;
		if (number != INT64_MAX)
			number = number * 10 + (*p - '0');
	}
	*ret_number = number;
	return true;
}

static bool param_check_keyword(const char *keyword)
{
	if (!g_ascii_isalnum(*keyword))
		return false;
	for (; *keyword; keyword++)
		if (!g_ascii_isalnum(*keyword) && *keyword != '-')
			return false;
	return true;
}

/* esmtp-value: printable, no '='; RFC 6531 adds UTF-8. */
static bool param_check_value(const char *value)
{
	if (!*value || !g_utf8_validate(value, -1, NULL))
		return false;
	for (; *value; value++)
		if ((unsigned char)*value <= 0x20 || *value == '=' ||
		    *value == 0x7f)
			return false;
	return true;
}

int smtp_param_next(char **rest, char **ret_keyword, char **ret_value,
		    struct fault *fault)
{
	char *keyword = *rest;
	char *end;
	char *equals;

	while (*keyword == ' ')
		keyword++;
	if (!*keyword)
		return 0;
	end = strchr(keyword, ' ');
	if (end)
		*end++ = '\0';
	*rest = end ? end : keyword + strlen(keyword);
	equals = strchr(keyword, '=');
	if (equals)
		*equals++ = '\0';
	if (!param_check_keyword(keyword))
		return fault_set(fault, FAULT_BAD_ARGUMENT,
				 "Bad name of a parameter");
	/* AUTH=<> and xtext aside, '=' occurs in no value we know. */
	if (equals && !param_check_value(equals))
		return fault_set(fault, FAULT_BAD_ARGUMENT,
				 "Bad value of parameter %s", keyword);
	*ret_keyword = keyword;
	*ret_value = equals;
	return 1;
}
