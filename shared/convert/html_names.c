/*
 * What HTML names: parts by "cid:" and by their Content-Location.  One pass,
 * no parser: a name too many hides nothing that nobody has.
 */
#include "parts.h"

#include <string.h>

#define CID_LEN_MAX       512
#define LOCATION_LEN_MAX  1024
#define REFERENCE_LEN_MAX 10 /* "&#x10ffff;" */

/* How far an id goes; no further than just beyond CID_LEN_MAX, or one without
 * end would be read again from each place in it. */
static size_t cid_len(const char *at)
{
	size_t n = 0;

	while (n <= CID_LEN_MAX && at[n] && !strchr("\"'<> \t\r\n)", at[n]))
		n++;
	return n;
}

/* The sign of a character reference, "amp" or "#64"; 0 if it is none that an
 * address needs. */
static gunichar reference_sign(const char *name)
{
	static const struct {
		const char *name;
		char sign;
	} known[] = {
		{"amp", '&'}, {"quot", '"'}, {"apos", '\''},
		{"lt", '<'},  {"gt", '>'},
	};
	bool hex = name[0] == '#' && (name[1] | 0x20) == 'x';
	char *end = NULL;
	guint64 number = 0;

	for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
		if (!strcmp(known[i].name, name))
			return (guchar)known[i].sign;
	if (name[0] != '#')
		return 0;
	number = g_ascii_strtoull(name + (hex ? 2 : 1), &end, hex ? 16 : 10);
	return !*end && number <= 0x10ffff &&
			       g_unichar_validate((gunichar)number)
		       ? (gunichar)number
		       : 0;
}

/* The value of an attribute, its character references undone; owned. */
static char *attribute_value(const char *at, size_t len)
{
	GString *out = g_string_sized_new(len);
	const char *end = at + len;

	while (at < end) {
		size_t left = MIN((size_t)(end - at), REFERENCE_LEN_MAX);
		const char *close = *at == '&' ? memchr(at, ';', left) : NULL;
		g_autofree char *name =
			close ? g_strndup(at + 1, (gsize)(close - at) - 1)
			      : NULL;
		gunichar sign = name ? reference_sign(name) : 0;

		if (sign) {
			g_string_append_unichar(out, sign);
			at = close + 1;
		} else {
			g_string_append_c(out, *at++);
		}
	}
	return g_string_free(out, FALSE);
}

/* An id as it stands behind "cid:", without references and %XX; owned. */
static char *cid_of(const char *at, size_t len)
{
	g_autofree char *value = attribute_value(at, len);
	char *id = NULL;

	/* A quote may be one of the references: url(&quot;cid:...&quot;). */
	value[cid_len(value)] = '\0';
	id = g_uri_unescape_segment(value, NULL, NULL);
	return id ? id : g_steal_pointer(&value);
}

/* name is moved. */
static void mark(GTree *names, char *name)
{
	gpointer key = NULL;

	if (g_tree_lookup_extended(names, name, &key, NULL))
		g_tree_insert(names, key, GUINT_TO_POINTER(1));
	g_free(name);
}

void html_mark_cids(const char *html, GTree *names)
{
	const char *end = html + strlen(html);
	const char *at = html;

	while ((at = memchr(at, ':', (size_t)(end - at)))) {
		size_t n = 0;

		at++;
		if (at - html < 4 || g_ascii_strncasecmp(at - 4, "cid:", 4))
			continue;
		n = cid_len(at);
		if (n && n <= CID_LEN_MAX)
			mark(names, cid_of(at, n));
		at += n;
	}
}

void html_mark_locations(const char *html, GTree *names)
{
	const char *end = html + strlen(html);
	const char *at = html;

	while ((at = memchr(at, '=', (size_t)(end - at)))) {
		size_t n = 0;
		char quote = '\0';

		at++;
		if (*at != '"' && *at != '\'')
			continue;
		quote = *at++;
		while (n <= LOCATION_LEN_MAX && at[n] && at[n] != quote)
			n++;
		if (n && n <= LOCATION_LEN_MAX && at[n] == quote) {
			mark(names, attribute_value(at, n));
			at += n + 1;
		}
	}
}
