/*
 * What a calendar may ask of libical.  Private to shared/convert.
 */
#ifndef OKAPI_CONVERT_MEETING_RULE_H
#define OKAPI_CONVERT_MEETING_RULE_H

#include "base.h"

#include <libical/ical.h>

/* Takes rules of time zones out of the calendar that libical would look for
 * without bound, or for years that never come (RFC 5545 3.6.5); false if there
 * are too many zones to look at. */
bool meeting_zones_tame(icalcomponent *calendar);

#endif
