/*
 * Parameters of MIME header fields (RFC 2045 5.1, RFC 2231).
 *
 * Our own rather than GMime's: that one ends a value at a zero octet, needs
 * sections in their order, and decodes what has no charset as nothing at all.
 */
#include "param.h"

#include "field.h"

#include <string.h>

#define NUMBER_DIGITS_MAX 6
#define BLANKS            " \t\r\n"

/* A piece of a value: "name*2*=...". */
struct section {
	unsigned number;
	bool is_extended; /* has %XX */
	char *value;
};

/* What the forms of one name said; NULL if there was no such form. */
struct forms {
	char *plain;      /* name= */
	char *extended;   /* name*= */
	GArray *sections; /* of struct section; name*0=, name*0*= */
};

static void section_clear(void *section)
{
	g_free(((struct section *)section)->value);
}

static void forms_free(void *data)
{
	struct forms *forms = data;

	g_free(forms->plain);
	g_free(forms->extended);
	if (forms->sections)
		g_array_unref(forms->sections);
	g_free(forms);
}

static void param_free(void *data)
{
	struct param *param = data;

	g_free(param->text);
	g_free(param);
}

static int by_name(gconstpointer a, gconstpointer b, gpointer context)
{
	(void)context;
	return strcmp(a, b);
}

/* A tree: names are the sender's, who could have them fall on one place of a
 * hash table. */
static GTree *tree_new(GDestroyNotify value_free)
{
	return g_tree_new_full(by_name, NULL, g_free, value_free);
}

/* ---- the list ---- */

/* Behind blanks and comments (RFC 5322 3.2.2). */
static const char *skip_blanks(const char *at)
{
	for (;;) {
		unsigned depth = 0;

		at += strspn(at, BLANKS);
		if (*at != '(')
			return at;
		do {
			depth += *at == '(';
			depth -= *at == ')';
			at += *at == '\\' && at[1] ? 2 : 1;
		} while (*at && depth > 0);
	}
}

/* A backslash quotes a quote or a backslash; before anything else it is one,
 * for Windows has them in paths. */
static char *unquote(const char *from, const char *end)
{
	GString *out = g_string_new(NULL);

	for (; from < end; from++) {
		if (*from == '\\' && from + 1 < end &&
		    (from[1] == '"' || from[1] == '\\'))
			from++;
		g_string_append_c(out, *from);
	}
	return g_string_free(out, FALSE);
}

/* Is a parameter's name at *at, and its '='? */
static bool is_named(const char *at)
{
	const char *start = at;

	while (g_ascii_isalnum(*at) || *at == '*' || *at == '-')
		at++;
	return at > start && *at == '=';
}

/* Where a value without quotes ends: before a ';', the name of a parameter
 * that has none before it (but encoded words have "=" in them), or a comment
 * behind it. */
static size_t bare_len(const char *at)
{
	bool has_words = false;
	size_t i = 0;

	while (at[i] && at[i] != ';') {
		size_t blanks = strspn(at + i, BLANKS);
		const char *behind;

		has_words |= at[i] == '=' && at[i + 1] == '?';
		if (!blanks && (at[i] != '(' || has_words)) {
			i++;
			continue;
		}
		behind = skip_blanks(at + i);
		if (!*behind || *behind == ';' ||
		    (!has_words && is_named(behind)))
			break;
		i = MAX((size_t)(behind - at), i + 1);
	}
	return i;
}

/* The value at *at, which moves behind it; owned. */
static char *take_value(const char **at)
{
	const char *start = *at;
	bool is_quoted = *start == '"';
	const char *close = is_quoted ? field_quoted_end(start) : NULL;
	size_t len;

	if (close) {
		*at = close + 1;
		return unquote(start + 1, close);
	}
	start += is_quoted;
	len = bare_len(start);
	*at = start + len;
	return is_quoted ? unquote(start, start + len) : g_strndup(start, len);
}

/* ---- the forms of a name ---- */

/* Takes "2" or "2*" behind the '*' of a name. */
static bool read_section(const char *rest, struct section *ret_section)
{
	size_t digits = strspn(rest, "0123456789");

	if (!digits || digits > NUMBER_DIGITS_MAX)
		return false;
	ret_section->is_extended = rest[digits] == '*';
	ret_section->number = (unsigned)g_ascii_strtoull(rest, NULL, 10);
	return !rest[digits + ret_section->is_extended];
}

static void keep_first(char **place, char *value)
{
	if (*place)
		g_free(value);
	else
		*place = value;
}

/* name is owned by the caller, value is moved. */
static void add_form(GTree *tree, char *name, char *value)
{
	char *star = strchr(name, '*');
	struct section section = {.value = value};
	bool is_section = star && read_section(star + 1, &section);
	bool is_extended = star && !star[1];
	struct forms *forms;

	if (is_section || is_extended)
		*star = '\0';
	forms = g_tree_lookup(tree, name);
	if (!forms) {
		forms = g_new0(struct forms, 1);
		g_tree_insert(tree, g_strdup(name), forms);
	}
	if (is_section && !forms->sections) {
		forms->sections =
			g_array_new(FALSE, FALSE, sizeof(struct section));
		g_array_set_clear_func(forms->sections, section_clear);
	}
	if (is_section)
		g_array_append_val(forms->sections, section);
	else
		keep_first(is_extended ? &forms->extended : &forms->plain,
			   value);
}

static GTree *read_forms(const char *at)
{
	GTree *tree = tree_new(forms_free);

	while (*(at = skip_blanks(at))) {
		size_t len = strcspn(at, BLANKS "=;(\"");
		g_autofree char *name = g_ascii_strdown(at, (gssize)len);

		at = skip_blanks(at + len);
		if (*at == '=' && len) {
			at = skip_blanks(at + 1);
			add_form(tree, name, take_value(&at));
		} else if (*at && strchr("=;\"", *at)) {
			at++;
		}
	}
	return tree;
}

/* ---- RFC 2231 ---- */

static void add_octets(GString *octets, const char *from)
{
	for (; *from; from++) {
		if (*from == '%' && g_ascii_isxdigit(from[1]) &&
		    g_ascii_isxdigit(from[2])) {
			g_string_append_c(
				octets,
				(char)(g_ascii_xdigit_value(from[1]) * 16 +
				       g_ascii_xdigit_value(from[2])));
			from += 2;
		} else {
			g_string_append_c(octets, *from);
		}
	}
}

/* Steps over "charset'language'"; the charset, owned, "" if none is named. */
static char *take_charset(const char **at)
{
	const char *quote = strchr(*at, '\'');
	const char *second = quote ? strchr(quote + 1, '\'') : NULL;
	char *charset = NULL;

	if (!second)
		return g_strdup("");
	charset = g_strndup(*at, (gsize)(quote - *at));
	*at = second + 1;
	return charset;
}

struct joining {
	GString *text;
	GString *octets; /* not decoded yet */
	char *charset;
	param_decode_fn *decode;
	void *context;
};

static void flush_octets(struct joining *joining)
{
	g_autofree char *text = NULL;

	if (!joining->octets->len)
		return;
	text = joining->decode(joining->context, joining->charset,
			       joining->octets->str, joining->octets->len);
	g_string_append(joining->text, text);
	g_string_truncate(joining->octets, 0);
}

static void join_section(struct joining *joining, const struct section *section)
{
	const char *value = section->value;

	if (!section->is_extended) {
		flush_octets(joining);
		g_string_append(joining->text, value);
		return;
	}
	if (!joining->charset)
		joining->charset = take_charset(&value);
	add_octets(joining->octets, value);
}

static int by_number(gconstpointer a, gconstpointer b)
{
	unsigned left = ((const struct section *)a)->number;
	unsigned right = ((const struct section *)b)->number;

	return (left > right) - (left < right);
}

/* The sections as one text; whether one of them has octets. */
static char *join(GArray *sections, param_decode_fn *decode, void *context,
		  bool *ret_extended)
{
	struct joining joining = {.text = g_string_new(NULL),
				  .octets = g_string_new(NULL),
				  .decode = decode,
				  .context = context};

	g_array_sort(sections, by_number); /* is stable */
	*ret_extended = false;
	for (guint i = 0; i < sections->len; i++) {
		const struct section *section =
			&g_array_index(sections, struct section, i);

		if (i && section[-1].number == section->number)
			continue;
		*ret_extended |= section->is_extended;
		join_section(&joining, section);
	}
	flush_octets(&joining);
	g_string_free(joining.octets, TRUE);
	g_free(joining.charset);
	return g_string_free(joining.text, FALSE);
}

static struct param *param_of(struct forms *forms, param_decode_fn *decode,
			      void *context)
{
	struct param *param = g_new0(struct param, 1);

	if (forms->extended) {
		struct section only = {0, true, forms->extended};

		if (!forms->sections)
			forms->sections = g_array_new(FALSE, FALSE,
						      sizeof(struct section));
		g_array_set_clear_func(forms->sections, section_clear);
		g_array_set_size(forms->sections, 0);
		g_array_append_val(forms->sections, only);
		forms->extended = NULL;
	}
	if (forms->sections)
		param->text = join(forms->sections, decode, context,
				   &param->is_extended);
	else
		param->text = g_steal_pointer(&forms->plain);
	return param;
}

struct reading {
	param_decode_fn *decode;
	void *context;
	GTree *params;
};

static gboolean add_param(gpointer name, gpointer forms, gpointer context)
{
	struct reading *reading = context;

	g_tree_insert(reading->params, g_strdup(name),
		      param_of(forms, reading->decode, reading->context));
	return FALSE;
}

GTree *param_parse(const char *text, param_decode_fn *decode, void *context)
{
	g_autoptr(GTree) forms = read_forms(text);
	struct reading reading = {decode, context, tree_new(param_free)};

	g_tree_foreach(forms, add_param, &reading);
	return reading.params;
}
