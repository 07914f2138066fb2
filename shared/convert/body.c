/*
 * Which parts are the bodies, and their text.
 */
#include "pages.h"
#include "params.h"
#include "parts.h"
#include "text_files.h"
#include "utf8.h"

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

/* What the part says its charset is; owned, NULL if that is nothing, or
 * us-ascii, as which anything goes. */
static char *declared_charset(const struct mime_entity *leaf)
{
	const char *declared = mime_params_get(leaf->type_params, "charset");
	char *charset = declared ? g_strstrip(g_strdup(declared)) : NULL;

	if (charset_is_ascii(charset))
		g_clear_pointer(&charset, g_free);
	return charset;
}

static void note_unknown(struct convert_context *context, const char *charset)
{
	convert_note(context, "unknown charset \"%.60s\"", charset);
}

/* The charset named in <meta ...charset=...> among the first octets; owned,
 * NULL if there is none. */
#define META_WITHIN 4096

static char *meta_charset(const char *html, size_t len)
{
	g_autofree char *head =
		g_ascii_strdown(html, (gssize)MIN(len, META_WITHIN));
	char *at = strstr(head, "<meta");

	for (; at; at = strstr(at + 1, "<meta")) {
		size_t tag_len = strcspn(at, ">");
		char *found = g_strstr_len(at, (gssize)tag_len, "charset=");
		size_t n = 0;

		if (!found)
			continue;
		found += strlen("charset=");
		found += strspn(found, "\"' ");
		n = strspn(found, "abcdefghijklmnopqrstuvwxyz0123456789-_:.");
		if (n)
			return g_strndup(found, n);
	}
	return NULL;
}

/* Has a charset the octets of ASCII for its letters, as any in which a <meta>
 * could be found?  UTF-16, UCS-2 and EBCDIC have not. */
static bool has_ascii(const char *charset)
{
	static const char sample[] = "<meta charset=";
	g_autofree char *text =
		charset_decode(charset, sample, sizeof(sample) - 1);

	return text && !strcmp(text, sample);
}

/* By the <meta> of HTML, if that is true. */
static char *decode_by_meta(const char *data, size_t len, char **ret_charset)
{
	g_autofree char *charset = meta_charset(data, len);
	g_autofree char *text = NULL;
	bool clean = false;

	if (charset_is_ascii(charset) || !has_ascii(charset))
		return NULL;
	text = charset_decode_clean(charset, data, len, &clean);
	if (!text || !clean)
		return NULL;
	*ret_charset = g_steal_pointer(&charset);
	return g_steal_pointer(&text);
}

/* Letters of a charset that nobody knows: what they say could only be guessed
 * (RFC 2049 2 treats them as application/octet-stream).  Of those that are
 * ASCII as well it is clear, and HTML may say it in a <meta>. */
static bool is_unreadable(struct convert_context *context,
			  const struct mime_entity *leaf)
{
	g_autofree char *charset = declared_charset(leaf);
	g_autofree char *by_meta = NULL;
	g_autofree char *text = NULL;
	g_autoptr(GBytes) bytes = NULL;
	const char *data = NULL;
	gsize len = 0;

	if (!charset || charset_is_known(charset))
		return false;
	bytes = mime_view(leaf);
	data = g_bytes_get_data(bytes, &len);
	if (!data || charset_is_seven_bit(data, len))
		return false;
	if (mime_is(leaf, "text", "html"))
		text = decode_by_meta(data, len, &by_meta);
	if (text)
		return false;
	note_unknown(context, charset);
	return true;
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
	    is_unreadable(bodies->context, leaf))
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

/* Where the text itself is not asked for: could it be read? */
static void check_charset(struct convert_context *context,
			  const struct mime_entity *leaf)
{
	g_autofree char *charset = declared_charset(leaf);

	if (charset && !charset_is_known(charset))
		note_unknown(context, charset);
}

/* A byte order mark, then what the part says, then what the HTML says, then a
 * guess (MS-OXCMAIL 2.2.3.3.2.1; WHATWG HTML 13.2.3.2). */
char *body_decode_text(struct convert_context *context,
		       const struct mime_entity *leaf, GBytes *bytes,
		       char **ret_charset)
{
	bool html = mime_is(leaf, "text", "html");
	bool says = mime_params_get(leaf->type_params, "charset") != NULL;
	gsize len = 0;
	const char *data = g_bytes_get_data(bytes, &len);
	g_autofree char *charset = declared_charset(leaf);
	char *text = NULL;

	data = data ? data : "";
	if (html && len > 3 && !memcmp(data, TEXT_MARK, 3) &&
	    utf8_is_valid(data, len)) {
		*ret_charset = g_strdup("utf-8");
		return text_without_mark(g_strndup(data, len));
	}
	if (charset)
		text = charset_decode(charset, data, len);
	if (charset && !text)
		note_unknown(context, charset);
	if (text)
		*ret_charset = g_steal_pointer(&charset);
	else if (html && !(says && charset_is_seven_bit(data, len)))
		text = decode_by_meta(data, len, ret_charset);
	if (!text) {
		const char *guess = charset_guess(context, data, len);

		/* Nobody has said that HTML is us-ascii. */
		if (html && !says && charset_is_ascii(guess))
			guess = "utf-8";
		*ret_charset = g_strdup(guess);
		text = charset_decode_undeclared(context, data, len);
	}
	return text_without_mark(text);
}

static bool declares_utf8(const struct mime_entity *leaf)
{
	g_autofree char *charset = declared_charset(leaf);

	return charset && !g_ascii_strcasecmp(charset, "utf-8");
}

/* The same of octets that nobody needs besides (moved).  UTF-8 is the text as
 * it stands: where they are nobody else's, there is no second one. */
static char *take_text(struct convert_context *context,
		       const struct mime_entity *leaf, GBytes *bytes,
		       char **ret_charset)
{
	gsize len = 0;
	const char *data = g_bytes_get_data(bytes, &len);
	char *text = NULL;

	if (!declares_utf8(leaf) || !utf8_is_valid(data, len)) {
		text = body_decode_text(context, leaf, bytes, ret_charset);
		pages_done(data, len);
		g_bytes_unref(bytes);
		return text;
	}
	*ret_charset = g_strdup("utf-8");
	text = g_realloc(g_bytes_unref_to_data(bytes, &len), len + 1);
	pages_done(data, len); /* of the message, if it was not ours alone */
	text[len] = '\0';
	return text_without_mark(text);
}

static int compare_ids(const void *a, const void *b, void *data)
{
	(void)data;
	return strcmp(a, b);
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
		check_charset(context, leaf);
		if (may_have_files(leaf))
			g_bytes_unref(take_files(leaf));
		propset_set_number(set, PR_NATIVE_BODY, 1);
		return;
	}
	text = take_text(context, leaf, take_files(leaf), &charset);
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

void body_keep_html(struct propset *set, int page, struct span octets,
		    char *text)
{
	g_autoptr(GBytes) bytes = NULL;

	if (page != CODEPAGE_UTF8) {
		g_free(text);
		text = g_strndup(octets.data, octets.len);
	}
	text = text_crlf_take(text);
	bytes = g_bytes_new_take(text, strlen(text));
	propset_set_binary(set, PR_HTML, bytes);
}

/* HTML without plain text beside it gets one. */
static void make_plain(struct convert_context *context, struct propset *set,
		       const char *html)
{
	char *plain = html_to_text(context, html, strlen(html));

	propset_set_text_take(set, PR_BODY, text_crlf_take(plain));
}

static void set_html(struct convert_context *context, struct mime_entity *leaf,
		     bool has_plain, struct propset *set, GTree *cids)
{
	g_autoptr(GBytes) bytes = NULL;
	g_autofree char *charset = NULL;
	g_autofree char *text = NULL;
	struct span octets = {NULL, 0};
	int page = CODEPAGE_UTF8;
	bool is_enriched = mime_is(leaf, "text", "enriched");

	leaf->is_body = true;
	propset_set_number(set, PR_NATIVE_BODY, 3);
	if (context->options->flags & CONVERT_SKETCH &&
	    !has_name(root_of(leaf), false) && !has_name(root_of(leaf), true)) {
		check_charset(context, leaf);
		return;
	}
	bytes = mime_view(leaf);
	if (is_enriched || declares_utf8(leaf))
		text = take_text(context, leaf, g_steal_pointer(&bytes),
				 &charset);
	else
		text = body_decode_text(context, leaf, bytes, &charset);
	if (is_enriched) {
		text = text_enriched_to_html(g_steal_pointer(&text));
	} else if (bytes) {
		octets.data = g_bytes_get_data(bytes, &octets.len);
		page = charset_exact_codepage(charset, octets.data, octets.len,
					      text);
	}
	if (page == CODEPAGE_UTF8)
		g_clear_pointer(&bytes, g_bytes_unref);
	html_collect_cids(text, cids);
	if (has_name(root_of(leaf), true))
		html_collect_locations(text, cids);
	propset_set_number(set, PR_INTERNET_CPID, page);
	if (!(context->options->flags & CONVERT_BODIES) ||
	    context->options->flags & CONVERT_SKETCH)
		return;
	if (!has_plain)
		make_plain(context, set, text);
	body_keep_html(set, page, octets, g_steal_pointer(&text));
}

void body_convert(struct convert_context *context, struct mime_entity *root,
		  struct propset *set, GTree **ret_cids)
{
	struct bodies bodies = {.context = context};
	struct mime_entity *html = NULL;

	*ret_cids = g_tree_new_full(compare_ids, NULL, g_free, NULL);
	(void)find(root, &bodies);
	if (bodies.plain)
		set_plain(context, bodies.plain, set);
	html = bodies.html ? bodies.html : bodies.enriched;
	if (html)
		set_html(context, html, bodies.plain != NULL, set, *ret_cids);
}
