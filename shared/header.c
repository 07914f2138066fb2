/*
 * The scanner of raw header fields (RFC 5322 2.2): lenient, linear, and blind
 * to what values mean.
 */
#include "header.h"

#include <string.h>

/* The end of the line that begins at p: behind its LF, or end. */
static const char *header_line_end(const char *p, const char *end)
{
	const char *lf = memchr(p, '\n', (size_t)(end - p));

	return lf ? lf + 1 : end;
}

/* The end of the field that begins at p: its continuation lines included. */
static const char *header_field_end(const char *p, const char *end)
{
	p = header_line_end(p, end);
	while (p < end && (*p == ' ' || *p == '\t'))
		p = header_line_end(p, end);
	return p;
}

/* Text without line ends, stripped; NUL becomes a blank. */
static char *header_unfold(const char *p, const char *end)
{
	GString *out = g_string_sized_new((size_t)(end - p));

	for (; p < end; p++)
		if (*p != '\r' && *p != '\n')
			g_string_append_c(out, *p ? *p : ' ');
	return g_strstrip(g_string_free(out, FALSE));
}

/* Is what stands before the colon one of names? */
static bool header_is_wanted(const char *p, const char *colon,
			     const char *const *names)
{
	const char *end = colon;

	/* A name that was folded: left to who gets it. */
	if (memchr(p, '\n', (size_t)(colon - p)))
		return true;
	while (p < end && g_ascii_isspace(*p))
		p++;
	while (p < end && g_ascii_isspace(end[-1]))
		end--;
	for (; *names; names++)
		if (strlen(*names) == (size_t)(end - p) &&
		    g_ascii_strncasecmp(*names, p, (size_t)(end - p)) == 0)
			return true;
	return false;
}

void header_scan(const char *message, size_t len, const char *const *names,
		 bool (*each)(void *context, const char *name,
			      const char *value),
		 void *context)
{
	const char *end = message + len;

	for (const char *p = message; p < end;) {
		const char *next = header_field_end(p, end);
		const char *colon;
		bool go_on = true;

		if (*p == '\n' || *p == '\r')
			return;
		colon = memchr(p, ':', (size_t)(next - p));
		if (colon && colon > p && header_is_wanted(p, colon, names)) {
			g_autofree char *name = header_unfold(p, colon);
			g_autofree char *value = header_unfold(colon + 1, next);

			go_on = each(context, name, value);
		}
		if (!go_on)
			return;
		p = next;
	}
}

struct header_query {
	const char *name;
	const char *prefix;
	size_t count;
	bool once;
};

static bool header_query_each(void *context, const char *name,
			      const char *value)
{
	struct header_query *query = context;

	if (g_ascii_strcasecmp(name, query->name) != 0)
		return true;
	if (query->prefix &&
	    g_ascii_strncasecmp(value, query->prefix, strlen(query->prefix)))
		return true;
	query->count++;
	return !query->once;
}

size_t header_count(const char *message, size_t len, const char *name)
{
	struct header_query query = {.name = name};
	const char *const names[] = {name, NULL};

	header_scan(message, len, names, header_query_each, &query);
	return query.count;
}

bool header_has_value(const char *message, size_t len, const char *name,
		      const char *prefix)
{
	g_autofree char *stripped = g_strstrip(g_strdup(prefix));
	struct header_query query = {
		.name = name, .prefix = stripped, .once = true};
	const char *const names[] = {name, NULL};

	header_scan(message, len, names, header_query_each, &query);
	return query.count > 0;
}

bool header_is_identified(const char *message, size_t len)
{
	return header_has_value(message, len, "Message-ID", "") ||
	       header_has_value(message, len, "Received", "");
}

bool header_has_mbox_line(const char *message, size_t len)
{
	static const char from[] = "From ";
	size_t at = strlen(from);

	if (len <= at || memcmp(message, from, at) != 0)
		return false;
	while (at < len && (message[at] == ' ' || message[at] == '\t'))
		at++;
	return at == len || message[at] != ':';
}
