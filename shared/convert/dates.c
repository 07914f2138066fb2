/*
 * Dates of header fields: RFC 5322 3.3 with its obsolete forms (4.3), and what
 * programs write instead (asctime, ISO 8601, RFC 850, "11:31 PM", "+01:00").
 *
 * Our own rather than GMime's: that one takes a fraction of a second, or a zone
 * without a blank before it, for the end of what can be read, and says
 * midnight.
 */
#include "headers.h"

#include <string.h>

#define DATE_LEN_MAX 256
#define NUMBER_NONE  (-1)

/* What a PT_SYSTIME can hold and a calendar should: 1601 to 9999. */
#define YEAR_MIN 1601
#define YEAR_MAX 9999
/* The same in UTC, where a zone leads out of these years. */
#define SECONDS_MIN INT64_C(-11644473600) /* 1601-01-01T00:00:00Z */
#define SECONDS_MAX INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

struct date {
	int year, month, day;     /* NUMBER_NONE until they are read */
	int hour, minute, second; /* hour: NUMBER_NONE as well */
	int zone;                 /* minutes east of UTC */
	bool has_zone;
	char sign; /* of a zone whose digits stand apart, or 0 */
};

/* ---- words ----------------------------------------------------------------
 */

/* 1 to 12 by the first three letters, or NUMBER_NONE. */
static int month_of(const char *word)
{
	static const char *const names[] = {"jan", "feb", "mar", "apr",
					    "may", "jun", "jul", "aug",
					    "sep", "oct", "nov", "dec"};

	for (int i = 0; i < (int)G_N_ELEMENTS(names); i++)
		if (!g_ascii_strncasecmp(word, names[i], 3))
			return i + 1;
	return NUMBER_NONE;
}

/* The zones of RFC 5322 4.3; any other name means nothing (-0000). */
static int zone_of_name(const char *name, size_t len)
{
	static const struct {
		const char *name;
		int hours;
	} zones[] = {{"EST", -5}, {"EDT", -4}, {"CST", -6}, {"CDT", -5},
		     {"MST", -7}, {"MDT", -6}, {"PST", -8}, {"PDT", -7}};

	for (size_t i = 0; i < G_N_ELEMENTS(zones); i++)
		if (len == 3 && !g_ascii_strncasecmp(name, zones[i].name, 3))
			return zones[i].hours * 60;
	return 0;
}

/* At most four digits at *at, which moves behind all that are there; count
 * says how many those are. */
static int digits_at(const char **at, size_t *ret_count)
{
	int number = 0;

	*ret_count = strspn(*at, "0123456789");
	for (size_t i = 0; i < *ret_count && i < 5; i++)
		number = number * 10 + ((*at)[i] - '0');
	*at += *ret_count;
	return number;
}

/* ---- zones ----------------------------------------------------------------
 */

/* "0100", "01:00", "100", "1" behind a sign. */
static void read_offset(struct date *date, char sign, const char *text)
{
	size_t count = 0;
	size_t more = 0;
	int number = digits_at(&text, &count);
	int minutes = 0;

	date->has_zone = true;
	if (!count || count > 4)
		return;
	if (count <= 2) {
		minutes = number * 60;
		if (*text == ':') {
			text++;
			minutes += digits_at(&text, &more);
		}
	} else if (number % 100 < 60) {
		minutes = number / 100 * 60 + number % 100;
	}
	date->zone = sign == '-' ? -minutes : minutes;
}

/* "+0100", "EST", "GMT+01:00", "EDT-0400". */
static void read_zone(struct date *date, const char *text)
{
	size_t len = 0;

	if (date->has_zone)
		return;
	while (g_ascii_isalpha(text[len]))
		len++;
	if (text[len] == '+' || text[len] == '-') {
		if (!text[len + 1])
			date->sign = text[len];
		else
			read_offset(date, text[len], text + len + 1);
		return;
	}
	date->zone = zone_of_name(text, len);
	date->has_zone = true;
}

/* ---- date and time --------------------------------------------------------
 */

/* RFC 5322 4.3; and what came of "19" before years since 1900. */
static int year_of(int number, size_t count)
{
	if (number < 50 && count != 3)
		return number + 2000;
	if (number < 1000)
		return number + 1900;
	return number >= 19100 && number < 19200 ? number - 17100 : number;
}

static bool is_half(const char *text)
{
	return !g_ascii_strcasecmp(text, "am") ||
	       !g_ascii_strcasecmp(text, "pm");
}

/* Behind the time: "PM", a zone. */
static void read_behind(struct date *date, const char *text)
{
	if (!is_half(text)) {
		read_zone(date, text);
		return;
	}
	if (date->hour < 1 || date->hour > 12)
		return;
	date->hour = date->hour % 12 + (g_ascii_tolower(*text) == 'p' ? 12 : 0);
}

/* "23:31", "23:31:30", "23:31:30.25+0100"; false if it is no time. */
static bool read_time(struct date *date, const char *text)
{
	size_t count = 0;
	int hour = digits_at(&text, &count);
	int minute = 0;
	int second = 0;

	if (!count || count > 2 || (*text != ':' && *text != '.'))
		return false;
	text++;
	minute = digits_at(&text, &count);
	if (!count || count > 2)
		return false;
	if ((*text == ':' || *text == '.') && g_ascii_isdigit(text[1])) {
		text++;
		second = digits_at(&text, &count);
		if (count > 2)
			return false;
	}
	if (*text == '.') {
		text++;
		(void)digits_at(&text, &count);
	}
	/* 60 is a leap second, 24:00 the end of the day. */
	if (hour > 24 || minute > 59 || second > 60 ||
	    (hour == 24 && minute + second))
		return false;
	date->hour = hour;
	date->minute = minute;
	date->second = second;
	if (*text)
		read_behind(date, text);
	return true;
}

/* A number of the date where its place says which. */
static void read_number(struct date *date, const char *text)
{
	size_t count = 0;
	int number = digits_at(&text, &count);

	if (count > 5)
		return;
	if (date->day == NUMBER_NONE && number <= 31 && count <= 3)
		date->day = number;
	else if (date->year == NUMBER_NONE)
		date->year = year_of(number, count);
}

/* "13-Feb-09", "2009-02-13", "02/13/2009", "13.02.2009". */
static bool read_joined(struct date *date, const char *text)
{
	g_auto(GStrv) part = g_strsplit_set(text, "-/.", 4);
	int number[3];
	size_t count[3];
	bool by_name = false;

	if (g_strv_length(part) != 3)
		return false;
	for (int i = 0; i < 3; i++) {
		const char *at = part[i];

		number[i] = digits_at(&at, &count[i]);
		if (i == 1 && month_of(part[i]) != NUMBER_NONE) {
			number[i] = month_of(part[i]);
			by_name = true;
		} else if (!count[i] || *at) {
			return false;
		}
	}
	if (count[0] == 4) {
		date->year = number[0];
		date->month = number[1];
		date->day = number[2];
		return true;
	}
	date->year = year_of(number[2], count[2]);
	/* Who writes '/' has the month first, if it can be one. */
	if (!by_name &&
	    (number[1] > 12 || (strchr(text, '/') && number[0] <= 12))) {
		date->month = number[0];
		date->day = number[1];
	} else {
		date->day = number[0];
		date->month = number[1];
	}
	return true;
}

static bool has_day(const struct date *date)
{
	return date->day != NUMBER_NONE && date->month != NUMBER_NONE &&
	       date->year != NUMBER_NONE;
}

/* "2009-02-13T23:31:30Z": the date of it is taken; what follows, or NULL. */
static const char *iso_time(struct date *date, const char *token)
{
	g_autofree char *day = NULL;

	if (strspn(token, "0123456789") != 4 || token[4] != '-' ||
	    strlen(token) < 13 || g_ascii_toupper(token[10]) != 'T')
		return NULL;
	day = g_strndup(token, 10);
	return read_joined(date, day) ? token + 11 : NULL;
}

static bool read_token(struct date *date, const char *token)
{
	const char *time = NULL;

	if (date->sign && g_ascii_isdigit(*token)) {
		read_offset(date, date->sign, token);
		date->sign = '\0';
	} else if (g_ascii_isdigit(*token)) {
		time = iso_time(date, token);
		time = time ? time : token;
		if (date->hour == NUMBER_NONE &&
		    (strchr(time, ':') || (has_day(date) && strchr(time, '.'))))
			return read_time(date, time);
		if (!read_joined(date, token))
			read_number(date, token);
	} else if (date->hour != NUMBER_NONE &&
		   (date->month != NUMBER_NONE ||
		    month_of(token) == NUMBER_NONE)) {
		read_behind(date, token);
	} else if (month_of(token) != NUMBER_NONE) {
		date->month = month_of(token);
	}
	return true;
}

/* ---- the whole ------------------------------------------------------------
 */

/* Without comments, quotes and commas, and without blanks around ':' (obsolete
 * forms have them); the first comment, which may name the zone, is owned. */
static char *without_comments(const char *text, char **ret_comment)
{
	GString *out = g_string_new(NULL);
	GString *comment = g_string_new(NULL);
	unsigned depth = 0;

	for (; *text; text++) {
		bool blank = strchr(" \t,\"\r\n", *text);

		if (*text == '(' && depth++)
			continue;
		if (*text == ')' && depth) {
			depth--;
			g_string_append_c(comment, ' ');
		} else if (depth) {
			g_string_append_c(comment, *text == '(' ? ' ' : *text);
		} else if (!blank) {
			if (*text == ':')
				while (out->len &&
				       out->str[out->len - 1] == ' ')
					g_string_truncate(out, out->len - 1);
			g_string_append_c(out, *text);
		} else if (out->len && out->str[out->len - 1] != ':') {
			g_string_append_c(out, ' ');
		}
	}
	*ret_comment = g_strstrip(g_string_free(comment, FALSE));
	return g_string_free(out, FALSE);
}

static bool date_seconds(const struct date *date, int64_t *ret_seconds)
{
	g_autoptr(GDateTime) day = NULL;

	if (!has_day(date) || date->hour == NUMBER_NONE ||
	    date->year < YEAR_MIN || date->year > YEAR_MAX)
		return false;
	day = g_date_time_new_utc(date->year, date->month, date->day, 0, 0, 0);
	if (!day)
		return false;
	*ret_seconds = g_date_time_to_unix(day) + date->hour * 3600 +
		       (date->minute - date->zone) * 60 + date->second;
	return *ret_seconds >= SECONDS_MIN && *ret_seconds <= SECONDS_MAX;
}

static bool parse(const char *text, int64_t *ret_usec)
{
	struct date date = {.year = NUMBER_NONE,
			    .month = NUMBER_NONE,
			    .day = NUMBER_NONE,
			    .hour = NUMBER_NONE};
	g_autofree char *cut = g_strndup(text, DATE_LEN_MAX);
	g_autofree char *comment = NULL;
	g_autofree char *plain = without_comments(cut, &comment);
	g_auto(GStrv) tokens = g_strsplit(plain, " ", 64);
	int64_t seconds = 0;

	for (char **token = tokens; *token; token++)
		if (**token && !read_token(&date, *token))
			return false;
	if (!date.has_zone)
		date.zone = zone_of_name(comment, strlen(comment));
	if (!date_seconds(&date, &seconds))
		return false;
	*ret_usec = seconds * USEC_PER_SEC;
	return true;
}

/* Behind a ';' where a trace field was written instead of a date. */
bool date_parse(const char *text, int64_t *ret_usec)
{
	return parse(text, ret_usec) || date_parse_received(text, ret_usec);
}

bool date_parse_received(const char *text, int64_t *ret_usec)
{
	const char *semicolon = strrchr(text, ';');

	return semicolon && parse(semicolon + 1, ret_usec);
}
