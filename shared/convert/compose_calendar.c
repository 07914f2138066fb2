/*
 * The calendar of a meeting, an appointment or a task that a client made of
 * properties alone (MS-OXCICAL 2.1.3.1.1, RFC 5546, RFC 6047).  One that came
 * in has its calendar among its attachments.
 */
#include "compose_calendar.h"
#include "digest.h"
#include "parts.h"

#include <stdio.h>
#include <string.h>

#define MINUTES_TO_1970 194074560
#define YEAR_MAX_ZONE   2500 /* beyond that zones are not worked out */
#define GLOBAL_ID_HEAD  40   /* octets before what is whose */
#define FLAG_ORGANIZER  2

/* What a class says of the calendar. */
static const struct calendar_kind {
	const char *class, *type;
	icalproperty_method method;
	icalcomponent_kind component;
	icalparameter_partstat answer; /* of the sender, to the organizer */
} kinds[] = {
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

static const struct prop *appointment(const struct propset *set, uint32_t lid)
{
	return propset_find_lid(set, "PSETID_Appointment", lid);
}

static bool lid_bool(const struct propset *set, const char *guid, uint32_t lid)
{
	const struct prop *prop = propset_find_lid(set, guid, lid);

	return prop && prop->value.boolean;
}

/* Microseconds of the first of these that is there. */
static bool lid_time(const struct propset *set, uint32_t lid, uint32_t tag,
		     int64_t *ret_usec)
{
	const struct prop *prop = appointment(set, lid);

	if (!prop && tag)
		prop = propset_find(set, tag);
	if (!prop)
		return false;
	*ret_usec = prop->value.number;
	return true;
}

static bool lid_octets(const struct propset *set, const char *guid,
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
	    lid_bool(set, "PSETID_Appointment",
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

	if (!lid_octets(set, "PSETID_Appointment", PidLidAppointmentRecur,
			&octets))
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
	    !lid_time(set, PidLidAppointmentStartWhole, PR_START_DATE, &start))
		return fault_set(fault, FAULT_REFUSED_INPUT,
				 "PSETID_Appointment:0x820d: a meeting "
				 "request needs its start");
	if (!lid_octets(set, "PSETID_Appointment", PidLidAppointmentRecur,
			&octets))
		return 0;
	recur = recur_parse(octets.data, octets.len);
	return recur ? 0
		     : fault_set(fault, FAULT_REFUSED_INPUT,
				 "PSETID_Appointment:0x8216: no recurrence of "
				 "the Gregorian calendar");
}

/* ---- times ----------------------------------------------------------------
 */

struct calendar {
	const struct propset *set;
	const struct calendar_kind *kind;
	icalcomponent *event;
	icaltimezone *zone; /* NULL: UTC */
	bool all_day;
};

static struct icaltimetype time_of(const struct calendar *calendar,
				   int64_t usec)
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

/* Takes the property; its time says of which zone it is. */
static void add_time(const struct calendar *calendar, icalcomponent *event,
		     icalproperty *property, struct icaltimetype time)
{
	if (time.zone && time.zone == calendar->zone)
		icalproperty_add_parameter(
			property, icalparameter_new_tzid(icaltimezone_get_tzid(
					  calendar->zone)));
	icalcomponent_add_property(event, property);
}

static void add_utc(icalcomponent *event,
		    icalproperty *(*make)(struct icaltimetype), int64_t usec)
{
	const struct calendar utc = {0};

	icalcomponent_add_property(event, make(time_of(&utc, usec)));
}

static void add_period(struct calendar *calendar)
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
	bool is_counter = calendar->kind == &counter &&
			  lid_time(set, proposed.start, 0, &start);

	if (!is_counter && !lid_time(set, settled.start, PR_START_DATE, &start))
		return;
	time = time_of(calendar, start);
	add_time(calendar, calendar->event, icalproperty_new_dtstart(time),
		 time);
	if (!lid_time(set, is_counter ? proposed.end : settled.end,
		      is_counter ? 0 : PR_END_DATE, &end)) {
		const struct prop *minutes =
			appointment(set, PidLidAppointmentDuration);

		if (!minutes || minutes->value.number <= 0)
			return;
		end = start + minutes->value.number * 60 * USEC_PER_SEC;
	}
	if (end < start)
		return;
	time = time_of(calendar, end);
	add_time(calendar, calendar->event, icalproperty_new_dtend(time), time);
}

/* Of a task. */
static void add_due(struct calendar *calendar)
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
	bool complete = lid_bool(set, "PSETID_Task", PidLidTaskComplete);

	calendar->all_day = true;
	if (start)
		icalcomponent_add_property(
			calendar->event,
			icalproperty_new_dtstart(
				time_of(calendar, start->value.number)));
	if (due)
		icalcomponent_add_property(
			calendar->event, icalproperty_new_due(time_of(
						 calendar, due->value.number)));
	if (percent && percent->value.real >= 0 && percent->value.real <= 1)
		icalcomponent_add_property(
			calendar->event,
			icalproperty_new_percentcomplete(
				(int)(percent->value.real * 100)));
	if (done)
		add_utc(calendar->event, icalproperty_new_completed,
			done->value.number);
	icalcomponent_add_property(
		calendar->event,
		icalproperty_new_status(complete ? ICAL_STATUS_COMPLETED
						 : ICAL_STATUS_NEEDSACTION));
}

/* ---- recurrence -----------------------------------------------------------
 */

static void add_rule(const struct calendar *calendar, const struct recur *recur)
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

		add_time(calendar, calendar->event,
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

/* An event of its own for an instance that differs (RFC 5545 3.8.4.4). */
static icalcomponent *make_exception(const struct calendar *calendar,
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
	add_time(calendar, event, icalproperty_new_dtstart(time), time);
	time = minutes_time(calendar, exception->end);
	add_time(calendar, event, icalproperty_new_dtend(time), time);
	time = minutes_time(calendar, exception->original);
	add_time(calendar, event, icalproperty_new_recurrenceid(time), time);
	replace_text(event, ICAL_SUMMARY_PROPERTY, icalproperty_new_summary,
		     exception->subject);
	replace_text(event, ICAL_LOCATION_PROPERTY, icalproperty_new_location,
		     exception->location);
	return event;
}

/* ---- who ------------------------------------------------------------------
 */

/* "mailto:" and what can be an address; owned. */
static char *address_uri(const struct mailbox *mailbox)
{
	g_autofree char *clean = g_strdup(mailbox->address);

	text_flatten(clean);
	return g_strconcat("mailto:", clean, NULL);
}

/* RFC 5545 3.2: no '"' in a parameter. */
static void add_name(icalproperty *property, const struct mailbox *mailbox)
{
	g_autofree char *name = g_strdup(mailbox->display);

	text_flatten(name);
	g_strdelimit(name, "\"", '\'');
	if (*name)
		icalproperty_add_parameter(property,
					   icalparameter_new_cn(name));
}

static void add_organizer(const struct calendar *calendar,
			  const struct mailbox *mailbox)
{
	g_autofree char *uri = NULL;
	icalproperty *property = NULL;

	if (!mailbox || !*mailbox->address)
		return;
	uri = address_uri(mailbox);
	property = icalproperty_new_organizer(uri);
	add_name(property, mailbox);
	icalcomponent_add_property(calendar->event, property);
}

static void add_attendee(const struct calendar *calendar,
			 const struct mailbox *mailbox, icalparameter_role role,
			 icalparameter_partstat answer, bool asked)
{
	g_autofree char *uri = NULL;
	icalproperty *property = NULL;

	if (!mailbox || !*mailbox->address)
		return;
	uri = address_uri(mailbox);
	property = icalproperty_new_attendee(uri);
	add_name(property, mailbox);
	icalproperty_add_parameter(property, icalparameter_new_role(role));
	icalproperty_add_parameter(property,
				   icalparameter_new_partstat(answer));
	if (asked)
		icalproperty_add_parameter(
			property, icalparameter_new_rsvp(ICAL_RSVP_TRUE));
	icalcomponent_add_property(calendar->event, property);
}

static icalparameter_partstat track_status(const struct propset *row)
{
	switch (propset_number(row, PR_RECIPIENT_TRACK_STATUS, 0)) {
	case 2:
		return ICAL_PARTSTAT_TENTATIVE;
	case 3:
		return ICAL_PARTSTAT_ACCEPTED;
	case 4:
		return ICAL_PARTSTAT_DECLINED;
	default:
		return ICAL_PARTSTAT_NEEDSACTION;
	}
}

/* Those of To and Cc; of Bcc (resources) nobody is told. */
static void add_attendees(const struct calendar *calendar)
{
	const struct propset *set = calendar->set;
	bool asked = calendar->kind->method == ICAL_METHOD_REQUEST &&
		     (!propset_has(set, PR_RESPONSE_REQUESTED) ||
		      propset_bool(set, PR_RESPONSE_REQUESTED));

	for (size_t i = 0; i < propset_recipient_count(set); i++) {
		const struct propset *row = propset_recipient(set, i);
		int64_t type =
			propset_number(row, PR_RECIPIENT_TYPE, RECIPIENT_TO) &
			0xff;
		struct mailbox *mailbox = NULL;

		if ((type != RECIPIENT_TO && type != RECIPIENT_CC) ||
		    (propset_number(row, PR_RECIPIENT_FLAGS, 0) &
		     FLAG_ORGANIZER))
			continue;
		mailbox = address_get(row, &address_recipient);
		add_attendee(calendar, mailbox,
			     type == RECIPIENT_TO ? ICAL_ROLE_REQPARTICIPANT
						  : ICAL_ROLE_OPTPARTICIPANT,
			     track_status(row), asked);
		mailbox_free(mailbox);
	}
}

static struct mailbox *first_recipient(const struct propset *set)
{
	for (size_t i = 0; i < propset_recipient_count(set); i++) {
		const struct propset *row = propset_recipient(set, i);

		if (propset_number(row, PR_RECIPIENT_TYPE, RECIPIENT_TO) ==
		    RECIPIENT_TO)
			return address_get(row, &address_recipient);
	}
	return NULL;
}

static void add_people(const struct calendar *calendar)
{
	struct mailbox *from = address_get(calendar->set, &address_from);
	struct mailbox *to = NULL;

	if (!from)
		from = address_get(calendar->set, &address_sender);
	if (calendar->kind->answer != ICAL_PARTSTAT_NONE) {
		to = first_recipient(calendar->set);
		add_organizer(calendar, to);
		add_attendee(calendar, from, ICAL_ROLE_REQPARTICIPANT,
			     calendar->kind->answer, false);
	} else if (calendar->kind->method != ICAL_METHOD_PUBLISH) {
		add_organizer(calendar, from);
		add_attendees(calendar);
	}
	mailbox_free(from);
	mailbox_free(to);
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
	(void)lid_time(set, PidLidAppointmentStartWhole, PR_START_DATE, &start);
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

	if (lid_time(calendar->set, PidLidExceptionReplaceTime, 0, &usec)) {
		time = time_of(calendar, usec);
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
	add_time(calendar, calendar->event, icalproperty_new_recurrenceid(time),
		 time);
}

static void add_ids(const struct calendar *calendar)
{
	struct octets id = {0};
	g_autofree char *uid = NULL;
	const struct prop *sequence =
		appointment(calendar->set, PidLidAppointmentSequence);

	if (lid_octets(calendar->set, "PSETID_Meeting", PidLidGlobalObjectId,
		       &id) ||
	    lid_octets(calendar->set, "PSETID_Meeting",
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
	add_utc(calendar->event, icalproperty_new_dtstamp,
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
		appointment(calendar->set, PidLidIntendedBusyStatus);
	icalproperty *property = NULL;

	if (!busy)
		busy = appointment(calendar->set, PidLidBusyStatus);
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

	if (!lid_bool(calendar->set, "PSETID_Common", PidLidReminderSet) ||
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
	const struct prop *where = appointment(calendar->set, PidLidLocation);

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
	add_people(calendar);
	add_what(calendar, text);
	if (calendar->kind->component == ICAL_VTODO_COMPONENT) {
		add_due(calendar);
		return;
	}
	add_period(calendar);
	add_busy(calendar);
	if (recur)
		add_rule(calendar, recur);
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
			make_exception(calendar,
				       &g_array_index(recur->exceptions,
						      struct recur_exception,
						      i)));
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
	calendar.all_day =
		lid_bool(set, "PSETID_Appointment", PidLidAppointmentSubType);
	whole = fill(&calendar, text);
	out = icalcomponent_as_ical_string_r(whole);
	owned = text_crlf(out);
	icalmemory_free_buffer(out);
	icalcomponent_free(whole);
	if (calendar.zone)
		icaltimezone_free(calendar.zone, true);
	return owned;
}
