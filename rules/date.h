/*
 * Times as rules meet them: RFC 5322 dates of header fields, ISO 8601 keys.
 * All times are microseconds since 1970, UTC.
 */
#ifndef OKAPI_RULES_DATE_H
#define OKAPI_RULES_DATE_H

#include "base.h"

/* "2026-11-23", "2026-11-23T05:58", seconds and fraction, "Z" or "+01:00"
 * (none: UTC). */
bool sieve_date_parse_iso(const char *text, int64_t *ret_time);
/* "2026-11-23T05:58:00Z"; owned. */
char *sieve_date_format_iso(int64_t time);

/* RFC 5322 3.3 and 4.3; zone in minutes east of UTC. */
bool sieve_date_parse_mail(const char *text, int64_t *ret_time, int *ret_zone);

/* "+0100" to minutes. */
bool sieve_date_parse_zone(const char *text, int *ret_zone);
/* The zone of this machine at a time. */
int sieve_date_local_zone(int64_t time);

/* A part of RFC 5260 section 4.2 ("year", "weekday", "iso8601" ...) of the
 * time in a zone; owned, NULL for an unknown part. */
char *sieve_date_part(const char *name, int64_t time, int zone);
bool sieve_date_part_exists(const char *part);

#endif
