/*
 * When a calendar is (RFC 5545 3.8.2): start, end and due, in the zone of the
 * event, and what repeats, with the instances that differ (3.8.5, 3.8.4.4).
 */
#include "calendar.h"

#define MINUTES_TO_1970 194074560
#define YEAR_MAX_ZONE   2500 /* beyond that zones are not worked out */

struct icaltimetype calendar_time(const struct calendar *calendar, int64_t usec)
{
	const icaltimezone *zone = calendar->zone
					   ? calendar->zone
					   : icaltimezone_get_utc_timezone();
	time_t seconds =
		(time_t)CLAMP(usec / USEC_PER_SEC, INT64_C(-11644473600),
			      INT64_C(253402300799));
	struct icaltimetype time = icaltime_from_timet_with_zone(
		seconds, 0, icaltimezone_get_utc_timezone());

	if (calendar->zone && time.year <= YEAR_MAX_ZONE)
		time = icaltime_convert_to_zone(
			time, (icaltimezone *)(uintptr_t)zone);
	time.is_date = calendar->all_day;
	if (time.is_date)
		time.zone = NULL;
	return time;
}

/* Minutes since 1601 in the event's zone. */
static struct icaltimetype minutes_time(const struct calendar *calendar,
					uint32_t minutes)
{
	struct icaltimetype time = icaltime_from_timet_with_zone(
		((time_t)minutes - MINUTES_TO_1970) * 60, 0,
		icaltimezone_get_utc_timezone());

	if (calendar->zone)
		icaltime_set_timezone(&time, calendar->zone);
	time.is_date = calendar->all_day;
	if (time.is_date)
		time.zone = NULL;
	return time;
}

void calendar_add_time(const struct calendar *calendar, icalcomponent *event,
		       icalproperty *property, struct icaltimetype time)
{
	if (time.zone && time.zone == calendar->zone)
		icalproperty_add_parameter(
			property, icalparameter_new_tzid(icaltimezone_get_tzid(
					  calendar->zone)));
	icalcomponent_add_property(event, property);
}

void calendar_add_utc(icalcomponent *event,
		      icalproperty *(*make)(struct icaltimetype), int64_t usec)
{
	const struct calendar utc = {0};

	icalcomponent_add_property(event, make(calendar_time(&utc, usec)));
}

void calendar_add_period(struct calendar *calendar)
{
	static const struct {
		uint32_t start, end;
	} proposed = {PidLidAppointmentProposedStartWhole,
		      PidLidAppointmentProposedEndWhole},
	  settled = {PidLidAppointmentStartWhole, PidLidAppointmentEndWhole};
	const struct propset *set = calendar->set;
	int64_t start = 0;
	int64_t end = 0;
	struct icaltimetype time;
	bool is_counter = calendar->kind->method == ICAL_METHOD_COUNTER &&
			  calendar_lid_time(set, proposed.start, 0, &start);

	if (!is_counter &&
	    !calendar_lid_time(set, settled.start, PR_START_DATE, &start))
		return;
	time = calendar_time(calendar, start);
	calendar_add_time(calendar, calendar->event,
			  icalproperty_new_dtstart(time), time);
	if (!calendar_lid_time(set, is_counter ? proposed.end : settled.end,
			       is_counter ? 0 : PR_END_DATE, &end)) {
		const struct prop *minutes =
			calendar_lid(set, PidLidAppointmentDuration);

		if (!minutes || minutes->value.number <= 0)
			return;
		end = start + minutes->value.number * 60 * USEC_PER_SEC;
	}
	if (end < start)
		return;
	time = calendar_time(calendar, end);
	calendar_add_time(calendar, calendar->event,
			  icalproperty_new_dtend(time), time);
}

/* Of a task. */
void calendar_add_due(struct calendar *calendar)
{
	const struct propset *set = calendar->set;
	const struct prop *start =
		propset_find_lid(set, "PSETID_Task", PidLidTaskStartDate);
	const struct prop *due =
		propset_find_lid(set, "PSETID_Task", PidLidTaskDueDate);
	const struct prop *done =
		propset_find_lid(set, "PSETID_Task", PidLidTaskDateCompleted);
	const struct prop *percent =
		propset_find_lid(set, "PSETID_Task", PidLidPercentComplete);
	bool complete =
		calendar_lid_bool(set, "PSETID_Task", PidLidTaskComplete);

	calendar->all_day = true;
	if (start)
		icalcomponent_add_property(
			calendar->event,
			icalproperty_new_dtstart(
				calendar_time(calendar, start->value.number)));
	if (due)
		icalcomponent_add_property(
			calendar->event, icalproperty_new_due(calendar_time(
						 calendar, due->value.number)));
	if (percent && percent->value.real >= 0 && percent->value.real <= 1)
		icalcomponent_add_property(
			calendar->event,
			icalproperty_new_percentcomplete(
				(int)(percent->value.real * 100)));
	if (done)
		calendar_add_utc(calendar->event, icalproperty_new_completed,
				 done->value.number);
	icalcomponent_add_property(
		calendar->event,
		icalproperty_new_status(complete ? ICAL_STATUS_COMPLETED
						 : ICAL_STATUS_NEEDSACTION));
}

/* ---- recurrence -----------------------------------------------------------
 */

void calendar_add_rule(const struct calendar *calendar,
		       const struct recur *recur)
{
	struct icalrecurrencetype rule =
		icalrecurrencetype_from_string(recur->rule);

	if (recur->count)
		rule.count = (int)MIN(recur->count, INT32_MAX);
	if (recur->until) {
		struct icaltimetype last = minutes_time(
			calendar,
			recur->until - recur->until % 1440 + recur->start);

		/* RFC 5545 3.3.10: in UTC where the start has a zone. */
		rule.until = last.is_date
				     ? last
				     : icaltime_convert_to_zone(
					       last,
					       icaltimezone_get_utc_timezone());
	}
	icalcomponent_add_property(calendar->event,
				   icalproperty_new_rrule(rule));
	for (guint i = 0; i < recur->deleted->len; i++) {
		uint32_t day = g_array_index(recur->deleted, uint32_t, i);
		struct icaltimetype time =
			minutes_time(calendar, day - day % 1440 + recur->start);

		calendar_add_time(calendar, calendar->event,
				  icalproperty_new_exdate(time), time);
	}
}

static void replace_text(icalcomponent *event, icalproperty_kind kind,
			 icalproperty *(*make)(const char *), const char *text)
{
	icalproperty *old = icalcomponent_get_first_property(event, kind);

	if (!text)
		return;
	if (old) {
		icalcomponent_remove_property(event, old);
		icalproperty_free(old);
	}
	icalcomponent_add_property(event, make(text));
}

static void remove_all(icalcomponent *event, icalproperty_kind kind)
{
	icalproperty *old = NULL;

	while ((old = icalcomponent_get_first_property(event, kind))) {
		icalcomponent_remove_property(event, old);
		icalproperty_free(old);
	}
}

icalcomponent *calendar_exception(const struct calendar *calendar,
				  const struct recur_exception *exception)
{
	static const icalproperty_kind others[] = {
		ICAL_RRULE_PROPERTY, ICAL_EXDATE_PROPERTY,
		ICAL_DTSTART_PROPERTY, ICAL_DTEND_PROPERTY};
	icalcomponent *event = icalcomponent_new_clone(calendar->event);
	struct icaltimetype time;

	for (size_t i = 0; i < G_N_ELEMENTS(others); i++)
		remove_all(event, others[i]);
	time = minutes_time(calendar, exception->start);
	calendar_add_time(calendar, event, icalproperty_new_dtstart(time),
			  time);
	time = minutes_time(calendar, exception->end);
	calendar_add_time(calendar, event, icalproperty_new_dtend(time), time);
	time = minutes_time(calendar, exception->original);
	calendar_add_time(calendar, event, icalproperty_new_recurrenceid(time),
			  time);
	replace_text(event, ICAL_SUMMARY_PROPERTY, icalproperty_new_summary,
		     exception->subject);
	replace_text(event, ICAL_LOCATION_PROPERTY, icalproperty_new_location,
		     exception->location);
	return event;
}
