/*
 * spamtest, spamtestplus and virustest, RFC 5235: what a filter wrote into a
 * field, as a number.
 */
#include "checker.h"
#include "entries.h"
#include "match.h"
#include "run.h"

#include <math.h>
#include <string.h>

#define SPAM_MAX     10
#define SPAM_PERCENT 100
#define VIRUS_MAX    5

static const struct language_tag percent_tags[] = {
	{"percent", SLOT_PERCENT, 0, 0, EXTENSION_SPAMTESTPLUS},
	{0},
};

static const struct language_tag *const spam_tags[] = {
	percent_tags,
	language_match_tags,
	NULL,
};

static bool note_text(void *context, const struct header_field *field)
{
	*(const char **)context = field->text;
	return true;
}

/* What a field says, by "Name" or "Name: pattern"; owned, NULL where it is not
 * there or does not match. */
static char *find_status(struct sieve_run *run, const struct ast_node *node,
			 const char *where)
{
	const char *colon = strchr(where, ':');
	g_autofree char *name = colon ? g_strndup(where, (gsize)(colon - where))
				      : g_strdup(where);
	g_autoptr(GRegex) regex = NULL;
	g_autoptr(GMatchInfo) info = NULL;
	g_autofree char *why = NULL;
	g_autofree char *pattern = NULL;
	const char *text = NULL;

	(void)g_strstrip(name);
	sieve_run_fields(run, node, name, note_text, &text);
	if (!text || !colon)
		return g_strdup(text);
	pattern = g_strstrip(g_strdup(colon + 1));
	sieve_run_spend(run, 20000);
	regex = match_regex_new(pattern, COMPARATOR_ASCII_CASEMAP, &why);
	if (!regex) {
		sieve_run_fail(run, "%s: the pattern of the field: %.120s",
			       node->name, why);
		return NULL;
	}
	if (!g_regex_match(regex, text, 0, &info))
		return NULL;
	return g_match_info_fetch(
		info, g_match_info_get_match_count(info) > 1 ? 1 : 0);
}

static bool parse_real(const char *text, double *ret_value)
{
	char *end;

	if (!text)
		return false;
	while (g_ascii_isspace(*text))
		text++;
	*ret_value = g_ascii_strtod(text, &end);
	return end != text && isfinite(*ret_value);
}

/* The status as a part of the highest one; -1: nothing is known. */
static double find_part(struct sieve_run *run, const struct ast_node *node,
			const struct sieve_score *score, const char *status)
{
	g_autofree char *max_text = NULL;
	double value = 0;
	double max = score->max_value;

	if (score->type == SIEVE_SCORE_LENGTH)
		value = (double)g_utf8_strlen(status, -1);
	else if (!parse_real(status, &value))
		return -1;
	if (score->max_header) {
		max_text = find_status(run, node, score->max_header);
		if (!parse_real(max_text, &max))
			return -1;
	}
	return max > 0 ? CLAMP(value / max, 0, 1) : -1;
}

/* The value of the test; -1: nothing is known. */
static int find_value(struct sieve_run *run, const struct ast_node *node,
		      const struct sieve_score *score, int highest)
{
	g_autofree char *status =
		score->header ? find_status(run, node, score->header) : NULL;
	bool is_percent = highest == SPAM_PERCENT;
	double part;

	if (!status)
		return -1;
	for (int i = 0; score->type == SIEVE_SCORE_TEXT &&
			i <= (highest == VIRUS_MAX ? VIRUS_MAX : SPAM_MAX);
	     i++)
		if (score->texts[i] && strcmp(score->texts[i], status) == 0)
			return is_percent ? i * SPAM_PERCENT / SPAM_MAX : i;
	if (score->type == SIEVE_SCORE_TEXT)
		return -1;
	part = find_part(run, node, score, status);
	if (part < 0)
		return -1;
	/* 1 is the least of what is known, but of the percentage. */
	if (is_percent)
		return (int)(part * SPAM_PERCENT + 0.5);
	return 1 + (int)(part * (highest - 1) + 0.0001);
}

static bool run_score(struct sieve_run *run, const struct ast_node *node,
		      bool is_virus)
{
	static const struct sieve_settings none;
	const struct sieve_settings *settings =
		run->message->settings ? run->message->settings : &none;
	bool is_percent = language_tagged(node, SLOT_PERCENT);
	struct sieve_matcher matcher;
	char text[16];
	int value = find_value(run, node,
			       is_virus ? &settings->virus : &settings->spam,
			       is_virus     ? VIRUS_MAX
			       : is_percent ? SPAM_PERCENT
					    : SPAM_MAX);

	if (run->failed)
		return false;
	sieve_matcher_begin(&matcher, run, node);
	/* What was not tested is 0, and does not count (section 3.1). */
	if (value >= 0 || matcher.type != MATCH_COUNT) {
		(void)g_snprintf(text, sizeof(text), "%d", MAX(value, 0));
		(void)sieve_matcher_feed(&matcher, text);
	}
	return sieve_matcher_end(&matcher);
}

static bool run_spamtest(struct sieve_run *run, const struct ast_node *node)
{
	return run_score(run, node, false);
}

static bool run_virustest(struct sieve_run *run, const struct ast_node *node)
{
	return run_score(run, node, true);
}

const struct language_entry test_spamtest = {
	.kind = LANGUAGE_TEST,
	.name = "spamtest",
	.extension = EXTENSION_SPAMTEST,
	.signature = "s",
	.tags = spam_tags,
	.has_match = true,
	.test = run_spamtest,
};

const struct language_entry test_virustest = {
	.kind = LANGUAGE_TEST,
	.name = "virustest",
	.extension = EXTENSION_VIRUSTEST,
	.signature = "s",
	.tags = language_match,
	.has_match = true,
	.test = run_virustest,
};
