/*
 * Paths: the grammar of RFC 5321 4.1.2 and RFC 6531 3.3, checked, not
 * rewritten.
 */
#include "smtp_private.h"

#include <arpa/inet.h>
#include <string.h>

bool smtp_is_ascii(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text >= 0x80)
			return false;
	return true;
}

static bool path_is_atext(unsigned char c)
{
	return g_ascii_isalnum(c) || c >= 0x80 ||
	       (c && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

/* Skips a dot-string; NULL if there is none. */
static const char *path_skip_dot_string(const char *p)
{
	do {
		const char *atom = p;

		while (path_is_atext((unsigned char)*p))
			p++;
		if (p == atom)
			return NULL;
	} while (*p == '.' && *++p);
	return p[-1] == '.' ? NULL : p;
}

/* Skips a quoted string that is not empty; NULL if it is none. */
static const char *path_skip_quoted(const char *p)
{
	const char *start = ++p;

	for (; *p != '"'; p++) {
		if (*p == '\\')
			p++;
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return NULL;
	}
	return p == start ? NULL : p + 1;
}

static bool path_check_domain(const char *p)
{
	size_t label = 0;

	if (strlen(p) > 255)
		return false;
	for (; *p; p++) {
		unsigned char c = (unsigned char)*p;

		if (c == '.') {
			if (label == 0)
				return false;
			label = 0;
		} else if (g_ascii_isalnum(c) || c == '-' || c == '_' ||
			   c >= 0x80) {
			if (++label > 63 && c < 0x80)
				return false;
		} else {
			return false;
		}
	}
	return label > 0;
}

/* "tag:content" of RFC 5321 4.1.3, other than IPv6. */
static bool path_check_general_literal(const char *text)
{
	const char *colon = strchr(text, ':');

	if (!colon || colon == text || colon[-1] == '-' || !colon[1])
		return false;
	for (const char *p = text; p < colon; p++)
		if (!g_ascii_isalnum(*p) && *p != '-')
			return false;
	for (const char *p = colon + 1; *p; p++)
		if (!g_ascii_isgraph(*p) || strchr("[\\]", *p))
			return false;
	return true;
}

static bool path_check_literal(const char *p)
{
	char text[SMTP_PATH_MAX + 1];
	size_t len = strlen(p);
	struct in6_addr address;

	if (len < 3 || len > SMTP_PATH_MAX || p[len - 1] != ']')
		return false;
	memcpy(text, p + 1, len - 2);
	text[len - 2] = '\0';
	if (g_ascii_strncasecmp(text, "IPv6:", 5) == 0)
		return inet_pton(AF_INET6, text + 5, &address) == 1;
	return inet_pton(AF_INET, text, &address) == 1 ||
	       path_check_general_literal(text);
}

bool smtp_path_check(const char *path, bool utf8, bool need_domain)
{
	const char *p;

	if (strlen(path) > SMTP_PATH_MAX || !g_utf8_validate(path, -1, NULL) ||
	    (!utf8 && !smtp_is_ascii(path)))
		return false;
	p = *path == '"' ? path_skip_quoted(path) : path_skip_dot_string(path);
	if (!p)
		return false;
	if (!*p)
		return !need_domain;
	if (*p++ != '@')
		return false;
	return *p == '[' ? path_check_literal(p) : path_check_domain(p);
}

char *smtp_path_quote(const char *path)
{
	const char *p = path;
	g_autofree char *quoted = NULL;

	while (path_is_atext((unsigned char)*p) || *p == '.')
		p++;
	if (p == path || *p != '@')
		return NULL;
	quoted = g_strdup_printf("\"%.*s\"%s", (int)(p - path), path, p);
	return smtp_path_check(quoted, true, true) ? g_steal_pointer(&quoted)
						   : NULL;
}

/* The '>' that ends a path, quoted strings respected where they end; NULL if
 * none. */
static char *path_find_end(char *start)
{
	bool quoted = false;

	for (char *p = start; *p; p++) {
		if (quoted && *p == '\\' && p[1])
			p++;
		else if (*p == '"')
			quoted = !quoted;
		else if (*p == '>' && !quoted)
			return p;
	}
	return quoted ? strchr(start, '>') : NULL;
}

/* "@a,@b:user@host" is user@host (RFC 5321 appendix C); NULL if the route is
 * none. */
static char *path_drop_route(char *path)
{
	char *colon;

	if (*path != '@')
		return path;
	colon = strchr(path, ':');
	if (!colon)
		return NULL;
	*colon = '\0';
	g_auto(GStrv) hops = g_strsplit(path, ",", -1);

	for (char **hop = hops; *hop; hop++)
		if (**hop != '@' || !path_check_domain(*hop + 1))
			return NULL;
	return colon[1] ? colon + 1 : NULL;
}

int smtp_path_cut(char *args, char **ret_path, char **ret_rest,
		  struct fault *fault)
{
	char *end;
	char *path;

	while (*args == ' ' || *args == '\t')
		args++;
	if (*args != '<')
		return fault_set(fault, FAULT_BAD_ARGUMENT,
				 "The path needs < and >");
	end = path_find_end(args + 1);
	if (!end)
		return fault_set(fault, FAULT_BAD_ARGUMENT,
				 "The path has no end");
	*end++ = '\0';
	if (*end && *end != ' ')
		return fault_set(fault, FAULT_BAD_ARGUMENT,
				 "A blank is missing after the path");
	if (strlen(args + 1) > SMTP_PATH_MAX)
		return fault_set(fault, FAULT_BAD_ADDRESS,
				 "The path is too long");
	path = path_drop_route(args + 1);
	if (!path)
		return fault_set(fault, FAULT_BAD_ADDRESS, "Bad source route");
	while (*end == ' ')
		end++;
	*ret_path = path;
	*ret_rest = end;
	return 0;
}
