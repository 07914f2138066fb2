/*
 * libxml2 and libical, loaded by the first message that has HTML or a calendar.
 *
 * They, and ICU behind them, are more than half of what starting the
 * helper costs, and most of what a message costs is starting where a process
 * is started for each.  The functions here have the libraries' own names and
 * types, so who calls them need not know; one that is missing here is missing
 * at link time.
 */
#include "base.h"

#include <dlfcn.h>
#include <libical/ical.h>
#include <libxml/HTMLparser.h>

/* The helper cannot go on without: the message gets the fallback set, and the
 * log this line. */
static void *lazy_symbol(const char *library, const char *name)
{
	void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
	void *symbol = handle ? dlsym(handle, name) : NULL;

	if (!symbol)
		g_error("%s", dlerror());
	return symbol;
}

/* clang-format off */
/* A table; the libraries stay loaded. */
#define LAZY(library, type, name, parameters, arguments) \
	type name parameters \
	{ \
		static __typeof__(name) *function; \
\
		if (!function) \
			*(void **)&function = lazy_symbol(library, #name); \
		return function arguments; \
	}
#define XML(type, name, parameters, arguments) \
	LAZY(LIBXML_SONAME, type, name, parameters, arguments)
#define ICAL(type, name, parameters, arguments) \
	LAZY(LIBICAL_SONAME, type, name, parameters, arguments)

XML(htmlParserCtxtPtr, htmlNewParserCtxt, (void), ())
XML(void, htmlFreeParserCtxt, (htmlParserCtxtPtr parser), (parser))
XML(htmlDocPtr, htmlCtxtReadIO,
    (xmlParserCtxtPtr parser, xmlInputReadCallback read,
     xmlInputCloseCallback close, void *context, const char *url,
     const char *encoding, int options),
    (parser, read, close, context, url, encoding, options))
XML(void, xmlFreeDoc, (xmlDocPtr document), (document))

ICAL(void, icalerror_set_errors_are_fatal, (int fatal), (fatal))
ICAL(icalcomponent *, icalparser_parse_string, (const char *text), (text))
ICAL(void, icalcomponent_free, (icalcomponent *component), (component))
ICAL(icalcomponent *, icalcomponent_get_first_component,
     (icalcomponent *component, icalcomponent_kind kind), (component, kind))
ICAL(icalcomponent *, icalcomponent_get_next_component,
     (icalcomponent *component, icalcomponent_kind kind), (component, kind))
ICAL(icalproperty *, icalcomponent_get_first_property,
     (icalcomponent *component, icalproperty_kind kind), (component, kind))
ICAL(icalproperty *, icalcomponent_get_next_property,
     (icalcomponent *component, icalproperty_kind kind), (component, kind))
ICAL(void, icalcomponent_remove_property,
     (icalcomponent *component, icalproperty *property), (component, property))
ICAL(const char *, icalcomponent_get_uid, (icalcomponent *component),
     (component))
ICAL(int, icalcomponent_get_sequence, (icalcomponent *component), (component))
ICAL(const char *, icalcomponent_get_location, (icalcomponent *component),
     (component))
ICAL(const char *, icalcomponent_get_description, (icalcomponent *component),
     (component))
ICAL(const char *, icalcomponent_get_summary, (icalcomponent *component),
     (component))
ICAL(icaltimezone *, icaltimezone_get_builtin_timezone, (const char *place),
     (place))
ICAL(struct icaltimetype, icalcomponent_get_dtstart,
     (icalcomponent *component), (component))
ICAL(struct icaltimetype, icalcomponent_get_dtend, (icalcomponent *component),
     (component))
ICAL(void, icalproperty_free, (icalproperty *property), (property))
ICAL(struct icalrecurrencetype, icalproperty_get_rrule,
     (const icalproperty *property), (property))
ICAL(int, icalrecurrencetype_day_position, (short day), (day))
ICAL(struct icaltimetype, icalproperty_get_recurrenceid,
     (const icalproperty *property), (property))
ICAL(const char *, icalproperty_get_organizer, (const icalproperty *property),
     (property))
ICAL(char *, icalproperty_get_parameter_as_string_r,
     (icalproperty *property, const char *name), (property, name))
ICAL(struct icaltimetype, icaltime_null_time, (void), ())
ICAL(int, icaltime_is_null_time, (const struct icaltimetype time), (time))
ICAL(const icaltimezone *, icaltime_get_timezone,
     (const struct icaltimetype time), (time))
ICAL(time_t, icaltime_as_timet_with_zone,
     (const struct icaltimetype time, const icaltimezone *zone), (time, zone))
/* Those that make a property or a parameter of a value. */
#define PROPERTY(name, type) \
	ICAL(icalproperty *, icalproperty_new_##name, (type value), (value))
#define PARAMETER(name, type) \
	ICAL(icalparameter *, icalparameter_new_##name, (type value), (value))

PROPERTY(action, enum icalproperty_action)
PROPERTY(attendee, const char *)
PROPERTY(class, enum icalproperty_class)
PROPERTY(completed, struct icaltimetype)
PROPERTY(description, const char *)
PROPERTY(dtend, struct icaltimetype)
PROPERTY(dtstamp, struct icaltimetype)
PROPERTY(dtstart, struct icaltimetype)
PROPERTY(due, struct icaltimetype)
PROPERTY(exdate, struct icaltimetype)
PROPERTY(location, const char *)
PROPERTY(method, enum icalproperty_method)
PROPERTY(organizer, const char *)
PROPERTY(percentcomplete, int)
PROPERTY(priority, int)
PROPERTY(prodid, const char *)
PROPERTY(recurrenceid, struct icaltimetype)
PROPERTY(rrule, struct icalrecurrencetype)
PROPERTY(sequence, int)
PROPERTY(status, enum icalproperty_status)
PROPERTY(summary, const char *)
PROPERTY(transp, enum icalproperty_transp)
PROPERTY(trigger, struct icaltriggertype)
PROPERTY(tzid, const char *)
PROPERTY(tzoffsetfrom, int)
PROPERTY(tzoffsetto, int)
PROPERTY(uid, const char *)
PROPERTY(version, const char *)
PROPERTY(x, const char *)
PARAMETER(cn, const char *)
PARAMETER(partstat, icalparameter_partstat)
PARAMETER(role, icalparameter_role)
PARAMETER(rsvp, icalparameter_rsvp)
PARAMETER(tzid, const char *)

ICAL(icalcomponent *, icalcomponent_new, (icalcomponent_kind kind), (kind))
ICAL(icalcomponent *, icalcomponent_new_clone, (icalcomponent *component),
     (component))
ICAL(void, icalcomponent_add_component,
     (icalcomponent *parent, icalcomponent *child), (parent, child))
ICAL(void, icalcomponent_add_property,
     (icalcomponent *component, icalproperty *property), (component, property))
ICAL(char *, icalcomponent_as_ical_string_r, (icalcomponent *component),
     (component))
ICAL(void, icalmemory_free_buffer, (void *buffer), (buffer))
ICAL(void, icalproperty_add_parameter,
     (icalproperty *property, icalparameter *parameter), (property, parameter))
ICAL(void, icalproperty_set_x_name, (icalproperty *property, const char *name),
     (property, name))
ICAL(struct icaldurationtype, icaldurationtype_from_int, (int seconds),
     (seconds))
ICAL(struct icalrecurrencetype, icalrecurrencetype_from_string,
     (const char *text), (text))
ICAL(struct icaltimetype, icaltime_convert_to_zone,
     (const struct icaltimetype time, icaltimezone *zone), (time, zone))
ICAL(struct icaltimetype, icaltime_from_timet_with_zone,
     (const time_t time, const int is_date, const icaltimezone *zone),
     (time, is_date, zone))
ICAL(struct icaltimetype, icaltime_set_timezone,
     (struct icaltimetype *time, const icaltimezone *zone), (time, zone))
ICAL(int, icaltime_day_of_week, (const struct icaltimetype time), (time))
ICAL(int, icaltime_days_in_month, (const int month, const int year),
     (month, year))
ICAL(icaltimezone *, icaltimezone_new, (void), ())
ICAL(void, icaltimezone_free, (icaltimezone *zone, int free_struct),
     (zone, free_struct))
ICAL(int, icaltimezone_set_component,
     (icaltimezone *zone, icalcomponent *component), (zone, component))
ICAL(icalcomponent *, icaltimezone_get_component, (icaltimezone *zone), (zone))
ICAL(const char *, icaltimezone_get_tzid, (icaltimezone *zone), (zone))
ICAL(icaltimezone *, icaltimezone_get_utc_timezone, (void), ())
/* clang-format on */
