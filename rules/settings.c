/*
 * From configuration to settings.
 */
#include "settings.h"

#include "conf.h"
#include "match.h"

#include <string.h>

static const char *or_null(const char *text)
{
	return *text ? text : NULL;
}

/* Sets score->texts[N] by "1 = Clean; 5 = Virus found"; false where it is
 * nothing of the kind. */
static bool sieve_score_parse_texts(struct sieve_score *score, const char *list)
{
	g_auto(GStrv) entries = g_strsplit(list, ";", -1);

	for (char **entry = entries; *entry; entry++) {
		char *equals = strchr(g_strstrip(*entry), '=');
		guint64 number = 0;

		if (!**entry)
			continue;
		if (!equals)
			return false;
		*equals = '\0';
		if (!g_ascii_string_to_unsigned(g_strstrip(*entry), 10, 0,
						G_N_ELEMENTS(score->texts) - 1,
						&number, NULL))
			return false;
		g_free(score->texts[number]);
		score->texts[number] =
			g_strdup(equals + 1 + strspn(equals + 1, " \t"));
	}
	return true;
}

bool sieve_score_parse_type(struct sieve_score *score, const char *name)
{
	static const char *const names[] = {
		[SIEVE_SCORE_NUMBER] = "score",
		[SIEVE_SCORE_LENGTH] = "length",
		[SIEVE_SCORE_TEXT] = "text",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		if (strcmp(names[i], name) == 0) {
			score->type = (enum sieve_score_type)i;
			return true;
		}
	return false;
}

/* "Name", or "Name: pattern"; NULL is neither. */
static int check_status(const char *key, const char *where, struct fault *fault)
{
	const char *colon = where ? strchr(where, ':') : NULL;
	g_autofree char *pattern =
		colon ? g_strstrip(g_strdup(colon + 1)) : NULL;
	g_autofree char *why = NULL;
	g_autoptr(GRegex) regex = NULL;

	if (!pattern)
		return 0;
	regex = match_regex_new(pattern, COMPARATOR_ASCII_CASEMAP, &why);
	if (!regex)
		return fault_set(fault, FAULT_CONFIG,
				 "%s: behind the colon is no regular "
				 "expression: %s",
				 key, why);
	return 0;
}

/* The five keys of a filter. */
static int read_score(struct sieve_score *score, const char *key,
		      const char *const values[5], struct fault *fault)
{
	char *end = NULL;
	g_autofree char *header_key = g_strconcat(key, "_header", NULL);
	g_autofree char *max_header_key = g_strconcat(key, "_max_header", NULL);

	score->header = or_null(values[0]);
	score->max_header = or_null(values[1]);
	if (check_status(header_key, score->header, fault) ||
	    check_status(max_header_key, score->max_header, fault))
		return -1;
	score->max_value = g_ascii_strtod(values[2], &end);
	if (*end || score->max_value < 0)
		return fault_set(fault, FAULT_CONFIG,
				 "%s_max: '%s' is no number", key, values[2]);
	if (!sieve_score_parse_type(score, values[3]))
		return fault_set(fault, FAULT_CONFIG,
				 "%s_type: '%s' is none of score, length, text",
				 key, values[3]);
	if (!sieve_score_parse_texts(score, values[4]))
		return fault_set(fault, FAULT_CONFIG,
				 "%s_text: '%s' is not of the form '1 = Clean; "
				 "5 = Virus'",
				 key, values[4]);
	return 0;
}

int sieve_settings_of_conf(const struct conf *conf,
			   struct sieve_settings *ret_settings,
			   struct fault *fault)
{
	const char *const spam[] = {
		conf->spamtest_header, conf->spamtest_max_header,
		conf->spamtest_max, conf->spamtest_type, conf->spamtest_text};
	const char *const virus[] = {conf->virustest_header,
				     conf->virustest_max_header,
				     conf->virustest_max, conf->virustest_type,
				     conf->virustest_text};

	*ret_settings = (struct sieve_settings){
		.no_add = conf->sieve_protected_headers,
		.no_delete = conf->sieve_protected_headers,
		.actions_max = (unsigned)conf->sieve_max_actions,
		.redirects_max = conf->sieve_max_redirects
					 ? (int)conf->sieve_max_redirects
					 : -1,
		.steps_max = (uint64_t)conf->sieve_max_work * 1000000,
		.ascii_addresses = !conf->smtputf8_enable,
		.includes_max = (unsigned)conf->sieve_max_includes,
	};
	if (read_score(&ret_settings->spam, "spamtest", spam, fault))
		return -1;
	return read_score(&ret_settings->virus, "virustest", virus, fault);
}

void sieve_settings_clear(struct sieve_settings *settings)
{
	for (size_t i = 0; i < G_N_ELEMENTS(settings->spam.texts); i++) {
		g_free(settings->spam.texts[i]);
		g_free(settings->virus.texts[i]);
	}
	*settings = (struct sieve_settings){0};
}
