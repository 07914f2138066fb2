/*
 * Marks of mailing lists in a header; see mailing_list.h.
 */
#include "mailing_list.h"

#include "header.h"

#include <string.h>

#define MAILTO "mailto:"

struct mailing_list_search {
	const char *reverse_path;
	struct mailing_list found;
};

/* Is one of the URLs of List-Post (RFC 2369 section 3.4) this address? */
static bool list_post_names(const char *value, const char *address)
{
	g_autofree char *lower = g_ascii_strdown(value, -1);
	const char *at = lower;

	while ((at = strstr(at, MAILTO))) {
		const char *end;
		g_autofree char *name = NULL;

		at += strlen(MAILTO);
		end = at + strcspn(at, ">?, ");
		name = g_uri_unescape_segment(at, end, NULL);
		if (name && g_ascii_strcasecmp(name, address) == 0)
			return true;
	}
	return false;
}

static bool precedence_is_bulk(const char *value)
{
	return g_ascii_strcasecmp(value, "bulk") == 0 ||
	       g_ascii_strcasecmp(value, "list") == 0 ||
	       g_ascii_strcasecmp(value, "junk") == 0;
}

static bool see_field(void *context, const char *name, const char *value)
{
	struct mailing_list_search *search = context;
	struct mailing_list *found = &search->found;

	if (g_ascii_strcasecmp(name, "Precedence") == 0)
		found->is_bulk = found->is_bulk || precedence_is_bulk(value);
	else
		found->is_bulk = true;
	if (g_ascii_strcasecmp(name, "List-Post") == 0)
		found->is_posted_to =
			found->is_posted_to ||
			list_post_names(value, search->reverse_path);
	return true;
}

struct mailing_list mailing_list_of(const char *message, size_t len,
				    const char *reverse_path)
{
	static const char *const names[] = {"List-Id", "List-Post",
					    "Precedence", NULL};
	struct mailing_list_search search = {.reverse_path = reverse_path};

	header_scan(message, len, names, see_field, &search);
	return search.found;
}
