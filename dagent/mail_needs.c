/*
 * A depth and a set of names.
 */
#include "mail_needs.h"

#include <string.h>

void mail_needs_clear(struct mail_needs *needs)
{
	g_clear_pointer(&needs->fields, g_ptr_array_unref);
	needs->depth = MAIL_NOTHING;
}

void mail_needs_add(struct mail_needs *needs, enum mail_depth depth)
{
	needs->depth = MAX(needs->depth, depth);
}

static bool mail_needs_has_field(const struct mail_needs *needs,
				 const char *name)
{
	for (guint i = 0; needs->fields && i < needs->fields->len; i++)
		if (strcmp(needs->fields->pdata[i], name) == 0)
			return true;
	return false;
}

void mail_needs_add_field(struct mail_needs *needs, const char *name)
{
	mail_needs_add(needs, MAIL_FIELDS);
	if (mail_needs_has_field(needs, name))
		return;
	if (!needs->fields)
		needs->fields =
			g_ptr_array_new_null_terminated(4, g_free, TRUE);
	g_ptr_array_add(needs->fields, g_strdup(name));
}

bool mail_needs_cover(const struct mail_needs *there,
		      const struct mail_needs *wanted)
{
	if (there->depth < wanted->depth)
		return false;
	if (there->depth != MAIL_FIELDS)
		return true;
	for (guint i = 0; wanted->fields && i < wanted->fields->len; i++)
		if (!mail_needs_has_field(there, wanted->fields->pdata[i]))
			return false;
	return true;
}

const char *const *mail_needs_fields(struct mail_needs *needs)
{
	if (!needs->fields)
		needs->fields =
			g_ptr_array_new_null_terminated(4, g_free, TRUE);
	return (const char *const *)needs->fields->pdata;
}
