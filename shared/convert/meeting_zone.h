/*
 * Time zones by the names Windows has for them.  Private to shared/convert.
 */
#ifndef OKAPI_CONVERT_MEETING_ZONE_H
#define OKAPI_CONVERT_MEETING_ZONE_H

#include "base.h"

#include <libical/ical.h>

/* "W. Europe Standard Time": the zone, libical's own; NULL if that is none or
 * is not known. */
icaltimezone *meeting_zone(const char *name);

#endif
