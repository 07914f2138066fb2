/*
 * Time zones by the names Windows has for them.  Private to shared/convert.
 */
#ifndef OKAPI_CONVERT_MEETING_ZONE_H
#define OKAPI_CONVERT_MEETING_ZONE_H

#include "base.h"

/* "W. Europe Standard Time": a place in that zone as the zone database has it,
 * static; NULL if that is none or is not known. */
const char *meeting_zone_place(const char *name);

#endif
