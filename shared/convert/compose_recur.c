/*
 * The pattern of a meeting that repeats (MS-OXOCAL 2.2.1.44.1 and 2.2.1.44.5):
 * octets of a client, so nothing in them is believed.
 */
#include "compose_calendar.h"

#include <string.h>

#define RECUR_LIST_MAX 4096 /* instances that are told one by one */
#define MINUTES_A_DAY  1440

enum recur_frequency {
	RECUR_DAILY = 0x200a,
	RECUR_WEEKLY = 0x200b,
	RECUR_MONTHLY = 0x200c,
	RECUR_YEARLY = 0x200d,
};

enum recur_pattern {
	RECUR_DAY = 0,
	RECUR_WEEK = 1,
	RECUR_MONTH = 2,
	RECUR_MONTH_NTH = 3,
	RECUR_MONTH_END = 4,
};

enum recur_end {
	RECUR_END_DATE = 0x2021,
	RECUR_END_COUNT = 0x2022,
};

enum recur_override {
	OVERRIDE_SUBJECT = 0x0001,
	OVERRIDE_TYPE = 0x0002,
	OVERRIDE_DELTA = 0x0004,
	OVERRIDE_REMINDER = 0x0008,
	OVERRIDE_LOCATION = 0x0010,
	OVERRIDE_BUSY = 0x0020,
	OVERRIDE_ATTACHMENT = 0x0040,
	OVERRIDE_ALL_DAY = 0x0080,
	OVERRIDE_COLOR = 0x0100,
};

/* Octets that are read once; failed: there were too few. */
struct reader {
	const uint8_t *at;
	size_t left;
	bool failed;
};

static uint32_t take(struct reader *reader, size_t size)
{
	uint32_t value = 0;

	if (reader->left < size) {
		reader->failed = true;
		reader->left = 0;
		return 0;
	}
	for (size_t i = 0; i < size; i++)
		value |= (uint32_t)reader->at[i] << (8 * i);
	reader->at += size;
	reader->left -= size;
	return value;
}

/* A text of the client's code page, its length before it twice; owned. */
static char *take_text(struct reader *reader)
{
	size_t len = 0;
	char *text = NULL;

	(void)take(reader, 2);
	len = take(reader, 2);
	if (reader->failed || len > reader->left) {
		reader->failed = true;
		return NULL;
	}
	text = charset_decode("windows-1252", reader->at, len);
	reader->at += len;
	reader->left -= len;
	return text;
}

/* "MO,WE" of bits from Sunday on. */
static void add_days(GString *rule, uint32_t days, const char *before)
{
	static const char *const names[] = {"SU", "MO", "TU", "WE",
					    "TH", "FR", "SA"};
	const char *comma = before;

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		if (days & (1u << i)) {
			g_string_append_printf(rule, "%s%s", comma, names[i]);
			comma = ",";
		}
}

struct pattern {
	uint32_t frequency, type, period;
	uint32_t day;       /* of the month */
	uint32_t days, nth; /* of the week; 5: the last */
	uint32_t first_day; /* of the week: 0 Sunday */
};

static bool take_pattern(struct reader *reader, struct pattern *pattern)
{
	(void)take(reader, 2); /* versions */
	(void)take(reader, 2);
	pattern->frequency = take(reader, 2);
	pattern->type = take(reader, 2);
	/* The Gregorian calendar, in the words of any language. */
	if (take(reader, 2) > 1)
		return false;
	(void)take(reader, 4); /* FirstDateTime */
	pattern->period = take(reader, 4);
	(void)take(reader, 4); /* sliding: of tasks */
	switch (pattern->type) {
	case RECUR_DAY:
		break;
	case RECUR_WEEK:
		pattern->days = take(reader, 4) & 0x7f;
		break;
	case RECUR_MONTH:
	case RECUR_MONTH_END:
		pattern->day = take(reader, 4);
		break;
	case RECUR_MONTH_NTH:
		pattern->days = take(reader, 4) & 0x7f;
		pattern->nth = take(reader, 4);
		break;
	default:
		return false;
	}
	return !reader->failed;
}

static bool add_interval(GString *rule, const char *name, uint32_t period,
			 uint32_t unit)
{
	uint32_t interval = period / unit;

	if (!interval || period % unit || interval > 9999)
		return false;
	g_string_append_printf(rule, "FREQ=%s", name);
	if (interval > 1)
		g_string_append_printf(rule, ";INTERVAL=%u", interval);
	return true;
}

static bool add_month_day(GString *rule, const struct pattern *pattern)
{
	bool last = pattern->type == RECUR_MONTH_END || pattern->day == 31;

	if (pattern->type == RECUR_MONTH_NTH) {
		if (!pattern->days || !pattern->nth || pattern->nth > 5)
			return false;
		add_days(rule, pattern->days, ";BYDAY=");
		g_string_append_printf(rule, ";BYSETPOS=%d",
				       pattern->nth == 5 ? -1
							 : (int)pattern->nth);
		return true;
	}
	if (!pattern->day || pattern->day > 31)
		return false;
	g_string_append_printf(rule, ";BYMONTHDAY=%d",
			       last ? -1 : (int)pattern->day);
	return true;
}

/* first: a day within the month of a yearly one. */
static bool add_rule(GString *rule, const struct pattern *pattern,
		     uint32_t first)
{
	static const char *const names[] = {"SU", "MO", "TU", "WE",
					    "TH", "FR", "SA"};
	struct icaltimetype day = icaltime_from_timet_with_zone(
		((time_t)first - 194074560) * 60, true,
		icaltimezone_get_utc_timezone());

	if (pattern->type == RECUR_DAY)
		return add_interval(rule, "DAILY", pattern->period,
				    MINUTES_A_DAY);
	if (pattern->type == RECUR_WEEK) {
		/* A period that is in minutes is that of every weekday. */
		bool weekdays = pattern->frequency == RECUR_DAILY;

		if (!pattern->days || pattern->first_day > 6 ||
		    !add_interval(rule, "WEEKLY",
				  weekdays ? 1 : pattern->period, 1))
			return false;
		add_days(rule, pattern->days, ";BYDAY=");
		g_string_append_printf(rule, ";WKST=%s",
				       names[pattern->first_day]);
		return true;
	}
	if (pattern->frequency != RECUR_YEARLY)
		return add_interval(rule, "MONTHLY", pattern->period, 1) &&
		       add_month_day(rule, pattern);
	if (!add_interval(rule, "YEARLY", pattern->period, 12))
		return false;
	g_string_append_printf(rule, ";BYMONTH=%d", day.month);
	return add_month_day(rule, pattern);
}

/* Days as they are listed; false if there are too many, or none where there
 * should be. */
static bool take_days(struct reader *reader, GArray *days)
{
	uint32_t count = take(reader, 4);

	if (count > RECUR_LIST_MAX)
		return false;
	for (uint32_t i = 0; i < count && !reader->failed; i++) {
		uint32_t day = take(reader, 4);

		g_array_append_val(days, day);
	}
	return !reader->failed;
}

static void exception_clear(void *data)
{
	struct recur_exception *exception = data;

	g_free(exception->subject);
	g_free(exception->location);
}

static bool take_exception(struct reader *reader, GArray *exceptions)
{
	static const struct {
		uint32_t flag;
		size_t size;
	} between[] = {{OVERRIDE_TYPE, 4},
		       {OVERRIDE_DELTA, 4},
		       {OVERRIDE_REMINDER, 4}},
	  behind[] = {{OVERRIDE_BUSY, 4},
		      {OVERRIDE_ATTACHMENT, 4},
		      {OVERRIDE_ALL_DAY, 4},
		      {OVERRIDE_COLOR, 4}};
	struct recur_exception exception = {0};
	uint32_t flags = 0;

	exception.start = take(reader, 4);
	exception.end = take(reader, 4);
	exception.original = take(reader, 4);
	flags = take(reader, 2);
	if (flags & OVERRIDE_SUBJECT)
		exception.subject = take_text(reader);
	for (size_t i = 0; i < G_N_ELEMENTS(between); i++)
		if (flags & between[i].flag)
			(void)take(reader, between[i].size);
	if (flags & OVERRIDE_LOCATION)
		exception.location = take_text(reader);
	for (size_t i = 0; i < G_N_ELEMENTS(behind); i++)
		if (flags & behind[i].flag)
			(void)take(reader, behind[i].size);
	g_array_append_val(exceptions, exception);
	return !reader->failed && exception.start <= exception.end;
}

/* What is behind the pattern: when on the day, and which days differ.  A task
 * has none of it. */
static bool take_exceptions(struct reader *reader, struct recur *recur)
{
	uint32_t count = 0;

	if (!reader->left)
		return true;
	(void)take(reader, 4); /* versions */
	(void)take(reader, 4);
	recur->start = take(reader, 4);
	(void)take(reader, 4); /* EndTimeOffset */
	count = take(reader, 2);
	if (reader->failed || count > RECUR_LIST_MAX ||
	    recur->start >= MINUTES_A_DAY)
		return false;
	for (uint32_t i = 0; i < count; i++)
		if (!take_exception(reader, recur->exceptions))
			return false;
	return true;
}

/* Days with an instance of their own are not deleted. */
static void without_modified(GArray *deleted, const GArray *modified)
{
	for (guint i = 0; i < modified->len; i++)
		for (guint j = 0; j < deleted->len; j++)
			if (g_array_index(deleted, uint32_t, j) ==
			    g_array_index(modified, uint32_t, i)) {
				g_array_remove_index_fast(deleted, j);
				break;
			}
}

static bool recur_read(struct recur *recur, struct reader *reader)
{
	g_autoptr(GArray) modified = g_array_new(FALSE, FALSE, 4);
	struct pattern pattern = {0};
	GString *rule = NULL;
	uint32_t end = 0;
	uint32_t last = 0;
	bool ok = false;

	if (!take_pattern(reader, &pattern))
		return false;
	end = take(reader, 4);
	recur->count = take(reader, 4);
	pattern.first_day = take(reader, 4);
	if (!take_days(reader, recur->deleted) || !take_days(reader, modified))
		return false;
	recur->first = take(reader, 4);
	last = take(reader, 4);
	if (reader->failed)
		return false;
	recur->until = end == RECUR_END_DATE ? last : 0;
	if (end != RECUR_END_COUNT)
		recur->count = 0;
	if ((end == RECUR_END_DATE && !last) ||
	    (end == RECUR_END_COUNT && !recur->count))
		return false;
	without_modified(recur->deleted, modified);
	rule = g_string_new(NULL);
	ok = add_rule(rule, &pattern, recur->first);
	recur->rule = g_string_free(rule, FALSE);
	return ok && take_exceptions(reader, recur);
}

struct recur *recur_parse(const uint8_t *data, size_t len)
{
	struct reader reader = {data, len, false};
	struct recur *recur = g_new0(struct recur, 1);

	recur->deleted = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	recur->exceptions =
		g_array_new(FALSE, FALSE, sizeof(struct recur_exception));
	g_array_set_clear_func(recur->exceptions, exception_clear);
	if (recur_read(recur, &reader))
		return recur;
	recur_free(recur);
	return NULL;
}

void recur_free(struct recur *recur)
{
	if (!recur)
		return;
	g_free(recur->rule);
	g_array_unref(recur->deleted);
	g_array_unref(recur->exceptions);
	g_free(recur);
}
