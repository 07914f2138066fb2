/*
 * Meeting messages (iMIP, RFC 6047) as properties (MS-OXCICAL 2.1.3), read by
 * libical.
 */
#include "headers.h"
#include "meeting_rule.h"
#include "meeting_zone.h"
#include "parts.h"

#include <string.h>

#define CALENDAR_LEN_MAX  131072
#define LID_LOCATION      0x8208
#define LID_SEQUENCE      0x8201
#define LID_START_WHOLE   0x820d
#define LID_END_WHOLE     0x820e
#define LID_DURATION      0x8213
#define LID_ALL_DAY       0x8215
#define LID_RECURRING     0x8223
#define LID_COUNTER       0x8257
#define LID_COMMON_START  0x8516
#define LID_COMMON_END    0x8517
#define LID_GLOBAL_ID     0x0003
#define LID_CLEAN_ID      0x0023
#define GLOBAL_ID_LEN_MAX 1024

static const uint8_t global_id_start[16] = {0x04, 0x00, 0x00, 0x00, 0x82, 0x00,
					    0xe0, 0x00, 0x74, 0xc5, 0xb7, 0x10,
					    0x1a, 0x82, 0xe0, 0x08};

static uint32_t appointment_tag(struct propset *set, uint32_t lid,
				enum proptype type)
{
	return propset_named_tag(set, "PSETID_Appointment", NULL, lid, type);
}

/* ---- properties -----------------------------------------------------------
 */

static void set_ids(struct propset *set, const uint8_t *id, size_t len,
		    struct icaltimetype instance)
{
	g_autofree uint8_t *whole = g_memdup2(id, len);
	uint32_t global = propset_named_tag(set, "PSETID_Meeting", NULL,
					    LID_GLOBAL_ID, PT_BINARY);
	uint32_t clean = propset_named_tag(set, "PSETID_Meeting", NULL,
					   LID_CLEAN_ID, PT_BINARY);

	/* The day of the instance, without it the clean one. */
	memset(whole + 16, 0, 4);
	propset_set_binary_copy(set, clean, whole, len);
	memcpy(whole + 16, id + 16, 4);
	if (!icaltime_is_null_time(instance)) {
		whole[16] = (uint8_t)(instance.year >> 8);
		whole[17] = (uint8_t)instance.year;
		whole[18] = (uint8_t)instance.month;
		whole[19] = (uint8_t)instance.day;
	}
	propset_set_binary_copy(set, global, whole, len);
}

/* Outlook's UID is a global object id in hexadecimal; any other stands within
 * one (MS-OXCICAL 2.1.3.1.1.20.26). */
static GByteArray *global_id(const char *uid)
{
	static const uint8_t zeros[20];
	size_t len = strlen(uid);
	GByteArray *id = g_byte_array_new();
	uint8_t size[4];

	if (len % 2 == 0 && len >= 80 &&
	    strspn(uid, "0123456789abcdefABCDEF") == len) {
		for (size_t i = 0; i < len; i += 2) {
			uint8_t octet =
				(uint8_t)(g_ascii_xdigit_value(uid[i]) << 4 |
					  g_ascii_xdigit_value(uid[i + 1]));

			g_byte_array_append(id, &octet, 1);
		}
		if (!memcmp(id->data, global_id_start, sizeof(global_id_start)))
			return id;
		g_byte_array_set_size(id, 0);
	}
	g_byte_array_append(id, global_id_start, sizeof(global_id_start));
	g_byte_array_append(id, zeros, sizeof(zeros));
	for (int i = 0; i < 4; i++)
		size[i] = (uint8_t)((len + 13) >> (8 * i));
	g_byte_array_append(id, size, sizeof(size));
	g_byte_array_append(id, (const guint8 *)"vCal-Uid\1\0\0\0", 12);
	g_byte_array_append(id, (const guint8 *)uid, (guint)len + 1);
	return id;
}

static void set_uid(struct propset *set, icalcomponent *event)
{
	const char *uid = icalcomponent_get_uid(event);
	icalproperty *instance = icalcomponent_get_first_property(
		event, ICAL_RECURRENCEID_PROPERTY);
	GByteArray *id = NULL;

	if (!uid || !*uid || strlen(uid) > GLOBAL_ID_LEN_MAX)
		return;
	id = global_id(uid);
	set_ids(set, id->data, id->len,
		instance ? icalproperty_get_recurrenceid(instance)
			 : icaltime_null_time());
	g_byte_array_unref(id);
}

/* "/mozilla.org/20050126_1/Europe/Berlin": a place of the zone database behind
 * the name of somebody's copy of it. */
static const icaltimezone *prefixed_zone(const char *name)
{
	const icaltimezone *zone = NULL;

	for (unsigned i = 0; i < 3 && !zone && name && *name == '/'; i++) {
		zone = icaltimezone_get_builtin_timezone(name + 1);
		name = strchr(name + 1, '/');
	}
	return zone;
}

/* The zone that a property names and the calendar does not describe. */
static const icaltimezone *named_zone(icalcomponent *event,
				      icalproperty_kind kind)
{
	icalproperty *property = icalcomponent_get_first_property(event, kind);
	g_autofree char *name =
		property ? icalproperty_get_parameter_as_string_r(property,
								  "TZID")
			 : NULL;

	const char *place = name ? meeting_zone_place(name) : NULL;

	return place ? icaltimezone_get_builtin_timezone(place)
		     : prefixed_zone(name);
}

/* libical reads "99999999" and goes on from there to the year 8332. */
static bool is_time(struct icaltimetype time)
{
	return !icaltime_is_null_time(time) && time.year >= 1601 &&
	       time.year <= 9999 && time.month >= 1 && time.month <= 12 &&
	       time.day >= 1 && time.day <= 31 && time.hour >= 0 &&
	       time.hour <= 24 && time.minute >= 0 && time.minute < 60 &&
	       time.second >= 0 && time.second <= 60;
}

/* Microseconds; false if there is no such time.  kind: what it stands in. */
static bool time_of(icalcomponent *event, icalproperty_kind kind,
		    struct icaltimetype time, int64_t *ret_usec)
{
	const icaltimezone *zone = icaltime_get_timezone(time);

	if (!zone && !time.is_date)
		zone = named_zone(event, kind);

	if (!is_time(time))
		return false;
	*ret_usec =
		(int64_t)icaltime_as_timet_with_zone(time, zone) * USEC_PER_SEC;
	return true;
}

static void set_times(struct propset *set, icalcomponent *event)
{
	struct icaltimetype first = icalcomponent_get_dtstart(event);
	bool has_end =
		icalcomponent_get_first_property(event, ICAL_DTEND_PROPERTY);
	int64_t start = 0;
	int64_t end = 0;

	if (!time_of(event, ICAL_DTSTART_PROPERTY, first, &start))
		return;
	if (!time_of(event,
		     has_end ? ICAL_DTEND_PROPERTY : ICAL_DTSTART_PROPERTY,
		     icalcomponent_get_dtend(event), &end) ||
	    end < start)
		end = start;
	propset_set_number(set, PR_START_DATE, start);
	propset_set_number(set, PR_END_DATE, end);
	propset_set_number(
		set, appointment_tag(set, LID_START_WHOLE, PT_SYSTIME), start);
	propset_set_number(set, appointment_tag(set, LID_END_WHOLE, PT_SYSTIME),
			   end);
	propset_set_number(set,
			   propset_named_tag(set, "PSETID_Common", NULL,
					     LID_COMMON_START, PT_SYSTIME),
			   start);
	propset_set_number(set,
			   propset_named_tag(set, "PSETID_Common", NULL,
					     LID_COMMON_END, PT_SYSTIME),
			   end);
	propset_set_number(
		set, appointment_tag(set, LID_DURATION, PT_LONG),
		MIN((end - start) / USEC_PER_SEC / 60, (int64_t)INT32_MAX));
	propset_set_bool(set, appointment_tag(set, LID_ALL_DAY, PT_BOOLEAN),
			 first.is_date);
}

/* Who answers is asked by it. */
static void set_organizer(struct propset *set, icalcomponent *event)
{
	icalproperty *organizer = icalcomponent_get_first_property(
		event, ICAL_ORGANIZER_PROPERTY);
	const char *address =
		organizer ? icalproperty_get_organizer(organizer) : NULL;
	g_autofree char *name =
		organizer ? icalproperty_get_parameter_as_string_r(organizer,
								   "CN")
			  : NULL;
	struct mailbox mailbox = {name, NULL, NULL};
	char none[] = "";

	if (!address || g_ascii_strncasecmp(address, "mailto:", 7) != 0 ||
	    propset_has(set, PR_SENT_REPRESENTING_EMAIL_ADDRESS))
		return;
	if (!name)
		mailbox.display = none;
	mailbox.address = (char *)(uintptr_t)(address + 7);
	address_set(set, &address_from, &mailbox);
}

/* MS-OXCICAL 2.1.3.1.1.20.8: the text of a meeting that has no other before
 * it. */
static void set_description(struct convert_context *context,
			    struct mime_entity *behind, struct propset *set,
			    icalcomponent *event)
{
	const char *text = icalcomponent_get_description(event);
	g_autofree char *lines = NULL;

	if (!text || !*text || (propset_has(set, PR_NATIVE_BODY) && !behind))
		return;
	if (behind)
		behind->is_body = false;
	lines = text_crlf(text);
	if (context->options->flags & CONVERT_BODIES)
		propset_set_text(set, PR_BODY, lines);
	propset_set_number(set, PR_NATIVE_BODY, 1);
	propset_set_number(set, PR_INTERNET_CPID, charset_codepage("utf-8"));
}

/* MS-OXCICAL: the subject of a meeting whose message has none. */
static void set_summary(struct propset *set, icalcomponent *event)
{
	const char *summary = icalcomponent_get_summary(event);
	const char *subject = propset_text(set, PR_SUBJECT);
	g_autofree char *line = NULL;

	if (!summary || !*summary || (subject && *subject))
		return;
	line = g_strdup(summary);
	text_flatten(line);
	subject_set(set, line);
	propset_set_text(set, PR_CONVERSATION_TOPIC,
			 propset_text(set, PR_NORMALIZED_SUBJECT));
}

static void set_event(struct convert_context *context,
		      struct mime_entity *behind, struct propset *set,
		      icalcomponent *event)
{
	const char *location = icalcomponent_get_location(event);

	set_times(set, event);
	set_uid(set, event);
	set_organizer(set, event);
	set_description(context, behind, set, event);
	set_summary(set, event);
	if (location && *location)
		propset_set_text(set,
				 appointment_tag(set, LID_LOCATION, PT_UNICODE),
				 location);
	propset_set_number(set, appointment_tag(set, LID_SEQUENCE, PT_LONG),
			   icalcomponent_get_sequence(event));
	propset_set_bool(set, appointment_tag(set, LID_RECURRING, PT_BOOLEAN),
			 icalcomponent_get_first_property(
				 event, ICAL_RRULE_PROPERTY) != NULL);
}

/* The meeting, not an exception of its series. */
static icalcomponent *main_event(icalcomponent *calendar)
{
	icalcomponent *first = icalcomponent_get_first_component(
		calendar, ICAL_VEVENT_COMPONENT);

	for (icalcomponent *event = first; event;
	     event = icalcomponent_get_next_component(calendar,
						      ICAL_VEVENT_COMPONENT))
		if (!icalcomponent_get_first_property(
			    event, ICAL_RECURRENCEID_PROPERTY))
			return event;
	return first;
}

bool meeting_convert(struct convert_context *context, const char *calendar,
		     bool counter, struct mime_entity *behind,
		     struct propset *set)
{
	icalcomponent *parsed = NULL;
	icalcomponent *event = NULL;
	bool is_read = false;

	if (strlen(calendar) > CALENDAR_LEN_MAX) {
		convert_note(context, "a calendar too large to read");
		return false;
	}
	icalerror_set_errors_are_fatal(false);
	parsed = icalparser_parse_string(calendar);
	if (parsed)
		event = main_event(parsed);
	is_read = event && meeting_zones_tame(parsed);
	if (is_read)
		set_event(context, behind, set, event);
	else
		convert_note(context, "a calendar that cannot be read");
	if (is_read && counter)
		propset_set_bool(set,
				 appointment_tag(set, LID_COUNTER, PT_BOOLEAN),
				 true);
	if (parsed)
		icalcomponent_free(parsed);
	return is_read;
}
