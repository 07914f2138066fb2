/*
 * The zone of a meeting: what a client keeps of it (bias and when summer time
 * begins and ends) as VTIMEZONE.
 */
#include "compose_calendar.h"

#include <string.h>

#define STRUCT_LEN     48
#define RULE_LEN       66
#define RULES_MAX      1024
#define RULE_EFFECTIVE 2
#define OFFSET_MAX     1440 /* minutes */
#define FIRST_YEAR     1970

/* SYSTEMTIME of a day that comes every year (month 0: none does). */
struct zone_day {
	unsigned year, month, weekday, nth, hour, minute, second;
};

struct zone_rule {
	int bias, standard_bias, daylight_bias; /* minutes to add for UTC */
	struct zone_day standard, daylight;
};

static unsigned word(const uint8_t *data)
{
	return data[0] | (unsigned)data[1] << 8;
}

static int sword(const uint8_t *data)
{
	return (int)(word(data) | (unsigned)word(data + 2) << 16);
}

static struct zone_day zone_day(const uint8_t *data)
{
	return (struct zone_day){
		word(data),     word(data + 2),  word(data + 4), word(data + 6),
		word(data + 8), word(data + 10), word(data + 12)};
}

static bool is_day(const struct zone_day *day)
{
	return !day->year && day->month >= 1 && day->month <= 12 &&
	       day->weekday <= 6 && day->nth >= 1 && day->nth <= 5 &&
	       day->hour <= 23 && day->minute <= 59 && day->second <= 59;
}

static bool is_offset(int minutes)
{
	return minutes > -OFFSET_MAX && minutes < OFFSET_MAX;
}

/* Either the whole year alike, or two days that can be written. */
static bool is_rule(const struct zone_rule *rule)
{
	if (!is_offset(rule->bias) || !is_offset(rule->standard_bias) ||
	    !is_offset(rule->daylight_bias) ||
	    !is_offset(rule->bias + rule->standard_bias) ||
	    !is_offset(rule->bias + rule->daylight_bias))
		return false;
	return (!rule->standard.month && !rule->daylight.month) ||
	       (is_day(&rule->standard) && is_day(&rule->daylight));
}

/* PidLidTimeZoneStruct: biases, a year, a day, a year, a day. */
static bool read_struct(const uint8_t *data, size_t len, struct zone_rule *rule)
{
	if (len < STRUCT_LEN)
		return false;
	*rule = (struct zone_rule){sword(data), sword(data + 4),
				   sword(data + 8), zone_day(data + 14),
				   zone_day(data + 32)};
	return is_rule(rule);
}

/* PidLidAppointmentTimeZoneDefinition*: a name, and rules of which one is in
 * force; the last one where none says so.  ret_name: owned. */
static bool read_definition(const uint8_t *data, size_t len,
			    struct zone_rule *rule, char **ret_name)
{
	size_t head = len >= 8 ? word(data + 6) * (size_t)2 : 0;
	size_t count = 0;
	const uint8_t *at = NULL;

	if (len < 10 + head)
		return false;
	count = word(data + 8 + head);
	at = data + 10 + head;
	if (!count || count > RULES_MAX || (len - 10 - head) / RULE_LEN < count)
		return false;
	for (size_t i = 0; i < count; i++, at += RULE_LEN) {
		*rule = (struct zone_rule){sword(at + 22), sword(at + 26),
					   sword(at + 30), zone_day(at + 34),
					   zone_day(at + 50)};
		if (word(at + 4) & RULE_EFFECTIVE)
			break;
	}
	*ret_name = charset_decode("utf-16le", data + 8, head);
	return is_rule(rule);
}

static bool lid_octets(const struct propset *set, uint32_t lid,
		       const uint8_t **ret_data, gsize *ret_len)
{
	const struct prop *prop =
		propset_find_lid(set, "PSETID_Appointment", lid);

	if (!prop || !prop->value.binary.data)
		return false;
	*ret_data = g_bytes_get_data(prop->value.binary.data, ret_len);
	return *ret_data != NULL;
}

/* From the properties, the newest kind first; ret_name: owned or NULL. */
static bool zone_find(const struct propset *set, struct zone_rule *rule,
		      char **ret_name)
{
	static const uint32_t definitions[] = {
		PidLidAppointmentTimeZoneDefinitionRecur,
		PidLidAppointmentTimeZoneDefinitionStartDisplay,
	};
	const uint8_t *data = NULL;
	gsize len = 0;

	for (size_t i = 0; i < G_N_ELEMENTS(definitions); i++) {
		if (lid_octets(set, definitions[i], &data, &len) &&
		    read_definition(data, len, rule, ret_name))
			return true;
		g_clear_pointer(ret_name, g_free);
	}
	return lid_octets(set, PidLidTimeZoneStruct, &data, &len) &&
	       read_struct(data, len, rule);
}

/* The n-th such weekday of a month, 5: the last. */
static int day_of(const struct zone_day *day)
{
	struct icaltimetype first = icaltime_null_time();
	int offset = 0;
	int last = icaltime_days_in_month((int)day->month, FIRST_YEAR);

	first.year = FIRST_YEAR;
	first.month = (int)day->month;
	first.day = 1;
	/* icaltime has Sunday as 1. */
	offset = ((int)day->weekday + 8 - icaltime_day_of_week(first)) % 7;
	offset += ((int)day->nth - 1) * 7;
	while (offset + 1 > last)
		offset -= 7;
	return offset + 1;
}

static icalcomponent *observance(icalcomponent_kind kind,
				 const struct zone_day *day, int from, int to)
{
	static const char *const names[] = {"SU", "MO", "TU", "WE",
					    "TH", "FR", "SA"};
	icalcomponent *part = icalcomponent_new(kind);
	struct icaltimetype start = icaltime_null_time();

	start.year = FIRST_YEAR;
	start.month = day->month ? (int)day->month : 1;
	start.day = day->month ? day_of(day) : 1;
	start.hour = (int)day->hour;
	start.minute = (int)day->minute;
	start.second = (int)day->second;
	icalcomponent_add_property(part, icalproperty_new_dtstart(start));
	if (day->month) {
		g_autofree char *rule = g_strdup_printf(
			"FREQ=YEARLY;BYMONTH=%u;BYDAY=%d%s", day->month,
			day->nth == 5 ? -1 : (int)day->nth,
			names[day->weekday]);

		icalcomponent_add_property(
			part, icalproperty_new_rrule(
				      icalrecurrencetype_from_string(rule)));
	}
	icalcomponent_add_property(part,
				   icalproperty_new_tzoffsetfrom(from * 60));
	icalcomponent_add_property(part, icalproperty_new_tzoffsetto(to * 60));
	return part;
}

/* A name as it may stand in a parameter (RFC 5545 3.2); owned. */
static char *zone_id(const struct propset *set, const char *name)
{
	const struct prop *prop = propset_find_lid(set, "PSETID_Appointment",
						   PidLidTimeZoneDescription);
	char *id = NULL;

	if (!name || !*name)
		name = prop ? prop->value.text : "";
	id = g_utf8_make_valid(name, -1);
	text_flatten(id);
	g_strdelimit(id, "\"", '\'');
	g_strstrip(id);
	if (*id && strlen(id) <= 255)
		return id;
	g_free(id);
	return g_strdup("Customized Time Zone");
}

icaltimezone *zone_make(const struct propset *set)
{
	struct zone_rule rule = {0};
	g_autofree char *name = NULL;
	g_autofree char *id = NULL;
	icalcomponent *component = NULL;
	icaltimezone *zone = NULL;
	int standard = 0;
	int daylight = 0;

	if (!zone_find(set, &rule, &name))
		return NULL;
	standard = -(rule.bias + rule.standard_bias);
	daylight = rule.standard.month ? -(rule.bias + rule.daylight_bias)
				       : standard;
	id = zone_id(set, name);
	component = icalcomponent_new(ICAL_VTIMEZONE_COMPONENT);
	icalcomponent_add_property(component, icalproperty_new_tzid(id));
	icalcomponent_add_component(
		component, observance(ICAL_XSTANDARD_COMPONENT, &rule.standard,
				      daylight, standard));
	if (rule.standard.month)
		icalcomponent_add_component(component,
					    observance(ICAL_XDAYLIGHT_COMPONENT,
						       &rule.daylight, standard,
						       daylight));
	zone = icaltimezone_new();
	if (icaltimezone_set_component(zone, component))
		return zone;
	icalcomponent_free(component);
	icaltimezone_free(zone, true);
	return NULL;
}
