/*
 * Parts and their fields; parameters as RFC 2045 and RFC 2231 write them.
 */
#include "mime.h"

#include "checker.h"
#include "html.h"

#include <string.h>

#define MIME_SECTIONS_MAX 100 /* of one parameter, RFC 2231 section 3 */

const struct language_tag language_mime_tags[] = {
	{"mime", SLOT_MIME, 0, 0, EXTENSION_MIME},
	{"anychild", SLOT_ANYCHILD, 0, 0, EXTENSION_MIME},
	{0},
};

const struct language_tag language_mime_options[] = {
	{"type", SLOT_MIME_OPTION, MIME_TYPE, 0, EXTENSION_MIME},
	{"subtype", SLOT_MIME_OPTION, MIME_SUBTYPE, 0, EXTENSION_MIME},
	{"contenttype", SLOT_MIME_OPTION, MIME_CONTENTTYPE, 0, EXTENSION_MIME},
	{"param", SLOT_MIME_OPTION, MIME_PARAM, 'S', EXTENSION_MIME},
	{0},
};

int sieve_mime_check(struct checker *checker, const struct ast_node *node)
{
	const struct ast_tagged *other = language_tagged(node, SLOT_ANYCHILD);

	if (!other)
		other = language_tagged(node, SLOT_MIME_OPTION);
	if (language_tagged(node, SLOT_MIME)) {
		checker_needs(checker, SIEVE_NEEDS_PARTS);
		return 0;
	}
	return other ? sieve_error_set(checker->error, other->place,
				       "this tag is of use with :mime only")
		     : 0;
}

static void add_fields(GPtrArray *fields, const struct propset *set)
{
	for (size_t i = 0; set && i < propset_header_count(set); i++)
		g_ptr_array_add(fields,
				(gpointer)(uintptr_t)propset_header(set, i));
}

GPtrArray *sieve_mime_fields(struct sieve_run *run, const struct ast_node *node)
{
	const struct propset *set = run->message->set;
	size_t count = propset_part_count(set);
	size_t at = run->part < 0 ? 0 : (size_t)run->part;
	unsigned depth = at < count ? propset_part(set, at)->depth : 0;
	GPtrArray *fields = g_ptr_array_new();

	/* The message's own are those the script may have changed. */
	for (size_t i = 0; at == 0 && i < sieve_run_header_count(run); i++)
		g_ptr_array_add(fields,
				(gpointer)(uintptr_t)sieve_run_header(run, i));
	if (at > 0)
		add_fields(fields, propset_part(set, at)->header);
	while (language_tagged(node, SLOT_ANYCHILD) && ++at < count &&
	       propset_part(set, at)->depth > depth)
		add_fields(fields, propset_part(set, at)->header);
	sieve_run_spend(run, 4 * fields->len);
	return fields;
}

/* ---- what a field says ---- */

static const char *skip_blanks(const char *at)
{
	for (;;) {
		unsigned depth = 0;

		at += strspn(at, " \t\r\n");
		if (*at != '(')
			return at;
		do { /* a comment */
			depth += *at == '(';
			depth -= *at == ')';
			at += *at == '\\' && at[1] ? 2 : 1;
		} while (*at && depth > 0);
	}
}

/* A token or a quoted string; owned. */
static char *take_value(const char **text)
{
	const char *at = skip_blanks(*text);
	GString *value = g_string_new(NULL);

	if (*at == '"') {
		for (at++; *at && *at != '"'; at++) {
			if (*at == '\\' && at[1])
				at++;
			g_string_append_c(value, *at);
		}
		at += *at == '"';
	} else {
		size_t len = strcspn(at, " \t\r\n;\"(");

		g_string_append_len(value, at, (gssize)len);
		at += len;
	}
	*text = at;
	return g_string_free(value, FALSE);
}

/* "utf-8'en'%C3%BC" (RFC 2231 section 4) in UTF-8, in place of *value. */
static void decode_extended(char **value, bool has_charset)
{
	const char *quote = has_charset ? strchr(*value, '\'') : NULL;
	const char *start = quote ? strchr(quote + 1, '\'') : NULL;
	const char *from = start ? start + 1 : *value;
	g_autoptr(GString) out = g_string_new(NULL);
	g_autofree char *charset =
		start ? g_strndup(*value, (gsize)(quote - *value)) : NULL;
	char *text;

	for (; *from; from++) {
		if (*from == '%' && g_ascii_isxdigit(from[1]) &&
		    g_ascii_isxdigit(from[2])) {
			g_string_append_c(
				out, (char)(g_ascii_xdigit_value(from[1]) * 16 +
					    g_ascii_xdigit_value(from[2])));
			from += 2;
		} else {
			g_string_append_c(out, *from);
		}
	}
	text = charset && *charset
		       ? g_convert(out->str, (gssize)out->len, "UTF-8", charset,
				   NULL, NULL, NULL)
		       : NULL;
	g_free(*value);
	*value = text ? text : g_utf8_make_valid(out->str, (gssize)out->len);
}

/* Is name "param", or its section number ("param*2*")?  -1: it is not. */
static int section_of(const char *name, const char *param, bool *ret_extended)
{
	size_t len = strlen(param);
	const char *rest = name + len;
	guint64 number = 0;

	*ret_extended = false;
	if (g_ascii_strncasecmp(name, param, len) != 0)
		return -1;
	if (*rest == '*' && g_ascii_isdigit(rest[1])) {
		char *end = NULL;

		number = g_ascii_strtoull(rest + 1, &end, 10);
		rest = end;
	}
	if (*rest == '*') {
		*ret_extended = true;
		rest++;
	}
	return *rest || number >= MIME_SECTIONS_MAX ? -1 : (int)number;
}

/* The value of a parameter of what follows the first ';'; owned, NULL if it
 * has none. */
static char *find_param(const char *text, const char *param)
{
	char *sections[MIME_SECTIONS_MAX] = {0};
	GString *whole = NULL;

	while ((text = strchr(text, ';'))) {
		g_autofree char *name = NULL;
		bool is_extended = false;
		char *value;
		size_t len;
		int section;

		text = skip_blanks(text + 1);
		len = strcspn(text, " \t\r\n=;");
		name = g_strndup(text, len);
		text = skip_blanks(text + len);
		if (*text != '=')
			continue;
		text++;
		value = take_value(&text);
		section = section_of(name, param, &is_extended);
		if (section >= 0 && is_extended)
			decode_extended(&value, section == 0);
		if (section >= 0 && !sections[section])
			sections[section] = g_steal_pointer(&value);
		g_free(value);
	}
	for (int i = 0; i < MIME_SECTIONS_MAX; i++) {
		if (sections[i] && (i == 0 || whole)) {
			whole = whole ? whole : g_string_new(NULL);
			g_string_append(whole, sections[i]);
		}
		g_free(sections[i]);
	}
	return whole ? g_string_free(whole, FALSE) : NULL;
}

static bool feed_params(struct sieve_run *run, const struct ast_tagged *option,
			const char *text,
			bool (*feed)(void *context, const char *value),
			void *context)
{
	for (const struct ast_string *name = option->argument->strings;
	     name && !run->failed; name = name->next) {
		const char *wanted = sieve_run_string(run, name);
		g_autofree char *value = NULL;

		sieve_run_spend(run, 8 * strlen(text) + 8 * strlen(wanted) +
					     MIME_SECTIONS_MAX);
		value = *wanted ? find_param(text, wanted) : NULL;
		if (value && feed(context, value))
			return true;
	}
	return false;
}

bool sieve_mime_feed(struct sieve_run *run, const struct ast_node *node,
		     const struct header_field *field,
		     bool (*feed)(void *context, const char *value),
		     void *context)
{
	const struct ast_tagged *option =
		language_tagged(node, SLOT_MIME_OPTION);
	const char *at = field->text;
	g_autofree char *type = NULL;
	char *slash;

	if (g_ascii_strcasecmp(field->name, "Content-Type") != 0 &&
	    g_ascii_strcasecmp(field->name, "Content-Disposition") != 0)
		return false;
	if (option->choice == MIME_PARAM)
		return feed_params(run, option, at, feed, context);
	type = take_value(&at);
	slash = strchr(type, '/');
	if (option->choice == MIME_CONTENTTYPE)
		return feed(context, type);
	if (option->choice == MIME_SUBTYPE)
		return feed(context, slash ? slash + 1 : "");
	if (slash)
		*slash = '\0';
	return feed(context, type);
}

/* ---- text ---- */

char *sieve_mime_text(struct sieve_run *run, const struct mime_part *part,
		      int64_t max)
{
	g_autofree char *valid = NULL;
	g_autofree char *text = NULL;
	gsize len = 0;
	const char *octets = g_bytes_get_data(part->content, &len);

	if (!part->is_text)
		return g_strdup("");
	sieve_run_spend(run, 2 * len + 8);
	valid = g_utf8_make_valid(octets ? octets : "", (gssize)len);
	text = strstr(part->type, "html") ? sieve_html_text(valid)
					  : g_steal_pointer(&valid);
	if (max < g_utf8_strlen(text, -1))
		*g_utf8_offset_to_pointer(text, (glong)max) = '\0';
	return g_steal_pointer(&text);
}
