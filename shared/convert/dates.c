/*
 * Dates of header fields (RFC 5322 3.3), read by GMime, which forgives much.
 */
#include "headers.h"

#include <gmime/gmime.h>
#include <string.h>

#define DATE_LEN_MAX 256

/* What a PT_SYSTIME can hold and a calendar should: 1601 to 9999. */
#define DATE_MIN INT64_C(-11644473600)
#define DATE_MAX INT64_C(253402300799)

/* ---- what GMime does not forgive ------------------------------------------
 */

/* GMime knows zones by name in capitals only. */
static void raise_zone(char *text)
{
	char *zone = strrchr(text, ' ');

	if (!zone || strlen(zone + 1) > 4)
		return;
	for (char *c = zone + 1; *c; c++)
		*c = g_ascii_toupper(*c);
}

static bool is_zone(const char *token)
{
	return (*token == '+' || *token == '-') &&
	       strspn(token + 1, "0123456789") == 4 && !token[5];
}

/* "101" and "0101" are years since 1900, a month before them (RFC 5322 4.3). */
static bool is_short_year(const char *before, const char *token)
{
	size_t len = strlen(token);
	const char *digits = len == 4 && *token == '0' ? token + 1 : token;

	return before && g_ascii_isalpha(*before) && len >= 3 &&
	       strspn(token, "0123456789") == len && strlen(digits) == 3 &&
	       *digits == '1';
}

static char *year_form(const char *before, const char *token)
{
	if (!is_short_year(before, token))
		return g_strdup(token);
	return g_strconcat("20", token + strlen(token) - 2, NULL);
}

/* The hour of "3:05:00" behind which stands "PM" (or "AM"). */
static char *with_hour(const char *time, bool afternoon)
{
	unsigned hour = 0;
	const char *colon = strchr(time, ':');

	for (const char *c = time; c < colon && hour < 100; c++)
		hour = hour * 10 + (unsigned)(*c - '0');
	if (hour > 12)
		return g_strdup(time);
	return g_strdup_printf("%u%s", hour % 12 + (afternoon ? 12 : 0), colon);
}

static bool is_time(const char *token)
{
	return token && g_ascii_isdigit(*token) &&
	       token[strspn(token, "0123456789")] == ':';
}

/* A comment that is closed, out of a line that has its zone in digits. */
static void drop_comment(char *text)
{
	char *open = strchr(text, '(');
	char *close = open ? strchr(open, ')') : NULL;

	if (close && (strchr(text, '+') || strstr(text, " -")))
		memset(open, ' ', (size_t)(close - open) + 1);
}

/* The same date as GMime takes it.  Owned. */
static char *usual_form(const char *text)
{
	g_autofree char *copy = g_strdup(text);
	g_auto(GStrv) tokens = NULL;
	GPtrArray *kept = g_ptr_array_new_with_free_func(g_free);
	char *joined = NULL;

	drop_comment(copy);
	tokens = g_strsplit_set(copy, " \t", 32);
	for (char **token = tokens; *token; token++) {
		char *before = kept->len ? kept->pdata[kept->len - 1] : NULL;
		bool pm = !g_ascii_strcasecmp(*token, "pm");

		if (!**token)
			continue;
		if (is_time(before) &&
		    (pm || !g_ascii_strcasecmp(*token, "am"))) {
			kept->pdata[kept->len - 1] = with_hour(before, pm);
			g_free(before);
			continue;
		}
		g_ptr_array_add(kept, year_form(before, *token));
		if (is_zone(*token))
			break;
	}
	g_ptr_array_add(kept, NULL);
	joined = g_strjoinv(" ", (char **)kept->pdata);
	g_ptr_array_unref(kept);
	return joined;
}

bool date_parse(const char *text, int64_t *ret_usec)
{
	g_autofree char *cut = g_strndup(text, DATE_LEN_MAX);
	g_autofree char *copy = usual_form(cut);
	g_autoptr(GDateTime) date = NULL;
	int64_t seconds = 0;

	g_strstrip(copy);
	/* Without a time of day GMime would guess what is day and month. */
	if (!strchr(copy, ':'))
		return false;
	raise_zone(copy);
	date = g_mime_utils_header_decode_date(copy);
	if (!date)
		return false;
	seconds = g_date_time_to_unix(date);
	if (seconds < DATE_MIN || seconds > DATE_MAX)
		return false;
	*ret_usec = seconds * USEC_PER_SEC;
	return true;
}

bool date_parse_received(const char *text, int64_t *ret_usec)
{
	const char *semicolon = strrchr(text, ';');

	return semicolon && date_parse(semicolon + 1, ret_usec);
}
