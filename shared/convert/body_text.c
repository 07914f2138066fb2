/*
 * What a text part says, and in which charset.
 */
#include "pages.h"
#include "params.h"
#include "parts.h"
#include "utf8.h"

#include <string.h>

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

/* By the <meta> of HTML, if that is true; owned, NULL otherwise. */
static char *true_meta(const char *data, size_t len)
{
	g_autofree char *charset = meta_charset(data, len);

	if (charset_is_ascii(charset) || !has_ascii(charset) ||
	    !charset_is_clean(charset, data, len))
		return NULL;
	return g_steal_pointer(&charset);
}

/* What letters of a charset say that nobody knows could only be guessed.  Of
 * those that are ASCII as well it is clear, and HTML may say it in a <meta>. */
bool body_is_unreadable(struct convert_context *context,
			const struct mime_entity *leaf)
{
	g_autofree char *charset = declared_charset(leaf);
	g_autofree char *by_meta = NULL;
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
		by_meta = true_meta(data, len);
	if (by_meta)
		return false;
	note_unknown(context, charset);
	return true;
}

void body_check_charset(struct convert_context *context,
			const struct mime_entity *leaf)
{
	g_autofree char *charset = declared_charset(leaf);

	if (charset && !charset_is_known(charset))
		note_unknown(context, charset);
}

/* What the next multipart around it says that says one, where that can be true:
 * some say it once for all parts.  Owned, NULL otherwise. */
static char *charset_around(const struct mime_entity *leaf, const char *data,
			    size_t len)
{
	g_autofree char *charset = NULL;

	while (!charset && !leaf->is_root && leaf->parent) {
		leaf = leaf->parent;
		charset = declared_charset(leaf);
	}
	return charset && charset_is_clean(charset, data, len)
		       ? g_steal_pointer(&charset)
		       : NULL;
}

/* By a byte order mark, then what the part says, then what the HTML says, then
 * a guess (MS-OXCMAIL 2.2.3.3.2.1; WHATWG HTML 13.2.3.2).  Owned, never NULL.
 */
static char *find_charset(struct convert_context *context,
			  const struct mime_entity *leaf, GBytes *bytes)
{
	bool html = mime_is(leaf, "text", "html");
	bool says = mime_params_get(leaf->type_params, "charset") != NULL;
	gsize len = 0;
	const char *data = g_bytes_get_data(bytes, &len);
	char *charset = declared_charset(leaf);
	const char *guess = NULL;

	data = data ? data : "";
	if (html && len > 3 && !memcmp(data, TEXT_MARK, 3) &&
	    utf8_is_valid(data, len)) {
		g_free(charset);
		return g_strdup("utf-8");
	}
	if (charset && (!len || charset_is_known(charset)))
		return charset;
	if (charset)
		note_unknown(context, charset);
	g_clear_pointer(&charset, g_free);
	if (html && !(says && charset_is_seven_bit(data, len)))
		charset = true_meta(data, len);
	if (charset)
		return charset;
	guess = charset_guess(context, data, len);
	if (!charset_is_ascii(guess) && !utf8_is_valid(data, len))
		charset = charset_around(leaf, data, len);
	if (charset)
		return charset;
	/* Nobody has said that HTML is us-ascii. */
	return g_strdup(html && !says && charset_is_ascii(guess) ? "utf-8"
								 : guess);
}

/* Not made for this text alone. */
static bool is_view(const struct mime_entity *leaf, GBytes *bytes)
{
	return g_bytes_get_data(bytes, NULL) == leaf->content.data;
}

char *body_take_octets(const struct mime_entity *leaf, GBytes *bytes)
{
	gsize len = g_bytes_get_size(bytes);
	char *octets = NULL;

	if (is_view(leaf, bytes)) {
		octets = g_malloc(len + 1);
		pages_copy(octets, leaf->content.data, len);
		g_bytes_unref(bytes);
	} else {
		octets = g_bytes_unref_to_data(bytes, &len);
		octets = g_realloc(octets, len + 1);
	}
	octets[len] = '\0';
	return octets;
}

/* The text of octets that nobody needs besides (moved), owned.  UTF-8 is the
 * text as it stands: where they are nobody else's, there is no second one. */
static char *take_text(const struct mime_entity *leaf, GBytes *bytes,
		       const char *charset)
{
	gsize len = 0;
	const char *data = g_bytes_get_data(bytes, &len);
	g_autofree char *octets = NULL;
	char *text = NULL;

	if (charset_is_ascii(charset))
		charset = "utf-8";
	if (!g_ascii_strcasecmp(charset, "utf-8") && utf8_is_valid(data, len))
		return body_take_octets(leaf, bytes);
	if (!is_view(leaf, bytes)) {
		octets = g_bytes_unref_to_data(bytes, &len);
		return charset_decode_spent(charset, octets, len);
	}
	text = charset_decode(charset, data, len);
	g_bytes_unref(bytes);
	return text;
}

char *body_take_text(struct convert_context *context,
		     const struct mime_entity *leaf, GBytes *bytes,
		     char **ret_charset)
{
	*ret_charset = find_charset(context, leaf, bytes);
	return text_without_mark(take_text(leaf, bytes, *ret_charset));
}

char *body_take_html(struct convert_context *context,
		     const struct mime_entity *leaf, GBytes **bytes,
		     int *ret_page)
{
	g_autofree char *charset = find_charset(context, leaf, *bytes);
	gsize len = 0;
	const char *data = g_bytes_get_data(*bytes, &len);
	int page = CODEPAGE_UTF8;
	char *text = NULL;

	if (len >= PAGES_PIECE || charset_codepage(charset) == CODEPAGE_UTF8) {
		page = charset_exact_codepage(charset, data, len, NULL);
		text = take_text(leaf, g_steal_pointer(bytes), charset);
	} else {
		text = take_text(leaf, g_bytes_new_static(data, len), charset);
		page = charset_exact_codepage(charset, data, len, text);
	}
	/* Its mark goes, so they are not the same. */
	*ret_page = g_str_has_prefix(text, TEXT_MARK) ? CODEPAGE_UTF8 : page;
	return text_without_mark(text);
}
