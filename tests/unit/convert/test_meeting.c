/*
 * Meeting messages: when, where, which.
 */
#include "roundtrip.h"

#define HEAD(method)                                                           \
 "Content-Type: text/calendar; charset=utf-8; method=" method                  \
 "\r\n\r\nBEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:" method "\r\n"
#define TAIL "END:VCALENDAR\r\n"
#define ZONE(rule)                                                             \
 "BEGIN:VTIMEZONE\r\nTZID:Here\r\nBEGIN:STANDARD\r\n"                          \
 "DTSTART:19700101T000000\r\nTZOFFSETFROM:+0100\r\n"                           \
 "TZOFFSETTO:+0100\r\n" rule "END:STANDARD\r\nEND:VTIMEZONE\r\n"

static int64_t named_number(struct propset *set, const char *guid, uint32_t lid,
			    enum proptype type)
{
	return propset_number(
		set, propset_named_tag(set, guid, NULL, lid, type), INT64_MIN);
}

Test(meeting, request)
{
	AUTO(propset) set = convert(HEAD("REQUEST") ZONE(
		"") "BEGIN:VEVENT\r\nUID:abc\r\nSEQUENCE:2\r\n"
		    "DTSTART;TZID=Here:20090214T003130\r\n"
		    "DTEND;TZID=Here:20090214T013130\r\n"
		    "ORGANIZER;CN=Carol:mailto:carol@x\r\n"
		    "LOCATION:R\xc3\xa4um\r\nEND:VEVENT\r\n" TAIL);
	uint32_t place = propset_named_tag(set, "PSETID_Appointment", NULL,
					   0x8208, PT_UNICODE);
	uint32_t id =
		propset_named_tag(set, "PSETID_Meeting", NULL, 0x23, PT_BINARY);
	gsize len = 0;
	const uint8_t *data = NULL;

	expect_text("class", set, PR_MESSAGE_CLASS,
		    "IPM.Schedule.Meeting.Request");
	expect_number("start", set, PR_START_DATE, INT64_C(1234567890000000));
	expect_number("end", set, PR_END_DATE, INT64_C(1234571490000000));
	cr_expect_eq(
		named_number(set, "PSETID_Appointment", 0x820d, PT_SYSTIME),
		INT64_C(1234567890000000));
	cr_expect_eq(named_number(set, "PSETID_Appointment", 0x8213, PT_LONG),
		     60);
	cr_expect_eq(named_number(set, "PSETID_Appointment", 0x8201, PT_LONG),
		     2);
	expect_text("place", set, place, "R\xc3\xa4um");
	expect_text("organizer", set, PR_SENT_REPRESENTING_EMAIL_ADDRESS,
		    "carol@x");
	cr_assert(propset_binary(set, id));
	data = g_bytes_get_data(propset_binary(set, id), &len);
	cr_expect_eq(len, 40 + 12 + 4);
	cr_expect(data && !memcmp(data + 40, "vCal-Uid\1\0\0\0abc", 16));
}

/* Outlook's own ids are kept; an instance has its day in them. */
Test(meeting, instance_of_outlook)
{
	AUTO(propset) set = convert(HEAD(
		"CANCEL") "BEGIN:VEVENT\r\n"
			  "UID:040000008200E00074C5B7101A82E0080000000000000000000000000"
			  "000000000000000000000000000AABB\r\n"
			  "RECURRENCE-ID:20090213T233130Z\r\n"
			  "DTSTART:20090213T233130Z\r\nEND:VEVENT\r\n" TAIL);
	uint32_t id =
		propset_named_tag(set, "PSETID_Meeting", NULL, 3, PT_BINARY);
	gsize len = 0;
	const uint8_t *data = NULL;

	expect_text("class", set, PR_MESSAGE_CLASS,
		    "IPM.Schedule.Meeting.Canceled");
	cr_assert(propset_binary(set, id));
	data = g_bytes_get_data(propset_binary(set, id), &len);
	cr_expect_eq(len, 44);
	cr_expect(data && data[16] == 2009 / 256 && data[17] == 2009 % 256 &&
		  data[18] == 2 && data[19] == 13);
}

Test(meeting, counter_and_whole_days)
{
	AUTO(propset) set = convert(HEAD(
		"COUNTER") "BEGIN:VEVENT\r\nUID:a\r\nDTSTART;VALUE=DATE:20090213\r\n"
			   "DTEND;VALUE=DATE:20090214\r\nEND:VEVENT\r\n" TAIL);

	expect_text("class", set, PR_MESSAGE_CLASS,
		    "IPM.Schedule.Meeting.Resp.Tent");
	cr_expect(
		propset_bool(set, propset_named_tag(set, "PSETID_Appointment",
						    NULL, 0x8257, PT_BOOLEAN)));
	cr_expect(
		propset_bool(set, propset_named_tag(set, "PSETID_Appointment",
						    NULL, 0x8215, PT_BOOLEAN)));
}

Test(meeting, comes_back)
{
	static const char *const methods[] = {"REQUEST", "CANCEL", "COUNTER",
					      "REPLY"};

	for (size_t i = 0; i < G_N_ELEMENTS(methods); i++) {
		g_autofree char *text = g_strdup_printf(
			"From: a@x\r\nDate: Fri, 13 Feb 2009 23:31:30 +0000\r\n"
			"Content-Type: multipart/alternative; boundary=b\r\n\r\n"
			"--b\r\n\r\nCome.\r\n"
			"--b\r\nContent-Type: text/calendar; method=%s\r\n\r\n"
			"BEGIN:VCALENDAR\r\nMETHOD:%s\r\nBEGIN:VEVENT\r\n"
			"UID:a\r\nDTSTART:20090213T233130Z\r\n"
			"ATTENDEE;PARTSTAT=TENTATIVE:mailto:b@x\r\n"
			"END:VEVENT\r\n" TAIL "--b--\r\n",
			methods[i], methods[i]);
		g_autofree char *why = roundtrip(text, strlen(text));
		AUTO(propset) set = convert(text);

		cr_expect(!why, "%s: %s", methods[i], why);
		cr_expect(g_str_has_prefix(propset_text(set, PR_MESSAGE_CLASS),
					   "IPM.Schedule.Meeting."));
	}
}

/* As Notes describes New York, and others. */
Test(meeting, rules_of_zones)
{
	static const struct {
		const char *name, *standard, *daylight;
		int64_t start; /* 1 July 2026, 10:00 */
	} cases[] = {
		{"a weekday", "BYDAY=1SU;BYMONTH=11", "BYDAY=2SU;BYMONTH=3",
		 14},
		{"hour and minute, as Notes",
		 "BYMINUTE=0;BYHOUR=2;BYDAY=1SU;"
		 "BYMONTH=11",
		 "BYMINUTE=0;BYHOUR=2;BYDAY=2SU;BYMONTH=3", 14},
		{"days of the month",
		 "BYDAY=SU;BYMONTHDAY=1,2,3,4,5,6,7;BYMONTH=11",
		 "BYDAY=SU;BYMONTHDAY=8,9,10,11,12,13,14;BYMONTH=3", 14},
		{"days of the year",
		 "BYYEARDAY=-61,-60,-59,-58,-57,-56,-55;"
		 "BYDAY=SU",
		 "BYDAY=SU;BYYEARDAY=67,68,69,70,71,72,73", 14},
		{"the last", "BYDAY=-4SU;BYMONTH=11", "BYDAY=-3SU;BYMONTH=3",
		 14},
		{"summer never comes", "BYDAY=1SU;BYMONTH=11",
		 "BYDAY=1SU;BYMONTHDAY=8;BYMONTH=3", 15},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *message = g_strdup_printf(
			HEAD("REQUEST") "BEGIN:VTIMEZONE\r\nTZID:Here\r\n"
					"BEGIN:STANDARD\r\n"
					"DTSTART:19501105T020000\r\n"
					"TZOFFSETFROM:-0400\r\n"
					"TZOFFSETTO:-0500\r\n"
					"RRULE:FREQ=YEARLY;%s\r\n"
					"END:STANDARD\r\nBEGIN:DAYLIGHT\r\n"
					"DTSTART:19500312T020000\r\n"
					"TZOFFSETFROM:-0500\r\n"
					"TZOFFSETTO:-0400\r\n"
					"RRULE:FREQ=YEARLY;%s\r\n"
					"END:DAYLIGHT\r\nEND:VTIMEZONE\r\n"
					"BEGIN:VEVENT\r\nUID:a\r\n"
					"DTSTART;TZID=Here:20260701T100000\r\n"
					"END:VEVENT\r\n" TAIL,
			cases[i].standard, cases[i].daylight);
		AUTO(propset) set = convert(message);

		expect_number(cases[i].name, set, PR_START_DATE,
			      (INT64_C(1782864000) + cases[i].start * 3600) *
				      1000000);
	}
}

/* Thunderbird tells the whole history of a zone. */
Test(meeting, zone_with_a_history)
{
	GString *message = g_string_new(HEAD("REQUEST") "BEGIN:VTIMEZONE\r\n"
							"TZID:Here\r\n");
	AUTO(propset) set = NULL;

	for (unsigned year = 1900; year < 2020; year++)
		g_string_append_printf(message,
				       "BEGIN:DAYLIGHT\r\n"
				       "DTSTART:%u0401T020000\r\n"
				       "TZOFFSETFROM:+0100\r\n"
				       "TZOFFSETTO:+0200\r\n"
				       "END:DAYLIGHT\r\n",
				       year);
	g_string_append(message, "END:VTIMEZONE\r\nBEGIN:VEVENT\r\nUID:a\r\n"
				 "DTSTART;TZID=Here:20260701T100000\r\n"
				 "END:VEVENT\r\n" TAIL);
	set = convert(message->str);
	expect_number("start", set, PR_START_DATE, INT64_C(1782892800000000));
	g_string_free(message, TRUE);
}

Test(meeting, zones_by_name)
{
	static const char *const names[] = {
		"Europe/Berlin",
		"W. Europe Standard Time",
		"/mozilla.org/20050126_1/Europe/Berlin",
		"/softwarestudio.org/Olson_20011030_5/Europe/Berlin",
		"/freeassociation.sourceforge.net/Europe/Berlin",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *message = g_strdup_printf(
			HEAD("REQUEST") "BEGIN:VEVENT\r\nUID:a\r\n"
					"DTSTART;TZID=%s:20260701T100000\r\n"
					"END:VEVENT\r\n" TAIL,
			names[i]);
		AUTO(propset) set = convert(message);

		expect_number(names[i], set, PR_START_DATE,
			      INT64_C(1782892800000000));
	}
}

/* What would keep a reader busy for years, or is no calendar. */
Test(meeting, hostile, .timeout = 120)
{
#define EVENT                                                                  \
 "BEGIN:VEVENT\r\nUID:a\r\nDTSTART;TZID=Here:99981231T000000\r\n"              \
 "RRULE:FREQ=SECONDLY\r\nEND:VEVENT\r\n"
	static const char *const calendars[] = {
		HEAD("REQUEST") ZONE("RRULE:FREQ=SECONDLY\r\n") EVENT TAIL,
		HEAD("REQUEST") ZONE("RRULE:FREQ=YEARLY;BYSECOND=1,2,3;"
				     "BYMINUTE=1,2,3;BYHOUR=1,2,3\r\n")
			EVENT TAIL,
		HEAD("REQUEST") ZONE("RRULE:FREQ=YEARLY;BYMONTH=3;"
				     "BYDAY=-1SU\r\n") EVENT TAIL,
		HEAD("REQUEST") ZONE("RRULE:FREQ=YEARLY;BYMONTH=2;"
				     "BYMONTHDAY=30\r\n") EVENT TAIL,
		HEAD("REQUEST") ZONE("RRULE:FREQ=YEARLY;BYWEEKNO=5;"
				     "BYSETPOS=300\r\n") EVENT TAIL,
		HEAD("REQUEST") ZONE("RRULE:FREQ=YEARLY;BYMONTH=1,2,3,4,5,6,7,"
				     "8,9,10,11,12;BYDAY=SU,MO,TU,WE,TH,FR,"
				     "SA\r\n") EVENT TAIL,
		HEAD("REQUEST") EVENT,
		HEAD("REQUEST") "BEGIN:VEVENT\r\nEND:VEVENT\r\n",
		HEAD("REQUEST") "BEGIN:VEVENT\r\nDTSTART:x\r\nDTEND;;:\r\n"
				"UID;=:\r\n",
		HEAD("REQUEST") "BEGIN:VEVENT",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(calendars); i++) {
		AUTO(propset) set = convert(calendars[i]);

		cr_expect(propset_has(set, PR_MESSAGE_CLASS));
	}
}

Test(meeting, times_that_are_none)
{
	static const char *const times[] = {
		"20269999T100000", "20261301T100000", "53594019T0000",
		"20261232",        "20261201T250000", "99999999999999T000000",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(times); i++) {
		g_autofree char *message =
			g_strconcat(HEAD("REQUEST") "BEGIN:VEVENT\r\nUID:a\r\n"
						    "DTSTART:",
				    times[i], "\r\nEND:VEVENT\r\n", TAIL, NULL);
		AUTO(propset) set = convert(message);

		expect_text(times[i], set, PR_MESSAGE_CLASS,
			    "IPM.Schedule.Meeting.Request");
		cr_expect(!propset_has(set, PR_START_DATE), "%s", times[i]);
	}
}

Test(meeting, long_calendars, .timeout = 120)
{
	static const char *const lines[] = {
		"BEGIN:VEVENT\r\n",        "X-A;B=C:d\r\n",
		"ATTENDEE;CN=\"a\":b\r\n", "BEGIN:VTIMEZONE\r\n",
		"DESCRIPTION:a\r\n b\r\n", "X;A=1;A=1;A=1;A=1\r\n",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
		GString *message = g_string_new(
			HEAD("REQUEST") "BEGIN:VEVENT\r\nUID:a\r\nEND:VEVENT"
					"\r\n");

		while (message->len < 131000)
			g_string_append(message, lines[i]);
		propset_free(convert_len(message->str, message->len, NULL));
		g_string_free(message, TRUE);
	}
}
