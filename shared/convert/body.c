/*
 * Which parts are the bodies, and their text.
 */
#include "params.h"
#include "parts.h"
#include "text_files.h"

#include <string.h>

struct bodies {
	struct convert_context *context;
	struct mime_entity *plain;
	struct mime_entity *html;
	struct mime_entity *enriched;
};

static bool is_attachment(const struct mime_entity *entity)
{
	return entity->disposition &&
	       !strcmp(entity->disposition, "attachment");
}

/* Where a leaf belongs that is a body, if none of its kind was found. */
static struct mime_entity **place_of(const struct mime_entity *leaf,
				     struct bodies *bodies)
{
	struct mime_entity **place = NULL;

	if (mime_is(leaf, "text", "plain"))
		place = &bodies->plain;
	else if (mime_is(leaf, "text", "html"))
		place = &bodies->html;
	else if (mime_is(leaf, "text", "enriched"))
		place = &bodies->enriched;
	/* A multipart without parts is what its sender saw: text. */
	else if (mime_is(leaf, "multipart", NULL) && !leaf->parent)
		place = &bodies->plain;
	return place && !*place ? place : NULL;
}

/* Takes a leaf for a body if it is one. */
static bool take_leaf(struct mime_entity *leaf, struct bodies *bodies)
{
	struct mime_entity **place = place_of(leaf, bodies);

	if (!place || is_attachment(leaf) || leaf->cut ||
	    leaf->encoding == MIME_UNKNOWN_ENCODING ||
	    body_is_unreadable(bodies->context, leaf))
		return false;
	*place = leaf;
	return true;
}

/* The part a multipart/related is about: start=, else the first. */
static struct mime_entity *related_root(const struct mime_entity *related)
{
	const char *start = mime_params_get(related->type_params, "start");
	g_autofree char *id = NULL;

	if (start) {
		id = g_strdup(*start == '<' ? start + 1 : start);
		id[strcspn(id, ">")] = '\0';
	}
	for (guint i = 0; id && *id && i < related->children->len; i++) {
		struct mime_entity *child =
			g_ptr_array_index(related->children, i);

		if (child->content_id && !strcmp(child->content_id, id))
			return child;
	}
	return g_ptr_array_index(related->children, 0);
}

static bool find(struct mime_entity *entity, struct bodies *bodies);

/* The first child that has a body: HTML is found behind attachments, too. */
static bool find_in_mixed(struct mime_entity *entity, struct bodies *bodies)
{
	for (guint i = 0; i < entity->children->len; i++)
		if (find(g_ptr_array_index(entity->children, i), bodies))
			return true;
	return false;
}

/* Its root; where that is none (start= names nobody, a picture stands first)
 * what would be shown of a multipart/mixed, rather than nothing. */
static bool find_in_related(struct mime_entity *entity, struct bodies *bodies)
{
	struct mime_entity *root = related_root(entity);

	if (find(root, bodies))
		return true;
	for (guint i = 0; i < entity->children->len; i++) {
		struct mime_entity *child =
			g_ptr_array_index(entity->children, i);

		if (child != root && find(child, bodies))
			return true;
	}
	return false;
}

static bool find_in_alternatives(struct mime_entity *entity,
				 struct bodies *bodies)
{
	bool found = false;

	for (guint i = 0; i < entity->children->len; i++)
		if (find(g_ptr_array_index(entity->children, i), bodies))
			found = true;
	return found;
}

static bool find(struct mime_entity *entity, struct bodies *bodies)
{
	if (!mime_is(entity, "multipart", NULL) || !entity->children->len)
		return entity->children->len ? false
					     : take_leaf(entity, bodies);
	if (is_attachment(entity))
		return false;
	if (mime_is(entity, "multipart", "alternative"))
		return find_in_alternatives(entity, bodies);
	if (mime_is(entity, "multipart", "related"))
		return find_in_related(entity, bodies);
	if (mime_is(entity, "multipart", "encrypted") ||
	    mime_is(entity, "multipart", "appledouble"))
		return false;
	if (mime_is(entity, "multipart", "signed") ||
	    mime_is(entity, "multipart", "report"))
		return find(g_ptr_array_index(entity->children, 0), bodies);
	return find_in_mixed(entity, bodies);
}

static bool param_is(const struct mime_entity *entity, const char *name,
		     const char *value)
{
	const char *got = mime_params_get(entity->type_params, name);

	return got && !g_ascii_strcasecmp(got, value);
}

static bool is_flowed(const struct mime_entity *leaf)
{
	return mime_is(leaf, "text", "plain") &&
	       param_is(leaf, "format", "flowed");
}

static const struct mime_entity *root_of(const struct mime_entity *entity)
{
	while (entity->parent)
		entity = entity->parent;
	return entity;
}

/* Could the HTML refer to a part by that?  Else nobody asks what it refers to.
 */
static bool has_name(const struct mime_entity *entity, bool location)
{
	if (location ? entity->location != NULL : entity->content_id != NULL)
		return true;
	for (guint i = 0; i < entity->children->len; i++)
		if (has_name(g_ptr_array_index(entity->children, i), location))
			return true;
	return false;
}

/* By what HTML may refer to the parts of a message.  A tree: senders can choose
 * names that meet in one place of a hash table. */
static void add_names(const struct mime_entity *entity, GTree *names)
{
	if (entity->content_id)
		g_tree_insert(names, entity->content_id, NULL);
	if (entity->location)
		g_tree_insert(names, entity->location, NULL);
	if (mime_is(entity, "message", NULL))
		return;
	for (guint i = 0; i < entity->children->len; i++)
		add_names(g_ptr_array_index(entity->children, i), names);
}

/* Takes the files out of a text, into leaf->files; what is left is owned, for
 * as long as the message is there. */
static GBytes *take_files(struct mime_entity *leaf)
{
	g_autoptr(GBytes) bytes = mime_view(leaf);
	GPtrArray *files = NULL;
	GBytes *left = text_files_take(bytes, &files);

	if (files->len)
		leaf->files = g_steal_pointer(&files);
	g_clear_pointer(&files, g_ptr_array_unref);
	return left;
}

/* Where the text itself is not asked for: is it worth a look? */
static bool may_have_files(const struct mime_entity *leaf)
{
	return leaf->encoding == MIME_BASE64 ||
	       memmem(leaf->content.data, leaf->content.len, "begin", 5);
}

static void set_plain(struct convert_context *context, struct mime_entity *leaf,
		      struct propset *set)
{
	g_autofree char *charset = NULL;
	char *text = NULL;

	leaf->is_body = true;
	if (context->options->flags & CONVERT_SKETCH) {
		body_check_charset(context, leaf);
		if (may_have_files(leaf))
			g_bytes_unref(take_files(leaf));
		propset_set_number(set, PR_NATIVE_BODY, 1);
		return;
	}
	text = body_take_text(context, leaf, take_files(leaf), &charset);
	if (is_flowed(leaf))
		text = text_unflow(text, param_is(leaf, "delsp", "yes"));
	else
		text = text_crlf_take(text);
	if (context->options->flags & CONVERT_BODIES)
		propset_set_text_take(set, PR_BODY, text);
	else
		g_free(text);
	propset_set_number(set, PR_NATIVE_BODY, 1);
	propset_set_number(set, PR_INTERNET_CPID, charset_codepage(charset));
}

void body_keep_html(struct propset *set, char *html)
{
	g_autoptr(GBytes) bytes = NULL;

	html = text_crlf_take(html);
	bytes = g_bytes_new_take(html, strlen(html));
	propset_set_binary(set, PR_HTML, bytes);
}

static char *take_enriched(struct convert_context *context,
			   const struct mime_entity *leaf, GBytes *bytes)
{
	g_autofree char *charset = NULL;

	return text_enriched_to_html(
		body_take_text(context, leaf, bytes, &charset));
}

/* HTML without plain text beside it gets one (moved). */
static void take_plain(struct propset *set, char *plain)
{
	propset_set_text_take(set, PR_BODY, text_crlf_take(plain));
}

static void set_html(struct convert_context *context, struct mime_entity *leaf,
		     bool has_plain, struct propset *set, GTree *names)
{
	g_autoptr(GBytes) bytes = NULL;
	g_autofree char *text = NULL;
	int page = CODEPAGE_UTF8;

	leaf->is_body = true;
	propset_set_number(set, PR_NATIVE_BODY, 3);
	if (context->options->flags & CONVERT_SKETCH &&
	    !has_name(root_of(leaf), false) && !has_name(root_of(leaf), true)) {
		body_check_charset(context, leaf);
		return;
	}
	bytes = mime_view(leaf);
	if (mime_is(leaf, "text", "enriched"))
		text = take_enriched(context, leaf, g_steal_pointer(&bytes));
	else
		text = body_take_html(context, leaf, &bytes, &page);
	if (g_tree_nnodes(names)) {
		html_mark_cids(text, names);
		if (has_name(root_of(leaf), true))
			html_mark_locations(text, names);
	}
	propset_set_number(set, PR_INTERNET_CPID, page);
	if (!(context->options->flags & CONVERT_BODIES) ||
	    context->options->flags & CONVERT_SKETCH)
		return;
	if (page == CODEPAGE_UTF8) {
		if (!has_plain)
			take_plain(set, html_to_text(context, text));
		body_keep_html(set, g_steal_pointer(&text));
		return;
	}
	if (!has_plain)
		take_plain(set,
			   html_to_text_take(context, g_steal_pointer(&text)));
	g_clear_pointer(&text, g_free);
	bytes = bytes ? bytes : mime_view(leaf);
	body_keep_html(set, body_take_octets(leaf, g_steal_pointer(&bytes)));
}

void body_convert(struct convert_context *context, struct mime_entity *root,
		  struct propset *set, GTree **ret_names)
{
	struct bodies bodies = {.context = context};
	struct mime_entity *html = NULL;

	*ret_names = g_tree_new((GCompareFunc)strcmp);
	add_names(root, *ret_names);
	(void)find(root, &bodies);
	if (bodies.plain)
		set_plain(context, bodies.plain, set);
	html = bodies.html ? bodies.html : bodies.enriched;
	if (html)
		set_html(context, html, bodies.plain != NULL, set, *ret_names);
}
