/*
 * :is :contains :matches :regex :value :count, for every test that has keys.
 */
#include "match.h"

#include "explain.h"
#include "run.h"
#include "wildcard.h"

#include <string.h>
#include <time.h>

/* What PCRE may do for one match before it gives up. */
#define REGEX_LIMITS                                                           \
 "(*LIMIT_MATCH=200000)(*LIMIT_DEPTH=2000)(*LIMIT_HEAP=4096)"
#define REGEX_NS_PER_STEP 2

int relation_find(const char *name)
{
	static const char *const names[] = {
		[RELATION_EQ] = "eq", [RELATION_NE] = "ne",
		[RELATION_GT] = "gt", [RELATION_GE] = "ge",
		[RELATION_LT] = "lt", [RELATION_LE] = "le",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		if (g_ascii_strcasecmp(names[i], name) == 0)
			return (int)i;
	return -1;
}

bool relation_holds(enum relation relation, int order)
{
	switch (relation) {
	case RELATION_EQ:
		return order == 0;
	case RELATION_NE:
		return order != 0;
	case RELATION_GT:
		return order > 0;
	case RELATION_GE:
		return order >= 0;
	case RELATION_LT:
		return order < 0;
	case RELATION_LE:
		return order <= 0;
	}
	return false;
}

/* "at char 3: missing terminating )"; owned. */
static char *explain(const GError *error)
{
	const char *message = error ? error->message : "cannot be compiled";
	const char *at = strstr(message, "at char ");

	return g_strdup(at ? at : message);
}

GRegex *match_regex_new(const char *pattern, enum comparator comparator,
			char **ret_why)
{
	g_autofree char *limited = g_strconcat(REGEX_LIMITS, pattern, NULL);
	GRegexCompileFlags flags =
		comparator == COMPARATOR_OCTET ? 0 : G_REGEX_CASELESS;
	g_autoptr(GError) error = NULL;
	GRegex *regex;

	if (strlen(pattern) > MATCH_REGEX_MAX) {
		*ret_why = g_strdup_printf("longer than %d octets",
					   MATCH_REGEX_MAX);
		return NULL;
	}
	regex = g_regex_new(limited, flags, 0, NULL);
	if (regex)
		return regex;
	/* Once more without what the user did not write, for the words. */
	regex = g_regex_new(pattern, flags, 0, &error);
	if (regex)
		g_regex_unref(regex);
	*ret_why = explain(error);
	return NULL;
}

void sieve_matcher_begin(struct sieve_matcher *matcher, struct sieve_run *run,
			 const struct ast_node *node)
{
	*matcher = (struct sieve_matcher){
		.run = run,
		.type = (enum match_type)language_choice(node, SLOT_MATCH,
							 MATCH_IS),
		.relation = (enum relation)node->relation,
		.comparator = (enum comparator)node->comparator,
	};
	for (int i = 0; i < AST_POSITIONAL_MAX && node->positional[i]; i++)
		matcher->keys = node->positional[i];
}

/* Variables are only looked at where the script has them. */
static bool wants_matches(const struct sieve_matcher *matcher)
{
	return !matcher->keeps_matches && (matcher->run->script->enabled &
					   EXTENSION_BIT(EXTENSION_VARIABLES));
}

static bool match_wildcard(struct sieve_matcher *matcher, const char *key,
			   const char *value)
{
	g_autofree char *pattern = comparator_fold(matcher->comparator, key);
	g_autofree char *text = comparator_fold(matcher->comparator, value);
	struct wildcard_span spans[WILDCARD_SPANS];
	char *found[WILDCARD_SPANS];
	const char *from = text;
	uint64_t steps = 0;
	bool matched = wildcard_match(pattern, text, spans, &steps);

	sieve_run_spend(matcher->run, steps);
	if (!matched || !wants_matches(matcher))
		return matched;
	if (comparator_keeps_length(matcher->comparator))
		from = value;
	for (size_t i = 0; i < WILDCARD_SPANS; i++)
		found[i] = g_strndup(from + spans[i].start,
				     spans[i].end - spans[i].start);
	sieve_run_set_matches(matcher->run, found, WILDCARD_SPANS);
	return true;
}

static int64_t cpu_ns(void)
{
	struct timespec now = {0};

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void keep_groups(struct sieve_run *run, const GMatchInfo *info)
{
	char *found[RUN_MATCHES];

	for (int i = 0; i < RUN_MATCHES; i++) {
		found[i] = g_match_info_fetch(info, i);
		if (!found[i])
			found[i] = g_strdup("");
	}
	sieve_run_set_matches(run, found, RUN_MATCHES);
}

static bool run_regex(struct sieve_matcher *matcher, const GRegex *regex,
		      const char *value)
{
	g_autofree char *text = g_utf8_make_valid(value, -1);
	g_autoptr(GMatchInfo) info = NULL;
	g_autoptr(GError) error = NULL;
	bool matched = g_regex_match_full(regex, text, -1, 0, 0, &info, &error);

	if (error)
		sieve_run_fail(matcher->run,
			       "regular expression takes too much work");
	if (matched && wants_matches(matcher))
		keep_groups(matcher->run, info);
	return matched && !error;
}

static bool match_regex_key(struct sieve_matcher *matcher,
			    const struct ast_string *key, const char *value)
{
	g_autoptr(GRegex) regex = NULL;
	g_autofree char *why = NULL;

	if (key->regex)
		return run_regex(matcher, key->regex, value);
	regex = match_regex_new(sieve_run_string(matcher->run, key),
				matcher->comparator, &why);
	if (regex)
		return run_regex(matcher, regex, value);
	sieve_run_blame(matcher->run, "regular expression: %s", why);
	return false;
}

/* What PCRE does is not to be counted but by the clock. */
static bool match_regex(struct sieve_matcher *matcher,
			const struct ast_string *key, const char *value)
{
	int64_t start = cpu_ns();
	bool matched = match_regex_key(matcher, key, value);
	uint64_t spent = (uint64_t)(cpu_ns() - start);

	sieve_run_spend(matcher->run, spent / REGEX_NS_PER_STEP);
	return matched && !matcher->run->failed;
}

static bool contains(enum comparator comparator, const char *value,
		     const char *key)
{
	g_autofree char *folded_value = comparator_fold(comparator, value);
	g_autofree char *folded_key = comparator_fold(comparator, key);

	return strstr(folded_value, folded_key) != NULL;
}

/* Steps that comparing an octet of value is worth. */
static uint64_t weight(const struct sieve_matcher *matcher, const char *value)
{
	return matcher->comparator == COMPARATOR_UNICODE_CASEMAP &&
			       !g_str_is_ascii(value)
		       ? 16
		       : 1;
}

static bool match_one(struct sieve_matcher *matcher,
		      const struct ast_string *key, const char *value)
{
	const char *text = sieve_run_string(matcher->run, key);

	sieve_run_spend(matcher->run,
			8 + strlen(text) +
				strlen(value) * weight(matcher, value));
	if (matcher->run->failed)
		return false;
	switch (matcher->type) {
	case MATCH_IS:
		return comparator_compare(matcher->comparator, value, text) ==
		       0;
	case MATCH_CONTAINS:
		return contains(matcher->comparator, value, text);
	case MATCH_MATCHES:
		return match_wildcard(matcher, text, value);
	case MATCH_REGEX:
		return match_regex(matcher, key, value);
	case MATCH_VALUE:
		return relation_holds(
			matcher->relation,
			comparator_compare(matcher->comparator, value, text));
	case MATCH_COUNT:
		break;
	}
	return false;
}

bool sieve_matcher_feed(struct sieve_matcher *matcher, const char *value)
{
	matcher->count++;
	if (matcher->run->message->explanation)
		sieve_explain_value(matcher->run, value);
	if (matcher->type == MATCH_COUNT)
		return matcher->run->failed;
	for (const struct ast_string *key = matcher->keys->strings;
	     key && !matcher->matched && !matcher->run->failed; key = key->next)
		matcher->matched = match_one(matcher, key, value);
	return matcher->matched || matcher->run->failed;
}

bool sieve_matcher_end(struct sieve_matcher *matcher)
{
	char count[24];

	if (matcher->type == MATCH_COUNT) {
		matcher->type = MATCH_VALUE;
		matcher->comparator = COMPARATOR_ASCII_NUMERIC;
		(void)g_snprintf(count, sizeof(count), "%" G_GINT64_FORMAT,
				 matcher->count);
		(void)sieve_matcher_feed(matcher, count);
	}
	return matcher->matched && !matcher->run->failed;
}
