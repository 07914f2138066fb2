/*
 * Spam marks: parsed once, looked for in one scan of the header.
 */
#include "spam.h"

#include "header.h"

#include <string.h>

/* Of a value, as much as is looked at: the longest that filters write (all
 * their tests) fits. */
#define SPAM_VALUE_MAX 16384
/* A regular expression may not cost more than a delivery does. */
#define SPAM_REGEX_LIMITS "(*LIMIT_MATCH=50000)(*LIMIT_DEPTH=500)"

enum spam_test {
	SPAM_PREFIX,
	SPAM_REGEX,
	SPAM_SCORE
};

struct spam_mark {
	char *text; /* as it is configured */
	char *name; /* of the field */
	enum spam_test test;
	char *prefix;
	GRegex *regex;
	double score;
};

struct spam_marks {
	GPtrArray *list;  /* of struct spam_mark */
	GPtrArray *names; /* theirs, borrowed; ends with NULL */
};

static void spam_mark_free(gpointer data)
{
	struct spam_mark *mark = data;

	g_free(mark->text);
	g_free(mark->name);
	g_free(mark->prefix);
	if (mark->regex)
		g_regex_unref(mark->regex);
	g_free(mark);
}

/* ---- parsing ---- */

static int spam_parse_regex(struct spam_mark *mark, const char *pattern,
			    struct fault *fault)
{
	const GRegexCompileFlags flags =
		G_REGEX_CASELESS | G_REGEX_RAW | G_REGEX_OPTIMIZE;
	g_autofree char *limited =
		g_strconcat(SPAM_REGEX_LIMITS, pattern, NULL);
	g_autoptr(GError) error = NULL;

	mark->test = SPAM_REGEX;
	mark->regex = g_regex_new(limited, flags, 0, &error);
	if (!mark->regex) {
		const char *at = strstr(error->message, "’ at char ");

		at = at ? strstr(at, ": ") : NULL;
		return fault_set(fault, FAULT_CONFIG,
				 "\"%s\" has no regular expression behind ~: "
				 "%s",
				 mark->text, at ? at + 2 : error->message);
	}
	return 0;
}

static int spam_parse_score(struct spam_mark *mark, const char *number,
			    struct fault *fault)
{
	char *end = NULL;

	mark->test = SPAM_SCORE;
	mark->score = g_ascii_strtod(number, &end);
	if (end == number || *end)
		return fault_set(fault, FAULT_CONFIG,
				 "\"%s\" has no number behind >=", mark->text);
	return 0;
}

/* A field name (RFC 5322 3.6.8), up to the first ':', '~' or ">=". */
static int spam_parse(const char *text, struct spam_mark **ret_mark,
		      struct fault *fault)
{
	struct spam_mark *mark = g_new0(struct spam_mark, 1);
	size_t len = strcspn(text, ":~>");
	int result = 0;

	mark->text = g_strdup(text);
	mark->name = g_strndup(text, len);
	*ret_mark = mark;
	if (len == 0 || (text[len] == '>' && text[len + 1] != '=') ||
	    !text[len])
		return fault_set(fault, FAULT_CONFIG,
				 "\"%s\" is none of NAME:PREFIX, NAME~REGEX, "
				 "NAME>=NUMBER",
				 text);
	if (text[len] == '~')
		result = spam_parse_regex(mark, text + len + 1, fault);
	else if (text[len] == '>')
		result = spam_parse_score(mark, text + len + 2, fault);
	else
		mark->prefix = g_strdup(text + len + 1);
	return result;
}

static int spam_add(struct spam_marks *marks, const char *const *list,
		    struct fault *fault)
{
	for (; *list; list++) {
		struct spam_mark *mark = NULL;
		int result = spam_parse(*list, &mark, fault);

		g_ptr_array_add(marks->list, mark);
		if (result)
			return -1;
	}
	return 0;
}

static struct spam_marks *spam_marks_empty(void)
{
	struct spam_marks *marks = g_new0(struct spam_marks, 1);

	marks->list = g_ptr_array_new_with_free_func(spam_mark_free);
	marks->names = g_ptr_array_new();
	return marks;
}

int spam_marks_new(const struct conf *conf, struct spam_marks **ret_marks,
		   struct fault *fault)
{
	AUTO(spam_marks) marks = spam_marks_empty();

	if (*conf->spam_header_name) {
		struct spam_mark *mark = g_new0(struct spam_mark, 1);

		mark->name = g_strdup(conf->spam_header_name);
		mark->prefix = g_strstrip(g_strdup(conf->spam_header_value));
		mark->text = g_strconcat(mark->name, ":", mark->prefix, NULL);
		g_ptr_array_add(marks->list, mark);
	}
	if (spam_add(marks, (const char *const *)conf->spam_headers, fault))
		return fault_prefix(fault, "spam_headers");
	for (guint i = 0; i < marks->list->len; i++)
		g_ptr_array_add(
			marks->names,
			((struct spam_mark *)marks->list->pdata[i])->name);
	g_ptr_array_add(marks->names, NULL);
	*ret_marks = g_steal_pointer(&marks);
	return 0;
}

void spam_marks_free(struct spam_marks *marks)
{
	if (!marks)
		return;
	g_ptr_array_unref(marks->list);
	g_ptr_array_unref(marks->names);
	g_free(marks);
}

int spam_headers_check(const char *const *list, struct fault *fault)
{
	AUTO(spam_marks) marks = spam_marks_empty();

	return spam_add(marks, list, fault);
}

/* ---- looking ---- */

/* "Yes, score=8.0 required=5.0", "default: False [2.89 / 15.00]", "-3.8". */
static bool spam_score(const char *value, double *ret_score)
{
	static const char *const words[] = {"score=", "hits="};
	const char *at = NULL;
	char *end = NULL;

	for (size_t i = 0; !at && i < G_N_ELEMENTS(words); i++) {
		at = strcasestr(value, words[i]);
		at = at ? at + strlen(words[i]) : NULL;
	}
	if (!at && (at = strchr(value, '[')))
		at++;
	if (!at)
		at = value;
	*ret_score = g_ascii_strtod(at, &end);
	return end != at;
}

static bool spam_has(const struct spam_mark *mark, const char *value)
{
	double score = 0;

	switch (mark->test) {
	case SPAM_PREFIX:
		return g_ascii_strncasecmp(value, mark->prefix,
					   strlen(mark->prefix)) == 0;
	case SPAM_REGEX:
		return g_regex_match_full(
			mark->regex, value,
			(gssize)strnlen(value, SPAM_VALUE_MAX), 0, 0, NULL,
			NULL);
	case SPAM_SCORE:
		return spam_score(value, &score) && score >= mark->score;
	}
	return false;
}

struct spam_look {
	const struct spam_marks *marks;
	const char *found;
};

static bool spam_look_each(void *context, const char *name, const char *value)
{
	struct spam_look *look = context;

	for (guint i = 0; i < look->marks->list->len; i++) {
		const struct spam_mark *mark = look->marks->list->pdata[i];

		if (g_ascii_strcasecmp(name, mark->name) == 0 &&
		    spam_has(mark, value)) {
			look->found = mark->text;
			return false;
		}
	}
	return true;
}

const char *spam_marks_find(const struct spam_marks *marks, const char *message,
			    size_t len)
{
	struct spam_look look = {.marks = marks};

	if (marks->list->len > 0)
		header_scan(message, len,
			    (const char *const *)marks->names->pdata,
			    spam_look_each, &look);
	return look.found;
}
