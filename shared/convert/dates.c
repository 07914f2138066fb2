/*
 * Dates of header fields (RFC 5322 3.3), read by GMime, which forgives much.
 */
#include "headers.h"

#include <gmime/gmime.h>
#include <string.h>

#define DATE_LEN_MAX 256

/* What a PT_SYSTIME can hold and a calendar should: 1601 to 9999. */
#define DATE_MIN INT64_C(-11644473600)
#define DATE_MAX INT64_C(253402300799)

/* GMime knows zones by name in capitals only. */
static void raise_zone(char *text)
{
	char *zone = strrchr(text, ' ');

	if (!zone || strlen(zone + 1) > 4)
		return;
	for (char *c = zone + 1; *c; c++)
		*c = g_ascii_toupper(*c);
}

bool date_parse(const char *text, int64_t *ret_usec)
{
	g_autofree char *copy = g_strndup(text, DATE_LEN_MAX);
	g_autoptr(GDateTime) date = NULL;
	int64_t seconds = 0;

	g_strstrip(copy);
	/* Without a time of day GMime would guess what is day and month. */
	if (!strchr(copy, ':'))
		return false;
	raise_zone(copy);
	date = g_mime_utils_header_decode_date(copy);
	if (!date)
		return false;
	seconds = g_date_time_to_unix(date);
	if (seconds < DATE_MIN || seconds > DATE_MAX)
		return false;
	*ret_usec = seconds * USEC_PER_SEC;
	return true;
}

bool date_parse_received(const char *text, int64_t *ret_usec)
{
	const char *semicolon = strrchr(text, ';');

	return semicolon && date_parse(semicolon + 1, ret_usec);
}
