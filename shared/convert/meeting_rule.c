/*
 * What libical would compute without bound is taken out of a calendar: rules of
 * time zones that are no yearly ones, or that no day ever follows (for those it
 * looks through all years to 2582), and more zones than a meeting has.
 */
#include "meeting_rule.h"

/* Thunderbird's London has 85, and 28 rules. */
#define OBSERVANCES_MAX 1024
#define RULES_MAX       64

static bool is_set(const short *values)
{
	return values[0] != ICAL_RECURRENCE_ARRAY_MAX;
}

/* Notes writes hour and minute into the rule, others leave them to DTSTART. */
static bool is_one_at_most(const short *values)
{
	return !is_set(values) || !is_set(values + 1);
}

/* A value, or one that counts from behind; no values: any. */
static bool has(const short *values, unsigned len, int value, int last)
{
	if (!is_set(values))
		return true;
	for (unsigned i = 0; i < len && is_set(values + i); i++)
		if (values[i] == value || values[i] == value - last - 1)
			return true;
	return false;
}

/* Can the day be one of BYDAY, in some year?  The nth weekday of a month, or of
 * the year, is the nth of seven days. */
static bool has_weekday(const struct icalrecurrencetype *rule, int day,
			int last)
{
	if (!is_set(rule->by_day))
		return true;
	for (unsigned i = 0; i < ICAL_BY_DAY_SIZE && is_set(rule->by_day + i);
	     i++) {
		int nth = icalrecurrencetype_day_position(rule->by_day[i]);

		if (!nth || (day + 6) / 7 == nth ||
		    (last - day + 7) / 7 == -nth)
			return true;
	}
	return false;
}

/* On how many days of a leap year, or of another, the rule can fall. */
static unsigned days_of(const struct icalrecurrencetype *rule, bool leap)
{
	const int days = leap ? 366 : 365;
	unsigned count = 0;

	for (int of_year = 1, month = 1; month <= 12; month++) {
		int last = icaltime_days_in_month(month, leap ? 2000 : 2001);

		for (int day = 1; day <= last; day++, of_year++)
			count += has(rule->by_month, ICAL_BY_MONTH_SIZE, month,
				     12) &&
				 has(rule->by_month_day, ICAL_BY_MONTHDAY_SIZE,
				     day, last) &&
				 has(rule->by_year_day, ICAL_BY_YEARDAY_SIZE,
				     of_year, days) &&
				 (is_set(rule->by_month)
					  ? has_weekday(rule, day, last)
					  : has_weekday(rule, of_year, days));
	}
	return count;
}

/* Yearly, within a month of it at most, and in some year at all. */
static bool is_tame(const struct icalrecurrencetype *rule)
{
	bool has_day = is_set(rule->by_day) || is_set(rule->by_month_day) ||
		       is_set(rule->by_year_day);
	unsigned days = days_of(rule, true);

	return rule->freq == ICAL_YEARLY_RECURRENCE && rule->interval >= 1 &&
	       is_one_at_most(rule->by_second) &&
	       is_one_at_most(rule->by_minute) &&
	       is_one_at_most(rule->by_hour) && !is_set(rule->by_week_no) &&
	       !is_set(rule->by_set_pos) && (!has_day || days <= 31) &&
	       (days || days_of(rule, false));
}

/* How many rules are left. */
static unsigned tame_observance(icalcomponent *observance)
{
	icalproperty *rule = icalcomponent_get_first_property(
		observance, ICAL_RRULE_PROPERTY);
	unsigned count = 0;

	while (rule) {
		icalproperty *next = icalcomponent_get_next_property(
			observance, ICAL_RRULE_PROPERTY);
		struct icalrecurrencetype type = icalproperty_get_rrule(rule);

		if (is_tame(&type)) {
			count++;
		} else {
			icalcomponent_remove_property(observance, rule);
			icalproperty_free(rule);
		}
		rule = next;
	}
	return count;
}

bool meeting_zones_tame(icalcomponent *calendar)
{
	unsigned count = 0;
	unsigned rules = 0;

	for (icalcomponent *zone = icalcomponent_get_first_component(
		     calendar, ICAL_VTIMEZONE_COMPONENT);
	     zone; zone = icalcomponent_get_next_component(
			   calendar, ICAL_VTIMEZONE_COMPONENT))
		for (icalcomponent *part = icalcomponent_get_first_component(
			     zone, ICAL_ANY_COMPONENT);
		     part; part = icalcomponent_get_next_component(
				   zone, ICAL_ANY_COMPONENT)) {
			rules += tame_observance(part);
			if (++count > OBSERVANCES_MAX || rules > RULES_MAX)
				return false;
		}
	return true;
}
