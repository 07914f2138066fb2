/*
 * Calendars of a message (iMIP, RFC 6047; MS-OXCICAL 2.1.3), the way out.
 * Private to shared/convert.
 */
#ifndef OKAPI_CONVERT_COMPOSE_CALENDAR_H
#define OKAPI_CONVERT_COMPOSE_CALENDAR_H

#include "compose.h"

#include <libical/ical.h>

/* The media type of the calendar of a meeting, an appointment or a task, with
 * its method ("text/calendar; method=REQUEST"), static; NULL if the message is
 * none of these. */
const char *calendar_type(const struct propset *set);

/* Which attachment is the calendar; SIZE_MAX if none is. */
size_t calendar_at(const struct propset *set);

/* May it be made?  What it must have is there, what it has can be written; -1
 * with the property in the fault. */
NODISCARD int calendar_check(const struct propset *set, struct fault *fault);

/* The calendar made of the properties; text is its description.  Owned; NULL
 * where there is nothing to make one of. */
char *calendar_make(const struct propset *set, const char *text);

/* ---- compose_zone.c: PidLidTimeZoneStruct and PidLidAppointmentTimeZone
 * Definition* (MS-OXOCAL 2.2.1.39, 2.2.1.41) as VTIMEZONE -------------------
 */

/* A zone with a component and the id that its times carry; owned, NULL if the
 * set has none that can be written. */
icaltimezone *zone_make(const struct propset *set);

/* ---- compose_recur.c: PidLidAppointmentRecur (MS-OXOCAL 2.2.1.44) ---------
 */

/* An instance that is not what the pattern makes of it; minutes since 1601, in
 * the event's zone. */
struct recur_exception {
	uint32_t start, end, original;
	char *subject, *location; /* owned, NULL: as the others */
};

struct recur {
	char *rule;         /* "FREQ=WEEKLY;BYDAY=MO", without its end */
	uint32_t count;     /* instances, 0: see until */
	uint32_t until;     /* last day, 0: for ever */
	uint32_t first;     /* its day */
	uint32_t start;     /* minutes of a day */
	GArray *deleted;    /* uint32_t: days without an instance */
	GArray *exceptions; /* struct recur_exception */
};

/* Owned; NULL if it is none, or of another calendar than ours. */
struct recur *recur_parse(const uint8_t *data, size_t len);
void recur_free(struct recur *recur);
AUTO_DEFINE(recur, recur_free);

#endif
