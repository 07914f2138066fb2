/*
 * The calendar of a meeting, an appointment or a task that a client made of
 * properties alone (MS-OXCICAL 2.1.3.1.1, RFC 5546, RFC 6047).  One that came
 * in has its calendar among its attachments.
 */
#include "calendar.h"
#include "digest.h"
#include "parts.h"

#include <string.h>

#define GLOBAL_ID_HEAD 40 /* octets before what is whose */

static const struct calendar_kind kinds[] = {
	{"IPM.Schedule.Meeting.Request", "text/calendar; method=REQUEST",
	 ICAL_METHOD_REQUEST, ICAL_VEVENT_COMPONENT, ICAL_PARTSTAT_NONE},
	{"IPM.Schedule.Meeting.Canceled", "text/calendar; method=CANCEL",
	 ICAL_METHOD_CANCEL, ICAL_VEVENT_COMPONENT, ICAL_PARTSTAT_NONE},
	{"IPM.Schedule.Meeting.Resp.Pos", "text/calendar; method=REPLY",
	 ICAL_METHOD_REPLY, ICAL_VEVENT_COMPONENT, ICAL_PARTSTAT_ACCEPTED},
	{"IPM.Schedule.Meeting.Resp.Neg", "text/calendar; method=REPLY",
	 ICAL_METHOD_REPLY, ICAL_VEVENT_COMPONENT, ICAL_PARTSTAT_DECLINED},
	{"IPM.Schedule.Meeting.Resp.Tent", "text/calendar; method=REPLY",
	 ICAL_METHOD_REPLY, ICAL_VEVENT_COMPONENT, ICAL_PARTSTAT_TENTATIVE},
	{"IPM.Appointment", "text/calendar; method=PUBLISH",
	 ICAL_METHOD_PUBLISH, ICAL_VEVENT_COMPONENT, ICAL_PARTSTAT_NONE},
	{"IPM.Task", "text/calendar; method=PUBLISH", ICAL_METHOD_PUBLISH,
	 ICAL_VTODO_COMPONENT, ICAL_PARTSTAT_NONE},
};
/* An answer that proposes another time. */
static const struct calendar_kind counter = {
	"IPM.Schedule.Meeting.Resp.Tent", "text/calendar; method=COUNTER",
	ICAL_METHOD_COUNTER, ICAL_VEVENT_COMPONENT, ICAL_PARTSTAT_TENTATIVE};

/* ---- properties by name ---------------------------------------------------
 */

const struct prop *calendar_lid(const struct propset *set, uint32_t lid)
{
	return propset_find_lid(set, "PSETID_Appointment", lid);
}

bool calendar_lid_bool(const struct propset *set, const char *guid,
		       uint32_t lid)
{
	const struct prop *prop = propset_find_lid(set, guid, lid);

	return prop && prop->value.boolean;
}

bool calendar_lid_time(const struct propset *set, uint32_t lid, uint32_t tag,
		       int64_t *ret_usec)
{
	const struct prop *prop = calendar_lid(set, lid);

	if (!prop && tag)
		prop = propset_find(set, tag);
	if (!prop)
		return false;
	*ret_usec = prop->value.number;
	return true;
}

/* False if there is none, or no octet; what it points to is the set's. */
static bool calendar_lid_octets(const struct propset *set, const char *guid,
				uint32_t lid, struct octets *ret_octets)
{
	const struct prop *prop = propset_find_lid(set, guid, lid);
	gsize len = 0;

	if (!prop || !prop->value.binary.data)
		return false;
	ret_octets->data = g_bytes_get_data(prop->value.binary.data, &len);
	ret_octets->len = len;
	return len > 0;
}

/* ---- which ----------------------------------------------------------------
 */

static const struct calendar_kind *kind_of(const struct propset *set)
{
	const char *class = propset_text(set, PR_MESSAGE_CLASS);

	if (!class)
		return NULL;
	if (!g_ascii_strcasecmp(class, counter.class) &&
	    calendar_lid_bool(set, "PSETID_Appointment",
			      PidLidAppointmentCounterProposal))
		return &counter;
	for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
		if (!g_ascii_strcasecmp(class, kinds[i].class))
			return &kinds[i];
	return NULL;
}

const char *calendar_type(const struct propset *set)
{
	const struct calendar_kind *kind = kind_of(set);

	return kind ? kind->type : NULL;
}

size_t calendar_at(const struct propset *set)
{
	if (!kind_of(set))
		return SIZE_MAX;
	for (size_t i = 0; i < propset_attachment_count(set); i++) {
		const char *type = propset_text(propset_attachment(set, i),
						PR_ATTACH_MIME_TAG);

		if (type && !strcmp(type, "text/calendar"))
			return i;
	}
	return SIZE_MAX;
}

static struct recur *recur_of(const struct propset *set)
{
	struct octets octets = {0};

	if (!calendar_lid_octets(set, "PSETID_Appointment",
				 PidLidAppointmentRecur, &octets))
		return NULL;
	return recur_parse(octets.data, octets.len);
}

int calendar_check(const struct propset *set, struct fault *fault)
{
	const struct calendar_kind *kind = kind_of(set);
	struct octets octets = {0};
	AUTO(recur) recur = NULL;
	int64_t start = 0;

	if (!kind || kind->component != ICAL_VEVENT_COMPONENT ||
	    calendar_at(set) != SIZE_MAX)
		return 0;
	if (kind->method == ICAL_METHOD_REQUEST &&
	    !calendar_lid_time(set, PidLidAppointmentStartWhole, PR_START_DATE,
			       &start))
		return fault_set(fault, FAULT_REFUSED_INPUT,
				 "PSETID_Appointment:0x820d: a meeting "
				 "request needs its start");
	if (!calendar_lid_octets(set, "PSETID_Appointment",
				 PidLidAppointmentRecur, &octets))
		return 0;
	recur = recur_parse(octets.data, octets.len);
	return recur ? 0
		     : fault_set(fault, FAULT_REFUSED_INPUT,
				 "PSETID_Appointment:0x8216: no recurrence of "
				 "the Gregorian calendar");
}

/* ---- which event ----------------------------------------------------------
 */

/* The UID of a global object id: another's within it, else itself in
 * hexadecimal without the day of the instance (2.1.3.1.1.20.26).  Owned. */
static char *uid_of(struct octets id)
{
	static const char hex[] = "0123456789ABCDEF";
	static const char mark[] = "vCal-Uid\1\0\0\0";
	const uint8_t *uid = id.data + GLOBAL_ID_HEAD + 12;
	size_t len =
		id.len > GLOBAL_ID_HEAD + 12 ? id.len - GLOBAL_ID_HEAD - 12 : 0;
	GString *text = NULL;

	if (len && !memcmp(id.data + GLOBAL_ID_HEAD, mark, 12) &&
	    memchr(uid, '\0', len) == uid + len - 1 && len > 1) {
		char *valid =
			g_utf8_make_valid((const char *)uid, (gssize)len - 1);

		text_flatten(valid);
		return valid;
	}
	text = g_string_new(NULL);
	for (size_t i = 0; i < id.len; i++) {
		uint8_t octet = i >= 16 && i < 20 ? 0 : id.data[i];

		g_string_append_c(text, hex[octet >> 4]);
		g_string_append_c(text, hex[octet & 15]);
	}
	return g_string_free(text, FALSE);
}

/* For an event without an id: the same for the same event.  Owned. */
static char *uid_made(const struct propset *set)
{
	const char *subject = propset_text(set, PR_NORMALIZED_SUBJECT);
	struct mailbox *from = address_get(set, &address_from);
	struct digest *digest = digest_new();
	uint8_t hash[DIGEST_SIZE];
	char hex[DIGEST_HEX_SIZE];
	int64_t start = 0;

	if (!subject)
		subject = propset_text(set, PR_SUBJECT);
	(void)calendar_lid_time(set, PidLidAppointmentStartWhole, PR_START_DATE,
				&start);
	digest_update(digest, &start, sizeof(start));
	if (subject)
		digest_update(digest, subject, strlen(subject));
	if (from)
		digest_update(digest, from->address, strlen(from->address));
	mailbox_free(from);
	digest_finish(digest, hash);
	digest_format(hash, hex);
	return g_strdup_printf("%.32s@okapi", hex);
}

/* The instance of a series that this is about (RFC 5545 3.8.4.4). */
static void add_instance(const struct calendar *calendar, struct octets id)
{
	int64_t usec = 0;
	struct icaltimetype time = icaltime_null_time();

	if (calendar_lid_time(calendar->set, PidLidExceptionReplaceTime, 0,
			      &usec)) {
		time = calendar_time(calendar, usec);
	} else if (id.len >= 20 && (id.data[16] || id.data[17])) {
		time.year = id.data[16] << 8 | id.data[17];
		time.month = id.data[18];
		time.day = id.data[19];
		time.is_date = 1;
		if (time.month < 1 || time.month > 12 || time.day < 1 ||
		    time.day > 31 || time.year > 9999)
			return;
	} else {
		return;
	}
	calendar_add_time(calendar, calendar->event,
			  icalproperty_new_recurrenceid(time), time);
}

static void add_ids(const struct calendar *calendar)
{
	struct octets id = {0};
	g_autofree char *uid = NULL;
	const struct prop *sequence =
		calendar_lid(calendar->set, PidLidAppointmentSequence);

	if (calendar_lid_octets(calendar->set, "PSETID_Meeting",
				PidLidGlobalObjectId, &id) ||
	    calendar_lid_octets(calendar->set, "PSETID_Meeting",
				PidLidCleanGlobalObjectId, &id)) {
		uid = uid_of(id);
		add_instance(calendar, id);
	} else {
		uid = uid_made(calendar->set);
	}
	icalcomponent_add_property(calendar->event, icalproperty_new_uid(uid));
	icalcomponent_add_property(
		calendar->event,
		icalproperty_new_sequence(
			sequence ? (int)CLAMP(sequence->value.number, 0,
					      INT32_MAX)
				 : 0));
}

/* When this was said: by the organizer or by who answers. */
static void add_stamp(const struct calendar *calendar)
{
	bool answer = calendar->kind->answer != ICAL_PARTSTAT_NONE;
	const struct prop *change =
		propset_find_lid(calendar->set, "PSETID_Meeting",
				 answer ? PidLidAttendeeCriticalChange
					: PidLidOwnerCriticalChange);

	if (!change)
		change = propset_find(calendar->set, PR_CLIENT_SUBMIT_TIME);
	calendar_add_utc(calendar->event, icalproperty_new_dtstamp,
			 change ? change->value.number : g_get_real_time());
}

/* ---- what -----------------------------------------------------------------
 */

static void add_text(const struct calendar *calendar,
		     icalproperty *(*make)(const char *), const char *text)
{
	if (text && *text)
		icalcomponent_add_property(calendar->event, make(text));
}

static void add_busy(const struct calendar *calendar)
{
	static const char *const words[] = {"FREE", "TENTATIVE", "BUSY", "OOF",
					    "WORKINGELSEWHERE"};
	const struct prop *busy =
		calendar_lid(calendar->set, PidLidIntendedBusyStatus);
	icalproperty *property = NULL;

	if (!busy)
		busy = calendar_lid(calendar->set, PidLidBusyStatus);
	if (!busy || busy->value.number < 0 ||
	    busy->value.number >= (int64_t)G_N_ELEMENTS(words))
		return;
	icalcomponent_add_property(
		calendar->event,
		icalproperty_new_transp(busy->value.number
						? ICAL_TRANSP_OPAQUE
						: ICAL_TRANSP_TRANSPARENT));
	property = icalproperty_new_x(words[busy->value.number]);
	icalproperty_set_x_name(property, "X-MICROSOFT-CDO-BUSYSTATUS");
	icalcomponent_add_property(calendar->event, property);
}

static void add_class(const struct calendar *calendar)
{
	static const icalproperty_class classes[] = {
		ICAL_CLASS_PUBLIC, ICAL_CLASS_PRIVATE, ICAL_CLASS_PRIVATE,
		ICAL_CLASS_CONFIDENTIAL};
	static const int priorities[] = {9, 5, 1};
	int64_t sensitivity = propset_number(calendar->set, PR_SENSITIVITY, 0);
	int64_t importance = propset_number(calendar->set, PR_IMPORTANCE, 1);

	if (sensitivity >= 0 && sensitivity < (int64_t)G_N_ELEMENTS(classes))
		icalcomponent_add_property(
			calendar->event,
			icalproperty_new_class(classes[sensitivity]));
	if (importance >= 0 && importance < (int64_t)G_N_ELEMENTS(priorities))
		icalcomponent_add_property(
			calendar->event,
			icalproperty_new_priority(priorities[importance]));
}

static void add_reminder(const struct calendar *calendar)
{
	const struct prop *delta = propset_find_lid(
		calendar->set, "PSETID_Common", PidLidReminderDelta);
	icalcomponent *alarm = NULL;
	struct icaltriggertype trigger = {.time = icaltime_null_time()};

	if (!calendar_lid_bool(calendar->set, "PSETID_Common",
			       PidLidReminderSet) ||
	    !delta || delta->value.number < 0 ||
	    delta->value.number > INT32_MAX / 60)
		return;
	trigger.duration =
		icaldurationtype_from_int(-(int)delta->value.number * 60);
	alarm = icalcomponent_new(ICAL_VALARM_COMPONENT);
	icalcomponent_add_property(
		alarm, icalproperty_new_action(ICAL_ACTION_DISPLAY));
	icalcomponent_add_property(alarm,
				   icalproperty_new_description("Reminder"));
	icalcomponent_add_property(alarm, icalproperty_new_trigger(trigger));
	icalcomponent_add_component(calendar->event, alarm);
}

static void add_what(const struct calendar *calendar, const char *text)
{
	const struct prop *where = calendar_lid(calendar->set, PidLidLocation);

	add_text(calendar, icalproperty_new_summary,
		 propset_text(calendar->set, PR_SUBJECT));
	add_text(calendar, icalproperty_new_description, text);
	add_text(calendar, icalproperty_new_location,
		 where ? where->value.text : NULL);
	add_class(calendar);
	if (calendar->kind->method == ICAL_METHOD_CANCEL)
		icalcomponent_add_property(
			calendar->event,
			icalproperty_new_status(ICAL_STATUS_CANCELLED));
}

/* ---- whole ----------------------------------------------------------------
 */

static void fill_event(struct calendar *calendar, const char *text,
		       const struct recur *recur)
{
	calendar->event = icalcomponent_new(calendar->kind->component);
	add_ids(calendar);
	add_stamp(calendar);
	calendar_add_people(calendar);
	add_what(calendar, text);
	if (calendar->kind->component == ICAL_VTODO_COMPONENT) {
		calendar_add_due(calendar);
		return;
	}
	calendar_add_period(calendar);
	add_busy(calendar);
	if (recur)
		calendar_add_rule(calendar, recur);
	if (calendar->kind->answer == ICAL_PARTSTAT_NONE)
		add_reminder(calendar);
}

static icalcomponent *fill(struct calendar *calendar, const char *text)
{
	icalcomponent *whole = icalcomponent_new(ICAL_VCALENDAR_COMPONENT);
	AUTO(recur) recur = calendar->kind->component == ICAL_VEVENT_COMPONENT
				    ? recur_of(calendar->set)
				    : NULL;

	icalcomponent_add_property(
		whole, icalproperty_new_prodid("-//Okapi//Okapi//EN"));
	icalcomponent_add_property(whole, icalproperty_new_version("2.0"));
	icalcomponent_add_property(
		whole, icalproperty_new_method(calendar->kind->method));
	if (calendar->zone)
		icalcomponent_add_component(
			whole,
			icalcomponent_new_clone(
				icaltimezone_get_component(calendar->zone)));
	fill_event(calendar, text, recur);
	icalcomponent_add_component(whole, calendar->event);
	for (guint i = 0; recur && i < recur->exceptions->len; i++)
		icalcomponent_add_component(
			whole,
			calendar_exception(
				calendar,
				&g_array_index(recur->exceptions,
					       struct recur_exception, i)));
	return whole;
}

char *calendar_make(const struct propset *set, const char *text)
{
	struct calendar calendar = {.set = set, .kind = kind_of(set)};
	icalcomponent *whole = NULL;
	char *out = NULL;
	char *owned = NULL;

	if (!calendar.kind)
		return NULL;
	icalerror_set_errors_are_fatal(false);
	calendar.zone = zone_make(set);
	calendar.all_day = calendar_lid_bool(set, "PSETID_Appointment",
					     PidLidAppointmentSubType);
	whole = fill(&calendar, text);
	out = icalcomponent_as_ical_string_r(whole);
	owned = text_crlf(out);
	icalmemory_free_buffer(out);
	icalcomponent_free(whole);
	if (calendar.zone)
		icaltimezone_free(calendar.zone, true);
	return owned;
}
