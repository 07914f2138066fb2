/*
 * Calendar arithmetic (proleptic Gregorian) without locale or global state.
 */
#include "date.h"

#include <string.h>

#define SECONDS_PER_DAY INT64_C(86400)

static const char month_names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
static const char day_names[] = "SunMonTueWedThuFriSat";

struct civil {
	int64_t year;
	int month; /* 1-12 */
	int day;
	int hour;
	int minute;
	int second;
	int weekday;  /* 0 Sunday */
	int64_t days; /* since 1970-01-01 */
};

static int64_t divide_down(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* Days since 1970-01-01 of a date. */
static int64_t days_of(int64_t year, int month, int day)
{
	int64_t y = year - (month <= 2);
	int64_t era = divide_down(y, 400);
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year =
		(153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + year_of_era * 365 + year_of_era / 4 -
	       year_of_era / 100 + day_of_year - 719468;
}

static struct civil civil_of(int64_t time, int zone)
{
	int64_t seconds = divide_down(time, USEC_PER_SEC) + zone * 60;
	int64_t days = divide_down(seconds, SECONDS_PER_DAY);
	int64_t rest = seconds - days * SECONDS_PER_DAY;
	int64_t z = days + 719468;
	int64_t era = divide_down(z, 146097);
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;
	int month = (int)(mp < 10 ? mp + 3 : mp - 9);

	return (struct civil){
		.year = yoe + era * 400 + (month <= 2),
		.month = month,
		.day = (int)(doy - (153 * mp + 2) / 5 + 1),
		.hour = (int)(rest / 3600),
		.minute = (int)(rest / 60 % 60),
		.second = (int)(rest % 60),
		.weekday = (int)((days % 7 + 11) % 7),
		.days = days,
	};
}

static bool time_of(const struct civil *civil, int zone, int64_t *ret_time)
{
	int64_t days;

	if (civil->month < 1 || civil->month > 12 || civil->day < 1 ||
	    civil->day > 31 || civil->hour > 23 || civil->minute > 59 ||
	    civil->second > 60 || civil->year > 9999)
		return false;
	days = days_of(civil->year, civil->month, civil->day);
	*ret_time = (days * SECONDS_PER_DAY + civil->hour * 3600 +
		     civil->minute * 60 + civil->second - zone * 60) *
		    USEC_PER_SEC;
	return true;
}

/* Takes min to max digits. */
static bool take_digits(const char **text, size_t min, size_t max, int *ret)
{
	size_t count = 0;
	int value = 0;

	while (count < max && g_ascii_isdigit((*text)[count]))
		value = value * 10 + g_ascii_digit_value((*text)[count++]);
	if (count < min)
		return false;
	*text += count;
	*ret = value;
	return true;
}

static bool take_octet(const char **text, char octet)
{
	if (**text != octet)
		return false;
	(*text)++;
	return true;
}

bool sieve_date_parse_zone(const char *text, int *ret_zone)
{
	int hours;
	int minutes;
	int sign;

	if (*text != '+' && *text != '-')
		return false;
	sign = *text++ == '-' ? -1 : 1;
	if (!take_digits(&text, 2, 2, &hours))
		return false;
	(void)take_octet(&text, ':');
	if (!take_digits(&text, 2, 2, &minutes) || *text || hours > 23 ||
	    minutes > 59)
		return false;
	*ret_zone = sign * (hours * 60 + minutes);
	return true;
}

static bool take_iso_time(const char **text, struct civil *civil)
{
	int fraction;

	if (!take_digits(text, 2, 2, &civil->hour) || !take_octet(text, ':') ||
	    !take_digits(text, 2, 2, &civil->minute))
		return false;
	if (take_octet(text, ':') && !take_digits(text, 2, 2, &civil->second))
		return false;
	return !take_octet(text, '.') || take_digits(text, 1, 9, &fraction);
}

bool sieve_date_parse_iso(const char *text, int64_t *ret_time)
{
	struct civil civil = {0};
	int zone = 0;
	int year = 0;

	if (!take_digits(&text, 4, 4, &year) || !take_octet(&text, '-') ||
	    !take_digits(&text, 2, 2, &civil.month) ||
	    !take_octet(&text, '-') || !take_digits(&text, 2, 2, &civil.day))
		return false;
	civil.year = year;
	if (*text == 'T' || *text == 't' || *text == ' ') {
		text++;
		if (!take_iso_time(&text, &civil))
			return false;
		if (*text == 'Z' || *text == 'z')
			text++;
		else if (*text && !sieve_date_parse_zone(text, &zone))
			return false;
		else
			text = "";
	}
	return *text == '\0' && time_of(&civil, zone, ret_time);
}

char *sieve_date_format_iso(int64_t time)
{
	struct civil civil = civil_of(time, 0);

	return g_strdup_printf("%04d-%02d-%02dT%02d:%02d:%02dZ",
			       (int)civil.year, civil.month, civil.day,
			       civil.hour, civil.minute, civil.second);
}

/* Comments and doubled blanks out; owned. */
static char *simplify(const char *text)
{
	GString *simple = g_string_new(NULL);
	int depth = 0;

	for (; *text; text++) {
		if (*text == '(')
			depth++;
		else if (*text == ')' && depth > 0)
			depth--;
		else if (depth == 0 && !g_ascii_isspace(*text))
			g_string_append_c(simple, *text);
		else if (depth == 0 && simple->len &&
			 simple->str[simple->len - 1] != ' ')
			g_string_append_c(simple, ' ');
	}
	return g_strstrip(g_string_free(simple, FALSE));
}

static int find_name(const char *names, const char *text)
{
	for (int i = 0; names[i * 3]; i++)
		if (g_ascii_strncasecmp(names + i * 3, text, 3) == 0)
			return i;
	return -1;
}

/* RFC 5322 4.3; unknown letters mean nothing (UTC). */
static int named_zone(const char *text)
{
	static const struct {
		char name[4];
		int hours;
	} zones[] = {
		{"EST", -5}, {"EDT", -4}, {"CST", -6}, {"CDT", -5},
		{"MST", -7}, {"MDT", -6}, {"PST", -8}, {"PDT", -7},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(zones); i++)
		if (g_ascii_strcasecmp(zones[i].name, text) == 0)
			return zones[i].hours * 60;
	return 0;
}

static void skip_blank(const char **text)
{
	while (**text == ' ')
		(*text)++;
}

/* "23 Nov 2026", years of two and three digits as in RFC 5322 4.3. */
static bool take_mail_day(const char **text, struct civil *civil)
{
	const char *start;
	int year = 0;

	if (!take_digits(text, 1, 2, &civil->day))
		return false;
	while (**text == ' ' || **text == '-')
		(*text)++;
	civil->month = find_name(month_names, *text) + 1;
	if (civil->month < 1)
		return false;
	while (g_ascii_isalpha(**text) || **text == '.')
		(*text)++;
	while (**text == ' ' || **text == '-')
		(*text)++;
	start = *text;
	if (!take_digits(text, 2, 4, &year))
		return false;
	civil->year = year;
	if (*text - start == 2)
		civil->year += year < 50 ? 2000 : 1900;
	else if (*text - start == 3)
		civil->year += 1900;
	return true;
}

bool sieve_date_parse_mail(const char *text, int64_t *ret_time, int *ret_zone)
{
	g_autofree char *simple = simplify(text);
	const char *at = simple;
	struct civil civil = {0};
	int zone = 0;

	if (find_name(day_names, at) >= 0) {
		while (g_ascii_isalpha(*at) || *at == ',' || *at == '.')
			at++;
		skip_blank(&at);
	}
	if (!take_mail_day(&at, &civil))
		return false;
	skip_blank(&at);
	if (!take_digits(&at, 1, 2, &civil.hour) || !take_octet(&at, ':') ||
	    !take_digits(&at, 2, 2, &civil.minute))
		return false;
	if (take_octet(&at, ':') && !take_digits(&at, 2, 2, &civil.second))
		return false;
	skip_blank(&at);
	if (!sieve_date_parse_zone(at, &zone))
		zone = named_zone(at);
	if (!time_of(&civil, zone, ret_time))
		return false;
	*ret_zone = zone;
	return true;
}

int sieve_date_local_zone(int64_t time)
{
	g_autoptr(GDateTime) utc =
		g_date_time_new_from_unix_utc(divide_down(time, USEC_PER_SEC));
	g_autoptr(GDateTime) local = utc ? g_date_time_to_local(utc) : NULL;

	return local ? (int)(g_date_time_get_utc_offset(local) /
			     (60 * USEC_PER_SEC))
		     : 0;
}

/* ---- parts --------------------------------------------------------------- */

enum part {
	PART_YEAR,
	PART_MONTH,
	PART_DAY,
	PART_DATE,
	PART_JULIAN,
	PART_HOUR,
	PART_MINUTE,
	PART_SECOND,
	PART_TIME,
	PART_ISO8601,
	PART_STD11,
	PART_ZONE,
	PART_WEEKDAY,
	PARTS
};

static enum part find_part(const char *name)
{
	static const char *const names[PARTS] = {
		"year",  "month",  "day",     "date", "julian",
		"hour",  "minute", "second",  "time", "iso8601",
		"std11", "zone",   "weekday",
	};
	int i = 0;

	while (i < PARTS && g_ascii_strcasecmp(names[i], name) != 0)
		i++;
	return (enum part)i;
}

bool sieve_date_part_exists(const char *part)
{
	return find_part(part) != PARTS;
}

static char *format_zone(int zone, const char *between)
{
	int minutes = zone < 0 ? -zone : zone;

	return g_strdup_printf("%c%02d%s%02d", zone < 0 ? '-' : '+',
			       minutes / 60, between, minutes % 60);
}

static char *format_stamp(const struct civil *c, enum part part, int zone)
{
	g_autofree char *plain = format_zone(zone, "");
	g_autofree char *colon = format_zone(zone, ":");

	if (part == PART_ZONE)
		return g_steal_pointer(&plain);
	if (part == PART_ISO8601)
		return g_strdup_printf("%04d-%02d-%02dT%02d:%02d:%02d%s",
				       (int)c->year, c->month, c->day, c->hour,
				       c->minute, c->second, colon);
	return g_strdup_printf("%.3s, %02d %.3s %04d %02d:%02d:%02d %s",
			       day_names + c->weekday * 3, c->day,
			       month_names + (c->month - 1) * 3, (int)c->year,
			       c->hour, c->minute, c->second, plain);
}

char *sieve_date_part(const char *name, int64_t time, int zone)
{
	struct civil c = civil_of(time, zone);
	enum part part = find_part(name);

	switch (part) {
	case PART_YEAR:
		return g_strdup_printf("%04d", (int)c.year);
	case PART_MONTH:
		return g_strdup_printf("%02d", c.month);
	case PART_DAY:
		return g_strdup_printf("%02d", c.day);
	case PART_DATE:
		return g_strdup_printf("%04d-%02d-%02d", (int)c.year, c.month,
				       c.day);
	case PART_JULIAN: /* modified Julian day */
		return g_strdup_printf("%d", (int)(c.days + 40587));
	case PART_HOUR:
		return g_strdup_printf("%02d", c.hour);
	case PART_MINUTE:
		return g_strdup_printf("%02d", c.minute);
	case PART_SECOND:
		return g_strdup_printf("%02d", c.second);
	case PART_TIME:
		return g_strdup_printf("%02d:%02d:%02d", c.hour, c.minute,
				       c.second);
	case PART_WEEKDAY:
		return g_strdup_printf("%d", c.weekday);
	case PART_ISO8601:
	case PART_STD11:
	case PART_ZONE:
		return format_stamp(&c, part, zone);
	case PARTS:
		break;
	}
	return NULL;
}
