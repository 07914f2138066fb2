/*
 * What the files that make a calendar share (compose_calendar.c is the whole,
 * calendar_time.c when, calendar_people.c who).  Private to them.
 */
#ifndef OKAPI_CONVERT_CALENDAR_H
#define OKAPI_CONVERT_CALENDAR_H

#include "compose_calendar.h"
#include "parts.h"

/* What a class says of the calendar. */
struct calendar_kind {
	const char *class, *type;
	icalproperty_method method;
	icalcomponent_kind component;
	icalparameter_partstat answer; /* of the sender, to the organizer */
};

struct calendar {
	const struct propset *set;
	const struct calendar_kind *kind;
	icalcomponent *event;
	icaltimezone *zone; /* NULL: UTC */
	bool all_day;
};

/* ---- properties by name ---------------------------------------------------
 */

/* One of PSETID_Appointment; NULL if it is not there. */
const struct prop *calendar_lid(const struct propset *set, uint32_t lid);

/* False if it is not there. */
bool calendar_lid_bool(const struct propset *set, const char *guid,
		       uint32_t lid);

/* Microseconds of the first of these that is there (tag 0: of none). */
bool calendar_lid_time(const struct propset *set, uint32_t lid, uint32_t tag,
		       int64_t *ret_usec);

/* ---- calendar_time.c ------------------------------------------------------
 */

/* A time in the event's zone, or its day alone. */
struct icaltimetype calendar_time(const struct calendar *calendar,
				  int64_t usec);

/* Takes the property; its time says of which zone it is. */
void calendar_add_time(const struct calendar *calendar, icalcomponent *event,
		       icalproperty *property, struct icaltimetype time);

/* A property of that time in UTC, as DTSTAMP wants it. */
void calendar_add_utc(icalcomponent *event,
		      icalproperty *(*make)(struct icaltimetype), int64_t usec);

/* DTSTART and DTEND; of a counter proposal those proposed. */
void calendar_add_period(struct calendar *calendar);

/* DTSTART, DUE and how far a task is. */
void calendar_add_due(struct calendar *calendar);

/* RRULE and EXDATE. */
void calendar_add_rule(const struct calendar *calendar,
		       const struct recur *recur);

/* An event of its own for an instance that differs; owned. */
icalcomponent *calendar_exception(const struct calendar *calendar,
				  const struct recur_exception *exception);

/* ---- calendar_people.c ----------------------------------------------------
 */

/* ORGANIZER and ATTENDEE: of a request the sender and To and Cc, of an answer
 * the first of To and the sender; nobody of what is only published. */
void calendar_add_people(const struct calendar *calendar);

#endif
