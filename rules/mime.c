/*
 * Parts and their fields.
 */
#include "mime.h"

#include "checker.h"
#include "html.h"
#include "param.h"

#include <string.h>

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

/* Octets of a charset (RFC 2231 section 4) in UTF-8. */
static char *decode(void *context, const char *charset, const char *octets,
		    size_t len)
{
	return sieve_run_decode(context, charset, octets, len);
}

static bool feed_params(struct sieve_run *run, const struct ast_tagged *option,
			const char *text,
			bool (*feed)(void *context, const char *value),
			void *context)
{
	g_autoptr(GTree) params = NULL;

	text += strcspn(text, ";");
	sieve_run_spend(run, 8 * strlen(text));
	params = param_parse(text, decode, run);
	for (const struct ast_string *name = option->argument->strings;
	     name && !run->failed; name = name->next) {
		const char *wanted = sieve_run_string(run, name);
		g_autofree char *lower = g_ascii_strdown(wanted, -1);
		const struct param *param = g_tree_lookup(params, lower);

		sieve_run_spend(run, 8 * strlen(wanted));
		if (param && feed(context, param->text))
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
